"""Undoes what was made for a project at Coolify: each application by its uuid, then the environment."""

from contextlib import suppress

from services.deploy.application import named
from services.deploy.blueprint import application_name, environment_name
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import ApplicationGoneError, NotFoundError
from services.deploy.coolify_models import Application
from services.deploy.models import ProjectDeployment, Stage

ASK_AGAIN = 60.0
"""Seconds after which a deletion that Coolify has accepted and not done is asked for again."""


async def remove_applications(
    coolify: Coolify, row: ProjectDeployment, *, delete_volumes: bool
) -> ProjectDeployment | None:
    """Ask Coolify to delete what is left of the project; return the row to keep while it does, None once all is gone.

    The row keeps the stage `CREATING`: as long as an unanswered create may come true one must look again.
    """
    left = await _left(coolify, row)
    if not left:
        return None
    if row.stage is Stage.REMOVING and row.age.total_seconds() < ASK_AGAIN:
        return row
    for application in left:
        await ask_to_delete(coolify, application.uuid, delete_volumes=delete_volumes)
    return row if row.stage is Stage.CREATING else row.at(Stage.REMOVING)


async def ask_to_delete(coolify: Coolify, application: str, *, delete_volumes: bool) -> None:
    """Cancel what is being deployed and ask for the deletion, which Coolify does later."""
    with suppress(ApplicationGoneError):
        await cancel_live(coolify, application)
        await coolify.delete_application(application, delete_volumes=delete_volumes)


async def cancel_live(coolify: Coolify, application: str) -> None:
    """Cancel every deployment of the application that is queued or in progress."""
    for deployment in await coolify.deployments_of(application):
        if deployment.status.is_live:
            await coolify.cancel(deployment.uuid)


async def remove_environment(coolify: Coolify, row: ProjectDeployment) -> None:
    """Delete the project's environment. Coolify refuses while something is in it that we did not make."""
    with suppress(NotFoundError):
        await coolify.delete_environment(row.coolify_project, environment_name(row.project_id))


async def _left(coolify: Coolify, row: ProjectDeployment) -> list[Application]:
    """The recorded application, wherever it is now, and whatever has its name in the project's environment."""
    names = environment_name(row.project_id), application_name(row.project_id)
    try:
        left = await named(coolify, row.coolify_project, *names)
    except NotFoundError:
        left = []
    if row.application is not None and all(application.uuid != row.application for application in left):
        with suppress(ApplicationGoneError):
            left.append(await coolify.application(row.application))
    return left
