"""What an order costs a month, in integer cents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session, scoped_session

from contracts import Plugin
from shared.models import Bundle, BundlePlugin, PluginPrice


class Priced(StrEnum):
    """What has a price."""

    BUNDLE = "bundle"
    PLUGIN = "plugin"


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A bundle or a plugin with what it costs a month; `cents` and `currency` (ISO 4217) are None if no one says."""

    kind: Priced
    name: str
    cents: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Price:
    """What an order costs a month, a line for each bundle and for each plugin that is in none of them."""

    lines: tuple[PriceLine, ...]

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The names of which no price, or more than one, is listed: the totals are without them."""
        return tuple(line.name for line in self.lines if line.cents is None)

    @property
    def totals(self) -> dict[str, int]:
        """Cents by currency."""
        totals: dict[str, int] = {}
        for line in self.lines:
            if line.cents is not None and line.currency is not None:
                totals[line.currency] = totals.get(line.currency, 0) + line.cents
        return totals


def price_of(
    session: Connection | Session | scoped_session[Any], bundles: Sequence[str], plugins: Iterable[Plugin]
) -> Price:
    """Return what the bundles and the plugins of an order cost; a plugin of one of its bundles costs nothing beside it.

    Prices are those of this moment: keep what a customer agreed to.
    """
    contents = select(BundlePlugin.plugin).where(BundlePlugin.bundle.in_(bundles))
    included = set(session.execute(contents).scalars())
    single = [plugin.name for plugin in plugins if plugin.name not in included]
    bundle_rows = session.execute(select(Bundle.name, Bundle.cents, Bundle.currency).where(Bundle.name.in_(bundles)))
    of_plugins = select(PluginPrice.plugin, PluginPrice.cents, PluginPrice.currency)
    plugin_rows = session.execute(of_plugins.where(PluginPrice.plugin.in_(single)))
    return Price(
        (
            *_lines(Priced.BUNDLE, dict.fromkeys(bundles), bundle_rows),
            *_lines(Priced.PLUGIN, dict.fromkeys(single), plugin_rows),
        )
    )


def _lines(kind: Priced, names: Iterable[str], rows: Iterable[Any]) -> Iterable[PriceLine]:
    """In a table of the marketplace's a name may stand several times, and without a price of ours."""
    listed: dict[str, set[tuple[int, str]]] = {}
    for name, cents, currency in rows:
        if cents is not None and currency is not None:
            listed.setdefault(name, set()).add((cents, currency))
    for name in names:
        prices = listed.get(name, set())
        cents, currency = next(iter(prices)) if len(prices) == 1 else (None, None)
        yield PriceLine(kind, name, cents, currency)
