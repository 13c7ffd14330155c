"""The customers' status page: for whoever has the link, in plain words, with an honest forecast, nothing technical."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import event as sql_event

from contracts import DnsRecordsNeeded, Event, ProvisioningFailed, decode
from services.marketplace.status import words
from shared.database import Database
from shared.status_links import StatusLinks
from tests.examples.documents import ROOT
from tests.services.marketplace.api import Api, running_api

KEY = "k" * 32
DNS, DEPLOY, BOOTSTRAP = "dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed"
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Api]:
    async with running_api(database, status_key=SecretStr(KEY)) as api:
        yield api


async def page_of(shop: Api, project_id: UUID, query: str = "", **headers: str) -> httpx.Response:
    link = (await shop.call("GET", f"/projects/{project_id}")).json()["status_url"]
    return await shop.http.get(f"{urlsplit(link).path}{query}", headers=headers)


def seen(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


async def becomes(shop: Api, project_id: UUID, state: str) -> None:
    await shop.sql("UPDATE projects SET provisioning_state = :state WHERE vrs_id = :id", id=project_id, state=state)


async def done(shop: Api, project_id: UUID, consumer: str, *, ago: str = "0 s", took: str = "60 s") -> None:
    """Have the step been completed so long ago, after so much time."""
    await shop.sql(
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms, at) SELECT :id, split_part(:consumer, '.', 1), :consumer, 'x', 'completed', 1,"
        " gen_random_uuid(), '', '{}', ended - CAST(:took AS text)::interval, 1, ended"
        " FROM (SELECT clock_timestamp() - CAST(:ago AS text)::interval AS ended) t",
        id=project_id,
        consumer=consumer,
        ago=ago,
        took=took,
    )


async def said(shop: Api, project_id: UUID, contract: type[Event]) -> Any:
    """Have a step say the contract's example about this project."""
    example = (ROOT / "contracts/examples" / f"{contract.routing_key()}.json").read_bytes()
    event = decode(example, contract).model_copy(update={"subject": project_id})
    await shop.sql(
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " emitted, started_at, duration_ms) VALUES (:id, 'dns', :consumer, 'x', 'dead', 1, gen_random_uuid(),"
        " 'INWX answered 2201 Authorization error', '{}', :emitted, now(), 1)",
        id=project_id,
        consumer=DNS,
        emitted=event.encode(),
    )
    return event.data


async def test_an_order_is_answered_with_the_link_to_its_page(shop: Api) -> None:
    answer = (await shop.order()).json()
    assert answer["status_url"] == StatusLinks((KEY.encode(),), str(shop.http.base_url)).link(UUID(answer["id"]))
    page = await shop.http.get(urlsplit(answer["status_url"]).path)
    assert page.status_code == 200
    assert "erika" not in page.text.lower()


async def test_the_page_says_its_language_and_lets_nothing_run_load_or_index(shop: Api) -> None:
    project_id = await shop.ordered(locale="en")
    for headers, query, expected in (
        (GERMAN, "", "de"),
        ({"Accept-Language": "fr, en;q=0.3, de;q=0.2"}, "", "en"),
        ({"Accept-Language": "fr"}, "", "en"),
        (GERMAN, "?lang=en", "en"),
        (GERMAN, "?lang=xx", "de"),
        ({"Accept-Language": "de;q=0"}, "", "en"),
    ):
        page = await page_of(shop, project_id, query, **headers)
        assert f'<html lang="{expected}">' in page.text, (headers, query)
        assert page.headers["content-language"] == expected
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text)
    for file in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await shop.http.get(file)).status_code == 200


async def test_a_link_that_we_did_not_make_leads_nowhere(shop: Api) -> None:
    project_id = await shop.ordered()
    made = StatusLinks((KEY.encode(),), "")
    others = StatusLinks((b"o" * 32,), "")
    assert made.project_of(made.link(project_id).rpartition("/")[2]) == project_id
    rotated = StatusLinks((b"n" * 32, KEY.encode()), "")
    assert rotated.project_of(made.link(project_id).rpartition("/")[2]) == project_id
    for path in (
        others.link(project_id),
        made.link(project_id)[:-2],
        made.link(project_id) + "A",
        f"/status/{project_id}",
        "/status/%C3%A4",
        made.link(UUID(int=7)),
    ):
        page = await shop.http.get(path, headers=GERMAN)
        assert page.status_code == 404, path
        assert "Diesen Link kennen wir nicht" in page.text
        assert page.headers["x-robots-tag"] == "noindex, nofollow"


async def test_a_forecast_is_given_from_the_history_and_not_without(shop: Api) -> None:
    project_id, others = await shop.ordered(), [await shop.ordered() for _ in range(5)]
    assert "nicht seriös vorhersagen" in seen(await page_of(shop, project_id, "?lang=de"))
    for other in others:
        await done(shop, other, DNS, took="10 min")
        await done(shop, other, DEPLOY, took="20 min")
        await done(shop, other, BOOTSTRAP, took="29 min")
    shop.app.state.usual._until = 0.0
    told = seen(await page_of(shop, project_id, "?lang=de"))
    assert "Voraussichtlich fertig in etwa 59 Minuten" in told
    assert "1 von 4 Schritten erledigt" in told
    await shop.sql("UPDATE project_orders SET ordered_at = now() - interval '1 hour'")
    await done(shop, project_id, DNS, ago="25 min")
    await becomes(shop, project_id, "dns_configured")
    told = seen(await page_of(shop, project_id, "?lang=en"))
    assert "takes longer than usual" in told
    assert "2 of 4 steps done" in told
    assert "In rare cases" not in told


async def test_each_state_is_told_in_plain_words_and_without_technical_detail(shop: Api) -> None:
    project_id = await shop.ordered(slug="sommer")
    failed: ProvisioningFailed = await said(shop, project_id, ProvisioningFailed)
    needed: DnsRecordsNeeded = await said(shop, project_id, DnsRecordsNeeded)
    for state, words_of_it in {
        "waiting_for_capacity": "Your project waits for a free place",
        "waiting_for_customer": needed.records[0].content,
        "failed": failed.customer_text.en,
        "live": "Your project is online",
    }.items():
        await becomes(shop, project_id, state)
        page = await page_of(shop, project_id, "?lang=en")
        assert words_of_it in seen(page), state
        assert ('href="https://sommer.vrs.example/"' in page.text) == (state == "live")
        assert "INWX" not in page.text
        assert failed.reason_code not in page.text
    assert "4 of 4 steps done" in seen(page)
    assert (await shop.call("POST", f"/projects/{project_id}/cancellation", json={"reason": "x"})).status_code == 202
    await becomes(shop, project_id, "failed")  # an undo has failed: not the customer's matter
    assert "Your project is being taken down" in seen(await page_of(shop, project_id, "?lang=en"))
    await becomes(shop, project_id, "cancelled")
    assert "Your project is cancelled" in seen(await page_of(shop, project_id, "?lang=en"))


async def test_what_is_wrong_with_the_customers_records_today_is_told_in_their_language(shop: Api) -> None:
    project_id = await shop.ordered()
    await said(shop, project_id, DnsRecordsNeeded)
    await becomes(shop, project_id, "waiting_for_customer")
    assert "This is still to be done today" not in seen(await page_of(shop, project_id, "?lang=en"))
    text = {"de": "Entfernen Sie den AAAA-Eintrag 2001:db8::1.", "en": "Remove the AAAA record 2001:db8::1."}
    await shop.sql(
        "INSERT INTO customer_waits (project_id, reminders, findings, changed_at)"
        " VALUES (:id, 0, CAST(:findings AS jsonb), now())",
        id=project_id,
        findings=json.dumps([{"problem": "stray_address", "text": text}]),
    )
    for language, heading in (("de", "Das ist heute noch zu tun:"), ("en", "This is still to be done today:")):
        told = seen(await page_of(shop, project_id, f"?lang={language}"))
        assert (heading in told, text[language] in told) == (True, True)
    await becomes(shop, project_id, "dns_configured")
    assert text["en"] not in seen(await page_of(shop, project_id, "?lang=en"))


async def test_a_page_costs_two_queries(shop: Api) -> None:
    project_id = await shop.ordered()
    asked: list[str] = []
    await page_of(shop, project_id)  # how long steps take is looked up once a minute
    path = urlsplit((await shop.call("GET", f"/projects/{project_id}")).json()["status_url"]).path
    engine = shop.database.engine.sync_engine
    sql_event.listen(engine, "before_cursor_execute", count := lambda *arguments: asked.append(arguments[2]))
    assert (await shop.http.get(path)).status_code == 200
    sql_event.remove(engine, "before_cursor_execute", count)
    assert len(asked) == 2


def test_both_languages_say_the_same() -> None:
    for each in (words.WORDS, words.STATES, words.STEPS, words.STAGES):
        german, english = each.values()
        assert german.keys() == english.keys()
