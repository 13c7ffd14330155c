"""The OpenAPI document: FastAPI's, with problem+json where it says something else or nothing."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.marketplace.problems import MEDIA_TYPE

_PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in English."},
        "remedy": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "description": "Each field that is wrong.",
            "items": {
                "type": "object",
                "required": ["in", "field", "problem"],
                "properties": {
                    "in": {"enum": ["body", "query", "path", "header"]},
                    "field": {"type": "string", "description": "Its path, with dots."},
                    "problem": {"type": "string", "description": "The value and what is expected."},
                },
            },
        },
    },
    "examples": [
        {
            "type": "about:blank",
            "title": "Unprocessable Content",
            "status": 422,
            "detail": "the request breaks its schema",
            "errors": [{"in": "body", "field": "plan", "problem": "is missing, add it"}],
        }
    ],
}
_OFTEN = {
    "400": "The request is no JSON, or its cursor no cursor.",
    "401": "No key, or one that is unknown, revoked or expired.",
    "403": "The key lacks the scope.",
    "404": "There is none.",
    "409": "It contradicts what is there.",
    "413": "The body is too large.",
    "422": "Fields are wrong; `errors` names each.",
    "429": "Too many requests with this key; see `Retry-After`.",
    "503": "Something that is needed is away; see `Retry-After`.",
}
_ALWAYS = ("400", "401", "403", "413", "422", "429", "503")


def describe(app: FastAPI) -> None:
    """Let `app.openapi` answer with the document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way (docs: "Extending OpenAPI")


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, routes=app.routes, description=app.description, openapi_version="3.1.0"
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    for operations in document["paths"].values():
        for operation in operations.values():
            told = [*_ALWAYS, *operation["responses"]] if operation.get("security") else operation["responses"]
            for status in sorted({status for status in told if status in _OFTEN}):
                operation["responses"][status] = {
                    "description": _OFTEN[status],
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
    return document
