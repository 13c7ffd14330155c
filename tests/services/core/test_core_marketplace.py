"""vrs-core as a process with the real marketplace over HTTP: licences, the registry, tokens, keys."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import written
from services.bootstrap.health import CoreState, Health
from services.core.report import Phase
from services.marketplace.core_tokens import hashed
from shared.database import Database
from tests.services.core.container import Container, container_of, plugin
from tests.services.core.market import Market, open_market

PLUGINS = Path(__file__).parents[3] / "examples" / "plugins"

DIES_IN = """
import os, signal, sys
phase = os.environ["DIES_IN"]
def is_there(event, args):
    at = str(args[0]) if args else ""
    return {
        "manifest": event == "socket.connect",
        "download": event == "open" and at.endswith(".part"),
        "install": event == "os.mkdir" and "/store/." in at,
        "check": event == "subprocess.Popen",
        "switch": event == "os.rename" and str(args[1]).endswith("/current"),
    }[phase]
sys.addaudithook(lambda event, args: is_there(event, args) and os.kill(os.getpid(), signal.SIGKILL))
"""
"""A `sitecustomize` that kills its process in the middle of a phase, as Python's audit events tell where it is."""


@pytest.fixture
async def market(database: Database, tmp_path: Path) -> AsyncIterator[Market]:
    folder = tmp_path / "archives"
    folder.mkdir()
    async with open_market(database, folder) as market:
        yield market


async def converge(core: Container) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"http://127.0.0.1:{core.port}/converge")).status_code == 202


async def test_the_example_plugins_are_installed_with_what_they_need_and_each_download_is_logged(
    market: Market, tmp_path: Path
) -> None:
    archives = tmp_path / "archives"
    shutil.make_archive(str(archives / "opening-hours"), "zip", PLUGINS / "opening_hours")
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(archives)]
    await asyncio.to_thread(subprocess.run, built, cwd=PLUGINS / "contact_form", check=True, capture_output=True)
    for file in ("opening-hours.zip", "contact_form-2.0.4-py3-none-any.whl"):
        await market.publish_file(archives / file)
    await market.license("contact-form==2.0.4")
    async with container_of(market, tmp_path / "home") as core:
        report = await core.until_state("healthy")
    assert {(each["name"], each["installed"]) for each in report["plugins"]} == {
        ("contact-form", "2.0.4"),
        ("opening-hours", "1.3.0"),
    }
    assert sorted(await market.downloads()) == [
        ("contact-form", "2.0.4", 0, "sent"),
        ("opening-hours", "1.3.0", 0, "sent"),
    ]
    read = Health.model_validate(report)  # what the one end writes, the other reads
    assert (read.state, read.not_as_wanted, read.phase) == (CoreState.HEALTHY, [], None)
    assert read.manifest is not None


async def test_licences_that_change_and_a_release_that_is_yanked_reach_the_running_core(
    market: Market, tmp_path: Path
) -> None:
    for name, version in (("blog", "1.0.0"), ("blog", "2.0.0"), ("shop", "1.0.0")):
        await market.publish(name, version)
    await market.license("blog==1.0.0", "shop==1.0.0")
    async with container_of(market, tmp_path / "home") as core:
        await core.until_state("healthy")
        await market.end("shop")
        await market.license("blog==2.0.0")
        await converge(core)
        await core.until(lambda report: [each["installed"] for each in report["plugins"]] == ["2.0.0"])
        assert core.installed() == {"blog": "2.0.0"}
        await market.license("shop==1.0.0")
        await market.yank("shop", "1.0.0", "loses orders")
        await converge(core)
        report = await core.until_state("degraded")
        assert plugin(report, "shop")["error"] == "shop 1.0.0 was yanked: loses orders"
        assert core.installed() == {"blog": "2.0.0"}
    states = await market.sql("SELECT plugin, vrs_version, vrs_state FROM licenses ORDER BY id")
    assert [tuple(row) for row in states] == [
        ("blog", "1.0.0", "ended"),
        ("shop", "1.0.0", "ended"),
        ("blog", "2.0.0", "active"),
        ("shop", "1.0.0", "active"),
    ]


async def test_a_token_that_has_ended_or_whose_project_is_cancelled_gets_nothing(
    market: Market, tmp_path: Path
) -> None:
    await market.publish("blog")
    await market.license("blog")
    await market.sql("UPDATE core_tokens SET expires_at = now()")
    async with container_of(market, tmp_path / "home") as core:
        report = await core.until_state("failed")
        assert "deploy the project again" in report["problem"]
        assert market.token not in str(report)
        await market.sql("UPDATE core_tokens SET expires_at = now() + interval '1 day'")
        await core.until_state("healthy")
        assert hashed(market.token) not in core.home.joinpath("memory.json").read_bytes()
        assert market.token not in core.home.joinpath("memory.json").read_text()  # it has one of its own now
        await market.sql("INSERT INTO cancellations VALUES (:id, '', '')", id=market.project)
        await converge(core)
        report = await core.until(lambda report: report["problem"] is not None)
    assert "401" in report["problem"]
    assert core.installed() == {"blog": "1.0.0"}  # what it has runs until its container is gone


async def test_half_a_download_goes_on_from_its_middle(market: Market, tmp_path: Path) -> None:
    release = await market.publish("blog", files={"noise.bin": os.urandom(2_500_000)})  # three pieces in the database
    await market.license("blog")
    home = tmp_path / "home"
    half = (market.folder / "blog-1.0.0.zip").read_bytes()[: release.size // 2]
    (home / "downloads").mkdir(parents=True)
    (home / "downloads" / f"{release.sha256}.part").write_bytes(half)
    async with container_of(market, home) as core:
        await core.until_state("healthy")
    assert await market.downloads() == [("blog", "1.0.0", len(half), "sent")]


async def test_a_manifest_of_fifty_plugins_with_a_conflict_runs_all_but_the_conflict(
    market: Market, tmp_path: Path
) -> None:
    await market.publish("p-0", "1.0.0")
    await market.publish("p-0", "2.0.0")
    for number in range(1, 49):
        await market.publish(f"p-{number}", "1.0.0", f"p-{(number - 1) // 2} <2")
    await market.publish("newest", "1.0.0", "p-0 >=2")
    await market.publish("needs-newest", "1.0.0", "newest")
    await market.license(*(f"p-{number}==1.0.0" for number in range(1, 49)), "newest==1.0.0", "needs-newest==1.0.0")
    async with container_of(market, tmp_path / "home") as core:
        report = await core.until_state("degraded")
    assert core.installed() == {f"p-{number}": "1.0.0" for number in range(49)}
    assert plugin(report, "newest")["error"] == "newest 1.0.0 needs p-0 >=2, there is 1.0.0"
    assert plugin(report, "needs-newest")["error"] == "needs-newest 1.0.0 needs newest, there is none"


async def test_while_keys_are_replaced_a_core_that_trusts_either_is_healthy(database: Database, tmp_path: Path) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    async with open_market(database, tmp_path, new, old) as market:
        await market.publish("blog", key=old)
        await market.publish("blog", key=new)  # the same release: its signature is added
        await market.license("blog")
        for trusted in (old, new):
            keys = dict.fromkeys(("VRS_MANIFEST_KEYS", "VRS_PLUGIN_KEYS"), written(trusted.public_key()))
            async with container_of(market, tmp_path / written(trusted)[:8], environment=keys) as core:
                await core.until_state("healthy")
        keys["VRS_PLUGIN_KEYS"] = written(Ed25519PrivateKey.generate().public_key())
        async with container_of(market, tmp_path / "stranger", environment=keys) as core:
            report = await core.until_state("failed")
    assert "no key that is trusted" in plugin(report, "blog")["error"]


async def test_killed_in_each_phase_it_keeps_the_old_set_and_then_goes_on_to_the_new_one(
    market: Market, tmp_path: Path
) -> None:
    (tmp_path / "killer").mkdir()
    (tmp_path / "killer" / "sitecustomize.py").write_text(DIES_IN)
    for version in ("1.0.0", "2.0.0"):
        await market.publish("blog", version)
    await market.license("blog==1.0.0")
    async with container_of(market, tmp_path / "home") as core:
        await core.until_state("healthy")
        await core.kill()
        await market.license("blog==2.0.0")
        for phase in Phase:
            core.environment = {"PYTHONPATH": str(tmp_path / "killer"), "DIES_IN": phase.value}
            await core.start()
            assert core.process is not None
            assert await core.process.wait() == -signal.SIGKILL, phase
            assert core.installed() == {"blog": "1.0.0"}, phase
        core.environment = {}
        await core.start()
        await core.until_state("healthy")
    assert core.installed() == {"blog": "2.0.0"}
