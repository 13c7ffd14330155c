"""``vrs secrets``: the files that compose.yaml mounts."""

import base64
import hashlib
import json
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import private_key, public_key, written
from ops.contracts.system import build_services
from ops.failure import CommandError
from ops.plugins import read_key
from ops.secrets import DEFINITIONS, MANIFEST_KEY, MANIFEST_KEYS, OPTIONAL, PLUGIN_KEYS, ROLES, write_secrets
from shared.service import Service
from tests.examples.documents import blocks, printed
from tests.ops.conftest import Vrs

KEYS = blocks("docs/containers.md")[1]


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
    to_fill_in = {*OPTIONAL, PLUGIN_KEYS}
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == (0o644 if file.name in to_fill_in else 0o444), file


def test_who_signs_manifests_is_made_once_and_deploy_gets_its_public_half(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    (tmp_path / MANIFEST_KEY).write_text("\n")  # as an earlier version left it
    write_secrets(tmp_path, services, simulated=False)
    first = contents(tmp_path)
    assert first[MANIFEST_KEYS] == written(private_key(first[MANIFEST_KEY]).public_key())
    assert first[PLUGIN_KEYS] == ""  # its private half is not for this folder
    write_secrets(tmp_path, services, simulated=False)
    assert contents(tmp_path)[MANIFEST_KEY] == first[MANIFEST_KEY]


def test_while_it_is_replaced_both_public_halves_are_given_to_containers(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    (tmp_path / MANIFEST_KEY).write_text(",".join(map(written, keys)))
    write_secrets(tmp_path, services, simulated=False)
    assert contents(tmp_path)[MANIFEST_KEYS] == ",".join(written(key.public_key()) for key in keys)
    (tmp_path / MANIFEST_KEY).write_text("none")
    with pytest.raises(CommandError, match="manifest_key: expected an Ed25519 key"):
        write_secrets(tmp_path, services, simulated=False)


def test_the_simulated_system_trusts_a_plugin_key_that_deploy_can_read(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    write_secrets(tmp_path, services, simulated=True)
    assert written(public_key(contents(tmp_path)[PLUGIN_KEYS])) == contents(tmp_path)[PLUGIN_KEYS]


async def test_what_only_the_operator_knows_is_named(vrs: Vrs, tmp_path: Path) -> None:
    ended = await vrs("secrets", str(tmp_path / "secrets"))
    assert ended.code == 1
    assert "inwx_password, coolify_token, smtp_url" in ended.err
    assert (await vrs("secrets", "--simulated", str(tmp_path / "secrets"))).code == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, services: tuple[Service, ...]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Not a directory"):
        write_secrets(tmp_path / "file" / "secrets", services, simulated=True)


async def test_the_plugin_key_of_the_guide_reaches_the_folder_and_a_second_try_leaves_it(
    tmp_path: Path, services: tuple[Service, ...]
) -> None:
    write_secrets(tmp_path / "secrets", services, simulated=False)
    await printed(*KEYS, folder=tmp_path)
    trusted = contents(tmp_path / "secrets")[PLUGIN_KEYS]
    assert trusted == written(read_key(tmp_path / "plugins.key").public_key())
    await printed("sh", f"! ({KEYS[1].strip()})", folder=tmp_path)
    assert contents(tmp_path / "secrets")[PLUGIN_KEYS] == trusted
