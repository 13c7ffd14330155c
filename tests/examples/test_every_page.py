"""Every code block of the documentation is run by a test: here, or by the test that `RUN_BY` names."""

import json
import os
import re
import shlex
import socket
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from tests.chaos.__main__ import arguments
from tests.choreography.system import System
from tests.choreography.vendors import Deployments, Inwx, Mailbox
from tests.crash.matrix import GROUPS, ROWS
from tests.examples.documents import ROOT, blocks, in_background, pages, printed, said

HERE = "tests/examples/test_every_page.py"
RUN_BY = {
    "README.md": HERE,
    "docs/access.md": "tests/ops/test_access_page.py",
    "docs/backup.md": "tests/containers/test_documented.py",
    "docs/containers.md": "tests/containers/test_documented.py",
    "docs/api.md": "tests/services/marketplace/test_api_page.py",
    "docs/case-workers.md": "tests/ops/test_users.py",
    "docs/contracts.md": "tests/ops/test_contracts_command.py",
    "docs/core.md": "tests/containers/test_documented.py",  # and tests/ops/test_plugins.py
    "docs/data.md": "tests/legacy/test_documented.py",
    "docs/domains.md": "tests/ops/test_domains.py",
    "docs/deploy-coolify.md": "tests/services/deploy/test_own_services.py",
    "docs/integration.md": "tests/examples/test_documented.py",
    "docs/operations.md": "tests/dead_letters/test_commands.py",
    "docs/personal-data.md": "tests/choreography/test_personal_data.py",
    "docs/reconcile.md": "tests/reconcile/test_command.py",
    "docs/reliability.md": HERE,
    "docs/servers.md": "tests/ops/test_servers.py",
    "docs/simulators.md": HERE,
    "docs/topology.md": HERE,
    "examples/flask_marketplace/README.md": "tests/examples/test_documented.py",
    "examples/node/README.md": "tests/examples/test_documented.py",
}

# Taken apart completely, so that a block that is added makes the test fail until it is run too.
[FIRST, SECOND, ORDER, INWX, COOLIFY, HOUSE] = blocks("README.md")
[CHAOS, CRASH] = blocks("docs/reliability.md")
[DOCTOR, MIGRATE] = blocks("docs/topology.md")
[SIMULATE, *BROKEN, STARTED, REFUSED] = blocks("docs/simulators.md")


def test_every_page_with_code_has_a_test_that_takes_all_of_it() -> None:
    assert {page for page in pages() if blocks(page)} == RUN_BY.keys()
    for page, test in RUN_BY.items():
        assert f'blocks("{page}")' in (ROOT / test).read_text(encoding="utf-8")


def test_each_file_that_the_threat_model_names_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert sum(name.startswith("tests/") for name in named) > len(named) / 2


@pytest.mark.timeout(240)  # the whole system, as processes
async def test_what_make_up_prints_is_enough_to_order_to_follow_and_to_look_at_the_queues(
    amqp_url: str, database_url: str
) -> None:
    assert "make up " in SECOND[1]
    variables = {"VRS_AMQP_URL": amqp_url, "VRS_DATABASE_URL": database_url}
    async with in_background("sh", "make up", folder=ROOT, **variables) as system:
        exports = "".join(line for line in await said(system, "notify ") if line.startswith("export "))
        assert "export VRS_TRANSFER_KEY=" in exports  # `vrs domains transfer` seals the auth code with it
        order, follow = ORDER[1].splitlines()
        project_id = await printed("sh", f"{exports}{order}")
        async with in_background("sh", f"{exports}{follow.replace('PROJECT', project_id)}") as log:
            assert "notify" in (await said(log, "mailed to"))[-1]
        *table, compared = (await printed("sh", exports + DOCTOR[1])).splitlines()
        assert any("dns.project-ordered" in line for line in table)
        assert json.loads(compared)["faults"] == []


async def test_where_nothing_differs_nothing_is_migrated(amqp_url: str, database_url: str) -> None:
    told = await printed("sh", MIGRATE[1], VRS_AMQP_URL=amqp_url, VRS_DATABASE_URL=database_url)
    assert told.count("Every queue") == 2


async def test_with_the_vendors_credentials_the_doctor_has_nothing_to_complain_of(
    system: System, inwx: Inwx, coolify: Deployments, mailbox: Mailbox, tmp_path: Path
) -> None:
    await system.seed(servers=1, capacity=1)
    settings = {name: value for name, value in os.environ.items() if name.startswith("VRS_")}
    script = INWX[1] + COOLIFY[1]
    for name in re.findall(r"VRS_(?!MARKETPLACE|MANIFEST|PLUGIN)\w+(?==)", script):
        script = re.sub(rf"{name}=\S+", f"{name}={shlex.quote(settings[name])}", script)
    assert "wrong" not in await printed("sh", script, folder=tmp_path, **settings)


async def test_each_make_target_is_there_with_its_arguments() -> None:
    """They test, check or disturb the whole system: `make demo` is run by test_demo.py, chaos and crash by theirs."""
    lines = [line for _, code in (FIRST, SECOND, CHAOS, CRASH) for line in code.splitlines()]
    told = await printed("sh", "\n".join(line.replace("make ", "make --dry-run ") for line in lines))
    for program in ("vrs demo --orders 50 --json", "vrs up", "pytest ", "tests/containers", "mypy .", "tests.chaos"):
        assert program in told
    for line in filter(None, CHAOS[1].splitlines()):
        given = re.search(r'ARGS="(.*)"', line)
        assert arguments(shlex.split(given[1]) if given else []).orders in (60, 1000)
    for word in re.findall(r'ARGS="(.*)"', CRASH[1])[0].split():
        assert any(word in str(row) for row in (*ROWS, *GROUPS))


def test_the_house_is_as_the_readme_says() -> None:
    folders = re.findall(r"(?:^|(?<=  ))[a-z/]+/(?=\s)", HOUSE[1], re.MULTILINE)
    assert len(folders) > len(HOUSE[1].splitlines())
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


async def test_simulators_are_started_broken_and_asked_as_their_page_says() -> None:
    base = _free_ports()
    programs = [_at(base, line) for line in SIMULATE[1].splitlines()]
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(in_background("sh", f"exec {line}")) for line in programs]
        lines = [json.loads((await said(process, "{"))[-1]) for process in running]
        for _, code in (*BROKEN, REFUSED):
            assert "struck" in json.loads(await _asked(_at(base, code)))
        start_app, health = _at(base, STARTED[1]).replace("CA_FILE", lines[1]["ca_file"]).split("\ncurl --cacert")
        assert "kunde.vrs.example" in await _asked(start_app)
        assert "crm" in await printed("sh", f"curl --silent --cacert{health}")


def _free_ports() -> int:
    """The first of five times a hundred ports of which those that the page uses are free now."""
    for base in range(20_000, 30_000, 500):
        with suppress(OSError):
            for offset in (0, 1, 2, 100, 200, 201, 300, 301, 400):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
            return base
    raise AssertionError("no free ports")


def _at(base: int, code: str) -> str:
    return re.sub(r"\b8([1-5])0([0-2])\b", lambda port: str(base + 100 * (int(port[1]) - 1) + int(port[2])), code)


async def _asked(code: str) -> str:
    return await printed("sh", code.replace("curl ", "curl --fail --silent --show-error ", 1))
