"""Where things stand in a checkout."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
ORDERS = CHECKOUT / "examples" / "orders"
ELSEWHERE = ORDERS / "elsewhere"
"""Orders under domains that other providers hold."""

PLUGINS = CHECKOUT / "examples" / "plugins"
SEED = CHECKOUT / "seeds"


LOGS = CHECKOUT / ".local" / "logs"
LOGS_KEPT = 20
"""Runs; older ones are removed when a new one begins."""


def new_log_folder(logs: Path = LOGS) -> Path:
    """A folder for the logs of what this process starts: ``.local/logs/<time UTC>-<pid>`` in the checkout.

    Of those before, the newest are kept, and those whose process still runs.
    """
    for old in sorted(logs.glob("*-*-*"))[:-LOGS_KEPT]:
        if not _runs(old.name.rpartition("-")[2]):
            shutil.rmtree(old, ignore_errors=True)
    return logs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):  # it has ended, or the folder is not of ours
        return False
    except PermissionError:  # it runs, and is somebody else's
        return True
    return True
