"""A customer whose project is over, and everywhere that something was typed or kept of them."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from contracts import CloudEvent, Contact, CoreRetired, DeadLetterHandled, DeskActionKind, ServiceName
from contracts.cloud_event import uuid7
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System

DISCARDED = "dns.project-ordered"
ACTION = "INSERT INTO desk_actions (id, kind, by, reason, detail) VALUES (:id, 'discard', 'a', :reason, '{}')"
LETTER = "INSERT INTO desk_action_letters (action_id, consumer, event_id, death) VALUES (:id, :consumer, :event, 1)"
ARCHIVED = (
    "INSERT INTO dead_letter_archive (consumer, event_id, death, body, headers, action_id)"
    " VALUES (:consumer, :event, 1, :body, '{}', :id)"
)
DEAD = (
    "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at, deaths)"
    " VALUES (:consumer, :event, :project, :body, 'dead', 1, nextval('step_tokens'), now(), 1)"
)
DELIVERED = (
    "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, body)"
    " VALUES (gen_random_uuid(), :event, :type, :body)"
)


@dataclass(frozen=True)
class Forgettable:
    """A cancelled project. `words` are like nothing else: whoever tells one of them tells of the customer."""

    system: System
    story: Story = field(default_factory=Story)
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    domain: str = field(default_factory=lambda: f"{uuid4().hex[:12]}.example")

    @property
    def words(self) -> tuple[str, str]:
        return self.name, self.domain

    @property
    def contact(self) -> Contact:
        """With what JSON writes otherwise."""
        return Contact(name=f'Zoë {self.name} "Sommer"', email=f"{self.name}@{self.domain}")

    @property
    def typed(self) -> str:
        return f"{self.contact.name} ({self.contact.email}) called"

    async def know(self) -> None:
        await self.system.know(self.story, ProvisioningState.CANCELLED)
        await self.system.sql(
            "UPDATE project_orders SET customer_name = :name, customer_email = :email WHERE project_id = :id",
            id=self.story.project_id,
            **self.contact.model_dump(),
        )

    async def forget(self) -> Any:
        [(counts,)] = await self.system.sql("SELECT vrs_forget(:id, 'a', 'asked')", id=self.story.project_id)
        return counts

    def cancelled(self) -> CloudEvent[Any]:
        event = self.story.cancelled()
        return event.model_copy(update={"data": event.data.model_copy(update={"reason": self.typed})})

    def retired(self) -> CloudEvent[CoreRetired]:
        return self.story.event(
            CoreRetired(fqdn=self.story.fqdn, was_healthy=True, reason=self.typed), ServiceName.BOOTSTRAP
        )

    def misspelt(self, **more: Any) -> bytes:
        """An order that breaks its contract: the customer stands where nobody expects it."""
        raw = json.loads(self.story.ordered().encode()) | more
        raw["data"]["kunde"] = raw["data"].pop("customer") | self.contact.model_dump()
        return json.dumps(raw).encode()

    @property
    def unreadable(self) -> bytes:
        """An order of which a part is lost."""
        return f'{{"specversion": "1.0", "data": {{"customer": {{"email": "{self.contact.email}"'.encode()

    async def die(self, body: bytes, project: UUID | None) -> UUID:
        event = uuid4()
        await self.system.sql(DEAD, consumer=DISCARDED, event=event, project=project, body=body)
        return event

    async def deliver(self, event: CloudEvent[Any]) -> None:
        await self.system.sql(DELIVERED, event=event.id, type=event.type, body=event.encode())

    async def discard(self, body: bytes, reason: str) -> CloudEvent[DeadLetterHandled]:
        """Of no project, as the desk writes it down and says it."""
        action, event = uuid7(), uuid4()
        await self.system.sql(ACTION, id=action, reason=reason)
        await self.system.sql(LETTER, id=action, consumer=DISCARDED, event=event)
        await self.system.sql(ARCHIVED, consumer=DISCARDED, event=event, body=body, id=action)
        data = DeadLetterHandled(
            action=DeskActionKind.DISCARD, action_id=action, consumer=DISCARDED, event=event, by="a", reason=reason
        )
        return CloudEvent.of(data, source="marketplace", project_id=UUID(int=0))
