"""A live project's licences, changed in the marketplace's name: the change and its event are one commit."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from packaging.version import Version
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CloudEvent, Plugin, PluginsChanged, ServiceName
from ops.failure import CommandError
from ops.outbox import publish_now
from shared.database import Database
from shared.licenses import end, grant, licensed
from shared.marketplace_outbox import OURS, put
from shared.messaging.settle import lock_projects
from shared.models import PluginRelease, Project, ProjectOrder, ProvisioningState
from shared.transaction import begin


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a project's licences. `event_id` is None if nothing changed."""

    project_id: UUID
    plugins: tuple[Plugin, ...]
    event_id: UUID | None


async def grant_plugin(
    database: Database, amqp_url: str, project_id: UUID, name: str, version: str | None, *, by: str
) -> Change:
    """License a live project for a plugin, in its newest version unless one is given, and say PluginsChanged.

    Raises:
        CommandError: the project is not live, or nobody has published the plugin; or see `change`.

    """
    async with database.engine.connect() as connection:
        release = PluginRelease.name == name, PluginRelease.yanked_at.is_(None)
        published = (await connection.scalars(select(PluginRelease.version).where(*release))).all()
    if not published or (version is not None and version not in published):
        raise CommandError(
            f"{name} {version or ''} is not published, or was yanked; see `vrs plugins list`".replace("  ", " ")
        )
    plugin = Plugin(name=name, version=version or max(published, key=Version))

    async def act(connection: AsyncConnection) -> None:
        await grant(connection, project_id, plugin)
        if (await licensed(connection, project_id)).get(plugin.name) != plugin.version:
            raise CommandError(
                f"{project_id}: the marketplace's table licenses asks for more than provisioning knows: "
                "let the marketplace insert the licence"
            )

    return await _change(database, amqp_url, project_id, name, act, by=by)


async def end_plugin(database: Database, amqp_url: str, project_id: UUID, name: str, *, by: str) -> Change:
    """End a live project's licence for a plugin, and say PluginsChanged.

    Raises:
        CommandError: the project is not live, or has no such licence.

    """

    async def act(connection: AsyncConnection) -> None:
        there = await licensed(connection, project_id)
        if name not in there:
            raise CommandError(f"{project_id} has no licence for {name}; it has {', '.join(there) or 'none'}")
        await end(connection, project_id, name)

    return await _change(database, amqp_url, project_id, name, act, by=by)


async def _change(
    database: Database,
    amqp_url: str,
    project_id: UUID,
    name: str,
    act: Callable[[AsyncConnection], Awaitable[None]],
    *,
    by: str,
) -> Change:
    """Do `act` under the project's lock, and say what is licensed then; nothing if that is what was licensed before."""
    async with begin(database) as transaction:
        connection = transaction.connection
        await lock_projects(transaction, [project_id])
        await _refuse_unless_live(connection, project_id)
        before = await licensed(connection, project_id)
        await act(connection)
        after = await licensed(connection, project_id)
        plugins = tuple(Plugin(name=plugin, version=version) for plugin, version in after.items())
        if after == before:
            return Change(project_id, plugins, None)
        story = select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id)
        event = CloudEvent.of(
            PluginsChanged(plugins=plugins, changed=(name,), requested_by=by),
            source=ServiceName.MARKETPLACE.value,
            project_id=project_id,
            correlation_id=await connection.scalar(story),
        )
        [message] = await put(connection, [event], lease=OURS)
    done = f"the licences of {project_id} are changed; the event is"
    await publish_now(database, amqp_url, PluginsChanged, message, done=done)
    return Change(project_id, plugins, event.id)


async def _refuse_unless_live(connection: AsyncConnection, project_id: UUID) -> None:
    state = await connection.scalar(select(Project.provisioning_state).where(Project.vrs_id == project_id))
    if state is not ProvisioningState.LIVE:
        raise CommandError(
            f"{project_id} is {state or 'not known'}: licences are changed when it is live; "
            "until then it gets what was ordered"
        )
