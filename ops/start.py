"""Where ``vrs`` begins. A service takes a way of its own: all the other commands would cost it 8 MB and much CPU."""

# ruff: noqa: PLC0415 - either way imports what it needs
import sys

RUN = 3
"""Words of ``vrs run SERVICE``."""


def main() -> None:
    """Run ``vrs``, or a service at once."""
    if len(sys.argv) == RUN and sys.argv[1] == "run" and not sys.argv[2].startswith("-"):
        _run(sys.argv[2])
    else:
        from ops.cli import main as all_commands

        all_commands()


def _run(service: str) -> None:
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # structlog would import it, and pygments with it
    from ops.failure import told

    def work() -> None:
        from ops.running import run_service

        run_service(service)

    told(work)
