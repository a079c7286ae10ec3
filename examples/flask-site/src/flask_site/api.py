"""The JSON API: the same packages, for programs. Reading is free, writing needs a key."""

import hashlib
import hmac
import re
from typing import TypeVar

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Unauthorized, UnsupportedMediaType

from flask_site import store
from flask_site.catalogue import read_search
from flask_site.database import get_session, writing
from flask_site.errors import problem
from flask_site.fields import PackageFields, PackageOut, PackageUpdate, faults
from flask_site.models import Package
from flask_site.openapi import document

blueprint = Blueprint("api", __name__, url_prefix="/api")
ETAG = re.compile(r'"([1-9][0-9]{0,17})"')
Body = TypeVar("Body", bound=BaseModel)


# --8<-- [start:key]
@blueprint.before_request
def require_key() -> None:
    """Refuse a write without a key. The settings hold no key, only the SHA-256 of each.

    Each digest is compared, and each comparison takes the same time, so that the time tells nothing.

    Raises:
        Unauthorized: the key is missing, or is none of those.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    digest = hashlib.sha256(key.strip().encode()).hexdigest()
    matches = [hmac.compare_digest(digest, valid) for valid in current_app.config["SETTINGS"].api_keys]
    if scheme.lower() != "bearer" or not any(matches):
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))


# --8<-- [end:key]


@blueprint.get("/packages")
def packages() -> Response:
    """List a page of the packages, or of those that match a search."""
    found = store.search(get_session(), read_search())
    shown = [_shown(package) for package in found.packages]
    return jsonify(packages=shown, page=found.page, pages=found.pages, total=found.total)


@blueprint.get("/packages/<id:number>")
def package(number: int) -> Response:
    """Show a package."""
    return _answer(store.get(get_session(), number))


# --8<-- [start:post]
@blueprint.post("/packages")
def add() -> Response:
    """Add a package."""
    fields = _body(PackageFields)
    with writing() as session:
        added = store.add(session, fields)
    response = _answer(added, 201)
    response.location = url_for(".package", number=added.id)
    return response


# --8<-- [end:post]


# --8<-- [start:put]
@blueprint.put("/packages/<id:number>")
def edit(number: int) -> Response:
    """Change a package; `version` or If-Match says which version the change was made from."""
    fields = _body(PackageUpdate)
    seen = {fields.version, _if_match()} - {None}
    if not seen:
        return problem(422, "A field is wrong.", errors={"version": "Field required, here or in the header If-Match"})
    if len(seen) > 1:
        raise store.Stale  # one of them is not the version of now
    with writing() as session:
        edited = store.edit(session, number, seen.pop(), fields)
    return _answer(edited)


# --8<-- [end:put]


@blueprint.delete("/packages/<id:number>")
def delete(number: int) -> Response:
    """Delete a package; with If-Match, only the version that it names."""
    seen = _if_match()
    with writing() as session:
        store.delete(session, number, seen)
    return Response(status=204)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Describe the API."""
    return jsonify(document())


# --8<-- [start:body]
def _body(model: type[Body]) -> Body:
    """Return the body of the request, checked.

    Raises:
        UnsupportedMediaType: it is not called JSON.
        ValidationError: it is not as the model says.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    return model.model_validate_json(request.get_data())


@blueprint.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> Response:
    if error.errors()[0]["type"] == "json_invalid":
        return problem(400, "The body is not JSON in UTF-8.")
    return problem(422, "A field is wrong.", errors=faults(error))


# --8<-- [end:body]


@blueprint.errorhandler(store.Duplicate)
def _duplicate(error: store.Duplicate) -> Response:
    return problem(409, "There is a package of this name; change that one, or choose another name.")


@blueprint.errorhandler(store.Stale)
def _stale(error: store.Stale) -> Response:
    return problem(409, "Somebody else has changed the package meanwhile; get it again, and change that.")


def _if_match() -> int | None:
    """Return the version that the header If-Match names.

    Raises:
        BadRequest: it names none.
    """
    header = request.headers.get("If-Match")
    if header is None:
        return None
    if match := ETAG.fullmatch(header.strip()):
        return int(match[1])
    raise BadRequest('If-Match is not understood; send the ETag of the package, such as "3".')


def _shown(package: Package) -> dict[str, object]:
    return PackageOut.model_validate(package).model_dump(mode="json")


def _answer(package: Package, status: int = 200) -> Response:
    response = jsonify(_shown(package))
    response.status_code = status
    response.set_etag(str(package.version))
    return response
