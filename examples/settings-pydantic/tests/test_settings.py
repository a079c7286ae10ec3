"""What is read, and what is said where it is wrong."""

import os
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from settings_pydantic import SettingsError, load

TOKEN = "a-token-of-the-tests"
X = "SETTINGS_PYDANTIC_"
TOO_SHORT = "Value should have at least 16 items after validation, not 5"


@pytest.fixture(autouse=True)
def only_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(X):
            monkeypatch.delenv(name)
    monkeypatch.setenv(f"{X}API_TOKEN", TOKEN)


def put(monkeypatch: pytest.MonkeyPatch, **environ: str) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(X + name, value)


def problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value).splitlines()


def test_what_is_not_set_has_its_default() -> None:
    assert load().model_dump() == {
        "api_token": SecretStr(TOKEN),
        "database_url": SecretStr("sqlite:///notes.db"),
        "host": IPv4Address("127.0.0.1"),
        "port": 8000,
        "allowed_hosts": ("127.0.0.1", "localhost"),
        "read_only": False,
        "stop_seconds": 5.0,
    }


def test_what_is_set_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, DATABASE_URL="sqlite:////var/lib/notes.db", HOST="0.0.0.0", PORT="80", READ_ONLY="true")
    put(monkeypatch, ALLOWED_HOSTS="notes.example, www.notes.example", STOP_SECONDS="0.5")
    assert load().model_dump() == {
        "api_token": SecretStr(TOKEN),
        "database_url": SecretStr("sqlite:////var/lib/notes.db"),
        "host": IPv4Address("0.0.0.0"),
        "port": 80,
        "allowed_hosts": ("notes.example", "www.notes.example"),
        "read_only": True,
        "stop_seconds": 0.5,
    }


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_comes_from_a_file(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_bytes((TOKEN + end).encode())
    monkeypatch.delenv(f"{X}API_TOKEN")
    put(monkeypatch, API_TOKEN_FILE=str(file))
    assert load().api_token.get_secret_value() == TOKEN


WRONG = [
    ("PORT", "eighty", "Input should be a valid integer, unable to parse string as an integer"),
    ("PORT", "65536", "Input should be less than or equal to 65535"),
    ("PORT", "", "empty; Input should be a valid integer, unable to parse string as an integer"),
    ("READ_ONLY", "maybe", "Input should be a valid boolean, unable to interpret input"),
    ("STOP_SECONDS", "nan", "Input should be less than or equal to 60"),
    ("HOST", "localhost", "Input is not a valid IPv4 address"),
    ("ALLOWED_HOSTS", "a,,b", "empty; String should have at least 1 character"),
    ("API_TOKEN", "short", TOO_SHORT),
    ("DATABASE_URL", "postgresql://reader:password@db/notes", "Input should be sqlite:/// and a path"),
    ("READONLY", "true", f"no such setting; did you mean {X}READ_ONLY?"),
    ("PORT_FILE", "port", f"no such setting; did you mean {X}PORT?"),
    ("\nroot", "x", "no such setting; unset it"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_value_is_named_and_not_shown(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, **{name: value})
    variable = X + name if name.isprintable() else ascii(X + name)
    assert problems() == [f"{variable} (environment): {said}"]


@pytest.mark.skipif(os.name == "nt", reason="the environment of Windows is Unicode")
def test_bytes_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, ALLOWED_HOSTS="\udcff", API_TOKEN="\udcff" * 16)
    assert problems() == [
        f"{X}ALLOWED_HOSTS (environment): Input should be a valid string, unable to parse raw data as a unicode string",
        f"{X}API_TOKEN (environment): Input should be ASCII characters without a space",
    ]


def test_all_problems_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{X}API_TOKEN")
    put(monkeypatch, PORT="eighty", READONLY="true", DATABASE_URL_FILE="none")
    assert problems() == [
        f"{X}API_TOKEN: Field required",
        f"{X}DATABASE_URL_FILE (environment): cannot read the file that it names: No such file or directory",
        f"{X}PORT (environment): Input should be a valid integer, unable to parse string as an integer",
        f"{X}READONLY (environment): no such setting; did you mean {X}READ_ONLY?",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", f"line 1): empty; {TOO_SHORT[:-1]}0"),
        (b"short\n", f"line 1): {TOO_SHORT}"),
        (TOKEN.encode() + b"\nmore", "line 2): expected a file of one line"),
        (TOKEN.encode("utf-16"), "line 1): not UTF-8"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    monkeypatch.delenv(f"{X}API_TOKEN")
    put(monkeypatch, API_TOKEN_FILE=str(file))
    assert problems() == [f"{X}API_TOKEN_FILE ({file}, {said}"]


@pytest.mark.parametrize(("path", "reason"), [(TOKEN, "No such file or directory"), (os.devnull, "Not a regular file")])
def test_the_name_of_a_file_that_cannot_be_read_is_not_shown(
    path: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{X}API_TOKEN")
    put(monkeypatch, API_TOKEN_FILE=path)
    assert problems() == [f"{X}API_TOKEN_FILE (environment): cannot read the file that it names: {reason}"]


def test_a_secret_that_is_set_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, API_TOKEN_FILE=os.devnull)
    assert problems() == [f"{X}API_TOKEN (environment): {X}API_TOKEN_FILE is set too; unset one of them"]


def test_settings_stay_as_they_are() -> None:
    with pytest.raises(ValidationError):
        load().port = 80


def test_wrong_settings_end_the_start_with_status_2() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(X)}
    command = [sys.executable, "-m", "settings_pydantic"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    said = f"settings-pydantic: these settings are wrong\n{X}API_TOKEN: Field required\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
