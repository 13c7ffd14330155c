"""ProjectCancelled against the INWX simulator: exactly what was ours is gone."""

import pytest

from contracts import DnsReleased
from services.dns.inwx_errors import OutcomeUnknownError
from services.dns.models import ManagedRecord, Placement
from shared.errors import TemporaryError
from shared.models import ProjectDomain
from shared.outcome import Done, Later, Outcome
from tests.services.dns.world import CREATE, IPV6, Project, World, order

DELETE = "nameserver.deleteRecord"


def released(outcome: Outcome) -> DnsReleased:
    assert isinstance(outcome, Done), outcome
    [event] = outcome.events
    assert isinstance(event, DnsReleased)
    return event


def leaves_nothing(project: Project) -> bool:
    return not (project.rows(ManagedRecord) or project.rows(Placement) or project.rows(ProjectDomain))


async def test_records_names_and_place_are_released_and_neighbours_stay(world: World) -> None:
    name = "kunde-mit-domain.example"
    stranger = await world.stranger(name, name=name, type="TXT", content="v=spf1 -all")
    project = Project(world, order(own_domain=name), ipv6=IPV6)
    assert isinstance(await project.configure(), Done)
    event = released(await project.cancel())
    assert (event.fqdn, event.server, len(event.records)) == (name, "fsn-1", 4)
    assert [row["id"] for row in await world.records(name)] == [stranger]
    assert leaves_nothing(project)


async def test_a_project_that_got_nowhere_is_released_without_a_call(world: World) -> None:
    event = released(await Project(world, order()).cancel())
    assert (event.fqdn, event.records, event.server) == (None, (), None)
    assert await world.calls() == {}


async def test_a_record_that_is_gone_already_is_fine(world: World) -> None:
    project = Project(world, order())
    await project.configure()
    [row] = project.rows(ManagedRecord)
    await world.inwx.delete_record("vrs.example", row.record_id, name=row.name)
    released(await project.cancel())
    assert leaves_nothing(project)


async def test_an_equal_record_that_somebody_made_later_stays(world: World) -> None:
    project = Project(world, order())
    await project.configure()
    [row] = project.rows(ManagedRecord)
    await world.inwx.delete_record("vrs.example", row.record_id, name=row.name)
    stranger = await world.stranger("vrs.example", name=row.name, type="A", content=row.content)
    released(await project.cancel())
    assert [each["id"] for each in await world.records("vrs.example", row.name)] == [stranger]


async def test_an_unanswered_create_is_waited_for_then_looked_up_and_deleted(hasty_world: World) -> None:
    world = hasty_world
    project = Project(world, order(), grace=60.0)
    await world.fault(CREATE, "error")
    with pytest.raises(OutcomeUnknownError):
        await project.configure()
    outcome = await project.cancel()
    assert isinstance(outcome, Later)
    assert outcome.after == pytest.approx(60, abs=5)

    # Meanwhile INWX does what it was asked.
    [row] = project.rows(ManagedRecord)
    await world.stranger("vrs.example", name=row.name, type="A", content=row.content)
    project.grace = 0.0
    released(await project.cancel())
    assert await world.records("vrs.example", row.name) == []
    assert leaves_nothing(project)


async def test_what_the_customer_set_is_forgotten_and_not_touched(world: World) -> None:
    await world.control(elsewhere={"zone": "fremd.example", "records": []})
    project = Project(world, order(own_domain="fremd.example"))
    await project.configure()
    event = released(await project.cancel())
    assert event.records == ()
    assert DELETE not in await world.calls()
    assert leaves_nothing(project)


@pytest.mark.parametrize("kind", ["lost_answer", "error_after", "empty", "malformed"])
async def test_a_delete_whose_answer_was_lost_is_looked_up(hasty_world: World, kind: str) -> None:
    project = Project(hasty_world, order())
    await project.configure()
    await hasty_world.fault(DELETE, kind, **({"seconds": 1} if kind == "lost_answer" else {}))
    released(await project.cancel())
    assert await hasty_world.records("vrs.example") == []
    assert (await hasty_world.calls())[DELETE] == 1


async def test_an_undo_that_fails_halfway_is_finished_by_the_next_try(world: World) -> None:
    project = Project(world, order(), ipv6=IPV6)
    await project.configure()
    await world.fault(DELETE, "refused", code=2400)
    with pytest.raises(TemporaryError):
        await project.cancel()
    released(await project.cancel())
    assert await world.records("vrs.example") == []
    assert leaves_nothing(project)
