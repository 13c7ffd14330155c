"""The second factor: time-based one-time passwords (RFC 6238), each used once.

INWX takes a TAN once, so one account can start one session in each window of 30 seconds.
"""

import asyncio
import base64
import time
from collections.abc import Callable

import pyotp
from pydantic import SecretStr

WINDOW = 30
"""Seconds."""


def normalised_secret(secret: str) -> str:
    """The secret as people copy it from INWX, in plain base32: no blanks, upper case, padded.

    Raises:
        ValueError: it is no base32.

    """
    plain = "".join(secret.split()).upper().rstrip("=")
    padded = plain + "=" * (-len(plain) % 8)
    try:
        base64.b32decode(padded)
    except ValueError as error:
        raise ValueError("is no base32 secret: copy the text from INWX's page for the second factor") from error
    if not plain:
        raise ValueError("is empty: leave it out for an account without a second factor")
    return padded


class _AnyLength(pyotp.TOTP):
    """Takes what the issuer gave: pyotp refuses secrets under 112 bits, and many issuers hand out 80."""

    def byte_secret(self) -> bytes:
        return base64.b32decode(self.secret)


class TanSource:
    """Gives TANs, never two from the same window."""

    def __init__(self, secret: SecretStr, *, clock: Callable[[], float] = time.time) -> None:
        self._totp = _AnyLength(normalised_secret(secret.get_secret_value()))
        self._clock = clock
        self._used = -1

    async def fresh(self) -> str:
        """Return six digits from a window that gave none yet; waits for the next one if need be."""
        wait = (self._used + 1) * WINDOW - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
        self._used = max(self._used + 1, int(self._clock()) // WINDOW)
        return self._totp.generate_otp(self._used)
