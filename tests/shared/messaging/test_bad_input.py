"""Messages that break their contract go to the dead letters with the reason; the consumer goes on."""

import json
from collections.abc import Callable

import pytest

from contracts import ProvisioningFailed, decode
from tests.shared.messaging.harness import DEAD, ORDERED, Harness, order, until

NOTIFY = "notify.provisioning-failed"


def changed(**fields: object) -> Callable[[bytes], bytes]:
    """The event with some of its fields replaced; None removes one."""

    def change(body: bytes) -> bytes:
        event = json.loads(body)
        for path, value in fields.items():
            *parents, name = path.split("__")
            at = event
            for parent in parents:
                at = at[parent]
            if value is None:
                del at[name]
            else:
                at[name] = value
        return json.dumps(event).encode()

    return change


ILLEGIBLE = {
    "malformed JSON": (lambda _: b'{"id": ', "contract_not_json"),
    "nothing": (lambda _: b"", "contract_not_json"),
    "not UTF-8": (lambda _: b"\xff\xfe{}", "contract_not_utf8"),
    "1 MB of junk": (lambda _: b"x" * 1_000_000, "contract_too_large"),
    "a list": (lambda _: b"[]", "contract_not_a_cloud_event"),
    "nested without end": (lambda _: b"[" * 100_000, "contract_not_json"),
    "nul bytes": (lambda _: b"\x00" * 100, "contract_not_json"),
}

LEGIBLE = {
    "unknown version": (changed(type="vrs.project.ordered.v2"), "contract_unknown_type", "vrs.project.ordered.v2"),
    "missing field": (changed(data__plan=None), "contract_invalid", "data.plan: is missing, add it"),
    "wrong type": (changed(data__plan=7), "contract_invalid", "data.plan: 7 is not text"),
    "two domains": (changed(data__own_domain="a.example"), "contract_invalid", "exactly one of"),
    "nul in a name": (changed(data__customer__name="a\x00b"), "contract_invalid", "data.customer.name"),
    "lone surrogate": (changed(data__customer__name="\ud800"), "contract_invalid", "Invalid JSON"),
}


@pytest.mark.parametrize(("spoil", "code"), ILLEGIBLE.values(), ids=ILLEGIBLE)
async def test_an_unreadable_message_becomes_a_dead_letter_without_ids(
    harness: Harness, spoil: Callable[[bytes], bytes], code: str
) -> None:
    good = order()
    body = spoil(order().encode())
    async with harness.running():
        await harness.publish(body)
        await harness.publish(good)
        await harness.logged(good.subject, "completed")
        letter = await harness.next_message(DEAD)
    assert letter.body == body
    headers = letter.headers
    assert headers["vrs-code"] == code
    assert headers["vrs-death"] == 1
    assert letter.routing_key == ORDERED
    [row] = await harness.log(None)
    assert (row.status, row.event_id, row.detail["code"]) == ("dead", None, code)
    assert row.detail["dead_letter_id"] == letter.properties.message_id


@pytest.mark.parametrize(("spoil", "code", "words"), LEGIBLE.values(), ids=LEGIBLE)
async def test_a_legible_event_that_breaks_its_contract_is_told_to_people(
    harness: Harness, spoil: Callable[[bytes], bytes], code: str, words: str
) -> None:
    event, good = order(), order()
    async with harness.running():
        await harness.publish(spoil(event.encode()))
        await harness.publish(good)
        await harness.logged(good.subject, "completed")
        letter = await harness.next_message(DEAD)
        failed = decode((await harness.next_message(NOTIFY)).body, ProvisioningFailed)
    assert letter.headers["event-id"] == str(event.id)
    assert words in letter.headers["vrs-reason"]
    assert (failed.subject, failed.causationid, failed.data.reason_code) == (event.subject, event.id, code)
    assert str(failed.data.dead_letter_id) == letter.properties.message_id
    [row] = await harness.log(event.subject)
    assert (row.status, row.event_id) == ("dead", event.id)
    assert words in row.message
    assert await harness.state(event.subject) is None


async def test_the_same_junk_delivered_again_is_a_duplicate(harness: Harness) -> None:
    async with harness.running():
        for _ in range(3):
            await harness.publish(b"junk")
        await harness.next_message(DEAD)
        good = order()
        await harness.publish(good)
        await harness.logged(good.subject, "completed")
    assert len(await harness.log(None)) == 1
    assert await harness.count(DEAD) == 0


async def test_junk_in_the_middle_of_a_group_leaves_its_neighbours_alone(harness: Harness) -> None:
    events = [order() for _ in range(20)]
    await harness.publish_before_start(events[0])
    for number, event in enumerate(events[1:]):
        await harness.publish(f"junk {number}".encode())
        await harness.publish(event)
    async with harness.running():
        for event in events:
            await harness.logged(event.subject, "completed")
        await until(lambda: harness.has(DEAD, 19))


async def test_absurd_headers_do_not_disturb(harness: Harness) -> None:
    event = order()
    async with harness.running():
        await harness.publish(event, headers={"vrs-death": "many", "x-delivery-count": -1})
        await harness.logged(event.subject, "completed")
