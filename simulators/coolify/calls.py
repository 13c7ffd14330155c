"""One API call as the endpoints see it: Laravel's request with Coolify's input rules applied."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from simulators.coolify.deploying import Deploying
from simulators.coolify.instance import Instance
from simulators.coolify.records import Application

TRUE = ("1", "true", "on", "yes")  # what Laravel's Request::boolean() takes for true


class Refused(Exception):  # noqa: N818 - an answer, not a defect
    """Ends a call with this status and body."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers


def refused(status: int, message: str) -> Refused:
    """A refusal with nothing but a message."""
    return Refused(status, {"message": message})


def invalid(errors: dict[str, Any] | list[str]) -> Refused:
    """422, in the form of Laravel's validator."""
    return Refused(422, {"message": "Validation failed.", "errors": errors})


def cleaned(value: Any) -> Any:
    """TrimStrings and ConvertEmptyStringsToNull, which run before any validation."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        return {key: cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    return value


def truthy(value: Any) -> bool:
    """Laravel's Request::boolean()."""
    return str(value).lower() in TRUE


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has passed authentication, throttle and abilities."""

    instance: Instance
    deploying: Deploying
    request: Request
    raw: bytes
    sees_secrets: bool

    @property
    def uuid(self) -> str:
        """The first uuid in the path."""
        return str(self.request.path_params["uuid"])

    @property
    def query(self) -> dict[str, Any]:
        """The query string, trimmed."""
        return {key: cleaned(value) for key, value in self.request.query_params.items()}

    def fields(self) -> dict[str, Any]:
        """Body and query together, as Laravel's ``$request->all()``; 400 if there is no JSON body."""
        if "json" not in self.request.headers.get("content-type", ""):
            raise _bad("Content-Type must be application/json.")
        parsed = self._parsed()
        if not parsed and parsed != {}:
            raise _bad("Invalid JSON.")
        if parsed == {}:
            raise _bad("Empty JSON.")
        return self._merged(parsed)

    def optional_fields(self) -> dict[str, Any]:
        """As `fields`, for the endpoints that take either query or body."""
        return self._merged(self._parsed() or {})

    def application(self, message: str = "Application not found.") -> Application:
        """The application in the path, or 404."""
        found = self.instance.applications.get(self.uuid)
        if found is None:
            raise refused(404, message)
        return found

    def _parsed(self) -> Any:
        try:
            return json.loads(self.raw) if self.raw else None
        except ValueError:
            return None

    def _merged(self, parsed: Any) -> dict[str, Any]:
        if isinstance(parsed, list):
            parsed = {str(index): item for index, item in enumerate(parsed)}
        body = cleaned(parsed) if isinstance(parsed, dict) else {}
        return {**self.query, **body}


def _bad(error: str) -> Refused:
    return Refused(400, {"message": "Invalid request.", "error": error})
