"""What the marketplace says of its webhooks: one was switched off."""

from typing import ClassVar
from uuid import UUID

from contracts.event import Event, ServiceName, Text


class WebhookDisabled(Event):
    """Nothing could be delivered to a webhook any more; it was switched off. Said once, until it is switched on again.

    The CloudEvent's subject is the nil UUID: it is about no project.
    """

    type: ClassVar[str] = "vrs.webhook.disabled.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    endpoint: UUID
    """The webhook's id in the API."""
    host: Text
    """The host of its URL; the rest may hold a secret."""
    description: Text | None = None
    """What it was described as when it was made."""
    created_by: Text
    """The API key that made it, by its name."""
    reason: Text
    """Why it was switched off, in English words."""
