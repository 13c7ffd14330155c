"""CPU time and memory of processes, read from /proc (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat. `seconds` includes children that have ended and were waited for."""

    pid: int
    parent: int
    seconds: float
    resident: int


def processes() -> dict[int, Process]:
    """All processes of this machine."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            pid = int(folder.name)
            seconds = sum(map(int, fields[11:15])) / TICKS
            found[pid] = Process(pid, int(fields[1]), seconds, int(fields[21]) * PAGE)
    return found


def tree(root: int) -> list[Process]:
    """The process `root` and all that descend from it."""
    everybody = processes()
    members = [everybody[root]] if root in everybody else []
    for member in members:
        members += [process for process in everybody.values() if process.parent == member.pid]
    return members


def seconds(root: int) -> float:
    """CPU seconds that the tree has used up to now."""
    return sum(process.seconds for process in tree(root))
