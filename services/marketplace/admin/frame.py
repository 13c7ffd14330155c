"""The frame of the admin UI: starlette-admin's routes, sign-in, forms' tokens, languages; our own look and pages."""

import secrets
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette_admin.base import BaseAdmin
from starlette_admin.i18n import I18nConfig
from starlette_admin.theme import BaseTheme, CoreIcons, IconSet

from services.marketplace.admin import live, shown
from services.marketplace.admin.audit import Audit
from services.marketplace.admin.catalogue import load_german
from services.marketplace.admin.domains import BaseDomains
from services.marketplace.admin.guard import Guard
from services.marketplace.admin.letter import Correction
from services.marketplace.admin.mails import Mails
from services.marketplace.admin.me import Me
from services.marketplace.admin.needs import Needs
from services.marketplace.admin.new_order import NewOrder
from services.marketplace.admin.offer import Offer
from services.marketplace.admin.overview import Overview
from services.marketplace.admin.page import Desk, Page
from services.marketplace.admin.previews import Previews
from services.marketplace.admin.problems import OrderProblems
from services.marketplace.admin.project import ProjectPage
from services.marketplace.admin.project_domains import ProjectDomains
from services.marketplace.admin.projects import Projects
from services.marketplace.admin.registration import Registration
from services.marketplace.admin.servers import Servers
from services.marketplace.admin.sign_in import StaffProvider
from services.marketplace.admin.transfer import Transfer
from services.marketplace.settings import MarketplaceSettings
from shared.database import Database

PATH = "/admin"
_UNKNOWN = HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
MENU = (Projects, NewOrder, Servers, BaseDomains, Offer, Overview, Audit)
"""The pages of the menu, in its order, after the one that opens first."""


class Theme(BaseTheme):
    """Our templates and files in place of starlette-admin's, which need inline scripts."""

    name = "vrs"
    package = "services.marketplace.admin"

    def get_icon_set(self) -> IconSet:
        """Icons of pages that are not used here."""
        return CoreIcons()


class Frame(BaseAdmin):
    """starlette-admin without its pages for models, and with pages of ours for what goes wrong."""

    def _collect_core_routes(self) -> list[Route]:
        return []

    def explain(self, request: Request, status: HTTPStatus) -> Response:
        """Make a page that says what went wrong."""
        return self.templates.TemplateResponse(request, "error.html", {"status": status}, status.value)

    async def _render_error(self, request: Request, exc: Exception = _UNKNOWN) -> Response:
        return self.explain(request, HTTPStatus(getattr(exc, "status_code", _UNKNOWN.status_code)))


def mount_admin(app: FastAPI, database: Database, settings: MarketplaceSettings) -> None:
    """Let `app` answer the admin UI under `PATH`, and lead there whoever asks for nothing."""
    load_german()
    desk = Desk(database, settings)
    key = settings.admin_key.get_secret_value() if settings.admin_key else secrets.token_hex(32)
    frame = Frame(
        title="VRS",
        base_url=PATH,
        index_view=Needs(desk),
        theme=Theme(),
        auth_provider=StaffProvider(desk, key),
        secret_key=key,
        i18n_config=I18nConfig(default_locale="de", language_switcher=["de", "en"]),
        timezone_config=None,
    )
    frame.middlewares.insert(1, Middleware(Guard, explain=frame.explain))  # inside the languages
    shown.add_to(frame.templates.env, PATH)
    of_projects = (ProjectPage, Mails, Previews, ProjectDomains, Registration, Transfer)
    pages: Sequence[type[Page]] = (*MENU, *of_projects, OrderProblems, Correction, Me)
    for page in pages:
        frame.add_view(page(desk))
    app.include_router(live.router)
    app.add_route("/", _home, include_in_schema=False)
    frame.mount_to(app)


async def _home(_: Request) -> Response:
    return RedirectResponse(f"{PATH}/", HTTPStatus.SEE_OTHER)
