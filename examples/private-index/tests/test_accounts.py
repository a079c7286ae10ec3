"""The file of accounts: what it holds, what is refused, and when the server does not start."""

import io
import os
from pathlib import Path

import bcrypt
import pytest
from conftest import PASSWORD
from private_index import Refused, add_account, make_app, read_accounts
from private_index.__main__ import main
from private_index.accounts import is_right

# httpd.apache.org/docs/2.4/misc/password_encryptions.html: htpasswd -nbB myName myPassword
APACHE = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    file = tmp_path / "accounts"
    add_account(file, "reader", PASSWORD)
    return file


def test_the_file_holds_a_hash_and_no_password(accounts: Path) -> None:
    name, _, hashed = accounts.read_text("utf-8").rstrip("\n").partition(":")
    assert (name, hashed[:7]) == ("reader", "$2b$10$")
    assert bcrypt.checkpw(PASSWORD.encode(), hashed.encode())
    assert PASSWORD not in accounts.read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_file_is_for_its_owner_only(accounts: Path) -> None:
    accounts.chmod(0o644)
    add_account(accounts, "other", PASSWORD)
    assert accounts.stat().st_mode & 0o777 == 0o600


def test_a_second_password_replaces_the_first(accounts: Path) -> None:
    add_account(accounts, "other", PASSWORD)
    add_account(accounts, "reader", "another-long-password")
    known = read_accounts(accounts)
    assert list(known) == ["reader", "other"]
    assert [is_right(known, "reader", word) for word in (PASSWORD, "another-long-password")] == [False, True]


def test_a_file_of_apache_works() -> None:
    assert is_right({"myName": APACHE}, "myName", "myPassword")
    assert not is_right({"myName": APACHE}, "myName", "mypassword")
    assert not is_right({"myName": APACHE}, "yourName", "myPassword")


def test_a_password_longer_than_bcrypt_reads_is_wrong(accounts: Path) -> None:
    longest = "x" * 72
    add_account(accounts, "reader", longest)
    known = read_accounts(accounts)
    assert [is_right(known, "reader", longest + end) for end in ("", "x")] == [True, False]


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("a:b", PASSWORD, "'a:b' cannot be a name; use letters, digits, '.', '-' and '_'"),
        ("", PASSWORD, "'' cannot be a name; use letters, digits, '.', '-' and '_'"),
        ("reader", "", "the password has 0 characters; use 15 to 72"),
        ("reader", "x" * 14, "the password has 14 characters; use 15 to 72"),
        ("reader", "x" * 73, "the password has 73 characters; use 15 to 72"),
        ("reader", "fünfzehn-zeichen", "the password has characters that clients send in different ways; use ASCII"),
    ],
)
def test_what_cannot_be_used_is_refused(accounts: Path, name: str, password: str, message: str) -> None:
    before = accounts.read_text("utf-8")
    with pytest.raises(Refused) as caught:
        add_account(accounts, name, password)
    assert str(caught.value) == message
    assert accounts.read_text("utf-8") == before
    assert [path.name for path in accounts.parent.iterdir()] == ["accounts"]


def test_a_failed_write_leaves_the_file_as_it_was(accounts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = accounts.read_text("utf-8")

    def fail(*paths: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        add_account(accounts, "other", PASSWORD)
    assert accounts.read_text("utf-8") == before
    assert [path.name for path in accounts.parent.iterdir()] == ["accounts"]


REMEDY = "add an account: private-index add-account NAME --accounts {file}"
LINE = "{file}:1: not a name with a bcrypt hash; remove the line, then " + REMEDY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "{file}: no such file; " + REMEDY),
        ("", "{file}: no account in it; " + REMEDY),
        ("\n", LINE),
        ("reader:correct-horse-battery\n", LINE),
        ("reader:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n", LINE),
        (f"reader:{APACHE}extra\n", LINE),
        (f"rëader:{APACHE}\n", LINE),  # written in Latin-1
    ],
)
def test_the_server_does_not_start_without_accounts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    monkeypatch.setattr("waitress.create_server", lambda *app, **options: pytest.fail("the server started"))
    file, packages = tmp_path / "accounts", tmp_path / "packages"
    packages.mkdir()
    if text is not None:
        file.write_text(text, "latin-1")
    assert main(["serve", str(packages), "--accounts", str(file), "--port", "0"]) == 1
    assert capsys.readouterr() == ("", f"private-index: {message.format(file=file)}\n")


def test_the_server_does_not_start_without_a_folder(accounts: Path, tmp_path: Path) -> None:
    missing = tmp_path / "packages"
    with pytest.raises(Refused) as caught:
        make_app(missing, accounts)
    assert str(caught.value) == f"{missing}: no such folder; make it: mkdir {missing}"


def test_the_command_takes_the_password_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    file = tmp_path / "accounts"
    assert main(["add-account", "reader", "--accounts", str(file)]) == 0
    assert capsys.readouterr() == (f"{file}: reader is in it\n", "")
    assert is_right(read_accounts(file), "reader", PASSWORD)


@pytest.mark.parametrize(("typed", "status"), [((PASSWORD, PASSWORD), 0), ((PASSWORD, "a slip of a finger"), 1)])
def test_at_a_terminal_the_command_asks_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, str], status: int
) -> None:
    answers = iter(typed)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("getpass.getpass", lambda prompt="Password: ": next(answers))
    file = tmp_path / "accounts"
    assert main(["add-account", "reader", "--accounts", str(file)]) == status
    assert file.exists() is (status == 0)
