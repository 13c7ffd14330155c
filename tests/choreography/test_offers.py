"""What the order API says of a domain, which dns asks INWX about: the marketplace has no account there."""

from typing import Any

from services.dns.app import dns
from shared.models import Scope
from tests.choreography.system import System
from tests.choreography.vendors import Inwx
from tests.services.marketplace.api import Api, running_api


async def asked(api: Api, domain: str) -> Any:
    answer = await api.call("GET", f"/availability/domain?domain={domain}", Scope.PROJECTS_READ)
    assert answer.status_code == 200, answer.text
    return answer.json()["offer"]


async def test_a_domain_is_told_with_its_price_before_it_is_ordered(system: System, inwx: Inwx) -> None:
    await inwx.set(premium={"gold.example": 250}, elsewhere={"zone": "fremd.example"})
    async with system.running(dns), running_api(system.database, offer_seconds=30) as api:
        free = {"availability": "free", "cents": 465, "currency": "EUR", "is_premium": False}
        assert await asked(api, "frei.example") == free
        assert await asked(api, "müller.example") == free
        assert await asked(api, "gold.example") == free | {"cents": 25_000, "is_premium": True}
        assert await asked(api, "fremd.example") == free | {"availability": "taken"}
        before = await inwx.calls()
        assert await asked(api, "FREI.example") == free  # some minutes long nobody is asked again
        assert await inwx.calls() == before


async def test_a_question_that_nobody_answers_holds_nobody_up_and_is_not_asked_without_end(
    system: System, inwx: Inwx
) -> None:
    async with running_api(system.database, offer_seconds=0.2) as api:
        assert await asked(api, "frei.example") is None
        [[open_questions]] = await system.sql("SELECT count(*) FROM domain_offers WHERE answered_at IS NULL")
        assert open_questions == 1
        await system.sql(
            "INSERT INTO domain_offers (domain, asked_at) SELECT 'd' || n || '.example', now()"
            " FROM generate_series(1, 99) n"
        )
        assert await asked(api, "noch-eine.example") is None
        assert await api.count("domain_offers") == 100
