"""A transfer that is not wanted any more, at every moment of it."""

from datetime import UTC, datetime

import pytest

from contracts import TransferProblem
from services.dns.inwx_errors import OutcomeUnknownError
from services.dns.models import ManagedRecord
from shared.models import AddedDomain, DomainTransfer, ProjectDomain, TransferWithdrawal
from shared.outcome import Done, Parked
from tests.services.dns.test_dns_registration import charges
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
from tests.services.dns.world import Project, World

WITHDRAWN = f"The transfer of {DOMAIN} was withdrawn; the domain stays where it is."


def withdraw(project: Project) -> None:
    """What the marketplace writes, in whose eyes the names are claimed."""
    row = TransferWithdrawal(project_id=project.project_id, domain=DOMAIN)
    project.tables["transfer_withdrawals", project.project_id, DOMAIN] = row
    for host in (DOMAIN, f"www.{DOMAIN}"):
        claim = ProjectDomain(host=host, project_id=project.project_id, is_primary=False, is_coming=True)
        project.tables.setdefault(("project_domains", host), claim)


async def undone(project: Project) -> bool:
    outcome = await project.transfer(DOMAIN)
    assert isinstance(outcome, Done), outcome
    assert (outcome.message, outcome.events) == (WITHDRAWN, ())
    hosts = {row.host for row in project.rows(ProjectDomain)}
    kept = [row for row in project.rows(ManagedRecord) if row.name.endswith(DOMAIN)]
    return (project.rows(DomainTransfer), kept) == ([], []) and DOMAIN not in hosts


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


async def test_what_the_project_was_given_in_another_way_stays(world: World) -> None:
    await held_elsewhere(world)
    failing = await asked_for(world, "a wrong code")
    failure(await failing.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    records = await world.records(DOMAIN)
    now, wanted = datetime.now(UTC), {"is_wanted": True, "makes_primary": False, "is_new": False, "findings": []}
    counts = {"revision": 1, "since": 1, "reminders": 0}
    added = AddedDomain(project_id=failing.project_id, domain=DOMAIN, said_at=now, **wanted, **counts)
    failing.tables["added_domains", failing.project_id, DOMAIN] = added
    withdraw(failing)
    outcome = await failing.transfer(DOMAIN)
    assert (isinstance(outcome, Done), outcome.message) == (True, WITHDRAWN)
    assert failing.rows(DomainTransfer) == []
    assert await world.records(DOMAIN) == records
    assert {row.host for row in failing.rows(ProjectDomain)} >= {DOMAIN, f"www.{DOMAIN}"}


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
