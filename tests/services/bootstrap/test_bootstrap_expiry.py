"""Certificates of live projects: looked at once a day, told once for each threshold when their renewal is overdue."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from contracts import ServiceName
from ops.contracts.system import build_services
from ops.grants import apply
from services.bootstrap.expiry import look_at_certificates
from services.bootstrap.health import Certificate
from services.bootstrap.models import WatchedCore, WatchedDomain
from shared.database import Database
from shared.models import Expiry, ProjectOrder
from tests.choreography.events import Story
from tests.choreography.roles import database_of
from tests.conftest import open_at
from tests.expiries import Announcer
from tests.services.bootstrap.test_bootstrap_core import SERVER

DAY = timedelta(days=1)


class Watch:
    """A live project whose core the simulator plays, and a watch whose clock the test sets."""

    def __init__(self, cores: Any, database: Database, host: str, certificate: Certificate) -> None:
        self.cores, self.database, self.host, self.certificate = cores, database, host, certificate
        self.kernel = Announcer(database, ServiceName.BOOTSTRAP)

    async def look(self, now: datetime) -> int:
        return await look_at_certificates(self.kernel, self.database, self.cores.core, now)

    async def row(self) -> Any:
        async with self.database.engine.connect() as connection:
            return (await connection.execute(select(*Expiry.__table__.columns))).one()

    @property
    def told(self) -> list[int]:
        return [each["days"] for each in self.kernel.said]


@pytest.fixture
async def watch(cores: Any, database: Database) -> Watch:
    host = await cores.start()
    core = {"project_id": uuid4(), "fqdn": host, "ipv4": str(SERVER), "core_key": None}
    async with database.engine.begin() as connection:
        await connection.execute(insert(WatchedCore).values(core))
    certificate = await cores.core.certificate(fqdn=host, ipv4=SERVER)
    assert isinstance(certificate, Certificate)
    return Watch(cores, database, host, certificate)


async def test_a_certificate_whose_renewal_is_overdue_is_told_once_for_each_threshold(watch: Watch) -> None:
    ends_at = watch.certificate.expires_at
    for days in (200, 20, 13, 11.9, 0.5):
        await watch.look(ends_at - days * DAY)
    assert watch.told == [14, 1]  # of a certificate that lasts for 90 days
    assert {(each["host"], each["issuer"]) for each in watch.kernel.said} == {(watch.host, watch.certificate.issuer)}
    row = await watch.row()
    assert (row.ends_at, row.told_days, row.problem) == (ends_at, 1, None)


async def test_one_that_has_ended_is_told_from_what_was_seen_of_it_last(watch: Watch) -> None:
    ends_at = watch.certificate.expires_at
    await watch.look(ends_at - 29 * DAY)
    await watch.cores.broken(watch.host, "wrong_certificate")
    for days in (20, 10, -1, -3):
        await watch.look(ends_at - days * DAY)
    assert watch.told == [14, 0]
    assert "no valid certificate" in (await watch.row()).problem


async def test_each_name_of_a_project_is_watched_for_its_own_certificate(watch: Watch, database: Database) -> None:
    story = Story(own_domain=watch.host)
    second, coming = await watch.cores.start(), "kommt.example"
    added = {"project_id": story.project_id, "since": 1, "revision": 1}
    async with database.engine.begin() as connection:
        await connection.execute(update(WatchedCore).values(project_id=story.project_id))
        await connection.execute(insert(ProjectOrder).values(story.order_row()))
        for domain, connected_at in ((second, datetime.now(UTC)), (coming, None)):
            domain_row = added | {"domain": domain, "connected_at": connected_at}
            await connection.execute(insert(WatchedDomain).values(domain_row))
    for days in (6, 4.5):
        await watch.look(watch.certificate.expires_at - days * DAY)
    assert sorted((each["host"], each["days"]) for each in watch.kernel.said) == sorted([(watch.host, 7), (second, 7)])
    async with database.engine.connect() as connection:
        watched = set(await connection.scalars(select(Expiry.name)))
    assert watched == {watch.host, f"www.{watch.host}", second, f"www.{second}"}


async def test_a_certificate_is_watched_with_the_least_rights(watch: Watch, database: Database) -> None:
    await apply(database.engine, await build_services(), {})
    own = open_at(database_of(database.listen_url, ServiceName.BOOTSTRAP))
    watch.database = watch.kernel.database = own
    await watch.look(watch.certificate.expires_at - 5 * DAY)
    assert watch.told == [7]
    await own.engine.dispose()


async def test_a_core_that_is_silent_is_asked_again_within_an_hour_and_told_of_to_nobody(watch: Watch) -> None:
    now = watch.certificate.expires_at - 100 * DAY
    await watch.cores.broken(watch.host, "close")
    await watch.look(now)
    row = await watch.row()
    assert (row.ends_at, bool(row.problem)) == (None, True)
    await watch.cores.control(reset=True)
    await watch.look(now + timedelta(minutes=30))
    assert (await watch.row()).ends_at is None
    await watch.look(now + timedelta(minutes=61))
    assert (await watch.row()).ends_at == watch.certificate.expires_at
    assert watch.told == []
