"""Zones and domains at the INWX simulator: whose they are and what they start with."""

from typing import Any

import httpx

from tests.simulators.inwx_api import EXISTS, OK, UNKNOWN, Inwx, tan


async def test_unknown_zone_and_a_host_name_for_a_zone_are_2303(demo: Inwx) -> None:
    assert await demo.create(domain="nowhere.example") == UNKNOWN
    assert await demo.call("nameserver.info", domain="a.vrs.example") == UNKNOWN


async def test_zones_and_records_of_another_account_do_not_exist(demo: Inwx, other: httpx.AsyncClient) -> None:
    await demo.login("totp", "totp-demo", http=other)
    await demo.call("account.unlock", http=other, tan=tan())
    record_id = (await demo.create())["resData"]["id"]
    for method, params in [
        ("nameserver.info", {"domain": "vrs.example"}),
        ("nameserver.createRecord", {"domain": "vrs.example", "type": "A", "content": "192.0.2.1"}),
        ("nameserver.updateRecord", {"id": record_id, "content": "192.0.2.9"}),
        ("nameserver.deleteRecord", {"id": record_id}),
        ("nameserver.delete", {"domain": "vrs.example"}),
        ("domain.info", {"domain": "vrs.example"}),
    ]:
        assert await demo.call(method, http=other, **params) == UNKNOWN
    assert len(await demo.rows(type="A")) == 1


async def test_testing_changes_nothing(demo: Inwx) -> None:
    record_id = (await demo.create())["resData"]["id"]
    before = (await demo.http.get(f"{demo.control_url}/zones")).json()
    assert await demo.create("192.0.2.2", testing=1) == OK
    assert await demo.create(testing=True) == EXISTS
    assert await demo.call("nameserver.updateRecord", id=record_id, ttl=600, testing=1) == OK
    assert await demo.call("nameserver.deleteRecord", id=record_id, testing=1) == OK
    assert await demo.call("nameserver.delete", domain="vrs.example", testing=1) == OK
    new: dict[str, Any] = {"domain": "x.example", "type": "MASTER", "ns": ["ns.x.example", "ns2.x.example"]}
    assert await demo.call("nameserver.create", testing=1, **new) == OK
    assert (await demo.http.get(f"{demo.control_url}/zones")).json() == before


async def test_new_zone_has_soa_and_ns_records(demo: Inwx) -> None:
    new: dict[str, Any] = {"domain": "neu.example", "type": "MASTER", "ns": ["ns.inwx.example", "ns2.inwx.example"]}
    created = await demo.call("nameserver.create", **new)
    assert created == OK | {"resData": {"roId": created["resData"]["roId"]}}
    assert isinstance(created["resData"]["roId"], int)
    rows = await demo.rows(domain="neu.example")
    assert sorted((row["type"], row["ttl"]) for row in rows) == [("NS", 86400), ("NS", 86400), ("SOA", 86400)]
    assert await demo.call("nameserver.create", **new) == EXISTS
    assert await demo.call("nameserver.create", ignoreExisting=1, **new) == created
    by_number = await demo.call("nameserver.info", roId=created["resData"]["roId"])
    assert by_number["resData"]["domain"] == "neu.example"
    assert await demo.call("nameserver.delete", domain="neu.example") == OK
    assert await demo.call("nameserver.info", domain="neu.example") == UNKNOWN


async def test_zone_that_cannot_be_is_refused(demo: Inwx) -> None:
    servers = ["ns.inwx.example", "ns2.inwx.example"]
    for domain, kind, code in [
        ("ä.example", "MASTER", 2005),
        ("example", "MASTER", 2005),
        ("neu.example", "PRIMARY", 2005),
        ("neu.example", "SLAVE", 2102),
        ("vrs-totp.example", "MASTER", 2302),
    ]:
        answer = await demo.call("nameserver.create", domain=domain, type=kind, ns=servers)
        assert answer["code"] == code


async def test_lists_come_in_pages_of_20(demo: Inwx) -> None:
    for number in range(25):
        await demo.control(zone={"account": "demo", "domain": f"z{number:02}.example"})
    first = (await demo.call("nameserver.list", domain="z*"))["resData"]
    second = (await demo.call("nameserver.list", domain="z*", page=2))["resData"]
    assert (first["count"], len(first["domains"]), len(second["domains"])) == (25, 20, 5)
    assert second["domains"][-1].keys() == {"roId", "domain", "type"}
    assert len((await demo.call("nameserver.list", pagelimit=100))["resData"]["domains"]) == 28
    domains = (await demo.call("domain.list", page=2))["resData"]
    assert (domains["count"], len(domains["domain"])) == (28, 8)


async def test_domain_info_names_the_name_servers(demo: Inwx) -> None:
    domain = (await demo.call("domain.info", domain="kunde-mit-domain.example"))["resData"]
    assert domain["ns"] == ["ns.inwx.example", "ns2.inwx.example"]
    assert domain["status"] == "OK"
    assert domain["exDate"].keys() == {"scalar", "xmlrpc_type", "timestamp"}
    assert await demo.call("domain.info", domain="www.vrs.example") == UNKNOWN


async def test_domain_check_tells_what_is_free(demo: Inwx) -> None:
    await demo.control(elsewhere={"zone": "fremd.example"})
    answer = await demo.call("domain.check", domain=["frei.example", "vrs-totp.example", "fremd.example"])
    assert [row["avail"] for row in answer["resData"]["domain"]] == [1, 0, 0]
