"""The files that compose.yaml mounts as secrets: passwords that nobody has to choose, and what follows from them."""

import base64
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from ops.failure import CommandError
from ops.vendor_accounts import SIMULATED

DATABASE_URL = "postgresql://vrs:{password}@postgres:5432/vrs"
AMQP_URL = "amqp://vrs:{password}@rabbitmq:5672/"
VENDORS = tuple(SIMULATED)


def write_secrets(folder: Path, *, simulated: bool) -> list[str]:
    """Write each secret that `folder` does not hold yet; return the names of those that only the operator knows.

    The folder is for its owner alone; the files in it can be read by the users of the containers that they are
    mounted into. `simulated`: the vendors' secrets are those of the simulators.

    Raises:
        CommandError: the folder or a file cannot be written.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        postgres = _kept(folder / "postgres_password", secrets.token_urlsafe(32))
        rabbitmq = _kept(folder / "rabbitmq_password", secrets.token_urlsafe(32))
        _write(folder / "database_url", DATABASE_URL.format(password=postgres))
        _write(folder / "amqp_url", AMQP_URL.format(password=rabbitmq))
        _write(folder / "rabbitmq_definitions.json", json.dumps(_definitions(rabbitmq), indent=2))
        if simulated:
            for name, value in SIMULATED.items():
                _kept(folder / name, value)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    return [name for name in VENDORS if not (folder / name).exists()]


def _kept(file: Path, value: str) -> str:
    if not file.exists():
        _write(file, value)
    return file.read_text(encoding="utf-8").strip()


def _write(file: Path, value: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(f"{value}\n", encoding="utf-8")
    new.chmod(0o444)
    new.replace(file)


def _definitions(password: str) -> dict[str, Any]:
    return {
        "users": [{"name": "vrs", "password_hash": password_hash(password), "tags": ["administrator"]}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "vrs", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    }


def password_hash(password: str) -> str:
    """What RabbitMQ stores of a password: a salt of four bytes and SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
