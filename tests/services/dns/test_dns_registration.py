"""A domain that is registered for its project: paid for once, for what was agreed, else a case worker is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import (
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    ProjectOrdered,
    RegistrationHold,
)
from services.dns.inwx_errors import OutcomeUnknownError
from shared.errors import PermanentError, TemporaryError
from shared.models import DomainRegistration, ProvisioningState, RegistrationStage
from shared.outcome import Done, Later, Outcome, Parked
from tests.choreography.facts import OWNER
from tests.services.dns.world import Project, World, configured, order

DOMAIN = "blumen-otto.example"
BUY = "domain.create"


def a_wish(domain: str = DOMAIN, max_cents: int = 1500, **owner: Any) -> ProjectOrdered:
    return order(own_domain=domain, registration={"registrant": OWNER.model_dump() | owner, "max_cents": max_cents})


def row(project: Project) -> DomainRegistration:
    [found] = project.rows(DomainRegistration)
    assert isinstance(found, DomainRegistration)
    return found


async def begun(world: World, wish: ProjectOrdered | None = None) -> Project:
    """The order has been looked at, and waits for its domain."""
    project = Project(world, wish or a_wish())
    outcome = await project.configure()
    assert isinstance(outcome, Parked)
    assert outcome.state is ProvisioningState.WAITING_FOR_DOMAIN
    assert [type(event) for event in outcome.events] == [DomainRegistrationRequested]
    return project


async def charges(world: World) -> list[tuple[str, float]]:
    found = (await world.http.get(f"{world.running.control_url}/domains")).json()["charges"]
    return [(each["domain"], each["euros"]) for each in found]


async def bought(project: Project) -> DomainRegistered:
    """Let it be registered to the end."""
    for _ in range(10):
        outcome = await project.register()
        if isinstance(outcome, Done):
            [event] = outcome.events
            assert isinstance(event, DomainRegistered)
            return event
    raise AssertionError(outcome)


def hold(outcome: Outcome) -> DomainRegistrationHeld:
    assert isinstance(outcome, Parked)
    assert outcome.until_woken
    [event] = outcome.events
    assert isinstance(event, DomainRegistrationHeld)
    return event


async def test_an_ordered_domain_is_paid_for_once_and_then_leads_to_the_project(world: World) -> None:
    project = await begun(world)
    assert (await project.configure()).events == ()
    outcome = await project.register()
    assert isinstance(outcome, Parked)
    assert "is ordered for 4.65 EUR" in outcome.message
    registered = await bought(project)
    assert (registered.domain, registered.cents, registered.is_renewed) == (DOMAIN, 465, True)
    assert registered.expires_at
    assert registered.expires_at > datetime.now(UTC) + timedelta(days=360)
    assert await charges(world) == [(DOMAIN, 4.65)]
    assert row(project).registrant is None  # whose data the registry has now
    assert configured(await project.configure()).fqdn == DOMAIN
    assert len(await world.records(DOMAIN)) == 2
    assert isinstance(await project.register(), Done)
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_a_registry_that_takes_its_time_is_waited_for_with_growing_pauses(world: World) -> None:
    await world.control(registration_seconds=600)
    project = await begun(world)
    assert isinstance(await project.register(), Parked)
    project.tables["domain_registrations", project.project_id] = row(project).changed(
        intended_at=datetime.now(UTC) - timedelta(hours=2)
    )
    outcome = await project.register()
    assert isinstance(outcome, Parked)
    assert (outcome.look_again, "REG INITIATED" in outcome.message) == (300.0, True)
    assert isinstance(await project.configure(), Parked)
    assert await charges(world) == [(DOMAIN, 4.65)]


@pytest.mark.parametrize("kind", ["error_after", "malformed", "empty", "lost_answer"])
async def test_an_order_whose_answer_was_lost_is_looked_up_and_never_repeated(hasty_world: World, kind: str) -> None:
    world = hasty_world
    await world.control(registration_seconds=600)  # whoever asks again now pays again
    await world.fault(BUY, kind, **({"seconds": 2} if kind == "lost_answer" else {}))
    project = await begun(world)
    with pytest.raises(OutcomeUnknownError):
        await project.register()
    assert row(project).stage is RegistrationStage.INTENDED
    assert isinstance(await project.register(), Parked)
    assert row(project).stage is RegistrationStage.PENDING
    assert await charges(world) == [(DOMAIN, 4.65)]
    assert (await world.calls())[BUY] == 1


async def test_an_order_that_never_arrived_is_sent_once_no_answer_can_come_any_more(world: World) -> None:
    await world.fault(BUY, "error")
    project = await begun(world)
    project.grace = 60
    with pytest.raises(TemporaryError):
        await project.register()
    outcome = await project.register()
    assert isinstance(outcome, Parked)
    assert outcome.look_again == pytest.approx(60, abs=5)
    assert (await world.calls())[BUY] == 1
    project.grace = 0
    await bought(project)
    assert (await world.calls())[BUY] == 2
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_a_connection_that_closes_over_the_order_is_no_reason_to_send_it_again(world: World) -> None:
    project = await begun(world)
    await world.fault(BUY, "refused", code=2500)
    project.grace = 60
    with pytest.raises(TemporaryError):
        await project.register()
    assert (await world.calls())[BUY] == 1
    assert row(project).stage is RegistrationStage.INTENDED


async def test_without_enough_credit_a_case_worker_is_asked_once_and_it_goes_on_when_there_is(world: World) -> None:
    await world.control(credit={"demo": 3.0})
    project = await begun(world)
    event = hold(await project.register())
    assert (event.reason, event.cents) == (RegistrationHold.NO_CREDIT, 465)
    assert event.message == f"{DOMAIN} costs 4.65 EUR, the INWX account has 3.00 EUR: top it up"
    assert (await project.register()).events == ()
    assert BUY not in await world.calls()
    await world.control(credit={"demo": 4.65})
    await bought(project)
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_credit_that_is_gone_at_the_last_moment_is_a_hold_too(world: World) -> None:
    project = await begun(world)
    await world.fault(BUY, "refused", code=2104)
    assert hold(await project.register()).reason is RegistrationHold.NO_CREDIT
    await bought(project)


async def test_a_price_beyond_what_was_agreed_is_not_paid_until_a_case_worker_agrees(world: World) -> None:
    await world.control(premium={DOMAIN: 900.0})
    project = await begun(world)
    event = hold(await project.register())
    assert (event.reason, event.cents) == (RegistrationHold.TOO_EXPENSIVE, 90_000)
    assert "a premium name, costs 900.00 EUR for the first year, agreed are 15.00 EUR" in event.message
    before = await world.calls()
    assert (await project.register()).events == ()
    assert await world.calls() == before
    await world.control(credit={"demo": 1000.0})
    agreed = row(project).changed(stage=RegistrationStage.REQUESTED, hold=None, max_cents=90_000)
    project.tables["domain_registrations", project.project_id] = agreed
    assert (await bought(project)).cents == 90_000


async def test_an_owner_whom_the_registry_would_not_take_is_found_before_anything_is_made(world: World) -> None:
    project = await begun(world, a_wish("otto.eu", country="CH", postal_code="8001"))
    event = hold(await project.register())
    assert event.reason is RegistrationHold.CONTACT_INCOMPLETE
    assert ".eu is for those who live or have their seat in the EU" in event.message
    assert {"contact.create", "nameserver.create", BUY} & (await world.calls()).keys() == set()


async def test_a_swiss_citizen_of_the_eu_gets_an_eu_domain(world: World) -> None:
    project = await begun(world, a_wish("otto.eu", country="CH", postal_code="8001", citizenship="FR"))
    await bought(project)


async def test_a_name_that_somebody_has_or_takes_meanwhile_is_a_hold(world: World) -> None:
    await world.control(elsewhere={"zone": DOMAIN, "records": []})
    assert hold(await (await begun(world)).register()).reason is RegistrationHold.TAKEN
    await world.control(zone={"account": "demo", "domain": "schon-da.example"})
    ours = hold(await (await begun(world, a_wish("schon-da.example"))).register())
    assert (ours.reason, "in our INWX account already" in ours.message) == (RegistrationHold.TAKEN, True)
    late = await begun(world, a_wish("spaet.example"))
    await world.fault(BUY, "refused", code=2302)  # taken between the look and the order
    assert hold(await late.register()).reason is RegistrationHold.TAKEN
    assert await charges(world) == []


async def test_a_registry_that_refuses_in_the_end_is_a_hold_and_may_be_asked_again(world: World) -> None:
    await world.control(fail_registrations=1)
    project = await begun(world)
    await project.register()
    event = hold(await project.register())
    assert (event.reason, "REG FAILED" in event.message) == (RegistrationHold.REFUSED, True)
    again = row(project).changed(stage=RegistrationStage.REQUESTED, hold=None)
    project.tables["domain_registrations", project.project_id] = again
    await bought(project)


async def test_what_inwx_refuses_for_good_is_a_hold(world: World) -> None:
    project = await begun(world)
    await world.fault(BUY, "refused", code=2306)
    event = hold(await project.register())
    assert (event.reason, "2306" in event.message) == (RegistrationHold.REFUSED, True)


async def test_a_cancelled_project_leaves_its_domain_to_expire(world: World) -> None:
    project = await begun(world)
    await bought(project)
    await project.configure()
    outcome = await project.cancel()
    assert isinstance(outcome, Done)
    assert "stays registered until" in outcome.message
    [domain] = [each for each in await domains(world) if each["domain"] == DOMAIN]
    assert (domain["renewalMode"], domain["account"]) == ("AUTOEXPIRE", "demo")
    assert await world.records(DOMAIN) == []
    assert project.rows(DomainRegistration) == []


async def test_a_cancellation_before_anything_is_paid_takes_the_zone_back(world: World) -> None:
    await world.fault(BUY, "refused", code=2306)
    project = await begun(world)
    await project.register()
    assert row(project).zone_made
    outcome = await project.cancel()
    assert f"{DOMAIN} was not registered" in outcome.message
    zones = (await world.http.get(f"{world.running.control_url}/zones")).json()
    assert DOMAIN not in [zone["domain"] for zone in zones]
    assert await charges(world) == []


async def test_a_cancellation_waits_for_an_order_that_may_be_under_way_and_for_the_registry(world: World) -> None:
    await world.control(registration_seconds=0.5)
    await world.fault(BUY, "error_after")
    project = await begun(world)
    project.grace = 60
    with pytest.raises(OutcomeUnknownError):
        await project.register()
    assert isinstance(await project.cancel(), Later)
    project.grace = 0
    outcome: Outcome = await project.cancel()
    while isinstance(outcome, Later):
        outcome = await project.cancel()
    assert "stays registered" in outcome.message


async def test_an_order_under_another_name_does_not_pay_twice(world: World) -> None:
    project = await begun(world)
    await bought(project)
    project.order = a_wish("anders.example")
    with pytest.raises(PermanentError, match=r"order anders\.example as another project"):
        await project.configure()


async def domains(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.http.get(f"{world.running.control_url}/domains")).json()["domains"]
    return found
