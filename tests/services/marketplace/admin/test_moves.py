"""Domains that come to us: asked for on the project's page, told in plain words when they do not come, and answered."""

import re
from typing import Any
from uuid import uuid4

from contracts import CloudEvent, DomainTransferFailed, TransferProblem
from services.dns.transfer_sentences import sentence_of
from tests.choreography.facts import OWNER
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import Batch, fill
from tests.services.marketplace.admin.test_holds import SAID

CODE = "code-4711-secret"
DOMAIN = "umzug.example"


def a_move(**changes: Any) -> dict[str, Any]:
    owner = {f"registrant_{name}": value for name, value in OWNER.model_dump(exclude_none=True).items()}
    return {"domain": DOMAIN, "auth_code": CODE, "max_sum": "15,00"} | owner | changes


async def fails(desk: Desk, project_id: Any, why: TransferProblem, cents: int | None = None) -> None:
    """As dns gives a transfer up."""
    failed = "stage = 'failed', problem = CAST(:why AS transfer_problem), auth_code = NULL"
    await desk.sql(f"UPDATE domain_transfers SET {failed}", why=why.value)
    text = sentence_of(why, DOMAIN)
    said = DomainTransferFailed(domain=DOMAIN, problem=why, message="INWX says no", text=text, cents=cents)
    event = CloudEvent.of(said, source="dns", project_id=project_id, correlation_id=uuid4())
    batch = Batch()
    batch.add(SAID.replace("registration-", "transfer-"), id=project_id, event=uuid4(), emitted=event.encode())
    await batch.send(desk.database)


async def test_a_move_that_nobody_wants_any_more_is_withdrawn_on_the_page(desk: Desk) -> None:
    project_id = (await fill(desk.database))["hofladen-peters"]
    page = f"/projects/{project_id}"
    browser = await desk.signed_in(language="de")
    await browser.follow(f"{page}/transfer", a_move(), on=page)
    assert browser.page.count("Umzug zurücknehmen") == 1
    await fails(desk, project_id, TransferProblem.ALREADY_OURS)
    await browser.get(page)
    assert browser.page.count("Umzug zurücknehmen") == 1
    await browser.follow(f"{page}/transfer/withdraw", {"domain": DOMAIN}, on=page)
    assert "Der Umzug ist zurückgenommen." in browser.page
    assert ("der Umzug zu uns wird zurückgenommen" in browser.page, "Umzug zurücknehmen" in browser.page) == (
        True,
        False,
    )
    await browser.get("/")
    assert DOMAIN not in browser.page
    await browser.follow(f"{page}/transfer", a_move(), on=page)
    assert "Der Umzug wird gerade zurückgenommen." in browser.page
    lines = await desk.sql("SELECT kind::text, subject FROM staff_actions ORDER BY id")
    assert lines == [("transfer asked", DOMAIN), ("transfer withdrawn", DOMAIN)]


async def test_a_domain_is_brought_to_us_and_an_answer_lets_a_failed_move_go_on(desk: Desk) -> None:
    project_id = (await fill(desk.database))["hofladen-peters"]
    page = f"/projects/{project_id}"
    browser = await desk.signed_in(language="de")
    await browser.get(f"{page}/transfer")
    assert "Eine Domain zu uns umziehen" in browser.page
    for wrong, fields in (
        ({"domain": "x"}, ["domain"]),
        ({"auth_code": ""}, ["auth_code"]),
        ({"max_sum": "viel"}, ["max_sum"]),
        ({"registrant_phone": "030 1", "registrant_city": ""}, ["registrant_city", "registrant_phone"]),
    ):
        answer = await browser.send(f"{page}/transfer", a_move(**wrong), on=page)
        assert (answer.status_code, re.findall(r'id="wrong-([a-z_]+)"', answer.text)) == (422, fields)
        assert CODE not in answer.text
    assert await desk.sql("SELECT * FROM staff_actions") == await desk.sql("SELECT * FROM domain_transfers") == []
    await browser.follow(f"{page}/transfer", a_move(), on=page)
    assert "Der Umzug der Domain ist beauftragt." in browser.page
    assert "der Umzug zu uns wird vorbereitet" in browser.page
    await browser.follow(f"{page}/transfer", a_move(), on=page)
    assert "Der Umzug läuft schon oder ist fertig" in browser.page
    await fails(desk, project_id, TransferProblem.TOO_EXPENSIVE, 2500)
    await browser.get("/")
    assert f"{DOMAIN}: Der Umzug kostet 25,00\xa0€; vereinbart sind höchstens 15,00\xa0€." in browser.page
    await browser.get(page)
    assert ("INWX says no" in browser.page, f"{page}/transfer?domain={DOMAIN}" in browser.page) == (True, True)
    await browser.get(f"{page}/transfer?domain={DOMAIN}")
    assert ('value="25,00"' in browser.page, f'value="{OWNER.street}"' in browser.page) == (True, True)
    await browser.follow(f"{page}/transfer", a_move(max_sum="25,00", reason="der Kunde will sie"), on=page)
    rows = await desk.sql("SELECT stage::text, max_cents, problem FROM domain_transfers")
    assert rows == [("requested", 2500, None)]
    lines = await desk.sql("SELECT kind::text, by, subject, reason, a::text FROM staff_actions a ORDER BY id")
    assert [line[:4] for line in lines] == [
        ("transfer asked", "case_worker", DOMAIN, None),
        ("transfer asked", "case_worker", DOMAIN, "der Kunde will sie"),
    ]
    assert not [line for line in lines if CODE in line.a or OWNER.street in line.a]
    assert len(await desk.sql("SELECT 1 FROM outbox WHERE routing_key = 'transfer.requested.v1'")) == 1
