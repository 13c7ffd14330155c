"""How long the delivery log keeps what webhooks were, or were to be, told."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from ops.secrets import made_up
from services.marketplace.app import marketplace
from services.marketplace.retention import KEPT
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from tests.choreography.system import System
from tests.shared.messaging.harness import until


async def delivery(system: System, endpoint: UUID, state: DeliveryState, age: timedelta) -> UUID:
    """Put it there as the trigger did so long ago; what is ended has ended at once."""
    event = uuid4()
    row = {"endpoint_id": endpoint, "event_id": event, "type": "t", "body": b"{}", "state": state}
    async with system.database.engine.begin() as connection:
        await connection.execute(insert(WebhookDelivery).values(row))
    ended = "" if state is DeliveryState.PENDING else ", ended_at = now() - CAST(:age AS interval)"
    await system.sql(
        f"UPDATE webhook_deliveries SET created_at = now() - CAST(:age AS interval){ended} WHERE event_id = :event",
        age=age,
        event=event,
    )
    return event


@pytest.mark.parametrize("key", [None, made_up()], ids=["without a key", "with a key"])
async def test_what_is_older_than_it_is_kept_goes_sent_or_not_and_with_a_key_or_without(
    system: System, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key is not None:
        monkeypatch.setenv("VRS_WEBHOOK_KEY", key)
    endpoint, facts = uuid4(), {"url": "https://gone.example/", "events": [], "secret": b"s", "created_by": "a"}
    async with system.database.engine.begin() as connection:
        await connection.execute(insert(WebhookEndpoint).values(id=endpoint, **facts))
    await system.sql("UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'gone'")
    day = timedelta(days=1)
    for state in DeliveryState:
        await delivery(system, endpoint, state, KEPT + day)
    young = {await delivery(system, endpoint, state, KEPT - day) for state in DeliveryState}

    async def are_gone() -> bool:
        return {row.event_id for row in await system.sql("SELECT event_id FROM webhook_deliveries")} == young

    async with system.running(marketplace):
        await until(are_gone)
