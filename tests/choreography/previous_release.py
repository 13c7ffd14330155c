"""The release before this one, for real: its services on this one's database, alone and beside this one's.

Not collected by itself, for it needs the history: ``make side-by-side BASE=v1.2.0``.
"""

import asyncio
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest

from ops.contracts.released import _newest
from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.notify.app import notify
from shared.models import ProvisioningState
from shared.service import Build
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.test_whole import SERVICES, is_at_rest
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.examples.documents import ROOT
from tests.ops.conftest import environment
from tests.shared.messaging.harness import until

ORDERS = 6


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The sources of the release before: BASE, else what `vrs contracts check` takes for it."""
    base = os.environ.get("BASE") or _newest(ROOT)
    assert base, "no release to compare with: name one, make side-by-side BASE=v1.2.0"
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", base], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as sources:
        sources.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


@asynccontextmanager
async def running(sources: Path, names: Sequence[str], logs: Path) -> AsyncIterator[None]:
    """Run services of these sources as processes."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("VRS_")}
    async with AsyncExitStack() as stack:
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from ops.cli import main; main()", "run", name),
                cwd=sources,
                env=environment(**variables) | {"PYTHONPATH": str(sources)},
                stdout=(sink := stack.enter_context((logs / name).open("wb"))),
                stderr=sink,
            )
            for name in names
        ]
        try:
            yield
            ended = {
                name: (logs / name).read_text()[-500:]
                for name, each in zip(names, processes, strict=True)
                if each.returncode
            }
            assert ended == {}
        finally:
            for process in processes:
                if process.returncode is None:
                    process.terminate()
            await asyncio.gather(*(process.wait() for process in processes))


@pytest.mark.parametrize("beside", [(), (dns, deploy, bootstrap, notify)], ids=["alone", "beside this one's"])
@pytest.mark.timeout(300)
async def test_the_services_of_the_release_before_work_on_this_ones_database(
    beside: Sequence[Build],
    old: Path,
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    tmp_path: Path,
) -> None:
    await system.seed(servers=2, capacity=ORDERS)
    stories = [Story() for _ in range(ORDERS)]
    names = [build.__name__ for build in SERVICES]

    async def have_come_to(state: ProvisioningState, mails: int) -> bool:
        states = Counter([await system.state(story) for story in stories])
        told = {mail["message_id"] for mail in await mailbox.mails() if "eingegangen" not in mail["subject"]}
        return states == {state: ORDERS} and len(told) == mails and await is_at_rest(system)

    async with running(old, names, tmp_path), system.running(*beside):
        await place(system.database, [story.ordered() for story in stories])
        await until(lambda: have_come_to(ProvisioningState.LIVE, ORDERS), within=120)
        await system.publish(*(story.cancelled() for story in stories))
        await until(lambda: have_come_to(ProvisioningState.CANCELLED, 2 * ORDERS), within=120)
    assert await inwx.records() == []
    assert await system.sql("SELECT message FROM provisioning_log WHERE status = 'dead'") == []
