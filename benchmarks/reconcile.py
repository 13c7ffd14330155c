"""How ``vrs reconcile`` does with many projects: time, memory, and requests to the vendors, against their limits.

    python -m benchmarks.reconcile                     10,000 projects
    python -m benchmarks.reconcile --projects 500

Every project has its record at INWX and its application at Coolify, both simulated, Coolify with its real limit of
200 requests a minute; a handful of each is made wrong. The command runs as people run it, in a process of its own; its
peak memory is the kernel's (``ru_maxrss``). It must find exactly what was made wrong.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic import SecretStr
from sqlalchemy import insert

from contracts import RecordType
from ops.schema import upgrade
from ops.stack import local_stack
from services.deploy.blueprint import TAG, application_name, description, environment_name
from services.deploy.models import ProjectDeployment, Stage
from services.dns.models import ManagedRecord, RecordHolder
from shared.database import Database, open_database
from shared.models import BaseDomain, Project, ProjectDomain, ProvisioningState, Table
from shared.settings import Settings
from simulators.coolify import Coolify, running_coolify
from simulators.coolify.applications import DEFAULT_COLUMNS, DEFAULT_SETTINGS
from simulators.coolify.instance import PROJECT_UUID, Instance, default_servers
from simulators.coolify.records import Application, Running
from simulators.inwx import RunningInwx, running_inwx

ZONE, ADDRESS, SERVER = "vrs.example", "203.0.113.10", "srv0000000000000000000001"
IMAGE, VERSION, SPEC = "ghcr.io/vrs/vrs-core", "1.0.0", "0123456789abcdef"
WRONG = 5
"""Projects whose record, and as many others whose application, is not as written down."""

MEGABYTES, REQUESTS_A_MINUTE = 300.0, 200


def tenants(projects: list[UUID]) -> Instance:
    """A Coolify on which each project's application runs; of the last few another version."""
    instance = Instance(default_servers())
    home, server = instance.projects[PROJECT_UUID], instance.servers[SERVER]
    for number, project_id in enumerate(projects):
        version = VERSION if number < len(projects) - WRONG else "0.9.0"
        columns = {
            "name": application_name(project_id),
            "description": description(project_id, SPEC),
            "docker_registry_image_name": IMAGE,
            "docker_registry_image_tag": version,
        }
        application = Application(
            id=instance.next_id(),
            uuid=project_id.hex[:24],
            environment=instance.add_environment(home, environment_name(project_id)),
            server=server,
            fqdn=f"https://{host(project_id)}",
            columns=DEFAULT_COLUMNS | columns,
            settings=dict(DEFAULT_SETTINGS),
            running=Running(IMAGE, version, [host(project_id)], health_checked=True, settles_at=0.0),
        )
        instance.applications[application.uuid] = application
        application.environment.applications.append(application)
        instance.tag(application, (environment_name(project_id), TAG))
    return instance


async def records(inwx: RunningInwx, projects: list[UUID]) -> dict[UUID, str]:
    """Set each project's record; return the ids."""
    made = {}
    async with httpx.AsyncClient() as http:
        for project_id in projects:
            params = {"user": "demo", "pass": "demo", "domain": ZONE, "name": host(project_id), "ttl": 300}
            body = {"method": "nameserver.createRecord", "params": params | {"type": "A", "content": ADDRESS}}
            made[project_id] = (await http.post(inwx.url, json=body)).json()["resData"]["id"]
    return made


async def write_down(database: Database, made: dict[UUID, str]) -> None:
    """Write the rows that provisioning leaves of live projects; the first few with ids that INWX does not have."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    rows: dict[type[Table], list[dict[str, Any]]] = {
        Project: [
            {"vrs_id": each, "name": "x", "slug": slug(each), "provisioning_state": ProvisioningState.LIVE}
            for each in made
        ],
        ProjectDomain: [{"host": host(each), "project_id": each, "is_primary": True} for each in made],
        ManagedRecord: [
            {"project_id": each, "name": host(each), "type": RecordType.A, "content": ADDRESS, "ttl": 300}
            | {"holder": RecordHolder.INWX, "zone": ZONE, "intended_at": then, "seen_at": then}
            | {"record_id": "1" if number < WRONG else record_id}
            for number, (each, record_id) in enumerate(made.items())
        ],
        ProjectDeployment: [
            {"project_id": each, "coolify_project": PROJECT_UUID, "server": SERVER, "stage": Stage.DEPLOYED}
            | {"since": then, "image": IMAGE, "tag": VERSION, "spec": SPEC, "application": each.hex[:24], "retries": 0}
            for each in made
        ],
    }
    async with database.engine.begin() as connection:
        await connection.execute(insert(BaseDomain).values(name=ZONE))
        for model, values in rows.items():
            await connection.execute(insert(model), values)


def slug(project_id: UUID) -> str:
    """A slug."""
    return f"p-{project_id.hex}"


def host(project_id: UUID) -> str:
    """The project's name."""
    return f"{slug(project_id)}.{ZONE}"


def command(environment: dict[str, str]) -> tuple[dict[str, Any], float, float, float]:
    """Run ``vrs reconcile --json`` to its end: what it said, wall seconds, CPU seconds, peak megabytes."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "reconcile", "--json"], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.read())
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return said, time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


async def main(many: int) -> bool:
    """Measure; return whether the targets are met."""
    projects = [uuid4() for _ in range(many)]
    with local_stack(Path(tempfile.mkdtemp(prefix="vrs-benchmark-"))) as stack:
        await stack.wait()
        settings = Settings(amqp_url=SecretStr(stack.amqp_url), database_url=SecretStr(stack.database_url))
        database = open_database(settings, application_name="vrs benchmark")
        await upgrade(database.engine)
        async with running_inwx() as inwx, running_coolify(instance=tenants(projects)) as coolify:
            print(f"writing down {many} projects …")
            await write_down(database, await records(inwx, projects))
            await database.engine.dispose()
            environment = os.environ | led_to(inwx, coolify) | {"VRS_DATABASE_URL": stack.database_url}
            said, seconds, cpu, megabytes = await asyncio.to_thread(command, environment)
            calls = await calls_of(inwx.control_url), await calls_of(coolify.control_url)
    return report(said, seconds, cpu, megabytes, calls)


def led_to(inwx: RunningInwx, coolify: Coolify) -> dict[str, str]:
    """The settings."""
    return {
        "VRS_AMQP_URL": "amqp://nobody.invalid",
        "VRS_INWX_URL": inwx.url,
        "VRS_INWX_USER": "demo",
        "VRS_INWX_PASSWORD": "demo",
        "VRS_COOLIFY_URL": coolify.url,
        "VRS_COOLIFY_TOKEN": coolify.token,
        "VRS_COOLIFY_PROJECT": coolify.project_uuid,
        "VRS_MARKETPLACE_URL": "https://marketplace.vrs.example",
    }


async def calls_of(control_url: str) -> dict[str, int]:
    """How often each call was made."""
    async with httpx.AsyncClient() as http:
        calls: dict[str, int] = (await http.get(control_url)).json()["calls"]
    return {call: times for call, times in calls.items() if call != "nameserver.createRecord"}


def report(
    said: dict[str, Any], seconds: float, cpu: float, megabytes: float, calls: tuple[dict[str, int], dict[str, int]]
) -> bool:
    """Print what was measured; return whether it is as it should be."""
    found = sorted((each["service"], each["drift"]) for each in said["findings"])
    expected = [("deploy", "different")] * WRONG + [("dns", "different")] * WRONG
    print(f"{seconds:.1f} s, {cpu:.1f} s of CPU, {megabytes:.0f} MB at the most")
    print(f"INWX: {calls[0]}\nCoolify: {calls[1]}")
    print(f"found {len(found)} differences, as they were made: {found == expected}")
    return found == expected and megabytes < MEGABYTES and sum(calls[1].values()) < REQUESTS_A_MINUTE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=10_000)
    sys.exit(0 if asyncio.run(main(parser.parse_args().projects)) else 1)
