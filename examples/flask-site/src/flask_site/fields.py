"""What a package may be: one set of rules for the form, the API and the import."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
REFUSED = {"Cc", "Cs", "Zl", "Zp"}  # control characters (NUL among them), lone surrogates, line separators
REPLACEMENT = "\ufffd"  # what a decoder leaves of bytes that were no text
WEB_ADDRESS = TypeAdapter(HttpUrl)
URL = re.compile(r"https?://[^ @/\\][^ \\]*", re.IGNORECASE)
LARGEST = 2**63 - 1  # that a database can count to


def _is_text(text: str) -> str:
    if REPLACEMENT in text or any(unicodedata.category(character) in REFUSED for character in text):
        raise PydanticCustomError("text", "Input should be one line of text without control characters")
    return text


def _is_name(text: str) -> str:
    if not NAME.fullmatch(text):
        message = "Input should be ASCII letters, digits, '.', '-' and '_', with a letter or digit at both ends"
        raise PydanticCustomError("name", message)
    return text


def _is_url(text: str) -> str:
    try:
        url = WEB_ADDRESS.validate_python(text)
    except ValidationError:
        url = None
    # `https:example.org` is the same to HttpUrl; to a browser it may be a path of this site.
    if url is None or not URL.fullmatch(text) or url.username or url.password:
        raise PydanticCustomError("url", "Input should be an address such as https://example.org/, without a password")
    return text


# --8<-- [start:fields]
Text = AfterValidator(_is_text)
Name = Annotated[str, Field(min_length=1, max_length=80), Text, AfterValidator(_is_name)]
Summary = Annotated[str, Field(min_length=1, max_length=200), Text]
Url = Annotated[str, Field(min_length=1, max_length=500), Text, AfterValidator(_is_url)]


class PackageFields(BaseModel):
    """What people say of a package."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    name: Name
    summary: Summary
    url: Url


# --8<-- [end:fields]


class PackageUpdate(PackageFields):
    """What people change of a package, and which version they have seen."""

    version: Annotated[int, Field(strict=True, ge=1, le=LARGEST)] | None = None


class PackageOut(BaseModel):
    """A package as the API shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    summary: str
    url: str
    version: int
    created: datetime
    updated: datetime


class Search(BaseModel):
    """What a list is asked for."""

    model_config = ConfigDict(str_strip_whitespace=True, hide_input_in_errors=True)

    q: Annotated[str, Field(max_length=100), Text] = ""
    page: Annotated[int, Field(ge=1, le=10**9)] = 1


# --8<-- [start:faults]
def faults(error: ValidationError) -> dict[str, str]:
    """Return what is wrong, by the name of the field; no value is repeated."""
    found: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        found.setdefault(str(fault["loc"][0]) if fault["loc"] else "body", fault["msg"])
    return found


# --8<-- [end:faults]
