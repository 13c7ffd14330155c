"""A small marketplace: a project's row and its event are committed together, the page shows how far it is.

Start it with ``flask --app examples.flask_marketplace.app run``; ``DATABASE_URL`` names the database, with its driver.
"""

import os
from typing import Any
from uuid import UUID

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from contracts import Contact, ProjectCancelled, ProjectOrdered, uuid7
from contracts.problems import field_problems
from shared.models import Project, ProjectOrder, ProvisioningLog, ProvisioningState
from shared.outbox import publish

db = SQLAlchemy()


def create_app(database_url: str | None = None) -> Flask:
    """Make the application for ``DATABASE_URL``, for example ``postgresql+psycopg://user@host/name``."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url or os.environ["DATABASE_URL"]
    db.init_app(app)
    app.add_url_rule("/", view_func=form)
    app.add_url_rule("/orders", view_func=order, methods=["POST"])
    app.add_url_rule("/projects/<uuid:project_id>", view_func=project)
    app.add_url_rule("/projects/<uuid:project_id>/cancel", view_func=cancel, methods=["POST"])
    return app


def form() -> str:
    """The order form. Its project id makes sending it twice harmless."""
    return render_template("order.html", project_id=uuid7())


def order() -> ResponseReturnValue:
    """Take an order, as a form or as JSON: answer 201 (JSON) or lead to the project's page."""
    fields = request.get_json() if request.is_json else request.form.to_dict()
    if not isinstance(fields, dict):
        return jsonify(problems=["an order is a JSON object"]), 422
    try:
        project_id = UUID(str(fields.pop("project_id", None) or uuid7()))
        ordered = ProjectOrdered.model_validate(fields if request.is_json else _from_form(fields))
    except ValidationError as error:
        return jsonify(problems=field_problems(error)), 422
    except ValueError as error:
        return jsonify(problems=[f"project_id: {error}"]), 422
    try:
        place(ordered, project_id)
    except IntegrityError:  # the same order again: this project is there already
        db.session.rollback()
    page = url_for("project", project_id=project_id)
    if request.is_json:
        return jsonify(project_id=str(project_id)), 201, {"Location": page}
    return redirect(page, 303)


def place(ordered: ProjectOrdered, project_id: UUID) -> None:
    """Commit the project's row and its event together. A real marketplace takes the money before."""
    db.session.add(
        Project(vrs_id=project_id, name=ordered.fqdn, slug=ordered.slug, provisioning_state=ProvisioningState.ORDERED)
    )
    db.session.flush()
    publish(db.session, ordered, project_id=project_id)
    db.session.commit()


def project(project_id: UUID) -> ResponseReturnValue:
    """How far the project is, from its state and its log."""
    found = db.session.scalar(select(Project).where(Project.vrs_id == project_id)) or abort(404)
    log = db.session.scalars(
        select(ProvisioningLog).where(ProvisioningLog.project_id == project_id).order_by(ProvisioningLog.id)
    ).all()
    if request.accept_mimetypes.best == "application/json":
        return _as_json(found, [f"{row.service}: {row.message}" for row in log])
    return render_template("project.html", project=found, log=log)


def cancel(project_id: UUID) -> ResponseReturnValue:
    """Cancel the project: its mark and its event are committed together. It cannot be taken back."""
    story = db.session.scalar(select(ProjectOrder.correlation_id).where(ProjectOrder.project_id == project_id))
    cancelled = ProjectCancelled(reason="cancelled by the customer", requested_by="customer")
    publish(db.session, cancelled, project_id=project_id, correlation_id=story)
    db.session.commit()
    return redirect(url_for("project", project_id=project_id), 303)


def _from_form(fields: dict[str, str]) -> dict[str, Any]:
    contact = {"name": fields.pop("name", ""), "email": fields.pop("email", "")}
    return {**fields, "customer": Contact.model_validate(contact)}


def _as_json(found: Project, log: list[str]) -> Response:
    state = found.provisioning_state
    return jsonify(project_id=str(found.vrs_id), name=found.name, state=state.value if state else None, log=log)
