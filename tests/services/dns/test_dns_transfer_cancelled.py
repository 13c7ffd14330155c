"""A project that is cancelled while its domain is on its way, or when it has come."""

import pytest

from services.dns.inwx_errors import OutcomeUnknownError
from shared.models import DomainTransfer
from shared.outcome import Later
from tests.services.dns.test_dns_registration import charges, domains
from tests.services.dns.test_dns_transfer import (
    CANCEL,
    DOMAIN,
    MAIL,
    ORDER,
    asked_for,
    begun,
    held_elsewhere,
    transferred,
)
from tests.services.dns.world import World


async def test_a_cancellation_at_every_moment_undoes_what_can_be_undone_and_deletes_no_domain(world: World) -> None:
    await held_elsewhere(world)
    await world.control(transfer_seconds=600)
    waiting = await asked_for(world)
    assert f"{DOMAIN} stays where it was" in (await waiting.cancel()).message
    pending = await asked_for(world)
    await begun(pending)
    assert f"{DOMAIN} stays where it was" in (await pending.cancel()).message
    assert (await world.calls())[CANCEL] == 1
    unanswered = await asked_for(world)
    unanswered.grace = 60
    await world.fault(ORDER, "error_after")
    with pytest.raises(OutcomeUnknownError):
        await unanswered.transfer(DOMAIN)
    assert isinstance(await unanswered.cancel(), Later)
    unanswered.grace = 0
    assert f"{DOMAIN} stays where it was" in (await unanswered.cancel()).message
    assert await charges(world) == []
    zones = (await world.http.get(f"{world.running.control_url}/zones")).json()
    assert [zone["account"] for zone in zones if zone["domain"] == DOMAIN] == [None]
    await world.control(transfer_seconds=0)
    over = await asked_for(world)
    await begun(over)
    await transferred(over)
    assert f"{DOMAIN} stays registered until" in (await over.cancel()).message
    [held] = [each for each in await domains(world) if each["domain"] == DOMAIN]
    assert (held["account"], held["renewalMode"]) == ("demo", "AUTOEXPIRE")
    assert len(await world.records(DOMAIN)) == len(MAIL)  # the mail goes on
    for project in (waiting, pending, unanswered, over):
        assert project.rows(DomainTransfer) == []
