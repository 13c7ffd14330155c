"""Who can take part; each is imported when it is asked for, since the peers need packages of their own."""

from pkgutil import resolve_name

from benchmarks.throughput.contender import Contender

OURS, FLOOR = "ours", "floor"

_AT = {
    FLOOR: "floor:FLOOR",
    OURS: "ours:OURS",
    "ours-one-process": "ours:ONE_PROCESS",
    "dramatiq": "peers.with_dramatiq:CONTENDER",
    "faststream": "peers.with_faststream:CONTENDER",
    "celery": "peers.with_celery:CONTENDER",
    "faststream-outbox": "peers.with_faststream_outbox:CONTENDER",
    "dbos": "peers.with_dbos:CONTENDER",
}
NAMES = tuple(_AT)


def contender(name: str) -> Contender:
    """The contender of this name.

    Raises:
        KeyError: there is none.
        ImportError: its package is missing; ``uv sync --group bench`` brings it.

    """
    found: Contender = resolve_name(f"benchmarks.throughput.{_AT[name]}")
    return found
