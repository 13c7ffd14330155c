"""What bootstrap does about each event."""

from datetime import UTC, datetime
from ipaddress import IPv4Address

from contracts import (
    AppDeployed,
    CoreHealthy,
    CoreRetired,
    MissingPlugin,
    Plugin,
    PluginsChanged,
    PluginsConverged,
    ProjectCancelled,
    ServiceName,
)
from services.bootstrap.core import Core, NoHealth
from services.bootstrap.health import REFUSED, CoreState, Health, one_line
from services.bootstrap.models import WatchedCore, WatchedDomain
from shared.errors import TemporaryError
from shared.licenses import LicensesBecome
from shared.messaging.topology import queue_name
from shared.models import LicenseState, LogStatus, ProvisioningLog, ProvisioningState
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Delete, Upsert

FEWEST_DAYS = 1
"""A certificate that ends sooner is one that Traefik is about to replace: no project goes live under it."""

SHORTEST_PAUSE = 0.3
LONGEST_PAUSE = 60.0
"""Seconds between two looks at the same core: 20,000 that hang are 333 looks a second."""


async def await_core(core: Core, event: AppDeployed, step: Step) -> Outcome:
    """Look once: done when vrs-core is healthy and has every ordered plugin in the ordered version."""
    if step.project is None:
        raise TemporaryError(f"{event.fqdn}: what was ordered is not known (yet)", code="unknown_project")
    health = await core.look(fqdn=event.fqdn, ipv4=event.server.ipv4, key=event.core_key)
    if isinstance(health, NoHealth):
        return Later(message=health.reason, after=pause(step))
    ordered = step.project.plugins
    missing = health.missing(ordered)
    found = _found(event.fqdn, health)
    if missing:
        found += f"; missing as ordered: {', '.join(missing)}"
    if health.state is CoreState.FAILED:
        raise TemporaryError(f"{found}. See the container's log in Coolify", code="core_failed")
    if missing or health.state is not CoreState.HEALTHY:
        return Later(message=found, after=pause(step), detail=_report(health))
    certificate = health.certificate
    if certificate is not None and certificate.days_left < FEWEST_DAYS:
        return Later(
            message=f"{found}; the certificate for {event.fqdn} {certificate.told}: waits for a new one",
            after=pause(step),
        )
    secured = f"; its certificate {certificate.told}" if certificate else ""
    watched = WatchedCore(
        project_id=step.project_id, fqdn=event.fqdn, ipv4=str(event.server.ipv4), core_key=event.core_key
    )
    return Done(
        message=f"{found} and has all {len(ordered)} ordered plugins: the project is live{secured}",
        events=(CoreHealthy(fqdn=event.fqdn, url=event.url, core_version=health.version, plugins=ordered),),
        writes=(Upsert(watched), *((LicensesBecome(LicenseState.ACTIVE),) if ordered else ())),
        state=ProvisioningState.LIVE,
        detail=_report(health),
    )


async def converge_plugins(core: Core, event: PluginsChanged, step: Step) -> Outcome:
    """Ask the running core to read its manifest again, and look until it has carried out one that holds the change.

    Done as well when it has refused a plugin: the outcome says which, and why.
    """
    watched = next(iter(await step.rows(WatchedCore)), None)
    if watched is None:
        return Later(message="vrs-core is not live yet: the change waits until it is", after=pause(step))
    fqdn, ipv4 = watched.fqdn, IPv4Address(watched.ipv4)
    health = await core.look(fqdn=fqdn, ipv4=ipv4, key=watched.core_key)
    if isinstance(health, NoHealth):
        return Later(message=health.reason, after=pause(step))
    found = _found(fqdn, health)
    if health.manifest is None or health.manifest < step.opened_at:  # the change was committed before that
        if health.phase is None:
            await step.record(Upsert(watched))
            await core.ask_to_converge(fqdn=fqdn, ipv4=ipv4)
        return Later(message=f"{found}; it is to carry out the change", after=pause(step), detail=_report(health))
    missing = _missing(event, health)
    if any(plugin.state != REFUSED for plugin in health.not_as_wanted):
        return Later(message=f"{found}; {_told(missing)}", after=pause(step), detail=_report(health))
    running = tuple(Plugin(name=each.name, version=each.installed) for each in health.plugins if each.installed)
    return Done(
        message=f"{found} and has carried out the change: {_told(missing) or 'everything licensed runs'}",
        events=(
            PluginsConverged(
                fqdn=fqdn, core_version=health.version, complete=not missing, plugins=running, missing=missing
            ),
        ),
        detail=_report(health),
    )


async def retire_core(event: ProjectCancelled, step: Step) -> Outcome:
    """Stop looking, and end the licences: the kernel has closed the open look, the app is deploy's to remove."""
    looked = queue_name(ServiceName.BOOTSTRAP, AppDeployed)
    log = await step.rows(ProvisioningLog)
    watched = (*await step.rows(WatchedCore), *await step.rows(WatchedDomain))
    was_healthy = any(row.consumer == looked and row.status is LogStatus.COMPLETED for row in log)
    return Done(
        message="vrs-core was live and is no longer watched" if was_healthy else "vrs-core had not become healthy",
        events=(
            CoreRetired(fqdn=step.project.fqdn if step.project else None, was_healthy=was_healthy, reason=event.reason),
        ),
        writes=(LicensesBecome(LicenseState.ENDED), *map(Delete, watched)),
    )


def _found(fqdn: str, health: Health) -> str:
    found = f"vrs-core {health.version} at {fqdn} is {health.doing}"
    return f"{found}: {health.problem}" if health.problem else found


def _missing(event: PluginsChanged, health: Health) -> tuple[MissingPlugin, ...]:
    """What is licensed and does not run; one that no manifest names was never published, or its licence has ended."""
    listed = {plugin.name for plugin in health.plugins}
    unnamed = [plugin for plugin in event.plugins if plugin.name not in listed]
    return (
        *(MissingPlugin(name=each.name, reason=one_line(each.error or each.progress)) for each in health.not_as_wanted),
        *(
            MissingPlugin(name=each.name, reason=f"{each.name} {each.version} is not published, or not licensed now")
            for each in unnamed
        ),
    )


def _told(missing: tuple[MissingPlugin, ...]) -> str:
    return f"missing: {'; '.join(f'{each.name}: {each.reason}' for each in missing)}" if missing else ""


def pause(step: Step) -> float:
    """A tenth of the step's age: quick while a boot is fresh, seldom when it hangs."""
    age = (datetime.now(UTC) - step.opened_at).total_seconds()
    return min(max(SHORTEST_PAUSE, age / 10), LONGEST_PAUSE)


def _report(health: Health) -> dict[str, object]:
    return {"health": health.model_dump(mode="json")}
