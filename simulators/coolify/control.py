"""``/_control``: the switchboard's keys and Coolify's own; ``/_state``: everything, for tests."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.coolify.access import Gate
from simulators.coolify.instance import Instance, Knobs
from simulators.coolify.records import Application
from simulators.coolify.shapes import deployment_json, environment_json, project_json
from simulators.faults import ControlRequest, Switchboard


class ServerSwitch(BaseModel):
    """Takes a server off the network, or puts it back."""

    model_config = ConfigDict(extra="forbid")

    uuid: str
    reachable: bool


class CoolifyControl(Knobs, ControlRequest):
    """Body of ``POST /_control``; each key is optional. `reset` also restores the knobs and the minute's requests."""

    restart_seconds: float | None = Field(default=None, ge=0)  # 502 for so long, live deployments fail
    server: ServerSwitch | None = None


def control_routes(board: Switchboard, instance: Instance, gate: Gate) -> list[Route]:
    """The routes that the real Coolify does not have."""

    def apply(wanted: CoolifyControl) -> None:
        if wanted.server and wanted.server.uuid not in instance.servers:
            raise ValueError(f"server.uuid {wanted.server.uuid!r} is unknown; GET /_state lists the servers")
        if wanted.reset:
            instance.knobs = Knobs()
            gate.forget_requests()
        for name in wanted.model_fields_set & Knobs.model_fields.keys():
            setattr(instance.knobs, name, getattr(wanted, name))
        if wanted.server:
            instance.servers[wanted.server.uuid].reachable = wanted.server.reachable
        if wanted.restart_seconds is not None:
            gate.go_away(wanted.restart_seconds)

    async def state(_: Request) -> Response:
        return JSONResponse(_state(instance))

    return [board.route_for(CoolifyControl, apply), Route("/_state", state, methods=["GET"])]


def _state(instance: Instance) -> dict[str, Any]:
    return {
        "knobs": instance.knobs.model_dump(),
        "servers": [
            {"uuid": server.uuid, "name": server.name, "ip": server.ip, "ipv6": server.ipv6}
            | {"reachable": server.reachable}
            for server in instance.servers.values()
        ],
        "projects": [
            project_json(project)
            | {"environments": [environment_json(environment) for environment in project.environments]}
            for project in instance.projects.values()
        ],
        "applications": [_application(application) for application in instance.applications.values()],
        "deployments": [
            deployment_json(deployment, secrets=True) | {"application_uuid": deployment.application.uuid}
            for deployment in instance.deployments.values()
        ],
        "deletions": instance.deletions,
        "throttled": instance.throttled,
    }


def _application(application: Application) -> dict[str, Any]:
    running = application.running
    rows = [row for row in application.variables if not row.is_preview]
    return {
        "uuid": application.uuid,
        "name": application.columns["name"],
        "description": application.columns["description"],
        "project": application.environment.project.uuid,
        "environment": application.environment.name,
        "server": application.server.uuid,
        "fqdn": application.fqdn,
        "status": application.status,
        "image": application.columns["docker_registry_image_name"],
        "tag": application.columns["docker_registry_image_tag"],
        "running": None if running is None else {"image": running.image, "tag": running.tag},
        "tags": [tag.name for tag in application.tags],
        "storages": {storage.mount_path: storage.name for storage in application.storages},
        "env": {row.key: row.value for row in rows},
        "variable_rows": len(application.variables),
        "deployment_count": len(application.deployments),
        "deployments": [
            {"uuid": deployment.uuid, "status": deployment.status.value} for deployment in application.deployments
        ],
    }
