"""Tags of applications: lower-cased, unique within the team."""

from typing import Any

from starlette.responses import JSONResponse, Response

from simulators.coolify.calls import Call, invalid, refused
from simulators.coolify.fields import WriteTags, errors_in
from simulators.coolify.shapes import tag_json

SHORTEST = 2


def tag_names(given: list[Any], *, field: str) -> list[str]:
    """The names as they are stored, or 422 naming `field`."""
    names = list(dict.fromkeys(str(name or "").strip().lower() for name in given))
    if any(len(name) < SHORTEST for name in names):
        raise invalid({field: ["Each tag name must be at least 2 characters after sanitization."]})
    return names


def list_tags(call: Call) -> Response:
    """All tags of the team."""
    return JSONResponse([tag_json(tag) for tag in call.instance.tags.values()])


def application_tags(call: Call) -> Response:
    """The tags of one application."""
    return JSONResponse([tag_json(tag) for tag in call.application().tags])


def add_tags(call: Call) -> Response:
    """Takes `tag_name` or `tag_names`; 201 with all tags of the application."""
    body = call.fields()
    application = call.application()
    if "tag_name" in body and "tag_names" in body:
        raise invalid({"tag_name": ["Provide either tag_name or tag_names, not both."]})
    errors = errors_in(WriteTags, body)
    if not {"tag_name", "tag_names"} & body.keys():
        errors["tag_name"] = ["The tag name field is required when tag names is not present."]
    if errors:
        raise invalid(errors)
    names = body.get("tag_names") or [body["tag_name"]]
    call.instance.tag(application, tag_names(names, field="tag_name"))
    return JSONResponse([tag_json(tag) for tag in application.tags], 201)


def remove_tag(call: Call) -> Response:
    """Takes a tag off; a tag that nothing has any more is gone."""
    application, instance = call.application(), call.instance
    uuid = call.request.path_params["tag"]
    tag = next((tag for tag in instance.tags.values() if tag.uuid == uuid), None)
    if tag is None:
        raise refused(404, "Tag not found.")
    if tag not in application.tags:
        raise refused(404, "Tag not found on resource.")
    application.tags.remove(tag)
    if not any(tag in other.tags for other in instance.applications.values()):
        del instance.tags[tag.name]
    return JSONResponse({"message": "Tag removed."})
