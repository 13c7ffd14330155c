"""What is found wrong with a domain at its own name servers, and what its owner is told about it."""

from typing import Any

import pytest

from contracts import DnsRecord, RecordFinding, RecordType
from services.dns.authority import Authority, ServerAddress
from services.dns.caa import forbids
from services.dns.examination import examine
from shared.host_claims import own_hosts
from simulators.inwx import running_inwx
from tests.services.dns.world import IPV4, IPV6, World

DOMAIN = "fremd.example"
RIGHT = (("@", "A", IPV4), ("@", "AAAA", IPV6), ("www", "CNAME", DOMAIN))
CLOUDFLARE = "104.16.1.9"


async def findings(
    world: World, *records: tuple[str, str, str], wanted: bool = True, **zone: Any
) -> list[RecordFinding]:
    rows = [{"name": name, "type": kind, "content": content} for name, kind, content in records]
    await world.control(elsewhere={"zone": DOMAIN, "records": rows, **zone})
    hosts = own_hosts(DOMAIN)
    addresses = ((RecordType.A, IPV4), (RecordType.AAAA, IPV6))
    asked = [DnsRecord(name=host, type=kind, content=content) for host in hosts for kind, content in addresses]
    return list((await examine(world.authority, hosts, asked if wanted else ())).findings)


def briefly(found: list[RecordFinding]) -> list[str]:
    return [f"{each.problem} {each.name} {each.type}" for each in found]


async def test_nothing_is_found_where_all_is_right(world: World) -> None:
    caa = (("@", "CAA", '0 issue "ca.example"'), ("@", "CAA", '0 issue "letsencrypt.org"'))
    mail = ("@", "MX", "mail.fremd.example")
    assert await findings(world, *RIGHT, *caa, mail, dnssec="valid") == []


async def test_each_missing_or_wrong_record_is_named_with_what_is_there(world: World) -> None:
    found = await findings(world, ("@", "A", "192.0.2.1"), ("@", "AAAA", IPV6), ("www", "A", IPV4))
    assert briefly(found) == ["leads_elsewhere fremd.example A", "missing www.fremd.example AAAA"]
    assert found[0].text.de == f"Der A-Eintrag von {DOMAIN} lautet 192.0.2.1. Ändern Sie ihn auf {IPV4}."
    assert (found[0].found, found[0].wanted) == (("192.0.2.1",), (IPV4,))
    assert found[1].text.en == f"There is no AAAA record at www.{DOMAIN}. Set it to {IPV6}."


async def test_an_address_too_many_is_found(world: World) -> None:
    [found] = await findings(world, *RIGHT, ("@", "A", "192.0.2.1"))
    assert (found.problem, found.found) == ("stray_address", ("192.0.2.1",))


async def test_an_alias_to_somewhere_else_is_to_be_replaced(world: World) -> None:
    [found] = await findings(world, *RIGHT[:2], ("www", "CNAME", "shop.elsewhere.example"))
    assert briefly([found]) == ["alias_elsewhere www.fremd.example CNAME"]
    assert "shop.elsewhere.example" in found.text.en
    assert IPV4 in found.text.en


async def test_an_address_beside_an_alias_is_found(world: World) -> None:
    [found] = await findings(world, *RIGHT, ("www", "A", IPV4))
    assert briefly([found]) == ["address_beside_alias www.fremd.example CNAME"]


async def test_a_proxy_is_recognised_even_if_nobody_has_ordered_the_domain(world: World) -> None:
    records = (("@", "A", CLOUDFLARE), ("www", "CNAME", DOMAIN))
    [found] = await findings(world, *records, wanted=False)
    assert (found.problem, found.name, found.found) == ("proxied", DOMAIN, (CLOUDFLARE,))
    assert "„Nur DNS“" in found.text.de


async def test_certificates_that_a_parent_name_forbids_are_found_once(world: World) -> None:
    [found] = await findings(world, *RIGHT, ("@", "CAA", '0 issue "ca.example"'))
    assert briefly([found]) == ["caa_forbids fremd.example CAA"]
    assert found.found == ('0 issue "ca.example"',)
    assert '0 issue "letsencrypt.org"' in found.text.de


async def test_certificates_that_the_name_above_the_zone_forbids_are_found(world: World) -> None:
    await findings(world, ("www", "A", IPV4), ("@", "CAA", '0 issue ";"'))
    [found] = (await examine(world.authority, own_hosts(f"www.{DOMAIN}"), ())).findings
    assert briefly([found]) == ["caa_forbids fremd.example CAA"]


@pytest.mark.parametrize("how", ["other_key", "expired", "unsigned"])
async def test_broken_dnssec_comes_first(world: World, how: str) -> None:
    found = await findings(world, ("@", "A", IPV4), dnssec=how)
    assert (found[0].problem, found[0].name, found[0].type) == ("dnssec_broken", DOMAIN, "DS")


async def test_name_servers_that_are_out_of_step_are_named(world: World) -> None:
    await findings(world, ("@", "A", "192.0.2.1"), *RIGHT[1:])
    await world.control(propagation=[0.0, 600.0])
    [found] = await findings(world, *RIGHT)
    assert found.problem == "not_everywhere"
    assert found.found == (f"{world.running.dns_servers[1]}: 192.0.2.1",)


async def test_a_silent_name_server_is_named_and_the_others_count(world: World) -> None:
    assert await findings(world, *RIGHT) == []
    async with running_inwx(name_servers=1) as other:
        listed = [at.split(":") for at in (world.running.dns_servers[0], *other.dns_servers)]
        authority = Authority([ServerAddress(host, int(port)) for host, port in listed])
        [found] = (await examine(authority, own_hosts(DOMAIN), ())).findings
    assert found.problem == "name_server_silent"
    assert found.found == (f"{other.dns_servers[0]}: code REFUSED",)


async def test_a_domain_that_is_not_registered_has_no_name_servers(world: World) -> None:
    [found] = (await examine(world.authority, own_hosts("unregistered.example"), ())).findings
    assert (found.problem, found.name) == ("no_name_servers", "unregistered.example")


@pytest.mark.parametrize(
    ("records", "forbidden"),
    [
        ([], False),
        (['0 issue "letsencrypt.org"'], False),
        (['0 issue "LetsEncrypt.org; validationmethods=dns-01,http-01"'], False),
        (['0 issue "ca.example"', '0 issue "letsencrypt.org"'], False),
        (['0 issuewild "ca.example"', '0 iodef "mailto:a@b.example"'], False),
        (['0 issue ";"'], True),
        (['0 ISSUE "ca.example"'], True),
        (['0 issue "letsencrypt.org; validationmethods=dns-01"'], True),
        (['0 issue "letsencrypt.org; accounturi=https://acme.example/1"'], True),
        (['0 issue "letsencrypt.org"', '128 tbs "unknown"'], True),
    ],
)
def test_caa_records_forbid_or_allow_as_the_standard_says(records: list[str], forbidden: bool) -> None:
    assert forbids(records) is forbidden
