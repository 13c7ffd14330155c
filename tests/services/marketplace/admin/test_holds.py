"""Registrations of domains that wait for a person: told in plain words with what one can do, and answered there."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts import CloudEvent, DomainRegistrationHeld, RegistrationHold
from shared.database import Database
from shared.models import StaffRole
from tests.choreography.facts import OWNER
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import Batch, project

REGISTRATION = (
    "INSERT INTO domain_registrations (project_id, domain, stage, hold, max_cents, zone_made, registrant)"
    " VALUES (:id, :domain, CAST(:stage AS registration_stage), CAST(:hold AS registration_hold), 3000, false,"
    " CAST(:owner AS jsonb))"
)
SAID = (
    "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
    " started_at, duration_ms, emitted) VALUES (:id, 'dns', 'dns.registration-requested', 'registration-requested',"
    " 'parked', 1, :event, 'x', '{}', now(), 1, :emitted)"
)
POST_BOX = OWNER.model_copy(update={"street": "Postfach 12"})


async def hold(database: Database, project_id: UUID, domain: str, why: str, cents: int | None = None) -> None:
    """As dns holds a registration."""
    batch = Batch()
    owner = (POST_BOX if why == "contact_incomplete" else OWNER).model_dump_json()
    batch.add(REGISTRATION, id=project_id, domain=domain, stage="held", hold=why, owner=owner)
    asked = DomainRegistrationHeld(domain=domain, reason=RegistrationHold(why), message="INWX says no", cents=cents)
    said = CloudEvent.of(asked, source="dns", project_id=project_id, correlation_id=uuid4()).encode()
    batch.add(SAID, id=project_id, event=uuid4(), emitted=said)
    await batch.send(database)


async def held(desk: Desk, why: str, cents: int | None = None) -> UUID:
    """A project whose registration is held."""
    batch = Batch()
    project_id = project(batch, "neu", "waiting_for_domain", 0, age=timedelta(minutes=3))
    await batch.send(desk.database)
    await hold(desk.database, project_id, "neu.de", why, cents)
    return project_id


async def registration(desk: Desk) -> tuple[object, ...]:
    [row] = await desk.sql(
        "SELECT stage::text, hold::text, max_cents, registrant ->> 'street' FROM domain_registrations"
    )
    return tuple(row)


async def test_a_registration_that_waits_for_an_answer_is_among_what_is_due_and_one_that_goes_on_is_not(
    desk: Desk,
) -> None:
    waits = await held(desk, "too_expensive", 9000)
    batch = Batch()
    going = project(batch, "going", "waiting_for_domain", 0, age=timedelta(minutes=2))
    batch.add(REGISTRATION, id=going, domain="going.example", stage="pending", hold=None, owner=None)
    await batch.send(desk.database)
    browser = await desk.signed_in(language="de")
    await browser.get("/")
    assert "kostet im ersten Jahr 90,00\xa0€; vereinbart sind höchstens 30,00\xa0€" in browser.page
    assert set(re.findall(r"/projects/([0-9a-f-]{36})\"", browser.page)) == {str(waits)}
    await browser.get(f"/projects/{going}")
    assert "vereinbart" not in browser.page


@pytest.mark.parametrize(
    ("why", "said", "buttons"),
    [
        ("too_expensive", "kostet mehr als vereinbart", {"Sie darf mehr kosten", "Projekt stornieren"}),
        (
            "contact_incomplete",
            "ein Postfach nehmen die Registrierungsstellen nicht",
            {"Inhaber berichtigen", "Projekt stornieren"},
        ),
        ("no_credit", "nicht genug Guthaben", {"Erneut versuchen"}),
        ("taken", "gehört schon jemand anderem", {"Erneut versuchen", "Projekt stornieren"}),
        ("refused", "hat die neue Domain abgelehnt", {"Erneut versuchen", "Inhaber berichtigen", "Projekt stornieren"}),
    ],
)
async def test_the_projects_page_says_why_a_registration_waits_and_offers_what_helps(
    desk: Desk, why: str, said: str, buttons: set[str]
) -> None:
    project_id = await held(desk, why)
    browser = await desk.signed_in(language="de")
    await browser.get(f"/projects/{project_id}")
    [card] = re.findall(r'<section class="card info" id="hold">.*?</section>', browser.page, re.DOTALL)
    assert (said in card, "Was Sie tun können" in card, "INWX says no" in card) == (True, True, True)
    assert set(re.findall(r'class="button[^>]*>([^<…]+?)(?: …)?<', card)) == buttons


async def test_a_case_worker_lets_a_domain_cost_more_and_not_less_than_it_does(desk: Desk) -> None:
    page = f"/projects/{await held(desk, 'too_expensive', 9000)}"
    browser = await desk.signed_in()
    await browser.get(page)
    assert 'name="max_sum" value="90,00"' in browser.page
    for sum_, said in (("89,99", "That is not enough: the domain costs"), ("viel", "A sum is written like")):
        await browser.follow(f"{page}/registration", {"max_sum": sum_}, on=page)
        assert said in browser.page
        assert await registration(desk) == ("held", "too_expensive", 3000, OWNER.street)
    await browser.follow(f"{page}/registration", {"max_sum": "90,00", "reason": "der Kunde will sie"}, on=page)
    assert "The answer is kept: the domain is being registered." in browser.page
    assert await registration(desk) == ("requested", None, 9000, OWNER.street)
    await browser.follow(f"{page}/registration", {"max_sum": "95,00"}, on=page)
    assert "does not wait for an answer" in browser.page
    lines = await desk.sql("SELECT by, kind::text, subject, reason, detail FROM staff_actions")
    assert lines == [
        ("case_worker", "registration answered", "neu.de", "der Kunde will sie", {"max_cents": 9000}),
    ]


async def test_the_owner_is_corrected_as_the_registry_wants_and_stands_in_no_log(desk: Desk) -> None:
    page = f"/projects/{await held(desk, 'contact_incomplete')}"
    browser = await desk.signed_in()
    await browser.get(f"{page}/registration")
    assert re.findall(r'id="wrong-([a-z_]+)"', browser.page) == ["registrant_street"]
    assert 'value="Postfach 12"' in browser.page
    owner = {f"registrant_{name}": value for name, value in OWNER.model_dump(exclude_none=True).items()}
    for wrong in ({"registrant_street": "P.O. Box 7"}, {"registrant_phone": "030 1"}, {"registrant_city": ""}):
        answer = await browser.send(f"{page}/registration", {"owner": "typed"} | owner | wrong, on=page)
        assert (answer.status_code, re.findall(r'id="wrong-([a-z_]+)"', answer.text)) == (422, list(wrong))
        assert await registration(desk) == ("held", "contact_incomplete", 3000, "Postfach 12")
    typed = {"owner": "typed"} | owner | {"registrant_country": "de"}
    await browser.follow(f"{page}/registration", typed, on=f"{page}/registration")
    assert await registration(desk) == ("requested", None, 3000, OWNER.street)
    [[line]] = await desk.sql("SELECT a::text FROM staff_actions a")
    assert ("registration answered" in line, OWNER.street in line, OWNER.email in line) == (True, False, False)
    answer = await browser.get(f"{page}/registration")
    assert answer.headers["location"].endswith(page)


async def test_the_registration_of_a_cancelled_project_is_not_answered(desk: Desk) -> None:
    project_id = await held(desk, "refused")
    page = f"/projects/{project_id}"
    browser = await desk.signed_in(StaffRole.OPERATOR)
    await desk.sql("INSERT INTO cancellations (project_id, reason, requested_by) VALUES (:id, 'x', 'x')", id=project_id)
    await browser.follow(f"{page}/registration", on=page)
    assert "This cannot be done: The project is cancelled." in browser.page
    assert await registration(desk) == ("held", "refused", 3000, OWNER.street)


async def test_a_domain_counts_as_reachable_when_the_project_is_live_and_stays_the_customers_when_it_ends(
    desk: Desk,
) -> None:
    project_id = await held(desk, "no_credit")
    page = f"/projects/{project_id}"
    browser = await desk.signed_in(language="de")
    await desk.sql("UPDATE project_orders SET fqdn = 'neu.de'")
    await desk.sql(
        "INSERT INTO project_domains VALUES ('neu.de', :id, true), ('www.neu.de', :id, false)", id=project_id
    )
    await browser.get(page)
    assert ("wird eingerichtet" in browser.page, "ist erreichbar" in browser.page) == (True, False)
    await desk.sql(
        "UPDATE domain_registrations SET stage = 'registered', hold = NULL, expires_at = '2027-03-01 12:00Z'"
    )
    await desk.sql("UPDATE projects SET provisioning_state = 'live'")
    await browser.get(page)
    assert "ist erreichbar · von uns registriert bis 1. März 2027" in browser.page
    await browser.get(f"{page}/cancel")
    assert "bleibt für den Kunden registriert, bis ihr Jahr um ist" in browser.page
