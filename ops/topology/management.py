"""What only RabbitMQ's management API tells: bindings, unacked messages, policies; and sets: users' rights."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
from aiormq.abc import AbstractConnection
from pydantic import SecretStr

from ops.failure import CommandError
from ops.topology.definitions import OPERATOR
from ops.topology.real import vhost_of
from shared.settings import Settings

DEFAULT_PORT = 15672
TIMEOUT = 10.0


class BrokerSettings(Settings):
    """Where the API is, on port 15672 unless told otherwise, and its user and password: else those of `amqp_url`."""

    rabbitmq_api_url: SecretStr | None = None

    @property
    def api_url(self) -> SecretStr | None:
        """The API's address with user and password."""
        return self.rabbitmq_api_url and self._with_login(self.rabbitmq_api_url.get_secret_value())

    @property
    def usual_api_url(self) -> SecretStr:
        """The same, and where nobody has named it, at its port of RabbitMQ's host."""
        return self.api_url or self._with_login(f"http://{urlsplit(self.amqp_url.get_secret_value()).hostname}")

    def _with_login(self, given: str) -> SecretStr:
        url, amqp = urlsplit(given), urlsplit(self.amqp_url.get_secret_value())
        login = (url if url.username else amqp).netloc.rpartition("@")[0]
        return SecretStr(url._replace(netloc=f"{login}@{url.netloc.rpartition('@')[2]}").geturl())


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
    vhost = quote(vhost_of(connection), safe="")
    async with _api(api_url) as http:
        queues = await _get(http, f"api/queues/{vhost}")
        bindings = await _get(http, f"api/bindings/{vhost}")
        return _read(queues, bindings)


async def give_rights(api_url: SecretStr, wanted: Mapping[str, Any]) -> int:
    """Give users what `wanted` (definitions) says they may, and nothing else; return to how many.

    Passwords stay as they are.

    Raises:
        CommandError: the API does not answer or refuses; RabbitMQ has not each of the users.

    """
    permissions = [("permissions", each) for each in wanted["permissions"] if each["user"] != OPERATOR]
    permissions += [("topic-permissions", each) for each in wanted["topic_permissions"]]
    users = {each["user"] for _, each in permissions}
    async with _api(api_url) as http:
        missing = users - {each["name"] for each in await _get(http, "api/users")}
        if missing:
            raise CommandError(
                f"RabbitMQ has no user {', '.join(sorted(missing))}: import what `vrs topology definitions --secrets "
                "secrets` prints, which holds their passwords"
            )
        for kind, each in permissions:
            rights = {name: value for name, value in each.items() if name not in {"user", "vhost"}}
            place = f"api/{kind}/{quote(each['vhost'], safe='')}/{quote(each['user'], safe='')}"
            (await http.put(place, json=rights)).raise_for_status()
    return len(users)


@asynccontextmanager
async def _api(address: SecretStr) -> AsyncIterator[httpx.AsyncClient]:
    url = urlsplit(address.get_secret_value())
    where = f"{url.scheme}://{url.hostname}:{url.port or DEFAULT_PORT}{url.path.rstrip('/')}"
    login = (unquote(url.username or ""), unquote(url.password or ""))
    try:
        async with httpx.AsyncClient(base_url=where, auth=login, timeout=TIMEOUT) as http:
            yield http
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
