"""The name servers beside the INWX simulator answer as authoritative servers do."""

import asyncio
import random
import socket
from time import monotonic
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import httpx
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from simulators.inwx import running_inwx
from simulators.inwx.authoritative import NameServer
from simulators.inwx.zones import Zones
from tests.simulators.inwx_api import Inwx


def contents(answer: dns.message.Message) -> list[str]:
    return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)


async def until_visible(inwx: Inwx, name: str, *, server: int) -> float:
    """Seconds until the server knows the name."""
    started = monotonic()
    while monotonic() - started < 10:
        if (await inwx.ask(name, server=server)).answer:
            return monotonic() - started
    raise AssertionError(f"{name} never became visible")


async def test_record_is_answered_with_authority_by_every_server_over_udp_and_tcp(demo: Inwx) -> None:
    await demo.create(ttl=300)
    await demo.create("192.0.2.2", ttl=300)
    assert len(demo.dns_servers) == 2
    for server in (0, 1):
        for tcp in (False, True):
            answer = await demo.ask("a.vrs.example", server=server, tcp=tcp)
            assert contents(answer) == ["192.0.2.1", "192.0.2.2"]
            assert answer.answer[0].ttl == 300
            assert answer.flags & dns.flags.AA
            assert not answer.flags & dns.flags.RA


async def test_each_type_is_answered(demo: Inwx) -> None:
    sent = [
        ("AAAA", "2001:db8::1", 0, "2001:db8::1"),
        ("MX", "mail.vrs.example", 10, "10 mail.vrs.example."),
        ("TXT", 'v=spf1; "x"', 0, '"v=spf1; \\"x\\""'),
        ("CAA", '0 issue "letsencrypt.org"', 0, '0 issue "letsencrypt.org"'),
        ("SRV", "5 443 host.example", 1, "1 5 443 host.example."),
    ]
    for kind, content, prio, answered in sent:
        await demo.create(content, type=kind, prio=prio)
        assert contents(await demo.ask("a.vrs.example", kind)) == [answered]


async def test_apex_has_name_servers_and_a_serial_that_rises(demo: Inwx) -> None:
    assert contents(await demo.ask("vrs.example", "NS")) == ["ns.inwx.example.", "ns2.inwx.example."]
    (before,) = contents(await demo.ask("vrs.example", "SOA"))
    mname, rname, serial, *timers = before.split(" ")
    assert (mname, rname) == ("ns.inwx.example.", "hostmaster.inwx.example.")
    assert timers == ["10800", "3600", "604800", "3600"]
    await demo.create()
    for server in (0, 1):
        (after,) = contents(await demo.ask("vrs.example", "SOA", server=server))
        assert int(after.split(" ")[2]) == int(serial) + 1


async def test_unknown_name_is_nxdomain_and_unknown_type_is_nodata_both_with_the_soa(demo: Inwx) -> None:
    await demo.create()
    for name, kind, rcode in [
        ("nobody.vrs.example", "A", dns.rcode.NXDOMAIN),
        ("a.vrs.example", "AAAA", dns.rcode.NOERROR),
    ]:
        answer = await demo.ask(name, kind)
        assert (answer.rcode(), answer.answer) == (rcode, [])
        assert answer.flags & dns.flags.AA
        (soa,) = answer.authority
        assert (soa.name.to_text(), soa.ttl) == ("vrs.example.", 3600)


async def test_name_between_zone_and_record_exists_without_records(demo: Inwx) -> None:
    record_id = (await demo.create(name="deep.down.vrs.example"))["resData"]["id"]
    assert (await demo.ask("down.vrs.example")).rcode() == dns.rcode.NOERROR
    await demo.call("nameserver.deleteRecord", id=record_id)
    assert (await demo.ask("down.vrs.example")).rcode() == dns.rcode.NXDOMAIN


async def test_what_is_not_served_is_refused(inwx: Inwx) -> None:
    for name, kind in [("www.google.com", "A"), ("example", "SOA"), ("vrs.example", "AXFR"), ("vrs.example", "ANY")]:
        answer = await inwx.ask(name, kind, tcp=True)
        assert (answer.rcode(), answer.answer) == (dns.rcode.REFUSED, [])
        assert not answer.flags & dns.flags.AA


async def test_case_of_the_question_does_not_matter(demo: Inwx) -> None:
    await demo.create()
    assert contents(await demo.ask("A.VRS.Example")) == ["192.0.2.1"]


async def test_alias_is_followed_inside_the_zones_and_shown_alone_outside(demo: Inwx) -> None:
    await demo.create("b.vrs.example", type="CNAME")
    assert (await demo.ask("a.vrs.example")).rcode() == dns.rcode.NXDOMAIN
    await demo.create(name="b.vrs.example")
    assert contents(await demo.ask("a.vrs.example")) == ["192.0.2.1", "b.vrs.example."]
    assert contents(await demo.ask("a.vrs.example", "CNAME")) == ["b.vrs.example."]
    await demo.create("lb.elsewhere.test", type="CNAME", name="c")
    answer = await demo.ask("c.vrs.example")
    assert (contents(answer), answer.rcode()) == (["lb.elsewhere.test."], dns.rcode.NOERROR)


async def test_alias_in_a_circle_ends(demo: Inwx) -> None:
    await demo.create("b.vrs.example", type="CNAME")
    await demo.create("a.vrs.example", type="CNAME", name="b")
    assert contents(await demo.ask("a.vrs.example")) == ["a.vrs.example.", "b.vrs.example."]


async def test_wildcard_answers_for_names_that_do_not_exist(demo: Inwx) -> None:
    await demo.create("192.0.2.99", name="*.vrs.example")
    assert contents(await demo.ask("any.vrs.example")) == ["192.0.2.99"]
    assert contents(await demo.ask("very.deep.vrs.example")) == ["192.0.2.99"]
    await demo.create("2001:db8::1", name="any", type="AAAA")
    assert contents(await demo.ask("any.vrs.example")) == []
    assert (await demo.ask("below.any.vrs.example")).rcode() == dns.rcode.NXDOMAIN


async def test_update_delete_and_zone_removal_are_answered(demo: Inwx) -> None:
    record_id = (await demo.create())["resData"]["id"]
    await demo.call("nameserver.updateRecord", id=record_id, content="192.0.2.9", name="b")
    assert (await demo.ask("a.vrs.example")).rcode() == dns.rcode.NXDOMAIN
    assert contents(await demo.ask("b.vrs.example")) == ["192.0.2.9"]
    await demo.call("nameserver.deleteRecord", id=record_id)
    assert (await demo.ask("b.vrs.example")).rcode() == dns.rcode.NXDOMAIN
    await demo.call("nameserver.delete", domain="vrs.example")
    assert (await demo.ask("b.vrs.example")).rcode() == dns.rcode.REFUSED


async def test_long_answer_is_truncated_over_udp_and_whole_over_tcp(demo: Inwx) -> None:
    for number in range(40):
        await demo.create(f"192.0.2.{number}")
    short = await demo.ask("a.vrs.example")
    assert short.flags & dns.flags.TC
    assert len(contents(await demo.ask("a.vrs.example", tcp=True))) == 40


async def test_change_becomes_visible_after_each_servers_own_delay(demo: Inwx) -> None:
    await demo.control(propagation=[0.0, 0.5])
    await demo.create()
    assert contents(await demo.ask("a.vrs.example", server=0)) == ["192.0.2.1"]
    assert (await demo.ask("a.vrs.example", server=1)).rcode() == dns.rcode.NXDOMAIN
    serials = [contents(await demo.ask("vrs.example", "SOA", server=server)) for server in (0, 1)]
    assert serials[0] != serials[1]
    assert await until_visible(demo, "a.vrs.example", server=1) > 0.3


async def test_one_delay_counts_for_all_servers_and_ends_at_once_when_lifted(demo: Inwx) -> None:
    await demo.control(propagation=600)
    record_id = (await demo.create())["resData"]["id"]
    await demo.call("nameserver.updateRecord", id=record_id, content="192.0.2.2")
    for server in (0, 1):
        assert (await demo.ask("a.vrs.example", server=server)).rcode() == dns.rcode.NXDOMAIN
    await demo.control(reset=True)
    for server in (0, 1):
        assert contents(await demo.ask("a.vrs.example", server=server)) == ["192.0.2.2"]
    await demo.control(propagation=600)
    assert contents(await demo.ask("a.vrs.example")) == ["192.0.2.2"]


async def test_domain_held_elsewhere_is_answered_but_is_in_no_account(demo: Inwx) -> None:
    records = [
        {"name": "fremd.example", "type": "A", "content": "198.51.100.1"},
        {"name": "www", "type": "CNAME", "content": "fremd.example"},
    ]
    await demo.control(elsewhere={"zone": "fremd.example", "records": records})
    assert contents(await demo.ask("www.fremd.example")) == ["198.51.100.1", "fremd.example."]
    assert contents(await demo.ask("fremd.example", "NS")) == ["ns.registrar.example.", "ns2.registrar.example."]
    assert (await demo.call("domain.info", domain="fremd.example"))["code"] == 2303
    assert (await demo.call("nameserver.info", domain="fremd.example"))["code"] == 2303
    await demo.control(elsewhere={"zone": "fremd.example", "records": records[:1]})
    assert (await demo.ask("www.fremd.example")).rcode() == dns.rcode.NXDOMAIN
    assert contents(await demo.ask("fremd.example")) == ["198.51.100.1"]


def three_free_ports() -> int:
    """The first of three in a row, below those that the system gives to clients."""
    while True:
        port = random.randrange(20_000, 30_000)
        try:
            for nth in range(3):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(type=kind) as probe:
                        probe.bind(("127.0.0.1", port + nth))
        except OSError:
            continue
        return port


async def test_name_servers_take_the_given_port_and_the_next_ones() -> None:
    port = three_free_ports()
    async with running_inwx(dns_port=port, name_servers=3) as inwx:
        assert inwx.dns_servers == [f"127.0.0.1:{port + nth}" for nth in range(3)]
        with pytest.raises(OSError, match="in use"):
            async with running_inwx(dns_port=port):
                pass


async def test_junk_over_tcp_ends_only_that_connection(inwx: Inwx) -> None:
    host, _, port = inwx.dns_servers[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x00\x03abc")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert (await inwx.ask("vrs.example", "SOA", tcp=True)).answer


def test_it_all_runs_on_uvloop_too() -> None:
    async def story() -> None:
        async with running_inwx() as running, httpx.AsyncClient() as http:
            inwx = Inwx(running, http)
            await inwx.login()
            await inwx.create()
            for tcp in (False, True):
                assert contents(await inwx.ask("a.vrs.example", tcp=tcp)) == ["192.0.2.1"]

    uvloop.run(story())


def server_with_a_zone() -> NameServer:
    server = NameServer()
    zones = Zones(name_servers=["ns.inwx.example"], publish=server.publish)
    zones.create("vrs.example", account="demo")
    return server


SERVER = server_with_a_zone()
QUERY = dns.message.make_query("a.vrs.example", "A", use_edns=True).to_wire()


@given(st.binary(max_size=100) | st.binary(max_size=30).map(lambda tail: QUERY[: len(QUERY) - len(tail)] + tail))
def test_no_message_breaks_the_server(wire: bytes) -> None:
    answer = SERVER.answer(wire, datagram=True)
    assert answer is None or answer[:2] == wire[:2]


def test_message_that_cannot_be_read_is_answered_with_a_format_error() -> None:
    answer = SERVER.answer(QUERY[:-5], datagram=True)
    assert answer is not None
    assert dns.message.from_wire(answer).rcode() == dns.rcode.FORMERR


def test_answers_and_fragments_are_not_answered() -> None:
    answer = SERVER.answer(QUERY, datagram=True)
    assert answer is not None
    assert SERVER.answer(answer, datagram=True) is None
    assert SERVER.answer(QUERY[:8], datagram=True) is None


def test_only_questions_of_the_internet_are_answered() -> None:
    def rcode(**changes: Any) -> dns.rcode.Rcode:
        query = dns.message.make_query("vrs.example", "SOA", rdclass=changes.get("rdclass", "IN"))
        query.set_opcode(changes.get("opcode", 0))
        answer = SERVER.answer(query.to_wire(), datagram=True)
        assert answer is not None
        return dns.message.from_wire(answer).rcode()

    assert rcode() == dns.rcode.NOERROR
    assert rcode(rdclass="CH") == dns.rcode.REFUSED
    assert rcode(opcode=4) == dns.rcode.NOTIMP
