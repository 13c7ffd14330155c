"""vrs-core sends whoever comes under another name to the primary one, and tells its health under each."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import written
from services.core.app import application
from services.core.boot import Boot
from services.core.converge import Limits
from services.core.manifest import Trust
from services.core.settings import CoreSettings
from services.core.store import Store

PRIMARY = "sommer.example"


def core(home: Path, primary: str | None) -> httpx.AsyncClient:
    """A client of vrs-core as it answers behind a proxy that passes names and paths on."""
    key = Ed25519PrivateKey.generate()
    public = written(key.public_key())
    settings = CoreSettings.model_validate(
        {
            "project_id": uuid4(),
            "marketplace_url": "https://marketplace.invalid",
            "bootstrap_token": "x",
            "project_key": written(key),
            "manifest_keys": public,
            "plugin_keys": public,
            "primary_host": primary,
        }
    )
    trust = Trust(settings.project_id, "1.0.0", settings.manifest_keys, settings.plugin_keys)
    boot = Boot(httpx.AsyncClient(), Store(home), trust, settings.bootstrap_token, Limits(1.0, 1.0, 1.0))
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(boot, settings)))


@pytest.mark.parametrize(
    "path", ["/", "/preise?jahr=2027&art=a%26b", "/a%2Fb/c%20d", "//fremd.example/", "/m%C3%BCsli/?q=%C3%A4"]
)
async def test_another_name_leads_to_the_same_place_under_the_primary_one(tmp_path: Path, path: str) -> None:
    async with core(tmp_path, PRIMARY) as http:
        for method, host in (("GET", f"www.{PRIMARY}"), ("POST", "Alt.vrs.example:443")):
            answer = await http.request(method, f"https://core{path}", headers={"Host": host})
            assert (answer.status_code, answer.headers["location"]) == (308, f"https://{PRIMARY}{path}")


async def test_nothing_redirects_under_the_primary_name_for_health_or_without_one(tmp_path: Path) -> None:
    async with core(tmp_path, PRIMARY) as http:
        there = await http.get("https://core/preise", headers={"Host": PRIMARY})
        health = await http.get("https://core/health", headers={"Host": f"www.{PRIMARY}"})
        converge = await http.post("https://core/converge", headers={"Host": f"www.{PRIMARY}"})
    assert (there.status_code, health.status_code, converge.status_code) == (404, 503, 202)
    async with core(tmp_path, None) as http:
        assert (await http.get("https://core/", headers={"Host": PRIMARY})).status_code == 404
