"""Dramatiq: worker threads, quorum queues, confirmed publishes. It has no outbox: the message follows the commit."""

import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.throughput.contender import Contender, Put
from benchmarks.throughput.peers.blocking import commit, entrance
from benchmarks.throughput.work import CHAIN, Link
from ops.stack import Stack

PROCESSES = 2
THREADS = 8


class _QuorumBroker(RabbitmqBroker):
    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {**super()._build_queue_arguments(queue_name), "x-queue-type": "quorum"}


@cache
def _broker(amqp_url: str) -> RabbitmqBroker:
    broker = _QuorumBroker(url=amqp_url, confirm_delivery=True, middleware=[])
    for link, following in zip(CHAIN, (*CHAIN[1:], None), strict=True):
        step = partial(_step, broker, link, following)
        dramatiq.actor(step, actor_name=link.queue, queue_name="bench", broker=broker)
    return broker


def _step(broker: RabbitmqBroker, link: Link, following: Link | None, body: str) -> None:
    if (said := commit(body.encode(), link)) and following:
        broker.get_actor(following.queue).send(said.decode())


def serve() -> None:
    """Run a worker until SIGTERM."""
    worker = dramatiq.Worker(_broker(os.environ["VRS_AMQP_URL"]), worker_threads=THREADS)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    worker.start()
    ended.wait()


@asynccontextmanager
async def _entrance(stack: Stack) -> AsyncIterator[Put]:
    actor = _broker(stack.amqp_url).get_actor(CHAIN[0].queue)
    async with entrance(actor.send) as put:
        yield put


CONTENDER = Contender("dramatiq", (serve,) * PROCESSES, _entrance)
