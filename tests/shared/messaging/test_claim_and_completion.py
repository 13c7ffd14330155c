"""The two statements of a usual step: planned once and not each time, and right when they meet."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from contracts import ServiceName
from shared.database import Database
from shared.messaging.cancellation import introduce
from shared.messaging.claim import Claim, claim
from shared.messaging.complete import Completion, complete
from shared.messaging.ending import Ended
from shared.messaging.settle import LogRow
from shared.messaging.waiting_room import Fence
from shared.models.log import LogStatus
from shared.transaction import begin
from tests.shared.messaging.harness import ORDERED, Harness, order, until

ENOUGH = 12
"""PostgreSQL makes a plan for the values of the first five calls, and compares."""


def completion(event: UUID, project: UUID, token: int) -> Completion:
    """What is written of a try that did nothing."""
    row = LogRow(
        project_id=project,
        consumer=ORDERED,
        step="dns",
        status=LogStatus.COMPLETED,
        attempt=1,
        event_id=event,
        causation_id=None,
        correlation_id=None,
        message="",
        detail={},
        emitted=None,
        started_at=datetime.now(UTC),
        duration_ms=1,
    )
    return Completion(Fence(ORDERED, event, token), project, Ended(row, None, ()))


def claiming(event: UUID, project: UUID) -> Claim:
    """A group of one."""
    return Claim(
        id=uuid4(),
        consumer=ORDERED,
        despite_cancellation=False,
        lease=600.0,
        lifetime=600.0,
        deliveries=[(event, project, b"{}", 0)],
    )


async def test_the_plans_of_a_claim_and_of_a_completion_are_kept(database: Database) -> None:
    async with begin(database) as transaction:
        for _ in range(ENOUGH):
            event, project = uuid4(), uuid4()
            await introduce(transaction, [(project, project.hex)], due=None)
            [step] = await claim(transaction, claiming(event, project), again=False)
            done = [completion(event, project, step.token)]
            assert await complete(transaction, ServiceName.DNS, done, []) == {step.token}
        plans = await transaction.connection.execute(
            text("SELECT generic_plans > 0, statement FROM pg_prepared_statements WHERE statement ~ 'unnest[(]'")
        )
        kept = [row[0] for row in plans]
    assert kept == [True] * 3  # introduce, claim, complete


async def test_what_refuses_a_settled_event_never_reads_the_log_from_end_to_end(database: Database) -> None:
    logged = text(
        "INSERT INTO provisioning_log (service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms) SELECT 'dns', :consumer, 'x', 'completed', 1, gen_random_uuid(), '', '{}', now(), 1"
        " FROM generate_series(1, 55)"
    )
    opened = text(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)"
        " VALUES (:consumer, gen_random_uuid(), gen_random_uuid(), '', 'running', 1, nextval('step_tokens'), now())"
    )
    scans = text("SELECT pg_stat_get_xact_numscans('provisioning_log'::regclass)")
    async with begin(database) as transaction:
        await transaction.connection.execute(logged, {"consumer": ORDERED})
        await transaction.connection.execute(text("ANALYZE provisioning_log"))
        before = await transaction.connection.scalar(scans)
        for _ in range(ENOUGH):
            await transaction.connection.execute(opened, {"consumer": ORDERED})
        assert await transaction.connection.scalar(scans) == before


async def test_a_copy_that_is_claimed_while_its_event_is_being_completed_is_a_duplicate(harness: Harness) -> None:
    event = order()
    async with begin(harness.database) as transaction:
        await introduce(transaction, [(event.subject, event.data.slug)], due=None)
        [step] = await claim(transaction, claiming(event.id, event.subject), again=False)
    async with harness.running() as runtime:
        async with begin(harness.database) as transaction:
            done = [completion(event.id, event.subject, step.token)]
            assert await complete(transaction, ServiceName.DNS, done, []) == {step.token}
            await harness.publish(event)
            await until(lambda: is_waited_for(harness, "%INSERT INTO open_steps%"))
        later = order()
        await harness.publish(later)
        await harness.logged(later.subject, "completed")
        assert runtime.not_ready == []
    assert harness.handled == [later.subject]
    assert await harness.statuses(event.subject) == ["completed"]
    assert await harness.open_steps() == []
    assert await harness.count(ORDERED) == 0


async def is_waited_for(harness: Harness, wanted: str) -> bool:
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return len(await harness.sql(f"{waiting} AND query LIKE :wanted", wanted=wanted)) == 1
