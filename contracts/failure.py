"""What any service says when it gives up on a step."""

from typing import ClassVar
from uuid import UUID

from contracts.event import Event, Facts, ReasonCode, ServiceName, Text


class CustomerText(Facts):
    """The same plain sentence in both languages."""

    de: Text
    en: Text


class ProvisioningFailed(Event):
    """A step gave up. Not an end: a replay of the dead letter goes on from there.

    ``dead_letter_id`` is the AMQP message id of the dead letter in ``<service>.dead``.
    """

    type: ClassVar[str] = "vrs.provisioning.failed.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    step: ServiceName
    reason_code: ReasonCode
    message: Text
    customer_text: CustomerText
    dead_letter_id: UUID
