"""What only RabbitMQ's management API tells: bindings, unacked messages, policies. Asked if it is configured."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from aiormq.abc import AbstractConnection
from pydantic import SecretStr

from ops.failure import CommandError
from ops.topology.real import vhost_of
from shared.settings import Settings

DEFAULT_PORT = 15672
TIMEOUT = 10.0


class BrokerSettings(Settings):
    """Where the API is, with user and password in the URL; it listens on port 15672 unless told otherwise."""

    rabbitmq_api_url: SecretStr | None = None


@dataclass(slots=True)
class Managed:
    """What the API says of one queue. `unacked` is up to five seconds old, and None while RabbitMQ has not counted."""

    bindings: set[tuple[str, str]] = field(default_factory=set)
    unacked: int | None = None
    policy: str | None = None
    policy_sets: dict[str, Any] = field(default_factory=dict)


async def ask_management(connection: AbstractConnection, api_url: SecretStr | None) -> dict[str, Managed] | None:
    """Ask for every queue of the connection's virtual host, by name; None without an `api_url`.

    Raises:
        CommandError: the API does not answer, or not as expected.

    """
    if api_url is None:
        return None
    url = urlsplit(api_url.get_secret_value())
    where = f"{url.scheme}://{url.hostname}:{url.port or DEFAULT_PORT}{url.path.rstrip('/')}"
    vhost = quote(vhost_of(connection), safe="")
    try:
        async with httpx.AsyncClient(auth=(url.username or "", url.password or ""), timeout=TIMEOUT) as http:
            queues = await _get(http, f"{where}/api/queues/{vhost}")
            bindings = await _get(http, f"{where}/api/bindings/{vhost}")
            return _read(queues, bindings)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise CommandError(f"VRS_RABBITMQ_API_URL: the management API at {where} does not answer: {problem}") from error


async def _get(http: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    answer = await http.get(url)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def _read(queues: list[dict[str, Any]], bindings: list[dict[str, Any]]) -> dict[str, Managed]:
    found: defaultdict[str, Managed] = defaultdict(Managed)
    for queue in queues:
        found[queue["name"]] = Managed(
            unacked=queue.get("messages_unacknowledged"),
            policy=queue.get("policy") or queue.get("operator_policy"),
            policy_sets=queue.get("effective_policy_definition") or {},
        )
    for binding in bindings:
        if binding["destination_type"] == "queue" and binding["source"]:  # without: each queue's own name
            found[binding["destination"]].bindings.add((binding["source"], binding["routing_key"]))
    return dict(found)
