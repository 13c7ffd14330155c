"""RabbitMQ by Debian's package, for a machine that has neither it nor a container engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
"""invoke-rc.d asks it whether a service may start; 101 is "no" (Debian policy, invoke-rc.d(8))."""


def can_install() -> bool:
    """Whether this is root on a Debian or Ubuntu."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_rabbitmq(log: Path) -> None:
    """Install ``rabbitmq-server`` without starting the system's own node; what apt says goes to `log`.

    Raises subprocess.CalledProcessError when apt fails.
    """
    print("Installing rabbitmq-server with apt (about 15 seconds, once) …", file=sys.stderr, flush=True)  # noqa: T201 - progress
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as sink, _no_service_starts():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "rabbitmq-server"]):
            subprocess.run(
                ["apt-get", "-q", *arguments], env=environment, stdout=sink, stderr=subprocess.STDOUT, check=True
            )


@contextmanager
def _no_service_starts() -> Iterator[None]:
    if POLICY.exists():  # the machine has a policy of its own, containers mostly this one
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
