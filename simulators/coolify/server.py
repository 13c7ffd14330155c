"""The simulator as a server: routes, and the block in which it runs."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulators.coolify import applications, deployments, projects, servers, storages, tags, variables
from simulators.coolify.access import Ability, Gate, error_page
from simulators.coolify.calls import Call
from simulators.coolify.containers import Containers
from simulators.coolify.control import control_routes
from simulators.coolify.deploying import Deploying
from simulators.coolify.instance import PROJECT_UUID, Instance, default_servers
from simulators.coolify.records import Server
from simulators.faults import Switchboard
from simulators.serving import running_app

Endpoint = Callable[[Call], Response]

READ, WRITE, DEPLOY = Ability.READ, Ability.WRITE, Ability.DEPLOY
APP = "/applications/{uuid}"
ENVIRONMENT = "/projects/{uuid}/environments/{environment}"
ENDPOINTS: list[tuple[str, str, Ability, Endpoint]] = [
    ("GET", "/version", READ, servers.version),
    ("GET", "/servers", READ, servers.list_servers),
    ("GET", "/servers/{uuid}", READ, servers.get_server),
    ("PATCH", "/servers/{uuid}", WRITE, servers.update_server),
    ("GET", "/servers/{uuid}/resources", READ, servers.server_resources),
    ("POST", "/servers/{uuid}/validate", WRITE, servers.validate_server),
    ("GET", "/projects", READ, projects.list_projects),
    ("POST", "/projects", WRITE, projects.create_project),
    ("GET", "/projects/{uuid}", READ, projects.get_project),
    ("PATCH", "/projects/{uuid}", WRITE, projects.update_project),
    ("DELETE", "/projects/{uuid}", WRITE, projects.delete_project),
    ("GET", "/projects/{uuid}/environments", READ, projects.list_environments),
    ("POST", "/projects/{uuid}/environments", WRITE, projects.create_environment),
    ("PATCH", ENVIRONMENT, WRITE, projects.update_environment),
    ("DELETE", ENVIRONMENT, WRITE, projects.delete_environment),
    ("GET", "/projects/{uuid}/{environment}", READ, projects.get_environment),
    ("GET", "/applications", READ, applications.list_applications),
    ("POST", "/applications/dockerimage", WRITE, applications.create_application),
    ("GET", APP, READ, applications.get_application),
    ("PATCH", APP, WRITE, applications.update_application),
    ("DELETE", APP, WRITE, applications.delete_application),
    ("GET", APP + "/envs", READ, variables.list_variables),
    ("POST", APP + "/envs", WRITE, variables.create_variable),
    ("PATCH", APP + "/envs", WRITE, variables.update_variable),
    ("PATCH", APP + "/envs/bulk", WRITE, variables.update_variables),
    ("DELETE", APP + "/envs/{variable}", WRITE, variables.delete_variable),
    ("GET", APP + "/storages", READ, storages.list_storages),
    ("POST", APP + "/storages", WRITE, storages.create_storage),
    ("GET", "/tags", READ, tags.list_tags),
    ("GET", APP + "/tags", READ, tags.application_tags),
    ("POST", APP + "/tags", WRITE, tags.add_tags),
    ("DELETE", APP + "/tags/{tag}", WRITE, tags.remove_tag),
    ("POST", "/deploy", DEPLOY, deployments.deploy),
    ("GET", "/deployments", READ, deployments.list_deployments),
    ("GET", "/deployments/{uuid}", READ, deployments.get_deployment),
    ("GET", "/deployments/applications/{uuid}", READ, deployments.application_deployments),
    ("POST", "/deployments/{uuid}/cancel", DEPLOY, deployments.cancel_deployment),
    ("POST", APP + "/start", DEPLOY, deployments.start_application),
    ("POST", APP + "/restart", DEPLOY, deployments.restart_application),
    ("POST", APP + "/stop", DEPLOY, deployments.stop_application),
]
# Actions that were GET before 4.2.0.
POST_ONLY = ("/deploy", "/servers/{uuid}/validate", APP + "/start", APP + "/restart", APP + "/stop")


def post_required(_: Call) -> Response:
    """GET on an action."""
    message = "This endpoint has changed to a POST request."
    return JSONResponse({"message": message}, 405, {"Allow": "POST"})


async def healthcheck(_: Request) -> Response:
    """Needs no token."""
    return PlainTextResponse("OK")


async def not_found(_: Request) -> Response:
    """An unknown route, or a known one with another method; only this answer has `docs`."""
    return JSONResponse({"message": "Not found.", "docs": "https://coolify.io/docs"}, 404)


@dataclass(frozen=True, slots=True)
class Coolify:
    """A running simulator. `url` is without ``/api/v1``; `token` has the root ability.

    `control_url` takes ``POST /_control``; ``{url}/_state`` shows all rows.
    """

    url: str
    token: str
    control_url: str
    project_uuid: str
    servers: tuple[Server, ...]


@asynccontextmanager
async def running_coolify(
    port: int = 0,
    core_url: str | None = None,
    *,
    servers: Sequence[Server] | None = None,
    instance: Instance | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Coolify]:
    """Run a Coolify for as long as the block lasts.

    `core_url` is where the containers "run": the `url` of the vrs-core simulator. Without one
    deployments finish and nothing serves. `servers` defaults to ten, see `default_servers`; or give an `instance`
    that holds something already.
    Raises OSError when the port is taken.
    """
    instance = instance or Instance(default_servers() if servers is None else servers)
    deploying = Deploying(instance, Containers(core_url))
    gate = Gate(instance, deploying)
    board = Switchboard()
    app = Starlette(routes=[*control_routes(board, instance, gate), *_api_routes(board, gate)])
    try:
        async with running_app(app, host=host, port=port) as bound:
            url = f"http://{host}:{bound}"
            yield Coolify(url, "7|demo-token", f"{url}/_control", PROJECT_UUID, tuple(instance.servers.values()))
    finally:
        await deploying.close()


def _api_routes(board: Switchboard, gate: Gate) -> list[Route]:
    def route(method: str, path: str, ability: Ability, endpoint: Endpoint) -> Route:
        async def answer(request: Request) -> Response:
            return await board.answer(
                endpoint.__name__,
                lambda: gate.admit(request, ability, endpoint),
                refuse=lambda code: error_page(request, code),
            )

        return Route("/api/v1" + path, answer, methods=[method])

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Route("/api/health", healthcheck),
        Route("/api/v1/health", healthcheck),
        *(route(method, path, ability, endpoint) for method, path, ability, endpoint in ENDPOINTS),
        *(route("GET", path, WRITE if "validate" in path else DEPLOY, post_required) for path in POST_ONLY),
        Route("/api/{rest:path}", not_found, methods=every),
    ]
