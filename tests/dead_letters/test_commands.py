"""``vrs dlq`` as people type it: every command of docs/operations.md, PostgreSQL away, a replay that is killed."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from shared.dead_letters.selection import group_id
from tests.dead_letters.conftest import Desk
from tests.examples.documents import blocks
from tests.ops.conftest import environment
from tests.shared.messaging.harness import NEXT, until

BLOCKS = [script for _, script in blocks("docs/operations.md")]
NOWHERE = "postgresql://127.0.0.1:1/vrs"
LETTERS = 300


async def bash(desk: Desk, script: str, folder: Path, **variables: str) -> tuple[int, str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    urls = {"VRS_AMQP_URL": desk.amqp_url, "VRS_DATABASE_URL": desk.database.listen_url}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euc", script),
        cwd=folder,
        env=environment(**{**urls, "PATH": path, **variables}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize("script", BLOCKS)
async def test_each_command_of_the_runbook_does_its_work(desk: Desk, tmp_path: Path, script: str) -> None:
    await desk.bury(2)
    letter = (await desk.dead())[0]
    async with desk.harness.running():
        code, out, err = await bash(desk, script, tmp_path, ID=letter.short, GROUP=group_id(letter))
    assert (code, "Traceback" in err) == (0, False), err
    if "--dry-run" in script:
        assert f"would call INWX: ensure record A {letter.slug}.vrs.example" in out
    elif "replay" in script or "edit" in script:
        assert "completed" in await desk.harness.statuses(letter.project_id)
    elif "show" in script:
        assert letter.reason in out
        assert "would call INWX" in out
        assert "Traceback (most recent call last)" in out


async def test_without_postgresql_the_queues_alone_are_listed_shown_and_exported(desk: Desk, tmp_path: Path) -> None:
    [event] = await desk.bury()
    script = f"vrs dlq list --json; vrs dlq show {event.id} --json; vrs dlq export {event.id}"
    code, out, err = await bash(desk, script, tmp_path, VRS_DATABASE_URL=NOWHERE)
    assert code == 0, err
    assert "this is what the queues alone say" in err
    listed, shown, exported = map(json.loads, out.splitlines())
    assert listed[0]["event_id"] == shown["event_id"] == exported["event_id"] == str(event.id)
    assert shown["event"]["data"]["slug"] == event.data.slug
    assert exported["body"] == event.encode().decode()


async def test_wrong_usage_and_unknown_letters_are_said_in_a_line(desk: Desk, tmp_path: Path) -> None:
    code, _, err = await bash(desk, "vrs dlq replay", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = await bash(desk, "vrs dlq show 2f0f6c1d8e42", tmp_path)
    assert (code, err) == (1, "No dead letter answers to '2f0f6c1d8e42'; `vrs dlq list` shows them\n")
    code, _, err = await bash(desk, "vrs dlq list --service dsn", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("--service: there is no 'dsn'; there are ")
    await desk.bury()
    [letter] = await desk.dead()
    code, _, err = await bash(desk, "vrs dlq edit $ID", tmp_path, ID=letter.short, EDITOR="no-such-editor", VISUAL="")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("$EDITOR: 'no-such-editor' cannot be started")


async def test_the_history_tells_who_noted_took_and_edited_what(desk: Desk, tmp_path: Path) -> None:
    await desk.bury(2)
    letter = (await desk.dead())[0]
    script = """
        vrs dlq take $ID --by anna
        vrs dlq note "asked INWX" $ID --by anna
        vrs dlq list
        vrs dlq take $ID --by anna --release
        vrs dlq edit $ID --set plan=large --reason "a typo" --by bert --yes
        vrs dlq restore --json
        vrs dlq history
    """
    code, out, err = await bash(desk, script, tmp_path, ID=letter.short)
    assert code == 0, err
    assert "[anna is on it; asked INWX]" in out
    lines = out.splitlines()
    edited, before, after, *others = [line.partition("  ")[2] for line in lines[-6:]]
    [archived] = json.loads(next(line for line in lines if line.startswith("[")))
    assert (archived["copy"], "difference" in archived) == (edited.rpartition(" ")[2], False)
    assert edited.startswith("edit by bert because a typo: 1 letter, replaced by ")
    assert [line.strip() for line in (before, after)] == ['-  "plan": "small",', '+  "plan": "large",']
    assert others == [
        "take by anna given back: 1 letter",
        "note by anna 'asked INWX': 1 letter",
        "take by anna: 1 letter",
    ]


@pytest.mark.timeout(240)
async def test_a_replay_that_is_killed_three_times_takes_effect_exactly_once_each(desk: Desk) -> None:
    orders = await desk.bury(LETTERS)
    urls = {"VRS_AMQP_URL": desk.amqp_url, "VRS_DATABASE_URL": desk.database.listen_url}
    command = (sys.executable, "-m", "ops", "dlq", "replay", "--all", "--rate", "120")
    async with desk.harness.running():
        for _ in range(3):
            before = await desk.harness.count(NEXT)
            process = await asyncio.create_subprocess_exec(
                *command, env=environment(**urls), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            await until(partial(_more_than, desk, before), within=60)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        process = await asyncio.create_subprocess_exec(
            *command[:-2], env=environment(**urls), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        await until(lambda: desk.harness.has(NEXT, LETTERS), within=60)
    assert Counter(desk.harness.handled) == {event.subject: 2 for event in orders}
    assert await desk.queue() == []
    assert await desk.dead() == []


async def _more_than(desk: Desk, seen: int) -> bool:
    return await desk.harness.count(NEXT) > seen
