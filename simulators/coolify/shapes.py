"""Rows as the API shows them. Sensitive columns are simply absent without `read:sensitive`."""

import json
from datetime import datetime
from typing import Any

from simulators.coolify.records import (
    Application,
    Deployment,
    Environment,
    Project,
    Server,
    Tag,
    Variable,
)

SECRET_COLUMNS = (
    "custom_labels",
    "http_basic_auth_password",
    "manual_webhook_secret_github",
    "manual_webhook_secret_gitlab",
    "manual_webhook_secret_bitbucket",
    "manual_webhook_secret_gitea",
)


def stamp(moment: datetime | None) -> str | None:
    """``2026-08-22T10:00:05.000000Z``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def server_json(server: Server) -> dict[str, Any]:
    """``GET /servers/{uuid}``; reachability stands under `settings` only."""
    return {
        "uuid": server.uuid,
        "description": server.description,
        "name": server.name,
        "ip": server.ip,
        "user": server.user,
        "port": server.port,
        "settings": {
            "is_reachable": server.reachable,
            "is_usable": server.reachable,
            "is_build_server": False,
            "concurrent_builds": server.concurrent_builds,
            "deployment_queue_limit": server.deployment_queue_limit,
            "dynamic_timeout": server.dynamic_timeout,
            "connection_timeout": server.connection_timeout,
            "wildcard_domain": None,
        },
    }


def resource_json(application: Application) -> dict[str, Any]:
    """An application in a server's resource list."""
    return {
        "id": application.id,
        "uuid": application.uuid,
        "name": application.columns["name"],
        "type": "application",
        "created_at": stamp(application.created_at),
        "updated_at": stamp(application.updated_at),
        "status": application.status,
    }


def project_json(project: Project) -> dict[str, Any]:
    """A project without its environments."""
    return {
        "id": project.id,
        "uuid": project.uuid,
        "name": project.name,
        "description": project.description,
    }


def environment_json(environment: Environment) -> dict[str, Any]:
    """An environment without its resources."""
    return {
        "id": environment.id,
        "uuid": environment.uuid,
        "name": environment.name,
        "description": environment.description,
        "project_id": environment.project.id,
        "created_at": stamp(environment.created_at),
        "updated_at": stamp(environment.created_at),
    }


def application_json(application: Application, *, secrets: bool) -> dict[str, Any]:
    """``GET /applications/{uuid}``: neither project nor server uuid, and no tags."""
    columns = {name: value for name, value in application.columns.items() if secrets or name not in SECRET_COLUMNS}
    port = columns["health_check_port"]
    return columns | {
        "uuid": application.uuid,
        "fqdn": application.fqdn,
        "status": application.status,
        "server_status": application.server.reachable,
        "build_pack": "dockerimage",
        "git_repository": "coollabsio/coolify",
        "git_branch": "main",
        "health_check_port": None if port is None else str(port),
        "environment_id": application.environment.id,
        "destination_id": application.server.id,
        "destination": {"name": "coolify", "network": "coolify", "server": server_json(application.server)},
        "restart_count": 0,
        "last_online_at": application.last_online_at.strftime("%Y-%m-%d %H:%M:%S"),
        "settings": dict(application.settings),
        "created_at": stamp(application.created_at),
        "updated_at": stamp(application.updated_at),
    }


def variable_json(variable: Variable, *, secrets: bool) -> dict[str, Any]:
    """A row of environment variables; a value shown once is never shown over the API."""
    shown = secrets and not variable.is_shown_once
    values = {"value": variable.value, "real_value": variable.value} if shown else {}
    return {
        "uuid": variable.uuid,
        "key": variable.key,
        **values,
        "comment": variable.comment,
        "is_preview": variable.is_preview,
        "is_literal": variable.is_literal,
        "is_multiline": variable.is_multiline,
        "is_shown_once": variable.is_shown_once,
        "is_runtime": variable.is_runtime,
        "is_buildtime": variable.is_buildtime,
        "is_shared": False,
        "created_at": stamp(variable.created_at),
        "updated_at": stamp(variable.created_at),
    }


def tag_json(tag: Tag) -> dict[str, Any]:
    """A tag."""
    made = stamp(tag.created_at)
    return {"uuid": tag.uuid, "name": tag.name, "created_at": made, "updated_at": made}


def deployment_json(deployment: Deployment, *, secrets: bool) -> dict[str, Any]:
    """A deployment; `logs` is a JSON string."""
    application, project = deployment.application, deployment.application.environment.project
    environment = application.environment
    shown = {
        "id": deployment.id,
        "application_id": str(application.id),
        "application_name": application.columns["name"],
        "deployment_uuid": deployment.uuid,
        "pull_request_id": 0,
        "docker_registry_image_tag": None,
        "force_rebuild": deployment.force_rebuild,
        "commit": "HEAD",
        "status": deployment.status.value,
        "is_webhook": False,
        "is_api": True,
        "restart_only": deployment.restart_only,
        "rollback": False,
        "server_id": deployment.server.id,
        "server_name": deployment.server.name,
        "deployment_url": f"/project/{project.uuid}/environment/{environment.uuid}"
        f"/application/{application.uuid}/deployment/{deployment.uuid}",
        "created_at": stamp(deployment.created_at),
        "updated_at": stamp(deployment.updated_at),
        "finished_at": stamp(deployment.finished_at),
    }
    if secrets:
        lines = [
            {"output": line, "type": "stdout", "hidden": False, "order": order}
            for order, line in enumerate(deployment.logs, start=1)
        ]
        shown["logs"] = json.dumps(lines)
    return shown
