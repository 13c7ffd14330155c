"""compose.yaml: each setting reaches the service that has it, each secret as a file."""

import re
from pathlib import Path

import pytest

from contracts import ServiceName
from ops.contracts.system import build_services
from ops.plugins import RegistrySettings
from ops.secrets import write_secrets
from ops.transfers import TransferSettings
from shared.settings import Settings
from tests.ops.settings import SETTINGS, is_a_file

COMPOSE = (Path(__file__).parents[2] / "compose.yaml").read_text(encoding="utf-8")
OF_THE_SHAPE = {
    *("database_direct_url", "database_prepared_statements"),  # there is no pooler
    *("log_format", "health_host", "health_port", "http_host"),  # the image's, and the networks'
}


@pytest.mark.parametrize("service", ServiceName)
def test_every_setting_can_be_given_to_its_service_and_secrets_are_files(service: ServiceName) -> None:
    [of_all] = re.findall(r"^x-settings: &settings\n((?:  .*\n)+)", COMPOSE, re.MULTILINE)
    [own] = re.findall(rf"^  {service}:\n((?:    .*\n)+)", COMPOSE, re.MULTILINE)
    assert "<<: *settings\n" in own
    missing = []
    for name in SETTINGS[service].model_fields.keys() - OF_THE_SHAPE:
        if is_a_file(SETTINGS[service], name):
            mounted = re.findall(rf"^      VRS_{name.upper()}_FILE: /run/secrets/(\w+)\n", own, re.MULTILINE)
            is_given = [*mounted, "no file"][0] in own.partition("\n    secrets:")[2]
        else:
            is_given = re.search(rf"^ +VRS_{name.upper()}:", own + of_all, re.MULTILINE) is not None
        missing += [] if is_given else [name]
    assert missing == []


@pytest.mark.parametrize("command", [TransferSettings, RegistrySettings])
def test_the_desk_has_what_its_commands_need(command: type[Settings]) -> None:
    [desk] = re.findall(r"^  operator:\n((?:    .*\n)+)", COMPOSE, re.MULTILINE)
    for name in (name for name, field in command.model_fields.items() if field.is_required()):
        assert f"VRS_{name.upper()}_FILE: /run/secrets/" in desk


@pytest.mark.parametrize("secret", sorted(set(re.findall(r"/run/secrets/(\w+)$", COMPOSE, re.MULTILINE))))
async def test_each_file_that_is_mounted_is_one_that_vrs_secrets_makes_or_names(secret: str, made: set[str]) -> None:
    assert secret in made
    assert f'  {secret}: {{file: "${{VRS_SECRETS:-./secrets}}/{secret}"}}' in COMPOSE


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("secrets")
    write_secrets(folder, await build_services(), simulated=True)
    return {file.name for file in folder.iterdir()}
