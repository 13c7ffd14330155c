"""Registrations of domains that wait for a person's answer: why, and what to do."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette_admin.i18n import lazy_gettext as _

from contracts import RegistrationHold
from services.marketplace.admin.failures import Failure
from shared.models import DomainRegistration, RegistrationStage

HOLDS = {
    RegistrationHold.CONTACT_INCOMPLETE: Failure(
        _("The new domain waits: its registry does not take the owner's data as they are."),
        _("Ask the customer for what is missing and give it to an operator, who lets it be tried again."),
    ),
    RegistrationHold.TAKEN: Failure(
        _("The new domain belongs to somebody else already."),
        _("Ask the customer for another domain: cancel this project and order it anew."),
    ),
    RegistrationHold.TOO_EXPENSIVE: Failure(
        _("The new domain costs more than was agreed. Nothing was paid."),
        _("Ask the customer. If it may cost more, tell an operator how much; else cancel the project."),
    ),
    RegistrationHold.NO_CREDIT: Failure(
        _("The new domain waits: our account at INWX has not enough credit."),
        _("Tell an operator. When the account is topped up it goes on by itself."),
    ),
    RegistrationHold.REFUSED: Failure(
        _("The registry has refused the new domain."),
        _("Tell an operator, who finds out why and lets it be tried again."),
    ),
}


async def read_holds(connection: AsyncConnection, projects: Iterable[UUID]) -> dict[UUID, Failure]:
    """Read which of these projects' registrations wait for an answer, and why."""
    columns = (DomainRegistration.project_id, DomainRegistration.hold)
    held = select(*columns).where(
        DomainRegistration.project_id.in_(list(projects)), DomainRegistration.stage == RegistrationStage.HELD
    )
    return {row.project_id: HOLDS[row.hold] for row in await connection.execute(held)}
