"""What ``vrs doctor`` says of the keys that vrs-core is given: without both of them an image of ours ends at once."""

from sqlalchemy import select

from services.deploy.blueprint import PROJECT_TYPE
from services.deploy.settings import DeploySettings
from shared.database import Database
from shared.errors import PermanentError
from shared.models import ProjectType

OURS = DeploySettings.model_fields["app_image"].default
"""Of other images nobody here knows whether they are built on vrs-core."""


async def check_app_keys(database: Database, settings: DeploySettings) -> str:
    """Return what applications are given.

    Raises:
        PermanentError: one key is given without the other, or an image of ours is deployed without them.

    """
    given = {"VRS_MANIFEST_KEYS": settings.manifest_keys, "VRS_PLUGIN_KEYS": settings.plugin_keys}
    missing = [name for name, keys in given.items() if not keys]
    if not missing:
        return f"applications are given {' and '.join(given)}"
    images = await _images(database, settings)
    if len(missing) == len(given) and OURS not in images:
        return f"none given, which is right unless one of these is built on vrs-core: {', '.join(sorted(images))}"
    raise PermanentError(
        f"{' and '.join(missing)}: not set, and without both keys a container of an image built on vrs-core ends with "
        "exit code 2. `vrs secrets` makes the former for marketplace and deploy, `vrs plugins keygen` the latter",
        code="app_keys",
    )


async def _images(database: Database, settings: DeploySettings) -> set[str]:
    """What is deployed: by project type, and the configured one where the type of that name lists none."""
    async with database.engine.connect() as connection:
        rows = (await connection.execute(select(ProjectType.name, ProjectType.image))).all()
    listed = {row.name: row.image for row in rows}
    return set(({PROJECT_TYPE: settings.app_image} | listed).values())
