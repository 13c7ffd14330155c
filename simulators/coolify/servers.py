"""Servers, as `ServersController` answers."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from simulators.coolify.calls import Call, invalid, refused
from simulators.coolify.fields import UpdateServer, errors_in
from simulators.coolify.records import Server
from simulators.coolify.shapes import resource_json, server_json

VERSION = "4.3.10"
_STORED = ("name", "description", "ip", "port", "user")
_SETTINGS = ("concurrent_builds", "deployment_queue_limit", "dynamic_timeout", "connection_timeout")


def version(_: Call) -> Response:
    """A bare text string, not JSON."""
    return PlainTextResponse(VERSION)


def list_servers(call: Call) -> Response:
    """All servers; only this list repeats reachability beside `settings`."""
    return JSONResponse(
        [
            server_json(server) | {"is_reachable": server.reachable, "is_usable": server.reachable}
            for server in call.instance.servers.values()
        ]
    )


def get_server(call: Call) -> Response:
    """One server, with ``?resources=1`` also what runs there."""
    server = _server(call)
    shown = server_json(server)
    if call.query.get("resources"):
        shown["resources"] = _resources(call, server)
    return JSONResponse(shown)


def server_resources(call: Call) -> Response:
    """What runs on a server."""
    return JSONResponse(_resources(call, _server(call)))


def update_server(call: Call) -> Response:
    """201, not 200."""
    body = call.fields()
    if errors := errors_in(UpdateServer, body):
        raise invalid(errors)
    server = _server(call)
    for name in (*_STORED, *_SETTINGS):
        if body.get(name) is not None:
            setattr(server, name, int(body[name]) if name in _SETTINGS else body[name])
    return JSONResponse({"uuid": server.uuid}, 201)


def validate_server(call: Call) -> Response:
    """201; the check runs later."""
    _server(call)
    return JSONResponse({"message": "Validation started."}, 201)


def _server(call: Call) -> Server:
    found = call.instance.servers.get(call.uuid)
    if found is None:
        raise refused(404, "Server not found.")
    return found


def _resources(call: Call, server: Server) -> list[dict[str, object]]:
    return [
        resource_json(application)
        for application in call.instance.applications.values()
        if application.server is server
    ]
