"""The settings: read once at the start, from the environment and from files with secrets."""

import difflib
import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

PREFIX = "SETTINGS_APP_"


class SettingsError(Exception):
    """All that is wrong with the settings, a line each. No line holds a value: it may be a secret in a wrong place."""


# --8<-- [start:secret]
class Secret:
    """A text that shows as stars wherever it is printed."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hide a text."""
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        """Return stars."""
        return "Secret('**********')"


# --8<-- [end:secret]

NOTES = Secret("sqlite:///notes.db")

# Each reader takes a text and gives a value, or raises ValueError, whose message is not shown.


# --8<-- [start:flag]
def as_flag(text: str) -> bool:
    """Read a truth value; `bool("false")` is true."""
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


# --8<-- [end:flag]


def as_port(text: str) -> int:
    """Read a port; `int` would also take ' 8_000 ' and '-1'."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise ValueError
    return int(text)


def as_seconds(text: str) -> float:
    """Read a time in seconds."""
    number = float(text)
    if not 0.1 <= number <= 60:  # which 'nan' is not
        raise ValueError
    return number


def as_address(text: str) -> str:
    """Read an address to listen on."""
    return str(ipaddress.IPv4Address(text))


def as_names(text: str) -> tuple[str, ...]:
    """Read names with commas between."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise ValueError
    return found


def as_token(text: str) -> Secret:
    """Read a token that is too long to be guessed."""
    if len(text) < 16 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError
    return Secret(text)


def as_sqlite_url(text: str) -> Secret:
    """Read the address of a database; others than SQLite have a password in it."""
    path = text.removeprefix("sqlite:///")
    if path in ("", text) or not path.isprintable():
        raise ValueError
    return Secret(text)


# --8<-- [start:settings]
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs from one deployment to the next: type, reader, what a message says was expected, default."""

    api_token: Annotated[Secret, as_token, "16 or more ASCII characters without a space"]
    database_url: Annotated[Secret, as_sqlite_url, "sqlite:/// and a path"] = NOTES
    host: Annotated[str, as_address, "an IPv4 address"] = "127.0.0.1"
    port: Annotated[int, as_port, "a whole number from 0 to 65535"] = 8000
    allowed_hosts: Annotated[tuple[str, ...], as_names, "names with commas between"] = ("127.0.0.1", "localhost")
    read_only: Annotated[bool, as_flag, "true or false"] = False
    stop_seconds: Annotated[float, as_seconds, "a number from 0.1 to 60"] = 5.0


# --8<-- [end:settings]


# --8<-- [start:load]
def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings, or say all that is wrong with them at once.

    Args:
        environ: the environment, such as `os.environ`: `SETTINGS_APP_PORT` gives `port`. A secret
            may be in a file instead, named by `SETTINGS_APP_API_TOKEN_FILE`.

    Raises:
        SettingsError: a variable is missing, empty, wrong or unknown, or its file is.
    """
    values, problems = {}, _unknown(environ)
    for declared in fields(Settings):
        try:
            values |= _value(environ, declared)
        except SettingsError as problem:
            problems.append(str(problem))
    if problems:
        del environ, values  # for tools that print the variables of a traceback
        raise SettingsError("\n".join(sorted(problems)))
    return Settings(**values)


# --8<-- [end:load]


def _unknown(environ: Mapping[str, str]) -> list[str]:
    """Name the variables that begin with the prefix and are no setting: each is a typing error."""
    known = [declared.name.upper() for declared in fields(Settings)]
    known += [f"{declared.name.upper()}_FILE" for declared in fields(Settings) if declared.type.__origin__ is Secret]
    found = []
    for name in environ:
        short = name.removeprefix(PREFIX)
        if short != name and short not in known:
            near = difflib.get_close_matches(short, known, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "unset it"
            found.append(f"{_printable(name)} (environment): no such setting; {hint}")
    return found


def _value(environ: Mapping[str, str], declared: Field) -> dict[str, Any]:
    """Return a setting by its name, or nothing where its default holds."""
    name, (read, expected) = PREFIX + declared.name.upper(), declared.type.__metadata__
    file = f"{name}_FILE"
    if declared.type.__origin__ is Secret and file in environ:
        if name in environ:
            raise SettingsError(f"{name} (environment): {file} is set too; unset one of them")
        text, where = _line(environ[file], file)
    elif name in environ:
        text, where = environ[name], f"{name} (environment)"
    elif declared.default is not MISSING:
        return {}
    else:
        raise SettingsError(f"{name}: missing; expected {expected}")
    try:
        text.encode()  # bytes of the environment that are no UTF-8 fail here
        return {declared.name: read(text)}
    except ValueError as fault:
        what = "" if text else "empty; "
        what = "not UTF-8; " if isinstance(fault, UnicodeError) else what
        raise SettingsError(f"{where}: {what}expected {expected}") from None


def _line(path: str, name: str) -> tuple[str, str]:
    """Return the one line of a file, and where it is; the path of no file is not shown, it may be the secret."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(0, "Not a regular file")
        lines = Path(path).read_bytes().removesuffix(b"\n").split(b"\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "Not a path"
        raise SettingsError(f"{name} (environment): cannot read the file that it names: {reason}") from None
    where = [f"{name} ({_printable(path)}, line {number})" for number in (1, 2)]
    if len(lines) > 1:
        raise SettingsError(f"{where[1]}: expected a file of one line")
    try:
        return lines[0].removesuffix(b"\r").decode(), where[0]
    except UnicodeDecodeError:
        raise SettingsError(f"{where[0]}: not UTF-8") from None


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)
