"""TLS to the broker, by its URL alone: encrypted, and only to a server that the authority vouches for."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from ops.ports import free_port
from ops.stack import Stack
from shared.database import Database
from shared.messaging.runtime import running
from tests.erlang import evaluate, own_node
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import Harness, order, until


@dataclass(frozen=True)
class Tls:
    """Where the node speaks TLS; who vouches for its certificate, and who does not."""

    url: str
    authority: Path
    stranger: Path

    def trusting(self, authority: Path) -> str:
        """The URL as it stands in the settings."""
        return f"{self.url}?cafile={authority}"


@pytest.fixture
async def tls(stack: Stack, amqp_url: str, tmp_path: Path) -> Tls:
    """The node speaks TLS too, from now on."""
    authority = trustme.CA()
    files = {name: tmp_path / f"{name}.pem" for name in ("authority", "stranger", "broker")}
    authority.cert_pem.write_to_path(str(files["authority"]))
    trustme.CA().cert_pem.write_to_path(str(files["stranger"]))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(files["broker"]))
    port = free_port()
    options = f'[{{certfile, "{files["broker"]}"}}, {{keyfile, "{files["broker"]}"}}]'
    await evaluate(own_node(stack), f'rabbit_networking:start_ssl_listener({{"127.0.0.1", {port}}}, {options}, 2)')
    return Tls(f"amqps://guest:guest@127.0.0.1:{port}/", files["authority"], files["stranger"])


async def test_a_service_consumes_and_publishes_over_tls(tls: Tls, database: Database, amqp_url: str) -> None:
    harness = Harness(database, amqp_url, channel=None)  # type: ignore[arg-type]  # nothing is published without TLS
    async with running(harness.service(), database, amqp_url=tls.trusting(tls.authority)) as runtime:
        await until(lambda: not runtime.not_ready, within=30)
        harness.channel = await runtime.broker.open_channel()
        event = order()
        await harness.publish(event)
        await harness.logged(event.subject, "completed", within=30)


async def test_a_server_that_nobody_vouches_for_is_refused(tls: Tls, vrs: Vrs) -> None:
    trusted = await vrs("doctor", "bootstrap", VRS_AMQP_URL=tls.trusting(tls.authority))
    assert trusted.code == 0, trusted
    refused = await vrs("doctor", "bootstrap", VRS_AMQP_URL=tls.trusting(tls.stranger))
    assert refused.code == 1
    assert "certificate" in refused.out.lower(), refused
