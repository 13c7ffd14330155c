"""Errors as problem+json (RFC 9457), each with what to do about it."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from contracts.problems import sentence
from shared.errors import RefusedError, UnknownError, WrongFieldsError
from shared.messaging.trouble import passes, sqlstate

MEDIA_TYPE = "application/problem+json"
TRY_AGAIN = {"Retry-After": "5"}
UNIQUE_VIOLATION = "23505"

log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer that is an error. `remedy` is one sentence; `headers` go with it (``Retry-After``)."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, remedy: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.remedy = remedy
        self.headers = headers


def answer_with_problems(app: FastAPI) -> None:
    """Answer every error of `app` as problem+json: ours, the framework's, and a request that breaks its schema."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(DBAPIError, _away)
    app.add_exception_handler(OSError, _away)
    app.add_exception_handler(Exception, _broken)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - FastAPI's signature is wider than what it calls this with
    extra = {"remedy": error.remedy} if error.remedy else {}
    return problem_answer(error.status, str(error), error.headers, **extra)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers) if error.headers else None
    return problem_answer(HTTPStatus(error.status_code), str(error.detail), headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors = [_wrong(*map(str, each["loc"]), problem=sentence(each)) for each in error.errors()]
    return problem_answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the request breaks its schema", None, errors=errors)


def _wrong(where: str, *path: str, problem: str) -> dict[str, str]:
    """`where` is body, query, path or header."""
    return {"in": where, "field": ".".join(path), "problem": problem}


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, WrongFieldsError):
        errors = [_wrong(error.where, each.field, problem=each.problem) for each in error.problems]
        detail = "what is asked for is not offered"
        return problem_answer(HTTPStatus.UNPROCESSABLE_ENTITY, detail, None, errors=errors)
    status = HTTPStatus.NOT_FOUND if isinstance(error, UnknownError) else HTTPStatus.CONFLICT
    return problem_answer(status, str(error), None)


async def _away(request: Request, error: Exception) -> JSONResponse:
    if sqlstate(error) == UNIQUE_VIOLATION:  # somebody was faster, between our look and our write
        return problem_answer(HTTPStatus.CONFLICT, "somebody has written the same just now: look again", None)
    if not passes(error):
        return await _broken(request, error)
    log.warning("a request could not be answered", path=request.url.path, problem=str(error))
    return problem_answer(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer now", TRY_AGAIN)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    log.error("a request broke", method=request.method, path=request.url.path, exc_info=error)
    return problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a mistake of ours; the log tells which", None)


def problem_answer(status: HTTPStatus, detail: str, headers: dict[str, str] | None, **extra: Any) -> JSONResponse:
    """Make the answer itself."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **extra}
    return JSONResponse(body, status.value, headers, MEDIA_TYPE)
