"""A domain that is to be transferred is claimed for its project at once, and leads nowhere until it has come."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.dns.routes import Change, ChangeRoutes
from shared.added_domains import ClaimDomain, Decided, DropDomain
from shared.database import Database
from shared.domain_wishes import domains_of
from shared.errors import RefusedError
from shared.host_claims import ClaimHosts, HostProblem, HostRefused, own_hosts
from shared.models import Project, ProjectDomain, ProjectOrder
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer
from tests.choreography.events import Story
from tests.choreography.facts import BASE_DOMAIN, MAX_CENTS, OWNER

DOMAIN = "umzug.example"
SEAL = Seal(SecretStr(Fernet.generate_key().decode()))
REQUEST = TransferRequest(domain=DOMAIN, auth_code=SecretStr("code"), registrant=OWNER, max_cents=MAX_CENTS)


async def live(database: Database, story: Story) -> UUID:
    project = {"vrs_id": story.project_id, "name": story.slug, "slug": story.slug, "provisioning_state": "live"}
    host = {"host": story.fqdn, "project_id": story.project_id, "is_primary": True}
    async with database.engine.begin() as connection:
        await connection.execute(insert(Project).values(project))
        await connection.execute(insert(ProjectOrder).values(story.order_row()))
        await connection.execute(insert(ProjectDomain).values(host))
    return story.project_id


async def ask(database: Database, project: UUID) -> None:
    async with begin(database) as transaction:
        await ask_for_transfer(transaction, project, REQUEST, SEAL, by="case worker")


async def write(database: Database, project: UUID, write: Any) -> Any:
    async with database.engine.begin() as connection:
        return (await type(write).apply(connection, [(project, write)]))[0]


async def names(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    found = "SELECT host, project_id, is_primary, is_coming FROM project_domains WHERE host LIKE '%umzug%' ORDER BY 1"
    return [tuple(row) for row in await connection.execute(text(found))]


async def held(database: Database) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return await names(connection)


def now() -> datetime:
    return datetime.now(UTC)


async def test_of_two_projects_that_want_the_same_domain_at_once_one_gets_it(database: Database) -> None:
    projects = [await live(database, Story()) for _ in range(2)]
    outcomes = await asyncio.gather(*(ask(database, each) for each in projects), return_exceptions=True)
    [refused] = [each for each in outcomes if each is not None]
    assert isinstance(refused, RefusedError)
    assert str(refused) == f"{DOMAIN} belongs to another project: remove it there, or cancel that project"
    winner = projects[outcomes.index(None)]
    assert await held(database) == [(host, winner, False, True) for host in own_hosts(DOMAIN)]


async def test_nobody_else_can_order_or_add_a_domain_that_is_on_its_way(database: Database) -> None:
    project, other = await live(database, Story()), await live(database, Story())
    await ask(database, project)
    for claim in (ClaimDomain(DOMAIN, False, now()), ClaimHosts(own_hosts(DOMAIN), None)):
        assert await write(database, other, claim) == HostRefused(HostProblem.TAKEN, DOMAIN)
    assert {row[1] for row in await held(database)} == {project}


async def test_it_is_no_domain_of_the_project_until_it_is_added_and_then_it_is_one(database: Database) -> None:
    story = Story()
    project = await live(database, story)
    await ask(database, project)
    second = "zweite.example"
    await write(database, project, ClaimDomain(second, False, now()))
    _, routes = await write(database, project, ChangeRoutes(Change.POINTED, second, now()))
    assert [domain.hosts for domain in routes.domains] == [(story.fqdn,), own_hosts(second)]
    assert await write(database, project, DropDomain(DOMAIN, now())) is Decided.DONE  # there is nothing to remove
    assert [row[3] for row in await held(database)] == [True, True]
    assert await write(database, project, ClaimDomain(DOMAIN, True, now())) is Decided.DONE
    assert await held(database) == [(host, project, False, False) for host in own_hosts(DOMAIN)]
    async with database.engine.connect() as connection:
        listed = [each.domain for each in await domains_of(connection, project)]
    assert listed == [story.fqdn, second, DOMAIN]


async def test_one_that_is_removed_while_it_is_on_its_way_stays_claimed_for_that(database: Database) -> None:
    project = await live(database, Story())
    await write(database, project, ClaimDomain(DOMAIN, False, now()))
    await ask(database, project)
    assert [row[3] for row in await held(database)] == [False, False]
    await write(database, project, DropDomain(DOMAIN, now()))
    await write(database, project, ChangeRoutes(Change.FREED, DOMAIN, now()))
    assert await held(database) == [(host, project, False, True) for host in own_hosts(DOMAIN)]


@pytest.mark.parametrize("ordered", ["another", DOMAIN])
async def test_an_order_that_claims_its_names_again_keeps_what_is_on_its_way(database: Database, ordered: str) -> None:
    story = Story(own_domain=DOMAIN if ordered == DOMAIN else None)
    project = await live(database, story)
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM project_domains"))
        await connection.execute(text("INSERT INTO base_domains (name) VALUES (:name)"), {"name": BASE_DOMAIN})
    await ask(database, project)
    base = None if story.own_domain else BASE_DOMAIN
    hosts = own_hosts(DOMAIN) if story.own_domain else (story.fqdn,)
    assert await write(database, project, ClaimHosts(hosts, base)) is None
    is_ordered = ordered == DOMAIN
    assert await held(database) == [
        (host, project, is_ordered and host == DOMAIN, not is_ordered) for host in own_hosts(DOMAIN)
    ]
