"""Signing in at a provider of OpenID Connect: who gets in as what, and every way in which it must not work."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import AnyHttpUrl, SecretStr, ValidationError

from services.marketplace.settings import MarketplaceSettings
from shared.database import Database
from shared.models import NO_HASH, StaffRole
from shared.staff import MOST_FAILURES, disable_user
from tests.services.marketplace.admin.browser import HOST, PASSWORD, Browser, Desk, opened
from tests.services.marketplace.admin.provider import CLIENT, SECRET, Provider, running_provider

DID_NOT_WORK = "The sign-in at Keycloak did not work."
ROLES = {"vrs-desk": StaffRole.CASE_WORKER, "vrs-ops": StaffRole.OPERATOR, "vrs-admins": StaffRole.ADMIN}
SETTINGS: dict[str, Any] = {
    "oidc_client_id": CLIENT,
    "oidc_client_secret": SecretStr(SECRET),
    "oidc_roles": ROLES,
    "oidc_label": "Keycloak",
}
KNOWN = {"sub": "4711", "preferred_username": "Erika", "groups": ["staff", "vrs-desk", "vrs-ops"]}


@dataclass
class Office:
    """The pages, and the provider at which people sign in."""

    desk: Desk
    provider: Provider

    def browser(self) -> Browser:
        browser = self.desk.browser()
        browser.http.cookies.set("language", "en")
        return browser

    async def leave(self, browser: Browser, path: str = "/sso") -> str:
        """Go to the provider over real HTTP; return the address to which it sends the browser back."""
        away = await browser.get(path)
        assert away.status_code == 302, away.text
        async with httpx.AsyncClient() as http:
            back = await http.get(away.headers["location"])
        return back.headers["location"].removeprefix(f"{HOST}/admin")

    async def come_in(self, browser: Browser, path: str = "/sso") -> str:
        """Sign in; return the path of the page where one ends, which the browser then shows."""
        answer = await browser.get(await self.leave(browser, path))
        assert answer.status_code == 303, answer.text
        where: str = answer.headers["location"]
        browser.page = (await browser.http.get(where)).text
        return where.removeprefix(HOST)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with running_provider() as provider:
        provider.claims = dict(KNOWN)
        async with opened(database, oidc_issuer=AnyHttpUrl(provider.issuer), **SETTINGS) as desk:
            yield Office(desk, provider)


async def test_who_comes_gets_an_account_with_the_highest_role_and_it_follows_the_provider(office: Office) -> None:
    browser = office.browser()
    await browser.get("/login?next=%2Fadmin%2Fprojects")
    assert 'href="/admin/sso?next=%2Fadmin%2Fprojects"' in browser.page
    assert await office.come_in(browser, "/sso?next=%2Fadmin%2Fprojects") == "/admin/projects"
    assert await office.desk.sql("SELECT name, role::text, password_hash FROM staff_users WHERE identity <> ''") == [
        ("erika", "operator", NO_HASH)
    ]
    await browser.get("/me")
    assert "Change the password" not in browser.page
    for _ in range(MOST_FAILURES):
        answer = await office.browser().send("/login", {"name": "erika", "password": NO_HASH}, on="/login")
        assert answer.status_code == 422
    office.provider.claims = KNOWN | {"preferred_username": "renamed", "groups": "vrs-admins"}
    await office.come_in(office.browser())
    assert await office.desk.sql("SELECT name, role::text FROM staff_users WHERE identity <> ''") == [
        ("erika", "admin")
    ]
    done = await office.desk.sql("SELECT by, kind::text, detail FROM staff_actions ORDER BY id")
    assert done == [
        ("erika", "user made", {"via": "Keycloak", "role": "operator"}),
        ("erika", "signed in", {"via": "Keycloak"}),
        ("erika", "role changed", {"via": "Keycloak", "role": "admin"}),
        ("erika", "signed in", {"via": "Keycloak"}),
    ]
    await browser.follow("/logout")
    assert "Sign out at Keycloak as well" in browser.page
    away = await browser.get("/sso/out")
    assert away.headers["location"] == f"{office.provider.issuer}/leave?client_id={CLIENT}"
    assert (await browser.get("/projects")).status_code == 303


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"groups": ["staff"]}, "have no role here"),
        ({"groups": {"vrs-admins": True}}, "have no role here"),
        ({"preferred_username": "Operator"}, "Another account here has your name."),
        ({"preferred_username": "Erika Sommer"}, "does not tell a name that can be used here"),
        ({"preferred_username": None}, "does not tell a name that can be used here"),
        ({"aud": "another-client"}, DID_NOT_WORK),
        ({"aud": ["another-client"], "azp": CLIENT}, DID_NOT_WORK),
        ({"iss": "https://evil.example"}, DID_NOT_WORK),
        ({"nonce": "another"}, DID_NOT_WORK),
        ({"exp": int(time.time()) - 3600}, DID_NOT_WORK),
        ({"sub": None}, DID_NOT_WORK),
    ],
)
async def test_who_may_not_come_in_is_told_so_and_gets_no_account(
    office: Office, claims: dict[str, Any], said: str
) -> None:
    office.provider.token = claims
    browser = office.browser()
    assert await office.come_in(browser) == "/admin/login"
    assert said in browser.page
    assert await office.desk.sql("SELECT * FROM staff_users WHERE identity <> ''") == []
    assert await office.desk.sql("SELECT * FROM staff_sessions") == []


async def test_a_way_back_works_once_in_the_browser_that_left_and_with_the_providers_own_key(office: Office) -> None:
    browser, stranger = office.browser(), office.browser()
    back = await office.leave(browser)
    assert (await stranger.get(back)).headers["location"].endswith("/admin/login")
    assert (await browser.get(back.replace("state=", "state=x"))).headers["location"].endswith("/admin/login")
    back = await office.leave(browser)
    assert (await browser.get(back)).headers["location"] == "/admin/"
    browser.http.cookies.delete("vrs_staff")
    assert (await browser.get(back)).headers["location"].endswith("/admin/login")
    denied = await office.leave(browser)
    assert (await browser.get(f"/sso/return?error=access_denied&{denied.partition('?')[2]}")).status_code == 303
    office.provider.key = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
    assert await office.come_in(browser) == "/admin/login"
    assert len(await office.desk.sql("SELECT * FROM staff_sessions")) == 1


async def test_an_account_that_is_disabled_or_locked_here_is_not_opened_by_the_provider(office: Office) -> None:
    await office.come_in(office.browser())
    await office.desk.sql("UPDATE staff_users SET locked_until = now() + interval '5 minutes' WHERE name = 'erika'")
    browser = office.browser()
    assert await office.come_in(browser) == "/admin/login"
    assert "This account is locked." in browser.page
    await office.desk.sql("UPDATE staff_users SET locked_until = NULL WHERE name = 'erika'")
    async with office.desk.database.engine.begin() as connection:
        await disable_user(connection, "erika")
    assert await office.come_in(browser) == "/admin/login"
    assert await office.desk.sql("SELECT * FROM staff_sessions") == []


async def test_without_the_provider_one_is_told_and_passwords_still_work(database: Database) -> None:
    async with opened(database, oidc_issuer=AnyHttpUrl("http://127.0.0.1:1/"), **SETTINGS) as desk:
        browser = desk.browser()
        browser.http.cookies.set("language", "en")
        for path in ("/sso", "/sso/out", "/sso/return?code=x&state=y"):
            assert (await browser.get(path)).headers["location"].endswith("/admin/login"), path
            await browser.get("/login")
            assert DID_NOT_WORK in browser.page
        answer = await browser.send("/login", {"name": "operator", "password": PASSWORD}, on="/login")
        assert answer.headers["location"] == "/admin/"


async def test_it_is_off_unless_all_of_it_is_set(desk: Desk) -> None:
    browser = desk.browser()
    await browser.get("/login")
    assert "/sso" not in browser.page
    assert (await browser.get("/sso")).status_code in (303, 404)
    needed = {"amqp_url": "amqp://x/", "database_url": "postgresql://x/x", "oidc_issuer": "https://id.example/realm"}
    with pytest.raises(ValidationError, match="needs VRS_OIDC_CLIENT_ID, VRS_OIDC_CLIENT_SECRET, VRS_OIDC_ROLES"):
        MarketplaceSettings.model_validate(needed)
    whole = needed | {"oidc_client_id": "vrs", "oidc_client_secret": "x", "oidc_roles": "a=b=admin, vrs=case_worker"}
    read = MarketplaceSettings.model_validate(whole)
    assert read.oidc_roles == {"a=b": StaffRole.ADMIN, "vrs": StaffRole.CASE_WORKER}
    for wrong in ({"oidc_roles": "vrs=boss"}, {"oidc_roles": "vrs"}, {"oidc_issuer": "http://id.example"}):
        with pytest.raises(ValidationError):
            MarketplaceSettings.model_validate(whole | wrong)
