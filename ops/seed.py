"""Base domains, servers and project types from a TOML file."""

import tomllib
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import HostName, Slug, Text
from contracts.problems import field_problems
from ops.failure import CommandError
from shared.models import BaseDomain, ProjectType, Server, ServerState, Table


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeededServer(_Entry):
    """A server; `coolify_uuid` is its uuid at Coolify, `capacity` the most projects that it may hold."""

    name: Slug
    coolify_uuid: Text
    region: Slug
    ipv4: IPv4Address
    ipv6: IPv6Address | None = None
    capacity: Annotated[int, Field(ge=0, le=100_000)]
    state: ServerState = ServerState.ACTIVE


class SeededProjectType(_Entry):
    """What can be ordered, and the image that runs it."""

    name: Slug
    image: Text
    image_tag: Text
    port: Annotated[int, Field(ge=1, le=65_535)]


class Seed(_Entry):
    """A whole file; each list may be missing."""

    base_domains: list[HostName] = []
    servers: list[SeededServer] = []
    project_types: list[SeededProjectType] = []


def read_seed(path: Path) -> Seed:
    """Read and check `path`.

    Raises:
        CommandError: names the file and each field that is wrong.

    """
    try:
        return Seed.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=2) from error
    except ValidationError as error:
        raise CommandError("\n".join(f"{path}: {problem}" for problem in field_problems(error))) from error
    except ValueError as error:  # not TOML, not UTF-8
        raise CommandError(f"{path}: {error}") from error


async def write_seed(engine: AsyncEngine, seed: Seed) -> None:
    """Insert what is missing and update the rest by name. A server's taken places stay as they are."""
    async with engine.begin() as connection:
        for model, rows in _rows(seed):
            for row in rows:
                changes = {name: value for name, value in row.items() if name != "name"}
                statement = insert(model).values(row)
                await connection.execute(
                    statement.on_conflict_do_update(index_elements=["name"], set_=changes)
                    if changes
                    else statement.on_conflict_do_nothing()
                )


def _rows(seed: Seed) -> list[tuple[type[Table], list[dict[str, Any]]]]:
    servers = [
        server.model_dump() | {"ipv4": str(server.ipv4), "ipv6": str(server.ipv6) if server.ipv6 else None}
        for server in seed.servers
    ]
    return [
        (BaseDomain, [{"name": name} for name in seed.base_domains]),
        (ProjectType, [kind.model_dump() for kind in seed.project_types]),
        (Server, servers),
    ]
