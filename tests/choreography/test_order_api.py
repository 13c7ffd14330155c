"""An order over HTTP goes its way: published by the marketplace service, taken up by dns, cancelled over HTTP."""

import pytest

from contracts import DnsConfigured, DnsReleased
from services.dns.app import dns
from services.marketplace.app import marketplace
from shared.models import Scope
from tests.choreography.facts import BASE_DOMAIN
from tests.choreography.system import System
from tests.services.marketplace.api import an_order, running_api
from tests.shared.messaging.harness import until


@pytest.mark.usefixtures("inwx")
async def test_an_order_over_http_is_carried_out_and_undone(system: System) -> None:
    await system.seed()
    async with running_api(system.database, system.amqp_url) as api, system.running(marketplace, dns):
        project_id = await api.ordered(slug="ueber-http", base_domain=BASE_DOMAIN)
        path = f"/projects/{project_id}"

        async def is_configured() -> bool:
            project = (await api.call("GET", path, Scope.PROJECTS_READ)).json()
            return bool(project["state"] == "dns_configured")

        await until(is_configured, within=30)
        await until(lambda: any(isinstance(event.data, DnsConfigured) for event in system.heard))
        [said] = [event for event in system.heard if isinstance(event.data, DnsConfigured)]
        assert (said.subject, said.data.fqdn) == (project_id, f"ueber-http.{BASE_DOMAIN}")
        story = (await api.call("GET", f"{path}/log")).json()["entries"]
        assert ("dns.project-ordered", "completed") in [(entry["consumer"], entry["status"]) for entry in story]
        assert (await api.call("POST", f"{path}/cancellation", json={"reason": "twice"})).status_code == 202
        await until(lambda: any(isinstance(event.data, DnsReleased) for event in system.heard), within=30)
        assert (await api.order(an_order(slug="ueber-http", base_domain=BASE_DOMAIN))).status_code == 201
