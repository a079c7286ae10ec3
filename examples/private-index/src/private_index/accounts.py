"""Who may use the index: a file of names and hashed passwords, in the form of Apache's `htpasswd -B`."""

import os
import re
import tempfile
from pathlib import Path

import bcrypt

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # without the colon, which ends a name (RFC 7617)
HASH = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
SHORTEST = 15  # characters, where the password is all that there is (NIST SP 800-63B-4, 3.1.1.2)
LONGEST = 72  # bytes, all that bcrypt looks at
ROUNDS = 10  # each one more doubles the time, and each request pays it (OWASP Password Storage: 10 or more)


class Refused(ValueError):
    """Something is not safe or not there; the message says what to do."""


def read_accounts(file: Path) -> dict[str, str]:
    """Read which accounts there are.

    Args:
        file: one `name:hash` per line.

    Returns:
        The hash of each account's password.

    Raises:
        Refused: the file is not there, has no account, or has a line that is none.
    """
    remedy = f"add an account: private-index add-account NAME --accounts {file}"
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        raise Refused(f"{file}: no such file; {remedy}") from None
    accounts = {}
    for number, line in enumerate(lines, 1):
        name, _, hashed = line.partition(":")
        if not NAME.fullmatch(name) or not HASH.fullmatch(hashed):
            raise Refused(f"{file}:{number}: not a name with a bcrypt hash; remove the line, then {remedy}")
        accounts[name] = hashed
    if not accounts:
        raise Refused(f"{file}: no account in it; {remedy}")
    return accounts


def is_right(accounts: dict[str, str], name: str, password: str) -> bool:
    """Tell whether there is this account and this is its password.

    An unknown name takes as long as a known one, so that the time does not tell which names there are.

    Args:
        accounts: the hash of each account's password.
        name: that a client sent.
        password: that a client sent.
    """
    if len(password.encode()) > LONGEST:
        return False
    hashed = accounts.get(name, next(iter(accounts.values())))
    return bcrypt.checkpw(password.encode(), hashed.encode()) and name in accounts


def add_account(file: Path, name: str, password: str) -> None:
    """Add an account, or give it another password. A server that runs knows it at once.

    Args:
        file: of the accounts; it is made where it is missing, for your eyes only.
        name: of the account.
        password: of 15 characters or more, in ASCII, since clients disagree on how to send others.

    Raises:
        Refused: the name or the password cannot be used, or the file cannot be read; nothing is changed.
    """
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be a name; use letters, digits, '.', '-' and '_'")
    if not password.isascii() or not password.isprintable():
        raise Refused("the password has characters that clients send in different ways; use ASCII")
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(f"the password has {len(password)} characters; use {SHORTEST} to {LONGEST}")
    accounts = read_accounts(file) if file.exists() else {}
    accounts[name] = bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
    _replace(file, "".join(f"{known}:{hashed}\n" for known, hashed in accounts.items()))


def _replace(file: Path, text: str) -> None:
    """Put a new file in place at once, so that nobody reads half of it; mkstemp makes it for its owner only."""
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise
