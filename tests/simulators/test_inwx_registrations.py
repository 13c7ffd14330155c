"""Domains that cost money at the INWX simulator: what it asks for, what it charges, what it refuses."""

from typing import Any

import pytest

from tests.shared.messaging.harness import until
from tests.simulators.inwx_api import EXISTS, UNKNOWN, Inwx

OWNER: dict[str, Any] = {
    "type": "PERSON",
    "name": "Otto Blum",
    "street": "Rosenweg 5",
    "city": "Berlin",
    "pc": "10115",
    "cc": "DE",
    "voice": "+49.301234567",
    "email": "otto@blumen.example",
}
NS = ["ns.inwx.example", "ns2.inwx.example"]


async def handle(demo: Inwx, **changed: Any) -> int:
    found: int = (await demo.call("contact.create", **OWNER | changed))["resData"]["id"]
    return found


async def buy(demo: Inwx, domain: str = "neu.example", **params: Any) -> Any:
    given: dict[str, Any] = {
        "domain": domain,
        "registrant": params.pop("registrant", None) or await handle(demo),
        "ns": NS,
    }
    return await demo.call("domain.create", **given | params)


async def charges(demo: Inwx) -> list[float]:
    return [each["euros"] for each in (await demo.http.get(f"{demo.control_url}/domains")).json()["charges"]]


async def test_an_equal_contact_has_its_handle_already(demo: Inwx) -> None:
    first = await handle(demo)
    assert await handle(demo) == first
    assert await handle(demo, city="Köln") != first
    assert await handle(demo, forceNew=1) != first


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"voice": "030 1234567"}, 2005, "INVALID_VOICE"),
        ({"email": "otto"}, 2005, "INVALID_EMAIL"),
        ({"cc": "Germany"}, 2005, "INVALID_CC"),
        ({"street": "x" * 65}, 2005, "INVALID_STREET"),
        ({"pc": ""}, 2005, "INVALID_PC"),
    ],
)
async def test_a_contact_is_refused_for_what_is_wrong_with_it(
    demo: Inwx, changed: dict[str, Any], code: int, reason: str
) -> None:
    answer = await demo.call("contact.create", **OWNER | changed)
    assert (answer["code"], answer["reasonCode"]) == (code, reason)


async def test_a_registered_domain_is_charged_held_and_renewed_as_asked(demo: Inwx) -> None:
    before = (await demo.call("accounting.accountBalance"))["resData"]["available"]
    answer = await buy(demo, renewalMode="AUTOEXPIRE")
    assert (answer["code"], answer["resData"]["price"], answer["resData"]["currency"]) == (1000, 4.65, "EUR")
    assert (await demo.call("accounting.accountBalance"))["resData"]["available"] == pytest.approx(before - 4.65)
    found = (await demo.call("domain.info", domain="neu.example"))["resData"]
    assert (found["status"], found["renewalMode"], found["ns"]) == ("OK", "AUTOEXPIRE", NS)
    assert found["exDate"]["timestamp"] > 0
    assert (await demo.call("domain.update", domain="neu.example", renewalMode="AUTORENEW"))["code"] == 1000
    assert (await demo.call("domain.info", domain="neu.example"))["resData"]["renewalMode"] == "AUTORENEW"
    assert await buy(demo) == EXISTS
    assert await charges(demo) == [4.65]


async def test_a_registration_takes_its_time_and_who_orders_again_pays_again(demo: Inwx) -> None:
    await demo.control(registration_seconds=1)
    assert [(await buy(demo, asynchron=1))["code"] for _ in range(2)] == [1001, 1001]
    assert await charges(demo) == [4.65, 4.65]
    pending = (await demo.call("domain.info", domain="neu.example"))["resData"]
    assert (pending["status"], "exDate" in pending) == ("REG INITIATED", False)
    assert (await demo.call("domain.update", domain="neu.example", renewalMode="AUTOEXPIRE"))["code"] == 2304

    async def is_done() -> bool:
        return bool((await demo.call("domain.info", domain="neu.example"))["resData"]["status"] == "OK")

    await until(is_done)


async def test_a_registration_that_fails_at_its_end_leaves_the_name_free(demo: Inwx) -> None:
    await demo.control(fail_registrations=1)
    assert (await buy(demo, asynchron=1))["code"] == 1001
    assert (await demo.call("domain.info", domain="neu.example"))["resData"]["status"] == "REG FAILED"
    assert await demo.call("domain.update", domain="neu.example") == UNKNOWN
    assert (await demo.call("domain.check", domain="neu.example"))["resData"]["domain"][0]["avail"] == 1
    assert (await buy(demo))["code"] == 1000


@pytest.mark.parametrize(
    ("domain", "params", "code"),
    [
        ("kein name.example", {}, 2005),
        ("neu.example", {"registrant": 1}, 2303),
        ("neu.example", {"ns": NS[:1]}, 2306),
        ("neu.example", {"period": "3W"}, 2005),
        ("neu.example", {"renewalMode": "NEVER"}, 2005),
        ("neu.de", {}, 2306),
        ("vrs.example", {}, 2302),
    ],
)
async def test_an_order_is_refused_for_what_is_wrong_with_it_and_not_charged(
    demo: Inwx, domain: str, params: dict[str, Any], code: int
) -> None:
    assert (await buy(demo, domain, **params))["code"] == code
    assert await charges(demo) == []


async def test_an_eu_domain_is_for_residents_and_citizens(demo: Inwx) -> None:
    swiss = await handle(demo, cc="CH", pc="8001")
    assert (await buy(demo, "otto.eu", registrant=swiss))["code"] == 2306
    citizen = {"EU-COUNTRY-OF-CITIZENSHIP": "FR"}
    assert (await buy(demo, "otto.eu", registrant=swiss, extData=citizen))["code"] == 1000


async def test_premium_names_have_their_price_and_without_credit_nothing_is_sold(demo: Inwx) -> None:
    await demo.control(premium={"gold.example": 900}, credit={"demo": 899.99})
    prices = await demo.call("domain.getdomainprice", domain=["gold.example", "neu.example"], pricetype="reg")
    assert [(each["price"], each["premium"]) for each in prices["resData"]["domain"]] == [(900, True), (4.65, False)]
    assert (await buy(demo, "gold.example"))["code"] == 2104
    assert (await buy(demo, "neu.example", testing=1))["code"] == 1000
    assert await charges(demo) == []
