"""Failed steps, once more."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from contracts import Text
from services.marketplace.api.answers import RetriedStep, RetryAnswer
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.dependencies import Configured, Db, MayOrder
from services.marketplace.problems import TRY_AGAIN, Problem
from services.marketplace.retrying import retry
from shared.dead_letters.queues import BrokerAwayError
from shared.models import StepState

router = APIRouter(prefix="/api/v1/projects/{project_id}/retry", tags=["retry"])


class RetryRequest(BaseModel):
    """Why it should go better now; it stands in the record of the dead letters."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "Coolify has a new token"}]})

    reason: Text


@router.post("", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}, 503: {}})
async def retry_project(
    caller: MayOrder, database: Db, settings: Configured, project_id: ProjectId, request: RetryRequest
) -> RetryAnswer:
    """Send a project's failed steps back to their services; they begin anew, with a new deadline."""
    project = await known_project(database, project_id)
    if not any(step.state is StepState.DEAD for step in project.waiting):
        raise Problem(HTTPStatus.CONFLICT, f"no step of project {project_id} has failed; it is {project.state.value}")
    try:
        report = await retry(database, settings.amqp_url.get_secret_value(), project, caller, request.reason)
    except BrokerAwayError as error:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "RabbitMQ does not answer now; nothing was retried", headers=TRY_AGAIN
        ) from error
    if not report.outcomes:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "; ".join(report.notices) or "no queue takes the failed steps back: does their service run?",
            headers=TRY_AGAIN,
        )
    return RetryAnswer(
        retried=[
            RetriedStep(consumer=consumer, event_id=event_id, outcome=outcome.value)
            for (consumer, event_id), outcome in report.outcomes.items()
        ]
    )
