"""Temporary and permanent errors, deadlines, dead letters and their replay."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts import ProvisioningFailed, decode
from shared.errors import PermanentError, TemporaryError
from shared.messaging import verdict
from shared.models import BaseDomain
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Upsert
from tests.shared.messaging.harness import DEAD, NEXT, ORDERED, Harness, configure, order, order_row, until

FAILED = "notify.provisioning-failed"


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "FIRST_BACKOFF", 0.05)


class Failing:
    """Fails with each of `errors` in turn, then does what is expected."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.attempts: list[int] = []

    async def __call__(self, event: Any, step: Step) -> Outcome:
        self.attempts.append(step.attempt)
        if self.errors:
            raise self.errors.pop(0)
        return await configure(event, step)


async def test_a_temporary_error_is_tried_again_and_each_try_is_counted_and_logged(harness: Harness) -> None:
    harness.handle = handler = Failing(
        TemporaryError("INWX is busy", code="inwx_2400"), RuntimeError("what is this?"), TimeoutError()
    )
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "retrying", "retrying", "retrying", "completed")
    assert handler.attempts == [1, 2, 3, 4]
    rows = await harness.log(event.subject)
    assert rows[0].message == "INWX is busy"
    assert rows[0].detail["code"] == "inwx_2400"
    assert rows[1].message == "RuntimeError: what is this?"
    assert [row.attempt for row in rows] == [1, 2, 3, 4]


async def test_retry_after_is_honoured(harness: Harness) -> None:
    harness.handle = Failing(TemporaryError("slow down", code="coolify_429", retry_after=0.7))
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "retrying", "completed")
    first, second = await harness.log(event.subject)
    assert (second.started_at - first.at).total_seconds() >= 0.65


async def test_a_permanent_error_is_dead_with_letter_log_and_event_in_one_commit(harness: Harness) -> None:
    harness.handle = Failing(PermanentError("the zone is not in the account: add it", code="inwx_2303"))
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "dead")
        letter = await harness.next_message(DEAD)
        failed = decode((await harness.next_message(FAILED)).body, ProvisioningFailed)
    assert letter.body == event.encode()
    headers = letter.headers
    assert headers["vrs-reason"] == "the zone is not in the account: add it"
    assert (headers["vrs-code"], headers["vrs-death"], headers["vrs-attempt"]) == ("inwx_2303", 1, 1)
    assert failed.data.reason_code == "inwx_2303"
    assert failed.data.customer_text.de.startswith("Bei der Einrichtung")
    [row] = await harness.log(event.subject)
    assert bytes(row.emitted) == failed.encode()
    assert await harness.state(event.subject) == "failed"
    [step] = await harness.open_steps()
    assert (step.state, step.deaths) == ("dead", 1)


async def test_a_step_that_is_not_done_by_its_deadline_is_dead(harness: Harness) -> None:
    async def never(event: Any, step: Step) -> Outcome:
        return Later(after=0.1, message="ns2 does not answer yet")

    harness.handle = never
    harness.options["deadline"] = timedelta(seconds=3)
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "waiting", "dead")
    rows = await harness.log(event.subject)
    assert rows[1].message == "not done by its deadline: ns2 does not answer yet"
    assert rows[1].detail["code"] == "deadline"
    assert rows[1].attempt == 1


async def test_temporary_errors_end_at_the_deadline_too(harness: Harness) -> None:
    harness.handle = Failing(*[TemporaryError("busy", code="inwx_2400") for _ in range(100)])
    harness.options["deadline"] = timedelta(seconds=2)
    event = order()
    async with harness.running():
        await harness.publish(event)
        await until(lambda: harness.has(DEAD, 1))
    assert (await harness.statuses(event.subject))[-1] == "dead"
    assert (await harness.log(event.subject))[-1].message.startswith("gave up after")


async def test_a_dead_letter_that_is_replayed_goes_on_and_says_the_next_event(harness: Harness) -> None:
    harness.handle = handler = Failing(PermanentError("no zone", code="inwx_2303"))
    event = order()
    async with harness.running():
        await harness.publish(event)
        letter = await harness.next_message(DEAD)
        await harness.replay(letter.body, letter.headers)
        await harness.logged(event.subject, "dead", "completed")
        await harness.next_message(NEXT)
        await harness.replay(letter.body, letter.headers)  # once more: nothing
        await until(lambda: harness.has(ORDERED, 0))
        other = order()
        await harness.publish(other)
        await harness.logged(other.subject, "completed")
    assert handler.attempts == [1, 2, 1]
    assert await harness.statuses(event.subject) == ["dead", "completed"]


async def test_a_late_copy_of_the_original_is_no_replay(harness: Harness) -> None:
    harness.handle = Failing(PermanentError("no", code="no"), PermanentError("still no", code="no"))
    event = order()
    async with harness.running():
        await harness.publish(event)
        first = await harness.next_message(DEAD)
        await harness.publish(event)
        await harness.replay(first.body, first.headers)
        second = await harness.next_message(DEAD)
        await harness.replay(first.body, first.headers)  # names an older death
        await until(lambda: harness.has(ORDERED, 0))
        await harness.replay(second.body, second.headers)
        await harness.logged(event.subject, "dead", "dead", "completed")
    assert second.headers["vrs-death"] == 2


async def test_unreadable_junk_that_is_replayed_dies_again_and_can_be_replayed_again(harness: Harness) -> None:
    async with harness.running():
        await harness.publish(b"junk")
        first = await harness.next_message(DEAD)
        await harness.replay(first.body, first.headers)
        second = await harness.next_message(DEAD)
    assert [first.headers["vrs-death"], second.headers["vrs-death"]] == [1, 2]


async def test_a_data_error_at_commit_kills_only_the_step_that_has_it(harness: Harness) -> None:
    poisoned = order()

    async def poison(event: Any, step: Step) -> Outcome:
        done = await configure(event, step)
        if step.project_id != poisoned.subject:
            return done
        return Done(message="poison", writes=(order_row(event, step), Upsert(BaseDomain(name="nul \x00"))))

    harness.handle = poison
    events = [order() for _ in range(10)]
    await harness.publish_before_start(poisoned)
    for event in events:
        await harness.publish(event)
    async with harness.running():
        for event in events:
            await harness.logged(event.subject, "completed")
        await harness.logged(poisoned.subject, "dead")
        letter = await harness.next_message(DEAD)
    assert letter.headers["vrs-code"] == "data_error"


async def test_a_record_that_the_database_refuses_is_the_handlers_permanent_error(harness: Harness) -> None:
    async def record(event: Any, step: Step) -> Outcome:
        await step.record(Upsert(BaseDomain(name=None)))
        return await configure(event, step)

    harness.handle = record
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "dead")
    assert (await harness.log(event.subject))[0].detail["code"] == "data_error"


async def test_a_try_that_takes_too_long_is_stopped_and_tried_again(harness: Harness) -> None:
    tries = 0

    async def hang_once(event: Any, step: Step) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.Event().wait()
        return await configure(event, step)

    harness.handle = hang_once
    harness.options["try_timeout"] = timedelta(seconds=0.2)
    event = order()
    async with harness.running():
        await harness.publish(event)
        await harness.logged(event.subject, "retrying", "completed")
    assert (await harness.log(event.subject))[0].detail["code"] == "try_timeout"
