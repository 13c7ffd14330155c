"""A short chaos run; and what the checker says when something is planted in what it left behind.

One test: a run takes a minute, and no other process of a test run can have a part of it.
"""

import asyncio
import copy
import json
import smtplib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.messaging.topology import TO_EXCHANGE
from tests.chaos.bus import connected
from tests.chaos.checker import judge
from tests.chaos.findings import Finding, Wrong
from tests.chaos.pace import SECONDS
from tests.chaos.plan import plan
from tests.chaos.plants import PLANTS, Plant, a_live_project
from tests.chaos.run import Run, chaos
from tests.chaos.snapshot import Snapshot
from tests.shared.messaging.harness import until

SEED = 4


@pytest.mark.timeout(500)
async def test_a_short_run_keeps_every_promise_and_the_checker_sees_each_of_them_broken(tmp_path: Path) -> None:
    planned = plan(SEED, orders=40, seconds=20, pace=SECONDS)
    async with chaos(planned, SECONDS, tmp_path, lambda _: None) as run:
        snapshot = await run.snapshot()
        judgement = judge(snapshot)
        assert not judgement.findings, "\n".join(map(str, judgement.findings))
        assert judgement.live
        assert judgement.cancelled
        assert snapshot.changed
        assert judgement.live + judgement.cancelled == len(planned.orders)
        assert len(run.disturber.happened) == len(planned.disturbances)
        overlooked = [plant.__name__ for plant, wrong in PLANTS.items() if wrong not in seen(snapshot, plant)]
        assert overlooked == []
        await finds_a_container_that_was_left(run, snapshot)
        await finds_a_record_that_was_deleted_and_one_that_was_added(run, snapshot)
        await finds_a_mail_that_came_again(run, snapshot)
        await finds_an_order_that_is_stuck(run, snapshot)
        await finds_a_dead_letter_that_nothing_explains(run, snapshot)


def seen(snapshot: Snapshot, plant: Plant) -> set[Wrong]:
    """What the checker finds once `plant` has changed a copy of the snapshot."""
    planted = copy.deepcopy(snapshot)
    known = (project for project, _ in planted.cancelled if planted.of("projects", project))
    cancelled = next(project for project in known if planted.ordered[project].data.base_domain)
    plant(planted, a_live_project(planted), cancelled)
    planted.rows_of.clear()
    return {finding.wrong for finding in news(snapshot, planted)}


async def finds_a_container_that_was_left(run: Run, snapshot: Snapshot) -> None:
    cancelled = snapshot.cancelled[0][0]
    container = {
        "fqdn": snapshot.ordered[cancelled].data.fqdn,
        "image": "x",
        "tag": "1",
        "env": {},
        "server_ip": "1.1.1.1",
    }
    assert run.stage.simulators.core
    (await run.stage.http.post(f"{run.stage.simulators.core.url}/_apps", json=container)).raise_for_status()
    await finds(run, snapshot, Wrong.LEFT_BEHIND, cancelled)


async def finds_a_record_that_was_deleted_and_one_that_was_added(run: Run, snapshot: Snapshot) -> None:
    live = a_live_project(snapshot)
    order = snapshot.ordered[live].data
    record = next(row for zone in snapshot.zones for row in zone["records"] if row["name"] == order.fqdn)
    await inwx(run, "nameserver.deleteRecord", id=record["id"])
    await finds(run, snapshot, Wrong.LOST, live)
    await inwx(run, "nameserver.createRecord", domain=order.base_domain, name=order.fqdn, type="A", content="192.0.2.9")
    await finds(run, snapshot, Wrong.DOUBLED, live)


async def finds_a_mail_that_came_again(run: Run, snapshot: Snapshot) -> None:
    smtp = run.stage.simulators.smtp
    assert smtp
    mail = snapshot.inbox[-1]
    raw = (await run.stage.http.get(f"{smtp.inbox_url}/{mail['number']}")).content
    await asyncio.to_thread(send, smtp.smtp_url, mail["from"], mail["to"], raw)
    await finds(run, snapshot, Wrong.DOUBLED, "")


async def finds_an_order_that_is_stuck(run: Run, snapshot: Snapshot) -> None:
    live = a_live_project(snapshot)
    await run.stage.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, reason) "
        "VALUES ('nobody.knows', gen_random_uuid(), :id, '', 'waiting', 1, 1, now() + interval '1 hour', 'planted')",
        id=live,
    )
    await finds(run, snapshot, Wrong.STUCK, live)


async def finds_a_dead_letter_that_nothing_explains(run: Run, snapshot: Snapshot) -> None:
    event = next(event for event in snapshot.heard.values() if event.type == "vrs.dns.configured.v1")
    spoilt = json.loads(event.body) | {"id": "0190c9b6-0000-7000-8000-000000000001", "data": {"fqdn": "no host"}}
    async with connected(run.bus.url) as channel:
        await channel.basic_publish(
            json.dumps(spoilt).encode(), exchange=TO_EXCHANGE, routing_key="deploy.dns-configured"
        )
    await until(run.bus.replay, within=30)
    await finds(run, snapshot, Wrong.DEAD_LETTER, event.project_id)


def news(before: Snapshot, after: Snapshot) -> set[Finding]:
    return set(judge(after).findings) - set(judge(before).findings)


async def finds(run: Run, before: Snapshot, wrong: Wrong, project: str) -> None:
    """Wait until the checker finds it, having read everything anew."""
    found: set[Finding] = set()

    async def has_found() -> bool:
        found.update(news(before, await run.snapshot()))
        return any(each.wrong is wrong and project in each.project for each in found)

    await until(has_found)


async def inwx(run: Run, method: str, **params: Any) -> None:
    simulator = run.stage.simulators.inwx
    assert simulator
    body = {"method": method, "params": {**params, "user": "demo", "pass": "demo"}}
    answer = (await run.stage.http.post(simulator.url, json=body)).json()
    assert answer["code"] < 2000, answer


def send(url: str, sender: str, to: list[str], raw: bytes) -> None:
    address = urlsplit(url)
    with smtplib.SMTP(address.hostname or "", address.port or 0) as smtp:
        smtp.sendmail(sender, to, raw)
