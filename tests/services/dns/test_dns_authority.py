"""What name servers say, and who counts as authoritative."""

import asyncio
import socket
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rrset
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


class WithoutAuthority(asyncio.DatagramProtocol):
    """A resolver: the right answer, and no authority for it."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", "192.0.2.1"))
        self.transport.sendto(response.to_wire(), addr)


async def test_an_answer_from_a_cache_does_not_count() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(WithoutAuthority, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        [answer] = await Authority([ServerAddress("127.0.0.1", port)]).ask("vrs.example", EXPECTED)
    finally:
        transport.close()
    assert (answer.matches, answer.said) == (False, "an answer without authority for the zone")


async def test_a_zone_and_its_name_servers_are_found_through_the_resolver(world: World) -> None:
    await world.control(zone={"account": "demo", "domain": "inwx.example"})
    for name, address in (("ns", "192.0.2.53"), ("ns2", "192.0.2.54")):
        await world.stranger("inwx.example", name=f"{name}.inwx.example", type="A", content=address)
        await world.stranger("inwx.example", name=f"{name}.inwx.example", type="AAAA", content="2001:db8::53")
    authority = Authority()
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = int(world.running.dns_servers[0].split(":")[1])
    authority._resolver = resolver

    assert await authority.zone_of("shop.kunde-mit-domain.example") == "kunde-mit-domain.example"
    assert await authority._servers_of("kunde-mit-domain.example") == [
        (ServerAddress("ns.inwx.example"), "192.0.2.53"),
        (ServerAddress("ns2.inwx.example"), "192.0.2.54"),
    ]
    with pytest.raises(TemporaryError, match=r"nowhere\.invalid"):
        await authority.ask("nowhere.invalid", EXPECTED)
