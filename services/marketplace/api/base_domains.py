"""The base domains: seen with one scope, changed by admins."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict

from services.marketplace.api.answers import Answer
from services.marketplace.audit import record
from services.marketplace.dependencies import Db, IsAdmin, MaySeeServers
from shared.base_domains import add_domain, domain_lines, remove_domain
from shared.errors import FieldProblem, WrongFieldsError
from shared.hosts import as_stored
from shared.models import StaffActionKind

router = APIRouter(prefix="/api/v1/base-domains", tags=["base domains"])

Name = Annotated[str, Path(max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$", description="A zone of ours at INWX.")]


class BaseDomainAnswer(Answer):
    """A base domain, and how many names of projects lie under it."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{"name": "vrs.example", "projects": 7}]}
    )

    name: str
    projects: int


class BaseDomainList(Answer):
    """Every base domain, by name."""

    base_domains: list[BaseDomainAnswer]


@router.get("")
async def list_base_domains(_: MaySeeServers, database: Db) -> BaseDomainList:
    """List the domains under which projects get a name."""
    lines = await domain_lines(database.engine)
    return BaseDomainList(base_domains=[BaseDomainAnswer.model_validate(line) for line in lines])


@router.put("/{name}", responses={201: {"model": BaseDomainAnswer}, 409: {}})
async def put_base_domain(caller: IsAdmin, database: Db, name: Name, response: Response) -> BaseDomainAnswer:
    """Offer a base domain. Its zone must be in the INWX account, or the first order under it fails and says so."""
    ours = stored(name)
    async with database.engine.begin() as connection:
        if await add_domain(connection, ours):
            await record(connection, caller, StaffActionKind.DOMAIN_ADDED, ours)
            response.status_code = HTTPStatus.CREATED
    lines = await domain_lines(database.engine)
    return BaseDomainAnswer.model_validate(next(line for line in lines if line.name == ours))


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses={404: {}, 409: {}})
async def delete_base_domain(caller: IsAdmin, database: Db, name: Name) -> None:
    """Offer a base domain no more. One with projects under it stays."""
    ours = stored(name)
    async with database.engine.begin() as connection:
        await remove_domain(connection, ours)
        await record(connection, caller, StaffActionKind.DOMAIN_REMOVED, ours)


def stored(name: str, field: str = "name") -> str:
    """Read a host name out of the path, as somebody types it.

    Raises:
        WrongFieldsError: it is none; names the field.

    """
    try:
        return as_stored(name)
    except ValueError as error:
        raise WrongFieldsError(FieldProblem(field, str(error)), where="path") from error
