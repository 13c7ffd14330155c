"""The INWX client against the simulator's faults: no record twice, no lost one taken for made, clear errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from contracts import DnsRecord, RecordType
from services.dns.inwx import Inwx, InwxRecord
from services.dns.inwx_errors import (
    InwxExistsError,
    InwxLoginError,
    InwxNotFoundError,
    InwxRefusedError,
    InwxUnavailableError,
    OutcomeUnknownError,
)
from services.dns.tan import WINDOW, TanSource, normalised_secret
from shared.errors import PermanentError, TemporaryError
from shared.http import http_client
from shared.metrics import REGISTRY
from simulators.inwx import TOTP_SECRET
from tests.services.dns.world import CREATE, World, session

UPDATE, DELETE, INFO, LOGIN = (
    "nameserver.updateRecord",
    "nameserver.deleteRecord",
    "nameserver.info",
    "account.login",
)


def a_record(content: str = "192.0.2.10", **more: Any) -> DnsRecord:
    name = f"kunde-{uuid4().hex[:8]}.vrs.example"
    return DnsRecord.model_validate({"name": name, "type": "A", "content": content, **more})


async def test_a_record_is_created_read_changed_and_deleted(world: World) -> None:
    record = a_record()
    record_id = await world.inwx.create_record("vrs.example", record)
    [found] = await world.inwx.records("vrs.example", name=record.name)
    assert (found.id, found.equals(record), found.ttl) == (record_id, True, 300)

    changed = record.model_copy(update={"content": "192.0.2.11", "ttl": 600})
    await world.inwx.update_record("vrs.example", record_id, changed)
    [found] = await world.inwx.records("vrs.example", name=record.name)
    assert (found.id, found.content, found.ttl) == (record_id, "192.0.2.11", 600)

    for _ in range(2):
        await world.inwx.delete_record("vrs.example", record_id, name=record.name)
    assert await world.inwx.records("vrs.example", name=record.name) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_answer", "seconds": 1},
        {"kind": "error_after"},
        {"kind": "malformed"},
        {"kind": "empty"},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_a_write_that_was_done_without_an_answer_is_found_and_not_repeated(
    hasty_world: World, fault: dict[str, Any]
) -> None:
    world, record = hasty_world, a_record()
    await world.fault(CREATE, **fault)
    record_id = await world.inwx.create_record("vrs.example", record)
    assert [row["id"] for row in await world.records("vrs.example", record.name)] == [record_id]

    changed = record.model_copy(update={"content": "192.0.2.11"})
    await world.fault(UPDATE, **fault)
    await world.inwx.update_record("vrs.example", record_id, changed)
    await world.fault(DELETE, **fault)
    await world.inwx.delete_record("vrs.example", record_id, name=record.name)

    assert await world.records("vrs.example", record.name) == []
    calls = await world.calls()
    assert [calls[method] for method in (CREATE, UPDATE, DELETE)] == [1, 1, 1]


@pytest.mark.parametrize("fault", [{"kind": "error"}, {"kind": "rate_limited"}], ids=lambda fault: fault["kind"])
async def test_a_write_that_was_not_done_is_said_to_be_open(world: World, fault: dict[str, Any]) -> None:
    record = a_record()
    await world.fault(CREATE, **fault)
    with pytest.raises(OutcomeUnknownError):
        await world.inwx.create_record("vrs.example", record)
    record_id = await world.inwx.create_record("vrs.example", record)

    writes: dict[str, Callable[[], Awaitable[None]]] = {
        UPDATE: lambda: world.inwx.update_record("vrs.example", record_id, a_record("192.0.2.99")),
        DELETE: lambda: world.inwx.delete_record("vrs.example", record_id, name=record.name),
    }
    for method, call in writes.items():
        await world.fault(method, **fault)
        with pytest.raises(OutcomeUnknownError):
            await call()
    assert [row["id"] for row in await world.records("vrs.example", record.name)] == [record_id]


async def test_a_slow_answer_within_the_timeout_is_an_answer(hasty_world: World) -> None:
    await hasty_world.fault(CREATE, "slow", seconds=0.1)
    assert await hasty_world.inwx.create_record("vrs.example", a_record())


@pytest.mark.parametrize("kind", ["error", "malformed", "empty", "rate_limited", "lost_answer"])
async def test_a_read_without_an_answer_is_tried_again_later(hasty_world: World, kind: str) -> None:
    await hasty_world.fault(INFO, kind, **({"seconds": 1} if kind == "lost_answer" else {}))
    with pytest.raises(InwxUnavailableError) as caught:
        await hasty_world.inwx.records("vrs.example")
    assert caught.value.retry_after == (1.0 if kind == "rate_limited" else None)


async def test_an_equal_record_that_exists_gives_its_id(world: World) -> None:
    record = a_record()
    record_id = await world.inwx.create_record("vrs.example", record)
    assert await world.inwx.create_record("vrs.example", record) == record_id


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (2400, InwxUnavailableError),
        (2502, InwxUnavailableError),
        (2104, InwxUnavailableError),
        (2304, InwxUnavailableError),
        (2201, InwxRefusedError),
        (2306, InwxRefusedError),
        (2001, InwxRefusedError),
        (2302, InwxExistsError),
        (2303, InwxNotFoundError),
    ],
)
async def test_each_result_code_says_whether_another_try_helps(
    world: World, code: int, error: type[TemporaryError | PermanentError]
) -> None:
    await world.fault(INFO, "refused", code=code)
    with pytest.raises(error) as caught:
        await world.inwx.records("vrs.example")
    assert type(caught.value) is error
    assert caught.value.code == f"inwx_{code}"
    assert await world.inwx.records("vrs.example")


@pytest.mark.parametrize("code", [2002, 2200, 2500, 2501])
async def test_a_lost_session_is_opened_again_once(world: World, code: int) -> None:
    await world.inwx.user()
    await world.fault(INFO, "refused", code=code)
    assert await world.inwx.records("vrs.example")
    assert (await world.calls())[LOGIN] == 2

    await world.fault(INFO, "refused", code=code, times=2)
    with pytest.raises(InwxUnavailableError if code == 2500 else InwxLoginError):
        await world.inwx.records("vrs.example")
    assert await world.inwx.records("vrs.example")


async def test_a_session_that_has_ended_counts_as_no_failure_and_a_sign_in_that_is_refused_does(world: World) -> None:
    def counted(outcome: str) -> float:
        labels = {"vendor": "inwx", "outcome": outcome}
        return REGISTRY.get_sample_value("vrs_vendor_call_seconds_count", labels) or 0.0

    await world.inwx.user()
    ended, refused = counted("signed out"), counted("2200")
    await world.fault(INFO, "refused", code=2200)
    await world.inwx.records("vrs.example")
    assert (counted("signed out"), counted("2200")) == (ended + 1, refused)
    await world.fault(INFO, "refused", code=2200, times=2)
    with pytest.raises(InwxLoginError):
        await world.inwx.records("vrs.example")
    assert (counted("signed out"), counted("2200")) == (ended + 2, refused + 1)
    async with http_client() as http:
        with pytest.raises(InwxLoginError):
            await Inwx(session(world.running, http, password="not-the-password")).user()
    assert counted("2200") == refused + 2


async def test_an_expired_session_costs_no_write(world: World) -> None:
    await world.inwx.user()
    await world.control(expire_sessions=True)
    record = a_record()
    assert await world.inwx.create_record("vrs.example", record)
    assert len(await world.records("vrs.example", record.name)) == 1


async def test_one_session_serves_many_calls_at_once(world: World) -> None:
    await asyncio.gather(*(world.inwx.records("vrs.example") for _ in range(10)))
    assert (await world.calls())[LOGIN] == 1


async def test_wrong_credentials_name_the_variables_and_not_the_password(world: World) -> None:
    async with http_client() as http:
        with pytest.raises(InwxLoginError) as caught:
            await Inwx(session(world.running, http, password="not-the-password")).user()
    assert caught.value.code == "inwx_2200"
    assert "VRS_INWX_PASSWORD" in str(caught.value)
    assert "not-the-password" not in repr(caught.value)


async def test_a_wrong_url_is_named_and_an_absent_server_is_temporary(world: World) -> None:
    async with http_client() as http:
        wrong = session(world.running, http)
        wrong._url = world.running.url + "nowhere"
        with pytest.raises(InwxRefusedError, match="VRS_INWX_URL"):
            await wrong.call("account.check", {})
        wrong._url = "http://127.0.0.1:9/jsonrpc/"
        with pytest.raises(InwxUnavailableError):
            await wrong.call("account.check", {}, writes=True)


def just_before_the_next_window() -> float:
    """A time at which a clock stands still: half a second before a window that the simulator is in.

    The simulator, as RFC 6238 allows, takes the TAN of the window before its own too.
    """
    return time.time() // WINDOW * WINDOW - 0.5


async def test_a_second_factor_is_answered_and_a_tan_never_sent_twice(world: World) -> None:
    stopped = just_before_the_next_window()
    async with http_client() as http:
        tans = TanSource(SecretStr(TOTP_SECRET.lower()), clock=lambda: stopped)
        inwx = Inwx(session(world.running, http, user="totp", password="totp-demo", tans=tans))
        assert await inwx.user() == "totp"
        await world.control(expire_sessions=True)
        started = time.monotonic()
        assert await inwx.user() == "totp"
        assert time.monotonic() - started > 0.2
    assert (await world.calls())["account.unlock"] == 2


async def test_a_tan_that_another_process_used_is_followed_by_the_next_window(world: World) -> None:
    stopped = just_before_the_next_window()
    for expected_unlocks in (1, 3):
        async with http_client() as http:
            tans = TanSource(SecretStr(TOTP_SECRET), clock=lambda: stopped)
            inwx = Inwx(session(world.running, http, user="totp", password="totp-demo", tans=tans))
            assert await inwx.user() == "totp"
        assert (await world.calls())["account.unlock"] == expected_unlocks


async def test_a_second_factor_without_a_secret_names_the_variable(world: World) -> None:
    async with http_client() as http:
        with pytest.raises(InwxLoginError, match="VRS_INWX_TOTP_SECRET") as caught:
            await Inwx(session(world.running, http, user="totp", password="totp-demo")).user()
    assert caught.value.code == "inwx_second_factor"


async def test_a_tan_keeps_its_leading_zeros() -> None:
    for window in range(200):
        tan = await TanSource(SecretStr(TOTP_SECRET), clock=lambda window=window: window * WINDOW).fresh()  # type: ignore[misc]  # mypy cannot infer the default's type
        assert len(tan) == 6
        if tan.startswith("0"):
            return
    raise AssertionError("no TAN began with a zero")


def test_a_secret_is_read_as_people_copy_it() -> None:
    assert normalised_secret("jbsw y3dp ehpk 3pxp") == "JBSWY3DPEHPK3PXP"
    assert normalised_secret("JBSWY3DPEE") == "JBSWY3DPEE======"
    assert TanSource(SecretStr("JBSWY3DPEHPK3PXP"), clock=lambda: 59.0)._totp.generate_otp(1) == "996554"
    for wrong in ("", "no base32!", "1"):
        with pytest.raises(ValueError, match=r"base32|empty"):
            normalised_secret(wrong)


def test_records_are_read_in_every_shape_that_inwx_sends() -> None:
    record = InwxRecord.model_validate(
        {"id": 2153900001, "name": "KÜCHE.example ", "type": "AAAA", "content": "2001:DB8:0:0::1", "ttl": "3600"}
    )
    assert record == InwxRecord(
        id="2153900001", name="xn--kche-0ra.example", type="AAAA", content="2001:db8::1", ttl=3600
    )
    assert record.equals(DnsRecord(name="xn--kche-0ra.example", type=RecordType.AAAA, content="2001:db8::1"))


async def test_the_zone_of_a_name_is_found_by_walking_up(world: World) -> None:
    found = await world.inwx.zone_of("a.b.kunde-mit-domain.example")
    assert found is not None
    assert found[0] == "kunde-mit-domain.example"
    assert await world.inwx.zone_of("shop.fremd.example") is None
    assert sorted(await world.inwx.zones()) == ["kunde-mit-domain.example", "vrs-projects.example", "vrs.example"]
