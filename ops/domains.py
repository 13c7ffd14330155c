"""The base domains as the desk sees and changes them."""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ops.failure import CommandError
from shared.models import BaseDomain, ProjectDomain

_IS_UNDER = ProjectDomain.host.endswith("." + BaseDomain.name)
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


async def add_domain(engine: AsyncEngine, name: str) -> bool:
    """Add a base domain; False if it is one already.

    Raises:
        CommandError: it lies under another base domain or over one, so that names could be given twice, or a
            project has a name of its own there.

    """
    async with engine.begin() as connection:
        for other in (await connection.scalars(select(BaseDomain.name))).all():
            if other == name:
                return False
            if f".{name}".endswith(f".{other}") or f".{other}".endswith(f".{name}"):
                raise CommandError(f"{name} and the base domain {other} lie one under the other: choose another name")
        under = ProjectDomain.host.endswith(f".{name}") | (ProjectDomain.host == name)
        held = (await connection.scalars(select(ProjectDomain.host).where(under).limit(1))).first()
        if held is not None:
            raise CommandError(f"{held} is a project's own domain: choose another name, or cancel that project first")
        await connection.execute(insert(BaseDomain).values(name=name))
    return True


async def remove_domain(engine: AsyncEngine, name: str) -> None:
    """Remove a base domain.

    Raises:
        CommandError: there is none of that name, or projects have names under it.

    """
    async with engine.begin() as connection:
        lines = {line[0]: line[1] for line in await connection.execute(_LINES)}
        if name not in lines:
            raise CommandError(f"There is no base domain {name!r}; there are {', '.join(lines) or 'none'}")
        if lines[name]:
            projects = "1 project has a name" if lines[name] == 1 else f"{lines[name]} projects have names"
            raise CommandError(
                f"{projects} under {name}: let the marketplace offer it no more, cancel them "
                "(`vrs projects` lists them, `vrs cancel PROJECT`), then remove it"
            )
        await connection.execute(delete(BaseDomain).where(BaseDomain.name == name))
