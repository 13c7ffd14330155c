"""The files that compose.yaml mounts as secrets: passwords that nobody has to choose, and what follows from them."""

import base64
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import private_key, written
from ops.failure import CommandError
from ops.grants import role_of, verifier
from ops.topology.definitions import OPERATOR, definitions, password_hash, user_of
from shared.service import Service

SIMULATED = {
    "inwx_password": "demo",
    "coolify_token": "7|demo-token",
    "smtp_url": "smtp://simulated-smtp:8400",
}
"""The file under which each vendor's secret stands, and the value that the simulators of compose.yaml accept."""

OPTIONAL = {"brevo_api_key": "xkeysib-demo", "inwx_totp_secret": "", "oidc_client_secret": ""}
"""The same of what nobody must have: the file is empty until somebody writes it, which is as if it were not set."""

PLUGIN_KEYS = "plugin_keys"
"""Public keys of who publishes plugins, empty as well until written. Simulated, nobody has the other half."""

MANIFEST_KEY, MANIFEST_KEYS = "manifest_key", "manifest_keys"
"""What signs manifests, made once, and its public half, which follows from it: for the marketplace and for deploy."""

MADE_UP = ("status_key", "webhook_key", "transfer_key", "admin_key")
"""Keys of the marketplace that nobody else makes; notify has the first as well, dns the third."""

DEFINITIONS = "rabbitmq_definitions.json"
ROLES = "database_roles.json"


def write_secrets(folder: Path, services: Sequence[Service], *, simulated: bool) -> list[str]:
    """Write each secret that `folder` does not hold yet; return the names of those that only the operator knows.

    The folder is for its owner alone; the files in it can be read by the users of the containers that they are
    mounted into. `simulated`: the vendors' secrets are those of the simulators.

    Raises:
        CommandError: the folder or a file cannot be written or read.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hashes = {OPERATOR: password_hash(_amqp_password(folder, "operator", OPERATOR))}
        _write(folder / "postgres_password", _database_password(folder, "operator", OPERATOR))
        verifiers = {}
        for service in services:
            user, role = user_of(service.name), role_of(service.name)
            hashes[user] = password_hash(_amqp_password(folder, service.name, user))
            verifiers[service.name.value] = verifier(_database_password(folder, service.name, role))
        _write(folder / DEFINITIONS, json.dumps(definitions(services, hashes), indent=2))
        _write(folder / ROLES, json.dumps(verifiers, indent=2))
        for name in MADE_UP:
            _kept(folder / name, made_up())
        if simulated:
            for name, value in SIMULATED.items():
                _kept(folder / name, value)
        for name, value in OPTIONAL.items():
            _to_fill_in(folder / name, value if simulated else "")
        _to_fill_in(folder / PLUGIN_KEYS, written(Ed25519PrivateKey.generate().public_key()) if simulated else "")
        _write(folder / MANIFEST_KEYS, _public_halves(folder / MANIFEST_KEY))
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    return [name for name in SIMULATED if not (folder / name).exists()]


def made_up() -> str:
    """A key of 32 random bytes, as text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def amqp_password(folder: Path, service: str) -> str:
    """The password in ``SERVICE_amqp_url``.

    Raises:
        CommandError: there is no such file.

    """
    file = folder / f"{service}_amqp_url"
    try:
        return urlsplit(file.read_text(encoding="utf-8").strip()).password or ""
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}: `vrs secrets {folder}` makes it", exit_code=2) from error


def _amqp_password(folder: Path, name: str, user: str) -> str:
    url = _kept(folder / f"{name}_amqp_url", f"amqp://{user}:{secrets.token_urlsafe(32)}@rabbitmq:5672/")
    return urlsplit(url).password or ""


def _database_password(folder: Path, name: str, role: str) -> str:
    url = _kept(folder / f"{name}_database_url", f"postgresql://{role}:{secrets.token_urlsafe(32)}@postgres:5432/vrs")
    return urlsplit(url).password or ""


def _public_halves(file: Path) -> str:
    """The public halves of the keys in `file`, where one is made if it holds none."""
    if _holds_nothing(file):
        _write(file, written(Ed25519PrivateKey.generate()))
    try:
        keys = [private_key(key) for key in file.read_text(encoding="utf-8").split(",")]
    except ValueError as error:
        raise CommandError(f"{file}: {error}; `vrs plugins keygen` makes a key") from error
    return ",".join(written(key.public_key()) for key in keys)


def _kept(file: Path, value: str) -> str:
    if not file.exists():
        _write(file, value)
    return file.read_text(encoding="utf-8").strip()


def _to_fill_in(file: Path, value: str) -> None:
    if _holds_nothing(file):
        _write(file, value)
        file.chmod(0o644)  # for its owner to write; the folder keeps all others out


def _holds_nothing(file: Path) -> bool:
    return not file.exists() or not file.read_text(encoding="utf-8").strip()


def _write(file: Path, value: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(f"{value}\n", encoding="utf-8")
    new.chmod(0o444)
    new.replace(file)
