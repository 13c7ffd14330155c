"""vrs-core as a process: from the first start over every kind of interruption to a healthy set."""

import base64
import os
import signal
from pathlib import Path
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.core import HEALTH_TYPE, Requirement, pre_authenticated
from contracts.signatures import written
from tests.services.core.container import container_of, plugin
from tests.services.core.shop import Shop

SLOW = {"slow.py": "import time\nVERSION = '1.0.0'\ndef check():\n    time.sleep(600)\n"}


async def test_a_first_start_installs_what_is_licensed_and_signs_its_report(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog", padding=100_000)
    shop.add("shop", "2.1.0", requires=[Requirement(name="blog", versions=">=1,<2")])
    async with container_of(shop, tmp_path) as core:
        report = await core.until_state("healthy")
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://127.0.0.1:{core.port}/health", headers={"VRS-Nonce": "abc"})
    assert core.installed() == {"blog": "1.0.0", "shop": "2.1.0"}
    assert report["phases"].keys() == {"manifest", "download", "install", "check", "switch"}
    signature = base64.b64decode(answer.headers["VRS-Signature"])
    core.key.public_key().verify(signature, pre_authenticated(HEALTH_TYPE, b"abc\n" + answer.content))


async def test_it_stops_in_order_and_starts_with_what_it_has_while_the_marketplace_is_away(
    shop: Shop, tmp_path: Path
) -> None:
    shop.add("blog")
    async with container_of(shop, tmp_path) as core:
        await core.until_state("healthy")
        assert core.process is not None
        core.process.send_signal(signal.SIGTERM)
        await core.process.communicate()
        assert core.process.returncode == 0
        shop.away = True
        await core.start()
        report = await core.until(lambda report: report["problem"] is not None)
    assert (report["state"], plugin(report, "blog")["installed"]) == ("healthy", "1.0.0")
    assert "marketplace" in report["problem"]


async def test_without_a_marketplace_a_first_start_waits_and_says_so(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    shop.away = True
    async with container_of(shop, tmp_path) as core:
        report = await core.until(lambda report: report["problem"] is not None)
        assert (report["state"], report["status"]) == ("booting", 503)
        shop.away = False
        await core.until_state("healthy")


async def test_killed_in_the_middle_of_a_download_it_goes_on_where_it_stopped(shop: Shop, tmp_path: Path) -> None:
    release = shop.add("blog", files={"noise.bin": os.urandom(600_000)})
    shop.hangs_after = release.size // 2
    async with container_of(shop, tmp_path) as core:
        await core.until(lambda report: any(entry["received"] for entry in report["plugins"]))
        await core.kill()
        shop.go_on.set()
        await core.start()
        await core.until_state("healthy")
    assert [asked is not None for _, asked in shop.downloads] == [False, True]


async def test_killed_while_a_plugin_is_checked_the_old_set_stands(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    async with container_of(shop, tmp_path) as core:
        await core.until_state("healthy")
        shop.add("blog", "2.0.0")
        shop.add("slow", files=SLOW, check="slow:check")
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.post(f"http://127.0.0.1:{core.port}/converge")).status_code == 202
        await core.until(lambda report: any(entry["state"] == "checking" for entry in report["plugins"]))
        await core.kill()
        assert core.installed() == {"blog": "1.0.0"}
        shop.add("slow", "1.0.1")
        await core.start()
        await core.until_state("healthy")
    assert core.installed() == {"blog": "2.0.0", "slow": "1.0.1"}


async def test_after_a_change_of_keys_what_either_key_signed_is_believed(shop: Shop, tmp_path: Path) -> None:
    old_manifest_key, old_plugin_key = shop.manifest_key, shop.plugin_key
    shop.add("blog")
    shop.manifest_key, shop.plugin_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    shop.add("shop")
    keys = {
        "VRS_MANIFEST_KEYS": f"{written(old_manifest_key.public_key())},{written(shop.manifest_key.public_key())}",
        "VRS_PLUGIN_KEYS": f"{written(old_plugin_key.public_key())},{written(shop.plugin_key.public_key())}",
    }
    async with container_of(shop, tmp_path, environment=keys) as core:
        await core.until_state("healthy")


async def test_a_proxy_in_the_environment_leads_to_the_marketplace(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    through = {"VRS_MARKETPLACE_URL": "http://marketplace.invalid", "HTTP_PROXY": shop.url}
    async with container_of(shop, tmp_path, environment=through) as core:
        await core.until_state("healthy")


async def test_a_missing_setting_is_named_in_one_line(shop: Shop, tmp_path: Path) -> None:
    async with container_of(shop, tmp_path, environment={"VRS_PROJECT_KEY": "not-a-key", "VRS_PROJECT_ID": ""}) as core:
        assert core.process is not None
        said, _ = await core.process.communicate()
    assert core.process.returncode == 2
    assert said.count(b"\n") == 1
    assert b"VRS_PROJECT_ID" in said
    assert b"VRS_PROJECT_KEY: expected an Ed25519 key" in said
    assert b"not-a-key" not in said


async def test_two_processes_do_not_share_a_home(shop: Shop, tmp_path: Path) -> None:
    async with container_of(shop, tmp_path) as first:
        await first.until_state("healthy")
        async with container_of(shop, tmp_path) as second:
            assert second.process is not None
            said, _ = await second.process.communicate()
    assert second.process.returncode == 2
    assert b"another vrs-core uses" in said


async def test_a_manifest_for_another_project_is_not_believed(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    async with container_of(shop, tmp_path, environment={"VRS_PROJECT_ID": str(uuid4())}) as core:
        report = await core.until_state("failed")
    assert "is for project" in report["problem"]


async def test_a_disk_that_takes_no_more_is_named_and_leaves_what_was_there(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    shop.add("large", files={"noise.bin": os.urandom(300_000)})
    async with container_of(shop, tmp_path, file_bytes=65_536) as core:
        report = await core.until_state("degraded")
    assert core.installed() == {"blog": "1.0.0"}
    assert "large 1.0.0 could not be stored: File too large" in plugin(report, "large")["error"]
