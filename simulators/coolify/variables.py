"""Environment variables of an application. Every production row is born with a preview twin."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from simulators.coolify.calls import Call, invalid, refused
from simulators.coolify.fields import WriteVariable, accepted, errors_in
from simulators.coolify.records import Application, Variable, new_uuid
from simulators.coolify.shapes import variable_json

_KEPT_IF_OMITTED = ("is_runtime", "is_buildtime", "comment")
_RESET_IF_OMITTED = ("is_literal", "is_multiline", "is_shown_once")


def list_variables(call: Call) -> Response:
    """Production rows first, then the preview rows."""
    rows = sorted(call.application("Application not found").variables, key=lambda row: row.is_preview)
    return JSONResponse([variable_json(row, secrets=call.sees_secrets) for row in rows])


def create_variable(call: Call) -> Response:
    """409 if the key exists."""
    application, body = _checked(call)
    if _find(application, body) is not None:
        raise refused(409, "Environment variable already exists. Use PATCH request to update it.")
    return JSONResponse({"uuid": _add(application, body).uuid}, 201)


def update_variable(call: Call) -> Response:
    """Finds the row by `key` and `is_preview`; 201 with the row. An omitted `value` is wiped."""
    application, body = _checked(call)
    variable = _find(application, body)
    if variable is None:
        raise refused(404, "Environment variable not found.")
    _write(variable, body)
    return JSONResponse(variable_json(variable, secrets=call.sees_secrets), 201)


def update_variables(call: Call) -> Response:
    """``PATCH …/envs/bulk``: upsert by key, 201. Not transactional; drops unknown keys; deletes nothing."""
    body = call.fields()
    application = call.application("Application not found")
    items = body.get("data")
    if not items:
        raise refused(400, "Bulk data is required.")
    return JSONResponse(_upserted(application, items, secrets=call.sees_secrets), 201)


def delete_variable(call: Call) -> Response:
    """Deletes one row; its twin stays."""
    application = call.application()
    uuid = call.request.path_params["variable"]
    for variable in application.variables:
        if variable.uuid == uuid:
            application.variables.remove(variable)
            return JSONResponse({"message": "Environment variable deleted."})
    raise refused(404, "Environment variable not found.")


def _checked(call: Call) -> tuple[Application, dict[str, Any]]:
    body = call.fields()
    application = call.application("Application not found")
    if errors := errors_in(WriteVariable, body):
        raise invalid(errors)
    return application, accepted(WriteVariable, body)


def _upserted(application: Application, items: Iterable[Any], *, secrets: bool) -> list[dict[str, Any]]:
    shown = []
    for item in items:
        given = item if isinstance(item, dict) else {}
        known = {name: value for name, value in given.items() if name in WriteVariable.model_fields}
        if errors := errors_in(WriteVariable, known):
            raise invalid(errors)
        known = accepted(WriteVariable, known)
        variable = _find(application, known)
        if variable is None:
            variable = _add(application, known)
        else:
            _write(variable, known)
        shown.append(variable_json(variable, secrets=secrets))
    return shown


def _find(application: Application, body: dict[str, Any]) -> Variable | None:
    preview = bool(body.get("is_preview"))
    for variable in application.variables:
        if variable.key == body["key"] and variable.is_preview == preview:
            return variable
    return None


def _add(application: Application, body: dict[str, Any]) -> Variable:
    variable = Variable(uuid=new_uuid(), **body)
    application.variables.append(variable)
    if not variable.is_preview and _find(application, body | {"is_preview": True}) is None:
        application.variables.append(replace(variable, uuid=new_uuid(), is_preview=True))
    return variable


def _write(variable: Variable, body: dict[str, Any]) -> None:
    variable.value = body.get("value")
    for name in _RESET_IF_OMITTED:
        setattr(variable, name, body.get(name, False))
    for name in _KEPT_IF_OMITTED:
        if name in body:
            setattr(variable, name, body[name])
