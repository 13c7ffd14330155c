"""The local marketplace: a port, keys that are made for it, and the example plugin in its registry."""

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from contracts.signatures import written
from ops.places import PLUGINS
from ops.plugins import make_key, publish_archive, read_key, signed_release
from ops.ports import free_port
from ops.secrets import made_up
from shared.database import Database
from shared.models import StaffRole
from shared.staff import create_user, list_users

DEMO_USER = "demo"


@dataclass(frozen=True, slots=True)
class LocalMarket:
    """What of the marketplace is made for a local system. `folder` takes its keys and archives."""

    folder: Path
    port: int = field(default_factory=free_port)
    transfer_key: SecretStr = field(default_factory=lambda: SecretStr(made_up()))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def plugin_key(self) -> Path:
        """The file with the private key for plugins: with it `vrs plugins publish` works against this system."""
        return self.folder / "plugins.key"

    @property
    def manifest_key(self) -> Path:
        """The file with the private key for manifests."""
        return self.folder / "manifest.key"

    def settings(self) -> dict[str, str]:
        """Make the keys; return the variables that services need of it."""
        for file in (self.manifest_key, self.plugin_key):
            make_key(file)
        return {
            "VRS_HTTP_HOST": "127.0.0.1",
            "VRS_HTTP_PORT": str(self.port),
            "VRS_MARKETPLACE_URL": self.url,
            "VRS_MANIFEST_KEY": written(read_key(self.manifest_key)),
            "VRS_ADMIN_KEY": made_up(),
            "VRS_STATUS_KEY": made_up(),
            "VRS_WEBHOOK_KEY": made_up(),
            "VRS_TRANSFER_KEY": self.transfer_key.get_secret_value(),
            **self.trusted(),
        }

    def trusted(self) -> dict[str, str]:
        """The variables with the public halves of the keys that `settings` has made."""
        files = {"VRS_MANIFEST_KEYS": self.manifest_key, "VRS_PLUGIN_KEYS": self.plugin_key}
        return {name: written(read_key(file).public_key()) for name, file in files.items()}

    async def admin_ui(self, database: Database) -> str:
        """Say where the admin UI is; if it has no user yet make one, with a password that nobody else has."""
        async with database.engine.begin() as connection:
            if await list_users(connection):
                return f"{self.url}/admin/  (sign in as one of `vrs users list`)"
            password = secrets.token_urlsafe(9)
            await create_user(connection, DEMO_USER, password, StaffRole.ADMIN, by="vrs up")
        return f"{self.url}/admin/  (sign in as {DEMO_USER} with {password})"

    async def stock(self, database: Database) -> None:
        """Publish the example that needs no build."""
        key = read_key(self.plugin_key)
        archive = Path(shutil.make_archive(str(self.folder / "opening-hours"), "zip", PLUGINS / "opening_hours"))
        signed = signed_release(archive, key)
        await publish_archive(database, archive, signed, trusted=(key.public_key(),), by="vrs up")
