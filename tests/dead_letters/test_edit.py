"""Edited copies: checked, sent in the original's place, and never beside it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from contracts import CloudEvent, DnsConfigured, ProjectOrdered, decode
from shared.dead_letters.archive import archived
from shared.dead_letters.edit import Edited, EditError, body_of, data_of, edited, send_edited, with_values
from shared.dead_letters.view import Agreement, DeadLetter
from shared.outcome import Later, Outcome
from shared.step import Step
from tests.dead_letters.conftest import ALICE, Desk, refuse
from tests.shared.messaging.harness import DEAD, NEXT, ORDERED, cancellation, configure, order, until


async def ready(desk: Desk, values: dict[str, str] | None = None) -> Edited:
    """The only dead letter, edited."""
    [letter] = await desk.dead()
    body = await body_of(desk.database, desk.amqp_url, letter)
    return edited(letter, body, with_values(data_of(body), values or {"slug": "renamed"}))


async def send_copy(desk: Desk, original: CloudEvent[ProjectOrdered], slug: str = "renamed") -> CloudEvent[Any]:
    """A copy sent as the desk sends it, whatever has become of the original."""
    data = original.data.model_copy(update={"slug": slug})
    copy = CloudEvent.of(data, source="desk", project_id=original.subject, causation_id=original.id)
    await desk.harness.replay(copy.encode(), {"vrs-supersedes": str(original.id)})
    return copy


async def test_an_edited_copy_goes_on_in_the_originals_place(desk: Desk) -> None:
    [event] = await desk.bury()
    copy = await ready(desk)
    assert '+  "slug": "renamed"' in copy.changes
    async with desk.harness.running():
        await send_edited(desk.database, desk.amqp_url, copy, ALICE)
        await desk.harness.logged(event.subject, "dead", "superseded", "completed")
        told = decode((await desk.harness.next_message(NEXT)).body, DnsConfigured)
        await desk.harness.publish(event)  # a late redelivery of the original
        await desk.harness.replay(event.encode(), {"vrs-death": 1})
        await until(lambda: desk.harness.has(ORDERED, 0))
    assert told.data.fqdn == "renamed.vrs.example"
    assert (told.correlation_id, told.causationid) == (event.correlation_id, copy.copy.id)
    assert copy.copy.causationid == event.id
    assert await desk.dead() == [] == await desk.harness.open_steps()
    [kept] = await archived(desk.database)
    assert (kept.letter.event_id, kept.copy_id, kept.changes) == (event.id, copy.copy.id, copy.changes)
    assert kept.letter.letters[0].body == event.encode()
    assert len(desk.harness.handled) == 2


async def test_a_copy_waits_while_its_original_runs_and_is_refused_when_that_completes(desk: Desk) -> None:
    event, let_go = order(), asyncio.Event()

    async def slow(data: ProjectOrdered, step: Step) -> Outcome:
        await let_go.wait()
        return await configure(data, step)

    desk.harness.handle = slow
    async with desk.harness.running():
        await desk.harness.publish(event)
        await until(lambda: desk.harness.handled)
        copy = await send_copy(desk, event)
        await desk.harness.logged(event.subject, "waiting")
        let_go.set()
        await desk.harness.logged(event.subject, "waiting", "completed", "superseded")
    rows = await desk.harness.log(event.subject)
    assert [row.event_id for row in rows] == [copy.id, event.id, copy.id]
    assert "refused" in rows[-1].message
    assert desk.harness.handled == [event.subject]
    assert await desk.harness.open_steps() == []


async def test_a_copy_takes_the_place_of_an_original_that_waits(desk: Desk) -> None:
    event = order()

    async def later(data: ProjectOrdered, step: Step) -> Outcome:
        return Later(after=600, message="not yet") if data.slug != "renamed" else await configure(data, step)

    desk.harness.handle = later
    async with desk.harness.running():
        await desk.harness.publish(event)
        await desk.harness.logged(event.subject, "waiting")
        await send_copy(desk, event)
        await desk.harness.logged(event.subject, "waiting", "superseded", "completed")
    assert await desk.harness.open_steps() == []


async def test_a_copy_of_what_was_never_seen_keeps_it_out_for_ever(desk: Desk) -> None:
    event = order()
    async with desk.harness.running():
        await send_copy(desk, event)
        await desk.harness.logged(event.subject, "superseded", "completed")
        await desk.harness.publish(event)
        await until(lambda: desk.harness.has(ORDERED, 0))
        await until(lambda: desk.harness.has(NEXT, 1))
    assert desk.harness.handled == [event.subject]
    assert await desk.harness.open_steps() == []


async def test_of_two_copies_at_once_one_is_refused(desk: Desk) -> None:
    [event] = await desk.bury()
    await asyncio.gather(send_copy(desk, event, "first-copy"), send_copy(desk, event, "second-copy"))
    async with desk.harness.running():
        await until(lambda: _has_statuses(desk, event.subject, ["completed", "dead", "superseded", "superseded"]))
    assert await desk.harness.count(NEXT) == 1
    assert await desk.harness.open_steps() == []


async def test_a_copy_that_dies_is_replayed_and_is_still_the_only_one(desk: Desk) -> None:
    [event] = await desk.bury()
    desk.harness.handle = refuse
    async with desk.harness.running():
        copy = await send_copy(desk, event)
        await desk.harness.logged(event.subject, "dead", "superseded", "dead")
        await until(lambda: desk.harness.has(DEAD, 2))
        desk.harness.handle = configure
        await desk.harness.next_message(DEAD)
        letter = await desk.harness.next_message(DEAD)
        assert letter.headers["vrs-supersedes"] == str(event.id)
        await desk.harness.replay(letter.body, letter.headers)
        await desk.harness.logged(event.subject, "dead", "superseded", "dead", "completed")
    assert letter.headers["event-id"] == str(copy.id)


async def test_a_copy_for_a_cancelled_project_has_no_effect(desk: Desk) -> None:
    [event] = await desk.bury()
    async with desk.harness.running():
        await desk.harness.publish(cancellation(event.subject))
        await desk.harness.logged(event.subject, "dead", "cancelled", "completed")
        await send_copy(desk, event)
        await until(lambda: desk.harness.has(ORDERED, 0))
    await desk.harness.logged(event.subject, "dead", "cancelled", "completed")
    assert desk.harness.handled == [event.subject]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"slug": "Not a slug"}, "data.slug: "),
        ({"customer.email": "nobody"}, "data.customer.email: "),
        ({"own_domain": "shop.example"}, "give exactly one of base_domain and own_domain"),
        ({"plam": "large", "slug": "other"}, "data.plam: vrs.project.ordered.v1 has no such field"),
        ({"customer.mail": "a@b.example", "slug": "other"}, "data.customer.mail: "),
        ({"slug.first": "x"}, "slug is no object"),
        ({"plugins.3.name": "x"}, "'3' is none of the places"),
    ],
)
async def test_what_breaks_the_contract_is_refused_field_by_field(
    desk: Desk, values: dict[str, str], problem: str
) -> None:
    event = order()
    letter = DeadLetter(ORDERED, event.id, event.subject, None, "", "", 1, 1, None, None, Agreement.AGREED)
    with pytest.raises(EditError) as refused:
        edited(letter, event.encode(), with_values(data_of(event.encode()), values))
    assert problem in str(refused.value)


async def test_an_edit_of_what_is_not_dead_any_more_is_refused(desk: Desk) -> None:
    [event] = await desk.bury()
    copy = await ready(desk)
    message = await desk.harness.next_message(DEAD)
    async with desk.harness.running():
        await desk.harness.replay(message.body, message.headers)
        await desk.harness.logged(event.subject, "dead", "completed")
    with pytest.raises(EditError, match="not dead any more"):
        await send_edited(desk.database, desk.amqp_url, copy, ALICE)


async def _has_statuses(desk: Desk, project_id: UUID, statuses: list[str]) -> bool:
    return sorted(await desk.harness.statuses(project_id)) == statuses
