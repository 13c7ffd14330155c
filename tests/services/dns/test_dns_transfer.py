"""A domain that comes from another registrar: ordered once, its mail kept, watched, given up, and asked for again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from contracts import (
    DomainAdded,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferStarted,
    TransferProblem,
)
from services.dns.authority import Authority, ServerAddress
from services.dns.inwx_errors import OutcomeUnknownError
from shared.errors import PermanentError, TemporaryError
from shared.models import DomainTransfer, ProvisioningState, TransferStage
from shared.outcome import Done, Outcome, Parked
from tests.choreography.facts import OWNER
from tests.services.dns.test_dns_registration import charges, domains
from tests.services.dns.world import IPV4, SEAL, Project, World, configured, order
from tests.shared.messaging.harness import until

DOMAIN = "blumen-otto.example"
CODE = "xyz-123"
ORDER, CANCEL = "domain.transfer", "domain.transfercancel"
KEY = f"v=DKIM1; k=rsa; p={'A' * 300}"
MAIL: list[dict[str, Any]] = [
    {"name": "@", "type": "MX", "content": "mx.blumen-otto.example", "prio": 10},
    {"name": "@", "type": "TXT", "content": "v=spf1 mx -all"},
    {"name": "_dmarc", "type": "TXT", "content": "v=DMARC1; p=none"},
    {"name": "default._domainkey", "type": "TXT", "content": KEY},
    {"name": "mx", "type": "A", "content": "198.51.100.5"},
    {"name": "autodiscover", "type": "CNAME", "content": "autodiscover.provider.example"},
]
OLD_SITE: list[dict[str, Any]] = [{"name": name, "type": "A", "content": "198.51.100.9"} for name in ("@", "www")]


async def held_elsewhere(world: World, **more: Any) -> None:
    elsewhere = {"zone": DOMAIN, "records": MAIL + OLD_SITE, "auth_code": CODE} | more
    await world.control(elsewhere=elsewhere)


def row(project: Project) -> DomainTransfer:
    [found] = project.rows(DomainTransfer)
    assert isinstance(found, DomainTransfer)
    return found


def write(project: Project, changed: DomainTransfer) -> None:
    project.tables["domain_transfers", project.project_id, DOMAIN] = changed


async def asked_for(world: World, code: str = CODE, **more: Any) -> Project:
    """A live project on our subdomain, for which the transfer was asked for."""
    project = Project(world, order())
    configured(await project.configure())
    answer(project, code, max_cents=1500, registrant=OWNER.model_dump(mode="json"), **more)
    return project


def answer(project: Project, code: str, **more: Any) -> None:
    """What the marketplace writes: at first, and when a transfer has failed."""
    known = project.rows(DomainTransfer)
    new = DomainTransfer(project_id=project.project_id, domain=DOMAIN, zone_made=False, kept_records=[])
    values = {"stage": TransferStage.REQUESTED, "problem": None, "auth_code": SEAL.close(SecretStr(code))}
    write(project, (known[0] if known else new).changed(**values | more))


async def begun(project: Project) -> Parked:
    outcome = await project.transfer(DOMAIN)
    assert isinstance(outcome, Parked)
    [event] = outcome.events
    assert isinstance(event, DomainTransferStarted)
    return outcome


async def transferred(project: Project) -> Done:
    done: list[Done] = []

    async def is_done() -> bool:
        outcome = await project.transfer(DOMAIN)
        done.extend([outcome] if isinstance(outcome, Done) else [])
        return bool(done)

    await until(is_done, within=30)
    return done[0]


def failure(outcome: Outcome, problem: TransferProblem) -> DomainTransferFailed:
    assert isinstance(outcome, Parked)
    assert outcome.until_woken
    [event] = outcome.events
    assert isinstance(event, DomainTransferFailed)
    assert event.problem is problem
    assert CODE not in f"{event} {outcome.message} {outcome.detail}"
    return event


async def test_a_transfer_keeps_the_mail_and_moves_the_project(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=0.3)
    project = await asked_for(world)
    outcome = await begun(project)
    assert outcome.message.startswith(
        f"The transfer of {DOMAIN} is ordered for 4.65 EUR; copied from the old name servers"
    )
    assert outcome.events[0] == DomainTransferStarted(domain=DOMAIN, cents=465, kept_records=len(MAIL))
    assert (row(project).stage, row(project).auth_code) == (TransferStage.PENDING, None)
    before = {(each["name"], each["type"], each["content"]) for each in await world.records(DOMAIN)}
    looking = await project.transfer(DOMAIN)
    assert isinstance(looking, Parked)
    assert (looking.events, "TRANSFER INITIATED" in looking.message) == ((), True)
    done = await transferred(project)
    arrived, added = done.events
    assert isinstance(arrived, DomainTransferred)
    assert (arrived.cents, arrived.is_renewed, bool(arrived.expires_at)) == (465, True, True)
    assert added == DomainAdded(domain=DOMAIN, primary=True)
    [held] = [each for each in await domains(world) if each["domain"] == DOMAIN]
    assert (held["account"], held["renewalMode"], held["ns"][0]) == ("demo", "AUTORENEW", "ns.inwx.example")
    kept = {(each["name"], each["type"], each["content"], each["prio"]) for each in await world.records(DOMAIN)}
    assert {(name, kind, content) for name, kind, content, _ in kept} == before  # all of it stood there before it moved
    assert (DOMAIN, "MX", "mx.blumen-otto.example", 10) in kept
    assert (f"default._domainkey.{DOMAIN}", "TXT", KEY, 0) in kept
    assert {(DOMAIN, "A", IPV4, 0), (f"www.{DOMAIN}", "A", IPV4, 0)} < kept
    assert len(kept) == len(MAIL) + 2
    assert row(project).registrant is None
    assert (await project.transfer(DOMAIN)).events == done.events
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_the_order_s_own_step_leaves_the_records_of_the_transfer_alone(world: World) -> None:
    await held_elsewhere(world)
    project = await asked_for(world)
    await begun(project)
    before = await world.records(DOMAIN)
    project.age = timedelta(days=1)
    configured(await project.configure())
    assert IPV4 in [record["content"] for record in before]
    assert await world.records(DOMAIN) == before


async def test_a_project_without_an_address_begins_no_transfer_yet(world: World) -> None:
    await held_elsewhere(world)
    project = await asked_for(world)
    project.state = ProvisioningState.WAITING_FOR_CAPACITY
    assert "begins when the project has its place" in (await project.transfer(DOMAIN)).message
    assert ORDER not in await world.calls()


@pytest.mark.parametrize("kind", ["error_after", "lost_answer"])
async def test_a_transfer_whose_answer_was_lost_is_looked_up_and_never_repeated(hasty_world: World, kind: str) -> None:
    world = hasty_world
    await held_elsewhere(world)
    await world.control(transfer_seconds=600)  # whoever asks again now pays again
    await world.fault(ORDER, kind, **({"seconds": 2} if kind == "lost_answer" else {}))
    project = await asked_for(world)
    with pytest.raises(OutcomeUnknownError):
        await project.transfer(DOMAIN)
    assert row(project).stage is TransferStage.INTENDED
    await begun(project)
    assert (row(project).stage, row(project).auth_code) == (TransferStage.PENDING, None)
    assert await charges(world) == [(DOMAIN, 4.65)]
    assert (await world.calls())[ORDER] == 1


async def test_a_transfer_that_never_arrived_is_sent_once_no_answer_can_come_any_more(world: World) -> None:
    await held_elsewhere(world)
    await world.fault(ORDER, "error")
    project = await asked_for(world)
    project.grace = 60
    with pytest.raises(TemporaryError):
        await project.transfer(DOMAIN)
    outcome = await project.transfer(DOMAIN)
    assert isinstance(outcome, Parked)
    assert (await world.calls())[ORDER] == 1
    project.grace = 0
    await begun(project)
    assert await charges(world) == [(DOMAIN, 4.65)]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (2202, TransferProblem.AUTH_CODE_WRONG),
        (2304, TransferProblem.LOCKED),
        (2300, TransferProblem.LOCKED),
        (2106, TransferProblem.NOT_ELIGIBLE),
        (2303, TransferProblem.NOT_REGISTERED),
        (2306, TransferProblem.REFUSED),
        (2104, TransferProblem.NO_CREDIT),
    ],
)
async def test_what_inwx_refuses_is_told_once_with_what_to_do_and_costs_nothing(
    world: World, code: int, problem: TransferProblem
) -> None:
    await held_elsewhere(world)
    await world.fault(ORDER, "refused", code=code)
    project = await asked_for(world)
    event = failure(await project.transfer(DOMAIN), problem)
    assert DOMAIN in event.text.de
    assert (row(project).auth_code is None) == (problem is not TransferProblem.NO_CREDIT)
    assert await charges(world) == []
    if problem is not TransferProblem.NO_CREDIT:
        assert (await project.transfer(DOMAIN)).events == ()
        assert (await world.calls())[ORDER] == 1
        answer(project, CODE)
    await begun(project)
    await transferred(project)


async def test_a_wrong_code_and_a_lock_are_mended_by_the_customer_and_it_goes_on(world: World) -> None:
    await held_elsewhere(world, locked=True)
    project = await asked_for(world, "wrong")
    failure(await project.transfer(DOMAIN), TransferProblem.LOCKED)
    await held_elsewhere(world)
    answer(project, "wrong")
    failure(await project.transfer(DOMAIN), TransferProblem.AUTH_CODE_WRONG)
    answer(project, CODE)
    await begun(project)
    await transferred(project)
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_a_losing_registrar_that_refuses_is_told_and_the_money_is_back(world: World) -> None:
    await held_elsewhere(world)
    await world.control(refuse_transfers=1)
    project = await asked_for(world)
    await begun(project)
    failure(await project.transfer(DOMAIN), TransferProblem.REFUSED)
    assert await charges(world) == []
    answer(project, CODE)
    await begun(project)
    await transferred(project)
    assert await charges(world) == [(DOMAIN, 4.65)]


async def test_a_transfer_on_which_nobody_decides_is_given_up(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=600)
    project = await asked_for(world)
    await begun(project)
    write(project, row(project).changed(intended_at=datetime.now(UTC) - timedelta(days=15)))
    event = failure(await project.transfer(DOMAIN), TransferProblem.EXPIRED)
    assert event.message == f"nobody has decided about {DOMAIN} in 14 days"
    assert (await world.calls())[CANCEL] == 1
    assert await charges(world) == []


async def test_price_credit_owner_and_name_are_looked_at_before_anything_is_paid(world: World) -> None:
    project = await asked_for(world)
    failure(await project.transfer(DOMAIN), TransferProblem.NOT_REGISTERED)
    await held_elsewhere(world)
    await world.control(premium={DOMAIN: 90.0})
    answer(project, CODE)
    assert failure(await project.transfer(DOMAIN), TransferProblem.TOO_EXPENSIVE).cents == 9000
    await world.control(credit={"demo": 3.0})
    answer(project, CODE, max_cents=9000)
    failure(await project.transfer(DOMAIN), TransferProblem.NO_CREDIT)
    assert (await project.transfer(DOMAIN)).events == ()
    answer(project, CODE, registrant=OWNER.model_dump(mode="json") | {"street": "Postfach"})
    event = failure(await project.transfer(DOMAIN), TransferProblem.CONTACT_INCOMPLETE)
    assert ("Postfach" in event.message, "street" in event.message) == (False, True)
    assert {"contact.create", "nameserver.create", ORDER} & (await world.calls()).keys() == set()
    await world.control(zone={"account": "demo", "domain": "schon-da.example"})
    ours = DomainTransfer(project_id=project.project_id, domain="schon-da.example", zone_made=False, kept_records=[])
    values = {"stage": TransferStage.REQUESTED, "max_cents": 0, "registrant": OWNER.model_dump(mode="json")}
    project.tables["domain_transfers", project.project_id, "schon-da.example"] = ours.changed(**values)
    failure(await project.transfer("schon-da.example"), TransferProblem.ALREADY_OURS)


async def test_without_the_key_or_with_another_one_it_is_a_dead_letter_that_says_so(world: World) -> None:
    await held_elsewhere(world)
    project = await asked_for(world)
    with pytest.raises(PermanentError, match="VRS_TRANSFER_KEY"):
        await project.transfer(DOMAIN, seal=None)
    write(project, row(project).changed(auth_code=b"of another key"))
    with pytest.raises(PermanentError, match="VRS_TRANSFER_KEY"):
        await project.transfer(DOMAIN)


async def test_silent_name_servers_are_asked_again_before_their_mail_records_are_given_up(world: World) -> None:
    await held_elsewhere(world)
    project = await asked_for(world)
    world.authority = Authority([ServerAddress("127.0.0.1", 9)], timeout=0.05)
    with pytest.raises(TemporaryError, match="its mail records must be copied"):
        await project.transfer(DOMAIN)
    project.attempt = 5
    outcome = await begun(project)
    assert "not anything: the old name servers do not answer" in outcome.message


async def test_a_wildcard_at_the_old_name_servers_is_no_mail_server(world: World) -> None:
    await held_elsewhere(world, records=[*MAIL, {"name": "*", "type": "A", "content": "198.51.100.9"}])
    project = await asked_for(world)
    outcome = await begun(project)
    assert len(outcome.detail["kept_records"]) == len(MAIL)
