"""Webhooks: who outside hears of events by HTTP, and what was sent to them."""

from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlalchemy import ColumnElement, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import uuid7
from services.marketplace.api.webhook_answers import (
    DeliveryAnswer,
    DeliveryPage,
    NewWebhookAnswer,
    RotationRequest,
    WebhookAnswer,
    WebhookChange,
    WebhookList,
    WebhookRequest,
)
from services.marketplace.audit import record
from services.marketplace.dependencies import Configured, Db, MayHook
from services.marketplace.problems import Problem
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.webhooks.guard import is_allowed
from services.marketplace.webhooks.secrets import Seal
from shared.api_keys import Caller
from shared.errors import FieldProblem, WrongFieldsError
from shared.models import DeliveryState, StaffActionKind, WebhookDelivery, WebhookEndpoint

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

LAST_ID = 2**63 - 1

WebhookId = Annotated[UUID, Path(description="The webhook's id.")]
_LINES = select(
    WebhookEndpoint.id,
    WebhookEndpoint.url,
    WebhookEndpoint.events,
    WebhookEndpoint.description,
    WebhookEndpoint.created_by,
    WebhookEndpoint.created_at,
    WebhookEndpoint.last_delivered_at,
    WebhookEndpoint.disabled_at,
    WebhookEndpoint.disabled_reason,
    case((WebhookEndpoint.previous_until > func.now(), WebhookEndpoint.previous_until)).label("previous_secret_until"),
).order_by(WebhookEndpoint.id)
_DELIVERIES = select(
    WebhookDelivery.id,
    WebhookDelivery.event_id,
    WebhookDelivery.type,
    WebhookDelivery.state,
    WebhookDelivery.created_at,
    WebhookDelivery.due_at,
    WebhookDelivery.tries,
).order_by(WebhookDelivery.id.desc())


@router.post("", status_code=HTTPStatus.CREATED)
async def create_webhook(
    caller: MayHook, database: Db, settings: Configured, wanted: WebhookRequest
) -> NewWebhookAnswer:
    """Subscribe a URL to events, from the next one on."""
    seal = _seal(settings)
    _check(wanted.url, settings)
    (secret, kept), webhook_id = seal.new_secret(), uuid7()
    row = {
        "id": webhook_id,
        "url": wanted.url,
        "events": sorted(set(wanted.events)),
        "description": wanted.description or "",
        "secret": kept,
        "created_by": caller.name,
    }
    async with database.engine.begin() as connection:
        await connection.execute(insert(WebhookEndpoint).values(row))
        line = await _one(connection, webhook_id)
        await _write_down(connection, caller, StaffActionKind.WEBHOOK_MADE, line, events=line.events)
    return NewWebhookAnswer(**dict(line), secret=secret)


@router.get("")
async def list_webhooks(_: MayHook, database: Db) -> WebhookList:
    """List all webhooks."""
    async with database.autocommit.begin() as connection:
        lines = await connection.execute(_LINES)
        return WebhookList(webhooks=[WebhookAnswer.model_validate(line._asdict()) for line in lines])


@router.get("/{webhook_id}", responses={404: {}})
async def get_webhook(_: MayHook, database: Db, webhook_id: WebhookId) -> WebhookAnswer:
    """Tell where a webhook stands."""
    async with database.autocommit.begin() as connection:
        return await _one(connection, webhook_id)


@router.patch("/{webhook_id}", responses={404: {}})
async def change_webhook(
    caller: MayHook, database: Db, settings: Configured, webhook_id: WebhookId, change: WebhookChange
) -> WebhookAnswer:
    """Change a webhook, switch it off or on again. What was collected before it was switched off is then sent."""
    values: dict[str, Any] = change.model_dump(include={"url", "events"}, exclude_none=True)
    if change.url is not None:
        _check(change.url, settings)
    if change.active is not None:
        off = func.coalesce(WebhookEndpoint.disabled_at, func.now())
        values["disabled_at"] = None if change.active else off
        values["disabled_reason"] = None if change.active else f"switched off with the key {caller.name}"
    async with database.engine.begin() as connection:
        if values:
            await connection.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == webhook_id).values(values))
        line = await _one(connection, webhook_id)
        if values:
            changed = change.model_dump(include={"events", "active"}, exclude_none=True)
            await _write_down(connection, caller, StaffActionKind.WEBHOOK_CHANGED, line, **changed)
    return line


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses={404: {}})
async def delete_webhook(caller: MayHook, database: Db, webhook_id: WebhookId) -> None:
    """End a webhook, with its deliveries."""
    async with database.engine.begin() as connection:
        line = await _one(connection, webhook_id)
        await connection.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == webhook_id))
        await connection.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == webhook_id))
        await _write_down(connection, caller, StaffActionKind.WEBHOOK_REMOVED, line)


@router.post("/{webhook_id}/secret", responses={404: {}})
async def rotate_secret(
    caller: MayHook, database: Db, settings: Configured, webhook_id: WebhookId, wanted: RotationRequest
) -> NewWebhookAnswer:
    """Give a webhook a new secret. For a while both sign: receivers change over when they like."""
    secret, kept = _seal(settings).new_secret()
    async with database.engine.begin() as connection:
        await connection.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == webhook_id)
            .values(
                secret=kept,
                previous_secret=WebhookEndpoint.secret,
                previous_until=func.now() + timedelta(hours=wanted.hours),
            )
        )
        line = await _one(connection, webhook_id)
        await _write_down(connection, caller, StaffActionKind.WEBHOOK_SECRET_CHANGED, line, hours=wanted.hours)
    return NewWebhookAnswer(**dict(line), secret=secret)


@router.get("/{webhook_id}/deliveries", responses={404: {}})
async def list_deliveries(
    _: MayHook,
    database: Db,
    webhook_id: WebhookId,
    state: DeliveryState | None = None,
    before: Annotated[int, Query(ge=1, le=LAST_ID, description="The `next` of the page before.")] = LAST_ID,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Tell what was sent to a webhook, and what it answered."""
    lines = _DELIVERIES.where(WebhookDelivery.endpoint_id == webhook_id, WebhookDelivery.id < before)
    if state is not None:
        lines = lines.where(WebhookDelivery.state == state)
    async with database.autocommit.begin() as connection:
        await _one(connection, webhook_id)
        found = [
            DeliveryAnswer.model_validate(line._asdict()) for line in await connection.execute(lines.limit(limit + 1))
        ]
    page = found[:limit]
    return DeliveryPage(deliveries=page, next=page[-1].id if len(found) > limit else None)


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry", status_code=HTTPStatus.ACCEPTED, responses={404: {}})
async def retry_delivery(
    caller: MayHook, database: Db, webhook_id: WebhookId, delivery_id: Annotated[int, Path(ge=1, le=LAST_ID)]
) -> DeliveryAnswer:
    """Send a delivery again now, whatever became of it before."""
    this: ColumnElement[bool] = (WebhookDelivery.id == delivery_id) & (WebhookDelivery.endpoint_id == webhook_id)
    again = {"state": DeliveryState.PENDING, "due_at": func.clock_timestamp(), "ended_at": None}
    async with database.engine.begin() as connection:
        await connection.execute(update(WebhookDelivery).where(this).values(again))
        line = (await connection.execute(_DELIVERIES.where(this))).one_or_none()
        if line is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"webhook {webhook_id} has no delivery {delivery_id}")
        webhook = await _one(connection, webhook_id)
        await _write_down(connection, caller, StaffActionKind.DELIVERY_RETRIED, webhook, delivery=delivery_id)
    return DeliveryAnswer.model_validate(line._asdict())


async def _one(connection: AsyncConnection, webhook_id: UUID) -> WebhookAnswer:
    line = (await connection.execute(_LINES.where(WebhookEndpoint.id == webhook_id))).one_or_none()
    if line is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no webhook {webhook_id}")
    return WebhookAnswer.model_validate(line._asdict())


async def _write_down(
    connection: AsyncConnection, caller: Caller, kind: StaffActionKind, webhook: WebhookAnswer, **detail: Any
) -> None:
    """Into the log of changes, in the caller's transaction. By its host: the rest of a URL may be a secret."""
    await record(connection, caller, kind, urlsplit(webhook.url).hostname or "", webhook=str(webhook.id), **detail)


def _seal(settings: MarketplaceSettings) -> Seal:
    if settings.webhook_key is None:
        remedy = "Set VRS_WEBHOOK_KEY; `vrs secrets` makes one."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "there are no webhooks here", remedy=remedy)
    return Seal(settings.webhook_key)


def _check(url: str, settings: MarketplaceSettings) -> None:
    """Say at once what is known at once; where a name leads is checked whenever it is connected to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise WrongFieldsError(FieldProblem("url", f"{url!r} is no URL")) from None
    if not host:
        raise WrongFieldsError(FieldProblem("url", f"{url!r} names no host"))
    if parts.scheme != "https" and not settings.webhook_networks:
        raise WrongFieldsError(FieldProblem("url", "begins with http://, give one that begins with https://"))
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not is_allowed(address, settings.webhook_networks):
        raise WrongFieldsError(FieldProblem("url", f"{host} is no public address"))
