"""What the API is asked and answers about webhooks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from contracts import EVENTS, Text
from services.marketplace.api.answers import EVENT_ID, Answer
from shared.models import DeliveryState

WEEK = 24 * 7
"""Hours."""

Url = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+(/[\x21-\x7e]*)?$")]


def _known(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"{event!r} is no event; docs/events.md lists them")
    return event


EventType = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(EVENTS)})]
Events = Annotated[list[EventType], Field(max_length=len(EVENTS), examples=[["vrs.core.healthy.v1"]])]


class WebhookRequest(BaseModel):
    """Where events go, and which; without `events` all of them, those that are still to be thought of as well."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://shop.example/hooks/vrs", "events": ["vrs.core.healthy.v1"]}],
        },
    )

    url: Url
    events: Events = []
    description: Text | None = None


class WebhookChange(BaseModel):
    """What is to be different; what is left out stays. `active` switches it off, or on again after it was."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"active": True}]})

    url: Url | None = None
    events: Events | None = None
    active: bool | None = None


class RotationRequest(BaseModel):
    """For how many hours the secret that is replaced signs too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hours": 24}]})

    hours: Annotated[float, Field(ge=0, le=WEEK)] = 24.0


class WebhookAnswer(Answer):
    """A webhook as it stands; its secret is told once, when it is made."""

    id: UUID
    url: str
    events: list[str]
    """Empty: all."""
    description: str
    created_by: str
    """The name of the key that made it."""
    created_at: datetime
    last_delivered_at: datetime | None
    disabled_at: datetime | None
    """Since when nothing is collected or sent for it; null while it is active."""
    disabled_reason: str | None
    previous_secret_until: datetime | None
    """Until then the secret before this one signs too."""


class NewWebhookAnswer(WebhookAnswer):
    """A webhook with its new secret."""

    secret: str
    """As Standard Webhooks writes it (``whsec_…``). It is not shown again."""


class WebhookList(Answer):
    """All webhooks, the oldest first."""

    webhooks: list[WebhookAnswer]


class TryAnswer(Answer):
    """One request."""

    at: datetime
    status: int | None
    """What was answered; null if nothing was."""
    problem: str | None
    """Null if it went well."""
    ms: int


class DeliveryAnswer(Answer):
    """An event that the webhook is to hear, and each try so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 17,
                    "event_id": EVENT_ID,
                    "type": "vrs.core.healthy.v1",
                    "state": "pending",
                    "created_at": "2026-03-02T09:20:00Z",
                    "due_at": "2026-03-02T09:25:00Z",
                    "tries": [{"at": "2026-03-02T09:20:00Z", "status": 500, "problem": "answered 500", "ms": 12}],
                }
            ]
        }
    )

    id: int
    event_id: UUID
    """The header ``webhook-id``; the same for each try."""
    type: str
    state: DeliveryState
    """``failed`` was tried for three days."""
    created_at: datetime
    due_at: datetime
    """When it is tried next; of one that is over, when it ended."""
    tries: list[TryAnswer]


class DeliveryPage(Answer):
    """A webhook's deliveries, the newest first. They are kept for 30 days after their end."""

    deliveries: list[DeliveryAnswer]
    next: int | None
    """The `before` of the next page; null on the last one."""
