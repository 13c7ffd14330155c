"""One session with INWX's JSON-RPC API, shared by the whole process.

Not JSON-RPC 2.0: ``method`` and ``params`` go out, a flat envelope with a result ``code`` comes back, with HTTP 200
also for refusals. INWX works on one call of a session at a time, and another session's TAN costs 30 seconds, so all
calls queue here. It is never signed out: that would end the session under the feet of whoever shares the account.
"""

import time
from typing import Any

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError, field_validator
from structlog.contextvars import get_contextvars

from services.dns.inwx_errors import (
    CONNECTION_CLOSED,
    SESSION_GONE,
    InwxLoginError,
    InwxRefusedError,
    InwxUnavailableError,
    OutcomeUnknownError,
    error_of,
)
from services.dns.tan import TanSource
from services.dns.turns import Turns
from shared.errors import TemporaryError
from shared.metrics import vendor_call

log = structlog.get_logger(__name__)

_SUCCESS = range(1000, 2000)
_NO_SECOND_FACTOR = ("", "0")
_SECOND_FACTOR = "GOOGLE-AUTH"
_TAN_TRIES = 2

SIGNED_OUT = "signed out"
"""The outcome of a call whose session had ended, as each does: no failure unless the sign-in is one."""


class _Answer(BaseModel):
    """The envelope. Everything but `code` may be missing."""

    code: int
    msg: str = ""
    resData: dict[str, Any] = {}  # noqa: N815 - INWX's name
    reason: str = ""
    svTRID: str = ""  # noqa: N815 - INWX's name

    @field_validator("resData", mode="before")
    @classmethod
    def _no_data(cls, value: Any) -> Any:
        return value or {}

    @property
    def text(self) -> str:
        """INWX's words, for people; they are localised. Details are left out: they repeat what was sent."""
        return f"{self.msg} ({self.reason})" if self.reason else self.msg


class InwxSession:
    """Calls methods, signing in when that is needed."""

    def __init__(
        self, http: httpx.AsyncClient, *, url: str, user: str, password: SecretStr, tans: TanSource | None = None
    ) -> None:
        self._http = http
        self._url = url
        self._user = user
        self._password = password
        self._tans = tans
        self._turns = Turns()
        self._signed_in = False

    async def call(
        self, method: str, params: dict[str, Any], *, writes: bool = False, costs: bool = False
    ) -> dict[str, Any]:
        """Call `method` and return its ``resData``.

        What `costs` money is not sent again when INWX has closed the connection over it (2500), only when it had not
        let us in.

        Raises:
            InwxRefusedError: or one of its kinds, by result code.
            InwxUnavailableError: nothing was done; try again later.
            OutcomeUnknownError: only with `writes`: the answer was lost, look before repeating.

        """
        async with self._turns.turn():
            is_old = self._signed_in
            if not is_old:
                await self._sign_in()
            answer = await self._send(method, params, writes=writes, may_be_signed_out=is_old)
            if answer.code in SESSION_GONE and not (costs and answer.code == CONNECTION_CLOSED):
                await self._sign_in()
                answer = await self._send(method, params, writes=writes)
            if answer.code in SESSION_GONE:
                self._signed_in = False
        if answer.code not in _SUCCESS:
            raise error_of(method, answer.code, answer.text)
        return answer.resData

    async def _sign_in(self) -> None:
        self._signed_in = False
        self._http.cookies.clear()
        credentials = {"user": self._user, "pass": self._password.get_secret_value()}
        answer = await self._send("account.login", credentials)
        if answer.code not in _SUCCESS:
            raise error_of("account.login", answer.code, answer.text)
        second_factor = str(answer.resData.get("tfa", ""))
        if second_factor not in _NO_SECOND_FACTOR:
            await self._unlock(second_factor)
        self._signed_in = True

    async def _unlock(self, second_factor: str) -> None:
        if self._tans is None or second_factor != _SECOND_FACTOR:
            raise InwxLoginError(
                f"the INWX account has the second factor {second_factor!r}: set VRS_INWX_TOTP_SECRET (only "
                f"{_SECOND_FACTOR} is supported), or use an account for DNS without a second factor",
                code="inwx_second_factor",
            )
        for _ in range(_TAN_TRIES):  # another process may have used this window's TAN
            answer = await self._send("account.unlock", {"tan": await self._tans.fresh()})
            if answer.code in _SUCCESS:
                return
            if answer.code != 2200:  # noqa: PLR2004 - authentication error
                break
        raise error_of("account.unlock", answer.code, answer.text)

    async def _send(
        self, method: str, params: dict[str, Any], *, writes: bool = False, may_be_signed_out: bool = False
    ) -> _Answer:
        with vendor_call("inwx") as outcome:
            answer = await self._post(method, params, writes=writes)
            if answer.code not in _SUCCESS:
                is_normal = may_be_signed_out and answer.code in SESSION_GONE
                outcome.append(SIGNED_OUT if is_normal else str(answer.code))
            return answer

    async def _post(self, method: str, params: dict[str, Any], *, writes: bool) -> _Answer:
        lost: type[TemporaryError] = OutcomeUnknownError if writes else InwxUnavailableError
        started = time.monotonic()
        told = {"lang": "en"}
        if correlation := get_contextvars().get("correlation"):
            told["clTRID"] = str(correlation)  # the client's transaction id, for INWX's support
        try:
            response = await self._http.post(self._url, json={"method": method, "params": {**params, **told}})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise InwxUnavailableError(
                f"cannot reach INWX at {self._url}: {error!r}", code="inwx_unreachable"
            ) from error
        except httpx.HTTPError as error:
            raise lost(f"no answer from INWX to {method}: {error!r}", code="inwx_no_answer") from error
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise lost(
                f"INWX answered {method} with HTTP {response.status_code}",
                code=f"inwx_http_{response.status_code}",
                retry_after=_retry_after(response),
            )
        if response.status_code != httpx.codes.OK:
            raise InwxRefusedError(
                f"INWX answered {method} with HTTP {response.status_code}: is VRS_INWX_URL the JSON-RPC URL?",
                code=f"inwx_http_{response.status_code}",
            )
        try:
            answer = _Answer.model_validate_json(response.content)
        except ValidationError as error:
            raise lost(f"INWX answered {method} with an unreadable body", code="inwx_unreadable") from error
        log.debug(
            "INWX answered",
            method=method,
            code=answer.code,
            transaction=answer.svTRID or None,
            seconds=round(time.monotonic() - started, 3),
        )
        return answer


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
