"""Takes an order over HTTP: project, name, event and answer are one commit; what comes again is answered again."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.api.answers import ProjectAnswer
from services.marketplace.problems import Problem
from services.marketplace.projects import read_project
from shared.api_keys import Caller
from shared.errors import FieldProblem, PermanentError, WrongFieldsError
from shared.host_claims import ClaimHosts, HostProblem, hosts_of
from shared.messaging.cancellation import introduce
from shared.models import Cancellation, OrderAnswer, Project, ProjectOrder
from shared.orders import Order, OrderRequest, not_offered, place
from shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Ordered:
    """The answer to an order. `is_new`: it was placed by this request."""

    project: ProjectAnswer
    is_new: bool


async def take_order(
    transaction: Transaction, caller: Caller, key: str, request: OrderRequest, *, due: timedelta
) -> Ordered:
    """Place the order with the caller's transaction, or give the answer that `key` had before.

    Raises:
        Problem: 409: the key was used for another order, a name is taken, the project was ordered or cancelled before.
        WrongFieldsError: names what is not offered.

    """
    connection = transaction.connection
    answered = await _answered(connection, caller, key, request)
    if answered is not None:
        return Ordered(answered, is_new=False)
    project = await place_order(transaction, request, due=due)
    mine = (OrderAnswer.public_id == caller.public_id) & (OrderAnswer.key == key)
    await connection.execute(update(OrderAnswer).where(mine).values(answer=project.model_dump(mode="json")))
    return Ordered(project, is_new=True)


async def place_order(transaction: Transaction, request: OrderRequest, *, due: timedelta) -> ProjectAnswer:
    """Place the order with the caller's transaction.

    Raises:
        Problem: 409: a name is taken, the project was ordered or cancelled before.
        WrongFieldsError: names what is not offered.

    """
    connection = transaction.connection
    wish = request.wish()
    project_id = wish.order.subject
    if problems := await not_offered(connection, wish.order):
        raise WrongFieldsError(*problems)
    await _introduce(transaction, project_id, wish.order.data.slug, due)
    order, _ = await place(connection, wish)
    await _claim(connection, order)
    return await _write_down(connection, order)


async def _answered(
    connection: AsyncConnection, caller: Caller, key: str, request: OrderRequest
) -> ProjectAnswer | None:
    """Keep the key for this transaction; whoever has it at the same time is waited for."""
    asked = hashlib.sha256(request.model_dump_json().encode()).digest()
    kept = insert(OrderAnswer).values(public_id=caller.public_id, key=key, request_hash=asked)
    if (await connection.execute(kept.on_conflict_do_nothing().returning(OrderAnswer.key))).scalar():
        return None
    found = await connection.execute(
        select(OrderAnswer.request_hash, OrderAnswer.answer).where(
            OrderAnswer.public_id == caller.public_id, OrderAnswer.key == key
        )
    )
    before, answer = found.one()
    if before != asked:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"Idempotency-Key {key!r} was used for another order",
            remedy="Send each order with a key of its own; the same order again with the same key.",
        )
    return ProjectAnswer.model_validate(answer)


async def _introduce(transaction: Transaction, project_id: UUID, slug: str, due: timedelta) -> None:
    """Make the project known, unless it has an order or is cancelled."""
    connection = transaction.connection
    known = select(Project.provisioning_state).where(Project.vrs_id == project_id).with_for_update(key_share=True)
    state = await connection.scalar(known)
    cancelled = await connection.scalar(select(exists().where(Cancellation.project_id == project_id)))
    if state is not None or cancelled:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"project {project_id} is {'cancelled' if cancelled else 'ordered already'}",
            remedy="Leave project_id out: each order then gets a new one.",
        )
    try:
        await introduce(transaction, [(project_id, slug)], due=due)
    except PermanentError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error), remedy="Insert the row and name its project_id.") from error


async def _claim(connection: AsyncConnection, order: Order) -> None:
    claim = ClaimHosts(hosts_of(order.data), order.data.base_domain)
    [refused] = await ClaimHosts.apply(connection, [(order.subject, claim)])
    if refused is not None:
        field = "own_domain" if order.data.own_domain else "slug"
        if refused.problem is HostProblem.TAKEN:
            raise Problem(HTTPStatus.CONFLICT, f"{field}: {refused.sentence}", remedy="Choose another one.")
        field = "base_domain" if refused.problem is HostProblem.UNKNOWN_BASE_DOMAIN else field
        raise WrongFieldsError(FieldProblem(field, refused.sentence))


async def _write_down(connection: AsyncConnection, order: Order) -> ProjectAnswer:
    """Write the order as dns will, so that the project can be shown at once."""
    ordered = order.data
    row: dict[str, Any] = ordered.model_dump(
        include={"slug", "base_domain", "project_type", "plan", "locale", "placement", "region"}
    )
    row |= {
        "project_id": order.subject,
        "correlation_id": order.correlation_id,
        "fqdn": ordered.fqdn,
        "plugins": [plugin.model_dump(mode="json") for plugin in ordered.plugins],
        "customer_name": ordered.customer.name,
        "customer_email": ordered.customer.email,
        "ordered_at": order.time,
    }
    await connection.execute(insert(ProjectOrder).values(row))
    await connection.execute(
        update(Project).where(Project.vrs_id == order.subject, Project.slug != ordered.slug).values(slug=ordered.slug)
    )
    project = await read_project(connection, order.subject)
    assert project is not None  # noqa: S101 - it was just written
    return project
