"""MailDomainRequested while Brevo or INWX is in trouble: nothing is made twice, and nobody is asked too often."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.dns.inwx_errors import OutcomeUnknownError
from services.dns.mail.brevo import BrevoUnansweredError, BrevoUnavailableError
from shared.errors import PermanentError, TemporaryError
from shared.models import MailSender
from shared.outcome import Later, Outcome, Parked
from tests.services.dns.mail_world import DOMAIN, MailProject, MailWorld, released, running_mail_world
from tests.services.dns.world import CREATE

MX = ["inbound1.sendinblue.com", "inbound2.sendinblue.com"]


@pytest.fixture
async def world() -> AsyncIterator[MailWorld]:
    async with running_mail_world() as world:
        yield world


@pytest.fixture
async def hasty_world() -> AsyncIterator[MailWorld]:
    """A client of Brevo that gives up an answer after 2 s."""
    async with running_mail_world(read_timeout=2) as world:
        yield world


@pytest.mark.parametrize("kind", ["error_after", "malformed", "lost_answer"])
async def test_a_sender_domain_whose_answer_was_lost_is_found_and_is_ours(hasty_world: MailWorld, kind: str) -> None:
    world = hasty_world
    await world.fault("create_domain", kind, **({"seconds": 60} if kind == "lost_answer" else {}))
    project = MailProject(world)
    if kind in ("error_after", "lost_answer"):
        with pytest.raises(BrevoUnansweredError):
            await project.ask()
        assert project.row.sender is MailSender.INTENDED
    await project.ready()
    assert project.row.sender is MailSender.MADE
    assert (await world.calls())["create_domain"] == 1
    assert (await released(project)).sender_removed


async def test_a_sender_domain_that_may_have_been_made_is_removed_once_it_must_be_there(world: MailWorld) -> None:
    await world.fault("create_domain", "error_after")
    project = MailProject(world)
    with pytest.raises(BrevoUnansweredError):
        await project.ask()
    project.project.grace = 60
    assert isinstance(await project.project.cancel(), Later)
    project.project.grace = 0
    assert (await released(project)).sender_removed
    assert await world.domains() == {}


async def test_a_record_whose_answer_was_lost_is_ours_and_not_made_twice(world: MailWorld) -> None:
    project = MailProject(world)
    await world.inwx.fault(CREATE, "error", times=2)
    with pytest.raises((OutcomeUnknownError, TemporaryError)):
        await project.ask()
    assert project.records["ownership"].record_id is None
    await world.inwx.fault(CREATE, "error_after", times=5)
    for _ in range(10):
        try:
            await project.ready()
            break
        except TemporaryError:
            continue
    assert len(await world.zone()) == 5
    assert all(row.record_id for row in project.records.values())
    await released(project)
    assert await world.zone() == []


async def test_a_domain_that_another_account_at_brevo_has_is_refused(world: MailWorld) -> None:
    await world.control(taken=DOMAIN)
    with pytest.raises(PermanentError, match="belongs to another account at Brevo") as caught:
        await MailProject(world).ask()
    assert caught.value.code == "brevo_domain_taken"


async def test_brevos_limit_is_heeded(world: MailWorld) -> None:
    await world.control(rate_limit=1)
    project = MailProject(world)
    with pytest.raises(BrevoUnavailableError) as caught:
        await project.ask()
    assert caught.value.code == "brevo_429"
    assert caught.value.retry_after == pytest.approx(3600, abs=60)
    await world.control(reset=True)
    await project.ready()


async def test_brevo_is_asked_less_often_than_the_name_servers(world: MailWorld) -> None:
    await world.fault("authenticate_domain", "refused", code=400, times=2)
    project = MailProject(world)
    outcome: Outcome = await project.ask()
    while isinstance(outcome, Later):
        outcome = await project.ask()
    assert isinstance(outcome, Parked)
    assert "has not verified" in outcome.message
    assert outcome.events == ()  # there is nothing that anybody could do
    project.project.age = timedelta(hours=5)
    asked = (await world.calls())["authenticate_domain"]
    await project.ask()
    assert (await world.calls())["authenticate_domain"] == asked
