"""Domains that end: looked at once a day, told once for each threshold, and only if nobody sees to them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, text

from contracts import RenewalDoubt, ServiceName
from ops.contracts.system import build_services
from ops.grants import apply
from services.dns.expiry import look_at_domains
from services.dns.models import ManagedRecord
from services.dns.registrar import RenewalMode
from shared.database import Database
from shared.expiry import AT_ONCE
from shared.models import (
    BaseDomain,
    Cancellation,
    DomainRegistration,
    DomainTransfer,
    Expiry,
    Project,
    ProjectOrder,
    ProvisioningLog,
)
from tests.choreography.events import Story
from tests.choreography.facts import OWNER
from tests.choreography.roles import database_of
from tests.conftest import open_at
from tests.expiries import Announcer
from tests.services.dns.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PRICE = 4.65


class Watch:
    """A domain that was registered for a project, and a watch whose clock the test sets by the domain's end."""

    def __init__(self, world: World, database: Database) -> None:
        self.world, self.database = world, database
        self.kernel = Announcer(database, ServiceName.DNS)
        self.name = f"d{uuid4().hex[:12]}.example"
        self.ends_at = datetime.now(UTC)

    async def registered(self, name: str, project_id: UUID | None = None) -> None:
        row = {"project_id": project_id or uuid4(), "domain": name, "stage": "registered", "max_cents": 1500}
        async with self.database.engine.begin() as connection:
            await connection.execute(insert(DomainRegistration).values(row | {"zone_made": True, "cents": 465}))

    async def bought(self, mode: RenewalMode, project_id: UUID | None = None) -> None:
        registrar = self.world.registrar
        await registrar.create(self.name, await registrar.contact(OWNER))
        await registrar.set_renewal(self.name, mode)
        await self.registered(self.name, project_id)
        found = await registrar.find(self.name)
        assert found
        assert found.expires_at
        self.ends_at = found.expires_at

    async def look(self, *, before: timedelta) -> int:
        return await look_at_domains(self.kernel, self.database, self.world.registrar, self.ends_at - before)

    async def rows(self) -> list[Any]:
        async with self.database.engine.connect() as connection:
            return list((await connection.execute(select(*Expiry.__table__.columns))).all())

    @property
    def told(self) -> list[tuple[int, str]]:
        return [(each["days"], each["reason"]) for each in self.kernel.said]


@pytest.fixture
def watch(world: World, database: Database) -> Watch:
    return Watch(world, database)


async def test_a_domain_that_nobody_renews_is_told_once_for_each_threshold(watch: Watch) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    for days in (60, 31, 29.9, 28.8, 13, 11.9, 6.5, 0.9, -0.5, -1.6):
        await watch.look(before=days * DAY)
    reason = RenewalDoubt.NOT_RENEWED.value
    assert watch.told == [(30, reason), (14, reason), (7, reason), (1, reason), (0, RenewalDoubt.ENDED.value)]
    [row] = await watch.rows()
    assert (row.name, row.ends_at, row.renews_itself, row.told_days) == (watch.name, watch.ends_at, False, 0)


async def test_an_end_is_told_in_the_story_of_its_own_order(watch: Watch, database: Database) -> None:
    story, other = Story(), Story()
    async with database.engine.begin() as connection:
        for each in (story, other):
            await connection.execute(insert(Project).values(vrs_id=each.project_id, name=each.slug, slug=each.slug))
            await connection.execute(insert(ProjectOrder).values(each.order_row()))
    await watch.registered(f"{other.slug}.example", other.project_id)
    await watch.bought(RenewalMode.EXPIRES, story.project_id)
    await watch.look(before=20 * DAY)
    async with database.engine.connect() as connection:
        told = await connection.scalars(select(ProvisioningLog.correlation_id))
    assert list(told) == [story.project_id]


async def test_a_domain_that_was_transferred_is_watched_as_one_that_was_registered(
    watch: Watch, database: Database
) -> None:
    project = uuid4()
    await watch.bought(RenewalMode.EXPIRES, project)
    rows = {watch.name: "transferred", "unterwegs.example": "pending"}
    moved = {"project_id": project, "max_cents": 1500, "zone_made": True, "kept_records": []}
    async with database.engine.begin() as connection:
        await connection.execute(delete(DomainRegistration))
        for domain, stage in rows.items():
            await connection.execute(insert(DomainTransfer).values(moved | {"domain": domain, "stage": stage}))
    await watch.look(before=6 * DAY)
    await watch.look(before=4.5 * DAY)
    assert watch.told == [(7, "not_renewed")]
    assert [row.name for row in await watch.rows()] == [watch.name]


async def test_a_customers_domain_whose_zone_is_ours_is_watched_if_its_registration_is_ours_too(
    watch: Watch, database: Database
) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    only_zone, base = "nur-zone.example", "vrs.example"
    names = [watch.name, f"www.{watch.name}", only_zone, f"laden.{base}"]
    row = {"type": "A", "content": "203.0.113.10", "ttl": 300, "holder": "inwx", "intended_at": datetime.now(UTC)}
    async with database.engine.begin() as connection:
        await connection.execute(delete(DomainRegistration))
        await connection.execute(insert(BaseDomain).values(name=base))
        for name in names:
            zone = name.removeprefix("www.").removeprefix("laden.")
            managed = row | {"project_id": uuid4(), "name": name, "zone": zone}
            await connection.execute(insert(ManagedRecord).values(managed))
    await watch.look(before=6 * DAY)
    await watch.look(before=4.5 * DAY)
    assert watch.told == [(7, "not_renewed")]
    found = {each.name: (each.ends_at, each.problem) for each in await watch.rows()}
    other = "its registration is not in our INWX account"
    assert found == {watch.name: (watch.ends_at, None), only_zone: (None, other)}


async def test_after_a_long_silence_only_the_nearest_threshold_is_told(watch: Watch) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    await watch.look(before=5 * DAY)
    await watch.look(before=3 * DAY)
    assert watch.told == [(7, "not_renewed")]


async def test_a_domain_that_renews_itself_is_told_if_the_credit_does_not_last_until_it_or_if_it_has_ended(
    watch: Watch,
) -> None:
    await watch.bought(RenewalMode.RENEWED)
    await watch.look(before=20 * DAY)
    await watch.look(before=6 * DAY)
    assert watch.told == []
    await watch.world.control(credit={"demo": PRICE - 0.01})
    await watch.look(before=4.5 * DAY)
    assert watch.told == [(7, "no_credit")]
    await watch.world.control(credit={"demo": PRICE})
    await watch.look(before=0.5 * DAY)
    await watch.look(before=-0.9 * DAY)  # its registry may take a day
    assert watch.told == [(7, "no_credit")]
    await watch.look(before=-2 * DAY)
    assert watch.told == [(7, "no_credit"), (0, "ended")]


async def test_the_credit_must_do_for_all_that_end_before(watch: Watch, world: World) -> None:
    first = Watch(world, watch.database)
    await first.bought(RenewalMode.RENEWED)
    await watch.bought(RenewalMode.RENEWED)
    await world.control(credit={"demo": 1.5 * PRICE})
    for days in (20, 18.9):  # the first look writes down what each of them costs
        await watch.look(before=days * DAY)
    said = {(each["domain"], each["reason"]) for each in watch.kernel.said}
    latest = max(first.ends_at, watch.ends_at)  # they may end in the same second
    assert said == {(each.name, "no_credit") for each in (first, watch) if each.ends_at == latest}


async def test_a_domain_that_was_renewed_begins_anew(watch: Watch, database: Database) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    await watch.look(before=5 * DAY)
    async with database.engine.begin() as connection:  # as if it had been a year younger until now
        await connection.execute(text("UPDATE expiries SET ends_at = ends_at - interval '365 days'"))
    await watch.look(before=3 * DAY)
    assert watch.told == [(7, "not_renewed"), (7, "not_renewed")]


async def test_a_domain_is_looked_at_once_a_day_and_within_an_hour_if_inwx_is_away(watch: Watch, world: World) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    await world.fault("domain.info", "refused", code=2400)
    await watch.look(before=100 * DAY)
    [row] = await watch.rows()
    assert (bool(row.problem), row.seen_at) == (True, None)
    asked = (await world.calls())["domain.info"]
    await watch.look(before=100 * DAY - 0.5 * HOUR)
    assert (await world.calls())["domain.info"] == asked
    await watch.look(before=100 * DAY - 1.1 * HOUR)
    await watch.look(before=100 * DAY - 20 * HOUR)
    assert (await world.calls())["domain.info"] == asked + 1
    [row] = await watch.rows()
    assert (row.problem, row.ends_at) == (None, watch.ends_at)


async def test_a_domain_is_watched_with_the_least_rights(watch: Watch, database: Database) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    await apply(database.engine, await build_services(), {})
    own = open_at(database_of(database.listen_url, ServiceName.DNS))
    watch.database = watch.kernel.database = own
    await watch.look(before=5 * DAY)
    assert watch.told == [(7, "not_renewed")]
    await own.engine.dispose()


async def test_a_round_is_bounded_and_what_is_gone_is_forgotten(watch: Watch, database: Database) -> None:
    for number in range(AT_ONCE + 5):
        await watch.registered(f"d{number}.example")
    await watch.look(before=DAY)
    assert len(await watch.rows()) == AT_ONCE
    assert {row.problem for row in await watch.rows()} == {"its registration is not in our INWX account"}
    await watch.look(before=DAY)
    assert len(await watch.rows()) == AT_ONCE + 5
    async with database.engine.begin() as connection:
        await connection.execute(delete(DomainRegistration))
    await watch.look(before=DAY)
    assert await watch.rows() == []


async def test_two_watches_tell_an_end_once_and_nobody_tells_that_of_a_cancelled_project(
    watch: Watch, database: Database
) -> None:
    await watch.bought(RenewalMode.EXPIRES)
    await watch.look(before=5 * DAY)
    async with database.engine.begin() as connection:  # as if another process had taken it as well
        await connection.execute(text("UPDATE expiries SET look_at = look_at - interval '2 days'"))
    await watch.look(before=5 * DAY)
    [row] = await watch.rows()
    assert row.told_days == 7
    assert watch.told == [(7, "not_renewed")]
    async with database.engine.begin() as connection:
        cancelled = {"project_id": row.project_id, "reason": "r", "requested_by": "b"}
        await connection.execute(insert(Cancellation).values(cancelled))
    await watch.look(before=0.5 * DAY)
    assert watch.told == [(7, "not_renewed")]
