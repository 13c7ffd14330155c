"""What is offered: prices of plugins, bundles, project types."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from contracts import Plugin, Slug
from services.marketplace.admin.page import Page, go_to, needs, typed, write_down
from shared.models import Bundle, BundlePlugin, PluginPrice, ProjectType, StaffActionKind, StaffRole

MOST_CENTS = 100_000_000
_SUM = re.compile(r"\d{1,7}(?:[.,]\d{1,2})?")
_PLUGINS = TypeAdapter(list[Plugin])
_NAME: TypeAdapter[str] = TypeAdapter(Slug)


class Offer(Page):
    """Prices, bundles and project types."""

    menu_label = lazy_gettext("Prices and products")
    icon = "offer"
    path = "/offer"

    @route("", name="offer")
    async def index(self, request: Request) -> Response:
        """Show what is offered."""
        async with self.desk.database.autocommit.begin() as connection:
            prices = await _rows(connection, select(PluginPrice.plugin, PluginPrice.cents, PluginPrice.currency))
            bundles = await _rows(connection, select(Bundle.name, Bundle.cents, Bundle.currency))
            parts = await _rows(connection, select(BundlePlugin.bundle, BundlePlugin.plugin, BundlePlugin.version))
            columns = (ProjectType.name, ProjectType.image, ProjectType.image_tag, ProjectType.port)
            types = await _rows(connection, select(*columns))
        contents: dict[str, list[str]] = {}
        for part in parts:
            contents.setdefault(part.bundle, []).append(f"{part.plugin} {part.version}")
        return self.render(request, "offer.html", prices=prices, bundles=bundles, contents=contents, types=types)

    @route("/prices", methods=["POST"], name="price-set")
    @needs(StaffRole.ADMIN)
    async def set_price(self, request: Request) -> Response:
        """Set what a plugin costs a month; without a sum its price is removed."""
        try:
            name, cents = _name(await typed(request, "name")), cents_of(await typed(request, "sum"))
        except ValueError as error:
            return _refused(request, error)
        async with self.desk.database.engine.begin() as connection:
            if cents is None:
                await connection.execute(delete(PluginPrice).where(PluginPrice.plugin == name))
                await write_down(connection, request, StaffActionKind.PRICE_REMOVED, name)
            else:
                new = insert(PluginPrice).values(plugin=name, cents=cents, currency="EUR")
                await connection.execute(new.on_conflict_do_update(index_elements=["plugin"], set_={"cents": cents}))
                await write_down(connection, request, StaffActionKind.PRICE_SET, name, cents=cents)
        return go_to(request, "/offer", _("It is kept. Orders from now on see it."))

    @route("/bundles", methods=["POST"], name="bundle-set")
    @needs(StaffRole.ADMIN)
    async def set_bundle(self, request: Request) -> Response:
        """Set a bundle's price and plugins; without plugins it is removed."""
        try:
            name, cents = _name(await typed(request, "name")), cents_of(await typed(request, "sum"))
            plugins = _plugins(await typed(request, "plugins", longest=2000))
        except ValueError as error:
            return _refused(request, error)
        if plugins and cents is None:
            return _refused(request, ValueError(_("A bundle needs a price.")))
        async with self.desk.database.engine.begin() as connection:
            await connection.execute(delete(BundlePlugin).where(BundlePlugin.bundle == name))
            if plugins:
                new = insert(Bundle).values(name=name, cents=cents, currency="EUR")
                await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"cents": cents}))
                rows = [{"bundle": name, "plugin": each.name, "version": each.version} for each in plugins]
                await connection.execute(insert(BundlePlugin).values(rows))
                content = [f"{each.name} {each.version}" for each in plugins]
                await write_down(connection, request, StaffActionKind.BUNDLE_SET, name, cents=cents, plugins=content)
            else:
                await connection.execute(delete(Bundle).where(Bundle.name == name))
                await write_down(connection, request, StaffActionKind.BUNDLE_REMOVED, name)
        return go_to(request, "/offer", _("It is kept. Orders from now on see it."))

    @route("/types", methods=["POST"], name="type-set")
    @needs(StaffRole.ADMIN)
    async def set_type(self, request: Request) -> Response:
        """Add a project type, or change the image that runs it."""
        try:
            name = _name(await typed(request, "name"))
            values = _image(*[await typed(request, field) for field in ("image", "tag", "port")])
        except ValueError as error:
            return _refused(request, error)
        async with self.desk.database.engine.begin() as connection:
            found = await connection.scalar(select(ProjectType.id).where(ProjectType.name == name))
            if found is None:
                await connection.execute(insert(ProjectType).values(name=name, **values))
            else:
                await connection.execute(update(ProjectType).where(ProjectType.name == name).values(values))
            await write_down(connection, request, StaffActionKind.TYPE_SET, name, **values)
        return go_to(request, "/offer", _("It is kept. Orders from now on see it."))


async def _rows(connection: AsyncConnection, statement: Any) -> Any:
    return (await connection.execute(statement.order_by(statement.selected_columns[0]))).all()


def _name(given: str) -> str:
    try:
        return _NAME.validate_python(given)
    except ValidationError as error:
        raise ValueError(_("A name is made of a-z, 0-9 and hyphens.")) from error


def cents_of(given: str) -> int | None:
    """Read ``19,00``; None if nothing is given.

    Raises:
        ValueError: it is no sum, in the reader's language.

    """
    if not given:
        return None
    try:
        cents = int(Decimal(given.replace(",", ".")) * 100) if _SUM.fullmatch(given) else -1
    except InvalidOperation:
        cents = -1
    if not 0 <= cents <= MOST_CENTS:
        raise ValueError(_("A sum is written like 19,00."))
    return cents


def _image(image: str, tag: str, port: str) -> dict[str, Any]:
    if not image or not tag or not port.isdecimal() or not 0 < int(port) <= 65535:  # noqa: PLR2004 - TCP's ports
        raise ValueError(_("A project type needs an image, its version and a port from 1 to 65535."))
    return {"image": image, "image_tag": tag, "port": int(port)}


def _plugins(given: str) -> list[Plugin]:
    """Read ``contact-form 2.0.4, catalogue 3.2.1``."""
    pairs = [part.split() for part in given.replace("\n", ",").split(",") if part.strip()]
    try:
        if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - name and version
            raise ValueError(_("Write each plugin with its version: contact-form 2.0.4, catalogue 3.2.1"))
        return _PLUGINS.validate_python([{"name": name, "version": version} for name, version in pairs])
    except ValidationError as error:
        raise ValueError(_("A plugin has a name of a-z, 0-9 and hyphens and a version like 2.0.4.")) from error


def _refused(request: Request, error: Exception) -> Response:
    return go_to(request, "/offer", str(error), category="error")
