"""A transfer that is not wanted any more, at every moment of it."""

from collections.abc import Sequence

import pytest

from contracts import TransferProblem
from services.dns.inwx_errors import OutcomeUnknownError
from services.dns.models import ManagedRecord
from shared.models import DomainTransfer, ProjectDomain, TransferWithdrawal
from shared.outcome import Done, Parked
from tests.choreography.facts import OWNER
from tests.services.dns.test_dns_registration import begun as registering
from tests.services.dns.test_dns_registration import bought, charges
from tests.services.dns.test_dns_transfer import (
    CANCEL,
    CODE,
    DOMAIN,
    ORDER,
    answer,
    asked_for,
    begun,
    failure,
    held_elsewhere,
    transferred,
    write,
)
from tests.services.dns.world import IPV4, Project, World, configured

WITHDRAWN = f"The transfer of {DOMAIN} was withdrawn; the domain stays where it is."


def withdraw(project: Project) -> None:
    """What the marketplace writes, in whose eyes the names are claimed."""
    row = TransferWithdrawal(project_id=project.project_id, domain=DOMAIN)
    project.tables["transfer_withdrawals", project.project_id, DOMAIN] = row
    for host in (DOMAIN, f"www.{DOMAIN}"):
        claim = ProjectDomain(host=host, project_id=project.project_id, is_primary=False, is_coming=True)
        project.tables.setdefault(("project_domains", host), claim)


async def undone(project: Project, kept: Sequence[str] = ()) -> bool:
    outcome = await project.transfer(DOMAIN)
    assert isinstance(outcome, Done), outcome
    assert (outcome.message, outcome.events) == (WITHDRAWN, ())
    hosts = {row.host for row in project.rows(ProjectDomain)}
    left = [row.name for row in project.rows(ManagedRecord) if row.name.endswith(DOMAIN)]
    return (project.rows(DomainTransfer), set(left)) == ([], set(kept)) and DOMAIN not in hosts


async def zones(world: World) -> list[str | None]:
    """In whose account the domain has a zone."""
    found = (await world.http.get(f"{world.running.control_url}/zones")).json()
    return [zone["account"] for zone in found if zone["domain"] == DOMAIN]


async def test_what_has_not_begun_and_what_has_failed_is_undone_at_once(world: World) -> None:
    await held_elsewhere(world)
    waiting = await asked_for(world)
    withdraw(waiting)
    assert await undone(waiting)
    failing = await asked_for(world, "a wrong code")
    failure(await failing.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    assert "demo" in await zones(world)
    withdraw(failing)
    assert await undone(failing)
    assert (await zones(world), await charges(world)) == ([None], [])
    assert CANCEL not in await world.calls()


async def test_what_is_under_way_is_given_up_and_paid_back(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=600)
    pending = await asked_for(world)
    await begun(pending)
    withdraw(pending)
    assert await undone(pending)
    assert ((await world.calls())[CANCEL], await charges(world), await zones(world)) == (1, [], [None])


async def test_an_order_without_an_answer_is_waited_for_before_it_is_given_up(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=600)
    unanswered = await asked_for(world)
    unanswered.grace = 60
    await world.fault(ORDER, "error_after")
    with pytest.raises(OutcomeUnknownError):
        await unanswered.transfer(DOMAIN)
    withdraw(unanswered)
    assert isinstance(await unanswered.transfer(DOMAIN), Parked)
    assert CANCEL not in await world.calls()
    unanswered.grace = 0
    assert await undone(unanswered)
    assert (await charges(world), await zones(world)) == ([], [None])


async def test_a_domain_that_has_come_goes_its_way(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=0)
    late = await asked_for(world)
    await begun(late)
    withdraw(late)
    done = await transferred(late)
    assert [type(event).__name__ for event in done.events] == ["DomainTransferred", "DomainAdded"]
    assert (await late.transfer(DOMAIN)).events == done.events


async def test_names_that_the_project_was_given_in_another_way_stay_its_own(world: World) -> None:
    await held_elsewhere(world)
    failing = await asked_for(world, "a wrong code")
    failure(await failing.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    withdraw(failing)
    failing.tables["project_domains", f"www.{DOMAIN}"] = ProjectDomain(
        host=f"www.{DOMAIN}", project_id=failing.project_id, is_primary=False, is_coming=False
    )
    assert await undone(failing, kept=[f"www.{DOMAIN}"])
    [row] = [row for row in failing.rows(ManagedRecord) if row.name.endswith(DOMAIN)]
    assert (row.name, row.holder, row.zone) == (f"www.{DOMAIN}", "customer", None)
    assert await zones(world) == [None]


async def test_a_domain_that_is_ours_already_keeps_leading_to_the_project(world: World) -> None:
    project = await registering(world)
    await project.register()
    await bought(project)
    configured(await project.configure())
    records = await world.records(DOMAIN)
    assert len(records) == 2
    answer(project, CODE, max_cents=1500, registrant=OWNER.model_dump(mode="json"))
    failure(await project.transfer(DOMAIN), TransferProblem.ALREADY_OURS)
    withdraw(project)
    for host in (DOMAIN, f"www.{DOMAIN}"):
        named = ProjectDomain(host=host, project_id=project.project_id, is_primary=host == DOMAIN, is_coming=False)
        project.tables["project_domains", host] = named
    outcome = await project.transfer(DOMAIN)
    assert (isinstance(outcome, Done), outcome.message) == (True, WITHDRAWN)
    assert await world.records(DOMAIN) == records
    assert len(project.rows(ManagedRecord)) == 2
    assert {row.host for row in project.rows(ProjectDomain)} >= {DOMAIN, f"www.{DOMAIN}"}


async def test_a_zone_in_which_others_have_something_is_kept(world: World) -> None:
    await held_elsewhere(world)
    failing = await asked_for(world, "a wrong code")
    failure(await failing.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    await world.stranger(DOMAIN, name="shop", type="A", content="203.0.113.99")
    withdraw(failing)
    assert await undone(failing)
    assert "shop" in {row["name"].partition(".")[0] for row in await world.records(DOMAIN)}
    assert IPV4 not in {row["content"] for row in await world.records(DOMAIN)}


async def test_it_can_be_asked_for_again(world: World) -> None:
    await held_elsewhere(world)
    project = await asked_for(world, "a wrong code")
    failure(await project.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    before = project.rows(DomainTransfer)[0]
    withdraw(project)
    assert await undone(project)
    del project.tables["transfer_withdrawals", project.project_id, DOMAIN]  # with its transfer, says the foreign key
    write(project, before.changed(zone_made=False, kept_records=[]))
    answer(project, CODE)
    await begun(project)
