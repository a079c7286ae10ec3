"""The description of the API, made from the same models that check the bodies."""

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from flask_site.fields import PackageFields, PackageOut, PackageUpdate

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
PAGE = {
    "type": "object",
    "required": ["packages", "page", "pages", "total"],
    "properties": {
        "packages": {"type": "array", "items": {"$ref": "#/components/schemas/PackageOut"}},
        "page": {"type": "integer"},
        "pages": {"type": "integer"},
        "total": {"type": "integer"},
    },
}
KEY: list[dict[str, list[str]]] = [{"key": []}]
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
IF_MATCH = {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "example": '"3"'}
QUERY = [
    {"name": "q", "in": "query", "schema": {"type": "string", "maxLength": 100}},
    {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
]


# --8<-- [start:document]
@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    models = (PackageFields, PackageUpdate, PackageOut)
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Packages that we like", "version": version("flask-site")},
        "components": {
            "schemas": schemas["$defs"] | {"Problem": PROBLEM, "Page": PAGE},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "paths": {
            "/api/packages": {
                "get": {"summary": "List or search", "parameters": QUERY, "responses": _answers(200, "Page", 400, 404)},
                "post": {
                    "summary": "Add",
                    "security": KEY,
                    "requestBody": _body(PackageFields),
                    "responses": _answers(201, "PackageOut", 400, 401, 409, 413, 415, 422),
                },
            },
            "/api/packages/{id}": {
                "parameters": [ID],
                "get": {"summary": "Show", "responses": _answers(200, "PackageOut", 404)},
                "put": {
                    "summary": "Change",
                    "security": KEY,
                    "parameters": [IF_MATCH],
                    "requestBody": _body(PackageUpdate),
                    "responses": _answers(200, "PackageOut", 400, 401, 404, 409, 413, 415, 422),
                },
                "delete": {
                    "summary": "Delete",
                    "security": KEY,
                    "parameters": [IF_MATCH],
                    "responses": _answers(204, None, 400, 401, 404, 409),
                },
            },
        },
    }


# --8<-- [end:document]


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _schema(model.__name__)}}}


def _answers(status: int, name: str | None, *faults: int) -> dict[str, Any]:
    good = {"description": "done", "content": {"application/json": {"schema": _schema(name)}}} if name else {}
    bad = {"description": "refused", "content": {"application/problem+json": {"schema": _schema("Problem")}}}
    return {str(status): good or {"description": "done"}} | {str(fault): bad for fault in (*faults, 503)}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
