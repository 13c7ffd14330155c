"""A secret is planted in every setting that holds one, and everything goes wrong: none of them is seen anywhere."""

import asyncio
import base64
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from contracts import CloudEvent, ServiceName
from contracts.signatures import written
from ops.stack import Stack
from ops.topology.management import BrokerSettings
from services.bootstrap.settings import BootstrapSettings
from services.deploy.settings import DeploySettings
from services.dns.settings import DnsSettings
from services.marketplace.settings import MarketplaceSettings
from services.notify.settings import NotifySettings
from shared.messaging.topology import consumer_queue, declare
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.erlang import evaluate, own_node
from tests.ops.conftest import environment
from tests.ops.forked import preload, run_forked
from tests.shared.messaging.harness import until
from tests.stored import is_told, stored

SETTINGS = (DnsSettings, DeploySettings, BootstrapSettings, NotifySettings, MarketplaceSettings, BrokerSettings)
SERVICES = ("dns", "deploy", "notify", "marketplace")
KEYS = {
    "VRS_WEBHOOK_KEY": lambda: Fernet.generate_key().decode(),
    "VRS_MANIFEST_KEY": lambda: written(Ed25519PrivateKey.generate()),
}
"""What is secret and of a form of its own."""
DEADLINE = 90.0


def secret() -> str:
    """Base32, so that it can be any of them, and like no other text."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def every_secret() -> set[str]:
    """The variables whose values are secret, as the settings themselves say."""
    return {
        f"VRS_{name.upper()}"
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
        if SecretStr.__name__ in repr(field.annotation)
    }


@pytest.fixture
async def planted(
    system: System, stack: Stack, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox
) -> AsyncIterator[dict[str, str]]:
    """What each variable hides. With these the bus and the database let us in, and no vendor does."""
    values = {variable: KEYS.get(variable, secret)() for variable in every_secret()}
    node = own_node(stack)
    password = values["VRS_AMQP_URL"]
    await evaluate(node, f'ok = rabbit_auth_backend_internal:add_user(<<"planted">>, <<"{password}">>, <<"test">>)')
    everything = ", ".join(['<<".*">>'] * 3)
    granted = f'set_permissions(<<"planted">>, <<"/">>, {everything}, <<"test">>)'
    await evaluate(node, f"ok = rabbit_auth_backend_internal:{granted}")
    yield values
    await evaluate(node, 'rabbit_auth_backend_internal:delete_user(<<"planted">>, <<"test">>)')


def settings(system: System, planted: dict[str, str], *vendors: Inwx | Deployments | Cores | Mailbox) -> dict[str, str]:
    """The environment of the services."""
    told = {name: value for vendor in vendors for name, value in vendor.settings().items()}
    database = urlsplit(system.database.listen_url)
    smtp = urlsplit(told["VRS_SMTP_URL"])

    def database_url(variable: str) -> str:
        return database._replace(netloc=f"{database.username}:{planted[variable]}@").geturl()

    return told | {
        "VRS_AMQP_URL": f"amqp://planted:{planted['VRS_AMQP_URL']}@{urlsplit(system.amqp_url).netloc.rpartition('@')[2]}/",
        "VRS_DATABASE_URL": database_url("VRS_DATABASE_URL"),
        "VRS_DATABASE_DIRECT_URL": database_url("VRS_DATABASE_DIRECT_URL"),
        "VRS_RABBITMQ_API_URL": f"http://planted:{planted['VRS_RABBITMQ_API_URL']}@127.0.0.1:9",
        "VRS_INWX_PASSWORD": planted["VRS_INWX_PASSWORD"],
        "VRS_INWX_TOTP_SECRET": planted["VRS_INWX_TOTP_SECRET"],
        "VRS_BREVO_API_KEY": planted["VRS_BREVO_API_KEY"],
        "VRS_BREVO_URL": "http://127.0.0.1:9/v3",
        "VRS_COOLIFY_TOKEN": f"7|{planted['VRS_COOLIFY_TOKEN']}",
        "VRS_SMTP_URL": f"smtp://planted:{planted['VRS_SMTP_URL']}@{smtp.hostname}:{smtp.port}",
        **{name: planted[name] for name in ("VRS_STATUS_KEY", "VRS_ADMIN_KEY", "VRS_OIDC_CLIENT_SECRET", *KEYS)},
        "VRS_TRANSFER_KEY": f"{planted['VRS_TRANSFER_KEY']}{'A' * 11}=",  # 32 bytes in base64
        "VRS_LOG_LEVEL": "DEBUG",
        "VRS_LOG_FORMAT": "json",
    }


async def vrs(folder: Path, *arguments: str, **variables: str) -> str:
    """All that a command prints."""
    await run_forked(arguments, environment(**variables), b"", folder)
    return (folder / "out").read_text() + (folder / "err").read_text()


@asynccontextmanager
async def services(folder: Path, variables: dict[str, str]) -> AsyncIterator[None]:
    """Run the services as processes, each with its output in a file."""
    async with AsyncExitStack() as stack:
        processes = []
        for name in SERVICES:
            sink = stack.enter_context((folder / name).open("wb"))
            processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "ops", "run", name), env=environment(**variables), stdout=sink, stderr=sink
                )
            )
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            await asyncio.gather(*(process.wait() for process in processes))


async def test_no_secret_is_in_any_output_log_dead_letter_or_row(
    system: System,
    planted: dict[str, str],
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    tmp_path: Path,
) -> None:
    preload()
    await system.seed()
    variables = settings(system, planted, inwx, coolify, cores, mailbox)
    assert {name for name in planted if planted[name] not in variables.get(name, "")} == set()
    ordered, configured, healthy = Story(), Story(), Story()
    for story in (configured, healthy):
        await system.know(story, ProvisioningState.DNS_CONFIGURED)
    events: list[CloudEvent[Any]] = [ordered.ordered(), configured.configured(), healthy.healthy()]

    consumed = zip((ServiceName.DNS, ServiceName.DEPLOY, ServiceName.NOTIFY), events, strict=True)
    await declare(system.channel, [consumer_queue(service, type(event.data)) for service, event in consumed])
    await system.publish(*events)

    async def have_failed() -> bool:
        tried = await system.sql("SELECT DISTINCT event_id FROM provisioning_log WHERE status IN ('dead', 'retrying')")
        return {row.event_id for row in tried} >= {event.id for event in events}

    async with services(tmp_path, variables):
        await until(have_failed, within=DEADLINE)
    letters = [(await system.letter(service)) for service in ("dns", "deploy")]
    told = {name: (tmp_path / name).read_text() for name in SERVICES}
    told["doctor"] = await vrs(tmp_path, "doctor", *SERVICES, "--queues", **variables)
    told["log"] = await vrs(tmp_path, "log", str(ordered.project_id), "--json", **variables)
    wrong = {name: f"ftp://planted:{value}@nowhere" for name, value in planted.items() if name.endswith("_URL")}
    told["wrong"] = await vrs(
        tmp_path,
        "doctor",
        *SERVICES,
        **variables
        | wrong
        | {
            "VRS_COOLIFY_TOKEN": planted["VRS_COOLIFY_TOKEN"],
            "VRS_INWX_TOTP_SECRET": f"!{planted['VRS_INWX_TOTP_SECRET']}",
        },
    )
    told["refused"] = await vrs(
        tmp_path,
        "doctor",
        *SERVICES,
        **variables | {"VRS_AMQP_URL": variables["VRS_AMQP_URL"].replace("planted", "guest")},
    )
    told["letters"] = repr(letters)
    told["database"] = "\n".join((await stored(system.database)).values())
    assert "VRS_COOLIFY_TOKEN" in told["wrong"]
    assert "step ended" in told["dns"]
    assert str(ordered.project_id) in told["database"]
    seen = {(name, where) for name, value in planted.items() for where, text in told.items() if is_told(text, value)}
    assert seen == set()
