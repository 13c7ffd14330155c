"""What bootstrap does about each event."""

from datetime import UTC, datetime

from contracts import AppDeployed, CoreHealthy, CoreRetired, ProjectCancelled, ServiceName
from services.bootstrap.core import Core, NoHealth
from services.bootstrap.health import CoreState, Health
from shared.errors import TemporaryError
from shared.licenses import LicensesBecome
from shared.messaging.topology import queue_name
from shared.models import LicenseState, LogStatus, ProvisioningLog, ProvisioningState
from shared.outcome import Done, Later, Outcome
from shared.step import Step

FEWEST_DAYS = 1
"""A certificate that ends sooner is one that Traefik is about to replace: no project goes live under it."""

SHORTEST_PAUSE = 0.3
LONGEST_PAUSE = 10.0
"""Seconds between two looks at the same core."""


async def await_core(core: Core, event: AppDeployed, step: Step) -> Outcome:
    """Look once: done when vrs-core is healthy and has every ordered plugin in the ordered version."""
    if step.project is None:
        raise TemporaryError(f"{event.fqdn}: what was ordered is not known (yet)", code="unknown_project")
    health = await core.look(fqdn=event.fqdn, ipv4=event.server.ipv4, key=event.core_key)
    if isinstance(health, NoHealth):
        return Later(message=health.reason, after=_pause(step))
    ordered = step.project.plugins
    missing = health.missing(ordered)
    found = f"vrs-core {health.version} at {event.fqdn} is {health.state}"
    if health.problem:
        found += f": {health.problem}"
    if missing:
        found += f"; missing as ordered: {', '.join(missing)}"
    if health.state is CoreState.FAILED:
        raise TemporaryError(f"{found}. See the container's log in Coolify", code="core_failed")
    if missing or health.state is not CoreState.HEALTHY:
        return Later(message=found, after=_pause(step), detail=_report(health))
    certificate = health.certificate
    if certificate is not None and certificate.days_left < FEWEST_DAYS:
        return Later(message=f"{found}; its certificate ends in {certificate.days_left} days", after=_pause(step))
    return Done(
        message=f"{found} and has all {len(ordered)} ordered plugins: the project is live",
        events=(CoreHealthy(fqdn=event.fqdn, url=event.url, core_version=health.version, plugins=ordered),),
        writes=(LicensesBecome(LicenseState.ACTIVE),) if ordered else (),
        state=ProvisioningState.LIVE,
        detail=_report(health),
    )


async def retire_core(event: ProjectCancelled, step: Step) -> Outcome:
    """Stop looking, and end the licences: the kernel has closed the open look, the app is deploy's to remove."""
    looked = queue_name(ServiceName.BOOTSTRAP, AppDeployed)
    log = await step.rows(ProvisioningLog)
    was_healthy = any(row.consumer == looked and row.status is LogStatus.COMPLETED for row in log)
    return Done(
        message="vrs-core was live and is no longer watched" if was_healthy else "vrs-core had not become healthy",
        events=(
            CoreRetired(fqdn=step.project.fqdn if step.project else None, was_healthy=was_healthy, reason=event.reason),
        ),
        writes=(LicensesBecome(LicenseState.ENDED),),
    )


def _pause(step: Step) -> float:
    """A tenth of the step's age: quick while a boot is fresh, seldom when it hangs."""
    age = (datetime.now(UTC) - step.opened_at).total_seconds()
    return min(max(SHORTEST_PAUSE, age / 10), LONGEST_PAUSE)


def _report(health: Health) -> dict[str, object]:
    return {"health": health.model_dump(mode="json")}
