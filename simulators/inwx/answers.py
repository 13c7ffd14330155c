"""INWX result codes and the flat envelope they travel in, always with HTTP status 200."""

from enum import IntEnum
from typing import Any

Envelope = dict[str, Any]


class ResultCode(IntEnum):
    """The result codes this simulator answers with or can be told to answer with; they mirror RFC 5730."""

    DONE = 1000
    DONE_PENDING = 1001
    DONE_SESSION_ENDED = 1500
    UNKNOWN_COMMAND = 2000
    SYNTAX_ERROR = 2001
    USE_ERROR = 2002  # in practice: no valid session
    PARAMETER_MISSING = 2003
    PARAMETER_SYNTAX = 2005
    UNIMPLEMENTED_OPTION = 2102
    BILLING_FAILURE = 2104
    NOT_ELIGIBLE_FOR_TRANSFER = 2106
    AUTHENTICATION_ERROR = 2200
    NOT_AUTHORISED = 2201
    WRONG_AUTHORISATION = 2202
    PENDING_TRANSFER = 2300
    NOT_PENDING_TRANSFER = 2301
    OBJECT_EXISTS = 2302
    OBJECT_MISSING = 2303
    STATUS_PROHIBITS = 2304
    POLICY_ERROR = 2306
    COMMAND_FAILED = 2400
    FAILED_CLOSING = 2500
    AUTHENTICATION_CLOSING = 2501
    SESSION_LIMIT = 2502


TEXTS = {
    ResultCode.DONE: "Command completed successfully",
    ResultCode.DONE_PENDING: "Command completed successfully; action pending",
    ResultCode.DONE_SESSION_ENDED: "Command completed successfully",
    ResultCode.UNKNOWN_COMMAND: "Unknown command",
    ResultCode.SYNTAX_ERROR: "Command syntax error",
    ResultCode.USE_ERROR: "Command use error",
    ResultCode.PARAMETER_MISSING: "Required parameter missing",
    ResultCode.PARAMETER_SYNTAX: "Parameter value syntax error",
    ResultCode.UNIMPLEMENTED_OPTION: "Unimplemented option",
    ResultCode.BILLING_FAILURE: "Billing failure",
    ResultCode.NOT_ELIGIBLE_FOR_TRANSFER: "Object is not eligible for transfer",
    ResultCode.AUTHENTICATION_ERROR: "Authentication error",
    ResultCode.NOT_AUTHORISED: "Authorization error",
    ResultCode.WRONG_AUTHORISATION: "Invalid authorization information",
    ResultCode.PENDING_TRANSFER: "Object pending transfer",
    ResultCode.NOT_PENDING_TRANSFER: "Object not pending transfer",
    ResultCode.OBJECT_EXISTS: "Object exists",
    ResultCode.OBJECT_MISSING: "Object does not exist",
    ResultCode.STATUS_PROHIBITS: "Object status prohibits operation",
    ResultCode.POLICY_ERROR: "Parameter value policy error",
    ResultCode.COMMAND_FAILED: "Command failed",
    ResultCode.FAILED_CLOSING: "Command failed; server closing connection",
    ResultCode.AUTHENTICATION_CLOSING: "Authentication error; server closing connection",
    ResultCode.SESSION_LIMIT: "Session limit exceeded; server closing connection",
}

CLOSES_SESSION = {ResultCode.FAILED_CLOSING, ResultCode.AUTHENTICATION_CLOSING, ResultCode.SESSION_LIMIT}


def envelope(code: ResultCode, data: dict[str, Any] | None = None) -> Envelope:
    """An answer; without `data` it has no ``resData``."""
    answer: Envelope = {"code": int(code), "msg": TEXTS[code]}
    if data is not None:
        answer["resData"] = data
    return answer


class ApiError(Exception):
    """A call that INWX answers with a code other than success; `more` joins the envelope."""

    def __init__(self, code: ResultCode, **more: Any) -> None:
        super().__init__(f"{code.value} {TEXTS[code]} {more or ''}".rstrip())
        self.envelope = {**envelope(code), **more}


def missing(parameter: str) -> ApiError:
    """2003 for a parameter that is not there."""
    return ApiError(
        ResultCode.PARAMETER_MISSING,
        reasonCode=f"MISSING_{parameter.upper()}",
        reason=f"The following parameter is missing: {parameter}",
        details=[{"code": "PARAM_MISSING", "msg": f"The parameter '{parameter}' is missing"}],
    )


def invalid(parameter: str, value: object) -> ApiError:
    """2005 for a value that the parameter cannot take."""
    return ApiError(
        ResultCode.PARAMETER_SYNTAX,
        reasonCode=f"INVALID_{parameter.upper()}",
        reason=f"The following parameter is invalid: {parameter}",
        details=[
            {
                "code": "PARAM_INVALID",
                "location": f"request.{parameter}",
                "locationValue": str(value),
                "msg": "The parameter '' is invalid",
            }
        ],
    )
