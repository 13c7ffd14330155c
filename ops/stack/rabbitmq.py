"""A RabbitMQ node of our own: any installed ``rabbitmq-server``, with its own ports, data, logs, cookie and epmd."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops.failure import CommandError
from ops.ports import free_ports
from ops.stack.guard import Guard, start

START_SECONDS = 90.0
NODE = "vrs@127.0.0.1"
"""An address needs no /etc/hosts. Each node has its own epmd (Erlang's port mapper): all may have the same name."""

SERVERS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/usr/local/opt/rabbitmq/sbin/rabbitmq-server"))
"""Where packages put the script itself. Debian's wrapper on the PATH insists on being root or the user rabbitmq."""


def installed_server() -> Path | None:
    """The ``rabbitmq-server`` script of this machine."""
    on_path = shutil.which("rabbitmq-server")
    return next((script for script in SERVERS if script.is_file()), Path(on_path) if on_path else None)


@dataclass(slots=True)
class RabbitNode:
    """A node in `folder`. What it holds survives `kill` and `start`, so that a broker's crash can be played."""

    script: Path
    folder: Path
    logs: Path
    guard: Guard
    ports: list[int]
    """Of AMQP, Erlang's distribution and epmd, on 127.0.0.1."""
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The AMQP URL of the default virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.ports[0]}/"

    @property
    def pid(self) -> int:
        """The node's process."""
        return self._processes[-1].pid

    def start(self) -> None:
        """Start the node; `wait` tells when it answers."""
        environment = self._environment()
        epmd = shutil.which("epmd")
        programs = [[epmd, "-port", str(self.ports[2]), "-address", "127.0.0.1"]] if epmd else []
        for arguments in [*programs, [str(self.script), "-noinput"]]:
            self._processes.append(
                start(arguments, environment=environment, output=self.logs / "rabbitmq.log", guard=self.guard)
            )

    async def wait(self) -> None:
        """Return when the node listens, which it does last of all.

        Raises:
            CommandError: it ended, or does not listen in time.

        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._processes[-1].poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.ports[0])
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise CommandError(f"RabbitMQ did not start; see {self.logs}")

    def kill(self) -> None:
        """End the node at once, as a crash would: a throwaway node has nothing to save."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def _environment(self) -> dict[str, str]:
        """Everything that would otherwise come from, or go to, the system's own RabbitMQ."""
        amqp, distribution, epmd = map(str, self.ports)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return inherited | {
            "HOME": str(self.folder),  # Erlang keeps the cookie there
            "ERL_EPMD_PORT": epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(self.logs / "erl_crash.dump"),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODE_PORT": amqp,
            "RABBITMQ_DIST_PORT": distribution,
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.logs),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the node instead of watching over it
        }


@contextmanager
def rabbitmq_node(script: Path, folder: Path, logs: Path, guard: Guard) -> Iterator[RabbitNode]:
    """Start a node that runs as long as the block; await its `wait` before the first connection."""
    folder.mkdir()
    node = RabbitNode(script, folder, logs, guard, free_ports(3))
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{node.ports[0]}\n"
        "disk_free_limit.absolute = 50MB\n"  # else a small disk blocks every publisher
        "log.console = false\n"
    )
    try:
        node.start()
        yield node
    finally:
        node.kill()
