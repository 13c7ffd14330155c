"""What every page has: the database, who looks at it, and how a change is written down."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette_admin import CustomView
from starlette_admin.auth import AdminUser
from starlette_admin.flash import flash, get_flashed_messages

from services.marketplace.audit import record
from services.marketplace.settings import MarketplaceSettings
from shared.api_keys import Caller
from shared.database import Database
from shared.dead_letters.audit import Operator
from shared.messaging.clean import clean
from shared.models import StaffActionKind, StaffRole
from shared.staff import Staff

LONGEST_LINE = 500
LONGEST_TEXT = 4000

PageT = TypeVar("PageT", bound="Page")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work with."""

    database: Database
    settings: MarketplaceSettings

    @property
    def amqp_url(self) -> str:
        """Where RabbitMQ is."""
        return self.settings.amqp_url.get_secret_value()


@dataclass
class SignedIn(AdminUser):
    """Who is signed in, as starlette-admin keeps it with the request."""

    staff: Staff = field(kw_only=True)


def staff_of(request: Request) -> Staff:
    """Who has sent this request."""
    user = request.state.admin_user
    assert isinstance(user, SignedIn)  # noqa: S101 - nobody else gets past the sign-in
    return user.staff


def project_id_of(request: Request) -> UUID:
    """The project in the page's address, which every path of a project's pages has."""
    found: UUID = request.path_params["project_id"]
    return found


class Page(CustomView):
    """A view whose routes need a role; a route may ask for more with `needs`."""

    role: ClassVar[StaffRole] = StaffRole.CASE_WORKER

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def is_accessible(self, request: Request) -> bool:
        """Whether who is signed in has the role."""
        return staff_of(request).may(self.role)

    def is_active(self, request: Request) -> bool:
        """Whether this page or one below it is looked at."""
        asked = str(request.scope["path"]).removeprefix(str(request.scope["root_path"]))
        return asked == self.path or (self.path != "/" and asked.startswith(f"{self.path}/"))

    def render(self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **context: Any) -> Response:
        """Answer with a page."""
        assert self.templates is not None  # noqa: S101 - set when the view was added
        context |= {"view": self, "staff": staff_of(request), "roles": StaffRole}
        context["flashed_messages"] = get_flashed_messages(request)
        return self.templates.TemplateResponse(request, template, context, status.value)


def needs(role: StaffRole) -> Callable[[Callable[[PageT, Request], Awaitable[Response]]], Any]:
    """Refuse whoever lacks `role`. Stands under ``@route``."""

    def of_route(handler: Callable[[PageT, Request], Awaitable[Response]]) -> Any:
        @wraps(handler)
        async def checked(page: PageT, request: Request) -> Response:
            if not staff_of(request).may(role):
                raise HTTPException(HTTPStatus.FORBIDDEN)
            return await handler(page, request)

        return checked

    return of_route


def go_to(request: Request, path: str, said: str | None = None, *, category: str = "success") -> Response:
    """Send the browser to a page after a change, and say there what was done."""
    if said:
        flash(request, said, category)
    return RedirectResponse(f"{request.scope['root_path']}{path}", HTTPStatus.SEE_OTHER)


async def typed(request: Request, field_name: str, *, longest: int = LONGEST_LINE) -> str:
    """Read a field of the form, stripped; empty if it is missing."""
    value = (await request.form()).get(field_name)
    return clean(value).strip()[:longest] if isinstance(value, str) else ""


async def all_typed(request: Request) -> dict[str, str]:
    """Read every field of the form that has a text, stripped."""
    form = await request.form()
    return {name: clean(value).strip() for name, value in form.items() if isinstance(value, str) and value.strip()}


async def write_down(
    connection: AsyncConnection,
    request: Request,
    kind: StaffActionKind,
    subject: str,
    *,
    project_id: UUID | None = None,
    reason: str | None = None,
    **detail: Any,
) -> None:
    """Write into the audit log what who is signed in does, in the caller's transaction."""
    by = staff_of(request).name
    await record(connection, by, kind, subject, project_id=project_id, reason=reason, **detail)


def caller_of(request: Request) -> Caller:
    """Who is signed in, for functions that the order API has too."""
    return Caller(public_id="", name=staff_of(request).name, scopes=frozenset())


def operator(request: Request, reason: str | None = None) -> Operator:
    """Who is signed in, as the desk of the dead letters writes it down."""
    return Operator(name=staff_of(request).name, reason=reason or None)
