"""Accounts, their sessions, and the second factor."""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyotp
from pydantic import Field

from .answers import ApiError, ResultCode
from .params import Params


@dataclass
class Account:
    """Somebody's login; `totp_secret` makes it one with a second factor."""

    user: str
    password: str
    customer: int
    totp_secret: str | None = None
    last_window: int = 0  # of 30 s since 1970; a TAN works once, and none older than the last one that worked

    @property
    def second_factor(self) -> str:
        """INWX's ``tfa``."""
        return "GOOGLE-AUTH" if self.totp_secret else "0"


@dataclass
class Session:
    """What a cookie stands for. INWX works on one call of a session at a time: `queue`."""

    account: Account
    locked: bool
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)


class Credentials(Params):
    """In: account.login, and any other method in stateless mode."""

    user: str
    password: str = Field(alias="pass")
    case_insensitive: bool = Field(default=False, alias="case-insensitive")


class Unlock(Params):
    """In: account.unlock."""

    tan: str = Field(min_length=2, max_length=10)


class Accounts:
    """Who may call, and as whom."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.user: account for account in accounts}
        self._sessions: dict[str, Session] = {}

    def users(self) -> list[str]:
        """Who there is."""
        return list(self._accounts)

    def session(self, token: str | None) -> Session | None:
        """The session of this cookie."""
        return self._sessions.get(token or "")

    def end(self, token: str | None) -> None:
        """End this session, if there is one."""
        self._sessions.pop(token or "", None)

    def end_all(self) -> None:
        """End every session, as INWX does when they get old."""
        self._sessions.clear()

    def login(self, credentials: Credentials) -> tuple[str, Account]:
        """A new session's token; 2200 for wrong credentials."""
        account = self._authenticated(credentials)
        token = secrets.token_hex(16)
        self._sessions[token] = Session(account, locked=account.totp_secret is not None)
        return token, account

    def unlock(self, token: str | None, tan: str) -> None:
        """The second step of a login; 2200 ``INVALID`` for a wrong or used TAN, 2002 without a session."""
        session = self.session(token)
        if session is None or session.account.totp_secret is None:
            raise ApiError(ResultCode.USE_ERROR)
        totp = pyotp.TOTP(session.account.totp_secret)
        now = totp.timecode(datetime.now(UTC))
        for window in (now - 1, now):  # RFC 6238 section 5.2: one window may pass on the way
            if window > session.account.last_window and tan == totp.generate_otp(window):
                session.account.last_window = window
                session.locked = False
                return
        raise ApiError(
            ResultCode.AUTHENTICATION_ERROR,
            reasonCode="INVALID",
            reason="The confirmation code is invalid.",
            details=[{"code": "ACCOUNT_UNLOCK_FAILED", "msg": "The confirmation code is invalid"}],
        )

    def caller(self, token: str | None, params: dict[str, object]) -> Account:
        """Whom a call comes from: by cookie, else by ``user`` and ``pass`` among the params.

        Raises 2002 without either (also for an account with a second factor, which has no stateless mode) and
        2200 for wrong credentials or a session that is not unlocked.
        """
        session = self.session(token)
        if session is None:
            if not {"user", "pass"} <= params.keys():
                raise ApiError(ResultCode.USE_ERROR)
            account = self._authenticated(Credentials.parse(params))
            if account.totp_secret:
                raise ApiError(ResultCode.USE_ERROR)
            return account
        if session.locked:
            raise ApiError(
                ResultCode.AUTHENTICATION_ERROR,
                reasonCode="Error_AccountUnlockRequired",
                reason="You need to unlock your account with your mobile TAN.",
                details=[
                    {
                        "code": "ACCOUNT_LOCKED",
                        "msg": "You need to unlock your account with your mobile TAN",
                    }
                ],
            )
        return session.account

    def _authenticated(self, credentials: Credentials) -> Account:
        user = credentials.user
        if credentials.case_insensitive:
            user = next((known for known in self._accounts if known.lower() == user.lower()), user)
        account = self._accounts.get(user)
        if account is None or account.password != credentials.password:
            raise ApiError(ResultCode.AUTHENTICATION_ERROR)
        return account
