"""What the API answers about projects."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from contracts import Plugin, ServiceName
from contracts.documented import Documented
from shared.cancelling import PartState
from shared.models import LogStatus, ProvisioningState, StepState

PROJECT_ID = "019a5f2c-7d1e-7c3a-9b1f-2f0f6c1d8e42"
EVENT_ID = "019a5f2c-7d20-7c3a-9b1f-5d1b1c9f3a77"
STEP: JsonDict = {
    "consumer": "deploy.dns-configured",
    "event_id": EVENT_ID,
    "state": "dead",
    "attempt": 3,
    "due_at": "2026-03-02T09:16:40Z",
    "reason": "Coolify refuses the token (401)",
}
PROJECT: JsonDict = {
    "id": PROJECT_ID,
    "slug": "baeckerei-sommer",
    "host": "baeckerei-sommer.vrs.example",
    "state": "failed",
    "late_at": "2026-03-02T09:26:00Z",
    "ordered_at": "2026-03-02T09:15:00Z",
    "project_type": "vrs-core",
    "plan": "starter",
    "plugins": [{"name": "crm", "version": "2.4.1"}],
    "waiting": [STEP],
}


class Answer(Documented):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class OpenStepAnswer(Answer):
    """A step that is not done."""

    model_config = ConfigDict(json_schema_extra={"examples": [STEP]})

    consumer: str
    """Service and event: ``deploy.dns-configured``."""
    event_id: UUID
    state: StepState
    """``dead`` has failed and waits for somebody to retry it."""
    attempt: int
    due_at: datetime
    """When it is looked at again; of a dead one, when it died."""
    reason: str | None
    """What it waits for or died of, in English."""


class ProjectAnswer(Answer):
    """A project as it stands. The customer's contact is not told."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROJECT]})

    id: UUID
    slug: str | None
    host: str | None
    """The primary host name, in A-labels."""
    state: ProvisioningState
    late_at: datetime | None
    """When the step that is open counts as late; null when nothing is due."""
    ordered_at: datetime | None
    project_type: str | None
    plan: str | None
    plugins: list[Plugin]
    """What was ordered."""
    waiting: list[OpenStepAnswer]
    """The steps that are not done."""
    status_url: str | None = None
    """Where the customer sees how far it is, without a login; told when one project is asked for."""


class ProjectPage(Answer):
    """Projects, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"projects": [PROJECT], "next": "AZpfLH0efDqbHy8PbB2OQg"}]}
    )

    projects: list[ProjectAnswer]
    next: str | None
    """The `cursor` of the next page; null on the last one."""


LOG_ENTRY: JsonDict = {
    "id": 4711,
    "at": "2026-03-02T09:15:04.120Z",
    "service": "dns",
    "consumer": "dns.project-ordered",
    "step": "project-ordered",
    "status": "completed",
    "attempt": 1,
    "event_id": EVENT_ID,
    "causation_id": "019a5f2c-7d1f-7c3a-9b1f-0c4b2f0b5e10",
    "correlation_id": EVENT_ID,
    "message": "baeckerei-sommer.vrs.example resolves at both name servers.",
    "detail": {"server": "tenants-1"},
    "duration_ms": 3120,
}


class LogEntry(Answer):
    """What one try of a step did, or what somebody decided."""

    model_config = ConfigDict(json_schema_extra={"examples": [LOG_ENTRY]})

    id: int
    """Grows along a project's story."""
    at: datetime
    service: str
    consumer: str
    step: str
    status: LogStatus
    attempt: int
    event_id: UUID | None
    causation_id: UUID | None
    correlation_id: UUID | None
    message: str
    detail: dict[str, Any]
    duration_ms: int


class LogPage(Answer):
    """A part of a project's story, in the order of writing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [LOG_ENTRY], "next": 4711}]})

    entries: list[LogEntry]
    next: int | None
    """The `after` of the next page; null when there is no more yet."""


class PartAnswer(Answer):
    """What one service has to undo."""

    service: ServiceName
    state: PartState
    """``given up`` needs somebody: retry, or cancel again."""
    told: str
    """What the service says of it; empty if nothing yet."""


class CancellationAnswer(Answer):
    """A project's cancellation, and how far its parts are undone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "since": "2026-03-02T10:00:00Z",
                    "requested_by": "web-shop",
                    "reason": "ordered twice",
                    "done": False,
                    "parts": [{"service": "dns", "state": "undoing", "told": ""}],
                }
            ]
        }
    )

    since: datetime
    requested_by: str
    reason: str
    done: bool
    parts: list[PartAnswer]


class RetriedStep(Answer):
    """A step that had failed, and what became of it so far."""

    consumer: str
    event_id: UUID
    outcome: Annotated[str, Field(examples=["still running"])]


class RetryAnswer(Answer):
    """The steps that were sent back to their services. `log` and `events` tell how they end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"retried": [{"consumer": STEP["consumer"], "event_id": EVENT_ID, "outcome": "still running"}]}
            ]
        }
    )

    retried: list[RetriedStep]
