"""Transfers of domains as they are asked for, by a command or over HTTP: checked, written down, said."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, DomainTransferRequested, Registrant, ServiceName, TransferProblem
from contracts.registration import Cents
from shared.base_domains import TypedHost
from shared.errors import FieldProblem, RefusedError, UnknownError, WrongFieldsError
from shared.host_claims import ClaimHosts, HostProblem, HostRefused, own_hosts
from shared.marketplace_outbox import AT_ONCE, put
from shared.messaging.settle import lock_projects
from shared.messaging.topology import queue_name
from shared.models import (
    BaseDomain,
    DomainTransfer,
    OpenStep,
    ProjectDomain,
    ProjectOrder,
    StepState,
    TransferStage,
    TransferWithdrawal,
)
from shared.outbox import Message
from shared.registrant import problems
from shared.seal import Seal
from shared.transaction import Transaction

ANSWERED = ("stage", "problem", "auth_code", "registrant", "max_cents")
"""The columns that an answer to a failed transfer changes."""

LONGEST_CODE = 64


class TransferRequest(BaseModel):
    """A transfer that is asked for, or the answer to one that has failed: then only what is new need be given."""

    model_config = ConfigDict(extra="forbid")

    domain: TypedHost
    auth_code: SecretStr | None = None
    registrant: Registrant | None = None
    max_cents: Cents | None = None


class TransferLine(BaseModel):
    """How far a transfer is. `cents` is what it costs, once that is known; `expires_at`, UTC, when the year ends.

    `is_withdrawn`: somebody has withdrawn it, and it is not undone yet, or had come before.
    """

    model_config = ConfigDict(from_attributes=True, frozen=True)

    domain: str
    stage: TransferStage
    problem: TransferProblem | None = None
    max_cents: int
    cents: int | None = None
    expires_at: datetime | None = None
    is_withdrawn: bool = False


_WITHDRAWN = exists().where(
    TransferWithdrawal.project_id == DomainTransfer.project_id, TransferWithdrawal.domain == DomainTransfer.domain
)
_LINES = select(
    *(getattr(DomainTransfer, name) for name in TransferLine.model_fields if name != "is_withdrawn"),
    _WITHDRAWN.label("is_withdrawn"),
)


async def lines_of(connection: AsyncConnection, project_id: UUID) -> list[TransferLine]:
    """Read a project's transfers by domain."""
    found = _LINES.where(DomainTransfer.project_id == project_id).order_by(DomainTransfer.domain)
    return [TransferLine.model_validate(row) for row in await connection.execute(found)]


async def ask_for_transfer(
    transaction: Transaction,
    project_id: UUID,
    request: TransferRequest,
    seal: Seal,
    *,
    by: str,
    lease: timedelta = AT_ONCE,
) -> Message | None:
    """Claim the names, write the transfer down, say DomainTransferRequested with the caller's transaction.

    `lease` as for `put`. The names stay the project's until it is cancelled or the transfer is
    withdrawn, also when that fails.

    An answer to a transfer that has failed says nothing: dns looks for it. Then None is returned.

    Raises:
        UnknownError: there is no such project, or it has no order.
        RefusedError: it is cancelled; the transfer is under way, withdrawn or done; the domain is another project's.
        WrongFieldsError: names the fields that are missing or that the domain's registry would not take.

    """
    connection = transaction.connection
    is_cancelled = project_id in await lock_projects(transaction, [project_id])
    story = await connection.scalar(select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id))
    if story is None:
        raise UnknownError(f"there is no project {project_id}, or it has no order yet")
    if is_cancelled:
        said = f"project {project_id} is cancelled: nothing more is begun for it"
        raise RefusedError(said, code="project_cancelled")
    this = (DomainTransfer.project_id == project_id) & (DomainTransfer.domain == request.domain)
    found = select(DomainTransfer.__table__, _WITHDRAWN.label("is_withdrawn")).where(this)
    known = (await connection.execute(found)).one_or_none()
    values = _values(request, seal, known)
    if known is not None:
        if known.is_withdrawn and known.stage is not TransferStage.TRANSFERRED:
            said = f"the transfer of {request.domain} is withdrawn: ask for it again when that is done"
            raise RefusedError(said, code="transfer_withdrawn")
        if known.stage is not TransferStage.FAILED:
            said = f"the transfer of {request.domain} waits for nobody: it is {known.stage}"
            raise RefusedError(said, code="transfer_not_failed")
        await connection.execute(update(DomainTransfer).where(this).values(values | {"problem": None}))
        return None
    await _claim(connection, project_id, request.domain)
    new = {"project_id": project_id, "domain": request.domain, "zone_made": False, "kept_records": []}
    await connection.execute(insert(DomainTransfer).values(new | values))
    return await _say(connection, project_id, request.domain, values["max_cents"], by=by, lease=lease)


async def withdraw_transfer(transaction: Transaction, project_id: UUID, domain: str, *, by: str) -> None:
    """Say, with the caller's transaction, that the domain is not to come any more; saying it again changes nothing.

    dns undoes it: at once if nothing is under way, else within minutes, and not if the domain comes before that. If
    its step is dead, DomainTransferRequested is said once more: the new step finds the withdrawal.

    Raises:
        UnknownError: no transfer of it was asked for.
        RefusedError: it has come.

    """
    await lock_projects(transaction, [project_id])
    connection = transaction.connection
    this = (DomainTransfer.project_id == project_id) & (DomainTransfer.domain == domain)
    found = await connection.execute(select(DomainTransfer.stage, DomainTransfer.max_cents).where(this))
    if (known := found.one_or_none()) is None:
        raise UnknownError(f"no transfer of {domain} was asked for this project")
    if known.stage is TransferStage.TRANSFERRED:
        said = f"{domain} has come: it is in our account, and removed from the project like any other domain"
        raise RefusedError(said, code="transfer_done")
    new = {"project_id": project_id, "domain": domain}
    await connection.execute(insert(TransferWithdrawal).values(new).on_conflict_do_nothing())
    if await _is_dead(connection, project_id, domain):
        await _say(connection, project_id, domain, known.max_cents, by=by, lease=AT_ONCE)


async def _is_dead(connection: AsyncConnection, project_id: UUID, domain: str) -> bool:
    steps = select(OpenStep.state, OpenStep.body).where(
        OpenStep.project_id == project_id, OpenStep.consumer == queue_name(ServiceName.DNS, DomainTransferRequested)
    )
    named = f'"{domain}"'.encode()
    of_this = [row.state for row in await connection.execute(steps) if named in row.body]
    return bool(of_this) and all(state is StepState.DEAD for state in of_this)


async def _say(
    connection: AsyncConnection, project_id: UUID, domain: str, max_cents: int, *, by: str, lease: timedelta
) -> Message:
    story = await connection.scalar(select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id))
    event = CloudEvent.of(
        DomainTransferRequested(domain=domain, max_cents=max_cents, requested_by=by),
        source=ServiceName.MARKETPLACE.value,
        project_id=project_id,
        correlation_id=story,
    )
    [message] = await put(connection, [event], lease=lease)
    return message


def _values(request: TransferRequest, seal: Seal, known: Any) -> dict[str, Any]:
    """What is new, or was said before; all that is wrong is said at once."""
    wrong = []
    values: dict[str, Any] = {"stage": TransferStage.REQUESTED}
    if request.auth_code is not None:
        code = request.auth_code.get_secret_value()
        if not (0 < len(code) <= LONGEST_CODE and code.isprintable()):
            wrong.append(FieldProblem("auth_code", f"is no auth code: 1 to {LONGEST_CODE} characters on one line"))
        values["auth_code"] = seal.close(request.auth_code)
    elif known is None or known.auth_code is None:
        wrong.append(FieldProblem("auth_code", "is missing: the domain's present provider gives it to its owner"))
    if request.registrant is not None:
        found = problems(request.domain, request.registrant)
        wrong += [FieldProblem(f"registrant.{each.field}", each.problem) for each in found]
        values["registrant"] = request.registrant.model_dump(mode="json")
    elif known is None:
        wrong.append(FieldProblem("registrant", "is missing: the registry must know who owns the domain"))
    if request.max_cents is not None:
        values["max_cents"] = request.max_cents
    elif known is None:
        wrong.append(FieldProblem("max_cents", "is missing: what the transfer may cost"))
    if wrong:
        raise WrongFieldsError(*wrong)
    return values


async def _claim(connection: AsyncConnection, project_id: UUID, domain: str) -> None:
    """Whoever claims a name first has it, also of two at once: the second waits for the first, and is refused."""
    hosts = own_hosts(domain)
    bases = set((await connection.scalars(select(BaseDomain.name))).all())
    if ClaimHosts(hosts, None).refusal(bases, bases):
        raise WrongFieldsError(FieldProblem("domain", f"{domain} lies in one of our base domains"))
    claims = [
        {"host": host, "project_id": project_id, "is_primary": False, "is_coming": True} for host in sorted(hosts)
    ]
    await connection.execute(insert(ProjectDomain).on_conflict_do_nothing(), claims)
    others = select(ProjectDomain.host).where(ProjectDomain.host.in_(hosts), ProjectDomain.project_id != project_id)
    if taken := await connection.scalar(others):
        said = f"{HostRefused(HostProblem.TAKEN, taken).sentence}: remove it there, or cancel that project"
        raise RefusedError(said, code=HostProblem.TAKEN)
    if await connection.scalar(select(exists().where(DomainTransfer.domain == domain))):
        said = f"{domain} was transferred for another project, and is in our INWX account: add it instead"
        raise RefusedError(said, code=HostProblem.TAKEN)
