"""Domains that come to us from other registrars, for a project."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic.config import JsonDict

from services.marketplace.api.answers import Answer
from services.marketplace.api.base_domains import stored
from services.marketplace.api.domains import Domain
from services.marketplace.api.projects import ProjectId, known_project
from services.marketplace.audit import record
from services.marketplace.dependencies import Configured, Db, MayOrder, MayRead
from services.marketplace.problems import Problem
from services.marketplace.settings import MarketplaceSettings
from shared.models import StaffActionKind
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferLine, TransferRequest, ask_for_transfer, lines_of, withdraw_transfer

router = APIRouter(prefix="/api/v1/projects/{project_id}/transfers", tags=["transfers"])

TRANSFER: JsonDict = {
    "domain": "baeckerei-sommer.example",
    "stage": "pending",
    "problem": None,
    "max_cents": 1500,
    "cents": 465,
    "expires_at": None,
    "is_withdrawn": False,
}


class TransfersAnswer(Answer):
    """A project's transfers by domain."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"transfers": [TRANSFER]}]})

    transfers: list[TransferLine]


@router.post("", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}, 503: {}})
async def transfer_domain(
    caller: MayOrder, database: Db, settings: Configured, project_id: ProjectId, request: TransferRequest
) -> TransfersAnswer:
    """Have a domain transferred to us; the project moves to it by itself when it has come.

    Sent again for a transfer that has failed, it goes on with what is new: another auth code, owner or price. The auth
    code is kept encrypted until INWX has taken it, and is in no answer.
    """
    seal = _seal(settings)
    async with begin(database) as transaction:
        await ask_for_transfer(transaction, project_id, request, seal, by=caller.name)
        kind = StaffActionKind.TRANSFER_ASKED
        await record(transaction.connection, caller, kind, request.domain, project_id=project_id)
        return TransfersAnswer(transfers=await lines_of(transaction.connection, project_id))


@router.delete("/{domain}", status_code=HTTPStatus.ACCEPTED, responses={404: {}, 409: {}})
async def delete_transfer(caller: MayOrder, database: Db, project_id: ProjectId, domain: Domain) -> TransfersAnswer:
    """Withdraw a transfer that has not come yet: what it made is removed and its names are free again.

    What is under way is given up within minutes, if it does not come before that. The project stays where it is.
    """
    name = stored(domain, "domain")
    async with begin(database) as transaction:
        await withdraw_transfer(transaction, project_id, name, by=caller.name)
        await record(transaction.connection, caller, StaffActionKind.TRANSFER_WITHDRAWN, name, project_id=project_id)
        return TransfersAnswer(transfers=await lines_of(transaction.connection, project_id))


@router.get("", responses={404: {}})
async def list_transfers(_: MayRead, database: Db, project_id: ProjectId) -> TransfersAnswer:
    """Tell how far a project's transfers are."""
    await known_project(database, project_id)
    async with database.autocommit.begin() as connection:
        return TransfersAnswer(transfers=await lines_of(connection, project_id))


def _seal(settings: MarketplaceSettings) -> Seal:
    if settings.transfer_key is None:
        remedy = "Set VRS_TRANSFER_KEY for marketplace and dns; `vrs secrets` makes one."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no domain can be transferred here", remedy=remedy)
    return Seal(settings.transfer_key)
