"""The OpenAPI document is true: whatever it allows is answered as it says, and its examples are valid."""

import asyncio
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ops.secrets import made_up
from shared.database import Database
from shared.models import Scope
from tests.services.marketplace.api import Api, running_api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 6


def examples(value: Any, document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each schema of the document that has examples, with each of them."""
    if isinstance(value, dict):
        for example in value["examples"] if isinstance(value.get("examples"), list) else ():
            yield value, example
        for inner in value.values():
            yield from examples(inner, document)
    elif isinstance(value, list):
        for inner in value:
            yield from examples(inner, document)


async def test_the_documents_examples_are_what_it_says(api: Api) -> None:
    document = (await api.http.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1.")
    found = list(examples(document, document))
    assert len(found) > 15
    for schema, example in found:
        Draft202012Validator(schema | {"components": document["components"]}).validate(example)
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for each in content.get("examples", {}).values():
                    whole = content["schema"] | {"components": document["components"]}
                    Draft202012Validator(whole).validate(each["value"])


async def test_no_request_breaks_it_and_no_answer_is_another_than_it_says(database: Database) -> None:
    key = SecretStr(made_up())
    async with running_api(database, api_rate_limit=1_000_000, webhook_key=key, transfer_key=key) as api:
        await api.ordered()
        await every_operation(api)


async def every_operation(api: Api) -> None:
    schema = schemathesis.openapi.from_dict(api.app.openapi())
    schema.config.update(base_url=str(api.http.base_url))
    headers = {"Authorization": f"Bearer {api.keys[Scope.ADMIN]}"}
    bounds = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def ask(operation: Any) -> None:
        @bounds
        @given(case=operation.as_strategy())
        def each(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        each()

    asked = 0
    for found in schema.exclude(path_regex="/events$|/core/|/preview/").get_all_operations():
        assert isinstance(found, Ok)
        await asyncio.to_thread(ask, found.ok())
        asked += 1
    assert asked > 15
