"""The settings: read from the environment, typed, and refused together where they are wrong."""

import difflib
import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "FLASK_SITE_"
# What a message adds, where a new user meets it.
REMEDIES = {
    "secret_key": '; make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
    "api_keys": "; each is the digest of a key: flask-site new-key shows both",
}


class SettingsError(Exception):
    """All that is wrong with the settings, a line each. No line holds a value: it may be a secret in a wrong place."""


def _split(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def _is_host(host: str) -> str:
    if ":" in host or "/" in host or not host.isascii():
        raise PydanticCustomError("host", "Input should be host names without scheme and port, or IPv4 addresses")
    return host.lower()


def _is_database(text: SecretStr) -> SecretStr:
    """Give an address that SQLAlchemy takes; hosting platforms write the scheme in their own way."""
    try:
        url = make_url(text.get_secret_value())
    except (ArgumentError, ValueError):
        url = make_url("none://")
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return SecretStr(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    if url.drivername == "sqlite" and url.host is None and url.database not in (None, "", ":memory:"):
        return text
    raise PydanticCustomError("database_url", "Input should be sqlite:/// and a path, or a postgresql:// address")


# --8<-- [start:settings]
Secret = Annotated[SecretStr, Field(min_length=32)]
Database = Annotated[SecretStr, AfterValidator(_is_database)]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Host = Annotated[str, AfterValidator(_is_host)]
Split = BeforeValidator(_split)  # a,b


class Settings(BaseSettings):
    """What differs from one deployment to the next; each is a variable `FLASK_SITE_…`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, hide_input_in_errors=True, validate_by_name=True, extra="forbid"
    )

    secret_key: Secret  # signs the session cookies
    secret_key_fallbacks: Annotated[tuple[Secret, ...], NoDecode, Split, Field(max_length=2)] = ()  # signed them before
    database_url: Database | None = Field(
        default=None,  # a file in the instance folder
        validation_alias=AliasChoices("FLASK_SITE_DATABASE_URL", "DATABASE_URL"),
    )
    api_keys: Annotated[tuple[Digest, ...], NoDecode, Split, Field(max_length=2)] = ()  # sha256; two during rotation
    trusted_hosts: Annotated[tuple[Host, ...], NoDecode, Split, Field(min_length=1)] = ("localhost", "127.0.0.1")
    max_body: Annotated[int, Field(ge=1024, le=2**30)] = 2**20  # bytes
    secure_cookies: bool = True  # false only where the site is tried over plain HTTP
    read_only: bool = False  # no changes by the pages; the API has its keys
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


# --8<-- [end:settings]


# --8<-- [start:load]
def load(**given: Any) -> Settings:
    """Return the settings of `os.environ`.

    Args:
        given: settings that go before the environment, by their names.

    Raises:
        SettingsError: saying all that is wrong with them at once.
    """
    problems = _unknown()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            problems.append(_describe(str(fault["loc"][0]), fault["type"], fault["msg"]))
    if problems:
        raise SettingsError("\n".join(sorted(problems)))
    return settings


# --8<-- [end:load]


def _describe(place: str, kind: str, message: str) -> str:
    name = place.removeprefix(PREFIX).lower()
    variable = f"{PREFIX}{name.upper()}"
    if name == "database_url" and variable not in os.environ:
        variable = "DATABASE_URL"
    where = variable if kind == "missing" else f"{variable} (environment)"
    return f"{where}: {message}{REMEDIES.get(name, '')}"


def _unknown() -> list[str]:
    """Name the variables that begin with the prefix and are no setting; pydantic-settings leaves them unread."""
    known = [name.upper() for name in Settings.model_fields]
    found = []
    for variable in os.environ:
        short = variable.upper().removeprefix(PREFIX)
        if short != variable.upper() and short not in known:
            near = difflib.get_close_matches(short, known, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "unset it"
            name = variable if variable.isprintable() else ascii(variable)
            found.append(f"{name} (environment): no such setting; {hint}")
    return found
