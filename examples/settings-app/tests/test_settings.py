"""What is read, what stops the start, and what is never shown."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from settings_app import Secret, Settings, SettingsError, load

TOKEN = "a-token-of-the-tests"
GOOD = {"SETTINGS_APP_API_TOKEN": TOKEN}
NEEDED = "16 or more ASCII characters without a space"


def shown(loaded: Settings) -> dict[str, object]:
    """Give the settings with their secrets."""
    return {key: value.reveal() if isinstance(value, Secret) else value for key, value in vars(loaded).items()}


def problems(environ: dict[str, str]) -> list[str]:
    """Give what `load` says of an environment that is wrong."""
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return str(caught.value).splitlines()


def test_what_is_not_set_has_its_default() -> None:
    assert shown(load(GOOD | {"HOME": "/home/reader", "PORT": "eighty"})) == {
        "api_token": TOKEN,
        "database_url": "sqlite:///notes.db",
        "host": "127.0.0.1",
        "port": 8000,
        "allowed_hosts": ("127.0.0.1", "localhost"),
        "read_only": False,
        "stop_seconds": 5.0,
    }


def test_what_is_set_is_typed() -> None:
    environ = {
        "SETTINGS_APP_API_TOKEN": TOKEN,
        "SETTINGS_APP_DATABASE_URL": "sqlite:////var/lib/notes.db",
        "SETTINGS_APP_HOST": "0.0.0.0",
        "SETTINGS_APP_PORT": "0080",
        "SETTINGS_APP_ALLOWED_HOSTS": "notes.example, www.notes.example",
        "SETTINGS_APP_READ_ONLY": "true",
        "SETTINGS_APP_STOP_SECONDS": "0.5",
    }
    assert shown(load(environ)) == {
        "api_token": TOKEN,
        "database_url": "sqlite:////var/lib/notes.db",
        "host": "0.0.0.0",
        "port": 80,
        "allowed_hosts": ("notes.example", "www.notes.example"),
        "read_only": True,
        "stop_seconds": 0.5,
    }


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_comes_from_a_file(end: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes((TOKEN + end).encode())
    assert load({"SETTINGS_APP_API_TOKEN_FILE": str(file)}).api_token.reveal() == TOKEN


WRONG = [
    *[
        ("PORT", port, "a whole number from 0 to 65535")
        for port in ("-1", "65536", "8_0", " 80", "80.0", "٨٠", "9" * 9)
    ],
    *[("READ_ONLY", flag, "true or false") for flag in ("yes", "1", "True", " true")],
    *[("STOP_SECONDS", time, "a number from 0.1 to 60") for time in ("nan", "inf", "0", "61", "5 s", "1e400")],
    *[("HOST", host, "an IPv4 address") for host in ("localhost", "::1", "127.0.0.1:80", "1.2.3")],
    *[("ALLOWED_HOSTS", names, "names with commas between") for names in (",", "a,,b", "a,")],
    *[
        ("API_TOKEN", token, NEEDED)
        for token in ("short", "with a space in the middle", "ä" * 16, "0123456789abcdef\t")
    ],
    *[
        ("DATABASE_URL", url, "sqlite:/// and a path")
        for url in ("notes.db", "sqlite:///", "postgresql://reader:password@db/notes", "sqlite:///notes\n.db")
    ],
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str, expected: str) -> None:
    variable = f"SETTINGS_APP_{name}"
    assert problems(GOOD | {variable: value}) == [f"{variable} (environment): expected {expected}"]


def test_all_problems_are_said_at_once() -> None:
    environ = {
        "SETTINGS_APP_PORT": "eighty",
        "SETTINGS_APP_STOP_SECONDS": "",
        "SETTINGS_APP_HOST": "caf\udce9",
        "SETTINGS_APP_READONLY": "true",
        "SETTINGS_APP_PORT_FILE": "port",
    }
    assert problems(environ) == [
        f"SETTINGS_APP_API_TOKEN: missing; expected {NEEDED}",
        "SETTINGS_APP_HOST (environment): not UTF-8; expected an IPv4 address",
        "SETTINGS_APP_PORT (environment): expected a whole number from 0 to 65535",
        "SETTINGS_APP_PORT_FILE (environment): no such setting; did you mean SETTINGS_APP_PORT?",
        "SETTINGS_APP_READONLY (environment): no such setting; did you mean SETTINGS_APP_READ_ONLY?",
        "SETTINGS_APP_STOP_SECONDS (environment): empty; expected a number from 0.1 to 60",
    ]


FILES = [
    (b"", f"{{file}}, line 1): empty; expected {NEEDED}"),
    (b"\n", f"{{file}}, line 1): empty; expected {NEEDED}"),
    (b"short", f"{{file}}, line 1): expected {NEEDED}"),
    (TOKEN.encode() + b" \n", f"{{file}}, line 1): expected {NEEDED}"),
    (TOKEN.encode() + b"\nmore", "{file}, line 2): expected a file of one line"),
    (TOKEN.encode() + b"\n\n", "{file}, line 2): expected a file of one line"),
    (TOKEN.encode("utf-16"), "{file}, line 1): not UTF-8"),
]


@pytest.mark.parametrize(("content", "said"), FILES)
def test_a_wrong_file_is_named_with_its_line(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    expected = f"SETTINGS_APP_API_TOKEN_FILE ({said.format(file=file)}"
    assert problems({"SETTINGS_APP_API_TOKEN_FILE": str(file)}) == [expected]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (TOKEN, "No such file or directory"),  # who takes the variable for the secret itself
        (".", "Not a regular file"),
        (os.devnull, "Not a regular file"),
        ("a\0b", "Not a path"),
        ("", "No such file or directory"),
    ],
)
def test_the_name_of_a_file_that_cannot_be_read_is_not_shown(path: str, reason: str) -> None:
    expected = f"SETTINGS_APP_API_TOKEN_FILE (environment): cannot read the file that it names: {reason}"
    assert problems({"SETTINGS_APP_API_TOKEN_FILE": path}) == [expected]


def test_a_secret_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    assert problems(GOOD | {"SETTINGS_APP_API_TOKEN_FILE": str(tmp_path)}) == [
        "SETTINGS_APP_API_TOKEN (environment): SETTINGS_APP_API_TOKEN_FILE is set too; unset one of them"
    ]


def test_the_name_of_a_variable_cannot_forge_a_line() -> None:
    [line] = problems(GOOD | {"SETTINGS_APP_\nroot": "x"})
    assert line == "'SETTINGS_APP_\\nroot' (environment): no such setting; unset it"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__])
def test_a_secret_shows_as_stars(show: Callable[[object], str]) -> None:
    loaded = load(GOOD)
    assert show(loaded.api_token) == "Secret('**********')"
    assert show(loaded).startswith("Settings(api_token=Secret('**********'), database_url=Secret('**********'), host=")
    assert TOKEN not in show([vars(loaded), asdict(loaded)])
    assert not hasattr(loaded.api_token, "__dict__")


def test_settings_stay_as_they_are() -> None:
    loaded = load(GOOD)
    with pytest.raises(AttributeError):
        loaded.port = 80  # type: ignore[misc]
    assert replace(loaded, port=80).port == 80
