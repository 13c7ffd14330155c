"""Registrations of domains that wait for a person's answer: why, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette_admin.i18n import gettext
from starlette_admin.i18n import lazy_gettext as _

from contracts import (
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    Registrant,
    RegistrationHold,
    ServiceName,
)
from services.marketplace.admin.failures import Failure
from services.marketplace.admin.owner import wrong_with
from services.marketplace.admin.shown import money
from shared.emitted import newest
from shared.messaging.topology import queue_name
from shared.registrant import problems

HOLDS = {
    RegistrationHold.CONTACT_INCOMPLETE: Failure(
        _("The new domain waits: its registry does not take the owner's data as they are."),
        _("Ask the customer for what is missing and correct the owner's data: then it is registered."),
    ),
    RegistrationHold.TAKEN: Failure(
        _("The new domain belongs to somebody else already."),
        _("Ask the customer for another domain: cancel this project and order it anew."),
    ),
    RegistrationHold.TOO_EXPENSIVE: Failure(
        _("The new domain costs more than was agreed. Nothing was paid."),
        _("Ask the customer. If it may cost more, say here how much: then it is registered. Else cancel the project."),
    ),
    RegistrationHold.NO_CREDIT: Failure(
        _("The new domain waits: our account at INWX has not enough credit."),
        _("Tell an operator, who tops up the account: then it goes on by itself, within five minutes."),
    ),
    RegistrationHold.REFUSED: Failure(
        _("The registry has refused the new domain."),
        _("Tell an operator, who finds out why. Then let it be tried again, with other data of its owner if need be."),
    ),
}
_HELD = """
    SELECT r.project_id, r.hold::text AS hold, r.domain, r.max_cents, r.registrant, l.emitted
    FROM domain_registrations r LEFT JOIN LATERAL (
        SELECT emitted FROM provisioning_log
        WHERE project_id = r.project_id AND consumer = :consumer AND emitted IS NOT NULL ORDER BY id DESC LIMIT 1
    ) l ON true
    WHERE r.stage = 'held' AND
"""
_OF_PROJECTS = text(f"{_HELD} r.project_id = ANY(:ids)")
_NEWEST = text(f"{_HELD} true ORDER BY r.project_id DESC LIMIT :most")
_SAID_BY = queue_name(ServiceName.DNS, DomainRegistrationRequested)


@dataclass(frozen=True, slots=True)
class Hold:
    """A registration that waits for an answer. Money in cents of euros.

    `cents` is what the first year costs, `message` the reason as dns has said it, in English; both if they are known.
    """

    kind: RegistrationHold
    domain: str
    max_cents: int
    registrant: dict[str, Any] | None
    cents: int | None
    message: str

    @property
    def what(self) -> str:
        """What has happened."""
        if self.kind is RegistrationHold.TOO_EXPENSIVE and self.cents is not None:
            said = gettext(
                "The new domain costs %(price)s for the first year; agreed are %(agreed)s. Nothing was paid."
            )
            return said % {"price": money(self.cents, "EUR"), "agreed": money(self.max_cents, "EUR")}
        return str(HOLDS[self.kind].what)

    @property
    def do(self) -> str:
        """What one can do."""
        return str(HOLDS[self.kind].do)

    @property
    def owner_problems(self) -> dict[str, str]:
        """What its registry would not take of the owner, by the field of a form."""
        return wrong_with(problems(self.domain, Registrant.model_validate(self.registrant))) if self.registrant else {}


async def read_holds(connection: AsyncConnection, projects: Iterable[UUID]) -> dict[UUID, Hold]:
    """Read which of these projects' registrations wait for an answer, and why."""
    return await _read(connection, _OF_PROJECTS, ids=list(projects))


async def newest_holds(connection: AsyncConnection, most: int) -> dict[UUID, Hold]:
    """Read which registrations wait for an answer, and why."""
    return await _read(connection, _NEWEST, most=most)


async def _read(connection: AsyncConnection, statement: TextClause, **values: Any) -> dict[UUID, Hold]:
    rows = await connection.execute(statement, values | {"consumer": _SAID_BY})
    return {row.project_id: _hold(row) for row in rows}


def _hold(row: Row[Any]) -> Hold:
    said = newest(DomainRegistrationHeld, [row.emitted])
    return Hold(
        kind=RegistrationHold(row.hold),
        domain=row.domain,
        max_cents=row.max_cents,
        registrant=row.registrant,
        cents=said.data.cents if said else None,
        message=said.data.message if said else "",
    )
