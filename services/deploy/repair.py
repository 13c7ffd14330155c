"""Repairs of single applications. Each holds the project, and looks once more at its row before it calls Coolify."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select

from contracts import DnsConfigured, ServiceName
from services.deploy.blueprint import TAG, environment_name
from services.deploy.coolify import Coolify
from services.deploy.coolify_models import ApplicationChanges
from services.deploy.models import ProjectDeployment, Stage
from services.deploy.removal import ask_to_delete, remove_environment
from shared.database import Database
from shared.messaging.settle import Move
from shared.models import ProvisioningState
from shared.reconcile.again import last_said, open_step
from shared.reconcile.finding import Action, Caution, Repair, RepairRefusedError
from shared.reconcile.hold import Held, hold
from shared.writes import Delete, Upsert


@dataclass(frozen=True, slots=True)
class Change:
    """What makes an application as it is written down; `deploy`: the container has to be made anew for that."""

    fields: ApplicationChanges
    tags: bool
    deploy: bool


@dataclass(frozen=True, slots=True)
class AppRepairs:
    """Makes the repairs; nothing is done before they are run. `deadline` and `due` are those of deploy's step."""

    coolify: Coolify
    database: Database
    deadline: timedelta
    due: timedelta

    def deploy_again(self, row: ProjectDeployment) -> Repair:
        """Have the service make the application and all that follows: its step is opened once more."""
        words = "make and deploy it again (its volumes are gone)"
        return Repair(Action.DEPLOY, words, Caution.ASKED, partial(self._deploy_again, row))

    def change(self, row: ProjectDeployment, change: Change) -> Repair:
        """Make the application as it is written down."""
        words = "set what is written down" + (" and deploy" if change.deploy else "")
        return Repair(Action.UPDATE, words, Caution.ASKED, partial(self._change, row, change))

    def adopt(self, row: ProjectDeployment, application: str, surplus: Sequence[str]) -> Repair:
        """Write down the application that answers the intent, and delete what else has its name."""
        words = f"write down {application}" + (f" and delete {', '.join(surplus)}" if surplus else "")
        return Repair(Action.ADOPT, words, Caution.CERTAIN, partial(self._adopt, row, application, surplus))

    def delete(self, project_id: UUID, application: str, caution: Caution) -> Repair:
        """Delete an application that is not written down, unless it is by then. Volumes stay."""
        words = f"delete application {application} and keep its volumes"
        return Repair(Action.DELETE, words, caution, partial(self._delete, project_id, application))

    def delete_recorded(self, row: ProjectDeployment) -> Repair:
        """Delete the application of a project that is undone. Its row and its environment are found when it is gone."""
        words = f"delete application {row.application} and keep its volumes"
        return Repair(Action.DELETE, words, Caution.ASKED, partial(self._delete_recorded, row))

    def delete_environment(self, project_id: UUID, coolify_project: str, caution: Caution) -> Repair:
        """Delete an empty environment; Coolify refuses any other."""
        run = partial(self._delete_environment, project_id, coolify_project)
        return Repair(Action.DELETE, f"delete environment {environment_name(project_id)}", caution, run)

    def forget(self, row: ProjectDeployment) -> Repair:
        """Delete the row of a project that is undone, and what is left of its environment."""
        words = "delete the row and the environment"
        return Repair(Action.FORGET, words, Caution.CERTAIN, partial(self._forget, row))

    async def _deploy_again(self, row: ProjectDeployment) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            event = await last_said(held.connection, row.project_id, DnsConfigured)
            if event is None:
                raise RepairRefusedError("the log does not hold what dns said of the project: order it anew")
            await held.write(Upsert(row.at(Stage.CREATING, application=None, deployment=None)))
            await open_step(held.connection, ServiceName.DEPLOY, event, self.deadline)
            done = f"application {row.application or ''} is gone from Coolify: deploy makes it again".replace("  ", " ")
            move = Move(row.project_id, ProvisioningState.DNS_CONFIGURED, self.due.total_seconds())
            await held.tell(f"Reconciled: {done}.", move)
            return done

    async def _change(self, row: ProjectDeployment, change: Change) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            application = str(row.application)
            if change.fields.model_fields_set:
                await self.coolify.update_application(application, change.fields)
            if change.tags:
                await self.coolify.tag(application, (environment_name(row.project_id), TAG))
            if change.deploy:
                await self.coolify.deploy(application, force=False)
            done = f"application {application} is as it is written down" + (
                ", and is deployed" if change.deploy else ""
            )
            return await _told(held, done)

    async def _adopt(self, row: ProjectDeployment, application: str, surplus: Sequence[str]) -> str:
        async with self._hold(row, dead_too=True) as held:
            await held.require(row)
            await held.write(Upsert(row.at(Stage.CREATED, application=application)))
            done = await _told(held, f"wrote down application {application}, found at Coolify")
        for other in surplus:
            await self._delete(row.project_id, other, dead_too=True)
        return done

    async def _delete(self, project_id: UUID, application: str, *, dead_too: bool = False) -> str:
        this = (ProjectDeployment.application == application) | (
            (ProjectDeployment.project_id == project_id) & ProjectDeployment.application.is_(None)
        )
        async with hold(self.database, ServiceName.DEPLOY, project_id, dead_too=dead_too) as held:
            if await held.connection.scalar(select(ProjectDeployment.project_id).where(this).limit(1)):
                raise RepairRefusedError("it is written down by now, or may be adopted")
            await ask_to_delete(self.coolify, application, delete_volumes=False)
            return await _told(held, f"asked Coolify to delete application {application}, which nothing needs")

    async def _delete_recorded(self, row: ProjectDeployment) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            await ask_to_delete(self.coolify, str(row.application), delete_volumes=False)
            await held.write(Upsert(row.at(Stage.REMOVING)))
            return await _told(held, f"asked Coolify to delete application {row.application} of the cancelled project")

    async def _delete_environment(self, project_id: UUID, coolify_project: str) -> str:
        this = ProjectDeployment.project_id == project_id
        async with hold(self.database, ServiceName.DEPLOY, project_id) as held:
            if await held.connection.scalar(select(ProjectDeployment.project_id).where(this)):
                raise RepairRefusedError("something is written down for the project by now")
            name = environment_name(project_id)
            await self.coolify.delete_environment(coolify_project, name)
            return await _told(held, f"deleted the empty environment {name} at Coolify")

    async def _forget(self, row: ProjectDeployment) -> str:
        async with self._hold(row) as held:
            await held.require(row)
            await remove_environment(self.coolify, row)
            await held.write(Delete(row))
            return await _told(held, "Coolify has nothing of the cancelled project any more; its row is deleted")

    def _hold(self, row: ProjectDeployment, *, dead_too: bool = False) -> AbstractAsyncContextManager[Held]:
        return hold(self.database, ServiceName.DEPLOY, row.project_id, dead_too=dead_too)


async def _told(held: Held, done: str) -> str:
    await held.tell(f"Reconciled: {done}.")
    return done
