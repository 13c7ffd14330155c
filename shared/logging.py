"""Structured logs: JSON lines for containers, readable lines on a terminal, one chain for our own and the libraries'.

Lines go to stderr; stdout belongs to what a command prints. Each carries its UTC time and the project, correlation
and causation id that are bound at that moment (`structlog.contextvars`).
"""

import json
import logging
import sys
from contextlib import suppress
from uuid import UUID

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.redact import redact
from shared.settings import LogFormat, SettingsError

_QUIET = ("aio_pika", "aiormq", "alembic", "asyncio", "faststream", "httpcore", "httpx", "sqlalchemy", "uvicorn")
"""Libraries that say at INFO what our own lines say better."""

_SILENT = ("aio_pika", "aiormq")
"""Libraries that log with a traceback what they raise as well: our own line says it once."""


def configure_logging(log_format: LogFormat, level: str = "INFO", *, service: str | None = None) -> None:
    """Set up structlog and the standard library's logging; `service` stands on every line if given.

    Raises:
        SettingsError: logging does not know the level.

    """
    if level.upper() not in logging.getLevelNamesMapping():
        raise SettingsError(f"VRS_LOG_LEVEL: {level!r} is no level; take DEBUG, INFO, WARNING or ERROR")
    as_json = log_format is LogFormat.JSON or (log_format is LogFormat.AUTO and not sys.stderr.isatty())
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Processor] = [
        structlog.processors.format_exc_info,
        *([_as_json] if as_json else [_readable, _console()]),
    ]
    # Ours go straight to stderr: by way of the standard library's logging a line takes twice the CPU.
    structlog.configure(
        processors=[*chain, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Stderr,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    if service is not None:
        structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*chain, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Stderr:
    """Writes lines. What cannot be written is lost, as with the standard library: a full disk must not fail a step."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def info(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = warning = error = critical = info


def _console() -> Processor:
    """Plain tracebacks: rich ones show local variables, and with them secrets."""
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _readable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide secrets and write ids as people know them."""
    return {key: str(value) if isinstance(value, UUID) else value for key, value in redact(event).items()}


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    """One object on one line, secrets hidden.

    Every line has the three ids, so that a query needs no exception for lines that belong to no project.
    """
    for name in ("project", "correlation", "causation"):
        event.setdefault(name, None)
    line = redact(event)
    try:
        return to_json(line, fallback=str).decode()
    except (PydanticSerializationError, ValueError):  # text that is not Unicode: a lone surrogate
        return json.dumps(line, default=str)
