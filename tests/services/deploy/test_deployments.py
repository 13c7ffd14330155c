"""The watch: one call for all who wait, and it wakes whom it concerns."""

import httpx
import pytest

from services.deploy.budget import Budget
from services.deploy.coolify import Coolify
from services.deploy.deployments import DeploymentWatch, Sighting, deployment_key, queue_key
from shared.outcome import Outcome, Parked
from tests.services.deploy.bench import Bench, Clock, InMemoryKernel

SERVER = "srv0000000000000000000001"
STUCK_AFTER = 1200.0


def listed(uuid: str, *, status: str = "in_progress", server: str = "srv-1") -> dict[str, str]:
    return {"deployment_uuid": uuid, "status": status, "server_name": server}


class ScriptedCoolify:
    """Answers ``GET /deployments`` with what a test says."""

    def __init__(self) -> None:
        self.live: list[dict[str, str]] = []
        self.asked = 0
        self.clock = Clock()
        self.kernel = InMemoryKernel()
        self.park_meanwhile: str | None = None
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer), base_url="http://coolify")
        budget = Budget(6000)
        self.watch = DeploymentWatch(Coolify(http, budget), budget, stuck_after=STUCK_AFTER, clock=self.clock)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/servers/"):
            return httpx.Response(404, json={"message": "Server not found."})
        self.asked += 1
        if self.park_meanwhile:
            self.kernel.park(self.park_meanwhile)
        return httpx.Response(200, json=self.live)

    async def look(self, after: float = 0) -> None:
        self.clock.now += after
        await self.watch.look(self.kernel)


async def test_nothing_is_asked_while_nobody_waits(bench: Bench) -> None:
    await bench.watch.look(bench.kernel)
    assert await bench.calls() == {}


async def test_one_call_serves_all_who_wait() -> None:
    coolify = ScriptedCoolify()
    coolify.live = [listed(f"d{number}") for number in range(1000)]
    waiting = [coolify.kernel.park(deployment_key(f"d{number}")) for number in range(1000)]
    await coolify.look()
    assert coolify.asked == 1
    assert not any(woken.is_set() for woken in waiting)
    coolify.live = coolify.live[1:]
    await coolify.look()
    assert coolify.asked == 2
    assert [woken.is_set() for woken in waiting] == [True] + [False] * 999


async def test_what_is_parked_while_the_list_is_on_its_way_is_not_woken_by_it() -> None:
    coolify = ScriptedCoolify()
    coolify.live = [listed("d1")]
    coolify.kernel.park(deployment_key("d1"))
    coolify.park_meanwhile = deployment_key("d2")
    await coolify.look()
    assert not coolify.kernel.parked[deployment_key("d2")][0].is_set()


async def test_what_is_in_progress_too_long_is_stuck_and_woken() -> None:
    coolify = ScriptedCoolify()
    coolify.live = [listed("d1")]
    woken = coolify.kernel.park(deployment_key("d1"))
    await coolify.look()
    await coolify.look(after=STUCK_AFTER - 1)
    assert not woken.is_set()
    await coolify.look(after=1)
    assert woken.is_set()
    assert coolify.watch.sighting("d1") is Sighting.STUCK


async def test_what_is_queued_is_stuck_only_when_nothing_moves_on_its_server() -> None:
    coolify = ScriptedCoolify()
    coolify.kernel.park(deployment_key("d9"))
    for number in range(4):
        coolify.live = [listed(f"d{number}"), listed("d9", status="queued"), listed("other", server="srv-2")]
        await coolify.look(after=STUCK_AFTER / 2)
        assert coolify.watch.sighting("d9") is Sighting.LIVE
    await coolify.look(after=STUCK_AFTER)
    assert coolify.watch.sighting("d9") is Sighting.STUCK


async def test_an_old_list_proves_nothing() -> None:
    coolify = ScriptedCoolify()
    coolify.live = [listed("d1")]
    coolify.kernel.park(deployment_key("d1"))
    await coolify.look()
    assert coolify.watch.sighting("d1") is Sighting.LIVE
    coolify.clock.now += 31
    assert coolify.watch.sighting("d1") is Sighting.NOT_SEEN


async def test_as_many_are_woken_as_a_queue_has_room_for(bench: Bench) -> None:
    await bench.control(deploy_seconds=30)
    await bench.api("PATCH", f"/servers/{SERVER}", {"deployment_queue_limit": 3})
    for _ in range(3):  # two in progress, one queued
        await bench.order().deploy()
    waiting = [bench.kernel.park(queue_key(SERVER)) for _ in range(5)]
    await bench.watch.look(bench.kernel)
    assert [woken.is_set() for woken in waiting] == [True, True, False, False, False]
    before = (await bench.calls())["get_server"]
    await bench.watch.look(bench.kernel)
    assert (await bench.calls())["get_server"] == before


async def test_who_waits_for_a_server_that_is_gone_finds_out() -> None:
    coolify = ScriptedCoolify()
    woken = coolify.kernel.park(queue_key("gone"))
    await coolify.look()
    assert woken.is_set()


@pytest.mark.parametrize("kind", ["error", "malformed"])
async def test_a_list_that_fails_wakes_nobody(bench: Bench, kind: str) -> None:
    await bench.fault("list_deployments", kind)
    woken = bench.kernel.park(deployment_key("d1"))
    with pytest.raises(Exception, match=r"502|unreadable"):
        await bench.watch.look(bench.kernel)
    assert not woken.is_set()


async def test_who_waits_for_room_in_a_queue_costs_no_request_while_it_is_known_to_be_full(bench: Bench) -> None:
    await bench.control(deploy_seconds=30)
    await bench.api("PATCH", f"/servers/{SERVER}", {"deployment_queue_limit": 1})
    orders = [bench.order() for _ in range(5)]
    outcomes = [await order.deploy() for order in orders]
    full = [order for order, outcome in zip(orders, outcomes, strict=True) if _waits_for_room(outcome)]
    bench.kernel.park(f"queue:{SERVER}")
    await bench.watch.look(bench.kernel)
    before = await bench.calls()
    assert len(full) == 2
    assert all([_waits_for_room(await order.deploy()) for order in full])
    assert await bench.calls() == before


def _waits_for_room(outcome: Outcome) -> bool:
    return isinstance(outcome, Parked) and outcome.key == f"queue:{SERVER}"
