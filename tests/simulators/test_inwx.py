"""The INWX simulator as an API: sessions, the second factor, queueing, faults, control."""

import asyncio
from time import monotonic
from typing import Any

import httpx
import pytest

from simulators.inwx import running_inwx
from tests.simulators.inwx_api import NO_SESSION, OK, Inwx, tan


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


async def test_calls_of_one_session_queue_up_and_those_of_several_do_not(demo: Inwx, other: httpx.AsyncClient) -> None:
    await demo.login(http=other)
    await demo.control(latency=0.1)
    started = monotonic()
    await asyncio.gather(*(demo.call("nameserver.list") for _ in range(4)))
    assert monotonic() - started >= 0.4
    await demo.control(latency=1)
    started = monotonic()
    await asyncio.gather(*(demo.call("nameserver.list", http=http) for http in (demo.http, other)))
    assert monotonic() - started < 2  # one after the other


async def test_a_hundred_sessions_wait_at_the_same_time(inwx: Inwx) -> None:
    await inwx.control(latency=0.5)
    stateless: dict[str, Any] = {"user": "demo", "pass_": "demo"}
    started = monotonic()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits) as http:
        answers = await asyncio.gather(*(inwx.create(f"192.0.2.{n}", http=http, **stateless) for n in range(100)))
    assert {answer["code"] for answer in answers} == {1000}
    assert monotonic() - started < 25  # one after the other takes 50 s


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
