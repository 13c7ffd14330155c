"""What bootstrap would do about an event, for an operator who thinks about a replay. Asks nobody."""

from contracts import AppDeployed, AppRouted, PluginsChanged, ProjectCancelled
from shared.dead_letters.explain import Circumstances, Explanations


async def deployed(event: AppDeployed, now: Circumstances) -> list[str]:
    """Look at the core's health until it is as ordered."""
    if now.project is None:
        return ["would wait until the project is known"]
    ordered = ", ".join(f"{plugin.name} {plugin.version}" for plugin in now.project.plugins) or "no plugins"
    return [
        f"would ask vrs-core at {event.fqdn} ({event.server.ipv4}) for its health until it is healthy with {ordered}"
    ]


async def changed(event: PluginsChanged, now: Circumstances) -> list[str]:
    """Ask the core to read its manifest again, and look until it has carried it out."""
    del now
    return [
        f"would ask vrs-core to read its manifest again and look until it has carried out {', '.join(event.changed)}"
    ]


async def routed(event: AppRouted, now: Circumstances) -> list[str]:
    """Look at each name until it works or redirects."""
    del now
    names = ", ".join(host for domain in event.domains for host in domain.hosts)
    return [f"would look at {names} until each added domain works and the others redirect to {event.primary}"]


async def cancelled(event: ProjectCancelled, now: Circumstances) -> list[str]:
    """Stop looking."""
    del event, now
    return ["would stop looking at vrs-core; it calls nobody"]


EXPLANATIONS = Explanations(
    {AppDeployed: deployed, PluginsChanged: changed, AppRouted: routed, ProjectCancelled: cancelled}
)
