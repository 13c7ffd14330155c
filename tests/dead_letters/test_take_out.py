"""Discarding and restoring, notes, and taking letters to another environment."""

import json
from typing import Any

import pytest
from pamqp import commands as spec

from contracts import DeskActionKind
from services.marketplace.dead_letter_metrics import count_dead_letters
from shared.dead_letters.archive import archived, discard, restore
from shared.dead_letters.audit import history
from shared.dead_letters.notes import note_of, read_notes, subject_of, take, write_note
from shared.dead_letters.queues import holding
from shared.dead_letters.replay import Plan, replay
from shared.dead_letters.room import Room, read_bodies, read_room
from shared.dead_letters.selection import group_id
from shared.dead_letters.transfer import TransferError, exported, import_letters, read_lines
from shared.dead_letters.view import Agreement, DeadLetter, joined
from shared.metrics import REGISTRY
from tests.dead_letters.conftest import ALICE, Desk, refuse
from tests.shared.messaging.harness import DEAD, NEXT, ORDERED, until


async def test_a_discarded_letter_is_out_of_sight_and_comes_back_as_it_was(desk: Desk) -> None:
    [gone, stays] = await desk.bury(2)
    async with holding(desk.amqp_url) as held:
        before = next(letter for letter in held.letters if letter.event_id == gone.id)
    await discard(
        desk.database, desk.amqp_url, lambda view: [each for each in view.letters if each.event_id == gone.id], ALICE
    )
    assert [letter.event_id for letter in await desk.dead()] == [stays.id] == await desk.queue()
    [kept] = await archived(desk.database)
    assert (kept.letter.event_id, kept.by, kept.reason) == (gone.id, "alice", "INWX is back")
    await restore(desk.database, desk.amqp_url, [kept], ALICE)
    assert await archived(desk.database) == []
    async with holding(desk.amqp_url) as held:
        after = next(letter for letter in held.letters if letter.event_id == gone.id)
    assert (after.sendable, after.body, after.message_id) == (before.sendable, before.body, before.message_id)
    assert {letter.agreement for letter in await desk.dead()} == {Agreement.AGREED}
    async with desk.harness.running():
        report = await replay(desk.database, desk.amqp_url, lambda view: view.letters, ALICE, Plan(wait=60.0))
    assert report.counts == {"done": 2}
    kinds = [action.kind for action in await history(desk.database)]
    assert kinds == [DeskActionKind.REPLAY, DeskActionKind.RESTORE, DeskActionKind.DISCARD]


async def test_whoever_watches_counts_dead_steps_until_somebody_has_discarded_them(desk: Desk) -> None:
    [event] = await desk.bury()
    assert await waiting(desk) == 1
    await discard(desk.database, desk.amqp_url, lambda view: view.letters, ALICE)
    assert await waiting(desk) == 0
    await restore(desk.database, desk.amqp_url, await archived(desk.database), ALICE)
    assert await waiting(desk) == 1
    desk.harness.handle = refuse
    async with desk.harness.running():
        report = await replay(desk.database, desk.amqp_url, lambda view: view.letters, ALICE, Plan(wait=60.0))
    assert report.counts == {"dead again": 1}
    await desk.sql("UPDATE dead_letter_archive SET restored_at = NULL")  # it is of the death before
    assert await waiting(desk) == 1
    await desk.sql("DELETE FROM open_steps WHERE event_id = :id", id=event.id)
    assert await waiting(desk) == 0


async def waiting(desk: Desk) -> float | None:
    async with desk.database.autocommit.begin() as connection:
        await count_dead_letters(connection)
    return REGISTRY.get_sample_value("vrs_dead_letters_waiting", {"service": "dns", "consumer": ORDERED})


async def test_a_discard_that_was_killed_before_the_queue_is_finished_by_another(desk: Desk) -> None:
    await desk.bury()
    async with holding(desk.amqp_url) as held:
        message = held.letters[0]
    await discard(desk.database, desk.amqp_url, lambda view: view.letters, ALICE)
    await desk.harness.channel.basic_publish(
        message.body, exchange="vrs.dead", routing_key=message.consumer, properties=_properties(message.headers)
    )
    await until(lambda: desk.harness.has(DEAD, 1))
    [left] = await desk.dead()
    assert left.agreement is Agreement.ARCHIVED
    report = await replay(desk.database, desk.amqp_url, lambda view: view.letters, ALICE, Plan(wait=0.0))
    assert report.sent == 0
    await discard(desk.database, desk.amqp_url, lambda view: view.letters, ALICE)
    assert await desk.dead() == []
    assert len(await archived(desk.database)) == 1


async def test_a_note_and_an_owner_stand_on_a_letter_or_on_its_group(desk: Desk) -> None:
    await desk.bury(2)
    letters = await desk.dead()
    async with desk.database.engine.begin() as connection:
        await write_note(connection, [group_id(letters[0])], "asked INWX")
        await take(connection, [group_id(letters[0])], "alice")
        await take(connection, [subject_of(letters[1])], "bob")
        notes = await read_notes(connection)
    assert str(note_of(letters[0], notes)) == "alice is on it; asked INWX"
    assert str(note_of(letters[1], notes)) == "bob is on it"


async def test_exported_letters_come_to_life_in_another_environment(desk: Desk) -> None:
    await desk.bury(2)
    await desk.harness.publish(b"\xff junk")
    async with desk.harness.running():
        await until(lambda: desk.harness.has(DEAD, 3))
    await desk.harness.next_message(DEAD)  # one is only in the waiting room
    async with holding(desk.amqp_url) as held, desk.database.engine.begin() as connection:
        from_rows = await read_bodies(connection, [letter.key for letter in await desk_letters(desk)])
        view = await joined(desk.database, await room_of(desk), held)
        lines = [exported(letter, from_rows.get(letter.key)) for letter in view.letters]
    assert len(lines) == 3
    await desk.sql("TRUNCATE open_steps, provisioning_log, desk_actions CASCADE")  # as another environment
    await desk.harness.channel.queue_purge(DEAD)
    letters = read_lines([line for line in lines if line])
    assert len(await import_letters(desk.database, desk.amqp_url, letters, ALICE)) == 3
    assert await import_letters(desk.database, desk.amqp_url, letters, ALICE) == []
    assert {letter.agreement for letter in await desk.dead()} == {Agreement.UNCLAIMED}
    async with desk.harness.running():
        report = await replay(desk.database, desk.amqp_url, lambda view: view.letters, ALICE, Plan(wait=60.0))
        await until(lambda: desk.harness.has(NEXT, 2))
    assert report.counts == {"done": 2, "dead again": 1}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: event: Invalid JSON"),
        ('{"consumer": "dns.x", "event_id": "7", "headers": {}, "body": ""}', "line 2: event_id: "),
        (
            json.dumps({"consumer": "moon.x", "event_id": "0" * 32, "headers": {}, "body": "", "encoding": "utf-8"}),
            "line 2: consumer: 'moon' is no service",
        ),
    ],
)
def test_a_line_that_is_no_letter_is_refused_by_its_number(line: str, problem: str) -> None:
    with pytest.raises(TransferError) as refused:
        read_lines(["", line])
    assert problem in str(refused.value)


async def desk_letters(desk: Desk) -> list[DeadLetter]:
    return [
        DeadLetter(row.consumer, row.event_id, None, None, "", "", 1, 1, None, None, Agreement.AGREED)
        for row in await desk.sql("SELECT consumer, event_id FROM open_steps")
    ]


async def room_of(desk: Desk) -> Room:
    async with desk.database.autocommit.begin() as connection:
        return await read_room(connection)


def _properties(headers: dict[str, Any]) -> spec.Basic.Properties:
    return spec.Basic.Properties(delivery_mode=2, headers=headers)
