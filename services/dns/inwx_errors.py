"""What INWX answers when it does not do what it was asked, sorted by what helps.

The API documents no code per method; the classes follow RFC 5730, whose codes INWX mirrors, and observed traffic.
"""

from shared.errors import PermanentError, TemporaryError

SESSION_GONE = frozenset({2002, 2200, 2500, 2501})
"""No session, not unlocked, connection closed, authentication lost: sign in again, once."""

CONNECTION_CLOSED = 2500
"""The command failed, and how far it came is not said."""

_RETRY_AFTER: dict[int, float | None] = {
    2104: 300.0,  # billing failure: no credit
    2300: 60.0,  # pending transfer
    2301: 60.0,
    2304: 60.0,  # the object's status prohibits it
    2400: None,  # generic fault, reportedly also throttling
    2500: None,  # connection closed
    2502: 60.0,  # too many sessions
}
_REMEDY = {
    2002: "no session after a fresh sign-in: is another process using the same INWX account?",
    2003: "a parameter is missing: report this",
    2004: "a value is out of range: correct the order",
    2005: "a value is not accepted: correct the order",
    2104: "top up the INWX account",
    2202: "ask the customer for a new auth code",
    2200: "check VRS_INWX_USER, VRS_INWX_PASSWORD and VRS_INWX_TOTP_SECRET, and that VRS_INWX_URL is their environment",
    2201: "give the INWX account the DNS role, or check that it holds the zone",
    2303: "this account has no such zone or record",
    2501: "check VRS_INWX_USER, VRS_INWX_PASSWORD and VRS_INWX_TOTP_SECRET",
}


class InwxRefusedError(PermanentError):
    """INWX refuses, and will refuse again."""


class InwxNotFoundError(InwxRefusedError):
    """2303: no such zone or record in this account."""


class InwxExistsError(InwxRefusedError):
    """2302: an exactly equal record exists. The answer names no id."""


class InwxLoginError(InwxRefusedError):
    """The credentials do not open a session."""


class InwxUnavailableError(TemporaryError):
    """INWX did nothing and may do it later."""


class OutcomeUnknownError(TemporaryError):
    """The answer to a write was lost: it may or may not have been done, or may still be."""


def error_of(method: str, code: int, text: str) -> PermanentError | TemporaryError:
    """Return the error for a result `code` other than success; `text` is INWX's own, already without secrets."""
    remedy = f"; {_REMEDY[code]}" if code in _REMEDY else ""
    message = f"INWX answered {method} with {code} {text}{remedy}"
    name = f"inwx_{code}"
    if code in _RETRY_AFTER:
        return InwxUnavailableError(message, code=name, retry_after=_RETRY_AFTER[code])
    match code:
        case 2302:
            return InwxExistsError(message, code=name)
        case 2303:
            return InwxNotFoundError(message, code=name)
        case 2002 | 2200 | 2501:
            return InwxLoginError(message, code=name)
        case _:
            return InwxRefusedError(message, code=name)
