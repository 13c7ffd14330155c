"""What any service says when it gives up on a step."""

from typing import ClassVar
from uuid import UUID

from contracts.event import Event, Facts, ReasonCode, ServiceName, Text


class CustomerText(Facts):
    """The same plain sentence in both languages."""

    de: Text
    """In German."""
    en: Text
    """In English."""


class ProvisioningFailed(Event):
    """A step gave up. Not an end: a replay of the dead letter goes on from there.

    ``dead_letter_id`` is the AMQP message id of the dead letter in ``<service>.dead``.
    """

    type: ClassVar[str] = "vrs.provisioning.failed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    step: ServiceName
    """The service that gave up."""
    reason_code: ReasonCode
    """The cause for programs, for example ``inwx_2303``; it stays when the words change."""
    message: Text
    """The cause for case workers, in English."""
    customer_text: CustomerText
    """What the customer is told."""
    dead_letter_id: UUID
    """The AMQP message id of the dead letter in ``<step>.dead``."""
