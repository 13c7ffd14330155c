"""Where things stand in a checkout."""

import os
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
ORDERS = CHECKOUT / "examples" / "orders"
SEED = CHECKOUT / "seeds" / "local.toml"


def new_log_folder() -> Path:
    """A folder for the logs of what this process starts: ``.local/logs/<time UTC>-<pid>`` in the checkout."""
    return CHECKOUT / ".local" / "logs" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
