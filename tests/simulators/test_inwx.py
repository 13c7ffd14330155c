"""The INWX simulator refuses what INWX refuses, with the same codes and shapes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pyotp
import pytest

from simulators.inwx import TOTP_SECRET, running_inwx
from tests.simulators.inwx_api import Inwx

OK = {"code": 1000, "msg": "Command completed successfully"}
NO_SESSION = {"code": 2002, "msg": "Command use error"}
EXISTS = {"code": 2302, "msg": "Object exists"}
UNKNOWN = {"code": 2303, "msg": "Object does not exist"}


@pytest.fixture
async def other() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


async def test_login_answers_with_numbers_and_a_cookie(inwx: Inwx) -> None:
    answer = await inwx.http.post(
        inwx.url, json={"method": "account.login", "params": {"user": "demo", "pass": "demo"}}
    )
    assert answer.json() == OK | {
        "resData": {"customerId": 20077, "customerNo": 120077, "accountId": 71077, "tfa": "0"}
    }
    assert answer.headers["set-cookie"].startswith("domrobot=")
    assert answer.headers["set-cookie"].endswith("; path=/")


async def test_wrong_password_is_2200_and_gives_no_session(inwx: Inwx) -> None:
    assert await inwx.login(password="wrong") == {"code": 2200, "msg": "Authentication error"}
    assert await inwx.login(user="DEMO") == {"code": 2200, "msg": "Authentication error"}
    assert not inwx.http.cookies
    assert await inwx.call("nameserver.list") == NO_SESSION


async def test_user_name_ignores_case_only_when_asked(inwx: Inwx) -> None:
    answer = await inwx.call("account.login", user="DEMO", pass_="demo", case_insensitive=1)
    assert answer["code"] == 1000


async def test_password_must_be_a_string(inwx: Inwx) -> None:
    answer = await inwx.call("account.login", user="demo", pass_=["demo"])
    assert (answer["code"], answer["reasonCode"]) == (2005, "INVALID_PASS")


async def test_call_without_session_is_2002(inwx: Inwx) -> None:
    for method in ("account.info", "account.logout", "nameserver.info", "domain.info"):
        assert await inwx.call(method) == NO_SESSION
    assert await inwx.call("account.unlock", tan="123456") == NO_SESSION


async def test_logout_is_1500_and_ends_the_session_for_everybody_who_has_it(demo: Inwx) -> None:
    assert (await demo.call("account.check"))["resData"] == {"user": "demo"}
    assert await demo.call("account.logout") == OK | {"code": 1500, "resData": {}}
    assert await demo.call("account.check") == NO_SESSION


async def test_forced_expiry_ends_every_session(demo: Inwx) -> None:
    await demo.control(expire_sessions=True)
    assert await demo.call("nameserver.list") == NO_SESSION
    await demo.login()
    assert (await demo.call("nameserver.list"))["code"] == 1000


async def test_credentials_among_the_params_need_no_session(inwx: Inwx) -> None:
    stateless: dict[str, Any] = {"user": "demo", "pass_": "demo"}
    assert (await inwx.call("nameserver.list", **stateless))["resData"]["count"] == 3
    assert not inwx.http.cookies
    assert (await inwx.call("nameserver.list", user="demo", pass_="wrong"))["code"] == 2200
    assert await inwx.call("nameserver.list", user="totp", pass_="totp-demo") == NO_SESSION


def tan(windows_ago: int = 0) -> str:
    return pyotp.TOTP(TOTP_SECRET).at(datetime.now(UTC) - timedelta(seconds=30 * windows_ago))


async def test_second_factor_locks_the_session_until_it_is_unlocked(inwx: Inwx) -> None:
    assert (await inwx.login("totp", "totp-demo"))["resData"]["tfa"] == "GOOGLE-AUTH"
    assert await inwx.call("account.info") == {
        "code": 2200,
        "msg": "Authentication error",
        "reasonCode": "Error_AccountUnlockRequired",
        "reason": "You need to unlock your account with your mobile TAN.",
        "details": [{"code": "ACCOUNT_LOCKED", "msg": "You need to unlock your account with your mobile TAN"}],
    }
    assert await inwx.call("account.unlock", tan=tan()) == OK
    assert (await inwx.call("nameserver.list"))["resData"]["domains"][0]["domain"] == "vrs-totp.example"


async def test_tan_works_once_and_none_older_than_it_works_any_more(inwx: Inwx, other: httpx.AsyncClient) -> None:
    await inwx.login("totp", "totp-demo")
    await inwx.login("totp", "totp-demo", http=other)
    used = tan()
    assert await inwx.call("account.unlock", tan=used) == OK
    refused = {
        "code": 2200,
        "msg": "Authentication error",
        "reasonCode": "INVALID",
        "reason": "The confirmation code is invalid.",
        "details": [{"code": "ACCOUNT_UNLOCK_FAILED", "msg": "The confirmation code is invalid"}],
    }
    assert await inwx.call("account.unlock", http=other, tan=used) == refused
    assert await inwx.call("account.unlock", http=other, tan=tan(windows_ago=1)) == refused
    assert (await inwx.call("account.info", http=other))["reasonCode"] == "Error_AccountUnlockRequired"


async def test_wrong_tan_or_one_without_its_leading_zeros_is_refused(inwx: Inwx) -> None:
    await inwx.login("totp", "totp-demo")
    for wrong in (str((int(tan()) + 1) % 10**6).zfill(6), tan()[1:], tan(windows_ago=5)):
        assert (await inwx.call("account.unlock", tan=wrong))["reasonCode"] == "INVALID"
    assert (await inwx.call("account.unlock", tan=int(tan())))["reasonCode"] == "INVALID_TAN"
    assert (await inwx.call("account.unlock"))["reasonCode"] == "MISSING_TAN"


async def test_method_names_ignore_case_and_unknown_ones_are_2000(demo: Inwx) -> None:
    assert (await demo.call("NAMESERVER.LIST"))["code"] == 1000
    assert await demo.call("nameserver.explode") == {"code": 2000, "msg": "Unknown command"}


async def test_body_that_is_no_call_is_2001(inwx: Inwx) -> None:
    for body in (b"", b"{", b"\xff", b"[]", b'"x"', b'{"method": 1}', b'{"method": "x", "params": []}'):
        answer = await inwx.http.post(inwx.url, content=body)
        assert (answer.status_code, answer.json()["code"], body) == (200, 2001, body)


async def test_text_that_is_no_unicode_breaks_nothing(demo: Inwx) -> None:
    record = rb'{"domain": "vrs.example", "type": "TXT", "content": "\ud800"}'
    for method, params, code in [
        (b"nameserver.createRecord", record, 2005),
        (b"domain.check", rb'{"domain": "\ud800"}', 1000),
    ]:
        answer = await demo.http.post(demo.url, content=b'{"method": "%s", "params": %s}' % (method, params))
        assert (answer.status_code, answer.json()["code"]) == (200, code)


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
    await demo.control(elsewhere={"zone": "fremd.example"})
    servers = ["ns.inwx.example", "ns2.inwx.example"]
    for domain, kind, code in [
        ("ä.example", "MASTER", 2005),
        ("example", "MASTER", 2005),
        ("neu.example", "PRIMARY", 2005),
        ("neu.example", "SLAVE", 2102),
        ("vrs-totp.example", "MASTER", 2302),
        ("fremd.example", "MASTER", 2306),
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


async def test_calls_of_one_session_queue_up_and_those_of_several_do_not(demo: Inwx, other: httpx.AsyncClient) -> None:
    await demo.login(http=other)
    await demo.control(latency=0.1)
    started = monotonic()
    await asyncio.gather(*(demo.call("nameserver.list") for _ in range(4)))
    assert monotonic() - started >= 0.4
    started = monotonic()
    await asyncio.gather(*(demo.call("nameserver.list", http=http) for http in (demo.http, other)))
    assert monotonic() - started < 0.2


async def test_hundreds_of_sessions_wait_at_the_same_time(inwx: Inwx) -> None:
    await inwx.control(latency=0.05)
    stateless: dict[str, Any] = {"user": "demo", "pass_": "demo"}
    started = monotonic()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits) as http:
        answers = await asyncio.gather(*(inwx.create(f"192.0.2.{n}", http=http, **stateless) for n in range(200)))
    assert {answer["code"] for answer in answers} == {1000}
    assert monotonic() - started < 5  # one after the other takes 10 s


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [
        ("error", 502, False),
        ("rate_limited", 429, False),
        ("error_after", 502, True),
        ("malformed", 200, True),
        ("empty", 200, True),
    ],
)
async def test_armed_fault_hits_that_call_once(demo: Inwx, kind: str, status: int, done: bool) -> None:
    await demo.control(fault={"call": "nameserver.createRecord", "kind": kind})
    assert await demo.rows(type="A") == []
    call = {
        "method": "nameserver.createrecord",
        "params": {"domain": "vrs.example", "type": "A", "content": "192.0.2.1"},
    }
    answer = await demo.http.post(demo.url, json=call)
    assert answer.status_code == status
    assert len(await demo.rows(type="A")) == done
    assert await demo.create("192.0.2.3") is not None


async def test_lost_answer_does_the_work_and_does_not_hold_the_session(demo: Inwx) -> None:
    await demo.control(fault={"call": "nameserver.createRecord", "kind": "lost_answer", "seconds": 30})
    with pytest.raises(httpx.ReadTimeout):
        await demo.http.post(
            demo.url,
            json={
                "method": "nameserver.createRecord",
                "params": {"domain": "vrs.example", "type": "A", "content": "192.0.2.1"},
            },
            timeout=0.3,
        )
    assert len(await demo.rows(type="A")) == 1


async def test_armed_result_code_is_answered_instead_of_work(demo: Inwx) -> None:
    await demo.control(fault={"call": "nameserver.createRecord", "kind": "refused", "code": 2400, "times": 2})
    for _ in range(2):
        assert await demo.create() == {"code": 2400, "msg": "Command failed"}
    assert (await demo.create())["code"] == 1000


@pytest.mark.parametrize("code", [2500, 2501, 2502])
async def test_result_code_that_closes_the_connection_ends_the_session(demo: Inwx, code: int) -> None:
    await demo.control(fault={"kind": "refused", "code": code})
    assert (await demo.call("nameserver.list"))["code"] == code
    assert await demo.call("nameserver.list") == NO_SESSION


async def test_wrong_control_request_is_422_and_changes_nothing(inwx: Inwx) -> None:
    wrong: list[dict[str, Any]] = [
        {"fault": {"kind": "refused"}},
        {"fault": {"kind": "refused", "code": 9999}},
        {"fault": {"kind": "slow", "code": 2400}},
        {"zone": {"account": "nobody", "domain": "x.example"}},
        {"zone": {"account": "demo", "domain": "vrs.example"}},
        {"zone": {"account": "demo", "domain": "not a domain"}},
        {"elsewhere": {"zone": "vrs.example", "records": []}},
        {"elsewhere": {"zone": "fremd.example", "records": [{"name": "www", "type": "A", "content": "x"}]}},
        {"propagation": [1.0]},
        {"propagation": -1},
        {"unheard": 1},
    ]
    before = (await inwx.http.get(f"{inwx.control_url}/zones")).json()
    for wanted in wrong:
        answer = await inwx.control(**wanted)
        assert (answer.status_code, wanted) == (422, wanted)
        assert answer.json()["errors"]
    assert (await inwx.http.get(f"{inwx.control_url}/zones")).json() == before


async def test_control_shows_the_zones_and_counts_calls(demo: Inwx) -> None:
    await demo.create()
    zones = {row["domain"]: row for row in (await demo.http.get(f"{demo.control_url}/zones")).json()}
    assert zones["vrs.example"]["account"] == "demo"
    contents = [row["content"] for row in zones["vrs.example"]["records"]]
    assert "192.0.2.1" in contents
    calls = (await demo.http.get(demo.control_url)).json()["calls"]
    assert calls == {"account.login": 1, "nameserver.createRecord": 1}


async def test_two_simulators_in_one_process_share_nothing(demo: Inwx) -> None:
    await demo.create()
    async with running_inwx() as second, httpx.AsyncClient() as http:
        zones = (await http.get(f"{second.control_url}/zones")).json()
    assert not any(row["type"] == "A" for zone in zones for row in zone["records"])
