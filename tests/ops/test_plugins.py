"""``vrs plugins``: from a key to a release in the registry, what is refused on the way, and a project's licences."""

import json
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import aiormq
import pytest

from contracts import CloudEvent, PluginsChanged, decode
from contracts.signatures import key_id
from ops.failure import CommandError
from ops.licences import end_plugin, grant_plugin
from ops.plugins import describe, make_key, read_envelope, read_key
from services.bootstrap.health import Health
from services.core.report import Phase, PluginReport, PluginState, Report
from shared.database import Database
from tests.examples.documents import blocks, printed
from tests.ops.conftest import Vrs
from tests.services.core.market import Market
from tests.services.core.shop import archive

CHECKOUT = Path(__file__).parents[2]
[*_, REPORT, PLUGINS] = blocks("docs/core.md")

PLUGIN_TOML = """
[plugin]
name = "blog"
version = "{version}"
entry_point = "blog:VERSION"
core = ">=1,<2"
requires = ["base >=1"]
"""


def written_archive(folder: Path, version: str = "1.0.0", text: str = "") -> Path:
    path = folder / f"blog-{version}.zip"
    path.write_bytes(archive({"plugin.toml": PLUGIN_TOML.format(version=version), "blog.py": f"VERSION = 1 # {text}"}))
    return path


def test_the_health_report_is_as_the_page_shows_it() -> None:
    shown = json.loads(REPORT[1])
    plugins = {each["name"]: PluginReport(**each | {"state": PluginState(each["state"])}) for each in shown["plugins"]}
    report = Report(
        version=shown["version"],
        plugins=plugins,
        phases={Phase(name): seconds for name, seconds in shown["phases"].items()},
        settled=True,
        passes=shown["passes"],
        carried_out=datetime.fromisoformat(shown["manifest"]),
    )
    assert report.body() == shown
    assert Health.model_validate(shown).state.value == shown["state"]


async def test_a_plugin_goes_from_its_key_to_the_list_and_is_taken_back_as_the_page_says(
    vrs: Vrs, tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")
    said = await printed("sh", PLUGINS[1], folder=tmp_path, VRS_DATABASE_URL=database_url)
    assert said.endswith("opening-hours 1.3.0 is yanked.")
    key = read_key(tmp_path / "plugins.key").public_key()
    assert (tmp_path / "plugins.key").stat().st_mode & 0o777 == 0o600
    [listed] = json.loads((await vrs("plugins", "list", "--json")).out)
    archived = (tmp_path / "opening-hours.zip").stat().st_size
    assert (listed["name"], listed["size"], listed["core"]) == ("opening-hours", archived, ">=1,<2")
    assert (listed["keyids"], listed["yanked_because"]) == ([key_id(key)], "shows other shops' hours")


async def test_what_is_wrong_is_named_and_nothing_is_published(vrs: Vrs, tmp_path: Path, database: Database) -> None:
    blog, stranger = written_archive(tmp_path), tmp_path / "stranger.key"
    make_key(stranger)
    trusted = (await vrs("plugins", "keygen", str(tmp_path / "ours.key"))).out.strip()
    unset = await vrs("plugins", "publish", str(blog), "--key", str(stranger))
    assert (unset.code, unset.err) == (2, "VRS_PLUGIN_KEYS: is not set (see docs/settings.md)\n")
    refused = await vrs("plugins", "publish", str(blog), "--key", str(stranger), VRS_PLUGIN_KEYS=trusted)
    assert refused.code == 1
    assert "is signed by no key that is trusted here: sign it with a key of VRS_PLUGIN_KEYS" in refused.err
    unsigned = await vrs("plugins", "publish", str(blog), VRS_PLUGIN_KEYS=trusted)
    assert (unsigned.code, "`vrs plugins sign` makes it" in unsigned.err) == (2, True)
    await vrs("plugins", "sign", str(blog), "--key", str(tmp_path / "ours.key"))
    written_archive(tmp_path, text="tampered with after it was signed")
    other = await vrs("plugins", "publish", str(blog), VRS_PLUGIN_KEYS=trusted)
    assert (other.code, "what is signed is not this archive (sha256, size differ)" in other.err) == (1, True)
    market = Market(database, tmp_path)
    assert await market.sql("SELECT 1 FROM plugin_releases UNION SELECT 1 FROM plugin_chunks") == []


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("a.zip", {"blog.py": ""}, "has no plugin.toml; a wheel's name must end in .whl"),
        ("a.zip", {"plugin.toml": "[plugin"}, "Expected ']'"),
        ("a.zip", {"plugin.toml": "[plugin]\nname = 'Blog'\nversion = '1'"}, "name: "),
        ("a.zip", {"plugin.toml": "[plugin]\nname = 'blog'\nversion = '1'"}, "entry_point: "),
        ("a.whl", {"plugin.toml": ""}, "one folder *.dist-info, this one has 0"),
        ("a.whl", {"a-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: a\nVersion: 1\n"}, "entry_points.txt"),
        ("a.whl", {"a-1.dist-info/METADATA": "Name: a\n", "a-1.dist-info/entry_points.txt": ""}, "version"),
    ],
)
def test_an_archive_that_lacks_something_is_told_what(
    tmp_path: Path, name: str, files: dict[str, str], said: str
) -> None:
    (tmp_path / name).write_bytes(archive(files))
    with pytest.raises(CommandError) as error:
        describe(tmp_path / name)
    assert said in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_what_is_no_archive_key_or_envelope_is_named(tmp_path: Path) -> None:
    (tmp_path / "junk.zip").write_bytes(b"\x00\xff junk")
    for read in (describe, read_key, read_envelope):
        with pytest.raises(CommandError, match="junk"):
            read(tmp_path / "junk.zip")
    make_key(tmp_path / "a.key")
    with pytest.raises(CommandError, match="File exists"):
        make_key(tmp_path / "a.key")


async def test_a_licence_is_changed_and_said_in_one_commit(database: Database, amqp_url: str, tmp_path: Path) -> None:
    market = Market(database, tmp_path)
    await market.open()
    for version in ("1.9.0", "1.10.0"):
        await market.publish("blog", version)
    granted = await grant_plugin(database, amqp_url, market.project, "blog", None, by="desk")
    assert [plugin.version for plugin in granted.plugins] == ["1.10.0"]  # the newest
    again = await grant_plugin(database, amqp_url, market.project, "blog", "1.10.0", by="desk")
    assert again.event_id is None
    ended = await end_plugin(database, amqp_url, market.project, "blog", by="desk")
    [first, second] = await said(amqp_url)
    assert (first.id, second.id) == (granted.event_id, ended.event_id)
    assert (first.data.plugins, first.data.changed) == (granted.plugins, ("blog",))
    assert (second.data.plugins, second.correlationid) == ((), market.project)
    assert await market.sql("SELECT 1 FROM outbox") == []
    states = await market.sql("SELECT vrs_state FROM license_history ORDER BY id")
    assert [state for (state,) in states] == ["pending", "active", "ended"]


async def test_a_change_that_cannot_be_is_refused_and_without_a_broker_it_waits_in_the_outbox(
    database: Database, tmp_path: Path
) -> None:
    market, nowhere = Market(database, tmp_path), "amqp://127.0.0.1:9/"
    await market.open()
    await market.publish("blog")
    with pytest.raises(CommandError, match="shop is not published"):
        await grant_plugin(database, nowhere, market.project, "shop", None, by="desk")
    with pytest.raises(CommandError, match="has no licence for shop; it has none"):
        await end_plugin(database, nowhere, market.project, "shop", by="desk")
    with pytest.raises(CommandError, match="is not known: licences are changed when it is live"):
        await grant_plugin(database, nowhere, uuid4(), "blog", None, by="desk")
    with pytest.raises(CommandError, match="are changed; the event is safe in the outbox, but not published yet"):
        await grant_plugin(database, nowhere, market.project, "blog", None, by="desk")
    assert len(await market.sql("SELECT 1 FROM outbox")) == 1


async def said(amqp_url: str) -> list[CloudEvent[PluginsChanged]]:
    """What waits for bootstrap."""
    events = []
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        while (message := await channel.basic_get("bootstrap.plugins-changed", no_ack=True)).body:
            events.append(decode(message.body, PluginsChanged))
    return events
