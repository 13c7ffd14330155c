"""``vrs secrets``: the files that compose.yaml mounts."""

import base64
import hashlib
import json
import stat
from pathlib import Path

import pytest

from ops.failure import CommandError
from ops.secrets import write_secrets
from tests.ops.conftest import Vrs


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text().strip() for file in folder.iterdir()}


def test_passwords_are_made_once_and_what_follows_from_them_holds_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert write_secrets(folder, simulated=True) == []
    first = contents(folder)
    (folder / "amqp_url").unlink()
    (folder / "coolify_token").chmod(0o600)
    (folder / "coolify_token").write_text("7|my-own\n")
    assert write_secrets(folder, simulated=True) == []
    again = contents(folder)
    assert again["coolify_token"] == "7|my-own"
    for name in ("postgres_password", "rabbitmq_password", "amqp_url", "database_url"):
        assert again[name] == first[name]
    assert first["postgres_password"] in first["database_url"]
    assert first["rabbitmq_password"] in first["amqp_url"]


def test_rabbitmq_gets_hashes_and_no_password(tmp_path: Path) -> None:
    write_secrets(tmp_path, simulated=True)
    written = contents(tmp_path)
    assert written["rabbitmq_password"] not in written["rabbitmq_definitions.json"]
    [user] = json.loads(written["rabbitmq_definitions.json"])["users"]
    salted = base64.b64decode(user["password_hash"])
    assert salted[4:] == hashlib.sha256(salted[:4] + written["rabbitmq_password"].encode()).digest()


def test_the_folder_is_its_owners_and_the_files_can_be_read_in_containers(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    write_secrets(folder, simulated=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}


async def test_what_only_the_operator_knows_is_named(vrs: Vrs, tmp_path: Path) -> None:
    ended = await vrs("secrets", str(tmp_path / "secrets"))
    assert ended.code == 1
    assert "inwx_password, coolify_token, smtp_url" in ended.err
    assert (await vrs("secrets", "--simulated", str(tmp_path / "secrets"))).code == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Not a directory"):
        write_secrets(tmp_path / "file" / "secrets", simulated=True)
