"""``vrs cancel`` at each moment of the choreography: the mark comes first, the event later, and nothing is left."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts import AppRemoved, CoreHealthy, CoreRetired, DnsReleased, ProjectCancelled
from ops.cancellation import cancel
from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.cancelling import mark_of
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until

ORDERED, CONFIGURED, DEPLOYED = "dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed"
CREATE = "nameserver.createRecord"
WISH = ProjectCancelled(reason="ordered twice", requested_by="desk")


@dataclass
class Vendors:
    inwx: Inwx
    coolify: Deployments
    cores: Cores


Prepare = Callable[[Vendors], Awaitable[None]]


async def as_usual(vendors: Vendors) -> None:
    """Nothing is in the way."""


async def dns_runs(vendors: Vendors) -> None:
    await vendors.inwx.break_(CREATE, "slow", seconds=2)


async def dns_waits(vendors: Vendors) -> None:
    await vendors.inwx.set(propagation=3600)


async def dns_is_dead(vendors: Vendors) -> None:
    await vendors.inwx.break_(CREATE, "refused", code=2201)


async def deploy_is_parked(vendors: Vendors) -> None:
    await vendors.coolify.set(stick_deployments=1)


async def deploy_is_dead(vendors: Vendors) -> None:
    await vendors.coolify.break_("deploy", "refused", code=422)


async def bootstrap_waits(vendors: Vendors) -> None:
    await vendors.cores.set(boot_seconds=3600)


@pytest.mark.parametrize(
    ("prepare", "moment", "capacity"),
    [
        (dns_runs, (ORDERED, "running"), 1),
        (dns_waits, (ORDERED, "waiting"), 1),
        (as_usual, (ORDERED, "parked"), 0),
        (dns_is_dead, (ORDERED, "dead"), 1),
        (deploy_is_parked, (CONFIGURED, "parked"), 1),
        (deploy_is_dead, (CONFIGURED, "dead"), 1),
        (bootstrap_waits, (DEPLOYED, "waiting"), 1),
        (as_usual, None, 1),
    ],
    ids=["dns runs", "dns waits", "no capacity", "dns dead", "deploy parked", "deploy dead", "core boots", "live"],
)
async def test_a_project_that_is_cancelled_at_any_moment_leaves_nothing(
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    prepare: Prepare,
    moment: tuple[str, str] | None,
    capacity: int,
) -> None:
    story = Story()
    await system.seed(capacity=capacity)
    await prepare(Vendors(inwx, coolify, cores))
    async with system.running(dns, deploy, bootstrap, notify, marketplace):
        await place(system.database, [order := story.ordered()])
        if moment is None:
            await system.becomes(ProvisioningState.LIVE, story)
        else:
            await until(lambda: stands_at(system, *moment), within=30)
        event_id = await cancel(system.database, system.amqp_url, story.project_id, WISH)
        again = await cancel(system.database, system.amqp_url, story.project_id, WISH)
        await until(lambda: is_cancelled(system, story), within=30)
        await until(lambda: is_at_rest(system), within=30)
        assert await cancel(system.database, system.amqp_url, story.project_id, WISH) is None
        said = [await system.said_in_all(contract, story) for contract in (DnsReleased, AppRemoved, CoreRetired)]
        assert [len(events) for events in said] == [1, 1, 1]
    assert {events[0].causationid for events in said} <= {event_id, again}
    assert {events[0].correlation_id for events in said} == {order.correlation_id}
    assert len(system.said(CoreHealthy, story)) == (1 if moment is None else 0)
    assert await inwx.records() == []
    assert await coolify.applications() == []
    assert await coolify.environments(story) == []
    assert [row.used for row in await system.sql("SELECT used FROM servers")] == [0]
    mark = await mark_of(system.database.engine, story.project_id)
    assert mark is not None
    assert mark.done


async def test_an_order_that_dns_has_not_claimed_when_it_is_cancelled_has_no_effect(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox
) -> None:
    story = Story()
    await system.seed()
    async with system.running(marketplace):
        await place(system.database, [story.ordered()])
        await until(lambda: is_at_rest(system))
        await cancel(system.database, system.amqp_url, story.project_id, WISH)
    async with system.running(dns, deploy, bootstrap, notify, marketplace):
        await until(lambda: is_done(system, story), within=30)
        await until(lambda: is_at_rest(system), within=30)
        await system.is_claimed(ORDERED)
    assert await inwx.calls() == {}
    assert await coolify.applications() == []
    assert await system.state(story) is None


async def stands_at(system: System, consumer: str, state: str) -> bool:
    rows: list[Any] = await system.sql(
        "SELECT 1 FROM open_steps WHERE consumer = :consumer AND state = CAST(:state AS step_state)",
        consumer=consumer,
        state=state,
    )
    return bool(rows)


async def is_done(system: System, story: Story) -> bool:
    mark = await mark_of(system.database.engine, story.project_id)
    return mark is not None and mark.done


async def is_cancelled(system: System, story: Story) -> bool:
    """Whether every part is undone; what waits is made due meanwhile."""
    await system.sql("UPDATE open_steps SET due_at = clock_timestamp() WHERE state = 'waiting'")
    return await system.state(story) == ProvisioningState.CANCELLED


async def is_at_rest(system: System) -> bool:
    [(open_steps, unsaid)] = await system.sql("SELECT (SELECT count(*) FROM open_steps), (SELECT count(*) FROM outbox)")
    return (open_steps, unsaid) == (0, 0)
