"""What case workers have customers see: preview links, and mails once more."""

import re

from contracts import MailResendRequested, decode
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import fill


async def test_a_preview_link_is_shown_once_works_and_is_ended(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in()
    where = f"/projects/{made['cafe-linde']}"
    await browser.follow(f"{where}/previews", {"uses": "0"})
    assert "is opened once at least" in browser.page
    await browser.follow(f"{where}/previews", {"hours": "24", "uses": "2"})
    link = re.search(r"http://desk\.example(/preview/[A-Za-z0-9_-]{43})<", browser.page)
    assert link
    [[hours]] = await desk.sql("SELECT extract(epoch FROM expires_at - created_at)::int / 3600 FROM preview_accesses")
    assert hours in (23, 24)
    stranger = desk.browser().http
    assert (await stranger.get(link[1])).headers["location"].startswith("https://cafe-linde.vrs.example")
    await browser.get(where)
    assert ("opened 1 time, 1 time left" in browser.page, link[1] in browser.page) == (True, False)
    await browser.follow(f"{where}/previews/end", {"preview": "1"})
    for language, said in (("de", "Dieser Vorschau-Link gilt nicht"), ("en", "This preview link does not work")):
        ended = await stranger.get(link[1], headers={"Accept": "text/html", "Accept-Language": language})
        assert (ended.status_code, said in ended.text) == (404, True)
    cut_off = await stranger.get(link[1][:20])
    assert (cut_off.status_code, cut_off.headers["content-type"]) == (404, "application/problem+json")
    assert await desk.sql("SELECT kind::text FROM staff_actions ORDER BY id") == [("preview made",), ("preview ended",)]


async def test_a_mail_is_sent_again_once_for_each_wish_and_by_nobody_unseen(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in(language="de")
    project_id = made["hofladen-peters"]
    where = f"/projects/{project_id}"
    [(mail,)] = await desk.sql("SELECT message_id FROM mails WHERE project_id = :id", id=project_id)
    await browser.get(where)
    assert ("Noch einmal senden" in browser.page, "Ihre Bestellung" in browser.page) == (True, True)
    assert (await browser.send(f"{where}/mails", {"mail": mail, "reason": "im Spam"}, on=where)).status_code == 303
    await browser.get(where)
    assert "Die Nachricht wird noch einmal gesendet." in browser.page
    assert ("im Spam" in browser.page, "noch einmal senden lassen" in browser.page) == (True, True)
    [(body,)] = await desk.sql("SELECT body FROM outbox WHERE routing_key = 'resend.requested.v1'")
    wish = decode(bytes(body), MailResendRequested)
    assert (wish.subject, wish.data.mail, wish.data.requested_by) == (project_id, mail, "case_worker")
    [(kind, reason)] = await desk.sql("SELECT kind::text, reason FROM staff_actions")
    assert (kind, reason) == ("mail resent", "im Spam")
    other = f"/projects/{made['studio-weiss']}"
    assert (await browser.send(f"{other}/mails", {"mail": mail}, on=other)).status_code == 404
    await desk.sql("UPDATE project_orders SET customer_email = '' WHERE project_id = :id", id=project_id)
    await browser.send(f"{where}/mails", {"mail": mail}, on=where)
    await browser.get(where)
    assert "gibt niemanden" in browser.page
    assert len(await desk.sql("SELECT * FROM outbox")) == len(await desk.sql("SELECT * FROM staff_actions")) == 1
