"""What becomes of plugins that are wrong, missing, too many or too large; in one process with the marketplace."""

import asyncio
import hashlib
import os
import signal
import stat
import sys
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from contracts.core import PluginRelease
from services.core.boot import Boot
from services.core.converge import Limits
from services.core.errors import PluginRefusedError
from services.core.manifest import Trust
from services.core.report import CoreState, PluginState
from services.core.store import Store
from services.core.unpack import unpack
from tests.services.core.shop import TOKEN, Shop, archive, earlier

BROKEN = {"broken.py": "VERSION = '1.0.0'\ndef check():\n    raise RuntimeError('no licence server')\n"}


async def boot_once(shop: Shop, home: Path, *, download: float = 60.0, again: Callable[[], None] | None = None) -> Boot:
    """Boot until the first pass has ended; with `again` a second pass after it."""
    store = Store(home)
    keys = (shop.manifest_key.public_key(),), (shop.plugin_key.public_key(),)
    with store.held():
        async with httpx.AsyncClient(base_url=shop.url, trust_env=False) as http:
            trust = Trust(shop.project, "1.4.0", *keys)
            boot = Boot(http, store, trust, SecretStr(TOKEN), Limits(download, 20.0, 3600.0))
            running = asyncio.create_task(boot.run())
            try:
                await until(lambda: boot.report.passes == 1)
                if again is not None:
                    again()
                    boot.ask()
                    await until(lambda: boot.report.passes >= 2)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    return boot


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is polled has no event
            await asyncio.sleep(0.005)


def installed(home: Path) -> set[str]:
    return {release.name for release in Store(home).current().plugins}


async def test_wrong_plugins_are_refused_and_named_and_the_others_run(shop: Shop, tmp_path: Path) -> None:
    shop.add("good")
    tampered = shop.add("tampered")
    shop.archives["/plugins/tampered/1.0.0"] = bytes(tampered.size)
    shop.add("forged", key=Ed25519PrivateKey.generate())
    shop.add("swapped")
    shop.plugins["swapped"] = shop.plugins["swapped"].model_copy(update={"release": shop.plugins["good"].release})
    shop.add("yanked", yanked="loses orders")
    shop.add("older", core=">=2")
    shop.add("unlicensed")
    shop.unlicensed.add("/plugins/unlicensed/1.0.0")
    shop.add("endless")
    shop.archives["/plugins/endless/1.0.0"] += b"more than was signed"
    shop.add("broken", files=BROKEN, check="broken:check")
    boot = await boot_once(shop, tmp_path)
    assert installed(tmp_path) == {"good"}
    assert boot.report.state is CoreState.DEGRADED
    errors = {name: plugin.error or "" for name, plugin in boot.report.plugins.items()}
    assert "not the archive that its publisher signed" in errors["tampered"]
    assert "no key that is trusted" in errors["forged"]
    assert "its release is good 1.0.0" in errors["swapped"]
    assert "yanked: loses orders" in errors["yanked"]
    assert "works with vrs-core >=2, this is 1.4.0" in errors["older"]
    assert "not licensed" in errors["unlicensed"]
    assert "larger than the signed" in errors["endless"]
    assert "no licence server" in errors["broken"]
    refused = {name for name, plugin in boot.report.plugins.items() if plugin.state is PluginState.REFUSED}
    assert refused == errors.keys() - {"good", "broken"}


async def test_half_a_download_goes_on_from_its_middle(shop: Shop, tmp_path: Path) -> None:
    release = shop.add("blog", files={"noise.bin": os.urandom(200_000)})
    shop.only_once = release.size // 2
    await boot_once(shop, tmp_path)
    assert installed(tmp_path) == {"blog"}
    assert [asked for _, asked in shop.downloads] == [None, f"bytes={release.size // 2}-"]


async def test_a_download_that_hangs_is_given_up_and_named(shop: Shop, tmp_path: Path) -> None:
    shop.add("good")
    shop.add("hangs", files={"noise.bin": os.urandom(100_000)})
    shop.hangs_after = 50_000
    boot = await boot_once(shop, tmp_path, download=2.0)
    assert installed(tmp_path) == {"good"}
    assert boot.report.plugins["hangs"].error == "hangs 1.0.0 did not arrive within 2 s"


async def test_a_licence_that_ended_takes_its_plugin_away(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    shop.add("shop")
    boot = await boot_once(shop, tmp_path, again=lambda: shop.plugins.__delitem__("shop"))
    assert installed(tmp_path) == {"blog"}
    assert list(boot.report.plugins) == ["blog"]
    assert len(list((tmp_path / "store").iterdir())) == 1


async def test_a_newer_version_that_fails_leaves_the_older_one_running(shop: Shop, tmp_path: Path) -> None:
    shop.add("broken")

    def publish() -> None:
        shop.add("broken", "2.0.0", files=BROKEN, check="broken:check")

    boot = await boot_once(shop, tmp_path, again=publish)
    plugin = boot.report.plugins["broken"]
    assert (plugin.wanted, plugin.installed, plugin.state) == ("2.0.0", "1.0.0", PluginState.FAILED)
    assert boot.report.state is CoreState.DEGRADED
    assert Store(tmp_path).current().plugins[0].version == "1.0.0"


async def test_a_manifest_from_before_brings_nothing_back(shop: Shop, tmp_path: Path) -> None:
    shop.add("blog")
    await boot_once(shop, tmp_path)
    shop.add("shop")
    shop.issued = earlier(3600)
    boot = await boot_once(shop, tmp_path)
    assert "is older than the one" in (boot.report.problem or "")
    assert installed(tmp_path) == {"blog"}


def test_killed_at_any_change_of_the_file_system_the_old_or_the_new_set_stands(tmp_path: Path) -> None:
    """From the first change to the one after the last, when nothing is killed any more."""
    for times in count(1):
        home = tmp_path / str(times)
        home.mkdir()
        if not _killed_while_it_installs(home, times):
            break
    assert times > 20  # rather many: were they not seen, this test could not fail


def _killed_while_it_installs(home: Path, times: int) -> bool:
    old, new = _release(home, "1.0.0"), _release(home, "2.0.0")
    store = Store(home)
    with store.held():
        asyncio.run(_install(store, old))
    if (child := os.fork()) == 0:
        _die_at_change(times)
        asyncio.run(_install(Store(home), new))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    store.tidy()
    [release] = store.current().plugins
    assert release.version in (("1.0.0", "2.0.0") if status else ("2.0.0",))
    assert (home / "current" / "blog" / "blog.py").read_text() == f"VERSION = {release.version!r}\n"
    assert [path.name for path in (home / "store").iterdir()] == [release.sha256]
    assert not list(home.glob(".*"))
    return status != 0


def _release(home: Path, version: str) -> PluginRelease:
    content = archive({"blog.py": f"VERSION = {version!r}\n"})
    digest = hashlib.sha256(content).hexdigest()
    (home / "downloads").mkdir(exist_ok=True)
    (home / "downloads" / f"{digest}.part").write_bytes(content)
    return PluginRelease(name="blog", version=version, sha256=digest, size=len(content), entry_point="blog:VERSION")


async def _install(store: Store, release: PluginRelease) -> None:
    await store.unpack(release)
    store.switch([release])


def _die_at_change(times: int) -> None:
    """Let this process be killed at its n-th change of the file system, as Python's audit events tell them."""
    changes = {"os.rename", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "open", "shutil.rmtree"}
    left = [times]

    def seen(event: str, _: object) -> None:
        if event in changes:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(seen)


@pytest.mark.parametrize(
    "name", ["../outside.py", "/outside.py", "a/../../outside.py", "..\\outside.py", "c:/outside.py"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(archive({name: "x"}))
    with pytest.raises(PluginRefusedError, match="leads out"):
        unpack(tmp_path / "a.zip", tmp_path / "home" / "folder")
    assert not list(tmp_path.rglob("outside.py"))


def test_a_link_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as written:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        written.writestr(link, "/etc/passwd")
    with pytest.raises(PluginRefusedError, match="link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "folder")


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"zeros": bytes(64 * 1024 * 1024)}))
    with pytest.raises(PluginRefusedError, match="beyond all measure"):
        unpack(tmp_path / "a.zip", tmp_path / "folder")
    assert (tmp_path / "folder" / "zeros").stat().st_size < 16 * 1024 * 1024
