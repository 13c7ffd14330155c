"""The Brevo simulator is as strict as Brevo: keys, fields, names, its limit, and what really stands in the DNS."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from simulators.brevo import API_KEY, running_brevo
from simulators.inwx import running_inwx

DOMAIN = "kunde.example"
DOMAINS = "/senders/domains"


@dataclass
class Api:
    http: httpx.AsyncClient
    control_url: str
    inwx_control_url: str

    async def control(self, **wanted: Any) -> httpx.Response:
        return await self.http.post(self.control_url, json=wanted)

    async def create(self, **body: Any) -> httpx.Response:
        return await self.http.post(DOMAINS, json=body or {"name": DOMAIN})

    async def authenticate(self) -> httpx.Response:
        return await self.http.put(f"{DOMAINS}/{DOMAIN}/authenticate")

    async def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.http.get(f"{DOMAINS}/{DOMAIN}")).json()
        return shown

    async def publish(self, records: dict[str, Any], **changed: str) -> None:
        """Set the records at the domain's name servers; `changed` have other values."""
        rows = [
            {"name": row["host_name"].rstrip("."), "type": row["type"], "content": changed.get(key, row["value"])}
            for key, row in records.items()
            if row
        ]
        answer = await self.http.post(self.inwx_control_url, json={"elsewhere": {"zone": DOMAIN, "records": rows}})
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with (
        running_inwx() as inwx,
        running_brevo(dns_servers=inwx.dns_servers) as brevo,
        httpx.AsyncClient(base_url=brevo.url, headers={"api-key": API_KEY}) as http,
    ):
        yield Api(http, brevo.control_url, inwx.control_url)


@pytest.mark.parametrize("key", [None, "", "xkeysib-wrong"])
async def test_nobody_gets_in_without_a_key(api: Api, key: str | None) -> None:
    api.http.headers.pop("api-key")
    answer = await api.http.get(DOMAINS, headers={} if key is None else {"api-key": key})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": DOMAIN, "type": "x"}, "invalid_parameter"),
        ({"nam": DOMAIN}, "invalid_parameter"),
        ({"name": "kunde"}, "invalid_parameter"),
        ({"name": "Kunde.example"}, "invalid_parameter"),
        ({"name": 7}, "invalid_parameter"),
    ],
)
async def test_what_is_no_domain_is_refused(api: Api, body: dict[str, Any], code: str) -> None:
    answer = await api.create(**body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await api.http.post(DOMAINS, json={})).json()["code"] == "missing_parameter"
    assert (await api.http.post(DOMAINS, content=b"[")).json()["code"] == "bad_request"


async def test_a_domain_is_made_once_and_deleted_once(api: Api) -> None:
    made = (await api.create()).json()
    assert (made["domain_name"], made["message"][:25]) == (DOMAIN, "Domain added successfully")
    again = await api.create()
    assert (again.status_code, again.json()["code"]) == (400, "duplicate_parameter")
    assert [each["domain_name"] for each in (await api.http.get(DOMAINS)).json()["domains"]] == [DOMAIN]
    assert (await api.http.delete(f"{DOMAINS}/{DOMAIN}")).status_code == 204
    gone = await api.http.delete(f"{DOMAINS}/{DOMAIN}")
    assert (gone.status_code, gone.json()["code"]) == (404, "document_not_found")


async def test_a_domain_of_another_account_is_neither_shown_nor_made(api: Api) -> None:
    await api.control(taken=DOMAIN)
    assert (await api.create()).json()["code"] == "duplicate_parameter"
    assert (await api.http.get(f"{DOMAINS}/{DOMAIN}")).status_code == 404


@pytest.mark.parametrize("dkim", ["cname", "txt"])
async def test_it_is_verified_only_when_the_name_servers_have_its_records(api: Api, dkim: str) -> None:
    await api.control(dkim=dkim)
    records = (await api.create()).json()["dns_records"]
    refused = await api.authenticate()
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    await api.publish(records, dmarc_record="v=DMARC1; p=none")  # without a place for reports
    assert (await api.authenticate()).status_code == 400
    shown = await api.shown()
    assert (shown["verified"], shown["authenticated"]) == (True, False)
    assert [key for key, row in shown["dns_records"].items() if row and not row["status"]] == ["dmarc_record"]
    await api.publish(records)
    assert (await api.authenticate()).status_code == 200
    assert (await api.shown())["authenticated"]


async def test_a_name_server_that_lags_behind_keeps_it_unverified(api: Api) -> None:
    records = (await api.create()).json()["dns_records"]
    await api.http.post(api.inwx_control_url, json={"propagation": [0, 3600]})
    await api.publish(records)
    assert (await api.authenticate()).status_code == 400


async def test_the_limit_is_by_the_hour_and_said_in_headers(api: Api) -> None:
    await api.control(rate_limit=1)
    first = await api.http.get(DOMAINS)
    assert (first.status_code, first.headers["x-sib-ratelimit-remaining"]) == (200, "0")
    second = await api.http.get(DOMAINS)
    assert (second.status_code, 3500 < int(second.headers["x-sib-ratelimit-reset"]) <= 3600) == (429, True)
    await api.control(reset=True)
    assert (await api.http.get(DOMAINS)).status_code == 200


async def test_it_does_wrong_what_it_is_told_to_and_unknown_wishes_are_refused(api: Api) -> None:
    await api.control(fault={"call": "create_domain", "kind": "error_after"})
    assert (await api.create()).status_code == 502
    assert (await api.shown())["domain"] == DOMAIN
    assert (await api.control(dkim="rsa")).status_code == 422
    assert (await api.control(taken=DOMAIN)).status_code == 422
