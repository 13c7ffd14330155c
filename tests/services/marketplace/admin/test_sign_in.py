"""Who gets in, who does not, and what a form must bring."""

from pydantic import AnyHttpUrl

from shared.database import Database
from shared.models import StaffRole
from shared.staff import MOST_FAILURES, disable_user
from tests.services.marketplace.admin.browser import PASSWORD, Browser, Desk, opened


async def sign_in(browser: Browser, name: str, password: str, query: str = "") -> int:
    answer = await browser.send(f"/login{query}", {"name": name, "password": password}, on="/login")
    browser.page = answer.text
    browser.forms = {"location": answer.headers.get("location", ""), "cookie": answer.headers.get("set-cookie", "")}
    return answer.status_code


async def test_who_is_not_signed_in_is_led_to_the_sign_in_and_then_to_the_page_that_was_asked_for(desk: Desk) -> None:
    browser = desk.browser()
    answer = await browser.get("/projects?q=sommer")
    assert answer.status_code == 303
    where = answer.headers["location"].removeprefix("http://desk.example/admin")
    answer = await browser.send(where, {"name": "Case_Worker ", "password": PASSWORD}, on=where)
    assert (answer.status_code, answer.headers["location"]) == (303, "http://desk.example/admin/projects?q=sommer")
    assert (await browser.get("/projects?q=sommer")).status_code == 200


async def test_after_the_sign_in_nobody_is_led_to_another_site(desk: Desk) -> None:
    for evil in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        browser = desk.browser()
        await sign_in(browser, "admin", PASSWORD, f"?next={evil}")
        assert browser.forms["location"] == "/admin/"


async def test_the_cookie_is_out_of_reach_of_scripts_and_over_https_also_of_other_names(database: Database) -> None:
    async with opened(database, marketplace_url=AnyHttpUrl("https://desk.example/")) as desk:
        browser = desk.browser()
        assert await sign_in(browser, "admin", PASSWORD) == 303
        cookie = browser.forms["cookie"]
        assert cookie.startswith("__Host-vrs_staff=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
        [(kept,)] = await desk.sql("SELECT token_hash FROM staff_sessions")
        assert kept not in cookie.encode()


async def test_after_failures_in_a_row_the_right_password_is_refused_too_for_a_while(desk: Desk) -> None:
    browser = desk.browser()
    for _ in range(MOST_FAILURES):
        assert await sign_in(browser, "operator", "wrong password") == 422
    refused = browser.page
    assert await sign_in(browser, "operator", PASSWORD) == 422
    assert await sign_in(browser, "nobody-at-all", PASSWORD) == 422
    assert browser.page.count("15 Minuten gesperrt") == refused.count("15 Minuten gesperrt") == 1
    await desk.sql("UPDATE staff_users SET locked_until = locked_until - interval '15 minutes'")
    assert await sign_in(browser, "operator", PASSWORD) == 303
    assert (await desk.sql("SELECT failures FROM staff_users WHERE name = 'operator'"))[0][0] == 0


async def test_who_was_disabled_is_out_at_once_and_does_not_get_in_again(desk: Desk) -> None:
    browser = await desk.signed_in(StaffRole.OPERATOR)
    assert (await browser.get("/projects")).status_code == 200
    async with desk.database.engine.begin() as connection:
        await disable_user(connection, "operator")
    assert (await browser.get("/projects")).status_code == 303
    assert await sign_in(desk.browser(), "operator", PASSWORD) == 422


async def test_a_session_ends_by_its_button_by_idleness_and_by_its_age(desk: Desk) -> None:
    for end in ("seen_at = now() - interval '3 hours'", "expires_at = now()"):
        browser = await desk.signed_in()
        assert (await browser.get("/me")).status_code == 200
        await desk.sql(f"UPDATE staff_sessions SET {end}")
        assert (await browser.get("/me")).status_code == 303
    browser = await desk.signed_in()
    stolen = browser.http.cookies.get("vrs_staff")
    assert (await browser.send("/logout")).status_code == 303
    assert await desk.sql("SELECT * FROM staff_sessions") == []
    browser.http.cookies.set("vrs_staff", str(stolen))
    assert (await browser.get("/me")).status_code == 303


async def test_a_form_without_its_token_or_from_elsewhere_is_refused_in_plain_words(desk: Desk) -> None:
    browser = await desk.signed_in(StaffRole.ADMIN)
    await browser.get("/domains")
    answer = await browser.http.post("/admin/domains", data={"name": "evil.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "What you can do" in answer.text
    for elsewhere in (
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "", "Origin": "http://shop.desk.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ):
        browser.http.headers.update(elsewhere)
        assert (await browser.send("/domains", {"name": "evil.example"})).status_code == 403
    assert await desk.sql("SELECT name FROM base_domains WHERE name = 'evil.example'") == []


async def test_a_new_password_needs_the_old_one_and_ends_every_session(desk: Desk) -> None:
    browser = await desk.signed_in()
    await browser.follow("/me/password", {"old": "wrong password", "new": "another one entirely"})
    assert "The old password is not right." in browser.page
    await browser.follow("/me/password", {"old": PASSWORD, "new": "short"})
    assert "at least 10 characters" in browser.page
    assert (await browser.send("/me/password", {"old": PASSWORD, "new": "another one entirely"})).status_code == 303
    assert (await browser.get("/me")).status_code == 303
    assert await sign_in(desk.browser(), "case_worker", PASSWORD) == 422
    assert await sign_in(desk.browser(), "case_worker", "another one entirely") == 303
