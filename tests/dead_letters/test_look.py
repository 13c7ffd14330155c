"""Listing dead letters: what is seen, where queue and waiting room differ, and that looking changes nothing."""

import asyncio
from uuid import uuid4

import pytest
from aiormq.abc import AbstractChannel
from pamqp import commands as spec

from contracts import ServiceName
from shared.dead_letters import queues
from shared.dead_letters.queues import BrokerAwayError, holding
from shared.dead_letters.selection import Filter, groups
from shared.dead_letters.view import Agreement, find, look
from tests.dead_letters.conftest import Desk
from tests.shared.messaging.harness import DEAD, ORDERED, order, until

NOWHERE = "amqp://127.0.0.1:1/"


async def test_a_step_that_really_died_is_told_with_all_that_is_known(desk: Desk) -> None:
    [event] = await desk.bury()
    [letter] = await desk.dead()
    assert (letter.consumer, letter.event_id, letter.project_id) == (ORDERED, event.id, event.subject)
    assert (letter.code, letter.attempts, letter.deaths, letter.slug) == ("inwx_2303", 1, 1, event.data.slug)
    assert letter.reason == f"INWX 2303: the zone of {event.data.fqdn} is not in the account"
    assert letter.agreement is Agreement.AGREED
    assert letter.died_at is not None


async def test_two_hundred_listings_leave_every_letter_where_it_is(desk: Desk) -> None:
    orders = await desk.bury(40)
    before = await desk.queue()
    assert set(before) == {event.id for event in orders}
    for _ in range(200):
        async with holding(desk.amqp_url, (ServiceName.DNS,), bodies=False) as held:
            assert len(held.letters) == 40
    assert await desk.queue() == before
    assert {letter.agreement for letter in await desk.dead()} == {Agreement.AGREED}


async def test_a_desk_that_is_killed_while_it_looks_leaves_the_order(desk: Desk) -> None:
    await desk.bury(40)
    before = await desk.queue()
    for _ in range(3):
        async with holding(desk.amqp_url) as held:
            await held.connection.close()
    await until(lambda: desk.harness.has(DEAD, 40))
    assert await desk.queue() == before


async def test_a_second_desk_waits_and_then_says_what_it_does_not_see(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.bury(2)
    monkeypatch.setattr("shared.dead_letters.queues.PATIENCE", 0.3)
    async with holding(desk.amqp_url):
        view = await desk.look()
    assert [letter.agreement for letter in view.letters] == [Agreement.UNKNOWN] * 2
    [notice] = view.notices
    assert "Another desk holds " in notice
    assert "dns.dead" in notice


async def test_letters_that_were_counted_and_do_not_come_are_not_taken_for_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.bury(2)
    count = queues._free

    async def count_then_one_is_taken(channel: AbstractChannel, queue: str) -> int | None:
        counted = await count(channel, queue)
        if queue == DEAD:
            await desk.harness.channel.basic_get(DEAD)
        return counted

    monkeypatch.setattr(queues, "_free", count_then_one_is_taken)
    monkeypatch.setattr(queues, "SILENCE", 0.5)
    view = await desk.look()
    assert view.letters[0].agreement is Agreement.UNKNOWN
    assert "dns.dead" in view.notices[0]


async def test_the_queues_alone_tell_what_is_dead(desk: Desk) -> None:
    [event] = await desk.bury()
    view = await look(None, desk.amqp_url)
    [letter] = view.letters
    assert (letter.event_id, letter.code, letter.attempts) == (event.id, "inwx_2303", 1)


async def test_the_waiting_room_alone_tells_what_is_dead_and_that_nothing_is_compared(desk: Desk) -> None:
    [event] = await desk.bury()
    view = await look(desk.database, NOWHERE)
    assert [letter.event_id for letter in view.letters] == [event.id]
    assert "nothing is compared" in view.notices[0]
    with pytest.raises(BrokerAwayError):
        await look(None, NOWHERE)


async def test_where_queue_and_waiting_room_differ_is_said(desk: Desk) -> None:
    lost, done, unknown = await desk.bury(3)
    [first, *_] = await desk.queue()
    assert first == lost.id
    await desk.harness.next_message(DEAD)
    await desk.sql("DELETE FROM open_steps WHERE event_id = ANY(:ids)", ids=[done.id, unknown.id])
    await desk.sql("UPDATE provisioning_log SET status = 'completed' WHERE event_id = :id", id=done.id)
    found = {letter.event_id: letter.agreement for letter in await desk.dead()}
    assert found == {
        lost.id: Agreement.NO_LETTER,
        done.id: Agreement.SETTLED,
        unknown.id: Agreement.UNCLAIMED,
    }


async def test_what_rabbitmq_moved_itself_is_found_by_its_own_words(desk: Desk) -> None:
    event = order()
    await desk.harness.publish_before_start(event)
    message = await desk.harness.channel.basic_get(ORDERED)
    await desk.harness.channel.basic_reject(message.delivery.delivery_tag, requeue=False)  # type: ignore[union-attr, arg-type]  # there is one
    await until(lambda: desk.harness.has(DEAD, 1))
    [letter] = await desk.dead()
    assert (letter.consumer, letter.event_id, letter.project_id) == (ORDERED, event.id, event.subject)
    assert (letter.code, letter.deaths, letter.agreement) == ("broker_rejected", 0, Agreement.UNCLAIMED)


async def test_an_unreadable_message_is_found_by_the_id_that_the_kernel_gave_it(desk: Desk) -> None:
    async with desk.harness.running():
        await desk.harness.publish(b"\xff\x00 junk")
        await until(lambda: desk.harness.has(DEAD, 1))
    [letter] = await desk.dead()
    assert (letter.code, letter.project_id, letter.agreement) == ("contract_not_utf8", None, Agreement.AGREED)
    foreign = spec.Basic.Properties(delivery_mode=2)
    await desk.harness.channel.basic_publish(
        b"\xff\x00 junk", exchange="vrs.dead", routing_key=ORDERED, properties=foreign
    )
    await until(lambda: desk.harness.has(DEAD, 2))
    [letter] = await desk.dead()
    assert len(letter.letters) == 2


async def test_letters_are_found_by_what_people_have_at_hand(desk: Desk) -> None:
    orders = await desk.bury(2)
    letters = await desk.dead()
    wanted = next(letter for letter in letters if letter.event_id == orders[1].id)
    message_id = str(wanted.letters[0].message_id)
    names = [wanted.short, str(wanted.event_id), str(wanted.project_id), str(wanted.slug), message_id]
    for name in [*names, f"dns:{wanted.short}"]:
        assert find(letters, name) == [wanted], name
    assert find(letters, f"deploy:{wanted.short}") == find(letters, str(uuid4())) == find(letters, "nobody") == []


async def test_letters_of_one_cause_are_one_group(desk: Desk) -> None:
    orders = await desk.bury(3)
    async with desk.harness.running():
        await desk.harness.publish(b"junk")
        await until(lambda: desk.harness.has(DEAD, 4))
    letters = await desk.dead()
    found = groups(letters)
    assert [(group.consumer, group.code, len(group.letters)) for group in found] == [
        (ORDERED, "inwx_2303", 3),
        (ORDERED, "contract_not_json", 1),
    ]
    assert sum(found[0].over_time) == 3
    assert found[0].first is not None
    assert found[0].last is not None
    assert found[0].first <= found[0].last
    only = Filter(reason="inwx_2303", project=orders[0].data.slug, service="dns", event="project-ordered")
    assert [letter.event_id for letter in only.keep(letters)] == [orders[0].id]
    assert Filter(reason="not in the ACCOUNT", since=found[0].first).keep(letters) == list(found[0].letters)
    assert Filter(service="deploy").keep(letters) == []


async def test_desks_at_once_wait_for_each_other_and_each_sees_every_letter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.bury(20)
    before = await desk.queue()
    monkeypatch.setattr("shared.dead_letters.queues.PATIENCE", 60.0)
    views = await asyncio.gather(*(desk.look() for _ in range(5)))
    assert {letter.agreement for view in views for letter in view.letters} == {Agreement.AGREED}
    assert await desk.queue() == before
