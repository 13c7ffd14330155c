"""``vrs secrets``: the files that compose.yaml mounts."""

import base64
import hashlib
import json
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.contracts.system import build_services
from ops.failure import CommandError
from ops.secrets import DEFINITIONS, ROLES, write_secrets
from shared.service import Service
from tests.ops.conftest import Vrs


@pytest.fixture(scope="module")
async def services() -> tuple[Service, ...]:
    return await build_services()


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text().strip() for file in folder.iterdir()}


def test_passwords_are_made_once_and_what_follows_from_them_holds_them(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    folder = tmp_path / "secrets"
    assert write_secrets(folder, services, simulated=True) == []
    first = contents(folder)
    (folder / DEFINITIONS).unlink()
    (folder / "coolify_token").chmod(0o600)
    (folder / "coolify_token").write_text("7|my-own\n")
    assert write_secrets(folder, services, simulated=True) == []
    again = contents(folder)
    assert again.keys() == first.keys()
    assert again["coolify_token"] == "7|my-own"
    assert {name for name in first if again[name] != first[name]} == {"coolify_token", DEFINITIONS, ROLES}
    assert first["postgres_password"] in first["operator_database_url"]


def test_servers_get_what_proves_a_password_and_no_password(tmp_path: Path, services: tuple[Service, ...]) -> None:
    write_secrets(tmp_path, services, simulated=True)
    written = contents(tmp_path)
    passwords = {urlsplit(value).password or "" for name, value in written.items() if name.endswith("_url")} - {""}
    assert len(passwords) == 2 * (len(services) + 1)  # and the operator's
    assert not any(password in written[DEFINITIONS] + written[ROLES] for password in passwords)
    hashes = {user["name"]: user["password_hash"] for user in json.loads(written[DEFINITIONS])["users"]}
    salted = base64.b64decode(hashes["vrs-dns"])
    password = (urlsplit(written["dns_amqp_url"]).password or "").encode()
    assert salted[4:] == hashlib.sha256(salted[:4] + password).digest()


def test_the_folder_is_its_owners_and_the_files_can_be_read_in_containers(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    folder = tmp_path / "secrets"
    write_secrets(folder, services, simulated=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}


async def test_what_only_the_operator_knows_is_named(vrs: Vrs, tmp_path: Path) -> None:
    ended = await vrs("secrets", str(tmp_path / "secrets"))
    assert ended.code == 1
    assert "inwx_password, coolify_token, smtp_url" in ended.err
    assert (await vrs("secrets", "--simulated", str(tmp_path / "secrets"))).code == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, services: tuple[Service, ...]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Not a directory"):
        write_secrets(tmp_path / "file" / "secrets", services, simulated=True)
