"""Celery: threads, late acks, quorum queues, confirmed publishes. No outbox: the next task follows the commit."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from celery import Celery

from benchmarks.throughput.contender import Contender, Put
from benchmarks.throughput.peers.blocking import commit, entrance
from benchmarks.throughput.work import CHAIN, Link
from ops.stack import Stack

PROCESSES = 2
THREADS = 8


@cache
def _app(amqp_url: str) -> Celery:
    app = Celery("bench", broker=amqp_url)
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        task_default_queue="bench",
        task_default_queue_type="quorum",
        task_store_errors_even_if_ignored=False,
        broker_transport_options={"confirm_publish": True},
        worker_prefetch_multiplier=8,
        worker_send_task_events=False,
        broker_native_delayed_delivery_queue_type="quorum",
        worker_hijack_root_logger=False,
    )
    for link, following in zip(CHAIN, (*CHAIN[1:], None), strict=True):
        _declare(app, link, following)
    return app


def _declare(app: Celery, link: Link, following: Link | None) -> None:
    @app.task(name=link.queue)
    def step(body: str) -> None:
        if (said := commit(body.encode(), link)) and following:
            app.send_task(following.queue, (said.decode(),))


def serve() -> None:
    """Run a worker."""
    options = ["--pool=threads", f"--concurrency={THREADS}", "--without-gossip", "--without-mingle", "--loglevel=ERROR"]
    _app(os.environ["VRS_AMQP_URL"]).worker_main(["worker", f"--hostname={os.getpid()}@bench", *options])


@asynccontextmanager
async def _entrance(stack: Stack) -> AsyncIterator[Put]:
    app = _app(stack.amqp_url)

    def send(body: str) -> Any:
        return app.send_task(CHAIN[0].queue, (body,))

    async with entrance(send) as put:
        yield put


CONTENDER = Contender("celery", (serve,) * PROCESSES, _entrance)
