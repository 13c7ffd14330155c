"""What Coolify has beside what deploy has written down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from contracts import ServiceName
from services.deploy.blueprint import application_name, description, environment_name, urls_of
from services.deploy.coolify_models import ApplicationChanges
from services.deploy.models import ProjectDeployment, Stage
from services.deploy.repair import AppRepairs, Change
from services.deploy.tenants import Tenant, Tenants
from shared.reconcile.finding import Caution, Drift, Finding, Repair
from shared.reconcile.standing import Standing

NOTHING = "nothing"
UNTAGGED = "it has our name but neither our tag nor our environment: look who made it, in Coolify"


@dataclass(frozen=True, slots=True)
class Drifts:
    """Judges rows, and applications and environments without a row. `grace`: of an unanswered create, seconds."""

    repairs: AppRepairs
    grace: float

    def of_row(
        self, row: ProjectDeployment, standing: Standing, hosts: Sequence[str], tenants: Tenants
    ) -> Iterator[Finding]:
        """What is off about a project whose application is written down, or was about to be made."""
        for finding in self._of_row(row, standing, hosts, tenants):
            if standing.busy and (finding.drift is not Drift.UNANSWERED or standing.is_worked_on):
                yield finding.left_to(standing.busy)
            else:
                yield finding

    def of_nobody(self, project_id: UUID, standing: Standing, tenants: Tenants) -> Iterator[Finding]:
        """What is off about a project of which nothing is written down: it should have nothing at Coolify."""
        caution = Caution.ASKED if standing.is_over else Caution.NAMED if standing.is_lost else None
        gone = "deleted with its cancelled project" if standing.is_over else "no such project"
        advice = "the project lives and its row is gone: bring the row back from a backup, or cancel the project"
        found = []
        for tenant in tenants.of(project_id):
            ours = caution if tenant.tagged and tenant.inside else None
            mend = self.repairs.delete(project_id, tenant.uuid, ours) if ours else None
            unsure = UNTAGGED if caution else advice
            found.append(_orphan(project_id, f"application {tenant.uuid}", gone, _shown(tenant), mend, unsure))
        if not found and (coolify_project := tenants.environments.get(project_id)):
            mend = self.repairs.delete_environment(project_id, coolify_project, caution) if caution else None
            thing = f"environment {environment_name(project_id)}"
            found.append(_orphan(project_id, thing, gone, "no application of ours in it", mend, advice))
        for finding in found:
            yield finding.left_to(standing.busy) if standing.busy else finding

    def _of_row(
        self, row: ProjectDeployment, standing: Standing, hosts: Sequence[str], tenants: Tenants
    ) -> Iterator[Finding]:
        recorded = tenants.by_uuid.get(row.application or "")
        if standing.is_lost:
            yield _finding(
                row, Drift.ORPHANED, recorded, advice=f"there is no such project: `vrs cancel {row.project_id}`"
            )
        elif row.application is None:
            yield from self._unanswered(row, standing, tenants)
        elif standing.is_over:
            mend = self.repairs.delete_recorded(row) if recorded else self.repairs.forget(row)
            yield _finding(row, Drift.ORPHANED, recorded, mend)
        elif recorded is None:
            yield self._missing(row, tenants)
        else:
            yield from self._different(row, hosts, recorded)
            for surplus in tenants.of(row.project_id):
                if surplus.uuid != row.application:
                    yield self._doubled(row, surplus)

    def _unanswered(self, row: ProjectDeployment, standing: Standing, tenants: Tenants) -> Iterator[Finding]:
        left = self.grace - row.age.total_seconds()
        found = [tenant for tenant in tenants.of(row.project_id) if tenant.inside]
        first = found[0] if found else None
        if left > 0:
            waits = _finding(row, Drift.UNANSWERED, first)
            yield waits.left_to(f"its create may still be under way for {left:.0f} s")
        elif first is not None:
            surplus = [tenant.uuid for tenant in found[1:] if tenant.tagged]
            yield _finding(row, Drift.UNANSWERED, first, self.repairs.adopt(row, first.uuid, surplus))
        elif standing.is_over:
            yield _finding(row, Drift.UNANSWERED, None, self.repairs.forget(row))
        elif not standing.busy:
            yield self._missing(row, tenants)

    def _missing(self, row: ProjectDeployment, tenants: Tenants) -> Finding:
        if row.coolify_project in tenants.homes:
            return _finding(row, Drift.MISSING, None, self.repairs.deploy_again(row))
        advice = f"this Coolify has no project {row.coolify_project}: is VRS_COOLIFY_TOKEN of the right team?"
        return _finding(row, Drift.MISSING, None, advice=advice)

    def _different(self, row: ProjectDeployment, hosts: Sequence[str], recorded: Tenant) -> Iterator[Finding]:
        written, real, changes = _differences(row, hosts, recorded)
        stopped = row.stage is Stage.DEPLOYED and not recorded.application.is_running
        if stopped:
            written.append("deployed")
            real.append(recorded.application.status or "no status")
        if not recorded.tagged:
            written.append("tagged")
            real.append("without its tags")
        change = Change(changes, tags=not recorded.tagged, deploy=stopped or _reaches_the_container(changes))
        if written:
            yield _finding(
                row,
                Drift.DIFFERENT,
                recorded,
                self.repairs.change(row, change),
                written=", ".join(written),
                real=", ".join(real),
            )
        if recorded.server not in (None, row.server) or not recorded.inside:
            yield _finding(
                row,
                Drift.DIFFERENT,
                recorded,
                thing=f"place of application {row.application}",
                written=f"server {row.server}, environment {environment_name(row.project_id)}",
                real=f"server {recorded.server or '?'}, " + ("there" if recorded.inside else "another environment"),
                advice="somebody moved it in Coolify, its names lead to the old server: move it back there",
            )

    def _doubled(self, row: ProjectDeployment, surplus: Tenant) -> Finding:
        idle = Caution.ASKED if surplus.application.is_running else Caution.CERTAIN
        ours = surplus.tagged and surplus.inside
        return _finding(
            row,
            Drift.DOUBLED,
            surplus,
            self.repairs.delete(row.project_id, surplus.uuid, idle) if ours else None,
            thing=f"application {surplus.uuid}",
            written=f"{row.application} is written down",
            advice="" if ours else UNTAGGED,
        )


def _differences(
    row: ProjectDeployment, hosts: Sequence[str], recorded: Tenant
) -> tuple[list[str], list[str], ApplicationChanges]:
    """What is written down, what Coolify has instead, and what would make it right."""
    real = recorded.application
    wanted: dict[str, tuple[str, str | None]] = {
        "name": (application_name(row.project_id), real.name),
        "description": (description(row.project_id, row.spec), real.description),
        "docker_registry_image_name": (row.image, real.docker_registry_image_name),
        "docker_registry_image_tag": (row.tag, real.docker_registry_image_tag),
    }
    wrong = {field: pair for field, pair in wanted.items() if pair[0] != pair[1]}
    urls = urls_of(hosts)
    if hosts and set(urls.split(",")) != {url.rstrip("/") for url in (real.fqdn or "").split(",")}:
        wrong["domains"] = (urls, real.fqdn)
    changes = ApplicationChanges.model_validate({field: written for field, (written, _) in wrong.items()})
    said = [[pair[side] or NOTHING for pair in wrong.values()] for side in (0, 1)]
    return said[0], said[1], changes


def _reaches_the_container(changes: ApplicationChanges) -> bool:
    return any((changes.docker_registry_image_name, changes.docker_registry_image_tag, changes.domains))


def _orphan(project_id: UUID, thing: str, database: str, vendor: str, repair: Repair | None, advice: str) -> Finding:
    return Finding(
        service=ServiceName.DEPLOY,
        drift=Drift.ORPHANED,
        project_id=project_id,
        thing=thing,
        database=database,
        vendor=vendor,
        repair=repair,
        advice="" if repair else advice,
    )


def _finding(
    row: ProjectDeployment,
    drift: Drift,
    tenant: Tenant | None,
    repair: Repair | None = None,
    *,
    thing: str = "",
    written: str = "",
    real: str = "",
    advice: str = "",
) -> Finding:
    return Finding(
        service=ServiceName.DEPLOY,
        drift=drift,
        project_id=row.project_id,
        thing=thing or f"application {row.application or application_name(row.project_id)}",
        database=written or f"{row.image}:{row.tag}, {row.stage.value}",
        vendor=real or (_shown(tenant) if tenant else NOTHING),
        repair=repair,
        advice=advice,
    )


def _shown(tenant: Tenant) -> str:
    application = tenant.application
    image = f"{application.docker_registry_image_name}:{application.docker_registry_image_tag}"
    return f"{tenant.uuid}, {image}, {application.status}"
