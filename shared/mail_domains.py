"""Mail under a domain of a project: asked for in the marketplace's name, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, MailDomainRequested, ServiceName
from shared.errors import FieldProblem, RefusedError, UnknownError, WrongFieldsError
from shared.hosts import as_shown
from shared.marketplace_outbox import AT_ONCE, put
from shared.messaging.settle import lock_projects
from shared.models import Cancellation, MailDomain, Project, ProjectDomain, ProjectOrder
from shared.outbox import Message
from shared.transaction import Transaction


class MailState(StrEnum):
    """How far mail under a domain is."""

    SETTING_UP = "setting_up"
    WAITING = "waiting"  # something is missing or in the way, or is not seen everywhere yet: the findings say what
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStanding:
    """Mail under a domain of a project. `findings` are those of `MailRecordsNeeded`; `ready_at` is UTC."""

    domain: str
    state: MailState
    mx: bool
    ready_at: datetime | None
    findings: Sequence[dict[str, Any]]


async def mail_of(connection: AsyncConnection, project_id: UUID) -> list[MailStanding]:
    """Read how far mail is under each domain for which dns has taken up the wish, by domain."""
    table = MailDomain.__table__
    rows = select(table).where(table.c.project_id == project_id).order_by(table.c.domain)
    return [
        MailStanding(
            domain=row.domain,
            state=MailState.WAITING if row.findings else MailState.READY if row.ready_at else MailState.SETTING_UP,
            mx=row.mx,
            ready_at=row.ready_at,
            findings=row.findings,
        )
        for row in await connection.execute(rows)
    ]


async def request_mail(
    transaction: Transaction, project_id: UUID, wish: MailDomainRequested, *, lease: timedelta = AT_ONCE
) -> tuple[UUID, Message]:
    """Say it with the caller's transaction, `lease` as for `put`; return the event's id and its outbox row.

    Asked for again it does no harm: dns sets right what has changed.

    Raises:
        UnknownError: there is no such project.
        RefusedError: it is cancelled.
        WrongFieldsError: the domain is not the project's own.

    """
    await lock_projects(transaction, [project_id])
    connection = transaction.connection
    if not await connection.scalar(select(Project.vrs_id).where(Project.vrs_id == project_id)):
        raise UnknownError(f"there is no project {project_id}")
    if await connection.scalar(select(Cancellation.at).where(Cancellation.project_id == project_id)):
        raise RefusedError(f"project {project_id} is cancelled: no mail is set up for it")
    story = select(ProjectOrder.correlation_id, ProjectOrder.base_domain).where(ProjectOrder.project_id == project_id)
    order = (await connection.execute(story)).one_or_none()
    held = select(ProjectDomain.host).where(ProjectDomain.project_id == project_id, ~ProjectDomain.is_coming)
    hosts = (await connection.scalars(held)).all()
    base = order.base_domain if order else None
    own = sorted(host for host in hosts if base is None or not host.endswith(f".{base}"))
    if wish.domain not in own:
        has = f"its own are {', '.join(map(as_shown, own))}" if own else "it has none of its own"
        raise WrongFieldsError(
            FieldProblem("domain", f"{as_shown(wish.domain)!r} is no domain of project {project_id}; {has}")
        )
    event = CloudEvent.of(
        wish,
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id,
        correlation_id=order.correlation_id if order else None,
    )
    [message] = await put(connection, [event], lease=lease)
    return event.id, message
