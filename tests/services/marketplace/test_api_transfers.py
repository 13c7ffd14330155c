"""Domains that come to us, asked for over HTTP."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from contracts import DomainTransferRequested, decode
from shared.database import Database
from shared.models import Scope
from tests.choreography.facts import OWNER
from tests.services.marketplace.api import Api, running_api
from tests.stored import tables_with

CODE = "code-4711-secret"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with running_api(database, transfer_key=SecretStr(Fernet.generate_key().decode())) as api:
        yield api


def a_transfer(**changes: Any) -> dict[str, Any]:
    owner = OWNER.model_dump(mode="json")
    whole = {"domain": "Sommer.example", "auth_code": CODE, "registrant": owner, "max_cents": 1500}
    return {name: value for name, value in (whole | changes).items() if value is not None}


async def ask(api: Api, project: UUID, **changes: Any) -> Any:
    return await api.call("POST", f"/projects/{project}/transfers", json=a_transfer(**changes))


async def test_a_transfer_is_asked_for_with_its_event_and_told_without_its_code(api: Api) -> None:
    project = await api.ordered()
    answer = await ask(api, project)
    assert answer.status_code == 202, answer.text
    [line] = answer.json()["transfers"]
    told = {"domain": "sommer.example", "stage": "requested", "problem": None, "max_cents": 1500}
    assert line == told | {"cents": None, "expires_at": None, "is_withdrawn": False}
    read = await api.call("GET", f"/projects/{project}/transfers", Scope.PROJECTS_READ)
    assert read.json() == answer.json()
    [row] = await api.sql("SELECT body FROM outbox WHERE routing_key = 'transfer.requested.v1'")
    event = decode(bytes(row.body), DomainTransferRequested)
    assert (event.subject, event.data.domain, event.data.max_cents) == (project, "sommer.example", 1500)
    assert [CODE in told for told in (answer.text, read.text)] == [False] * 2
    assert await tables_with(api.database, CODE) == set()


async def test_a_transfer_that_has_failed_goes_on_with_what_is_new(api: Api) -> None:
    project = await api.ordered()
    await ask(api, project)
    assert (await ask(api, project)).status_code == 409
    await api.sql("UPDATE domain_transfers SET stage = 'failed', problem = 'locked', auth_code = NULL")
    without = await ask(api, project, auth_code=None, registrant=None, max_cents=None)
    assert [each["field"] for each in without.json()["errors"]] == ["auth_code"]
    answer = await ask(api, project, auth_code="another", registrant=None, max_cents=None)
    assert answer.json()["transfers"][0]["stage"] == "requested"
    assert await api.count("outbox") == 2  # the order, and the transfer as it was asked for


async def test_a_transfer_is_withdrawn_once_and_not_answered_meanwhile(api: Api) -> None:
    project = await api.ordered()
    there = f"/projects/{project}/transfers/Sommer.example"
    assert (await api.call("DELETE", there)).status_code == 404
    await ask(api, project)
    await api.sql("UPDATE domain_transfers SET stage = 'failed', problem = 'locked', auth_code = NULL")
    for _ in range(2):
        answer = await api.call("DELETE", there)
        assert (answer.status_code, answer.json()["transfers"][0]["is_withdrawn"]) == (202, True), answer.text
    assert await api.count("transfer_withdrawals") == 1
    assert "is withdrawn: ask for it again when that is done" in (await ask(api, project)).text
    await api.sql("UPDATE domain_transfers SET stage = 'transferred', problem = NULL")
    assert (await api.call("DELETE", there)).status_code == 409
    assert (await api.call("DELETE", f"/projects/{uuid4()}/transfers/sommer.example")).status_code == 404


async def test_what_the_registry_would_refuse_is_refused_at_once_by_field(api: Api) -> None:
    project = await api.ordered()
    owner = OWNER.model_dump(mode="json")
    for changes, fields in (
        ({"domain": "otto.de", "registrant": owner | {"street": "Postfach 12"}}, ["registrant.street"]),
        ({"registrant": owner | {"name": "Otto", "postal_code": "1"}}, ["registrant.postal_code", "registrant.name"]),
        ({"auth_code": "two\nlines"}, ["auth_code"]),
        ({"auth_code": 4711}, ["auth_code"]),
        ({"registrant": None, "max_cents": None}, ["registrant", "max_cents"]),
        ({"domain": "shop.vrs.example"}, ["domain"]),
        ({"max_cents": -1}, ["max_cents"]),
    ):
        answer = await ask(api, project, **changes)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json()["errors"]] == fields
        assert ("two" in answer.text, "4711" in answer.text) == (False, False)
    assert await api.count("domain_transfers") == 0


async def test_a_domain_of_another_project_and_a_project_that_is_over_are_refused(api: Api) -> None:
    first, second = await api.ordered(), await api.ordered()
    other = await api.ordered(base_domain=None, own_domain="winter.example")
    await ask(api, first)
    assert (await ask(api, second)).status_code == 409
    assert (await ask(api, second, domain="winter.example")).status_code == 409
    assert (await ask(api, other, domain="winter.example")).status_code == 202  # its own, held elsewhere up to now
    assert (await ask(api, uuid4())).status_code == 404
    await api.call("POST", f"/projects/{second}/cancellation", json={"reason": "twice"})
    assert (await ask(api, second, domain="neu.example")).status_code == 409


async def test_without_a_key_nothing_can_be_asked_for(database: Database) -> None:
    async with running_api(database) as api:
        answer = await ask(api, await api.ordered())
        assert (answer.status_code, "VRS_TRANSFER_KEY" in answer.json()["remedy"]) == (503, True)
