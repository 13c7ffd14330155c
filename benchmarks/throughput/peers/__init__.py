"""Other frameworks doing the same four steps, each at its best settings; they need ``uv sync --group bench``."""
