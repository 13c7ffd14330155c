"""ProjectOrdered for a domain that our INWX account does not hold: the customer sets the records, and is waited for."""

from datetime import timedelta

import pytest

from contracts import DnsRecordsNeeded
from services.dns.models import CustomerWait, ManagedRecord, RecordHolder
from shared.errors import PermanentError
from shared.models import ProvisioningState
from shared.outcome import Parked
from tests.services.dns.world import CREATE, INFO, IPV4, Project, World, configured, order

DOMAIN = "fremd.example"


async def hold_elsewhere(world: World, *records: tuple[str, str, str]) -> None:
    rows = [{"name": name, "type": kind, "content": content} for name, kind, content in records]
    await world.control(elsewhere={"zone": DOMAIN, "records": rows})


async def test_the_customer_is_told_once_and_it_goes_on_when_all_names_answer(world: World) -> None:
    await hold_elsewhere(world, ("@", "A", "203.0.113.5"))
    project = Project(world, order(own_domain=DOMAIN))
    outcome = await project.configure()
    assert isinstance(outcome, Parked)
    assert (outcome.key, outcome.until_woken) == (f"records:{DOMAIN}", True)
    assert outcome.state is ProvisioningState.WAITING_FOR_CUSTOMER
    [needed] = outcome.events
    assert isinstance(needed, DnsRecordsNeeded)
    assert [(each.name, each.content) for each in needed.records] == [
        ("fremd.example", IPV4),
        ("www.fremd.example", IPV4),
    ]
    assert needed.found == ("fremd.example A 203.0.113.5",)

    await hold_elsewhere(world, ("@", "A", IPV4))
    again = await project.configure()
    assert isinstance(again, Parked)
    assert again.events == ()
    [wait] = project.rows(CustomerWait)
    assert [finding["name"] for finding in wait.findings] == ["www.fremd.example"]
    assert "www.fremd.example" in again.message

    await hold_elsewhere(world, ("@", "A", IPV4), ("www", "CNAME", "fremd.example"))
    assert configured(await project.configure()).records == needed.records
    assert {row.holder for row in project.rows(ManagedRecord)} == {RecordHolder.CUSTOMER}
    assert CREATE not in await world.calls()
    assert project.rows(CustomerWait) == []


async def test_an_old_ipv6_address_keeps_it_waiting(world: World) -> None:
    await hold_elsewhere(world, ("@", "A", IPV4), ("@", "AAAA", "2001:db8::5"), ("www", "A", IPV4))
    outcome = await Project(world, order(own_domain=DOMAIN)).configure()
    assert isinstance(outcome, Parked)
    assert "an AAAA record too many at fremd.example: 2001:db8::5" in outcome.message


async def test_a_domain_without_name_servers_is_waited_for(world: World) -> None:
    outcome = await Project(world, order(own_domain="unregistered.example")).configure()
    assert isinstance(outcome, Parked)
    assert "No name servers answer for unregistered.example" in outcome.message
    assert "REFUSED" in str(outcome.detail["name_servers"])


async def test_the_wait_has_growing_pauses_and_an_end(world: World) -> None:
    await hold_elsewhere(world)
    project = Project(world, order(own_domain=DOMAIN))
    for age, pause in ((timedelta(), 30), (timedelta(minutes=20), 120), (timedelta(days=29), 300)):
        project.age = age
        outcome = await project.configure()
        assert isinstance(outcome, Parked)
        assert outcome.look_again == pytest.approx(pause, abs=1)
    project.age = timedelta(days=30)
    with pytest.raises(PermanentError) as caught:
        await project.configure()
    assert caught.value.code == "customer_records_missing"


async def test_the_customer_is_reminded_after_days_of_what_is_still_wrong(world: World) -> None:
    await hold_elsewhere(world, ("@", "A", "203.0.113.5"))
    project = Project(world, order(own_domain=DOMAIN))
    said = []
    for days in (0, 0.9, 1.1, 2.9, 3, 20, 27):
        project.age = timedelta(days=days)
        outcome = await project.configure()
        said.append([event.reminder for event in outcome.events if isinstance(event, DnsRecordsNeeded)])
    assert said == [[0], [], [1], [], [2], [4], [5]]  # of several that are due it is the last
    [needed] = outcome.events
    assert isinstance(needed, DnsRecordsNeeded)
    assert [finding.problem for finding in needed.findings] == ["leads_elsewhere", "missing"]
    assert (await project.cancel()).message
    assert project.rows(CustomerWait) == []


async def test_another_address_is_told_again(world: World) -> None:
    await hold_elsewhere(world)
    project = Project(world, order(own_domain=DOMAIN))
    await project.configure()
    project.ipv4 = "192.0.2.77"
    outcome = await project.configure()
    assert [type(event) for event in outcome.events] == [DnsRecordsNeeded]


async def test_an_outage_of_inwx_does_not_end_the_wait(world: World) -> None:
    await hold_elsewhere(world)
    project = Project(world, order(own_domain=DOMAIN))
    await project.configure()
    await world.fault(INFO, "error", times=5)
    assert isinstance(await project.configure(), Parked)


async def test_a_domain_that_comes_into_our_account_is_set_by_us(world: World) -> None:
    project = Project(world, order(own_domain="umzug.example"))
    assert isinstance(await project.configure(), Parked)
    await world.control(zone={"account": "demo", "domain": "umzug.example"})
    configured(await project.configure())
    assert len(await world.records("umzug.example")) == 2
    assert {row.holder for row in project.rows(ManagedRecord)} == {RecordHolder.INWX}
