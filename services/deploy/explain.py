"""What deploy would do about an event, for an operator who thinks about a replay. Reads its rows, asks nobody."""

from contracts import DnsConfigured, ProjectCancelled, RoutesChanged
from services.deploy.blueprint import environment_name
from services.deploy.models import AppRoutes, ProjectDeployment, Stage
from shared.dead_letters.explain import Circumstances, Explanations


async def configured(event: DnsConfigured, now: Circumstances) -> list[str]:
    """The application, its deployment, the wait until it runs."""
    if now.project is None:
        return ["would wait until the project is known"]
    said = []
    row = next(iter(await now.rows(ProjectDeployment)), None)
    if row is not None and (row.server != event.server.id or row.stage is Stage.REMOVING):
        said.append(f"would call Coolify: delete application {row.application} on its former server {row.server}")
        row = None
    there = f" (there as {row.application}, {row.stage})" if row and row.application else ""
    said.append(
        f"would call Coolify: ensure an application for {event.fqdn} in environment "
        f"{environment_name(now.project_id)} on {event.server.name}{there}"
    )
    if row is None or row.stage is not Stage.DEPLOYED:
        said.append(f"would call Coolify: deploy {now.project.project_type} and wait until it runs")
    return said


async def cancelled(event: ProjectCancelled, now: Circumstances) -> list[str]:
    """Delete the application and its environment."""
    row = next(iter(await now.rows(ProjectDeployment)), None)
    if row is None:
        return ["would find nothing to undo"]
    volumes = "keep its volumes" if event.keep_volumes else "delete its volumes"
    return [
        f"would call Coolify: delete application {row.application or 'if its create came true'} and {volumes}",
        f"would call Coolify: delete environment {environment_name(now.project_id)}",
    ]


async def routed(event: RoutesChanged, now: Circumstances) -> list[str]:
    """Set all addresses, deploy, wait until it runs."""
    routes = next(iter(await now.rows(AppRoutes)), None)
    if routes is not None and (
        routes.revision > event.revision or (routes.revision == event.revision and routes.settled)
    ):
        return [f"would find routes of revision {routes.revision} in place, and do nothing"]
    hosts = ", ".join(host for domain in event.domains for host in domain.hosts)
    return [
        f"would call Coolify: set the addresses {hosts}, and {event.primary} as the primary host",
        "would call Coolify: deploy the app and wait until it runs",
    ]


EXPLANATIONS = Explanations({DnsConfigured: configured, RoutesChanged: routed, ProjectCancelled: cancelled})
