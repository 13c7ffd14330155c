"""coolify/vrs.toml and its guide: each service, and the desk, gets the settings without which something is missing."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts import ServiceName
from contracts.signatures import written
from ops.contracts.system import build_services
from ops.plugins import RegistrySettings, read_key
from ops.secrets import OPTIONAL, SIMULATED, write_secrets
from ops.transfers import TransferSettings
from services.deploy.own_spec import OPERATOR, read_spec, wanted_of
from services.deploy.settings import DeploySettings
from services.marketplace.settings import MarketplaceSettings
from shared.settings import Settings, SettingsT
from tests.examples.documents import ROOT, blocks, printed
from tests.ops.settings import SETTINGS, is_a_file

PAGE = "docs/deploy-coolify.md"
FILE = ROOT / "coolify" / "vrs.toml"
SECRETS, _APPLY = blocks("docs/deploy-coolify.md")

GIVEN = {"database_url", "amqp_url"}
"""To everybody, by the code."""

NOT_HERE = {"database_direct_url"}
"""There is no pooler."""


def needed(settings: type[Settings]) -> set[str]:
    """What has no default, and what is a secret."""
    fields = settings.model_fields.items()
    return {name for name, field in fields if field.is_required() or is_a_file(settings, name)} - GIVEN - NOT_HERE


@dataclass(frozen=True, slots=True)
class Filled:
    """The folder of secrets as the guide has it filled, and what each application is given."""

    folder: Path
    variables: dict[str, dict[str, str]]

    def loaded(self, name: str, settings: type[SettingsT], monkeypatch: pytest.MonkeyPatch) -> SettingsT:
        """The settings as a container of that application reads them."""
        for variable in [each for each in os.environ if each.startswith("VRS_")]:
            monkeypatch.delenv(variable)
        for variable, value in self.variables[name].items():
            monkeypatch.setenv(variable, value)
        return settings()


@pytest.fixture(scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    work = tmp_path_factory.mktemp("guide")
    folder = work / "secrets"
    folder.mkdir()
    for name, value in SIMULATED.items():
        (folder / name).write_text(f"{value}\n")
    await printed(*SECRETS, folder=work)
    wanted = wanted_of(read_spec(FILE), folder)
    given = {each.fields.name: {row.key: row.value for row in each.variables} for each in wanted}
    return Filled(folder, given)


@pytest.mark.parametrize("service", ServiceName)
def test_each_service_starts_with_what_the_guide_has_filled_in(
    service: ServiceName, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = filled.loaded(f"vrs-{service}", SETTINGS[service], monkeypatch)
    assert "@PG_UUID:" in settings.database_url.get_secret_value()
    assert "@MQ_HOST:" in settings.amqp_url.get_secret_value()


@pytest.mark.parametrize("service", ServiceName)
def test_no_secret_and_nothing_required_is_missing_in_the_file_and_in_the_guide(service: ServiceName) -> None:
    part = read_spec(FILE).services[service]
    [row] = [line for line in (ROOT / PAGE).read_text().splitlines() if line.startswith(f"| {service} | ")]
    for name in needed(SETTINGS[service]):
        variable = f"VRS_{name.upper()}"
        assert variable in (part.secrets if is_a_file(SETTINGS[service], name) else part.env), variable
        assert f"`{variable}`" in row, variable


def test_vrs_core_is_told_to_trust_who_signs_manifests_and_who_publishes_plugins(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    marketplace = filled.loaded("vrs-marketplace", MarketplaceSettings, monkeypatch)
    deploy = filled.loaded("vrs-deploy", DeploySettings, monkeypatch)
    assert deploy.manifest_keys == ",".join(written(key.public_key()) for key in marketplace.signing_keys)
    publisher = read_key(filled.folder.parent / "plugins.key")
    assert deploy.plugin_keys == written(publisher.public_key())


def test_the_desk_can_ask_for_transfers_and_publish_plugins(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    marketplace = filled.loaded("vrs-marketplace", MarketplaceSettings, monkeypatch)
    desk = filled.loaded("vrs-operator", TransferSettings, monkeypatch)
    assert desk.transfer_key == marketplace.transfer_key
    publisher = read_key(filled.folder.parent / "plugins.key").public_key()
    assert filled.loaded("vrs-operator", RegistrySettings, monkeypatch).trusted == (publisher,)
    [row] = [line for line in (ROOT / PAGE).read_text().splitlines() if line.startswith(f"| {OPERATOR} | ")]
    assert [name for name in ("VRS_TRANSFER_KEY", "VRS_PLUGIN_KEYS") if f"`{name}`" not in row] == []


def test_a_secret_whose_file_is_empty_is_left_out(filled: Filled) -> None:
    given = {variable for variables in filled.variables.values() for variable in variables}
    assert [name for name in OPTIONAL if f"VRS_{name.upper()}" in given] == []


async def test_the_desk_has_variables_and_secrets_of_its_own_beside_those_it_always_has(tmp_path: Path) -> None:
    write_secrets(tmp_path, await build_services(), simulated=True)
    file = tmp_path / "vrs.toml"
    file.write_text(
        FILE.read_text().replace(
            "[operator]",
            '[operator]\nmemory = "512m"\nenv.VRS_LOG_LEVEL = "DEBUG"\nsecrets.VRS_INWX_PASSWORD = "inwx_password"\n',
        )
    )
    desk = wanted_of(read_spec(file), tmp_path)[0]
    variables = {row.key: row.value for row in desk.variables}
    assert desk.fields.limits_memory == "512m"
    assert (variables["VRS_LOG_LEVEL"], variables["VRS_INWX_PASSWORD"]) == ("DEBUG", "demo")
    assert {"VRS_DATABASE_ROLES", "VRS_TRANSFER_KEY", "VRS_PLUGIN_KEYS"} <= variables.keys()
