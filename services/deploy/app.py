"""Builds the deploy service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from contracts import (
    AppDeployed,
    AppRemoved,
    AppRouted,
    CustomerText,
    DnsConfigured,
    ProjectCancelled,
    RoutesChanged,
    ServiceName,
)
from services.deploy.app_keys import check_app_keys
from services.deploy.application import CoolifyProject
from services.deploy.blueprint import Blueprint
from services.deploy.budget import Budget
from services.deploy.checks import check_coolify
from services.deploy.coolify import Coolify, api_headers
from services.deploy.deployments import DeploymentWatch
from services.deploy.grants import GRANTS
from services.deploy.handlers import Handlers, intent_grace
from services.deploy.reconcile import DeployReconciler
from services.deploy.rollout import Rollout
from services.deploy.routing import Routing
from services.deploy.servers import watch_servers
from services.deploy.settings import DeploySettings
from shared.database import open_database
from shared.http import http_client
from shared.plans import read_plans
from shared.reconcile.measure import reconciliation_of
from shared.reconcile.watch import watch as reconcile
from shared.service import Check, Consumer, Service
from shared.settings import load

WAITS_FOR_BUDGET = timedelta(minutes=5)
"""One try: its few requests may each wait for a place in the minute's budget."""

DEPLOYMENT_FAILED = CustomerText(
    de="Ihr Projekt konnte noch nicht gestartet werden. Wir kümmern uns darum und melden uns bei Ihnen.",
    en="Your project could not be started yet. We are looking into it and will get back to you.",
)
REMOVAL_FAILED = CustomerText(
    de="Ihr Projekt konnte noch nicht vollständig entfernt werden. Wir kümmern uns darum.",
    en="Your project could not be removed completely yet. We are looking into it.",
)


@asynccontextmanager
async def deploy() -> AsyncIterator[Service]:
    """The deploy service, with its client to Coolify and a small pool for its background work open.

    Raises:
        SettingsError: a setting is missing or wrong.

    """
    settings = load(DeploySettings)
    budget = Budget(settings.coolify_rate_limit)
    token = settings.coolify_token.get_secret_value()
    database = open_database(
        settings.model_copy(update={"database_pool_size": 2}), application_name="vrs deploy background"
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.engine.dispose)
        http = await stack.enter_async_context(
            http_client(
                settings.coolify_api, vendor="coolify", headers=api_headers(token), lease=settings.lease_seconds
            )
        )
        coolify = Coolify(http, budget)
        project = CoolifyProject(coolify, settings.coolify_project)
        watch = DeploymentWatch(coolify, budget, stuck_after=settings.coolify_deployment_minutes * 60)
        blueprint = Blueprint(settings, read_plans())
        rollout = Rollout(coolify, watch, timedelta(hours=settings.bootstrap_token_hours))
        handlers = Handlers(
            coolify,
            project,
            blueprint,
            rollout,
            intent_grace=intent_grace(settings.lease_seconds),
        )
        yield Service(
            name=ServiceName.DEPLOY,
            consumers=(
                Consumer(
                    event=DnsConfigured,
                    handler=handlers.deploy_app,
                    try_timeout=WAITS_FOR_BUDGET,
                    deadline=timedelta(seconds=settings.deploy_deadline),
                    due=timedelta(seconds=settings.deploy_due),
                    next_due=timedelta(seconds=settings.bootstrap_due),
                    failed_text=DEPLOYMENT_FAILED,
                ),
                Consumer(
                    event=RoutesChanged,
                    handler=Routing(coolify, blueprint, rollout).route_app,
                    concurrency=8,
                    try_timeout=WAITS_FOR_BUDGET,
                    deadline=timedelta(seconds=settings.deploy_deadline),
                    fails_project=False,  # the project is live, and answers where it did before
                    serial=True,
                ),
                Consumer(
                    event=ProjectCancelled,
                    handler=handlers.remove_app,
                    needs_project=False,
                    concurrency=8,
                    try_timeout=WAITS_FOR_BUDGET,
                    failed_text=REMOVAL_FAILED,
                ),
            ),
            publishes=(AppDeployed, AppRouted, AppRemoved),
            background={
                "deployments": watch.run,
                "servers": watch_servers(coolify, database.engine),
                "reconciliation": reconcile(DeployReconciler(coolify, project, database, settings), database),
            },
            measures=(reconciliation_of(ServiceName.DEPLOY),),
            grants=GRANTS,
            checks=(
                Check(what="Coolify", run=lambda: check_coolify(coolify)),
                Check(what="vrs-core's keys", run=lambda: check_app_keys(database, settings)),
            ),
        )
