"""What notify's watch says: a step is late."""

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event, ServiceName, Text


class ProvisioningDelayed(Event):
    """A step is not done by the time it was due. Times are UTC; ``None`` where nobody can know yet."""

    type: ClassVar[str] = "vrs.provisioning.delayed.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    step: ServiceName
    reason: Text
    due_at: AwareDatetime
    next_try_at: AwareDatetime | None = None
    expected_at: AwareDatetime | None = None
