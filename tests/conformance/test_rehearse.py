"""``vrs contracts rehearse`` with consumers that do it right, that do not answer, and that do it wrong."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiormq
import pytest
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from contracts import EVENTS, ContractError, decode
from contracts.story import STORY
from ops.conformance.rehearsal import Rehearsal
from ops.conformance.stream import cases
from ops.conformance.verdict import Mark, Verdict
from ops.failure import CommandError
from tests.node import node
from tests.ops.conftest import environment

React = Callable[[AbstractChannel, DeliveredMessage], Awaitable[None]]

LIVE = "vrs.core.healthy.v1"
CASES = ["in order", "duplicates", "reordered", "late", "unknown fields", "unknown version", "unreadable", "afterwards"]


class Consumer:
    """A consumer as it should be; each subclass does one thing otherwise."""

    prefetch = 10
    cases = len(CASES)

    def __init__(self) -> None:
        self.handled: Counter[str] = Counter()

    async def react(self, channel: AbstractChannel, message: DeliveredMessage) -> None:
        outcome = self.outcome(message.body)
        await self.settle(channel, message, outcome)
        await self.answer(channel, message, outcome)

    def outcome(self, body: bytes) -> str:
        try:
            contract = EVENTS.get(json.loads(body)["type"])
            if contract is None:
                return "ignored"
            event = decode(body, contract)
        except (ValueError, ContractError):
            return "refused"
        self.handled[str(event.id)] += 1
        return self.of_event(str(event.id))

    def of_event(self, event_id: str) -> str:
        return "handled" if self.handled[event_id] == 1 else "duplicate"

    async def settle(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        if outcome == "refused":
            await channel.basic_nack(message.delivery_tag or 0, requeue=False)
        else:
            await channel.basic_ack(message.delivery_tag or 0)

    async def answer(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        asked = message.header.properties
        properties = spec.Basic.Properties(correlation_id=asked.message_id)
        await channel.basic_publish(
            json.dumps({"outcome": outcome}).encode(), routing_key=asked.reply_to or "", properties=properties
        )


class Silent(Consumer):
    async def answer(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        pass


class Forgetful(Consumer):
    def of_event(self, event_id: str) -> str:
        return "handled"


class Misspelling(Consumer):
    def of_event(self, event_id: str) -> str:
        return "handled" if self.handled[event_id] == 1 else "dupe"


class Requeuing(Consumer):
    async def settle(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        if outcome == "refused":
            await channel.basic_nack(message.delivery_tag or 0, requeue=True)
        else:
            await channel.basic_ack(message.delivery_tag or 0)


class Hoarding(Consumer):
    prefetch = 1
    cases = 2

    async def settle(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        pass


class NeverAcking(Hoarding):
    prefetch = 0


class Crashing(Consumer):
    async def settle(self, channel: AbstractChannel, message: DeliveredMessage, outcome: str) -> None:
        if outcome == "refused":
            await channel.close()
            raise asyncio.CancelledError
        await super().settle(channel, message, outcome)


class Eager(Consumer):
    def outcome(self, body: bytes) -> str:
        return "handled" if b".v99" in body else super().outcome(body)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.conformance.rehearsal.CATCH_FOR", 0.1)


@pytest.fixture
async def queue(amqp_url: str) -> AsyncIterator[str]:
    """A queue of an integrator, whose dead letters go to the queue of the same name with ``.dead``."""
    name = f"integrator.{uuid4().hex}"
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        dead: dict[str, Any] = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.dead"}
        await channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"} | dead)
        await channel.queue_declare(f"{name}.dead", durable=True)
        yield name
        for queue in (name, f"{name}.dead"):
            await channel.queue_delete(queue)


@asynccontextmanager
async def consuming(consumer: Consumer, amqp_url: str, queue: str) -> AsyncIterator[aiormq.abc.AbstractConnection]:
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=consumer.prefetch)

        async def take(message: DeliveredMessage) -> None:
            await consumer.react(channel, message)

        await channel.basic_consume(queue, take)
        yield connection


async def rehearse(
    consumer: Consumer, amqp_url: str, queue: str, *, types: tuple[str, ...] = (LIVE,), **options: Any
) -> dict[str, Verdict]:
    async with consuming(consumer, amqp_url, queue), await aiormq.connect(amqp_url) as connection:
        rehearsal = Rehearsal(connection, queue, within=options.pop("within", 5.0), **options)
        await rehearsal.check(force=False)
        stream = cases(types)[: consumer.cases]
        return {verdict.case.name: verdict async for verdict in rehearsal.play(stream)}


async def depth(amqp_url: str, queue: str) -> int | None:
    async with await aiormq.connect(amqp_url) as connection:
        return (await (await connection.channel()).queue_declare(queue, passive=True)).message_count


async def test_a_consumer_that_does_it_right_passes_each_case(amqp_url: str, queue: str) -> None:
    verdicts = await rehearse(Consumer(), amqp_url, queue, types=(), dead_letters=f"{queue}.dead")
    assert {name: (verdict.mark, verdict.reason) for name, verdict in verdicts.items()} == {
        "in order": (Mark.PASSED, f"{len(STORY)} handled"),
        "duplicates": (Mark.PASSED, f"{len(STORY)} duplicate"),
        "reordered": (Mark.PASSED, f"{len(STORY)} handled"),
        "late": (Mark.PASSED, "1 handled"),
        "unknown fields": (Mark.PASSED, "1 handled"),
        "unknown version": (Mark.PASSED, "1 ignored"),
        "unreadable": (Mark.PASSED, "1 refused"),
        "afterwards": (Mark.PASSED, "1 handled"),
    }
    assert await depth(amqp_url, queue) == await depth(amqp_url, f"{queue}.dead") == 0


async def test_of_a_consumer_that_does_not_answer_only_its_dead_letters_tell(amqp_url: str, queue: str) -> None:
    verdicts = await rehearse(Silent(), amqp_url, queue, dead_letters=f"{queue}.dead")
    marks = {name: verdict.mark for name, verdict in verdicts.items()}
    assert marks == dict.fromkeys(CASES, Mark.UNKNOWN) | {"unreadable": Mark.PASSED}
    assert verdicts["in order"].reason == "1 of 1 taken without an answer"


@pytest.mark.parametrize(
    ("consumer", "case", "reason"),
    [
        (Forgetful, "duplicates", "1 handled; right is duplicate or ignored"),
        (
            Misspelling,
            "duplicates",
            'answers that cannot be read: 1; expected {"outcome": "handled|duplicate|ignored|refused"}',
        ),
        (Eager, "unknown version", "1 handled; right is ignored"),
        (Requeuing, "unreadable", "1 of 1 came back: put back with requeue, they would come again for ever"),
        (Hoarding, "duplicates", "1 of 1 were not taken: what it took before is not acked"),
        (Crashing, "unreadable", "the consumer is gone: it has crashed, or closed its channel"),
    ],
)
async def test_a_mistake_fails_its_case_and_leaves_no_message(
    amqp_url: str, queue: str, consumer: type[Consumer], case: str, reason: str
) -> None:
    verdicts = await rehearse(consumer(), amqp_url, queue, within=2.0 if consumer is Hoarding else 4.0)
    assert verdicts[case].mark is Mark.FAILED
    assert verdicts[case].reason == reason
    failed = {name: verdict.reason for name, verdict in verdicts.items() if verdict.mark is Mark.FAILED}
    if consumer is not Hoarding:
        assert failed == {case: reason}
        assert await depth(amqp_url, queue) == 0


async def test_what_was_never_acked_is_known_once_the_consumer_has_stopped(amqp_url: str, queue: str) -> None:
    async with await aiormq.connect(amqp_url) as connection:
        rehearsal = Rehearsal(connection, queue, within=5.0)
        async with consuming(NeverAcking(), amqp_url, queue) as consumer:
            verdicts = [verdict async for verdict in rehearsal.play(cases([LIVE]))]
            counting = asyncio.create_task(rehearsal.unacked())
            await asyncio.sleep(0)
            await consumer.close()
            assert await counting == len(verdicts) == len(CASES)
    assert {verdict.mark for verdict in verdicts} == {Mark.PASSED}
    assert await depth(amqp_url, queue) == 0


async def test_messages_of_others_are_given_back(amqp_url: str, queue: str) -> None:
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        rehearsal = Rehearsal(connection, queue, within=0.5)
        async with consuming(Hoarding(), amqp_url, queue):
            await channel.basic_publish(b"real", routing_key=queue)  # held by the consumer
            await channel.basic_publish(b"also real", routing_key=queue)
            verdicts = [verdict async for verdict in rehearsal.play(cases([LIVE])[:1])]
        assert verdicts[0].mark is Mark.FAILED
    assert await depth(amqp_url, queue) == 2


async def test_what_must_not_be_rehearsed_with_is_refused(amqp_url: str, queue: str) -> None:
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        for name, problem in {
            "dns.project-ordered": "dns.project-ordered is a queue of this system",
            "deploy.dead": "deploy.dead is a queue of this system",
            "nobody": "there is no queue nobody: start your consumer first, it declares it",
            queue: f"nobody consumes from {queue}: start your consumer first",
        }.items():
            with pytest.raises(CommandError, match=problem):
                await Rehearsal(connection, name, within=1).check(force=True)
        await channel.basic_publish(b"real", routing_key=queue)
        with pytest.raises(CommandError, match="has 1 messages waiting: empty it first; --force"):
            await Rehearsal(connection, queue, within=1).check(force=False)


async def test_the_example_in_node_passes(amqp_url: str, node_example: Path, tmp_path: Path) -> None:
    name = f"integrator.{uuid4().hex}"
    follower = await node(node_example, "follow.js", name, str(tmp_path / "story.jsonl"), amqp_url=amqp_url)
    assert follower.stdout is not None
    assert await follower.stdout.readline()
    rehearsing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "contracts", "rehearse", "--queue", name, "--json", "--acks"),
        env=environment(VRS_AMQP_URL=amqp_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert rehearsing.stderr is not None
    assert await rehearsing.stderr.readline() == b"Stop your consumer now ...\n"
    follower.send_signal(signal.SIGTERM)
    out, err = await rehearsing.communicate()
    await follower.communicate()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["case"], line["result"]) for line in lines[:-1]] == [(case, "passed") for case in CASES], lines
    assert (lines[-1], rehearsing.returncode) == ({"unacked": 0}, 0), err
    async with await aiormq.connect(amqp_url) as connection:
        await (await connection.channel()).queue_delete(name)


def test_no_two_streams_share_an_id_and_each_is_told_by_its_source() -> None:
    first, second = cases(), cases()
    ids = [{message.event for case in stream for message in case.messages} for stream in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    for message in first[0].messages:
        assert decode(message.body, EVENTS[message.type]).source == "/vrs/rehearsal"
    with pytest.raises(ValueError, match=r"no event has a type of vrs\.nothing\.v1"):
        cases(["vrs.nothing.v1"])
