"""Deploys a project's application and judges what became of the deployment."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from contracts import AppDeployed, DnsConfigured
from services.deploy.blueprint import AppSecrets, Wanted, token_hash
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ApplicationGoneError, NotFoundError, QueueFullError
from services.deploy.coolify_models import DeploymentStatus
from services.deploy.deployments import DeploymentWatch, Sighting, deployment_key, queue_key
from services.deploy.models import ProjectDeployment, Stage
from services.deploy.removal import cancel_live
from shared.errors import PermanentError
from shared.models import CoreToken, ProvisioningState
from shared.outcome import Done, Later, Outcome, Parked
from shared.step import Step
from shared.writes import Upsert

Ends = Callable[[ProjectDeployment], Outcome]
"""What follows when the app runs as it was deployed."""

LOOK_AGAIN = 120.0
"""Seconds after which a waiting step looks by itself, should the watch be away."""

SETTLING = 120.0
"""Seconds for which a status may be wrong after a deployment, `running:unhealthy` above all (Coolify's next sweep)."""

SERVER_AWAY = 60.0
"""Seconds until a server that Coolify cannot use is looked at again."""


class Rollout:
    """From a recorded application to one that runs. A wait holds nothing: the step is parked.

    `token_lifetime` is for how long a container may fetch its first manifest.
    """

    def __init__(self, coolify: Coolify, watch: DeploymentWatch, token_lifetime: timedelta) -> None:
        self._coolify = coolify
        self._watch = watch
        self._token_lifetime = token_lifetime

    async def advance(self, done: Ends, step: Step, wanted: Wanted, row: ProjectDeployment) -> Outcome:
        """Do what comes next. `row` has its application recorded; `done` says what follows when all is."""
        if row.stage is Stage.REQUESTED:
            row = await self._found(row) or row.at(Stage.CREATED)
        if row.stage in (Stage.CREATED, Stage.CONFIGURED):
            return await self._request(step, wanted, row)
        if row.stage is Stage.DEPLOYING:
            return await self._judge(done, step, wanted, row)
        return await self._settle(done, step, row)

    async def _request(self, step: Step, wanted: Wanted, row: ProjectDeployment) -> Outcome:
        """Write the variables unless they are known to be written, and request a deployment.

        The token's hash is recorded before the container can use the token. Once it is there a deployment may be under
        way: `force` makes ours follow that one with the newest variables, where Coolify would skip it.
        """
        if row.stage is Stage.CONFIGURED and self._watch.is_full(row.server):
            return _queued(row)
        force = row.token_hash is not None
        given = AppSecrets() if row.stage is Stage.CREATED else None
        row = row.at(Stage.REQUESTED)
        if given:
            row = row.at(Stage.REQUESTED, token_hash=token_hash(given.token), core_key=given.public_key)
        await step.record(Upsert(row), *([Upsert(self._token(row))] if given else ()))
        application = application_of(row)
        if given and wanted.storage:
            await self._coolify.keep_folder(application, wanted.storage)
        if given:
            await self._coolify.set_variables(application, wanted.variables_with(given))
        try:
            deployment = await self._coolify.deploy(application, force=force)
        except QueueFullError:
            return _queued(row.at(Stage.CONFIGURED))
        return _waiting(row.at(Stage.DEPLOYING, deployment=deployment))

    def _token(self, row: ProjectDeployment) -> CoreToken:
        ends = datetime.now(UTC) + self._token_lifetime
        return CoreToken(token_hash=row.token_hash, project_id=row.project_id, expires_at=ends)

    async def _judge(self, done: Ends, step: Step, wanted: Wanted, row: ProjectDeployment) -> Outcome:
        deployment = deployment_of(row)
        match self._watch.sighting(deployment):
            case Sighting.LIVE:
                return _waiting(row)
            case Sighting.STUCK:
                return await self._end_stuck(step, wanted, row)
        try:
            status = (await self._coolify.deployment(deployment)).status
        except ApplicationGoneError:
            raise
        except NotFoundError:  # the uuid of a skipped deployment: another one of this app is, or was, under way
            found = await self._found(row)
            return _waiting(found) if found else await self._again(step, wanted, row, "is unknown to Coolify")
        match status:
            case DeploymentStatus.FINISHED:
                return await self._settle(done, step, row.at(Stage.DEPLOYED))
            case DeploymentStatus.FAILED:
                return await self._again(step, wanted, row, "failed")
            case DeploymentStatus.CANCELLED:
                await self._give_up(step, row)
                raise PermanentError(
                    f"deployment {deployment} of application {row.application} was cancelled by somebody in Coolify; "
                    "replay to deploy again",
                    code="deployment_cancelled",
                )
        return _waiting(row)

    async def _again(self, step: Step, wanted: Wanted, row: ProjectDeployment, what: str) -> Outcome:
        """Deploy once more: a restart of Coolify fails all deployments, and so does a dropped SSH connection."""
        server = await self._coolify.server(row.server)
        if not server.is_usable:
            return Later(after=SERVER_AWAY, message=f"Coolify cannot use server {server.name} now")
        if row.retries:
            await self._give_up(step, row)
            raise PermanentError(
                f"deployment {row.deployment} of application {row.application} on server {server.name} {what}, "
                "and so did the one before it; read its log in Coolify, then replay",
                code="deployment_failed",
            )
        return await self._request(step, wanted, row.at(Stage.CONFIGURED, retries=1))

    async def _end_stuck(self, step: Step, wanted: Wanted, row: ProjectDeployment) -> Outcome:
        """Cancel it. What comes next is recorded first, or the next try would take it for cancelled by a person.

        With it goes whatever else of this app is live: ours may only be queued behind one that sticks and that nobody
        waits for any more, because the answer to its request was lost.
        """
        given_up = bool(row.retries)
        await step.record(Upsert(row.at(Stage.CONFIGURED, retries=0 if given_up else 1)))
        await cancel_live(self._coolify, application_of(row))
        if given_up:
            raise PermanentError(
                f"deployment {row.deployment} of application {row.application} did not get on and was cancelled, "
                "as was the one before it; look after Coolify's queue and the server, then replay",
                code="deployment_stuck",
            )
        return await self._request(step, wanted, row.at(Stage.CONFIGURED, retries=1))

    async def _settle(self, done: Ends, step: Step, row: ProjectDeployment) -> Outcome:
        """Wait until the status says that the deployed app runs, which the deployment alone does not prove.

        Healthy or not: right after a healthy deployment Coolify says ``running:unhealthy`` until its next sweep, and
        bootstrap asks vrs-core itself.
        """
        application = await self._coolify.application(application_of(row))
        if application.is_running:
            return done(row)
        age = row.age.total_seconds()
        if age < SETTLING:
            return Later(
                after=max(1.0, age),
                message=f"Deployed; Coolify still says {application.status}",
                writes=(Upsert(row),),
            )
        await self._give_up(step, row)
        raise PermanentError(
            f"application {row.application} is {application.status!r} {SETTLING:.0f} s after its deployment finished; "
            "read the container's log in Coolify, then replay",
            code="app_not_running",
        )

    async def _give_up(self, step: Step, row: ProjectDeployment) -> None:
        """Let a replay begin with a new deployment."""
        await step.record(Upsert(row.at(Stage.CONFIGURED, retries=0)))

    async def _found(self, row: ProjectDeployment) -> ProjectDeployment | None:
        """Adopt the newest deployment that is not known yet."""
        for deployment in await self._coolify.deployments_of(application_of(row)):
            if deployment.uuid == row.deployment:
                break
            return row.at(Stage.DEPLOYING, deployment=deployment.uuid)
        return None


def _queued(row: ProjectDeployment) -> Parked:
    return Parked(
        key=queue_key(row.server),
        until_woken=True,
        message="Waits for room in the server's deployment queue",
        writes=(Upsert(row),),
    )


def _waiting(row: ProjectDeployment) -> Parked:
    return Parked(
        key=deployment_key(deployment_of(row)),
        look_again=LOOK_AGAIN,
        message="Waits for Coolify to deploy the app",
        writes=(Upsert(row),),
        detail={"application": row.application, "deployment": row.deployment},
    )


def deployed(event: DnsConfigured, row: ProjectDeployment) -> Done:
    """The app runs, for the first time or again."""
    said = AppDeployed(
        fqdn=event.fqdn,
        url=f"https://{event.fqdn}",
        image=row.image,
        tag=row.tag,
        server=event.server,
        application=application_of(row),
        deployment=deployment_of(row),
        core_key=key_of(row),
    )
    return Done(
        message=f"Coolify runs {row.image}:{row.tag} on {event.server.name} for {event.fqdn}",
        events=(said,),
        writes=(Upsert(row.at(Stage.DEPLOYED, retries=0)),),
        state=ProvisioningState.APP_DEPLOYED,
        detail={"application": row.application, "deployment": row.deployment, "server": event.server.name},
    )


def key_of(row: ProjectDeployment) -> str | None:
    """The public key of what the app signs its health report with, as events tell it."""
    return base64.b64encode(row.core_key).decode() if row.core_key else None


def application_of(row: ProjectDeployment) -> str:
    """The app's uuid. Raises ValueError before it is recorded."""
    if row.application is None:
        raise ValueError(f"project {row.project_id} is {row.stage} without an application")
    return row.application


def deployment_of(row: ProjectDeployment) -> str:
    """The newest deployment's uuid. Raises ValueError before it is recorded."""
    if row.deployment is None:
        raise ValueError(f"project {row.project_id} is {row.stage} without a deployment")
    return row.deployment
