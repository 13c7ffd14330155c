"""One JSON Schema (2020-12) for each event's whole message; its ``#data`` is what ``dataschema`` names."""

from typing import Any

from contracts import CloudEvent, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema of `event` as it travels: envelope and data. Every reference in it is local."""
    schema: dict[str, Any] = tidy(CloudEvent[event].model_json_schema())  # type: ignore[valid-type]  # known at run time
    definitions = schema.pop("$defs")
    definitions[event.__name__] = {"$anchor": "data"} | definitions[event.__name__]
    return {"$schema": DIALECT, "$id": event.schema_id()} | schema | {"$defs": definitions}


def tidy(schema: Any) -> Any:
    """Leave out what pydantic adds and nobody needs: titles made of field names, and "absent" as a default.

    Docstrings become one paragraph a line, with Markdown's code marks.
    """
    if isinstance(schema, list):
        return [tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidied: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            tidied[key] = {name: tidy(_untitled(field)) for name, field in value.items()}
        elif key == "description" and isinstance(value, str):
            tidied[key] = plain(value)
        elif not (key == "default" and value is None):
            tidied[key] = tidy(value)
    return tidied


def plain(docstring: str) -> str:
    """A docstring as a reader of documents wants it."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in docstring.split("\n\n"))
    return "\n\n".join(paragraphs).replace("``", "`")


def _untitled(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "title"}
