"""The settings, read by pydantic-settings; what is wrong is said without any value."""

import difflib
import os
import stat
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "SETTINGS_PYDANTIC_"


class SettingsError(Exception):
    """All that is wrong with the settings, a line each. No line holds a value: it may be a secret in a wrong place."""


def _split(names: object) -> object:
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else names


def _is_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("token", "Input should be ASCII characters without a space")
    return token


def _is_sqlite(url: SecretStr) -> SecretStr:
    path = url.get_secret_value().removeprefix("sqlite:///")
    if path in ("", url.get_secret_value()) or not path.isprintable():
        raise PydanticCustomError("sqlite_url", "Input should be sqlite:/// and a path")
    return url


# --8<-- [start:settings]
Token = Annotated[SecretStr, Field(min_length=16), AfterValidator(_is_token)]
SqliteUrl = Annotated[SecretStr, AfterValidator(_is_sqlite)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split)]  # a,b; without NoDecode, JSON: ["a", "b"]


class Settings(BaseSettings):
    """What differs from one deployment to the next."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    api_token: Token
    database_url: SqliteUrl = SecretStr("sqlite:///notes.db")
    host: IPv4Address = IPv4Address("127.0.0.1")
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    allowed_hosts: Names = ("127.0.0.1", "localhost")
    read_only: bool = False
    stop_seconds: Annotated[float, Field(ge=0.1, le=60)] = 5.0


# --8<-- [end:settings]

SECRETS = ("api_token", "database_url")


# --8<-- [start:load]
def load() -> Settings:
    """Return the settings of `os.environ`, or say all that is wrong with them at once.

    A secret may be in a file instead, named by `SETTINGS_PYDANTIC_API_TOKEN_FILE`.

    Raises:
        SettingsError: a variable is missing, empty, wrong or unknown, or its file is.
    """
    values, places, problems = _files()
    problems |= _unknown()
    settings = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0])
            variable = f"{PREFIX}{name.upper()}"
            where = variable if fault["type"] == "missing" else places.get(name, f"{variable} (environment)")
            empty = "empty; " if fault["input"] == "" else ""
            problems.setdefault(name, f"{where}: {empty}{fault['msg']}")  # the file's own fault goes before
        del fault
    if problems or settings is None:
        del values, settings  # for tools that print the variables of a traceback
        raise SettingsError("\n".join(sorted(problems.values())))
    return settings


# --8<-- [end:load]


def _files() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return by their settings' names: the secrets that are in files, where they are, and what is wrong with files."""
    values, places, problems = {}, {}, {}
    for name in SECRETS:
        variable = f"{PREFIX}{name.upper()}"
        file = f"{variable}_FILE"
        try:
            if file in os.environ and variable in os.environ:
                raise SettingsError(f"{variable} (environment): {file} is set too; unset one of them")
            if file in os.environ:
                values[name], places[name] = _line(os.environ[file], file)
        except SettingsError as problem:
            problems[name] = str(problem)
    return values, places, problems


def _unknown() -> dict[str, str]:
    """Name the variables that begin with the prefix and are no setting; pydantic-settings leaves them unread."""
    known = [name.upper() for name in Settings.model_fields] + [f"{name.upper()}_FILE" for name in SECRETS]
    found = {}
    for name in os.environ:
        short = name.upper().removeprefix(PREFIX)
        if short != name.upper() and short not in known:
            near = difflib.get_close_matches(short, known, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "unset it"
            found[name] = f"{_printable(name)} (environment): no such setting; {hint}"
    return found


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
