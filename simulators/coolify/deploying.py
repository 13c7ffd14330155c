"""The deployment queue, after `bootstrap/helpers/applications.php` and `ApplicationDeploymentJob`."""

import asyncio
import time
from collections.abc import Coroutine
from enum import Enum, auto

import httpx
import structlog

from simulators.coolify.containers import Containers, breaks_env_file, hosts_of
from simulators.coolify.instance import Instance
from simulators.coolify.records import (
    Application,
    Deployment,
    DeploymentStatus,
    Running,
    Server,
    now,
)

log = structlog.get_logger(__name__)


class Enqueued(Enum):
    """What became of a request to deploy."""

    QUEUED = auto()
    SKIPPED = auto()
    QUEUE_FULL = auto()


class Deploying:
    """At most one deployment in progress per app and `concurrent_builds` per server, oldest first."""

    def __init__(self, instance: Instance, containers: Containers) -> None:
        self.instance = instance
        self.containers = containers
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[None]] = set()

    def enqueue(
        self,
        application: Application,
        *,
        uuid: str,
        force: bool = False,
        restart_only: bool = False,
        instant: bool = False,
    ) -> Enqueued:
        """Store a deployment under `uuid`, unless the queue is full or the app has a live one."""
        server = application.server
        queued = sum(deployment.status is DeploymentStatus.QUEUED for deployment in server.deployments)
        if queued >= server.deployment_queue_limit:
            return Enqueued.QUEUE_FULL
        if self._is_live(application) and not (force or instant):
            return Enqueued.SKIPPED
        deployment = Deployment(
            id=self.instance.next_id(),
            uuid=uuid,
            application=application,
            server=server,
            force_rebuild=force,
            restart_only=restart_only,
        )
        self.instance.deployments[uuid] = deployment
        server.deployments.append(deployment)
        application.deployments.append(deployment)
        if instant or self._may_start(deployment):
            self._start(deployment)
        return Enqueued.QUEUED

    def cancel(self, deployment: Deployment) -> None:
        """End a live deployment by hand; what waits behind it goes on."""
        self._end(deployment, DeploymentStatus.CANCELLED, "Deployment cancelled by user via API.")
        self._start_next(deployment.server)

    def fail_all_live(self) -> None:
        """What a restart of Coolify does to deployments (`app/Console/Commands/Init.php`)."""
        for deployment in list(self.instance.deployments.values()):
            if deployment.status.is_live:
                self._end(deployment, DeploymentStatus.FAILED, "Marked as failed: Coolify was restarted.")

    def stop(self, application: Application) -> None:
        """Stop the application's container, soon."""
        self._spawn(self._stop(application))

    def delete(self, application: Application) -> None:
        """Stop the container, and after `delete_seconds` remove the row (`DeleteResourceJob`)."""
        self._spawn(self._delete(application))

    async def close(self) -> None:
        """End every job."""
        tasks = [*self._jobs.values(), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.containers.close()

    def _is_live(self, application: Application) -> bool:
        return any(deployment.status.is_live for deployment in application.deployments)

    def _may_start(self, deployment: Deployment) -> bool:
        in_progress = [other for other in deployment.server.deployments if other.status is DeploymentStatus.IN_PROGRESS]
        if any(other.application is deployment.application for other in in_progress):
            return False
        return len(in_progress) < deployment.server.concurrent_builds

    def _start(self, deployment: Deployment) -> None:
        deployment.status = DeploymentStatus.IN_PROGRESS
        deployment.updated_at = now()
        self._jobs[deployment.uuid] = asyncio.create_task(self._run(deployment))

    def _start_next(self, server: Server) -> None:
        for deployment in server.deployments:
            if deployment.status is DeploymentStatus.QUEUED and self._may_start(deployment):
                self._start(deployment)

    async def _run(self, deployment: Deployment) -> None:
        try:
            failure = await self._roll_out(deployment)
        except httpx.HTTPError as error:
            failure = f"The container could not be started: {error!r}"
        self._jobs.pop(deployment.uuid)
        if failure is None:
            self._end(deployment, DeploymentStatus.FINISHED, "Rolling update completed.")
        else:
            self._end(deployment, DeploymentStatus.FAILED, failure)
        self._start_next(deployment.server)

    async def _roll_out(self, deployment: Deployment) -> str | None:
        """Start the new container beside the old one; the reason if it does not come to serve."""
        application, knobs = deployment.application, self.instance.knobs
        image, tag = (application.columns[f"docker_registry_image_{part}"] for part in ("name", "tag"))
        if not deployment.server.reachable:
            return "Server is not functional."
        stuck, doomed = knobs.stick_deployments > 0, knobs.fail_deployments > 0
        if stuck:
            knobs.stick_deployments -= 1
            await asyncio.Event().wait()
        if doomed:
            knobs.fail_deployments -= 1
        await asyncio.sleep(knobs.deploy_seconds)
        if not deployment.server.reachable:
            return "Server is not functional."
        if broken := breaks_env_file(application):
            return f"failed to read .env: unterminated quoted value near {broken}"
        checked = bool(application.columns["health_check_enabled"])
        names = f"{image}:{tag} {application.columns['name']} {application.fqdn}"
        if doomed or (checked and any(part in names for part in knobs.unhealthy)):
            return "New container is not healthy, rolling back to the old container."
        replaced = application.running.hosts if application.running else []
        await self.containers.run(application, image, tag, replaced)
        settles_at = time.monotonic() + knobs.blip_seconds
        application.running = Running(image, tag, hosts_of(application), checked, settles_at)
        application.last_online_at = now()
        return None

    def _end(self, deployment: Deployment, status: DeploymentStatus, line: str) -> None:
        job = self._jobs.pop(deployment.uuid, None)
        if job is not None:
            job.cancel()
        deployment.status = status
        deployment.logs.append(line)
        deployment.finished_at = deployment.updated_at = now()

    async def _stop(self, application: Application) -> None:
        running = application.running
        if running is None or not application.server.reachable:
            return  # the row may go, the container stays
        application.running = None
        try:
            await self.containers.stop(running.hosts)
        except httpx.HTTPError as error:
            log.warning("container stays", application=application.uuid, error=repr(error))

    async def _delete(self, application: Application) -> None:
        await self._quiesce(application)
        await asyncio.sleep(self.instance.knobs.delete_seconds)
        if application.uuid in self.instance.applications:  # else a second DELETE was faster
            await self._quiesce(application)
            self.instance.forget(application)

    async def _quiesce(self, application: Application) -> None:
        for deployment in application.deployments:
            if deployment.status.is_live:
                self.cancel(deployment)
        await self._stop(application)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
