"""Processes that end with us: an orderly end when we can, a hard one by a guard when we cannot."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_GUARD = """
trap "" INT TERM HUP
while read -r target; do targets="$targets $target"; done
kill -9 $targets
rm -rf "$1"
"""


class Guard:
    """A shell that waits for the end of its input. That comes when we die, however we die: then it kills and removes.

    `folder` is what it removes. Use `guarding` to get one.
    """

    def __init__(self, folder: Path) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, pid: int, *, group: bool = True) -> None:
        """Kill this process, or its whole group, when we die."""
        if self._shell.stdin is not None:
            self._shell.stdin.write(f"{-pid if group else pid}\n".encode())
            self._shell.stdin.flush()

    def dismiss(self) -> None:
        """Everything has ended in order."""
        self._shell.kill()
        self._shell.wait()


@contextmanager
def guarding(folder: Path) -> Iterator[Guard]:
    """Guard as long as the block runs."""
    guard = Guard(folder)
    try:
        yield guard
    finally:
        guard.dismiss()


def start(arguments: list[str], *, environment: dict[str, str], output: Path, guard: Guard) -> subprocess.Popen[bytes]:
    """Start a program as its own process group, so that a Ctrl-C in our terminal does not reach it.

    What it says is appended to `output`.
    """
    with output.open("ab") as sink:
        process = subprocess.Popen(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    guard.watch(process.pid)
    return process
