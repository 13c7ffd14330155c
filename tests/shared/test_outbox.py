"""A synchronous marketplace says its events with its own transaction."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import flask
import flask_sqlalchemy
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, scoped_session

from contracts import Contact, CoreRetired, ProjectCancelled, ProjectOrdered, decode
from shared.outbox import OUTBOX_CHANNEL, publish

IMPORTS = """
import sys
import shared.outbox
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""
CANCELLED = ProjectCancelled(reason="changed their mind", requested_by="Erika Muster")


@pytest.fixture(params=["psycopg", "psycopg2"])
def url(request: pytest.FixtureRequest, database_url: str) -> str:
    """The database's URL for one of the synchronous drivers."""
    return database_url.replace("postgresql://", f"postgresql+{request.param}://").replace("+asyncpg", "")


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def flask_session(url: str) -> Iterator[scoped_session[Any]]:
    """The session of a Flask request."""
    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = flask_sqlalchemy.SQLAlchemy(app)
    with app.app_context():
        yield db.session
        db.session.remove()
        db.engine.dispose()


def ordered() -> ProjectOrdered:
    return ProjectOrdered(
        slug=f"p-{uuid4().hex[:12]}",
        base_domain="vrs.example",
        plan="starter",
        customer=Contact(name="Bäckerei Sommer", email="backstube@sommer.example"),
    )


def rows(database_url: str, table: str = "outbox") -> list[dict[str, Any]]:
    with psycopg.connect(database_url) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def insert_project(session: Session | scoped_session[Any], state: str = "ordered") -> UUID:
    insert = "INSERT INTO projects (name, slug, provisioning_state) VALUES ('x', 'x', :state) RETURNING vrs_id"
    project_id: UUID = session.execute(text(insert), {"state": state}).scalar_one()
    return project_id


def test_an_order_and_its_event_are_committed_together(session: Session, database_url: str) -> None:
    project_id = insert_project(session)
    event = publish(session, ordered(), project_id=project_id)
    assert rows(database_url) == rows(database_url, "projects") == []
    session.commit()
    [row] = rows(database_url)
    assert (row["owner"], row["exchange"], row["routing_key"]) == ("marketplace", "vrs.events", "project.ordered.v1")
    assert row["headers"] == {"event-id": str(event.id), "type": event.type, "correlation-id": str(event.id)}
    assert row["required"]
    assert row["lease_until"] <= row["created_at"]
    assert decode(row["body"], ProjectOrdered) == event
    assert event.subject == project_id == rows(database_url, "projects")[0]["vrs_id"]


def test_the_session_of_a_flask_app_is_one_too(flask_session: scoped_session[Any], database_url: str) -> None:
    event = publish(flask_session, ordered(), project_id=uuid4())
    flask_session.commit()
    [row] = rows(database_url)
    assert decode(row["body"], ProjectOrdered) == event


def test_what_is_rolled_back_is_not_said(session: Session, database_url: str) -> None:
    publish(session, ordered(), project_id=insert_project(session))
    session.rollback()
    session.commit()
    assert rows(database_url) == rows(database_url, "projects") == []


def test_a_savepoint_that_is_rolled_back_takes_its_event_with_it(session: Session, database_url: str) -> None:
    kept = publish(session, ordered(), project_id=uuid4())
    with session.begin_nested() as savepoint:
        publish(session, ordered(), project_id=uuid4())
        savepoint.rollback()
    session.commit()
    assert [decode(row["body"], ProjectOrdered).id for row in rows(database_url)] == [kept.id]


def test_the_marketplace_service_hears_of_a_commit_and_of_nothing_before(session: Session, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {OUTBOX_CHANNEL}")
        publish(session, ordered(), project_id=uuid4())
        assert list(listener.notifies(timeout=0.1)) == []
        session.commit()
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1


def test_a_cancellation_marks_the_project_in_the_same_commit(session: Session, database_url: str) -> None:
    project_id, story = insert_project(session, "live"), uuid4()
    session.commit()
    event = publish(session, CANCELLED, project_id=project_id, correlation_id=story)
    assert rows(database_url, "cancellations") == []
    session.commit()
    [mark] = rows(database_url, "cancellations")
    assert (mark["project_id"], mark["reason"], mark["requested_by"]) == (
        project_id,
        CANCELLED.reason,
        CANCELLED.requested_by,
    )
    assert rows(database_url, "projects")[0]["provisioning_state"] == "cancelling"
    assert decode(rows(database_url)[0]["body"], ProjectCancelled) == event
    assert event.correlation_id == story


def test_cancelling_twice_or_what_nobody_knows_is_no_error(session: Session, database_url: str) -> None:
    ended, unknown = insert_project(session, "cancelled"), uuid4()
    for project_id in (ended, unknown, unknown):
        publish(session, CANCELLED, project_id=project_id)
    session.commit()
    assert {mark["project_id"] for mark in rows(database_url, "cancellations")} == {ended, unknown}
    assert rows(database_url, "projects")[0]["provisioning_state"] == "cancelled"


def test_what_the_services_say_is_refused(session: Session, database_url: str) -> None:
    retired: Any = CoreRetired(was_healthy=True, reason="cancelled")
    with pytest.raises(
        TypeError, match="ProjectOrdered, PluginsChanged, MailDomainRequested, ProjectCancelled, not CoreRetired"
    ):
        publish(session, retired, project_id=uuid4())
    session.commit()
    assert rows(database_url) == []


def test_importing_it_brings_no_broker_and_no_asynchronous_driver() -> None:
    ended = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    loaded = set(eval(ended.stdout))
    assert {"sqlalchemy", "pydantic", "contracts"} <= loaded
    unwanted = {"faststream", "aiormq", "aio_pika", "asyncpg", "greenlet", "anyio", "structlog", "httpx", "uvloop"}
    assert loaded & unwanted == set()
    assert not {"psycopg", "psycopg2"} & loaded
