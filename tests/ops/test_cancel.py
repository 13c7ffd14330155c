"""``vrs cancel``: what is committed, what is published, what a person is told."""

import asyncio
import getpass
import json
from typing import Any
from uuid import UUID, uuid4

import aiormq
import pytest
from sqlalchemy import text

from contracts import ProjectCancelled, decode
from ops.cancellation import named_project
from ops.failure import CommandError
from shared.database import Database
from shared.messaging.cancellation import mark_cancelled, mark_undone
from shared.transaction import begin
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import until

NO_BROKER = "amqp://127.0.0.1:1/"
WHY = ("--reason", "ordered twice")


async def rows(database: Database, statement: str, **parameters: Any) -> list[Any]:
    async with database.engine.begin() as connection:
        result = await connection.execute(text(statement), parameters)
        return list(result) if result.returns_rows else []


async def a_project(database: Database, slug: str = "baeckerei", state: str | None = "dns_configured") -> UUID:
    project_id = uuid4()
    await rows(
        database,
        "INSERT INTO projects (vrs_id, name, slug, provisioning_state, step_due_at) VALUES (:id, 'x', :slug,"
        " CAST(:state AS provisioning_state), now())",
        id=project_id,
        slug=slug,
        state=state,
    )
    return project_id


async def undo_all(database: Database, project_id: UUID) -> None:
    async with database.engine.begin() as connection:
        for service in ProjectCancelled.undone_by:
            await mark_undone(connection, service, [project_id])


async def test_a_cancellation_is_marked_and_published_to_all_who_must_hear_it(
    vrs: Vrs, database: Database, amqp_url: str
) -> None:
    project_id, story = await a_project(database), uuid4()
    await rows(
        database,
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, correlation_id, message,"
        " detail, started_at, duration_ms) VALUES (:id, 'dns', 'dns.project-ordered', 'x', 'waiting', 1, :story, '',"
        " '{}', now(), 1)",
        id=project_id,
        story=story,
    )
    ended = await vrs("cancel", "baeckerei", *WHY, "--remove-volumes", "--no-wait", VRS_AMQP_URL=amqp_url)
    assert ended.code == 0, ended.err
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        for service in ProjectCancelled.required_by:
            message = await channel.basic_get(f"{service}.project-cancelled", no_ack=True)
            event = decode(message.body, ProjectCancelled)
            assert (event.subject, event.correlation_id) == (project_id, story)
            assert event.data == ProjectCancelled(
                reason="ordered twice", requested_by=getpass.getuser(), keep_volumes=False
            )
    assert await rows(database, "SELECT * FROM outbox") == []
    [project] = await rows(database, "SELECT * FROM projects")
    assert (project.provisioning_state, project.step_due_at) == ("cancelling", None)
    [mark] = await rows(database, "SELECT * FROM cancellations")
    assert (mark.project_id, mark.reason, mark.requested_by) == (project_id, "ordered twice", getpass.getuser())


async def test_without_a_broker_the_cancellation_holds_and_waits_in_the_outbox(vrs: Vrs, database: Database) -> None:
    project_id = await a_project(database, state=None)
    ended = await vrs("cancel", str(project_id), *WHY, "--by", "desk", VRS_AMQP_URL=NO_BROKER)
    assert (ended.code, ended.out) == (1, "")
    assert f"{project_id} is cancelled from now on; the event is safe in the outbox" in ended.err
    assert "`vrs run marketplace` sends it" in ended.err
    [row] = await rows(database, "SELECT owner, routing_key, lease_until <= now() AS free FROM outbox")
    assert tuple(row) == ("marketplace", "project.cancelled.v1", True)
    assert [row.requested_by for row in await rows(database, "SELECT * FROM cancellations")] == ["desk"]
    [project] = await rows(database, "SELECT provisioning_state FROM projects")
    assert project.provisioning_state == "cancelling"


async def test_cancelling_a_cancelled_project_does_nothing_and_says_since_when(vrs: Vrs, database: Database) -> None:
    project_id = await a_project(database)
    wish = ProjectCancelled(reason="ordered twice", requested_by="desk")
    async with begin(database) as transaction:
        await mark_cancelled(transaction, [(project_id, wish)])
    await undo_all(database, project_id)
    ended = await vrs("cancel", "baeckerei", *WHY, VRS_AMQP_URL=NO_BROKER)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{project_id} is already cancelled: desk, 20")
    assert await rows(database, "SELECT * FROM outbox") == []


async def test_the_parts_are_shown_until_all_are_undone(vrs: Vrs, database: Database, amqp_url: str) -> None:
    project_id = await a_project(database)
    running = asyncio.ensure_future(vrs("cancel", "baeckerei", *WHY, VRS_AMQP_URL=amqp_url))
    await until(lambda: rows(database, "SELECT 1 FROM cancellations"), within=40)
    await undo_all(database, project_id)
    ended = await running
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert [f"{service} undone" for service in ("bootstrap", "deploy", "dns")] == lines[-4:-1]
    assert lines[-1] == f"{project_id} is cancelled."


async def test_a_part_that_was_given_up_is_told_with_its_reason(vrs: Vrs, database: Database, amqp_url: str) -> None:
    project_id = await a_project(database)
    running = asyncio.ensure_future(vrs("cancel", "baeckerei", *WHY, "--json", VRS_AMQP_URL=amqp_url))
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()

        async def event_id() -> UUID | None:
            marked = await rows(database, "SELECT 1 FROM cancellations")
            gone = marked and not await rows(database, "SELECT 1 FROM outbox")
            message = await channel.basic_get("deploy.project-cancelled", no_ack=True) if gone else None
            return decode(message.body, ProjectCancelled).id if message else None

        found: list[UUID] = []

        async def is_published() -> bool:
            found.extend(filter(None, [await event_id()]))
            return bool(found)

        await until(is_published, within=40)
    await rows(
        database,
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, reason)"
        " VALUES ('deploy.project-cancelled', :event, :id, '', 'dead', 1, 1, now(), 'Coolify answers 422')",
        event=found[0],
        id=project_id,
    )
    async with database.engine.begin() as database_connection:
        for service in ProjectCancelled.undone_by - {"deploy"}:
            await mark_undone(database_connection, service, [project_id])
    ended = await running
    assert ended.code == 1
    assert "deploy has given up: Coolify answers 422" in ended.err
    outcome = json.loads(ended.out)
    assert not outcome["cancelled"]
    assert {part["service"]: part["state"] for part in outcome["parts"]} == {
        "bootstrap": "undone",
        "deploy": "given up",
        "dns": "undone",
    }


async def test_an_unknown_project_is_cancelled_by_its_id_and_not_by_a_name(
    vrs: Vrs, database: Database, amqp_url: str
) -> None:
    project_id = uuid4()
    ended = await vrs("cancel", str(project_id), *WHY, "--no-wait", VRS_AMQP_URL=amqp_url)
    assert ended.code == 0
    assert f"There is no project {project_id} (yet); should its order come, it has no effect." in ended.err
    assert [row.project_id for row in await rows(database, "SELECT * FROM cancellations")] == [project_id]
    with pytest.raises(CommandError, match="There is no project 'nobody'"):
        await named_project(database.engine, "nobody")


async def test_a_slug_that_two_projects_have_is_refused(database: Database) -> None:
    ids = [str(await a_project(database)) for _ in range(2)]
    with pytest.raises(CommandError) as refused:
        await named_project(database.engine, "baeckerei")
    assert all(project_id in str(refused.value) for project_id in ids)


async def test_an_empty_reason_is_wrong_usage(vrs: Vrs) -> None:
    ended = await vrs("cancel", "baeckerei", "--reason", "")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("--reason: ")
