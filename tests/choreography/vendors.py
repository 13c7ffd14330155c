"""The simulated vendors, each with the means to look at it and to break it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from simulators.brevo import RunningBrevo
from simulators.coolify import Coolify
from simulators.core import Core
from simulators.inwx import RunningInwx
from simulators.smtp import RunningSmtp
from tests.choreography.events import Story
from tests.choreography.facts import BASE_DOMAIN, SERVER


@dataclass
class Vendor:
    """What every simulator has: a switchboard. `knobs` make it fast."""

    knobs: ClassVar[dict[str, Any]] = {}
    http: httpx.AsyncClient
    control_url: str

    async def set(self, **wanted: Any) -> None:
        """Turn knobs."""
        answer = await self.http.post(self.control_url, json=wanted)
        assert answer.status_code == 200, answer.text

    async def break_(self, call: str, kind: str, **more: Any) -> None:
        """Let the next `times` calls fail; without a number, all."""
        await self.set(fault={"call": call, "kind": kind, "times": 1_000_000, **more})

    async def mend(self) -> None:
        """Let nothing fail and nothing take long."""
        await self.set(reset=True, **self.knobs)

    async def calls(self) -> dict[str, int]:
        """How often each call was made."""
        calls: dict[str, int] = await self._get(self.control_url, "calls")
        return calls

    async def _get(self, url: str, key: str | None = None) -> Any:
        found = (await self.http.get(url)).raise_for_status().json()
        return found if key is None else found[key]


@dataclass
class Inwx(Vendor):
    """INWX and its name servers."""

    inwx: RunningInwx

    def settings(self) -> dict[str, str]:
        """What leads dns here."""
        return {
            "VRS_INWX_URL": self.inwx.url,
            "VRS_INWX_USER": "demo",
            "VRS_INWX_PASSWORD": "demo",
            "VRS_INWX_GRACE": "0",
            "VRS_INWX_NAME_SERVERS": "ns.inwx.example,ns2.inwx.example",
            "VRS_DNS_SERVERS": ",".join(self.inwx.dns_servers),
            "VRS_CUSTOMER_LOOK_AFTER": "0.2",
        }

    async def charges(self, domain: str | None = None) -> list[str]:
        """The domains that were paid for, or how often this one was."""
        charges = await self._get(f"{self.control_url}/domains", "charges")
        return [each["domain"] for each in charges if domain in (None, each["domain"])]

    async def records(self, story: Story | None = None, zone: str = BASE_DOMAIN) -> list[tuple[str, str, str]]:
        """Name, type and content of the project's records, or of all that were set in the zone."""
        zones = await self._get(f"{self.control_url}/zones")
        rows = next(each["records"] for each in zones if each["domain"] == zone)
        return sorted(
            (row["name"], row["type"], row["content"])
            for row in rows
            if row["type"] not in ("SOA", "NS") and (story is None or row["name"] == story.fqdn)
        )


@dataclass
class Brevo(Vendor):
    """The mail service."""

    brevo: RunningBrevo

    def settings(self) -> dict[str, str]:
        """What leads dns here."""
        return {"VRS_BREVO_URL": self.brevo.url, "VRS_BREVO_API_KEY": self.brevo.api_key}

    async def domains(self) -> dict[str, bool]:
        """Each sender domain, and whether mail may be sent under it."""
        rows = await self._get(f"{self.control_url}/domains")
        return {row["domain_name"]: row["authenticated"] for row in rows}


@dataclass
class Deployments(Vendor):
    """Coolify."""

    knobs = {"deploy_seconds": 0.05, "blip_seconds": 0, "delete_seconds": 0, "rate_limit": 6000}  # noqa: RUF012 - ClassVar
    coolify: Coolify

    def settings(self) -> dict[str, str]:
        """What leads deploy here."""
        return {
            "VRS_COOLIFY_URL": self.coolify.url,
            "VRS_COOLIFY_TOKEN": self.coolify.token,
            "VRS_COOLIFY_PROJECT": self.coolify.project_uuid,
            "VRS_COOLIFY_RATE_LIMIT": "6000",
            "VRS_MARKETPLACE_URL": "https://marketplace.vrs.example",
        }

    async def applications(self, story: Story | None = None) -> list[dict[str, Any]]:
        """The project's applications, or all."""
        found: list[dict[str, Any]] = await self._get(f"{self.coolify.url}/_state", "applications")
        return [each for each in found if story is None or str(story.project_id) in each["name"]]

    async def occupy(self, *, name: str, fqdn: str) -> str:
        """Let somebody else have an address; the uuid of their application."""
        body = {
            "name": name,
            "domains": fqdn,
            "project_uuid": self.coolify.project_uuid,
            "environment_name": "production",
            "server_uuid": SERVER.id,
            "docker_registry_image_name": "nginx",
            "ports_exposes": "80",
        }
        answer = await self.http.post(
            f"{self.coolify.url}/api/v1/applications/dockerimage", json=body, headers=self._headers
        )
        uuid: str = answer.raise_for_status().json()["uuid"]
        return uuid

    async def vacate(self, uuid: str) -> None:
        """Have them give it back."""
        url = f"{self.coolify.url}/api/v1/applications/{uuid}"
        (await self.http.patch(url, json={"domains": None}, headers=self._headers)).raise_for_status()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.coolify.token}", "Accept": "application/json"}

    async def environments(self, story: Story) -> list[str]:
        """The names of the project's environments."""
        projects = await self._get(f"{self.coolify.url}/_state", "projects")
        names = [environment["name"] for project in projects for environment in project["environments"]]
        return [name for name in names if str(story.project_id) in name]


@dataclass
class Cores(Vendor):
    """The customers' vrs-core containers."""

    knobs = {"boot_seconds": 0}  # noqa: RUF012 - ClassVar
    core: Core

    def settings(self) -> dict[str, str]:
        """What leads bootstrap here."""
        return {"VRS_CORE_CONNECT": self.core.https_address, "VRS_CORE_CA_FILE": str(self.core.ca_file)}

    async def start(
        self, story: Story, *, plugins: str | None = None, added: Sequence[str] = (), primary: str = ""
    ) -> None:
        """Start the project's container, as a deployment does; `plugins` instead of what was ordered.

        It answers under the `added` domains, too, and redirects to the `primary` one.
        """
        ordered = ",".join(f"{plugin.name}=={plugin.version}" for plugin in story.plugins)
        env = {"VRS_PLUGINS": plugins or ordered}
        if added:
            env["VRS_PRIMARY_HOST"] = primary or story.fqdn
        for host in (host for domain in story.routed_domains(*added) for host in domain.hosts):
            container = {
                "fqdn": host,
                "image": "ghcr.io/vrs/vrs-core",
                "tag": "1.0.0",
                "env": env,
                "server_ip": str(SERVER.ipv4),
            }
            (await self.http.post(f"{self.core.url}/_apps", json=container)).raise_for_status()

    async def hosts(self) -> list[str]:
        """The names under which a container answers."""
        return [app["fqdn"] for app in await self._get(f"{self.core.url}/_apps")]

    async def looks(self) -> int:
        """How often anybody asked for health."""
        return (await self.calls()).get("health", 0)

    async def asks(self) -> int:
        """How often a core was asked to read its manifest again."""
        return (await self.calls()).get("converge", 0)


@dataclass
class Mailbox(Vendor):
    """The mail server."""

    smtp: RunningSmtp

    def settings(self) -> dict[str, str]:
        """What leads notify here."""
        return {
            "VRS_SMTP_URL": self.smtp.smtp_url,
            "VRS_MAIL_FROM": "VRS <noreply@vrs.example>",
            "VRS_CASE_WORKERS": "team@vrs.example",
        }

    async def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mails that arrived, oldest first."""
        found: list[dict[str, Any]] = await self._get(self.smtp.inbox_url)
        return [mail for mail in found if to is None or to in mail["to"]]
