"""Replaying: to the one consumer, followed, in stages; killed or stopped in the middle, it is finished by another."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from contracts import DeadLetterHandled, DeskActionKind, decode
from ops.desk.progress import watching
from shared.dead_letters.audit import history
from shared.dead_letters.replay import Plan, Report, replay
from shared.dead_letters.view import Agreement, View
from shared.models import LetterOutcome, ProvisioningState
from shared.outcome import Done, Outcome
from shared.step import Step
from tests.dead_letters.conftest import ALICE, Desk, refuse
from tests.shared.messaging.harness import DEAD, NEXT, ORDERED, configure, order, until

PATIENT = Plan(wait=60.0)


def everything(view: View) -> list[Any]:
    return view.letters


async def replay_all(desk: Desk, plan: Plan = PATIENT, **options: Any) -> Report:
    return await replay(desk.database, desk.amqp_url, everything, ALICE, plan, **options)


async def test_a_replayed_letter_is_handled_once_and_gone_from_its_queue(desk: Desk) -> None:
    orders = await desk.bury(3)
    async with desk.harness.running():
        report = await replay_all(desk)
    assert report.counts == {"done": 3}
    assert await desk.dead() == []
    for event in orders:
        await desk.harness.logged(event.subject, "dead", "completed")
    assert await desk.harness.count(NEXT) == 3
    assert Counter(desk.harness.handled) == {event.subject: 2 for event in orders}


async def test_an_action_is_remembered_with_what_became_of_each_and_is_an_event(desk: Desk) -> None:
    [event] = await desk.bury()
    await desk.harness.channel.queue_declare("audit", exclusive=True)
    await desk.harness.channel.queue_bind("audit", "vrs.events", "deadletter.handled.v1")
    async with desk.harness.running():
        await replay_all(desk)
    [action] = await history(desk.database, (ORDERED, event.id))
    assert (action.kind, action.by, action.reason) == (DeskActionKind.REPLAY, "alice", "INWX is back")
    assert (action.outcomes, action.detail["sent"]) == ({"done": 1}, 1)
    assert action.ended_at is not None
    told = decode((await desk.harness.next_message("audit")).body, DeadLetterHandled)
    assert (told.subject, told.correlation_id, told.causationid) == (event.subject, event.correlation_id, event.id)
    assert (told.data.action_id, told.data.event, told.data.by) == (action.id, event.id, "alice")
    assert await desk.sql("SELECT 1 FROM outbox WHERE owner = 'marketplace'") == []


async def test_what_dies_again_is_said_and_stays_to_be_replayed(desk: Desk) -> None:
    await desk.bury()
    desk.harness.handle = refuse
    async with desk.harness.running():
        report = await replay_all(desk)
    assert report.counts == {"dead again": 1}
    [letter] = await desk.dead()
    assert (letter.deaths, letter.attempts, letter.agreement) == (2, 2, Agreement.AGREED)


async def test_what_nobody_handles_yet_is_still_running_and_not_dead(desk: Desk) -> None:
    await desk.bury()
    report = await replay_all(desk, Plan(wait=0.0))
    assert report.counts == {"still running": 1}
    assert await desk.queue() == []
    async with desk.harness.running():
        await until(lambda: desk.harness.has(NEXT, 1))
    [action] = await history(desk.database)
    assert action.outcomes == {"done": 1}  # what became of it since


async def test_a_canary_stops_by_itself_when_too_many_die_again(desk: Desk) -> None:
    await desk.bury(12)
    desk.harness.handle = refuse
    async with desk.harness.running():
        report = await replay_all(desk, Plan(canary=True, tolerate=0.1, wait=60.0))
    assert (report.sent, report.counts) == (1, {"dead again": 1})
    assert report.stopped == "1 of 1 died again, 10% are tolerated; 11 not sent"
    assert len(await desk.queue()) == 12


async def test_a_canary_grows_while_all_goes_well(desk: Desk) -> None:
    await desk.bury(12)
    stages = []
    async with desk.harness.running():
        report = await replay_all(desk, Plan(canary=True, wait=60.0), watch=lambda now: stages.append(now.sent))
    assert report.counts == {"done": 12}
    assert list(dict.fromkeys(stages)) == [1, 3, 8, 12]


async def test_a_canary_stops_when_nobody_handles_what_it_sends(desk: Desk) -> None:
    await desk.bury(2)
    report = await replay_all(desk, Plan(canary=True, wait=0.1))
    assert report.sent == 1
    assert "do the services run?" in str(report.stopped)


async def test_a_rate_and_a_limit_hold_back(desk: Desk) -> None:
    await desk.bury(6)
    began = time.monotonic()
    report = await replay_all(desk, Plan(rate=10.0, limit=5, wait=0.0))
    assert report.sent == 5
    assert time.monotonic() - began >= 0.4  # four were sent before the last, ten a second
    assert len(await desk.queue()) == 1


async def test_a_leftover_of_a_killed_replay_is_only_taken_away(desk: Desk) -> None:
    [event] = await desk.bury()
    [letter] = await desk.dead()
    message = await desk.harness.next_message(DEAD)
    async with desk.harness.running():
        await desk.harness.replay(message.body, message.headers)
        await desk.harness.logged(event.subject, "dead", "completed")
        await desk.harness.channel.basic_publish(
            message.body, exchange="vrs.dead", routing_key=ORDERED, properties=message.properties
        )
        await until(lambda: desk.harness.has(DEAD, 1))
        [left] = await desk.dead()
        report = await replay_all(desk)
    assert left.agreement is Agreement.SETTLED
    assert report.outcomes == {letter.key: LetterOutcome.NOTHING}
    assert await desk.queue() == []
    assert desk.harness.handled == [event.subject] * 2


async def test_a_dead_row_without_a_letter_is_replayed_from_the_row(desk: Desk) -> None:
    [event] = await desk.bury()
    await desk.harness.next_message(DEAD)
    async with desk.harness.running():
        report = await replay_all(desk)
    assert report.counts == {"done": 1}
    await desk.harness.logged(event.subject, "dead", "completed")


async def test_what_rabbitmq_moved_itself_is_handed_to_its_consumer(desk: Desk) -> None:
    event = order()
    await desk.harness.publish_before_start(event)
    message = await desk.harness.channel.basic_get(ORDERED)
    await desk.harness.channel.basic_reject(message.delivery.delivery_tag, requeue=False)  # type: ignore[union-attr, arg-type]  # there is one
    await until(lambda: desk.harness.has(DEAD, 1))
    async with desk.harness.running():
        report = await replay_all(desk)
    assert report.counts == {"done": 1}
    await desk.harness.logged(event.subject, "completed")


async def test_a_letter_for_a_consumer_that_nobody_has_stays_and_is_said(desk: Desk) -> None:
    await desk.bury()
    message = await desk.harness.next_message(DEAD)
    headers = message.headers | {"vrs-consumer": "dns.nobody-knows"}
    message.properties.headers = headers
    await desk.harness.channel.basic_publish(
        message.body, exchange="vrs.dead", routing_key="dns.nobody-knows", properties=message.properties
    )
    await until(lambda: desk.harness.has(DEAD, 1))
    report = await replay(
        desk.database,
        desk.amqp_url,
        lambda view: [letter for letter in view.letters if letter.consumer == "dns.nobody-knows"],
        ALICE,
        PATIENT,
    )
    assert [letter.consumer for letter in report.refused] == ["dns.nobody-knows"]
    assert len(await desk.queue()) == 1


async def test_a_replay_that_is_stopped_writes_down_what_it_did_and_leaves_the_rest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.bury(6)
    monkeypatch.setattr("shared.dead_letters.replay.GROUP", 1)

    async def watched() -> None:
        with watching(as_json=True) as watch:

            def stop(now: Report) -> None:
                watch(now)
                if now.sent == 2:
                    replaying.cancel()

            await replay_all(desk, Plan(wait=0.0), watch=stop)

    replaying = asyncio.create_task(watched())
    with pytest.raises(asyncio.CancelledError):
        await replaying
    sent = 6 - len(await desk.queue())
    assert sent in (2, 3)  # the group under way is ended
    assert f"Stopped: {sent} of 6 sent" in capsys.readouterr().err
    [action] = await history(desk.database)
    assert (action.outcomes, action.detail["sent"]) == ({"still running": sent}, sent)
    assert action.ended_at is not None
    async with desk.harness.running():
        await until(lambda: desk.harness.has(NEXT, sent), within=30)
        assert (await replay_all(desk)).counts == {"done": 6 - sent}
        await until(lambda: desk.harness.has(NEXT, 6))
    assert set(Counter(desk.harness.handled).values()) == {2}


async def test_a_project_that_becomes_live_is_said_to_be_live(desk: Desk) -> None:
    [event] = await desk.bury()

    async def live(data: Any, step: Step) -> Outcome:
        outcome = await configure(data, step)
        return Done(message="live", writes=outcome.writes, state=ProvisioningState.LIVE)

    desk.harness.handle = live
    async with desk.harness.running():
        report = await replay_all(desk)
    assert report.counts == {"live": 1}
    assert await desk.harness.state(event.subject) == "live"
