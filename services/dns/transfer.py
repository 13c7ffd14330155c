"""How a transfer waits, fails, is given up and goes on: outcomes of its own step, and of a cancellation."""

import asyncio

from sqlalchemy import BindParameter, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import DomainTransferFailed, TransferProblem
from services.dns.inwx import Inwx
from services.dns.inwx_errors import InwxExistsError, InwxLoginError, InwxRefusedError
from services.dns.paid_order import LAST_LOOK, age, next_look
from services.dns.registrar import Registrar, RenewalMode
from services.dns.transfer_sentences import sentence_of
from shared.models import DomainTransfer, TransferStage, TransferWithdrawal
from shared.outcome import Parked
from shared.service import Background, Kernel
from shared.writes import Upsert

LOOK_EVERY = 1.0
"""Seconds between looks for what a case worker has answered."""

SENT = frozenset({TransferStage.INTENDED, TransferStage.PENDING, TransferStage.TRANSFERRED})
"""From here on a transfer may be under way, or over."""

KEEPS_CODE = frozenset({TransferProblem.NO_CREDIT, TransferProblem.TOO_EXPENSIVE, TransferProblem.CONTACT_INCOMPLETE})
"""Problems for which nothing was sent: the auth code is as good as before."""

_PROBLEMS = {
    "inwx_2104": TransferProblem.NO_CREDIT,
    "inwx_2106": TransferProblem.NOT_ELIGIBLE,
    "inwx_2202": TransferProblem.AUTH_CODE_WRONG,
    "inwx_2303": TransferProblem.NOT_REGISTERED,
    "inwx_2304": TransferProblem.LOCKED,
}
_PENDING_ELSEWHERE = "inwx_2300"

_LONGEST = 500
_TRANSFER, _ADDRESS = "transfer:", "transfer-address:"
_NAMES: BindParameter[list[str]] = bindparam("names", expanding=True)
_WITHDRAWN = exists().where(
    TransferWithdrawal.project_id == DomainTransfer.project_id, TransferWithdrawal.domain == DomainTransfer.domain
)
_ANSWERED = select(DomainTransfer.domain).where(
    DomainTransfer.domain.in_(_NAMES),
    (DomainTransfer.stage == TransferStage.REQUESTED) | (DomainTransfer.stage == TransferStage.FAILED) & _WITHDRAWN,
)


def waits_for_address(row: DomainTransfer, waited: float) -> Parked:
    """The project has no server yet to which the domain could lead."""
    message = f"The transfer of {row.domain} begins when the project has its place on a server."
    return Parked(key=f"{_ADDRESS}{row.domain}", look_again=next_look(waited), until_woken=True, message=message)


def waits_for_registry(row: DomainTransfer, message: str, *, look_again: float | None = None) -> Parked:
    """The registry, the losing registrar or INWX is at it."""
    pause = next_look(age(row)) if look_again is None else min(look_again, LAST_LOOK)
    return Parked(key=f"{_TRANSFER}{row.domain}", look_again=pause, until_woken=True, message=message)


def failed(row: DomainTransfer, problem: TransferProblem, message: str, *, cents: int | None = None) -> Parked:
    """Case workers and customer are told, once for each problem; whoever is to answer has all the time."""
    code = row.auth_code if problem in KEEPS_CODE else None
    stopped = row.changed(stage=TransferStage.FAILED, problem=problem, auth_code=code, cents=None)
    text = sentence_of(problem, row.domain)
    said = DomainTransferFailed(domain=row.domain, problem=problem, message=message[:_LONGEST], text=text, cents=cents)
    return Parked(
        key=f"{_TRANSFER}{row.domain}",
        until_woken=True,
        message=f"The transfer of {row.domain} has failed: {message}.",
        events=() if row.problem is problem else (said,),
        writes=(Upsert(stopped),),
        detail={"problem": problem},
    )


def still_failed(row: DomainTransfer) -> Parked:
    """Nobody has answered yet."""
    message = f"The transfer of {row.domain} waits for a case worker ({row.problem})."
    return Parked(key=f"{_TRANSFER}{row.domain}", until_woken=True, message=message)


def objection_of(error: Exception) -> TransferProblem | None:
    """What INWX's answer to `Registrar.transfer` says for good; None if the domain must be looked up."""
    code = getattr(error, "code", "")
    if code in _PROBLEMS:
        return _PROBLEMS[code]
    if isinstance(error, InwxLoginError | InwxExistsError):
        return None
    return TransferProblem.REFUSED if isinstance(error, InwxRefusedError) else None


def is_pending_already(error: Exception) -> bool:
    """Whether INWX's answer says that the domain is being transferred, or is in our account: by us, perhaps."""
    return isinstance(error, InwxExistsError) or getattr(error, "code", "") == _PENDING_ELSEWHERE


async def give_up(registrar: Registrar, inwx: Inwx, row: DomainTransfer) -> str | None:
    """Undo what can be undone and say what was done; None while the registry has the last word.

    A domain that has arrived is the customer's: it is kept until its time is over, with its mail records.
    """
    if row.stage in SENT:
        found = await registrar.find(row.domain)
        if found is not None and found.is_coming:
            await registrar.cancel_transfer(row.domain)
            found = await registrar.find(row.domain)
        if found is not None and found.has_arrived:
            await registrar.set_renewal(row.domain, RenewalMode.EXPIRES)
            until = f" until {found.expires_at:%Y-%m-%d}" if found.expires_at else ""
            return f"{row.domain} stays registered{until} and is not renewed"
        if found is not None and not found.has_failed:
            return None
    if row.zone_made and row.stage is not TransferStage.TRANSFERRED:
        await inwx.delete_zone(row.domain)
    return f"{row.domain} stays where it was"


async def wake_transfers(kernel: Kernel, engine: AsyncEngine) -> int:
    """Wake the failed transfers that a case worker has answered or withdrawn."""
    parked = [key.removeprefix(_TRANSFER) for key in await kernel.parked_keys(_TRANSFER)]
    if not parked:
        return 0
    async with engine.connect() as connection:
        answered = (await connection.scalars(_ANSWERED, {"names": parked})).all()
    return sum([await kernel.wake(f"{_TRANSFER}{domain}") for domain in answered])


def wake_when_answered(engine: AsyncEngine) -> Background:
    """Look every second, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        while True:
            await wake_transfers(kernel, engine)
            await asyncio.sleep(LOOK_EVERY)

    return run
