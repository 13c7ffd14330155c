"""Applications, as `ApplicationsController` answers, for the dockerimage build pack."""

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from simulators.coolify.calls import Call, invalid, refused, truthy
from simulators.coolify.domains import domain_errors, normalised, refuse_conflicts, refuse_invalid
from simulators.coolify.fields import (
    BASIC_FIELDS,
    SETTING_FLAGS,
    CreateApplication,
    UpdateApplication,
    accepted,
    errors_in,
    words,
)
from simulators.coolify.projects import find_environment
from simulators.coolify.records import Application, Environment, Server, new_uuid, now
from simulators.coolify.shapes import application_json
from simulators.coolify.tags import tag_names

DEFAULT_COLUMNS: dict[str, Any] = {
    "description": None,
    "docker_registry_image_tag": "latest",
    "ports_exposes": None,
    "ports_mappings": None,
    "custom_network_aliases": None,
    "redirect": "both",
    "health_check_enabled": False,
    "health_check_type": "http",
    "health_check_command": None,
    "health_check_path": "/",
    "health_check_port": None,
    "health_check_host": "localhost",
    "health_check_method": "GET",
    "health_check_return_code": 200,
    "health_check_scheme": "http",
    "health_check_response_text": None,
    "health_check_interval": 5,
    "health_check_timeout": 5,
    "health_check_retries": 10,
    "health_check_start_period": 5,
    "limits_memory": "0",
    "limits_memory_swap": "0",
    "limits_memory_swappiness": 60,
    "limits_memory_reservation": "0",
    "limits_cpus": "0",
    "limits_cpuset": None,
    "limits_cpu_shares": 1024,
    "max_restart_count": 10,
}
DEFAULT_SETTINGS: dict[str, Any] = {"is_force_https_enabled": True, "is_auto_deploy_enabled": True}
_SETTINGS = frozenset(SETTING_FLAGS) | frozenset(
    words(
        "stop_grace_period docker_images_to_keep gpu_driver gpu_count gpu_device_ids gpu_options custom_internal_name"
    )
)
_NO_COLUMNS = _SETTINGS | frozenset(
    words(
        "project_uuid server_uuid environment_name environment_uuid destination_uuid type domains instant_deploy "
        "force_domain_override autogenerate_domain tags github_app_uuid private_key_uuid noindex_domains "
        "docker_compose_raw"
    )
)


def list_applications(call: Call) -> Response:
    """Everything in the team, or what has the tag; no pagination."""
    tag = call.query.get("tag")
    return JSONResponse(
        [
            application_json(application, secrets=call.sees_secrets)
            for application in call.instance.applications.values()
            if tag is None or any(attached.name == tag for attached in application.tags)
        ]
    )


def get_application(call: Call) -> Response:
    """One application."""
    return JSONResponse(application_json(call.application(), secrets=call.sees_secrets))


def create_application(call: Call) -> Response:
    """``POST /applications/dockerimage``. A refusal leaves nothing behind; names are not unique."""
    body = call.fields()
    errors = errors_in(CreateApplication, body)
    known = CreateApplication.model_fields
    if basic := {name: said for name, said in errors.items() if _is_basic(name) or name not in known}:
        raise invalid(basic)
    names = tag_names(body.get("tags") or [], field="tags")
    environment, server = _place(call, body)
    if wrong := domain_errors(body.get("domains")) if isinstance(body.get("domains"), str) else []:
        errors["domains"] = wrong
    if errors:
        raise invalid(errors)
    body = accepted(CreateApplication, body)
    fqdn = normalised(body.get("domains"))
    refuse_conflicts(call.instance, fqdn, body)
    application = _saved(call, body, environment, server, fqdn)
    call.instance.tag(application, names)
    if truthy(body.get("instant_deploy")):
        call.deploying.enqueue(application, uuid=new_uuid(), instant=True)
    return JSONResponse({"uuid": application.uuid, "domains": application.fqdn}, 201)


def update_application(call: Call) -> Response:
    """Changes what is sent; nothing reaches the container until a deployment."""
    body = call.fields()
    application = call.application("Application not found")
    ports = body.get("ports_exposes", "0")
    if not all(port.isdigit() for port in str(ports).split(",")):
        raise invalid({"ports_exposes": "The ports_exposes should be a comma separated list of numbers."})
    refuse_invalid(body.get("domains"))
    if errors := errors_in(UpdateApplication, body):
        raise invalid(errors)
    body = accepted(UpdateApplication, body)
    if "domains" in body:
        fqdn = normalised(body["domains"])
        refuse_conflicts(call.instance, fqdn, body, own=application)
        application.fqdn = fqdn
    _fill(application, body)
    application.updated_at = now()
    if truthy(body.get("instant_deploy")):
        call.deploying.enqueue(application, uuid=new_uuid())
    return JSONResponse({"uuid": application.uuid})


def delete_application(call: Call) -> Response:
    """Queues the deletion; all four options default to true."""
    application = call.application("Application not found")
    names = ("delete_volumes", "delete_connected_networks", "delete_configurations", "docker_cleanup")
    options = {name: truthy(call.query.get(name, True)) for name in names}
    name = str(application.columns["name"])
    call.instance.deletions.append({"uuid": application.uuid, "name": name, **options})
    call.deploying.delete(application)
    return JSONResponse({"message": "Application deletion request queued."})


def _is_basic(name: str) -> bool:
    return name.partition(".")[0] in BASIC_FIELDS


def _place(call: Call, body: dict[str, Any]) -> tuple[Environment, Server]:
    name, uuid = body.get("environment_name"), body.get("environment_uuid")
    if name is None and uuid is None:
        raise refused(422, "You need to provide at least one of environment_name or environment_uuid.")
    project = call.instance.projects.get(body["project_uuid"])
    if project is None:
        raise refused(404, "Project not found.")
    environment = find_environment(project, name=name, uuid=uuid)
    server = call.instance.servers.get(body["server_uuid"])
    if server is None:
        raise refused(404, "Server not found.")
    return environment, server


def _saved(call: Call, body: dict[str, Any], environment: Environment, server: Server, fqdn: str | None) -> Application:
    uuid = new_uuid()
    if fqdn is None and truthy(body.get("autogenerate_domain", True)):
        fqdn = f"http://{uuid}.{server.ip}.sslip.io"
    application = Application(
        id=call.instance.next_id(),
        uuid=uuid,
        environment=environment,
        server=server,
        fqdn=fqdn,
        columns={"name": f"docker-image-{new_uuid()}", **DEFAULT_COLUMNS},
        settings=dict(DEFAULT_SETTINGS),
    )
    image, tag = _image(body["docker_registry_image_name"], body.get("docker_registry_image_tag"))
    _fill(application, body | {"docker_registry_image_name": image, "docker_registry_image_tag": tag})
    call.instance.applications[uuid] = application
    environment.applications.append(application)
    return application


def _fill(application: Application, body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name in _SETTINGS:
            application.settings[name] = value
        elif name not in _NO_COLUMNS:
            application.columns[name] = value


def _image(name: str, tag: str | None) -> tuple[str, str]:
    """Split as Coolify's DockerImageParser does: a digest leaves `@sha256` on the name."""
    if digest := re.fullmatch(r"(.+)@sha256:([A-Fa-f0-9]{64})", name):
        return f"{digest[1]}@sha256", digest[2]
    path, colon, own_tag = name.rpartition(":")
    if colon and "/" not in own_tag:
        return path, own_tag
    return name, tag or "latest"
