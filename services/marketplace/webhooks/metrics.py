"""What the marketplace's metrics say of webhooks."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.metrics import WEBHOOKS_AGE, WEBHOOKS_WAITING
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint

_WAITING = (
    select(
        func.count().label("deliveries"),
        func.coalesce(func.extract("epoch", func.clock_timestamp() - func.min(WebhookDelivery.created_at)), 0).label(
            "age"
        ),
    )
    .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
    .where(WebhookDelivery.state == DeliveryState.PENDING, WebhookEndpoint.disabled_at.is_(None))
)


async def count_webhooks(connection: AsyncConnection) -> None:
    """Set the gauges of deliveries that wait; nothing is sent to what is switched off."""
    row = (await connection.execute(_WAITING)).one()
    WEBHOOKS_WAITING.set(row.deliveries)
    WEBHOOKS_AGE.set(float(row.age))
