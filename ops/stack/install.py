"""Debian's packages, for a machine that lacks what the local stack or a test needs."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_FOR_OTHERS = 300
"""Seconds in which another apt, such as an unattended upgrade, may end."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""invoke-rc.d asks it whether a service may start; 101 is "no" (Debian policy, invoke-rc.d(8))."""


def can_install() -> bool:
    """Whether this is root on a Debian or Ubuntu."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Look and install inside the block: a second apt is refused, and what is half installed seems to be there."""
    if not can_install():
        yield
        return
    with (Path(tempfile.gettempdir()) / "vrs-install.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(*packages: str, log: Path) -> None:
    """Install `packages` without starting the system's own services; what apt says goes to `log`.

    Raises subprocess.CalledProcessError when apt fails.
    """
    print(f"Installing {' and '.join(packages)} with apt (once) …", file=sys.stderr, flush=True)  # noqa: T201 - progress
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as sink, _no_service_starts():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={WAIT_FOR_OTHERS}", *arguments]
            subprocess.run(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, check=True)


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
