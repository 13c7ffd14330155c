"""Records at the INWX simulator: what it keeps, what it refuses, with which code."""

from typing import Any

from tests.simulators.inwx_api import EXISTS, OK, UNKNOWN, Inwx


async def test_record_is_created_and_found_with_string_ids_and_absolute_names(demo: Inwx) -> None:
    created = await demo.create(name="Kunde1.vrs.example", ttl=300)
    record_id = created["resData"]["id"]
    assert created == OK | {"resData": {"id": record_id}}
    assert isinstance(record_id, str)
    assert int(record_id) > 2**31
    found = await demo.call(
        "nameserver.info", domain="vrs.example", name="kunde1.vrs.example", type="A", lang="en", clTRID="t-1"
    )
    assert found == OK | {
        "resData": {
            "roId": found["resData"]["roId"],
            "domain": "vrs.example",
            "type": "MASTER",
            "cleanup": {"status": "OK", "tstamp": 0},
            "count": 1,
            "record": [
                {
                    "id": record_id,
                    "name": "kunde1.vrs.example",
                    "type": "A",
                    "content": "192.0.2.1",
                    "ttl": 300,
                    "prio": 0,
                }
            ],
        }
    }


async def test_info_without_a_match_has_neither_count_nor_records(demo: Inwx) -> None:
    data = (await demo.call("nameserver.info", domain="vrs.example", name="nobody.vrs.example"))["resData"]
    assert data.keys() == {"roId", "domain", "type", "cleanup"}


async def test_info_filters_by_each_field(demo: Inwx) -> None:
    record_id = (await demo.create())["resData"]["id"]
    await demo.create("192.0.2.2", ttl=600)
    await demo.create("mail.vrs.example", type="MX", prio=10)
    filters: list[dict[str, Any]] = [
        {"recordId": int(record_id)},
        {"content": "192.0.2.2"},
        {"ttl": 600},
        {"prio": 10},
        {"type": "mx"},
    ]
    for one in filters:
        assert len(await demo.rows(**one)) == 1
    assert len(await demo.rows(name="a.vrs.example")) == 3


async def test_apex_has_several_names(demo: Inwx) -> None:
    for last, name in enumerate(["", "@", "vrs.example", "VRS.example"]):
        await demo.create(f"192.0.2.{last}", name=name)
    assert [row["name"] for row in await demo.rows(type="A")] == ["vrs.example"] * 4


async def test_relative_name_is_taken_below_the_zone(demo: Inwx) -> None:
    await demo.create(name="www")
    assert [row["name"] for row in await demo.rows(type="A")] == ["www.vrs.example"]


async def test_name_that_cannot_be_is_2005(demo: Inwx) -> None:
    dotted = ["a.vrs.example.", "a..b"]
    for name in [*dotted, "-a", "a-", "ä.vrs.example", "a b", "a.*.vrs.example", "x" * 64, "a." * 121 + "a"]:
        answer = await demo.create(name=name)
        assert (answer["code"], answer.get("reasonCode"), name) == (2005, "INVALID_NAME", name)


async def test_content_is_kept_as_it_was_sent(demo: Inwx) -> None:
    kept = [
        ("A", "203.0.113.7"),
        ("AAAA", "2001:db8::1"),
        ("CNAME", "lb.vrs.example"),
        ("CNAME", "_x.y_z.example"),
        ("MX", "."),
        ("NS", "ns.kunde.example"),
        ("CAA", '0 issue "letsencrypt.org; validationmethods=dns-01"'),
        ("SRV", "5 443 host.example"),
        ("TLSA", "3 1 1 " + "ab" * 32),
        ("TXT", "v=spf1 include:x.example; all"),
        ("TXT", "x" * 600),
    ]
    for number, (kind, content) in enumerate(kept):
        await demo.create(content, type=kind, name=f"n{number}")
        assert [row["content"] for row in await demo.rows(name=f"n{number}")] == [content]


async def test_final_dot_of_a_target_is_dropped(demo: Inwx) -> None:
    await demo.create("lb.vrs.example.", type="CNAME")
    assert [row["content"] for row in await demo.rows(type="CNAME")] == ["lb.vrs.example"]


async def test_content_that_the_type_cannot_have_is_2005(demo: Inwx) -> None:
    wrong = [
        ("A", "192.0.2.256"),
        ("A", "192.0.2.1 "),
        ("A", "2001:db8::1"),
        ("A", "192.0.2.1 ; comment"),
        ("AAAA", "192.0.2.1"),
        ("AAAA", "fe80::1%eth0"),
        ("CNAME", "two names"),
        ("CNAME", "ä.example"),
        ("CNAME", "."),
        ("MX", "10 mail.vrs.example"),
        ("NS", "ns..example"),
        ("CAA", "letsencrypt.org"),
        ("SRV", "host.example"),
        ("TXT", "ends in a blank "),
        ("TXT", ""),
    ]
    for kind, content in wrong:
        answer = await demo.create(content, type=kind)
        detail = {
            "code": "PARAM_INVALID",
            "location": "request.content",
            "locationValue": content,
            "msg": "The parameter '' is invalid",
        }
        assert (answer["code"], answer.get("details")) == (2005, [detail])


async def test_type_that_is_not_taken_is_2005(demo: Inwx) -> None:
    for kind in ("KEY", "DS", "ALIAS", "SOA", "nonsense"):
        assert (await demo.create(type=kind))["reasonCode"] == "INVALID_TYPE"


async def test_ttl_has_limits(demo: Inwx) -> None:
    codes = [(await demo.create(ttl=ttl, name=f"n{ttl}"))["code"] for ttl in (0, 299, 300, 864_000, 864_001)]
    assert codes == [2005, 2005, 1000, 1000, 2005]


async def test_ttl_is_an_hour_when_not_given(demo: Inwx) -> None:
    await demo.create()
    assert [row["ttl"] for row in await demo.rows(type="A")] == [3600]


async def test_missing_parameter_is_2003(demo: Inwx) -> None:
    assert await demo.call("nameserver.deleteRecord") == {
        "code": 2003,
        "msg": "Required parameter missing",
        "reasonCode": "MISSING_ID",
        "reason": "The following parameter is missing: id",
        "details": [{"code": "PARAM_MISSING", "msg": "The parameter 'id' is missing"}],
    }
    lacking: list[tuple[str, dict[str, Any], str]] = [
        ("nameserver.createRecord", {"domain": "vrs.example", "type": "A"}, "MISSING_CONTENT"),
        ("nameserver.createRecord", {"type": "A", "content": "192.0.2.1"}, "MISSING_DOMAIN"),
        ("nameserver.info", {}, "MISSING_DOMAIN"),
        ("nameserver.create", {"domain": "x.example", "type": "MASTER"}, "MISSING_NS"),
        ("domain.info", {}, "MISSING_DOMAIN"),
        ("account.login", {"user": "demo"}, "MISSING_PASS"),
    ]
    for method, params, reason in lacking:
        assert (await demo.call(method, **params))["reasonCode"] == reason


async def test_exact_duplicate_is_2302_without_an_id(demo: Inwx) -> None:
    await demo.create()
    assert await demo.create() == EXISTS
    assert await demo.create(ttl=600) == EXISTS
    assert (await demo.create("192.0.2.2"))["code"] == 1000
    await demo.create("2001:db8::1", type="AAAA")
    assert await demo.create("2001:DB8:0::1", type="AAAA") == EXISTS


async def test_cname_stands_alone(demo: Inwx) -> None:
    await demo.create()
    assert (await demo.create("lb.vrs.example", type="CNAME"))["code"] == 2306
    await demo.create("lb.vrs.example", type="CNAME", name="b")
    assert (await demo.create("other.example", type="CNAME", name="b"))["code"] == 2306
    assert (await demo.create(name="b"))["code"] == 2306
    assert await demo.create("lb.vrs.example", type="CNAME", name="b") == EXISTS
    assert (await demo.create("lb.vrs.example", type="CNAME", name="@"))["code"] == 2306


async def test_update_changes_what_is_given_and_may_be_repeated(demo: Inwx) -> None:
    record_id = (await demo.create(ttl=300))["resData"]["id"]
    for _ in range(2):
        assert await demo.call("nameserver.updateRecord", id=record_id, content="192.0.2.9") == OK
    (row,) = await demo.rows(type="A")
    assert (row["id"], row["content"], row["ttl"]) == (record_id, "192.0.2.9", 300)
    assert await demo.call("nameserver.updateRecord", id=int(record_id), name="b", ttl=600) == OK
    (row,) = await demo.rows(type="A")
    assert (row["name"], row["content"], row["ttl"]) == ("b.vrs.example", "192.0.2.9", 600)


async def test_update_takes_several_ids(demo: Inwx) -> None:
    ids = [(await demo.create(name=name))["resData"]["id"] for name in "ab"]
    assert await demo.call("nameserver.updateRecord", id=ids, ttl=900) == OK
    assert [row["ttl"] for row in await demo.rows(type="A")] == [900, 900]


async def test_update_is_refused_as_create_is(demo: Inwx) -> None:
    await demo.create()
    record_id = (await demo.create("192.0.2.2"))["resData"]["id"]
    before = await demo.rows(type="A")
    assert await demo.call("nameserver.updateRecord", id=record_id, content="192.0.2.1") == EXISTS
    assert (await demo.call("nameserver.updateRecord", id=record_id, content="nonsense"))["code"] == 2005
    assert (await demo.call("nameserver.updateRecord", id=record_id, ttl=299))["code"] == 2005
    assert await demo.call("nameserver.updateRecord", id="2153999999", ttl=600) == UNKNOWN
    assert await demo.rows(type="A") == before


async def test_delete_is_2303_the_second_time(demo: Inwx) -> None:
    record_id = (await demo.create())["resData"]["id"]
    assert await demo.call("nameserver.deleteRecord", id=record_id) == OK
    assert await demo.call("nameserver.deleteRecord", id=record_id) == UNKNOWN
    assert await demo.rows(type="A") == []
    assert (await demo.call("nameserver.deleteRecord", id=[record_id]))["code"] == 2005


async def test_soa_record_stays_and_its_serial_rises(demo: Inwx) -> None:
    (soa,) = await demo.rows(type="SOA")
    server, mail, serial = soa["content"].split(" ")
    assert (server, mail, soa["ttl"]) == ("ns.inwx.example", "hostmaster@inwx.example", 86400)
    assert (await demo.call("nameserver.deleteRecord", id=soa["id"]))["code"] == 2304
    assert (await demo.call("nameserver.updateRecord", id=soa["id"], ttl=600))["code"] == 2304
    await demo.create()
    (after,) = await demo.rows(type="SOA")
    assert after["id"] == soa["id"]
    assert int(after["content"].split(" ")[2]) == int(serial) + 1
