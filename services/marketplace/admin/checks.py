"""What can be said of an order before it is placed: its name, whether there is room, what it costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette_admin.i18n import lazy_gettext as _

from contracts import Plugin
from services.marketplace.api.capacity import CapacityAnswer
from shared.host_claims import HostProblem, obstacle, own_hosts
from shared.hosts import as_stored
from shared.models import BaseDomain, Bundle, BundlePlugin, PluginPrice, PluginRelease, ProjectType
from shared.names import free_name, slug_of
from shared.offers import Offer
from shared.plans import Plan, read_plans
from shared.prices import Price, price_of

PROBLEMS = {
    HostProblem.TAKEN: _("This name is taken by another project."),
    HostProblem.UNKNOWN_BASE_DOMAIN: _("This is none of our domains."),
    HostProblem.UNDER_BASE_DOMAIN: _("This domain is one of ours: choose “under one of our domains”."),
    HostProblem.RESERVED: _("This name is reserved."),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen. `versions` are the newest known ones, by plugin."""

    plans: Mapping[str, Plan]
    base_domains: Sequence[str]
    types: Sequence[str]
    versions: Mapping[str, str]
    prices: Mapping[str, tuple[int, str]]
    bundles: Sequence[str]
    bundle_prices: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Checked:
    """`host` is None while nothing is typed; `problem`, `suggestion` and `offer` speak of it. `free` counts places now.

    `offer` is None for a name of ours, and if nobody knows just now.
    """

    host: str | None
    problem: str | None
    suggestion: str | None
    free: int
    waiting: int
    price: Price
    offer: Offer | None = None


async def read_choices(connection: AsyncConnection) -> Choices:
    """Read what can be chosen now."""
    prices = await connection.execute(select(PluginPrice.plugin, PluginPrice.cents, PluginPrice.currency))
    bundles = await connection.execute(select(Bundle.name, Bundle.cents, Bundle.currency))
    released = select(PluginRelease.name, PluginRelease.version).where(PluginRelease.yanked_at.is_(None))
    known = (await connection.execute(released.union(select(BundlePlugin.plugin, BundlePlugin.version)))).all()
    return Choices(
        plans=read_plans(),
        base_domains=(await connection.scalars(select(BaseDomain.name).order_by(BaseDomain.name))).all(),
        types=(await connection.scalars(select(ProjectType.name).order_by(ProjectType.name))).all(),
        versions=_newest((row[0], row[1]) for row in known),
        prices={row.plugin: (row.cents, row.currency) for row in prices if row.cents is not None},
        bundles=(await connection.scalars(select(BundlePlugin.bundle).distinct().order_by(BundlePlugin.bundle))).all(),
        bundle_prices={row.name: (row.cents, row.currency) for row in bundles if row.cents is not None},
    )


async def check(
    connection: AsyncConnection,
    given: Mapping[str, str],
    plugins: Sequence[str],
    bundles: Sequence[str],
    choices: Choices,
    room: CapacityAnswer,
) -> Checked:
    """Say what can be said of what is typed so far; `room` is what servers have free now."""
    host, problem, suggestion = await _name(connection, given)
    chosen = [Plugin(name=name, version=choices.versions[name]) for name in plugins if name in choices.versions]
    price = await connection.run_sync(price_of, bundles, chosen)
    return Checked(host, problem, suggestion, room.free, room.waiting, price)


async def _name(connection: AsyncConnection, given: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    if (kind := given.get("domain_kind")) in ("own", "register"):
        typed = given.get("own_domain" if kind == "own" else "new_domain", "")
        try:
            host = as_stored(typed) if typed else None
        except ValueError:
            return typed, str(_("This is no domain. A domain looks like example.org.")), None
        refused = await obstacle(connection, own_hosts(host), None) if host else None
        return host, str(PROBLEMS[refused.problem]) if refused else None, None
    zone, name = given.get("base_domain", ""), given.get("name", "")
    if not name or not zone:
        return None, None, None
    host = f"{slug_of(name)}.{zone}"
    refused = await obstacle(connection, (host,), zone)
    if refused is None:
        return host, None, None
    suggested = None
    if refused.problem is not HostProblem.UNKNOWN_BASE_DOMAIN:
        suggested = await connection.run_sync(free_name, name, base_domain=zone)
    return host, str(PROBLEMS[refused.problem]), suggested


def _newest(known: Iterable[tuple[str, str]]) -> dict[str, str]:
    newest: dict[str, tuple[Version, str]] = {}
    for name, version in known:
        try:
            read = Version(version)
        except InvalidVersion:
            continue
        if name not in newest or newest[name][0] < read:
            newest[name] = (read, version)
    return {name: version for name, (_read, version) in sorted(newest.items())}
