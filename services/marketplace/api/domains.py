"""The domains of a live project: added, removed, made the primary one."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StrictBool

from contracts import HostName
from services.marketplace.api.answers import Answer
from services.marketplace.api.base_domains import stored
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.audit import record
from services.marketplace.dependencies import Db, MayOrder, MayRead
from shared.base_domains import TypedHost
from shared.database import Database
from shared.domain_wishes import DomainState, add_domain, change_primary, domains_of, remove_domain
from shared.models import StaffActionKind
from shared.transaction import begin

router = APIRouter(prefix="/api/v1/projects/{project_id}/domains", tags=["domains"])

Domain = Annotated[str, Path(max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$", description="A domain of the project's.")]
_ONE: dict[str, Any] = {
    "domain": "sommer.example",
    "state": "connected",
    "is_primary": True,
    "is_ordered": False,
    "becomes_primary": False,
    "connected_at": "2026-03-02T09:16:40Z",
    "findings": [],
}


class DomainAnswer(Answer):
    """A domain of a project."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ONE]})

    domain: str
    """In A-labels. The project answers under its ``www``, too, unless it was ordered under one of our base domains."""
    state: DomainState
    is_primary: bool
    """Whether the others redirect to it."""
    is_ordered: bool
    """Whether it was ordered with the project; then it stays."""
    becomes_primary: bool
    """Whether it becomes the primary one as soon as it works."""
    connected_at: datetime | None
    findings: list[dict[str, Any]]
    """What is wrong with its records, for a domain that the customer holds elsewhere; as in DnsRecordsNeeded."""


class DomainList(Answer):
    """Every domain of a project, the one that was ordered first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"domains": [_ONE]}]})

    domains: list[DomainAnswer]


class NewDomain(BaseModel):
    """A domain for a project. With `primary` the others redirect to it as soon as it works."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"domain": "sommer.example", "primary": True}]}
    )

    domain: TypedHost
    primary: StrictBool = False


class PrimaryDomain(BaseModel):
    """The domain to which the project's others redirect."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"domain": "sommer.example"}]})

    domain: TypedHost


@router.get("", responses={404: {}})
async def list_domains(_: MayRead, database: Db, project_id: ProjectId) -> DomainList:
    """List a project's domains and how far each is."""
    await known_project(database, project_id)
    return await _listed(database, project_id)


@router.post("", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}})
async def post_domain(caller: MayOrder, database: Db, project_id: ProjectId, new: NewDomain) -> DomainList:
    """Give a live project one more domain. Where the customer holds it, they are mailed which records to set."""
    await known_project(database, project_id)
    async with begin(database) as transaction:
        await add_domain(transaction, project_id, new.domain, primary=new.primary, by=caller.name)
        kind = StaffActionKind.PROJECT_DOMAIN_ADDED
        await record(transaction.connection, caller, kind, new.domain, project_id=project_id)
    return await _listed(database, project_id)


@router.put("/primary", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}})
async def put_primary(caller: MayOrder, database: Db, project_id: ProjectId, primary: PrimaryDomain) -> DomainList:
    """Make a domain of a live project its primary one: all others redirect to it (308)."""
    await known_project(database, project_id)
    async with begin(database) as transaction:
        if await change_primary(transaction, project_id, primary.domain, by=caller.name):
            kind = StaffActionKind.PRIMARY_CHANGED
            await record(transaction.connection, caller, kind, primary.domain, project_id=project_id)
    return await _listed(database, project_id)


@router.delete("/{domain}", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}})
async def delete_domain(caller: MayOrder, database: Db, project_id: ProjectId, domain: Domain) -> DomainList:
    """Take a domain from a live project: not the primary one, nor the one that was ordered."""
    await known_project(database, project_id)
    name: HostName = stored(domain, "domain")
    async with begin(database) as transaction:
        await remove_domain(transaction, project_id, name, by=caller.name)
        kind = StaffActionKind.PROJECT_DOMAIN_REMOVED
        await record(transaction.connection, caller, kind, name, project_id=project_id)
    return await _listed(database, project_id)


async def _listed(database: Database, project_id: UUID) -> DomainList:
    async with database.autocommit.begin() as connection:
        domains = await domains_of(connection, project_id)
    return DomainList(domains=[DomainAnswer.model_validate(each) for each in domains])
