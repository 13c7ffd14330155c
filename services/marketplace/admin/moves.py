"""Domains that come to us from other providers: how far each is, and what to do about one that does not come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette_admin.i18n import gettext
from starlette_admin.i18n import lazy_gettext as _

from contracts import (
    DomainTransferFailed,
    DomainTransferRequested,
    ServiceName,
    TransferProblem,
)
from services.marketplace.admin.failures import Failure
from services.marketplace.admin.shown import money
from shared.emitted import newest
from shared.hosts import as_shown
from shared.messaging.topology import queue_name
from shared.models import TransferStage

_ASK = _("Ask the customer. If it may cost more, say here how much: then it goes on.")
_NEW_CODE = _("Ask the customer to do that and for a new auth code, and type that in: then it goes on.")

PROBLEMS: Mapping[TransferProblem, Failure] = {
    TransferProblem.AUTH_CODE_WRONG: Failure(
        _("The domain does not move: its auth code is wrong or has expired."),
        _("Ask the customer for a new auth code and type it in: then it goes on."),
    ),
    TransferProblem.LOCKED: Failure(
        _("The domain does not move: it is locked at its present provider, who must unlock it."), _NEW_CODE
    ),
    TransferProblem.NOT_ELIGIBLE: Failure(
        _("The domain may not move yet, as in the first 60 days after it was registered, moved or given away."),
        _("Wait until it may, and type the auth code in again then. The customer knows the day."),
    ),
    TransferProblem.REFUSED: Failure(
        _("The present provider or the registry has refused the move; the customer must find out why."), _NEW_CODE
    ),
    TransferProblem.EXPIRED: Failure(
        _("The move was not confirmed in time; the customer must answer the present provider's mail."), _NEW_CODE
    ),
    TransferProblem.NOT_REGISTERED: Failure(
        _("The domain does not move: nobody has registered it."),
        _("Ask the customer whether the name is right; withdraw this move and ask for that of the right one."),
    ),
    TransferProblem.ALREADY_OURS: Failure(
        _("The domain is in our INWX account already: it need not move."),
        _("Withdraw the move, and add the domain to the project as one more."),
    ),
    TransferProblem.TOO_EXPENSIVE: Failure(_("The move costs more than was agreed. Nothing was paid."), _ASK),
    TransferProblem.NO_CREDIT: Failure(
        _("The move waits: our account at INWX has not enough credit."),
        _("Tell an operator, who tops up the account: then it goes on by itself, within five minutes."),
    ),
    TransferProblem.CONTACT_INCOMPLETE: Failure(
        _("The move waits: the registry does not take the owner's data as they are."),
        _("Ask the customer for what is missing and correct the owner's data: then it goes on."),
    ),
}
_MOVES = """
    SELECT t.project_id, t.domain, t.stage::text AS stage, t.problem::text AS problem, t.max_cents, t.cents,
           t.expires_at, t.registrant, t.auth_code IS NOT NULL AS has_code, w.at IS NOT NULL AS is_withdrawn, l.emitted
    FROM domain_transfers t LEFT JOIN transfer_withdrawals w USING (project_id, domain) LEFT JOIN LATERAL (
        SELECT emitted FROM provisioning_log
        WHERE project_id = t.project_id AND consumer = :consumer AND emitted IS NOT NULL ORDER BY id DESC LIMIT 1
    ) l ON t.stage = 'failed'
"""
_OF_PROJECT = text(f"{_MOVES} WHERE t.project_id = :id ORDER BY t.domain")
_NEWEST_FAILED = text(f"{_MOVES} WHERE t.stage = 'failed' AND w.at IS NULL ORDER BY t.project_id DESC LIMIT :most")
MOVES = queue_name(ServiceName.DNS, DomainTransferRequested)
"""The consumer that carries transfers out."""


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer. Money in cents of euros, times UTC.

    `price` is what it would cost, `message` why it has failed as dns has said it, in English; both if they are known.
    """

    project_id: UUID
    domain: str
    stage: TransferStage
    problem: TransferProblem | None
    max_cents: int
    cents: int | None
    expires_at: datetime | None
    registrant: dict[str, Any] | None
    has_code: bool
    is_withdrawn: bool
    price: int | None
    message: str

    @property
    def waits_for_answer(self) -> bool:
        """Whether it has failed and somebody wants it still."""
        return self.stage is TransferStage.FAILED and not self.is_withdrawn

    @property
    def failure(self) -> Failure:
        """Why it has failed, with its domain, and what one can do."""
        return Failure(f"{as_shown(self.domain)}: {self.what}", self.do)

    @property
    def what(self) -> str:
        """Why it has failed; empty if it has not."""
        if self.problem is TransferProblem.TOO_EXPENSIVE and self.price is not None:
            said = gettext("The move costs %(price)s; agreed are %(agreed)s. Nothing was paid.")
            return said % {"price": money(self.price, "EUR"), "agreed": money(self.max_cents, "EUR")}
        return str(PROBLEMS[self.problem].what) if self.problem else ""

    @property
    def do(self) -> str:
        """What one can do."""
        return str(PROBLEMS[self.problem].do) if self.problem else ""


async def read_moves(connection: AsyncConnection, project_id: UUID) -> list[Move]:
    """Read a project's transfers, by domain."""
    return await _read(connection, _OF_PROJECT, id=project_id)


async def newest_failed(connection: AsyncConnection, most: int) -> dict[UUID, Move]:
    """Read which transfers wait for an answer, one of each project."""
    return {move.project_id: move for move in await _read(connection, _NEWEST_FAILED, most=most)}


async def _read(connection: AsyncConnection, statement: TextClause, **values: Any) -> list[Move]:
    return [_move(row) for row in await connection.execute(statement, values | {"consumer": MOVES})]


def _move(row: Row[Any]) -> Move:
    said = newest(DomainTransferFailed, [row.emitted])
    of_this = said.data if said and said.data.domain == row.domain else None  # else it is of another domain
    return Move(
        project_id=row.project_id,
        domain=row.domain,
        stage=TransferStage(row.stage),
        problem=TransferProblem(row.problem) if row.problem else None,
        max_cents=row.max_cents,
        cents=row.cents,
        expires_at=row.expires_at,
        registrant=row.registrant,
        has_code=row.has_code,
        is_withdrawn=row.is_withdrawn,
        price=of_this.cents if of_this else None,
        message=of_this.message if of_this else "",
    )
