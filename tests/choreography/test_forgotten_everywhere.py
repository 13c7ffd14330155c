"""Each place in which a customer's contact may have come to stand is one that forgetting knows."""

import json
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from contracts import CloudEvent, DeadLetterHandled, DeskActionKind, ProjectCancelled, ProjectOrdered, ServiceName
from contracts.cloud_event import decode
from shared.dead_letters.queues import holding
from shared.forget import forget
from shared.messaging.topology import dead_queue, declare
from tests.choreography.forgettable import Forgettable
from tests.choreography.system import System
from tests.shared.messaging.harness import until
from tests.stored import stored, tables_with

CONFIRMED = "notify.project-ordered"
LOGGED = (
    "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
    " emitted, started_at, duration_ms) VALUES (:project, 'dns', 'dns.x', 'x', 'completed', 1, gen_random_uuid(),"
    " :message, CAST(:detail AS jsonb), :emitted, now(), 1)"
)


async def a_webhook_of_the_cancellation(who: Forgettable) -> None:
    await who.deliver(who.cancelled())


async def a_webhook_of_what_came_of_it(who: Forgettable) -> None:
    await who.deliver(who.retired())


async def a_webhook_of_an_operators_action(who: Forgettable) -> None:
    data = DeadLetterHandled(
        action=DeskActionKind.REPLAY,
        action_id=uuid4(),
        consumer=CONFIRMED,
        event=uuid4(),
        by="a",
        reason=who.typed,
    )
    await who.deliver(who.story.event(data, ServiceName.MARKETPLACE))


async def a_webhook_of_an_action_on_an_order_of_no_project(who: Forgettable) -> None:
    await who.deliver(await who.discard(who.unreadable, who.typed))


async def a_dead_cancellation(who: Forgettable) -> None:
    await who.die(who.cancelled().encode(), who.story.project_id)


async def a_dead_order_that_breaks_its_contract(who: Forgettable) -> None:
    await who.die(who.misspelt(), who.story.project_id)


async def a_dead_order_that_names_no_project(who: Forgettable) -> None:
    await who.die(who.unreadable, None)


async def a_discarded_order_that_is_no_json(who: Forgettable) -> None:
    await who.discard(who.unreadable, "broken")


async def a_discarded_order_that_names_no_project(who: Forgettable) -> None:
    await who.discard(who.misspelt(subject=None), "broken")


async def a_note_on_a_group(who: Forgettable) -> None:
    await who.system.sql(
        "INSERT INTO dead_letter_notes (subject, note) VALUES ('dns/contract_invalid', :note)",
        note=f"among them {who.contact.email}",
    )


async def a_saved_search(who: Forgettable) -> None:
    await who.system.sql(
        "INSERT INTO staff_users (name, password_hash, role, created_by, searches) VALUES ('a', '!', 'operator', 'a',"
        " jsonb_build_array(jsonb_build_object('name', 'mine', 'query', CAST(:query AS text))))",
        query=f"q={who.contact.email}",
    )


async def what_a_step_has_said(who: Forgettable) -> None:
    lines = b"\n".join(event.encode() for event in (who.story.configured(), who.retired()))
    await who.system.sql(LOGGED, project=who.story.project_id, message="m", detail="{}", emitted=lines)


async def records_of_a_transfer(who: Forgettable) -> None:
    await who.system.sql(
        "INSERT INTO domain_transfers (project_id, domain, stage, max_cents, zone_made, kept_records)"
        " VALUES (:project, 'moves.example', 'transferred', 1, false, jsonb_build_array(CAST(:record AS text)))",
        project=who.story.project_id,
        record=f"TXT _dmarc v=DMARC1; p=none; rua=mailto:{who.contact.email}",
    )


async def what_the_marketplace_has_said(who: Forgettable) -> None:
    await who.system.sql("INSERT INTO said_events VALUES (:event, :body)", event=uuid4(), body=who.cancelled().encode())


PLACES: tuple[Callable[[Forgettable], Awaitable[None]], ...] = (
    a_webhook_of_the_cancellation,
    a_webhook_of_what_came_of_it,
    a_webhook_of_an_operators_action,
    a_webhook_of_an_action_on_an_order_of_no_project,
    a_dead_cancellation,
    a_dead_order_that_breaks_its_contract,
    a_dead_order_that_names_no_project,
    a_discarded_order_that_is_no_json,
    a_discarded_order_that_names_no_project,
    a_note_on_a_group,
    a_saved_search,
    what_a_step_has_said,
    records_of_a_transfer,
    what_the_marketplace_has_said,
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_the_contact_stands_nowhere_any_more(
    system: System, place: Callable[[Forgettable], Awaitable[None]]
) -> None:
    who = Forgettable(system)
    await who.know()
    await place(who)
    assert await tables_with(system.database, *who.words) > {"project_orders"}
    await who.forget()
    assert await tables_with(system.database, *who.words) == set()
    assert await who.forget() == {}


async def test_what_is_left_of_events_is_an_event_with_what_the_project_is_called(system: System) -> None:
    who = Forgettable(system)
    await who.know()
    await system.sql("UPDATE project_orders SET customer_name = slug")
    await who.deliver(cancelled := who.cancelled())
    await what_a_step_has_said(who)
    await system.sql(LOGGED, project=who.story.project_id, message="m", detail='{"attempt": 18, "n": 1.5}', emitted=b"")
    await who.forget()
    [(body,)] = await system.sql("SELECT body FROM webhook_deliveries")
    left = decode(bytes(body), ProjectCancelled)
    assert (left.id, left.subject, left.data.requested_by) == (cancelled.id, who.story.project_id, "case worker")
    [(emitted,)] = await system.sql("SELECT emitted FROM provisioning_log WHERE emitted <> ''")
    assert bytes(emitted).count(b"\n") == 1
    assert who.story.fqdn.encode() in bytes(emitted).splitlines()[1]


async def test_a_customer_who_is_called_as_a_number_is_forgotten_too(system: System) -> None:
    who = Forgettable(system)
    await who.know()
    await system.sql("UPDATE project_orders SET customer_name = '1860'")
    await system.sql(LOGGED, project=who.story.project_id, message="m", detail='{"n": 1860, "by": "1860"}', emitted=b"")
    assert (await who.forget())["provisioning_log"] == 1
    [(detail,)] = await system.sql("SELECT detail FROM provisioning_log WHERE consumer = 'dns.x'")
    assert detail == {"n": 1860, "by": "[removed]"}


async def test_the_envelope_of_an_event_stays_whatever_the_customer_is_called(system: System) -> None:
    who = Forgettable(system)
    await who.know()
    event = who.cancelled()
    words = [str(event.id).partition("-")[0], str(event.time.year), "marketplace"]
    [(left,)] = await system.sql(
        "SELECT vrs_without_contact(:body, CAST(:words AS text[]))", body=event.encode(), words=words
    )
    there, kept = json.loads(event.encode()), json.loads(left)
    assert {name: kept[name] for name in there if name != "data"} == {
        name: there[name] for name in there if name != "data"
    }


async def test_another_customers_rows_stay_as_they_are(system: System) -> None:
    who, other = Forgettable(system), Forgettable(system)
    await who.know()
    await other.know()
    for place in PLACES:
        await place(other)
    there = await stored(system.database)
    await who.forget()
    now = await stored(system.database)
    assert {table for table in there if now[table] != there[table]} == {"project_orders", "provisioning_log"}
    assert other.name in now["project_orders"]


async def lying(system: System) -> list[tuple[UUID | None, bytes]]:
    async with holding(system.amqp_url, (ServiceName.NOTIFY,)) as held:
        return [(letter.project_id, letter.body) for letter in held.letters]


async def test_letters_that_tell_it_are_taken_out_of_their_queue_and_no_other(system: System) -> None:
    who, other = Forgettable(system), Forgettable(system)
    await who.know()
    same = _with(other.story.ordered(), who)  # another project of the same customer
    telling = [who.misspelt(), who.misspelt(subject=None), who.unreadable, who.cancelled().encode()]
    telling.append(b"half of an order of " + str(who.story.project_id).encode())
    silent = [who.story.cancelled().encode(), same.encode(), other.unreadable]
    await declare(system.channel, [dead_queue(ServiceName.NOTIFY)])
    for body in (*telling, *silent):
        await system._send("vrs.dead", CONFIRMED, body, {})

    async def are_there() -> bool:
        return len(await lying(system)) == len(telling) + len(silent)

    await until(are_there)
    async with holding(system.amqp_url) as held, system.database.engine.begin() as connection:
        _, letters = await forget(connection, held, who.story.project_id, by="a", reason="asked")
    assert sorted(letter.body for letter in letters) == sorted(telling)


def _with(order: CloudEvent[ProjectOrdered], who: Forgettable) -> CloudEvent[ProjectOrdered]:
    return order.model_copy(update={"data": order.data.model_copy(update={"customer": who.contact})})
