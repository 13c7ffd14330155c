"""Orders that expand: from the bundles that a customer chose to the plugins in them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session, scoped_session

from contracts import Plugin
from shared.models import BundlePlugin


class BundleError(ValueError):
    """A bundle that is not listed, or two that contradict each other. The message says which, and the remedy."""


def expand(
    session: Connection | Session | scoped_session[Any], bundles: Sequence[str], plugins: Sequence[Plugin] = ()
) -> tuple[Plugin, ...]:
    """Return each plugin once: those named by themselves, in their versions, and then those of the bundles.

    An order says its plugins and not its bundles: what was bought does not change when a bundle does.

    Raises:
        BundleError: a bundle is unknown or empty, or two want different versions of a plugin that is not named itself.

    """
    listed = select(BundlePlugin.bundle, BundlePlugin.plugin, BundlePlugin.version)
    rows = session.execute(listed.where(BundlePlugin.bundle.in_(bundles)).order_by(BundlePlugin.plugin)).all()
    if missing := [bundle for bundle in bundles if bundle not in {row.bundle for row in rows}]:
        raise BundleError(f"bundle {missing[0]!r} has no plugins: seed it with them, or correct the order")
    wanted = {plugin.name: plugin for plugin in plugins}
    named = set(wanted)
    for row in rows:
        plugin = Plugin(name=row.plugin, version=row.version)
        if row.plugin not in named and wanted.setdefault(row.plugin, plugin) != plugin:
            raise BundleError(
                f"bundle {row.bundle!r} has {row.plugin} {row.version}, another one "
                f"{wanted[row.plugin].version}: name {row.plugin} with its version among the plugins"
            )
    return tuple(wanted.values())
