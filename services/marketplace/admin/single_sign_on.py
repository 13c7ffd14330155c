"""Signing in at a provider of OpenID Connect: authorization code, PKCE, state and nonce, which are authlib's part."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette_admin.flash import flash
from starlette_admin.helpers import safe_redirect_url
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.oidc import ROUTES, Oidc
from shared.database import Database
from shared.sign_on import NotLetInError, Refusal, sign_in_as

COOKIE = "vrs_sso"
SECONDS = 600
"""So long somebody may take at the provider."""

_DOES_NOT_HOLD = (OAuthError, JoseError, httpx2.HTTPError, OSError, ValueError, KeyError, RuntimeError, TypeError)
"""The provider does not answer, or what comes does not fit: state, nonce, issuer, audience, signature, age."""

SignedIn = Callable[[Request, str, str], Response]
"""Makes the answer that has the session: of the request, the session's token, and where to go."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """What the sign-in has: `address` is where people reach us, that of the request if None; `key` signs our cookie."""

    database: Database
    address: str | None
    key: str
    is_secure: bool
    signed_in: SignedIn


class SingleSignOn:
    """The way to the provider and back. Nothing is kept of it but a cookie, for ten minutes."""

    def __init__(self, oidc: Oidc, door: Door) -> None:
        self.label = oidc.label
        self._oidc = oidc
        self._door = door
        self._provider = OAuth().register(
            "provider",
            client_id=oidc.client_id,
            client_secret=oidc.client_secret.get_secret_value(),
            server_metadata_url=f"{oidc.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": oidc.scope, "code_challenge_method": "S256", "timeout": 10.0},
        )

    def routes(self) -> list[Route]:
        """Where the button leads, and where the provider sends people back."""
        kept = Middleware(
            SessionMiddleware,
            secret_key=self._door.key,
            session_cookie=f"__Host-{COOKIE}" if self._door.is_secure else COOKIE,
            max_age=SECONDS,
            same_site="lax",
            https_only=self._door.is_secure,
        )
        ways = (("/sso", self._leave), ("/sso/return", self._come_back), ("/sso/out", self._sign_out))
        return [
            Route(path, endpoint, methods=["GET"], name=name, middleware=[kept])
            for (path, endpoint), name in zip(ways, ROUTES, strict=True)
        ]

    async def _leave(self, request: Request) -> Response:
        home = f"{request.scope['root_path']}/"
        request.session.clear()
        request.session["next"] = safe_redirect_url(request.query_params.get("next") or home, request, home)
        site = self._door.address or f"{request.url.scheme}://{request.url.netloc}"
        try:
            answer: Response = await self._provider.authorize_redirect(request, f"{site}{home}sso/return")
        except _DOES_NOT_HOLD as error:
            return self._refused(request, error)
        return answer

    async def _come_back(self, request: Request) -> Response:
        wanted = str(request.session.get("next", f"{request.scope['root_path']}/"))
        try:
            claims = await self._claims(request)
            token = await sign_in_as(
                self._door.database,
                identity=f"{self._oidc.issuer} {claims['sub']}",
                name=self._oidc.name_of(claims),
                role=self._oidc.role_of(claims),
                via=self.label,
            )
        except NotLetInError as error:
            return _to_the_door(request, str(_REFUSALS[error.refusal]) % {"who": self.label})
        except _DOES_NOT_HOLD as error:
            return self._refused(request, error)
        finally:
            request.session.clear()
        return self._door.signed_in(request, token, wanted)

    async def _sign_out(self, request: Request) -> Response:
        """Lead to where the provider ends its own session; ours has ended before."""
        try:
            leaving = await self._provider.create_logout_url(client_id=self._oidc.client_id)
        except _DOES_NOT_HOLD as error:
            return self._refused(request, error)
        return RedirectResponse(leaving["url"], HTTPStatus.SEE_OTHER)

    async def _claims(self, request: Request) -> dict[str, object]:
        """What the provider says of whoever came back with a code; checked."""
        metadata = await self._provider.load_server_metadata()
        if metadata.get("issuer") != self._oidc.issuer:
            raise ValueError(f"the provider calls itself {metadata.get('issuer')}, not {self._oidc.issuer}")
        ours = {
            "iss": {"essential": True, "value": self._oidc.issuer},
            "aud": {"essential": True, "value": self._oidc.client_id},
            "sub": {"essential": True},
        }
        token = await self._provider.authorize_access_token(request, claims_options=ours)
        return dict(token["userinfo"])

    def _refused(self, request: Request, error: Exception) -> Response:
        log.warning("a sign-in at the provider has failed", problem=f"{type(error).__name__}: {error}")
        return _to_the_door(request, _("The sign-in at %(who)s did not work. Please try again.") % {"who": self.label})


_REFUSALS = {
    Refusal.NO_ROLE: lazy_gettext("You are known at %(who)s, and have no role here. Ask an administrator for one."),
    Refusal.NO_NAME: lazy_gettext("%(who)s does not tell a name that can be used here. Ask an administrator."),
    Refusal.NAME_TAKEN: lazy_gettext(
        "Another account here has your name. Sign in with its password, or ask an administrator."
    ),
    Refusal.LOCKED: lazy_gettext("This account is locked. Ask an administrator, or wait a quarter of an hour."),
}


def _to_the_door(request: Request, said: str) -> Response:
    flash(request, said, "error")
    return RedirectResponse(f"{request.scope['root_path']}/login", HTTPStatus.SEE_OTHER)
