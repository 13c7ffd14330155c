"""What every command has in common: help, exit codes, no traceback for what was to be expected."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from contracts import ServiceName
from ops.cli import app
from ops.failure import CommandError
from ops.seed import read_seed
from shared.database import Database
from shared.outbox import row_of, said
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import order


def commands(group: typer.Typer, *path: str) -> Iterator[list[str]]:
    for command in group.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")  # type: ignore[union-attr]  # each has one
        yield [*path, name]
    yield [*path]
    for inner in group.registered_groups:
        assert inner.name
        assert inner.typer_instance
        yield from commands(inner.typer_instance, *path, inner.name)


NOWHERE = "postgresql://127.0.0.1:1/vrs"


@pytest.mark.parametrize("command", list(commands(app)), ids=lambda path: " ".join(path) or "vrs")
def test_every_command_explains_itself_with_examples(command: list[str]) -> None:
    ended = CliRunner().invoke(app, [*command, "--help"])
    assert ended.exit_code == 0
    _, _, examples = ended.output.partition("Examples:")
    lines = [line.strip("\n") for line in examples.splitlines()[1:]]
    assert lines[0].startswith("   "), "examples are indented"
    assert f"vrs {' '.join(command)}".strip() in examples


async def test_the_help_does_not_import_what_only_a_service_needs() -> None:
    program = (
        "import sys, ops.cli; print([name for name in ('sqlalchemy', 'faststream', 'httpx') if name in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"[]\n"


@pytest.mark.parametrize(
    "arguments", [["fly"], ["order"], ["run", "nothing"], ["doctor", "nothing"], ["demo", "--orders", "0"]]
)
async def test_wrong_usage_is_exit_code_2(vrs: Vrs, arguments: list[str]) -> None:
    ended = await vrs(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("service", ["dns", "marketplace"])
async def test_a_missing_setting_is_named_on_one_line(vrs: Vrs, service: str) -> None:
    ended = await vrs("run", service, VRS_DATABASE_URL=None)
    assert ended.code == 2
    assert "VRS_AMQP_URL: is not set" in ended.err
    assert "VRS_DATABASE_URL: is not set" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", [["projects"], ["db", "upgrade"]], ids=" ".join)
async def test_a_database_that_is_not_there_is_said_in_a_line(vrs: Vrs, command: list[str]) -> None:
    ended = await vrs(*command, VRS_DATABASE_URL=NOWHERE)
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "VRS_DATABASE_URL does not answer" in ended.err


async def test_a_database_without_schema_is_said_with_the_remedy(vrs: Vrs, database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("DROP TABLE open_steps"))
    ended = await vrs("projects")
    assert (ended.code, ended.out) == (1, "")
    assert "vrs db upgrade" in ended.err


async def test_seeding_again_updates_and_leaves_taken_places_alone(
    vrs: Vrs, database: Database, tmp_path: Path
) -> None:
    assert (await vrs("db", "seed")).code == 0
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE servers SET used = 3 WHERE name = 'srv-tenants-1'"))
    changed = tmp_path / "seed.toml"
    changed.write_text(
        '[[servers]]\nname = "srv-tenants-1"\ncoolify_uuid = "srv0000000000000000000001"\nregion = "fsn1"\n'
        'ipv4 = "203.0.113.99"\ncapacity = 7\n'
    )
    assert (await vrs("db", "seed", str(changed), "--yes")).code == 0
    async with database.engine.begin() as connection:
        servers = (await connection.execute(text("SELECT ipv4, capacity, used FROM servers ORDER BY id"))).all()
        domains = (await connection.scalars(text("SELECT name FROM base_domains ORDER BY name"))).all()
    assert tuple(servers[0]) == ("203.0.113.99", 7, 3)
    assert (len(servers), domains) == (10, ["vrs-projects.example", "vrs.example"])


@pytest.mark.parametrize(
    ("seed", "problem"),
    [
        ('[[servers]]\nname = "one"', "servers.0.coolify_uuid: is missing, add it"),
        ('base_domains = ["Not a domain"]', "base_domains.0: "),
        ("base_domain = []", "base_domain: there is no such field"),
        ("not toml", "line 1"),
    ],
)
def test_a_wrong_seed_file_is_refused_field_by_field(tmp_path: Path, seed: str, problem: str) -> None:
    file = tmp_path / "seed.toml"
    file.write_text(seed)
    with pytest.raises(CommandError) as refused:
        read_seed(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert problem in str(refused.value)


async def test_doctor_finds_everything_well(vrs: Vrs, amqp_url: str) -> None:
    ended = await vrs("doctor", "marketplace", "--json", VRS_AMQP_URL=amqp_url)
    assert ended.code == 0, ended.err
    findings = {finding["what"]: finding for finding in json.loads(ended.out)}
    assert list(findings) == ["database", "broker", "outbox", "marketplace: settings"]
    assert all(finding["ok"] for finding in findings.values())


async def test_doctor_names_events_that_rabbitmq_does_not_take(vrs: Vrs, amqp_url: str, database: Database) -> None:
    old, young = said(order()), said(order())
    async with database.engine.begin() as connection:
        for message in (old, young):
            await connection.execute(row_of(message, owner=ServiceName.MARKETPLACE))
        aged = text("UPDATE outbox SET created_at = '2026-01-02 03:04:05+00' WHERE id = :id")
        await connection.execute(aged, {"id": old.id})
    ended = await vrs("doctor", "marketplace", "--json", VRS_AMQP_URL=amqp_url)
    assert ended.code == 1
    [problem] = [finding["found"] for finding in json.loads(ended.out) if not finding["ok"]]
    assert "marketplace: 1 project.ordered.v1, the oldest since 2026-01-02 03:04:05" in problem
    assert "`vrs run marketplace`" in problem


async def test_doctor_says_what_is_missing_and_what_to_do(vrs: Vrs, database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE vrs_alembic_version SET version_num = '0001'"))
    wrong = {"VRS_AMQP_URL": "amqp://127.0.0.1:1/", "VRS_INWX_USER": "demo", "VRS_SMTP_URL": "http://mail"}
    ended = await vrs("doctor", "dns", "notify", "--json", **wrong)
    assert ended.code == 1
    found = {finding["what"]: finding["found"] for finding in json.loads(ended.out) if not finding["ok"]}
    assert "vrs db upgrade" in found["database"]
    assert "VRS_AMQP_URL" in found["broker"]
    assert "VRS_INWX_PASSWORD: is not set" in found["dns: settings"]
    assert "VRS_SMTP_URL" in found["notify: settings"]
    assert "Traceback" not in ended.err
