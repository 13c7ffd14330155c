"""Log lines: one chain for all, one object a line in containers, and never a secret."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog

from shared.logging import configure_logging
from shared.settings import LogFormat, SettingsError

PASSWORD = "hunter2"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    printed = capsys.readouterr()
    assert printed.out == ""
    found = [json.loads(line) for line in printed.err.splitlines()]
    assert all({"project", "correlation", "causation"} <= line.keys() for line in found)
    return [{key: value for key, value in line.items() if value is not None} for line in found]


def test_each_line_is_an_object_with_its_time_and_the_ids_of_the_moment(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.JSON, service="dns")
    project = uuid4()
    with structlog.contextvars.bound_contextvars(project=project):
        structlog.get_logger("shared.x").info("step ended", attempt=2)
    [line] = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "step ended",
        "service": "dns",
        "project": str(project),
        "attempt": 2,
        "level": "info",
        "logger": "shared.x",
    }


def test_libraries_log_through_the_same_chain_and_only_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.JSON)
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("aiormq.connection").error("what it raises as well")
    logging.getLogger("sqlalchemy.pool").warning("gone: %s", "broker")
    assert [(line["event"], line["level"]) for line in lines(capsys)] == [("gone: broker", "warning")]


def refuse(password: str) -> None:
    raise ConnectionError(f"postgresql://vrs:{password}@db/")


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_secrets_are_hidden_in_fields_urls_and_tracebacks(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    configure_logging(log_format)
    log = structlog.get_logger("x")
    log.info("calls", password=PASSWORD, headers={"Authorization": PASSWORD}, url=f"amqp://vrs:{PASSWORD}@bus/")
    try:
        refuse(PASSWORD)
    except ConnectionError:
        log.exception("failed")
    printed = capsys.readouterr().err
    assert PASSWORD not in printed
    assert "ConnectionError" in printed
    assert "amqp://vrs:" in printed


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.JSON, "warning")
    structlog.get_logger("x").info("quiet")
    logging.getLogger("y").info("quiet")
    structlog.get_logger("x").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_an_unknown_level_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"^VRS_LOG_LEVEL: 'chatty' is no level; take DEBUG"):
        configure_logging(LogFormat.JSON, "chatty")
