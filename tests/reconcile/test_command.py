"""``vrs reconcile`` as people and programs call it."""

import json
from collections.abc import Awaitable, Callable
from string import Template

import pytest

from services.dns.models import ManagedRecord
from tests.choreography.events import Story
from tests.examples.documents import blocks
from tests.ops.conftest import Ended, vrs
from tests.reconcile.tenancy import Tenancy

__all__ = ["vrs"]  # a fixture

PAGE = blocks("docs/reconcile.md")

Command = Callable[..., Awaitable[Ended]]


@pytest.fixture
def reconcile(tenancy: Tenancy, vrs: Callable[..., Awaitable[Ended]]) -> Command:
    async def run(*arguments: str, **variables: str) -> Ended:
        led = tenancy.inwx.settings() | tenancy.coolify.settings() | {"VRS_AMQP_URL": "amqp://nobody.invalid"}
        return await vrs("reconcile", *arguments, **(led | variables))

    return run


async def lose_record(tenancy: Tenancy) -> Story:
    story = await tenancy.project()
    await tenancy.call("nameserver.deleteRecord", {"id": (await tenancy.row(ManagedRecord, story)).record_id})
    return story


async def test_what_is_off_is_shown_and_repaired_only_when_asked_and_the_exit_code_tells(
    tenancy: Tenancy, reconcile: Command
) -> None:
    story = await lose_record(tenancy)
    await tenancy.make_app(stranger := Story())
    shown = await reconcile()
    assert (shown.code, shown.err) == (1, "")
    [app, record] = [line.split("\t") for line in shown.out.splitlines()]
    assert app[1:5] == ["deploy", "orphaned", str(stranger.project_id), app[4]]
    assert app[-1].endswith("keep its volumes (only if its id is given)")
    assert record[1:4] == ["dns", "missing", str(story.project_id)]
    assert record[5:] == ["203.0.113.10, TTL 300", "nothing", f"create A {story.fqdn} 203.0.113.10"]
    assert await tenancy.inwx.records(story) == []
    repaired = await reconcile("--repair", "--yes", "--json")
    said = json.loads(repaired.out)
    assert (repaired.code, said["off"]) == (1, 2)  # the stranger's was not named
    assert [each["outcome"] and each["outcome"]["repaired"] for each in said["findings"]] == [None, True]
    named = await reconcile(app[0], "--repair", "--yes")
    assert (named.code, named.err) == (0, "")
    assert named.out.splitlines()[1].startswith(f"{app[0]} repaired: asked Coolify to delete")


async def test_each_command_of_the_page_does_its_work(tenancy: Tenancy, reconcile: Command) -> None:
    story = await lose_record(tenancy)
    await tenancy.make_app(story, domains="")
    commands = [line for language, block in PAGE if language == "sh" for line in block.splitlines()]
    assert [line.split()[:2] for line in commands] == [["vrs", "reconcile"]] * 5
    ids: dict[str, str] = {}
    codes = []
    for line in commands:
        words = Template(line).substitute(PROJECT=story.slug, ID=ids.get("missing", "")).split()[2:]
        ended = await reconcile(*words)
        codes.append(ended.code)
        if "--json" in words:
            ids = {each["drift"]: each["id"] for each in json.loads(ended.out)["findings"]}
    assert codes == [1, 1, 1, 0, 0]
    assert await tenancy.look(tenancy.dns) == []
    assert len(await tenancy.inwx.records(story)) == 1


async def test_only_one_service_or_one_project_is_looked_at_and_nothing_off_is_exit_0(
    tenancy: Tenancy, reconcile: Command
) -> None:
    await lose_record(tenancy)
    other = await tenancy.project()
    ended = await reconcile("--project", other.slug, "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"off": 0, "findings": []})
    ended = await reconcile("--service", "deploy", VRS_INWX_USER="")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


async def test_wrong_usage_and_missing_settings_are_said_in_a_line(tenancy: Tenancy, reconcile: Command) -> None:
    ended = await reconcile("--repair")
    assert (ended.code, ended.err) == (2, "--repair asks before each repair: add --yes where nobody can answer\n")
    ended = await reconcile("--service", "bootstrap")
    assert (ended.code, ended.err) == (2, "No service 'bootstrap' has a vendor; there are deploy, dns\n")
    ended = await reconcile("2f0f6c1d8e42")
    assert (ended.code, ended.err) == (1, "There is no finding 2f0f6c1d8e42 (any more); `vrs reconcile` lists them\n")
    ended = await reconcile(VRS_COOLIFY_TOKEN="")
    assert ended.code == 2
    assert ended.err.startswith("VRS_COOLIFY_TOKEN: ")
    assert ended.err.endswith("where deploy does not run, leave it out with --service\n")
