"""Three instances of every service: they share the work, and nothing is done twice."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from contracts import ServiceName
from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.models import ProvisioningState
from shared.outcome import Outcome
from shared.service import Build, Consumer, Service
from shared.step import Step
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.shared.messaging.harness import until

INSTANCES = 3
ORDERS = 30
LEAST_SHARE = 0.15
"""Of the projects of a consumer that each instance must have worked on; a third would be perfect."""


def counted(build: Build, instance: int, worked: Counter[tuple[ServiceName, int]]) -> Build:
    """The service as it is, and a count of the projects that this instance's handlers began."""

    def watched(service: ServiceName, consumer: Consumer) -> Consumer:
        seen = set()

        async def handle(event: Any, step: Step) -> Outcome:
            if step.project_id not in seen:
                seen.add(step.project_id)
                worked[service, instance] += 1
            return await consumer.handler(event, step)

        return replace(consumer, handler=handle)

    @asynccontextmanager
    async def built() -> AsyncIterator[Service]:
        async with build() as service:
            yield replace(service, consumers=tuple(watched(service.name, each) for each in service.consumers))

    return built


async def test_three_instances_of_each_service_share_the_orders_and_do_each_thing_once(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> None:
    worked: Counter[tuple[ServiceName, int]] = Counter()
    stories = [Story() for _ in range(ORDERS)]
    builds = [
        counted(build, instance, worked)
        for instance in range(INSTANCES)
        for build in (dns, deploy, bootstrap, notify, marketplace)
    ]

    async def are_told() -> bool:
        [(told,)] = await system.sql(
            "SELECT count(*) FROM provisioning_log WHERE service = 'notify' AND status = 'completed'"
        )
        return bool(told == 2 * ORDERS)  # that it has arrived, and that it is live

    await system.seed(servers=5, capacity=10)
    async with system.running(*builds):
        await place(system.database, [story.ordered() for story in stories])
        await until(are_told, within=90)
    completed = await system.sql(
        "SELECT consumer, count(*), count(DISTINCT project_id) FROM provisioning_log"
        " WHERE status = 'completed' GROUP BY 1"
    )
    assert {tuple(row[1:]) for row in completed} == {(ORDERS, ORDERS)}
    assert len(completed) == 5
    states = await system.sql("SELECT DISTINCT provisioning_state FROM projects")
    assert [row.provisioning_state for row in states] == [ProvisioningState.LIVE]
    apps = await coolify.applications()
    assert Counter(app["deployment_count"] for app in apps) == {1: ORDERS}
    assert len(await inwx.records()) == len(set(await inwx.records()))
    assert len(await mailbox.mails()) == 2 * ORDERS
    for service in (ServiceName.DNS, ServiceName.DEPLOY, ServiceName.BOOTSTRAP, ServiceName.NOTIFY):
        shares = [worked[service, instance] / ORDERS for instance in range(INSTANCES)]
        assert min(shares) >= LEAST_SHARE, (service, shares)
