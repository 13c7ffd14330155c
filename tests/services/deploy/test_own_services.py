"""``vrs coolify apply`` against the simulator: our own services, made once and changed only where they differ."""

import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.contracts.system import build_services
from ops.secrets import write_secrets
from services.deploy import own_services
from services.deploy.coolify import api_headers
from services.deploy.own_spec import UNDER_WAY
from shared.errors import PermanentError
from shared.own_services import Action, Change
from shared.settings import SettingsError
from simulators.coolify import Coolify as Simulator
from simulators.coolify import running_coolify
from tests.examples.documents import ROOT, blocks
from tests.ops.conftest import Vrs, vrs  # noqa: F401 - a fixture

FILE = ROOT / "coolify" / "vrs.toml"
NAMES = ["vrs-operator", "vrs-marketplace", "vrs-notify", "vrs-bootstrap", "vrs-deploy", "vrs-dns"]


class Site:
    """A Coolify, the folder of secrets, and the file as it is now."""

    def __init__(self, coolify: Simulator, secrets: Path, file: Path, http: httpx.AsyncClient) -> None:
        self.coolify = coolify
        self.secrets = secrets
        self.file = file
        self.http = http

    def edit(self, before: str, after: str) -> None:
        text = self.file.read_text()
        assert before in text
        self.file.write_text(text.replace(before, after))

    async def apply(self, *, dry_run: bool = False) -> list[Change]:
        told: list[Change] = []
        await own_services.apply(self.file, self.secrets, dry_run, told.append)
        return told

    async def state(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(f"{self.coolify.url}/_state")).json()["applications"]
        return found

    async def applications(self) -> dict[str, Any]:
        return {each["name"]: each for each in (await self.http.get("/applications")).json()}

    async def variables(self, name: str) -> dict[str, str]:
        uuid = (await self.applications())[name]["uuid"]
        rows = (await self.http.get(f"/applications/{uuid}/envs")).json()
        return {row["key"]: row["value"] for row in rows if not row["is_preview"]}


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    secrets, file = tmp_path / "secrets", tmp_path / "vrs.toml"
    write_secrets(secrets, await build_services(), simulated=True)
    file.write_bytes(FILE.read_bytes())
    monkeypatch.setattr(own_services, "LOOK_EVERY", 0.05)
    async with running_coolify() as coolify:
        monkeypatch.setenv("VRS_COOLIFY_URL", coolify.url)
        monkeypatch.setenv("VRS_COOLIFY_TOKEN", coolify.token)
        monkeypatch.setenv("VRS_COOLIFY_RATE_LIMIT", "6000")
        headers = api_headers(coolify.token)
        async with httpx.AsyncClient(base_url=f"{coolify.url}/api/v1", headers=headers) as http:
            await http.post(coolify.control_url, json={"deploy_seconds": 0.05, "blip_seconds": 0, "rate_limit": 6000})
            yield Site(coolify, secrets, file, http)


def done(changes: list[Change]) -> dict[str, list[str]]:
    return {each.name: list(each.differs) for each in changes if each.action is not Action.NOTHING}


async def test_each_service_is_made_once_with_its_command_its_secrets_and_its_health_check(site: Site) -> None:
    assert [(each.name, each.action) for each in await site.apply(dry_run=True)] == [
        (name, Action.CREATE) for name in NAMES
    ]
    assert await site.applications() == {}
    assert list(done(await site.apply())) == NAMES
    there = await site.applications()
    assert [there[name]["status"] for name in NAMES] == ["running:healthy"] * len(NAMES)
    dns = there["vrs-dns"]
    assert '--entrypoint "vrs run dns"' in dns["custom_docker_run_options"]
    assert (dns["fqdn"], dns["limits_memory"]) == (None, "384m")
    assert (dns["health_check_type"], dns["health_check_command"]) == ("cmd", "python3 -m ops.ready")
    assert (there["vrs-marketplace"]["fqdn"], there["vrs-marketplace"]["ports_exposes"]) == (
        "https://provisioning.example.org",
        "8000",
    )
    given = await site.variables("vrs-dns")
    assert given["VRS_DATABASE_URL"] == (site.secrets / "dns_database_url").read_text().strip()
    assert given["VRS_INWX_PASSWORD"] == "demo"
    assert "VRS_INWX_TOTP_SECRET" not in given  # its file is empty
    assert "VRS_COOLIFY_TOKEN" not in given
    roles = json.loads((await site.variables("vrs-operator"))["VRS_DATABASE_ROLES"])
    assert roles == json.loads((site.secrets / "database_roles.json").read_text())

    assert done(await site.apply()) == {} == done(await site.apply(dry_run=True))
    assert [each["deployment_count"] for each in await site.state()] == [1] * len(NAMES)


async def test_what_differs_is_changed_whether_in_the_file_a_secret_or_by_hand(site: Site) -> None:
    await site.apply()
    site.edit('tag = "0.1.0"', 'tag = "0.2.0"')
    assert done(await site.apply(dry_run=True)) == {name: ["docker_registry_image_tag"] for name in NAMES}
    await site.apply()
    assert {each["docker_registry_image_tag"] for each in (await site.applications()).values()} == {"0.2.0"}
    (site.secrets / "inwx_password").write_text("another\n")
    site.edit('VRS_LOG_LEVEL = "INFO"\n', "")
    site.edit('memory = "384m"\n', "")
    assert done(await site.apply())["vrs-dns"] == ["limits_memory"]
    assert "VRS_LOG_LEVEL" not in await site.variables("vrs-dns")
    assert (await site.variables("vrs-dns"))["VRS_INWX_PASSWORD"] == "another"
    notify = (await site.applications())["vrs-notify"]
    await site.http.patch(f"/applications/{notify['uuid']}", json={"limits_cpus": "4"})
    assert done(await site.apply()) == {"vrs-notify": ["limits_cpus"]}


async def test_the_desk_has_the_keys_of_transfers_and_plugins_and_what_the_file_adds(site: Site) -> None:
    site.edit("[operator]", '[operator]\nenv.VRS_RABBITMQ_API_URL = "http://mq:15672"\n')
    await site.apply()
    given = await site.variables("vrs-operator")
    for variable, file in (("VRS_TRANSFER_KEY", "transfer_key"), ("VRS_PLUGIN_KEYS", "plugin_keys")):
        assert given[variable] == (site.secrets / file).read_text().strip()
    assert given["VRS_RABBITMQ_API_URL"] == "http://mq:15672"
    operator = (await site.applications())["vrs-operator"]["uuid"]
    await site.http.post(f"/applications/{operator}/envs", json={"key": "VRS_BY_HAND", "value": "1"})
    (site.secrets / "transfer_key").write_text("another\n")
    assert done(await site.apply())["vrs-operator"] == ["variables"]
    assert (await site.variables("vrs-operator")) == given | {"VRS_TRANSFER_KEY": "another"}


async def test_after_a_deployment_that_fails_nothing_more_is_touched_and_the_next_call_goes_on(site: Site) -> None:
    await site.http.post(site.coolify.control_url, json={"fail_deployments": 1})
    with pytest.raises(PermanentError, match=r"vrs-operator: deployment \w+ ended as failed"):
        await site.apply()
    [(name, operator)] = (await site.applications()).items()
    assert (name, operator["description"]) == (NAMES[0], UNDER_WAY)
    told = await site.apply()
    assert [each.name for each in told] == NAMES
    assert told[0].differs == ("not applied completely",)
    assert done(await site.apply()) == {}


async def test_a_secret_that_is_missing_and_a_value_that_coolify_breaks_are_named_before_anything_is_done(
    site: Site,
) -> None:
    (site.secrets / "inwx_password").unlink()
    site.edit("team@example.org", "team's@example.org")
    with pytest.raises(SettingsError, match=r"(?s)VRS_CASE_WORKERS: a single quote.*VRS_INWX_PASSWORD: .*No such file"):
        await site.apply()
    site.edit("[services.dns]", "[services.dnss]")
    with pytest.raises(SettingsError, match=r"services\.dnss"):
        await site.apply()
    assert await site.applications() == {}


async def test_two_applications_of_one_name_are_left_to_a_person(site: Site) -> None:
    await site.apply()
    dns = (await site.applications())["vrs-dns"]
    [project] = [each for each in (await site.http.get("/projects")).json() if each["name"] == "vrs"]
    await site.http.post(
        "/applications/dockerimage",
        json={
            "project_uuid": project["uuid"],
            "environment_name": "production",
            "server_uuid": "srv0000000000000000000001",
            "name": "vrs-dns",
            "docker_registry_image_name": dns["docker_registry_image_name"],
            "ports_exposes": "8080",
            "autogenerate_domain": False,
        },
    )
    with pytest.raises(PermanentError, match="vrs-dns: there are 2 of it"):
        await site.apply()


async def test_the_commands_of_the_guide(site: Site, vrs: Vrs, tmp_path: Path) -> None:  # noqa: F811
    text = site.file.read_text()
    site.file.write_text(text[: text.index("[services.marketplace]")] + text[text.index("[services.dns]") :])
    said = [line for _, script in blocks("docs/deploy-coolify.md") for line in script.splitlines()]
    commands = [shlex.split(line.partition(" #")[0])[1:] for line in said if line.startswith("vrs coolify")]
    outs = []
    for command in commands:
        arguments = [str(site.file) if each == "coolify/vrs.toml" else each for each in command]
        ended = await vrs(
            *arguments,
            *("--secrets", str(site.secrets)),
            VRS_COOLIFY_URL=site.coolify.url,
            VRS_COOLIFY_TOKEN=site.coolify.token,
        )
        assert ended.code == 0, ended.err
        outs.append(ended.out)
    assert "vrs-dns would be made" in outs[0]
    assert "vrs-dns is made" in outs[1]
    assert {json.loads(line)["action"] for line in outs[-1].splitlines()} == {"nothing"}
