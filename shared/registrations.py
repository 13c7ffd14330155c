"""Registrations of domains that wait for a person: answered by a command or in the admin UI, carried on by dns."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Registrant
from shared.errors import RefusedError, UnknownError, WrongFieldsError
from shared.messaging.settle import lock_projects
from shared.models import Cancellation, DomainRegistration, RegistrationStage
from shared.registrant import problems
from shared.transaction import Transaction

ANSWERED = ("stage", "hold", "max_cents", "registrant")
"""The columns that an answer changes."""


async def project_registering(connection: AsyncConnection, domain: str) -> UUID | None:
    """Read which project has this domain registered, or wishes it; None if there is none that is not cancelled."""
    wanted = select(DomainRegistration.project_id).where(
        DomainRegistration.domain == domain, DomainRegistration.project_id.not_in(select(Cancellation.project_id))
    )
    found: UUID | None = await connection.scalar(wanted)
    return found


async def answer_registration(
    transaction: Transaction, project_id: UUID, *, max_cents: int | None = None, registrant: Registrant | None = None
) -> str:
    """Let a held registration be tried again, with the caller's transaction; return its domain.

    Its first year may then cost `max_cents` (of euros), its owner is `registrant`; what is not given stays.

    Raises:
        UnknownError: no domain is registered for the project.
        RefusedError: the registration waits for nobody, or the project is cancelled.
        WrongFieldsError: what the domain's registry would not take of its owner, by field.

    """
    is_cancelled = project_id in await lock_projects(transaction, [project_id])
    this = DomainRegistration.project_id == project_id
    found = select(DomainRegistration.domain, DomainRegistration.stage).where(this).with_for_update()
    row = (await transaction.connection.execute(found)).one_or_none()
    if row is None:
        raise UnknownError(f"no domain is registered for project {project_id}")
    if is_cancelled:
        raise RefusedError(
            f"project {project_id} is cancelled: {row.domain} is not registered any more", code="project_cancelled"
        )
    if row.stage is not RegistrationStage.HELD:
        raise RefusedError(
            f"the registration of {row.domain} waits for nobody: it is {row.stage}", code="registration_not_held"
        )
    if registrant is not None and (wrong := problems(row.domain, registrant)):
        raise WrongFieldsError(*wrong)
    values: dict[str, object] = {"stage": RegistrationStage.REQUESTED, "hold": None}
    if max_cents is not None:
        values["max_cents"] = max_cents
    if registrant is not None:
        values["registrant"] = registrant.model_dump(mode="json")
    await transaction.connection.execute(update(DomainRegistration).where(this).values(values))
    domain: str = row.domain
    return domain
