"""Every step has a date; one that is missed is told once, with the step, the reason and a new expected time."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts import CloudEvent, ProvisioningDelayed
from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until

ORDERED, CONFIGURED, DEPLOYED = "dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed"
SECONDS = "extract(epoch FROM step_due_at - clock_timestamp())"


async def test_a_missed_date_is_told_once_within_three_seconds_with_reason_and_expected_time(
    system: System, inwx: Inwx, mailbox: Mailbox
) -> None:
    story = Story()
    await system.seed()
    await inwx.break_("nameserver.createRecord", "refused", code=2400)
    async with system.running(dns, notify):
        await completions(system, ORDERED, *range(1, 101))
        await system.publish(order := story.ordered())
        await until(lambda: system.log(ORDERED, order))
        missed = await miss(system, story)
        delayed = await system.hears(ProvisioningDelayed, story)
        assert datetime.now(UTC) - missed < timedelta(seconds=3)
        await system.logged("notify.provisioning-delayed", delayed, "completed")
        [step] = await system.open_steps(order)
    assert (delayed.data.step, delayed.data.due_at) == ("dns", missed)
    assert "INWX answered nameserver.createRecord with 2400" in delayed.data.reason
    assert delayed.causationid == order.id
    assert delayed.correlation_id == order.correlation_id
    assert delayed.data.expected_at is not None
    assert delayed.data.expected_at - step.created_at == approximately(50.5)  # the median of 1 to 100 seconds
    assert await due_in(system, story) == pytest.approx(60, abs=8)  # and not told again within a minute
    [mail] = await mailbox.mails("team@vrs.example")
    assert mail["subject"] == f"Verspätet: {story.fqdn} (Domain und DNS)"
    assert "with 2400" in mail["text"]
    [row] = await system.log("notify.late", order)
    assert row.message.startswith("dns is late, due by")
    assert row.detail["usual"] == "50.5 s, at most 95.0 s in 95 of 100 (of 100)"


async def test_three_instances_tell_a_missed_date_once_and_a_second_one_again(system: System, mailbox: Mailbox) -> None:
    story = await waiting(system)

    async def all_have_seen_it() -> bool:
        [(waiting_for_it,)] = await system.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(waiting_for_it == 3)

    async with system.running(notify, notify, notify):
        await system.sql("UPDATE projects SET step_due_at = clock_timestamp() + interval '0.5 seconds'")
        async with system.database.engine.begin() as connection:
            await connection.execute(text("SELECT FROM projects FOR UPDATE"))
            await until(all_have_seen_it, within=30)
        await told(system, story, 1)
        await miss(system, story)
        await told(system, story, 2)
        await until(lambda: mails(mailbox, 2))
    rows = await system.sql("SELECT * FROM provisioning_log WHERE step = 'late'")
    assert len(rows) == 2


async def test_a_watch_that_is_killed_amid_its_work_tells_each_missed_date_once(
    system: System, mailbox: Mailbox
) -> None:
    stories = [await waiting(system) for _ in range(20)]

    async def late_rows() -> list[Any]:
        return await system.sql("SELECT project_id FROM provisioning_log WHERE step = 'late'")

    async def are_told() -> bool:
        return all(system.said(ProvisioningDelayed, story) for story in stories)

    for story in stories:
        await miss(system, story)
    async with notify_process() as process:
        await until(late_rows, within=30)
        process.kill()
        await process.wait()
    await system.sql("UPDATE outbox SET lease_until = clock_timestamp()")
    await system.sql("UPDATE open_steps SET due_at = clock_timestamp() WHERE state = 'running'")
    async with system.running(notify):
        await until(are_told, within=30)
        await until(lambda: mails(mailbox, 20), within=30)
    ids = [row.project_id for row in await late_rows()]
    assert sorted(ids) == sorted(story.project_id for story in stories)
    assert [len({event.id for event in system.said(ProvisioningDelayed, story)}) for story in stories] == [1] * 20


async def test_nothing_is_told_of_projects_that_are_not_late_or_at_an_end(system: System, mailbox: Mailbox) -> None:
    in_time, cancelled = await waiting(system), await waiting(system)
    nothing_open = Story()
    await system.know(nothing_open, ProvisioningState.DNS_CONFIGURED)
    await system.sql("UPDATE projects SET step_due_at = now() + interval '1 hour'")
    await system.mark_cancelled(cancelled, undone=())
    late = await waiting(system)
    async with system.running(notify):
        for story in (cancelled, nothing_open, late):
            await miss(system, story)
        await told(system, late, 1)
        await until(lambda: has_no_date(system, nothing_open))
    told_of = {event.subject for event in system.heard if isinstance(event.data, ProvisioningDelayed)}
    assert told_of == {late.project_id}
    assert await due_in(system, in_time) == pytest.approx(3600, abs=60)


async def test_an_event_that_nobody_takes_is_late_in_its_queue(system: System, inwx: Inwx, mailbox: Mailbox) -> None:
    story = Story()
    await system.seed()
    async with system.running(dns, notify):  # deploy is down
        await system.publish(order := story.ordered())
        await system.tries(ORDERED, order)
        await miss(system, story)
        delayed = await system.hears(ProvisioningDelayed, story)
    assert delayed.data.step == "deploy"
    assert delayed.data.reason == f"DnsConfigured waits in {CONFIGURED}: deploy has not taken it"
    assert (delayed.data.next_try_at, delayed.data.expected_at) == (None, None)
    assert delayed.causationid != order.id


async def test_an_order_that_dns_has_not_taken_is_late_and_is_told(system: System, mailbox: Mailbox) -> None:
    story = Story()
    await system.sql(
        "INSERT INTO projects (vrs_id, name, slug, step_due_at) VALUES (:id, 'x', 'x', clock_timestamp())",
        id=story.project_id,
    )
    async with system.running(notify):
        delayed = await system.hears(ProvisioningDelayed, story)
        await until(lambda: mails(mailbox, 1))
    assert delayed.data.step == "dns"
    assert "ProjectOrdered has not reached dns" in delayed.data.reason


async def test_every_step_has_its_date_from_the_commit_that_makes_it_due_until_the_project_is_live(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("DNS", 1000), ("DEPLOY", 2000), ("BOOTSTRAP", 3000)):
        monkeypatch.setenv(f"VRS_{name}_DUE", str(seconds))
    story = Story()
    await system.seed()
    await inwx.break_("nameserver.createRecord", "refused", code=2400)
    async with system.running(marketplace, dns):
        await place(system.database, [order := story.ordered()])
        await until(lambda: system.log(ORDERED, order))
        assert await due_in(system, story) == pytest.approx(1000, abs=30)
        await inwx.mend()
        await system.tries(ORDERED, order)
        assert await due_in(system, story) == pytest.approx(2000, abs=30)
    await cores.set(app_fault={"fqdn": story.fqdn, "kind": "never_boots"})
    async with system.running(deploy, bootstrap):
        await system.becomes(ProvisioningState.APP_DEPLOYED, story)
        assert await due_in(system, story) == pytest.approx(3000, abs=30)
        await cores.set(heal=story.fqdn)
        await system.becomes(ProvisioningState.LIVE, story)
        assert await has_no_date(system, story)


async def test_a_project_of_the_marketplace_without_a_date_gets_one_with_its_order(system: System, inwx: Inwx) -> None:
    await system.seed()
    await inwx.set(propagation=3600)
    story = Story()
    await system.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (:id, 'x', 'x')", id=story.project_id)
    async with system.running(dns):
        await system.publish(order := story.ordered())
        await system.logged(ORDERED, order, "waiting")
    assert await system.state(story) == ProvisioningState.ORDERED
    assert await due_in(system, story) == pytest.approx(300, abs=30)


async def test_nothing_is_due_while_a_place_is_waited_for_or_after_a_failure_and_all_is_due_when_it_goes_on(
    system: System, inwx: Inwx
) -> None:
    await system.seed(capacity=0)
    story = Story()
    async with system.running(dns):
        await system.publish(order := story.ordered())
        await system.logged(ORDERED, order, "parked")
        assert await has_no_date(system, story)
        await inwx.break_("nameserver.createRecord", "refused", code=2400)
        await system.sql("UPDATE servers SET capacity = 1")
        await system.logged(ORDERED, order, "parked", "retrying")
        assert await due_in(system, story) == pytest.approx(300, abs=30)
        await system.let_time_pass(order, deadline=True)  # and the deadline ends it
        rows = await system.log(ORDERED, order)
        letter = await system.fails(ORDERED, order, *[row.status for row in rows], code="inwx_2400", story=story)
        assert await has_no_date(system, story)
        await system.replay(letter)
        await until(lambda: retried(system, order))
        assert await due_in(system, story) == pytest.approx(300, abs=30)


async def waiting(system: System) -> Story:
    """A project whose deployment waits for its next try."""
    story = Story()
    await system.know(story, ProvisioningState.DNS_CONFIGURED)
    event = story.configured()
    await system.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, deadline, reason)"
        " VALUES (:consumer, :event, :id, :body, 'waiting', 3, nextval('step_tokens'), now() + interval '1 minute',"
        " now() + interval '1 hour', 'Coolify is busy')",
        consumer=CONFIGURED,
        event=event.id,
        id=story.project_id,
        body=event.encode(),
    )
    return story


async def miss(system: System, story: Story) -> datetime:
    """Let the project's date pass now; return it."""
    [row] = await system.sql(
        "UPDATE projects SET step_due_at = clock_timestamp() WHERE vrs_id = :id RETURNING step_due_at",
        id=story.project_id,
    )
    missed: datetime = row.step_due_at
    return missed


async def told(system: System, story: Story, times: int) -> None:
    """Wait until delays of the project were told so often, and everything that was committed is said."""
    await until(lambda: len(system.said(ProvisioningDelayed, story)) >= times)
    assert len(await system.said_in_all(ProvisioningDelayed, story)) == times


async def mails(mailbox: Mailbox, number: int) -> bool:
    found = await mailbox.mails("team@vrs.example")
    assert len({mail["message_id"] for mail in found}) <= number
    return len({mail["message_id"] for mail in found}) == number


async def completions(system: System, consumer: str, *seconds: int) -> None:
    """A history of the step, with these durations."""
    for lasted in seconds:
        await system.sql(
            "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message,"
            " detail, started_at, duration_ms, at) SELECT CAST(:project AS uuid), 'dns', :consumer, 'x', CAST(status AS"
            " log_status), 1, CAST(:event AS uuid), '', '{}', now() - make_interval(secs => :seconds) * part, 1, now()"
            " FROM (VALUES ('waiting', 1.0), ('completed', 0.1)) AS tries (status, part)",
            project=uuid4(),
            event=uuid4(),
            consumer=consumer,
            seconds=float(lasted),
        )


async def due_in(system: System, story: Story) -> float:
    """Seconds until the project's date."""
    [row] = await system.sql(f"SELECT {SECONDS}::float8 AS left FROM projects WHERE vrs_id = :id", id=story.project_id)
    left: float = row.left
    return left


async def has_no_date(system: System, story: Story) -> bool:
    [row] = await system.sql("SELECT step_due_at FROM projects WHERE vrs_id = :id", id=story.project_id)
    return row.step_due_at is None


async def retried(system: System, event: CloudEvent[Any]) -> bool:
    rows = [row.status for row in await system.log(ORDERED, event)]
    return "dead" in rows and rows[-1] == "retrying"


def approximately(seconds: float) -> Any:
    return pytest.approx(timedelta(seconds=seconds), abs=timedelta(seconds=1))


@asynccontextmanager
async def notify_process() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "run", "notify"), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
