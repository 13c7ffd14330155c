"""Compares what deploy has written down with what Coolify has: a few calls, however many projects there are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Text, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from contracts import ServiceName
from services.deploy.application import CoolifyProject
from services.deploy.budget import Budget
from services.deploy.coolify import Coolify, api_headers
from services.deploy.drift import Drifts
from services.deploy.handlers import intent_grace
from services.deploy.models import AppRoutes, ProjectDeployment, Stage
from services.deploy.repair import AppRepairs
from services.deploy.settings import DeploySettings
from services.deploy.tenants import Tenants, all_tenants, tenants_of
from shared.database import Database
from shared.http import http_client
from shared.models import AddedDomain, OpenStep, ProjectDomain, StepState
from shared.reconcile.finding import Finding, Reconciler, seen_twice
from shared.reconcile.standing import standing_columns, standing_of, standings
from shared.settings import load

ROWS_AT_ONCE = 1000

_IS_ADDED = exists().where(
    AddedDomain.project_id == ProjectDomain.project_id,
    ProjectDomain.host.in_([cast(AddedDomain.domain, Text), func.concat("www.", cast(AddedDomain.domain, Text))]),
)
_ORDERED = (
    select(func.array_agg(ProjectDomain.host))
    .where(ProjectDomain.project_id == ProjectDeployment.project_id, ~ProjectDomain.is_coming, ~_IS_ADDED)
    .scalar_subquery()
)
_ROUTED = select(AppRoutes.hosts).where(AppRoutes.project_id == ProjectDeployment.project_id).scalar_subquery()


class DeployReconciler:
    """Implements `shared.reconcile.finding.Reconciler`."""

    service = ServiceName.DEPLOY

    def __init__(self, coolify: Coolify, project: CoolifyProject, database: Database, settings: DeploySettings) -> None:
        self._coolify = coolify
        self._project = project
        self._database = database
        grace = intent_grace(settings.lease_seconds)
        self._grace = timedelta(seconds=grace)
        deadline, due = (timedelta(seconds=each) for each in (settings.deploy_deadline, settings.deploy_due))
        self._drifts = Drifts(AppRepairs(coolify, database, deadline, due), grace)

    async def look(self, project_id: UUID | None = None) -> AsyncIterator[Finding]:
        """See `Reconciler.look`."""
        for finding in await seen_twice(partial(self._compare, project_id)):
            yield finding

    async def expired(self) -> list[tuple[UUID, datetime]]:
        """See `Reconciler.expired`."""
        worked_on = (
            select(OpenStep.project_id)
            .where(
                OpenStep.project_id == ProjectDeployment.project_id,
                OpenStep.consumer.startswith(f"{self.service}."),
                OpenStep.state != StepState.DEAD,
            )
            .exists()
        )
        unanswered = (
            select(ProjectDeployment.project_id, ProjectDeployment.since)
            .where(
                ProjectDeployment.stage == Stage.CREATING,
                ProjectDeployment.application.is_(None),
                ProjectDeployment.since < datetime.now(UTC) - self._grace,
                ~worked_on,
            )
            .order_by(ProjectDeployment.since)
        )
        async with self._database.engine.connect() as connection:
            return [(row.project_id, row.since) for row in await connection.execute(unanswered)]

    async def _compare(self, project_id: UUID | None) -> AsyncIterator[Finding]:
        """Coolify is read first and nothing is held meanwhile; the rows are streamed."""
        tenants = await self._tenants(project_id)
        rows = select(
            ProjectDeployment,
            _ORDERED.label("ordered"),
            _ROUTED.label("routed"),
            *standing_columns(ProjectDeployment.project_id, self.service),
        )
        if project_id is not None:
            rows = rows.where(ProjectDeployment.project_id == project_id)
        left = tenants.named.keys() | tenants.environments.keys()
        async with AsyncSession(self._database.engine, expire_on_commit=False) as session:
            async for row in await session.stream(rows.execution_options(yield_per=ROWS_AT_ONCE)):
                deployment: ProjectDeployment = row.ProjectDeployment
                left.discard(deployment.project_id)
                hosts = row.routed or row.ordered or ()
                for finding in self._drifts.of_row(deployment, standing_of(row), hosts, tenants):
                    yield finding
            known = await standings(await session.connection(), self.service, sorted(left))
        for each, standing in known.items():
            for finding in self._drifts.of_nobody(each, standing, tenants):
                yield finding

    async def _tenants(self, project_id: UUID | None) -> Tenants:
        projects = await self._coolify.projects()
        ours, homes = self._project.among(projects), {project.uuid for project in projects}
        written = select(ProjectDeployment.coolify_project, ProjectDeployment.application)
        async with self._database.engine.connect() as connection:
            if project_id is None:
                rows = (await connection.execute(written)).all()
            else:
                rows = (await connection.execute(written.where(ProjectDeployment.project_id == project_id))).all()
        if project_id is not None:
            coolify_project, application = rows[0] if rows else (ours, None)
            return await tenants_of(self._coolify, homes, project_id, coolify_project, application)
        used = {row.coolify_project for row in rows} | ({ours} if ours else set())
        recorded = {row.application for row in rows if row.application}
        return await all_tenants(self._coolify, homes, used, recorded)


@asynccontextmanager
async def open_reconciler(database: Database) -> AsyncIterator[Reconciler]:
    """Read the settings of deploy and open a client of our own to Coolify; the entry point of ``vrs reconcile``."""
    settings = load(DeploySettings)
    token = settings.coolify_token.get_secret_value()
    async with http_client(settings.coolify_api, headers=api_headers(token), lease=settings.lease_seconds) as http:
        coolify = Coolify(http, Budget(settings.coolify_rate_limit))
        yield DeployReconciler(coolify, CoolifyProject(coolify, settings.coolify_project), database, settings)
