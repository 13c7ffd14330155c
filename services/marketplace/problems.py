"""Errors as problem+json (RFC 9457), each with what to do about it."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


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


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - FastAPI's signature is wider than what it calls this with
    extra = {"remedy": error.remedy} if error.remedy else {}
    return _answer(error.status, str(error), error.headers, **extra)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers) if error.headers else None
    return _answer(HTTPStatus(error.status_code), str(error.detail), headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    problems = [{"field": ".".join(map(str, each["loc"])), "problem": each["msg"]} for each in error.errors()]
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the request breaks its schema", None, errors=problems)


def _answer(status: HTTPStatus, detail: str, headers: dict[str, str] | None, **extra: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **extra}
    return JSONResponse(body, status.value, headers, MEDIA_TYPE)
