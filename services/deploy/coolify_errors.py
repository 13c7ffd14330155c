"""What Coolify answers when it does not do what was asked.

    PermanentError                           TemporaryError
     ├ UnauthorizedError  401                 ├ ThrottledError    429 "Too Many Attempts."
     ├ ForbiddenError     403                 ├ QueueFullError    429 from POST /deploy
     ├ NotFoundError      404                 ├ UnavailableError  not reached, 500, 502, 503, 504
     │  └ ApplicationGoneError                └ UnansweredError   sent, and nobody knows what became of it
     ├ ConflictError      409
     └ RefusedError       400, 405, 422 and any other

Messages are Coolify's own, as read in its code at v4.3.10.
"""

from dataclasses import dataclass
from typing import Any

import httpx
from httpx import codes

from shared.errors import PermanentError, TemporaryError

LONGEST_EXCERPT = 300
LONGEST_MESSAGE = 450
THROTTLE_PAUSE = 10.0
QUEUE_PAUSE = 60.0
"""Seconds, where a 429 comes without Retry-After."""


class UnauthorizedError(PermanentError):
    """The token is not accepted."""


class ForbiddenError(PermanentError):
    """The token, its owner's role, the IP allow list or the switched-off API is in the way."""


class NotFoundError(PermanentError):
    """Nothing has this uuid, or no such route exists (only that answer has ``docs``)."""


class ApplicationGoneError(NotFoundError):
    """The application that the call was about does not exist (any more)."""


class RefusedError(PermanentError):
    """The request breaks a rule of Coolify. `fields` maps a field to what is wrong with it."""

    def __init__(self, message: str, *, code: str, fields: dict[str, list[str]]) -> None:
        super().__init__(message, code=code)
        self.fields = fields


@dataclass(frozen=True, slots=True)
class DomainConflict:
    """Who has the domain already."""

    domain: str
    resource_name: str
    resource_uuid: str


class ConflictError(PermanentError):
    """A name or a domain is taken. `conflicts` is empty unless it is about domains."""

    def __init__(self, message: str, *, conflicts: tuple[DomainConflict, ...] = ()) -> None:
        super().__init__(message, code="coolify_domain_conflict" if conflicts else "coolify_409")
        self.conflicts = conflicts


class ThrottledError(TemporaryError):
    """The user's requests of this minute are used up."""


class QueueFullError(TemporaryError):
    """The server's deployment queue has no room."""


class UnavailableError(TemporaryError):
    """Coolify did not do it: not reached, or down for an update."""


class UnansweredError(TemporaryError):
    """The request was sent and its answer is lost or unreadable: look before repeating."""


def error_of(response: httpx.Response, call: str) -> PermanentError | TemporaryError:
    """The error for any answer that is not 2xx."""
    status, body = response.status_code, _body(response)
    said = f"Coolify answers {status} to {call}: {_message(response, body)}"
    code = f"coolify_{status}"
    match status:
        case codes.UNAUTHORIZED:
            return UnauthorizedError(f"{said} Check VRS_COOLIFY_TOKEN.", code=code)
        case codes.FORBIDDEN:
            return ForbiddenError(f"{said} {_remedy(body)}", code=code)
        case codes.NOT_FOUND:
            return _not_found(said, body, call)
        case codes.CONFLICT:
            return ConflictError(said, conflicts=_conflicts(body))
        case codes.TOO_MANY_REQUESTS:
            return _too_many(response, said, body)
        case _ if status >= codes.INTERNAL_SERVER_ERROR:
            return UnavailableError(said, code=code, retry_after=_retry_after(response))
    fields = normalised(body.get("errors"))
    listed = "; ".join(f"{field}: {' '.join(problems)}" for field, problems in fields.items())
    return RefusedError(f"{said} {listed}".strip()[:LONGEST_MESSAGE], code=code, fields=fields)


def normalised(errors: Any) -> dict[str, list[str]]:
    """Coolify's `errors` in one form: it may be absent, a bare list, or have a string where a list should be."""
    match errors:
        case dict():
            return {
                str(field): [str(problem) for problem in (problems if isinstance(problems, list) else [problems])]
                for field, problems in errors.items()
            }
        case list():
            return {"": [str(problem) for problem in errors]}
        case None:
            return {}
    return {"": [str(errors)]}


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _message(response: httpx.Response, body: dict[str, Any]) -> str:
    if isinstance(body.get("message"), str):
        return f"{body['message']} {body.get('error') or ''}".strip()[:LONGEST_EXCERPT]
    if response.has_redirect_location:
        return f"it redirects to {response.headers['location']}; check VRS_COOLIFY_URL."[:LONGEST_EXCERPT]
    return f"{response.headers.get('content-type', 'no content type')}, {len(response.content)} bytes."


def _remedy(body: dict[str, Any]) -> str:
    message = str(body.get("message"))
    if "permissions" in message:
        return "VRS_COOLIFY_TOKEN needs the abilities read, write and deploy."
    if "team role" in message:
        return "The owner of VRS_COOLIFY_TOKEN must be admin or owner of the team."
    if "disabled" in message:
        return "Turn on API access in Coolify's settings under Advanced."
    if "access the API" in message:
        return "Add this service's address to the allowed IPs in Coolify's settings under Advanced."
    return "Check VRS_COOLIFY_TOKEN."


def _not_found(said: str, body: dict[str, Any], call: str) -> NotFoundError:
    if "docs" in body:
        return NotFoundError(f"{said} There is no such route: check VRS_COOLIFY_URL.", code="coolify_no_route")
    if str(body.get("message")).startswith(("Application not found", "No resources found")):
        return ApplicationGoneError(said, code="coolify_application_gone")
    return NotFoundError(f"{said} ({call})", code="coolify_404")


def _conflicts(body: dict[str, Any]) -> tuple[DomainConflict, ...]:
    found = body.get("conflicts")
    return tuple(
        DomainConflict(*(str(conflict.get(name) or "") for name in ("domain", "resource_name", "resource_uuid")))
        for conflict in (found if isinstance(found, list) else [])
        if isinstance(conflict, dict)
    )


def _too_many(response: httpx.Response, said: str, body: dict[str, Any]) -> TemporaryError:
    if "queue is full" in str(body.get("message")):
        return QueueFullError(said, code="coolify_queue_full", retry_after=_retry_after(response) or QUEUE_PAUSE)
    return ThrottledError(said, code="coolify_429", retry_after=_retry_after(response) or THROTTLE_PAUSE)


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdigit() else None
