"""The base domains as people see and change them, by command or over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator
from sqlalchemy import Text, cast, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import HostName
from shared.errors import RefusedError, UnknownError
from shared.hosts import as_shown, as_stored
from shared.models import BaseDomain, ProjectDomain


def _typed_host(value: object) -> object:
    try:
        return as_stored(value) if isinstance(value, str) else value
    except ValueError:  # what is no host name is left to the contract
        return value


TypedHost = Annotated[HostName, BeforeValidator(_typed_host)]
"""A host name as a person types it, perhaps with umlauts and capitals."""

_HOST = cast(ProjectDomain.host, Text)
_IS_UNDER = _HOST.endswith("." + cast(BaseDomain.name, Text))
_LINES = (
    select(BaseDomain.name, func.count(ProjectDomain.host))
    .outerjoin(ProjectDomain, _IS_UNDER)
    .group_by(BaseDomain.name)
    .order_by(BaseDomain.name)
)


@dataclass(frozen=True, slots=True)
class DomainLine:
    """A base domain and how many names of projects lie under it."""

    name: str
    projects: int


async def domain_lines(engine: AsyncEngine) -> list[DomainLine]:
    """Read every base domain by its name."""
    async with engine.connect() as connection:
        return [DomainLine(*row) for row in await connection.execute(_LINES)]


async def add_domain(connection: AsyncConnection, name: str) -> bool:
    """Add a base domain in the caller's transaction; False if it is one already.

    Raises:
        RefusedError: it lies under another base domain or over one, so that names could be given twice, or a
            project has a name of its own there.

    """
    for other in (await connection.scalars(select(BaseDomain.name))).all():
        if other == name:
            return False
        if f".{name}".endswith(f".{other}") or f".{other}".endswith(f".{name}"):
            message = f"{name} and the base domain {other} lie one under the other: choose another name"
            raise RefusedError(message, code="domain_overlaps", name=as_shown(name), other=as_shown(other))
    under = _HOST.endswith(f".{name}") | (name == _HOST)
    held = (await connection.scalars(select(ProjectDomain.host).where(under).limit(1))).first()
    if held is not None:
        message = f"{held} is a project's own domain: choose another name, or cancel that project first"
        raise RefusedError(message, code="domain_is_a_projects", host=as_shown(held))
    await connection.execute(insert(BaseDomain).values(name=name))
    return True


async def remove_domain(connection: AsyncConnection, name: str) -> None:
    """Remove a base domain in the caller's transaction.

    Waits for orders that are claiming a name under it, and they for this.

    Raises:
        UnknownError: there is none of that name.
        RefusedError: projects have names under it.

    """
    # Before the names are counted, and in a statement of its own: what was being claimed is committed then.
    await connection.execute(select(BaseDomain.name).where(BaseDomain.name == name).with_for_update())
    lines = {line[0]: line[1] for line in await connection.execute(_LINES)}
    if name not in lines:
        message = f"There is no base domain {name!r}; there are {', '.join(lines) or 'none'}"
        raise UnknownError(message, code="domain_unknown", name=as_shown(name))
    if lines[name]:
        projects = "1 project has a name" if lines[name] == 1 else f"{lines[name]} projects have names"
        raise RefusedError(
            f"{projects} under {name}: let the marketplace offer it no more, cancel them "
            "(`vrs projects` lists them, `vrs cancel PROJECT`), then remove it",
            code="domain_has_projects",
            name=as_shown(name),
            count=lines[name],
        )
    await connection.execute(delete(BaseDomain).where(BaseDomain.name == name))
