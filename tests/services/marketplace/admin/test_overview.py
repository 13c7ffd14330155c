"""The overview: how the services are, what lies in RabbitMQ beside what the database knows, and the plots in words."""

import re

import aiormq
import pytest
from pydantic import AnyHttpUrl, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts import ServiceName
from services.marketplace.settings import MarketplaceSettings
from shared.database import Database
from simulators.serving import running_app
from tests.services.marketplace.admin.browser import Browser, opened
from tests.services.marketplace.admin.made import fill


async def ready(request: Request) -> Response:
    """A service that is ready, or one that says why not."""
    if request.path_params["name"] == "deploy":
        return JSONResponse({"ready": True, "reasons": []})
    return JSONResponse({"ready": False, "reasons": ["PostgreSQL: not connected"]}, 503)


def rows(browser: Browser) -> list[list[str]]:
    """What stands in the rows of tables and lists, cell by cell."""
    found = re.findall(r"<(?:tr|li)>(.*?)</(?:tr|li)>", browser.page, re.DOTALL)
    return [[word for word in re.sub(r"<[^>]+>", "\n", row).split("\n") if word.strip()] for row in found]


async def test_the_overview_tells_how_services_are_and_how_much_waits_for_them(
    database: Database, amqp_url: str
) -> None:
    await fill(database)
    async with running_app(Starlette(routes=[Route("/{name}", ready)])) as port, await aiormq.connect(amqp_url) as bus:
        channel = await bus.channel()
        for queue, messages in (("dns.project-ordered", 3), ("dns.dead", 2), ("notify.core-healthy", 0)):
            await channel.queue_declare(queue, durable=True)
            for _ in range(messages):
                await channel.basic_publish(b"{}", routing_key=queue)
        urls = {
            ServiceName.DEPLOY: AnyHttpUrl(f"http://127.0.0.1:{port}/deploy"),
            ServiceName.BOOTSTRAP: AnyHttpUrl(f"http://127.0.0.1:{port}/bootstrap"),
            ServiceName.NOTIFY: AnyHttpUrl("http://127.0.0.1:1/health/ready"),
        }
        async with opened(database, amqp_url, health_urls=urls) as desk:
            browser = await desk.signed_in()
            assert (await browser.get("/overview")).status_code == 200
    told = rows(browser)
    assert [row[:3] for row in told if row[-1] == "deploy"] == [["ready", "Installation", "deploy"]]
    assert [
        "does not get on",
        "Start and plugins",
        "bootstrap",
        "Technical detail",
        "PostgreSQL: not connected",
    ] in told
    assert ["takes no work", "Domain", "dns", "Technical detail", "dns.project-ordered"] in [row[:5] for row in told]
    assert [row[:3] for row in told if row[0] == "does not answer"] == [["does not answer", "Mail", "notify"]]
    assert ["ready", "RabbitMQ"] in told
    waits = next(row for row in told if row[0] == "Set up the domain " and "dns.project-ordered" in row)
    assert waits[-1] == "3 in the queue, 2 waiting, 1 failed"
    assert "2 messages lie in the queues of what was given up." in browser.page
    assert re.search(r"<li>\d+ \w+, p95: [^<]+</li>", browser.page)


async def test_without_rabbitmq_the_overview_says_that_and_shows_the_rest(database: Database) -> None:
    async with opened(database) as desk:
        browser = await desk.signed_in()
        assert (await browser.get("/overview")).status_code == 200
    assert "RabbitMQ does not answer" in browser.page
    assert ["not known", "Domain", "dns"] in rows(browser)


def test_addresses_of_services_are_read_and_unknown_services_refused() -> None:
    needed = {"amqp_url": "amqp://x/", "database_url": "postgresql://x/x"}
    urls = "dns=http://dns:8080/health/ready,\n notify=http://notify/r?a=b"
    read = MarketplaceSettings.model_validate(needed | {"health_urls": urls})
    assert {name: str(url) for name, url in read.health_urls.items()} == {
        ServiceName.DNS: "http://dns:8080/health/ready",
        ServiceName.NOTIFY: "http://notify/r?a=b",
    }
    with pytest.raises(ValidationError, match="'dsn' is no service, write service=URL"):
        MarketplaceSettings.model_validate(needed | {"health_urls": "dsn=http://dns:8080/"})
