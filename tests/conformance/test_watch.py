"""``vrs contracts watch`` on the real bus."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiormq
import httpx
import pytest

from ops.conformance.sentinel import Sentinel
from ops.failure import CommandError
from tests.choreography.events import Story
from tests.cuttable import cuttable
from tests.ops.conftest import environment
from tests.shared.messaging.harness import until

Channel = aiormq.abc.AbstractChannel


class Watching:
    """A running watch; `lines` are what it said up to now."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def says(self, **wanted: Any) -> dict[str, Any]:
        """Read until a line says this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while line := await self.process.stdout.readline():
                self.lines.append(json.loads(line))
                if wanted.items() <= self.lines[-1].items():
                    return self.lines[-1]
        raise AssertionError(f"{wanted} was not said, but {self.lines}")


@asynccontextmanager
async def watching(amqp_url: str, *options: str) -> AsyncIterator[Watching]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "contracts", "watch", "--json", *options),
        env=environment(VRS_AMQP_URL=amqp_url),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        watching = Watching(process)
        await watching.says(state="listening")
        yield watching
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def publish(channel: Channel, body: bytes, routing_key: str) -> None:
    await channel.basic_publish(body, exchange="vrs.events", routing_key=routing_key)


async def test_drift_is_told_counted_and_measured(channel: Channel, amqp_url: str) -> None:
    good = Story().healthy()
    drifting = json.loads(good.encode())
    drifting["data"]["colour"] = "red"
    del drifting["data"]["core_version"]
    async with watching(amqp_url, "--metrics-port", "0") as watch:
        url = next(line["url"] for line in watch.lines if line.get("state") == "metrics")
        await publish(channel, good.encode(), "core.healthy.v1")
        for _ in range(2):
            await publish(channel, json.dumps(drifting).encode(), "core.healthy.v1")
        await publish(channel, b"no event", "who.knows.v1")
        await watch.says(event="unknown", problem="unreadable", path="")
        async with httpx.AsyncClient() as http:
            metrics = (await http.get(url)).text
        watch.process.send_signal(signal.SIGTERM)
        told = await watch.says(drift=watch_expects())
        assert await watch.process.wait() == 0
    assert told["seen"] == told["checked"] == {"unknown": 1, "vrs.core.healthy.v1": 3}
    assert sum("problem" in line for line in watch.lines) == 2
    assert 'vrs_sentinel_events_total{event="vrs.core.healthy.v1"} 3.0' in metrics
    assert 'vrs_sentinel_drift_total{event="vrs.core.healthy.v1",problem="missing_field"} 2.0' in metrics
    assert "red" not in metrics + json.dumps(watch.lines)


def watch_expects() -> list[dict[str, Any]]:
    missing = {"event": "vrs.core.healthy.v1", "problem": "missing_field", "path": "data.core_version", "count": 2}
    return [{"event": "unknown", "problem": "unreadable", "path": "", "count": 1}, missing]


async def test_a_watch_for_some_seconds_ends_with_1_if_there_was_drift(channel: Channel, amqp_url: str) -> None:
    async with watching(amqp_url, "--for", "1") as watch:
        await publish(channel, b"{", "core.healthy.v1")
        assert await watch.process.wait() == 1


async def test_without_a_broker_it_fails_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", "amqp://127.0.0.1:1/")
    with pytest.raises(CommandError, match=r"^The broker of VRS_AMQP_URL does not answer: .+$"):
        await sentinel(asyncio.Queue()).listen()


def sentinel(listening: asyncio.Queue[None], *, sample: float = 1) -> Sentinel:
    return Sentinel(sample=sample, on_listening=lambda: listening.put_nowait(None), on_new=lambda _: None)


def heard(sentinel: Sentinel, events: int) -> bool:
    return sentinel.tally.seen.total() == events


@asynccontextmanager
async def running(sentinel: Sentinel) -> AsyncIterator[None]:
    task = asyncio.create_task(sentinel.listen())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_sample_is_checked_and_all_are_counted_and_the_queue_goes_with_it(
    channel: Channel, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", amqp_url)
    listening: asyncio.Queue[None] = asyncio.Queue()
    half = sentinel(listening, sample=0.5)
    async with running(half):
        await asyncio.wait_for(listening.get(), 10)
        for _ in range(60):
            await publish(channel, b"{", "core.healthy.v1")
        await until(lambda: half.tally.seen["vrs.core.healthy.v1"] == 60)
    assert 0 < half.tally.checked.total() == half.tally.drift.total() < 60
    with pytest.raises(aiormq.exceptions.PublishError, match="NO_ROUTE"):
        await channel.basic_publish(b"{", exchange="vrs.events", routing_key="core.healthy.v1", mandatory=True)


async def test_it_listens_again_after_a_lost_connection(
    channel: Channel, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening: asyncio.Queue[None] = asyncio.Queue()
    whole = sentinel(listening)
    async with cuttable(amqp_url) as (url, cut):
        monkeypatch.setenv("VRS_AMQP_URL", url)
        async with running(whole):
            for events in (1, 2):
                await asyncio.wait_for(listening.get(), 10)
                await publish(channel, b"{", "core.healthy.v1")
                await until(partial(heard, whole, events))
                cut()
