"""Signing in and out: a session in the database, a cookie with its token."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette_admin.auth import BaseAuthProvider
from starlette_admin.auth.base import login_not_required
from starlette_admin.flash import get_flashed_messages
from starlette_admin.helpers import safe_redirect_url

from services.marketplace.admin.page import Desk, SignedIn, staff_of, typed
from services.marketplace.oidc import ROUTES, Oidc
from shared.staff import LONGEST, SESSION, find_staff, sign_in, sign_out

if TYPE_CHECKING:
    from services.marketplace.admin.single_sign_on import SingleSignOn

COOKIE = "vrs_staff"
LEFT = "left"
"""Says to the sign-in page that somebody has signed out who came from the provider."""


class StaffProvider(BaseAuthProvider):
    """Who is signed in, for starlette-admin."""

    def __init__(self, desk: Desk, key: str) -> None:
        super().__init__(allow_routes=[*ROUTES])
        self._desk = desk
        url = desk.settings.marketplace_url
        self._is_secure = url is not None and url.scheme == "https"
        address = str(url).rstrip("/") if url is not None else None
        self._sso = self._provider(desk.settings.oidc, address, key) if desk.settings.oidc else None

    def _provider(self, oidc: Oidc, address: str | None, key: str) -> "SingleSignOn":
        """The way to the provider, whose libraries are 4 MB: only where there is one."""
        from services.marketplace.admin.single_sign_on import Door, SingleSignOn  # noqa: PLC0415

        return SingleSignOn(oidc, Door(self._desk.database, address, key, self._is_secure, self._signed_in))

    async def authenticate(self, request: Request) -> SignedIn | None:
        """Find who is signed in; files of the pages are for everybody and ask nobody."""
        token = request.cookies.get(self._cookie(request))
        if token is None or request.scope["path"].startswith(f"{request.scope['root_path']}/static/"):
            return None
        async with self._desk.database.autocommit.begin() as connection:
            staff = await find_staff(connection, token)
        return None if staff is None else SignedIn(username=staff.name, staff=staff)

    def get_routes(self, templates: Jinja2Templates) -> list[Route]:
        """The sign-in page, and where its sign-out button leads."""

        async def login(request: Request) -> Response:
            return await self._login(request, templates)

        return [
            Route(self.login_path, login_not_required(login), methods=["GET", "POST"], name="login"),
            Route(self.logout_path, self._logout, methods=["POST"], name="logout"),
            *(self._sso.routes() if self._sso else ()),
        ]

    async def _login(self, request: Request, templates: Jinja2Templates) -> Response:
        home = f"{request.scope['root_path']}/"
        wanted = safe_redirect_url(request.query_params.get("next") or home, request, home)
        if not request.state.is_anonymous:
            return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        name, status = "", HTTPStatus.OK
        if request.method == "POST":
            name = await typed(request, "name")
            password = (await request.form()).get("password")
            if isinstance(password, str) and (
                token := await sign_in(self._desk.database, name, password[: LONGEST + 1])
            ):
                return self._signed_in(request, token, wanted)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        context = {"name": name, "refused": request.method == "POST", "flashed_messages": get_flashed_messages(request)}
        context |= {
            "sso": self._sso and self._sso.label,
            "query": request.url.query,
            "left": LEFT in request.query_params,
        }
        return templates.TemplateResponse(request, "login.html", context, status.value)

    def _signed_in(self, request: Request, token: str, wanted: str) -> Response:
        answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            self._cookie(request),
            token,
            max_age=int(SESSION.total_seconds()),
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        token = request.cookies.get(self._cookie(request))
        if token is not None:
            async with self._desk.database.autocommit.begin() as connection:
                await sign_out(connection, token)
        is_guest = not request.state.is_anonymous and not staff_of(request).has_password
        left = f"?{LEFT}" if is_guest else ""
        answer = RedirectResponse(f"{request.scope['root_path']}{self.login_path}{left}", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._cookie(request), path="/", secure=self._secure(request), httponly=True)
        return answer

    def _secure(self, request: Request) -> bool:
        return self._is_secure or request.url.scheme == "https"

    def _cookie(self, request: Request) -> str:
        """With the prefix that keeps a project under the same domain from setting it, where browsers grant it."""
        return f"__Host-{COOKIE}" if self._secure(request) else COOKIE
