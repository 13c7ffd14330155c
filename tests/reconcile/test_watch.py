"""What the services do by themselves: unanswered creates after their grace, everything once a day, nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from contracts import AppDeployed
from services.deploy.app import deploy
from services.deploy.models import ProjectDeployment
from services.dns.app import dns
from services.dns.models import ManagedRecord
from shared.reconcile import watch as watching
from shared.reconcile.finding import Reconciler, RepairRefusedError, repair
from shared.service import Kernel
from tests.choreography.events import Story
from tests.choreography.system import connected
from tests.reconcile.tenancy import LONG_AGO, Tenancy
from tests.shared.messaging.harness import until


@asynccontextmanager
async def watched(tenancy: Tenancy, *reconcilers: Reconciler) -> AsyncIterator[None]:
    kernel: Kernel = None  # type: ignore[assignment]  # the watch wakes nobody
    tasks = [asyncio.ensure_future(watching.watch(each, tenancy.database)(kernel)) for each in reconcilers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_unanswered_creates_are_adopted_by_themselves_and_other_drift_is_left_to_people(
    tenancy: Tenancy,
) -> None:
    story, other = await tenancy.project(), await tenancy.project()
    record, app = await tenancy.row(ManagedRecord, story), await tenancy.row(ProjectDeployment, story)
    await tenancy.sql("UPDATE dns_records SET record_id = NULL WHERE project_id = :id", id=story.project_id)
    await tenancy.sql(
        "UPDATE deployments SET application = NULL, stage = 'creating', since = :at WHERE project_id = :id",
        at=LONG_AGO,
        id=story.project_id,
    )
    await tenancy.call("nameserver.deleteRecord", {"id": (await tenancy.row(ManagedRecord, other)).record_id})

    async def are_answered() -> bool:
        found = await tenancy.row(ManagedRecord, story), await tenancy.row(ProjectDeployment, story)
        return (found[0].record_id, found[1].application) == (record.record_id, app.application)

    async with watched(tenancy, tenancy.dns, tenancy.deploy, tenancy.dns, tenancy.deploy):  # two instances of each
        await until(are_answered)
    assert len(await tenancy.told(story)) == 2
    assert [each.drift.value for each in await tenancy.look(tenancy.dns)] == ["missing"]


async def test_everything_is_compared_once_a_day_by_one_of_several_instances(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.05)
    story = await tenancy.project()
    await tenancy.make_app(story, domains="")
    await tenancy.call("nameserver.deleteRecord", {"id": (await tenancy.row(ManagedRecord, story)).record_id})

    async def has_a_date() -> bool:
        return len(await tenancy.sql("SELECT 1 FROM reconciliations WHERE due_at > now() + interval '23 hours'")) == 2

    async def is_over() -> bool:
        return len(await tenancy.sql("SELECT 1 FROM reconciliations WHERE ended_at IS NOT NULL")) == 2

    async with watched(tenancy, tenancy.dns, tenancy.deploy, tenancy.dns, tenancy.deploy):
        await until(has_a_date)
        assert (await tenancy.coolify.calls()).get("list_applications", 0) == 0
        await tenancy.sql("UPDATE reconciliations SET due_at = now()")
        await until(is_over)
        assert await has_a_date()
    off = await tenancy.sql("SELECT service, off FROM reconciliations ORDER BY service")
    assert [tuple(row) for row in off] == [("deploy", 0), ("dns", 1)]
    assert (await tenancy.coolify.calls())["list_applications"] == 4  # tagged and all, looked at twice
    await until(lambda: is_alone(tenancy, story))  # a second one that serves nobody goes by itself
    assert await tenancy.inwx.records(story) == []  # what is missing waits for somebody to ask


async def test_a_missing_application_is_deployed_again_by_the_running_service(
    tenancy: Tenancy, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", amqp_url)
    story = await tenancy.project()
    lost = (await tenancy.row(ProjectDeployment, story)).application
    async with connected(tenancy.database, amqp_url) as system, system.running(deploy):
        await tenancy.ask("DELETE", f"/applications/{lost}")

        async def is_missing() -> bool:
            return [each.drift.value for each in await tenancy.look(tenancy.deploy)] == ["missing"]

        await until(is_missing)
        await tenancy.repaired(tenancy.deploy)
        said = await system.hears(AppDeployed, story)
        assert said.data.application != lost
        await until(lambda: no_steps(tenancy))
    [app] = await tenancy.coolify.applications(story)
    assert (app["uuid"], app["running"]["tag"]) == (said.data.application, "1.0.0")
    assert await tenancy.look(tenancy.deploy) == []


async def test_beside_a_service_at_work_nothing_is_off_and_nothing_is_doubled(
    tenancy: Tenancy, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VRS_AMQP_URL", amqp_url)
    stories = [Story() for _ in range(10)]
    off = []

    async def reconciled_until_all_are_done() -> bool:
        found = [finding for finding in await tenancy.look(tenancy.dns) if finding.is_off]
        off.extend(found)
        for finding in found:
            with suppress(RepairRefusedError):
                await repair(tenancy.dns, finding)
        done = await tenancy.sql("SELECT 1 FROM provisioning_log WHERE status = 'completed'")
        return len(done) == len(stories)

    async with connected(tenancy.database, amqp_url) as system, system.running(dns):
        await system.publish(*(story.ordered() for story in stories))
        await until(reconciled_until_all_are_done, within=60)
    assert off == []
    assert [len(await tenancy.inwx.records(story)) for story in stories] == [2] * len(stories)  # A and AAAA
    assert await tenancy.look(tenancy.dns) == []


async def is_alone(tenancy: Tenancy, story: Story) -> bool:
    return len(await tenancy.coolify.applications(story)) == 1


async def no_steps(tenancy: Tenancy) -> bool:
    return not await tenancy.sql("SELECT 1 FROM open_steps")
