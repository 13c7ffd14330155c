"""What has to stand in the database before orders come, from TOML files: read and checked."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts import PlacementStrategy, Plugin, Slug, Text
from contracts.problems import field_problems
from ops.failure import CommandError
from shared.base_domains import TypedHost
from shared.servers import NewServer

Cents = Annotated[int, Field(ge=0, le=100_000_000)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Entry(BaseModel):
    """A table of a file: a field that nobody knows is a slip."""

    model_config = ConfigDict(extra="forbid")


class SeededProjectType(Entry):
    """What can be ordered, the image that runs it, and perhaps how its servers are chosen."""

    name: Slug
    image: Text
    image_tag: Text
    port: Annotated[int, Field(ge=1, le=65_535)]
    placement: PlacementStrategy | None = None


class SeededPluginPrice(Entry):
    """What a plugin costs a month, in cents."""

    plugin: Slug
    cents: Cents
    currency: Currency = "EUR"


class SeededPlugin(Plugin):
    """A plugin of a bundle, in the version that an order gets."""

    model_config = ConfigDict(extra="forbid")


class SeededBundle(Entry):
    """What a set of plugins costs a month, in cents, instead of its plugins one by one; all that are in it."""

    name: Slug
    cents: Cents
    currency: Currency = "EUR"
    plugins: Annotated[list[SeededPlugin], Field(min_length=1)]


class Seed(Entry):
    """The files together; each list may be missing."""

    base_domains: list[TypedHost] = []
    servers: list[NewServer] = []
    project_types: list[SeededProjectType] = []
    plugin_prices: list[SeededPluginPrice] = []
    bundles: list[SeededBundle] = []


def read_seed(*paths: Path) -> Seed:
    """Read and check TOML files, and those of folders, as one.

    Raises:
        CommandError: names the file and each field that is wrong, and whatever stands there twice.

    """
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    if not files:
        raise CommandError(f"{', '.join(map(str, paths))}: there is no *.toml file; name one", exit_code=2)
    seeds = [(file, _read(file)) for file in files]
    whole = Seed(
        base_domains=[name for _, seed in seeds for name in seed.base_domains],
        servers=[server for _, seed in seeds for server in seed.servers],
        project_types=[kind for _, seed in seeds for kind in seed.project_types],
        plugin_prices=[price for _, seed in seeds for price in seed.plugin_prices],
        bundles=[bundle for _, seed in seeds for bundle in seed.bundles],
    )
    where = ", ".join(map(str, files))
    if problems := list(_doubles(whole)):
        raise CommandError("\n".join(f"{where}: {problem}" for problem in problems))
    return whole


def _read(path: Path) -> Seed:
    try:
        return Seed.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=2) from error
    except ValidationError as error:
        raise CommandError("\n".join(f"{path}: {problem}" for problem in field_problems(error))) from error
    except ValueError as error:  # not TOML, not UTF-8
        raise CommandError(f"{path}: {error}") from error


def _doubles(seed: Seed) -> Iterable[str]:
    """What must be there once and is not: two servers at one address would share their visitors."""
    kinds: list[tuple[str, list[Any]]] = [
        ("base_domains", list(seed.base_domains)),
        *(
            (f"servers.{field}", [getattr(each, field) for each in seed.servers])
            for field in ("name", "coolify_uuid", "ipv4", "ipv6")
        ),
        ("project_types.name", [each.name for each in seed.project_types]),
        ("plugin_prices.plugin", [each.plugin for each in seed.plugin_prices]),
        ("bundles.name", [each.name for each in seed.bundles]),
        *((f"bundles {each.name}: plugins.name", [plugin.name for plugin in each.plugins]) for each in seed.bundles),
    ]
    for what, values in kinds:
        for value, times in Counter(values).items():
            if times > 1 and value is not None:
                yield f"{what}: {value} is there {times} times, leave one"
