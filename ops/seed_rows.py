"""Which rows a seed asks for, table by table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.seed import Entry, Seed
from shared.models import BaseDomain, Bundle, BundlePlugin, PluginPrice, ProjectType, Server, Table, TypePlacement
from shared.servers import NewServer

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`given` are the columns that the files name; `whole` those of a new row, or of one in which nothing stands."""

    given: dict[str, Any]
    whole: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows of a table by their keys; of `complete`, others with the same first column of the key are not wanted."""

    model: type[Table]
    key: tuple[str, ...]
    rows: dict[Key, Row]
    complete: bool = False

    @property
    def table(self) -> str:
        """The table's name."""
        name: str = self.model.__tablename__
        return name


def wanted_of(seed: Seed) -> Iterator[Wanted]:
    """Every table that seeds fill, in the order in which it is filled."""
    yield Wanted(BaseDomain, ("name",), {(name,): Row({}, {}) for name in seed.base_domains})
    yield Wanted(ProjectType, ("name",), {(each.name,): _row(each, "name", "placement") for each in seed.project_types})
    strategies = {each.name: {"strategy": each.placement} for each in seed.project_types if each.placement}
    yield Wanted(TypePlacement, ("project_type",), {(name,): Row(row, row) for name, row in strategies.items()})
    yield Wanted(PluginPrice, ("plugin",), {(each.plugin,): _row(each, "plugin") for each in seed.plugin_prices})
    yield Wanted(Bundle, ("name",), {(each.name,): _row(each, "name", "plugins") for each in seed.bundles})
    contents: dict[Key, Row] = {}
    for bundle in seed.bundles:
        for plugin in bundle.plugins:
            contents[bundle.name, plugin.name] = Row({"version": plugin.version}, {"version": plugin.version})
    yield Wanted(BundlePlugin, ("bundle", "plugin"), contents, complete=True)
    yield Wanted(Server, ("name",), {(each.name,): _server(each) for each in seed.servers})


def _server(server: NewServer) -> Row:
    rows = (server.row(), server.row(whole=True))
    return Row(*({name: value for name, value in row.items() if name != "name"} for row in rows))


def _row(entry: Entry, *without: str) -> Row:
    exclude = set(without)
    return Row(entry.model_dump(exclude=exclude, exclude_unset=True), entry.model_dump(exclude=exclude))
