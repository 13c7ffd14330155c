"""What every step costs is planned once and not each time."""

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

CONSUMER = "dns.project-ordered"
ENOUGH = 12
"""PostgreSQL makes a plan for the values of the first five calls, and compares."""


def row_of(event: UUID, project: UUID) -> LogRow:
    return LogRow(
        project_id=project,
        consumer=CONSUMER,
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


async def test_the_plans_of_a_claim_and_of_a_completion_are_kept(database: Database) -> None:
    async with begin(database) as transaction:
        for _ in range(ENOUGH):
            event, project = uuid4(), uuid4()
            await introduce(transaction, [(project, project.hex)], due=None)
            claiming = Claim(
                id=uuid4(),
                consumer=CONSUMER,
                despite_cancellation=False,
                lease=60.0,
                lifetime=60.0,
                deliveries=[(event, project, b"{}", 0)],
            )
            [step] = await claim(transaction, claiming, again=False)
            done = Completion(Fence(CONSUMER, event, step.token), project, Ended(row_of(event, project), None, ()))
            assert await complete(transaction, ServiceName.DNS, [done], []) == {step.token}
        plans = await transaction.connection.execute(
            text("SELECT generic_plans > 0, statement FROM pg_prepared_statements WHERE statement ~ 'unnest[(]'")
        )
        kept = [row[0] for row in plans]
    assert kept == [True] * 4  # introduce, claim, what the log shows settled by then, complete
