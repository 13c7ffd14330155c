"""How far a project is, as its customer is told: steps, what is waited for, when it may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    AppDeployed,
    CustomerText,
    DnsConfigured,
    DnsRecord,
    DnsRecordsNeeded,
    Locale,
    ProjectOrdered,
    ProvisioningFailed,
    ServiceName,
)
from shared.emitted import newest
from shared.history import Durations, forecast
from shared.messaging.topology import queue_name
from shared.models import Cancellation, LogStatus, Project, ProjectOrder, ProvisioningLog, ProvisioningState

STEPS = {
    ServiceName.DNS: queue_name(ServiceName.DNS, ProjectOrdered),
    ServiceName.DEPLOY: queue_name(ServiceName.DEPLOY, DnsConfigured),
    ServiceName.BOOTSTRAP: queue_name(ServiceName.BOOTSTRAP, AppDeployed),
}
"""The steps that lie between an order and a live project, and their consumers."""

FEWEST = 5
"""Completions of a step from which it is told how long one takes."""

_OVER = (ProvisioningState.LIVE, ProvisioningState.CANCELLING, ProvisioningState.CANCELLED)
_PATIENT = (
    ProvisioningState.WAITING_FOR_CAPACITY,
    ProvisioningState.WAITING_FOR_CUSTOMER,
    ProvisioningState.WAITING_FOR_DOMAIN,
)

_PROJECT = (
    select(
        ProjectOrder.fqdn,
        ProjectOrder.locale,
        ProjectOrder.ordered_at,
        Project.provisioning_state.label("state"),
        exists().where(Cancellation.project_id == Project.vrs_id).label("is_cancelled"),
        func.clock_timestamp().label("now"),
        literal_column("(SELECT w.findings FROM customer_waits w WHERE w.project_id = projects.vrs_id)").label("wrong"),
    )
    .join(ProjectOrder, ProjectOrder.project_id == Project.vrs_id)
    .where(Project.provisioning_state.is_not(None))
)
_TOLD = select(ProvisioningLog.consumer, ProvisioningLog.status, ProvisioningLog.at, ProvisioningLog.emitted).order_by(
    ProvisioningLog.id
)


class Stage(StrEnum):
    """Where a step stands."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Eta:
    """When the project may be live: as a rule by `usually`, in 95 of 100 cases by `at_most`. UTC.

    `is_late`: the step that is under way takes longer than 95 of 100 did.
    """

    usually: datetime
    at_most: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page shows. `state` is `CANCELLING` as well while an undo has failed: that is not the customer's matter.

    `records` are those that the customer must set, `wrong` is what is wrong with them today; `trouble` is what went
    wrong; `eta` is None where nobody can know.
    """

    fqdn: str
    locale: Locale
    ordered_at: datetime
    now: datetime
    state: ProvisioningState
    stages: Mapping[ServiceName, Stage]
    records: Sequence[DnsRecord] = ()
    wrong: Sequence[CustomerText] = ()
    trouble: CustomerText | None = None
    eta: Eta | None = None

    @property
    def done(self) -> int:
        """How many steps are done; the order itself counts."""
        return 1 + sum(stage is Stage.DONE for stage in self.stages.values())


async def read_progress(
    connection: AsyncConnection, project_id: UUID, usual: Mapping[ServiceName, Durations | None]
) -> Progress | None:
    """Read how far a project is; None if it is not known yet. `usual` is how long each step takes."""
    row = (await connection.execute(_PROJECT.where(Project.vrs_id == project_id))).one_or_none()
    if row is None:
        return None
    told = _TOLD.where(
        ProvisioningLog.project_id == project_id,
        ProvisioningLog.emitted.is_not(None) | (ProvisioningLog.status == LogStatus.COMPLETED),
    )
    return _progress(row, (await connection.execute(told)).all(), usual)


def _progress(row: Row[Any], told: Sequence[Any], usual: Mapping[ServiceName, Durations | None]) -> Progress:
    ended = {line.consumer: line.at for line in told if line.status is LogStatus.COMPLETED}
    state = row.state
    if row.is_cancelled and state is not ProvisioningState.CANCELLED:
        state = ProvisioningState.CANCELLING
    stages = _stages(state, {service for service, consumer in STEPS.items() if consumer in ended})
    emitted = [line.emitted for line in reversed(told)]
    failed = newest(ProvisioningFailed, emitted) if state is ProvisioningState.FAILED else None
    needed = newest(DnsRecordsNeeded, emitted) if state is ProvisioningState.WAITING_FOR_CUSTOMER else None
    since = max([row.ordered_at, *(ended[consumer] for consumer in STEPS.values() if consumer in ended)])
    return Progress(
        fqdn=row.fqdn,
        locale=row.locale,
        ordered_at=row.ordered_at,
        now=row.now,
        state=state,
        stages=stages,
        records=needed.data.records if needed else (),
        wrong=[CustomerText.model_validate(each["text"]) for each in row.wrong or ()] if needed else (),
        trouble=failed.data.customer_text if failed else None,
        eta=_eta(row.now, since, stages, usual) if Stage.RUNNING in stages.values() else None,
    )


def _stages(state: ProvisioningState, done: set[ServiceName]) -> dict[ServiceName, Stage]:
    """The first step that is not done is the one that the project's state is about."""
    now = Stage.RUNNING
    if state in _PATIENT:
        now = Stage.WAITING
    elif state is ProvisioningState.FAILED:
        now = Stage.FAILED
    elif state in _OVER:
        now = Stage.AHEAD
    stages: dict[ServiceName, Stage] = {}
    for service in STEPS:
        if state is ProvisioningState.LIVE or service in done:
            stages[service] = Stage.DONE
        else:
            stages[service] = now
            now = Stage.AHEAD
    return stages


def _eta(
    now: datetime, since: datetime, stages: Mapping[ServiceName, Stage], usual: Mapping[ServiceName, Durations | None]
) -> Eta | None:
    """What the running step may still take, and what those ahead of it usually take."""
    known = [usual.get(service) for service, stage in stages.items() if stage is not Stage.DONE]
    enough = [durations for durations in known if durations is not None and durations.known >= FEWEST]
    if len(enough) < len(known):
        return None
    running, *ahead = enough
    expected = forecast(now, since, None, running).expected_at or now
    latest = since + running.p95
    rest, most = (sum(times, timedelta()) for times in ([each.p50 for each in ahead], [each.p95 for each in ahead]))
    return Eta(expected + rest, max(expected, latest) + most, is_late=now > latest)
