"""What notify's watch says: a step is late."""

from typing import ClassVar

from contracts.event import Event, ServiceName, Text, Timestamp


class ProvisioningDelayed(Event):
    """A step is not done by the time it was due. Times are UTC; ``None`` where nobody can know yet."""

    type: ClassVar[str] = "vrs.provisioning.delayed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    step: ServiceName
    """The service that is late."""
    reason: Text
    """What is waited for, in words for case workers."""
    due_at: Timestamp
    """When it was due."""
    next_try_at: Timestamp | None = None
    """When it is tried again."""
    expected_at: Timestamp | None = None
    """When the project is expected to be live."""
