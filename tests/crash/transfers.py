"""Transfers as a case worker asks for them and withdraws them."""

from uuid import UUID

from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer, withdraw_transfer
from tests.choreography.events import Story
from tests.choreography.facts import MAX_CENTS, OWNER
from tests.choreography.system import System
from tests.shared.messaging.harness import until

AUTH_CODE = "code-4711"
KEY = SecretStr(Fernet.generate_key().decode())
"""Encrypts it."""


async def ask(system: System, story: Story, *, knows_code: bool) -> UUID:
    """Ask for the transfer of the project's moving domain; give the id of the event that says so."""
    wish = {"auth_code": AUTH_CODE if knows_code else "a wrong one", "registrant": OWNER, "max_cents": MAX_CENTS}
    request = TransferRequest.model_validate({"domain": story.moving_domain} | wish)
    async with begin(system.database) as transaction:
        message = await ask_for_transfer(transaction, story.project_id, request, Seal(KEY), by="case worker")
    assert message
    return UUID(message.headers["event-id"])


async def withdraw_failed(system: System, story: Story, *, within: float) -> None:
    """Withdraw it once it has failed, `within` seconds."""
    stage = "SELECT 1 FROM domain_transfers WHERE project_id = :id AND stage = 'failed'"

    async def has_failed() -> bool:
        return bool(await system.sql(stage, id=story.project_id))

    await until(has_failed, within=within)
    async with begin(system.database) as transaction:
        await withdraw_transfer(transaction, story.project_id, story.moving_domain, by="case worker")
