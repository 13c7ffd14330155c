"""What name servers say, and who counts as authoritative."""

import asyncio
import socket

import pytest

from contracts import RecordType
from services.dns.authority import Authority, ServerAddress
from shared.errors import TemporaryError
from tests.services.dns.world import World

EXPECTED = {("a.vrs.example", RecordType.A): frozenset({"192.0.2.1"})}


async def test_every_server_must_have_exactly_the_records(world: World) -> None:
    await world.control(propagation=[0.0, 600.0])
    await world.stranger("vrs.example", name="a.vrs.example", type="A", content="192.0.2.1")
    first, second = await world.authority.ask("vrs.example", EXPECTED)
    assert (first.matches, first.said) == (True, "192.0.2.1")
    assert (second.matches, second.said) == (False, "no such record")

    await world.control(propagation=0.0)
    await world.stranger("vrs.example", name="a.vrs.example", type="A", content="192.0.2.2")
    answers = await world.authority.ask("vrs.example", EXPECTED)
    assert [(answer.matches, answer.said) for answer in answers] == [(False, "192.0.2.1, 192.0.2.2")] * 2


async def test_a_server_that_is_not_responsible_is_a_problem(world: World) -> None:
    [answer, _] = await world.authority.ask("x.example", {("a.x.example", RecordType.A): frozenset()})
    assert (answer.matches, answer.problem) == (False, "code REFUSED")


async def test_a_silent_server_and_a_closed_port_are_problems_of_that_server_alone(world: World) -> None:
    await world.stranger("vrs.example", name="a.vrs.example", type="A", content="192.0.2.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        host, port = world.running.dns_servers[0].split(":")
        servers = [
            ServerAddress("127.0.0.1", silent.getsockname()[1]),
            ServerAddress("127.0.0.1", 9),
            ServerAddress(host, int(port)),
        ]
        started = asyncio.get_running_loop().time()
        answers = await Authority(servers, timeout=0.2).ask("vrs.example", EXPECTED)
        assert asyncio.get_running_loop().time() - started < 2
    assert [answer.matches for answer in answers] == [False, False, True]
    assert answers[0].problem == "no answer within 0.2 s"


async def test_a_server_may_be_given_by_name_and_a_wrong_name_is_said(world: World) -> None:
    port = int(world.running.dns_servers[0].split(":")[1])
    await world.stranger("vrs.example", name="a.vrs.example", type="A", content="192.0.2.1")
    [answer] = await Authority([ServerAddress("localhost", port)]).ask("vrs.example", EXPECTED)
    assert answer.server == f"localhost:{port}"
    with pytest.raises(TemporaryError, match="VRS_DNS_SERVERS"):
        await Authority([ServerAddress("nowhere.invalid", port)]).ask("vrs.example", EXPECTED)
