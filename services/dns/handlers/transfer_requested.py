"""DomainTransferRequested: the transfer is ordered once, with the customer's records in our zone before it moves.

What keeps a transfer from being paid for twice is what keeps a registration from it (`registration_requested`): owner,
price and credit are looked at first; that it is about to be ordered is recorded (`INTENDED`); only a refusal is
believed without a look. The auth code is decrypted for the call alone, and forgotten with the commit that says that
INWX has taken it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from contracts import (
    DomainAdded,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    Registrant,
    TransferProblem,
)
from services.dns.models import ManagedRecord, Placement
from services.dns.paid_order import age, euros
from services.dns.registrar import HeldDomain, Offer, Registrar, RenewalMode
from services.dns.transfer import (
    failed,
    is_pending_already,
    objection_of,
    still_failed,
    waits_for_address,
    waits_for_registry,
)
from services.dns.transfer_zone import NOT_KEPT, TransferZone
from services.dns.withdrawal import WithdrawTransfer
from shared.errors import PermanentError, TemporaryError
from shared.models import DomainTransfer, ProvisioningState, TransferStage
from shared.outcome import Done, Outcome, Parked
from shared.registrant import problems
from shared.seal import Seal, UnreadableSecretError
from shared.step import Step
from shared.writes import Upsert

_HAS_ADDRESS = (ProvisioningState.DNS_CONFIGURED, ProvisioningState.APP_DEPLOYED, ProvisioningState.LIVE)
_MOST_TOLD = 400
"""Characters of the copied records in a sentence; the log's detail has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferDomain:
    """Order the transfer, wait for its registry, say DomainTransferred and that the project moves to the domain."""

    registrar: Registrar
    zone: TransferZone
    withdraw: WithdrawTransfer
    seal: Seal | None
    inwx_grace: float
    gives_up_after: timedelta

    async def __call__(self, requested: DomainTransferRequested, step: Step) -> Outcome:
        """Go on where the row says that the last try stopped."""
        rows = await step.rows(DomainTransfer)
        row = next((each for each in rows if each.domain == requested.domain), None)
        if row is None:
            return Done(message=f"Nobody wants {requested.domain} any more.")
        if row.stage is not TransferStage.TRANSFERRED and (ended := await self.withdraw(row, step)) is not None:
            return ended
        match row.stage:
            case TransferStage.TRANSFERRED:
                return _transferred(row)
            case TransferStage.FAILED if row.problem is not TransferProblem.NO_CREDIT:
                return still_failed(row)
            case TransferStage.INTENDED | TransferStage.PENDING:
                return await self._look(row, step)
            case _:
                return await self._begin(row, step)

    async def _look(self, row: DomainTransfer, step: Step) -> Outcome:
        """What has become of an order."""
        found = await self.registrar.find(row.domain)
        if found is not None and not found.has_failed:
            return await self._found(row, found, step)
        if row.stage is TransferStage.INTENDED and found is None:
            if (wait := self.inwx_grace - age(row)) > 0:
                message = f"INWX has not answered the transfer of {row.domain} and does not show it yet."
                return waits_for_registry(row, message, look_again=wait)
            return await self._begin(row, step)  # it was never ordered
        said = found.status if found else "INWX does not have it any more"
        return failed(row, TransferProblem.REFUSED, f"registry or losing registrar refused {row.domain} ({said})")

    async def _found(self, row: DomainTransfer, found: HeldDomain, step: Step) -> Outcome:
        if row.stage is not TransferStage.PENDING:
            return _started(row, row.cents or 0)  # also of what has come meanwhile: each thing is told in its turn
        if found.has_arrived:
            return await self._arrived(row, found, step)
        if age(row) > self.gives_up_after.total_seconds():
            return await self._expired(row, step)
        return waits_for_registry(row, f"{row.domain} is on its way to us ({found.status}).")

    async def _expired(self, row: DomainTransfer, step: Step) -> Outcome:
        """Nobody has decided; what comes through at the last moment is welcome."""
        await step.record()
        await self.registrar.cancel_transfer(row.domain)
        found = await self.registrar.find(row.domain)
        if found is not None and found.has_arrived:
            return await self._arrived(row, found, step)
        if found is not None and not found.has_failed:
            return waits_for_registry(row, f"The transfer of {row.domain} was given up; INWX still shows it.")
        days = f"{self.gives_up_after.total_seconds() / 86_400:g}"
        return failed(row, TransferProblem.EXPIRED, f"nobody has decided about {row.domain} in {days} days")

    async def _arrived(self, row: DomainTransfer, found: HeldDomain, step: Step) -> Outcome:
        """It is ours: see to it that it stays so and leads to our name servers."""
        ours = set(self.registrar.name_servers)
        if found.renewal_mode != RenewalMode.RENEWED or set(found.name_servers) != ours:
            await step.record()
            await self.registrar.settle(row.domain)
        values = {"stage": TransferStage.TRANSFERRED, "problem": None, "auth_code": None, "registrant": None}
        return _transferred(row.changed(**values, expires_at=found.expires_at))

    async def _begin(self, row: DomainTransfer, step: Step) -> Outcome:
        places = await step.rows(Placement)
        if not places or step.project is None or step.project.state not in _HAS_ADDRESS:
            return waits_for_address(row, (datetime.now(UTC) - step.opened_at).total_seconds())
        owner = Registrant.model_validate(row.registrant)
        if wrong := problems(row.domain, owner):
            fields = ", ".join(dict.fromkeys(each.field for each in wrong))  # their values are nobody else's business
            said = f"the registry would not take the owner's data: {fields}"
            return failed(row, TransferProblem.CONTACT_INCOMPLETE, said)
        known = await self.registrar.find(row.domain)
        if known is not None and not known.has_failed:
            if row.intended_at is not None:
                return await self._found(row, known, step)  # an order of ours that was thought lost
            said = f"{row.domain} is in our INWX account already ({known.status}): add it instead"
            return failed(row, TransferProblem.ALREADY_OURS, said)
        offer = await self.registrar.transfer_offer(row.domain)
        if objection := await self._objection(row, offer):
            return failed(row, *objection, cents=offer.cents)
        if row.auth_code is None:
            return failed(row, TransferProblem.AUTH_CODE_WRONG, "there is no auth code", cents=offer.cents)
        auth_code = self._opened(row.auth_code)
        contact = await self._contact(owner, step)
        ready, records = await self.zone.prepare(row.changed(contact_id=contact), step, places[0])
        return await self._order(ready, records, auth_code, owner, offer, step)

    async def _order(
        self,
        ready: DomainTransfer,
        records: Sequence[ManagedRecord],
        auth_code: SecretStr,
        owner: Registrant,
        offer: Offer,
        step: Step,
    ) -> Outcome:
        values = {"stage": TransferStage.INTENDED, "problem": None, "intended_at": datetime.now(UTC)}
        intended = ready.changed(**values, cents=offer.cents)
        await step.record(Upsert(intended), *(Upsert(record) for record in records))
        try:
            ordered = await self.registrar.transfer(
                ready.domain, ready.contact_id or 0, auth_code, citizenship=owner.citizenship
            )
        except (PermanentError, TemporaryError) as error:
            if is_pending_already(error):
                found = await self.registrar.find(ready.domain)
                if found is not None and not found.has_failed:
                    return await self._found(intended, found, step)
                return failed(ready, TransferProblem.LOCKED, f"another transfer is under way: {error}")
            problem = objection_of(error)
            if problem is None:
                raise
            return failed(ready, problem, str(error), cents=offer.cents)
        return _started(intended, ordered.cents or offer.cents or 0)

    async def _objection(self, row: DomainTransfer, offer: Offer) -> tuple[TransferProblem, str] | None:
        """Why it must not be ordered now."""
        if offer.cents is None:
            return TransferProblem.NOT_REGISTERED, f"{row.domain} is not registered: it can be ordered as a new domain"
        price = f"{offer.cents / 100:.2f} {offer.currency}"
        if offer.currency != "EUR" or offer.cents > row.max_cents:
            said = f"the transfer of {row.domain} costs {price}, agreed are {euros(row.max_cents)}"
            return TransferProblem.TOO_EXPENSIVE, said
        credit = await self.registrar.credit()
        if credit < offer.cents:
            said = f"the transfer of {row.domain} costs {price}, the INWX account has {euros(credit)}: top it up"
            return TransferProblem.NO_CREDIT, said
        return None

    async def _contact(self, owner: Registrant, step: Step) -> int:
        await step.record()
        return await self.registrar.contact(owner)

    def _opened(self, kept: bytes) -> SecretStr:
        if self.seal is None:
            remedy = "set VRS_TRANSFER_KEY for dns to what the marketplace has; then replay"
            raise PermanentError(f"the auth code cannot be read: {remedy}", code="transfer_key_missing")
        try:
            return self.seal.open(kept)
        except UnreadableSecretError as error:
            remedy = "VRS_TRANSFER_KEY is none of those with which it was encrypted: add that one; then replay"
            raise PermanentError(f"the auth code cannot be read: {remedy}", code="transfer_key_wrong") from error


def _started(row: DomainTransfer, cents: int) -> Parked:
    """INWX has taken the order and the auth code, which is forgotten here."""
    pending = row.changed(stage=TransferStage.PENDING, problem=None, auth_code=None, cents=cents)
    listed = ", ".join(map(str, row.kept_records))
    copied = f"copied from the old name servers: {listed[:_MOST_TOLD]}" if listed else "no records to copy were found"
    kept = sum(not each.startswith(NOT_KEPT) for each in row.kept_records)
    return Parked(
        key=waits_for_registry(pending, "").key,
        look_again=0.5,
        until_woken=True,
        message=f"The transfer of {row.domain} is ordered for {euros(cents)}; {copied}.",
        events=(DomainTransferStarted(domain=row.domain, cents=cents, kept_records=kept),),
        writes=(Upsert(pending),),
        detail={"kept_records": row.kept_records, "cents": cents},
    )


def _transferred(row: DomainTransfer) -> Done:
    cents = row.cents or 0
    until = f", until {row.expires_at:%Y-%m-%d}" if row.expires_at else ""
    transferred = DomainTransferred(domain=row.domain, cents=cents, expires_at=row.expires_at, is_renewed=True)
    return Done(
        message=f"{row.domain} is transferred to us for {euros(cents)}{until}; it is renewed by itself.",
        events=(transferred, DomainAdded(domain=row.domain, primary=True)),
        writes=(Upsert(row),),
        detail=transferred.model_dump(mode="json"),
    )
