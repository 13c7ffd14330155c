"""Volumes of an application: a folder in the container that outlives it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from simulators.coolify.calls import Call, invalid
from simulators.coolify.fields import errors_in
from simulators.coolify.records import Storage, new_uuid


class NewStorage(BaseModel):
    """Body of ``POST …/storages``, as far as it is known here: persistent ones."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["persistent"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    mount_path: str = Field(pattern=r"^/[\w./-]*$")


def list_storages(call: Call) -> Response:
    """Both kinds."""
    rows = call.application("Application not found").storages
    return JSONResponse({"persistent_storages": [_shown(row) for row in rows], "file_storages": []})


def create_storage(call: Call) -> Response:
    """201; the volume's name begins with the application's uuid."""
    body = call.fields()
    application = call.application("Application not found")
    if errors := errors_in(NewStorage, body):
        raise invalid(errors)
    storage = Storage(new_uuid(), f"{application.uuid}-{body['name']}", body["mount_path"])
    application.storages.append(storage)
    return JSONResponse(_shown(storage), 201)


def _shown(storage: Storage) -> dict[str, str]:
    return {"uuid": storage.uuid, "name": storage.name, "mount_path": storage.mount_path}
