"""Where ``vrs`` begins. A service takes a way of its own: all the other commands would cost it 8 MB and much CPU."""

# ruff: noqa: PLC0415 - either way imports what it needs
import gc
import sys

RUN = 3
"""Words of ``vrs run SERVICE``."""

UNUSED = ("rich", "pygments", "pydantic.v1")
"""structlog would import the first, httpx's command line the second, FastAPI the last, for old models."""


def main() -> None:
    """Run ``vrs``, or a service at once."""
    if len(sys.argv) == RUN and sys.argv[1] == "run" and not sys.argv[2].startswith("-"):
        _run(sys.argv[2])
    else:
        from ops.cli import main as all_commands

        all_commands()


def _run(service: str) -> None:
    gc.disable()  # nothing of what is imported is garbage, and looking for some is a fifth of the work
    for unused in UNUSED:
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]  # their importers do without
    from ops.failure import told

    def work() -> None:
        from ops.running import run_service

        run_service(service)

    told(work)
