"""Registrations of domains that wait for a person: on the first page and the project's, with what one can do."""

import re
from datetime import timedelta

from shared.models import StaffRole
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import Batch, project

HOLD = (
    "INSERT INTO domain_registrations (project_id, domain, stage, hold, max_cents, zone_made)"
    " VALUES (:id, :domain, CAST(:stage AS registration_stage), CAST(:hold AS registration_hold), 3000, false)"
)


async def test_a_registration_that_waits_for_an_answer_is_among_what_is_due_and_one_that_goes_on_is_not(
    desk: Desk,
) -> None:
    batch = Batch()
    held = project(batch, "held", "waiting_for_domain", 0, age=timedelta(minutes=3))
    going = project(batch, "going", "waiting_for_domain", 0, age=timedelta(minutes=2))
    batch.add(HOLD, id=held, domain="held.example", stage="held", hold="too_expensive")
    batch.add(HOLD, id=going, domain="going.example", stage="pending", hold=None)
    await batch.send(desk.database)
    browser = await desk.signed_in(language="de")
    await browser.get("/")
    assert "Die neue Domain kostet mehr als vereinbart." in browser.page
    assert set(re.findall(r"/projects/([0-9a-f-]{36})\"", browser.page)) == {str(held)}
    await browser.get(f"/projects/{held}")
    assert ("Darf sie mehr kosten" in browser.page, "vrs domains register" in browser.page) == (True, False)
    await browser.get(f"/projects/{going}")
    assert "kostet mehr" not in browser.page
    operator = await desk.signed_in(StaffRole.OPERATOR, "de")
    await operator.get(f"/projects/{held}")
    assert "vrs domains register" in operator.page
