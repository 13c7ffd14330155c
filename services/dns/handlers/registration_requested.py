"""DomainRegistrationRequested: the domain is bought once, for what was agreed; whatever else comes, a person is asked.

What keeps a domain from being paid for twice:

1. Nothing is ordered before owner, price and credit are looked at, and nothing that our account already holds.
2. That it is about to be ordered is recorded (`INTENDED`), under the project's lock and with a lease in hand.
3. Only a refusal is believed without a look. After anything else (a lost answer, an outage, a crash) the account is
   looked up: what is there is ours. What is not there once no call can be under way any more was never ordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts import DomainRegistered, DomainRegistrationRequested, Registrant, RegistrationHold
from services.dns.inwx import Inwx
from services.dns.inwx_errors import InwxExistsError
from services.dns.paid_order import age, euros
from services.dns.registrar import NO_CREDIT, HeldDomain, Offer, Registrar, is_refusal
from services.dns.registration import held, still_held, waits_for_registry
from shared.errors import PermanentError, TemporaryError
from shared.models import DomainRegistration, RegistrationStage
from shared.outcome import Done, Outcome
from shared.registrant import problems
from shared.step import Step
from shared.writes import Upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDomain:
    """Buy the domain, wait for its registry, say DomainRegistered."""

    registrar: Registrar
    inwx: Inwx
    inwx_grace: float

    async def __call__(self, requested: DomainRegistrationRequested, step: Step) -> Outcome:
        """Go on where the row says that the last try stopped."""
        rows = await step.rows(DomainRegistration)
        row = next((each for each in rows if each.domain == requested.domain), None)
        if row is None:
            return Done(message=f"Nobody wants {requested.domain} any more.")
        match row.stage:
            case RegistrationStage.REGISTERED:
                return self._registered(row, ())
            case RegistrationStage.HELD if row.hold is not RegistrationHold.NO_CREDIT:
                return still_held(row)
            case RegistrationStage.INTENDED | RegistrationStage.PENDING:
                return await self._look(row, step)
            case _:
                return await self._buy(row, step)

    async def _look(self, row: DomainRegistration, step: Step) -> Outcome:
        """What has become of an order."""
        found = await self.registrar.find(row.domain)
        if found is not None and not found.has_failed:
            return self._found(row, found)
        if row.stage is RegistrationStage.INTENDED and found is None:
            if (wait := self.inwx_grace - age(row)) > 0:
                message = f"INWX has not answered the order of {row.domain} and does not show it yet; it is looked up."
                return waits_for_registry(row, message, look_again=wait)
            return await self._buy(row, step)  # it was never ordered
        said = found.status if found else "INWX does not have it any more"
        return held(row, RegistrationHold.REFUSED, f"the registry refused {row.domain} ({said}); nothing is charged")

    def _found(self, row: DomainRegistration, found: HeldDomain) -> Outcome:
        if not found.is_ours:
            pending = row.changed(stage=RegistrationStage.PENDING)
            message = f"{row.domain} is ordered; the registry is at it ({found.status})."
            return waits_for_registry(pending, message, write=row.stage is not RegistrationStage.PENDING)
        values = {"stage": RegistrationStage.REGISTERED, "expires_at": found.expires_at, "registrant": None}
        done = row.changed(**values)
        return self._registered(done, [Upsert(done)])

    @staticmethod
    def _registered(row: DomainRegistration, writes: Sequence[Upsert]) -> Done:
        cents = row.cents or 0
        until = f", until {row.expires_at:%Y-%m-%d}" if row.expires_at else ""
        registered = DomainRegistered(domain=row.domain, cents=cents, expires_at=row.expires_at, is_renewed=True)
        return Done(
            message=f"{row.domain} is registered for {euros(cents)}{until}; it is renewed by itself.",
            events=(registered,),
            writes=tuple(writes),
            detail=registered.model_dump(mode="json"),
        )

    async def _buy(self, row: DomainRegistration, step: Step) -> Outcome:
        owner = Registrant.model_validate(row.registrant)
        if wrong := problems(row.domain, owner):
            return held(row, RegistrationHold.CONTACT_INCOMPLETE, f"the owner's data: {'; '.join(map(str, wrong))}")
        if (known := await self.registrar.find(row.domain)) is not None and not known.has_failed:
            return held(row, RegistrationHold.TAKEN, f"{row.domain} is in our INWX account already ({known.status})")
        offer = await self.registrar.offer(row.domain)
        if objection := await self._objection(row, offer):
            return held(row, *objection, cents=offer.cents)
        ready = await self._prepare(row, owner, step)
        intended = ready.changed(
            stage=RegistrationStage.INTENDED, hold=None, intended_at=datetime.now(UTC), cents=offer.cents
        )
        await step.record(Upsert(intended))
        try:
            ordered = await self.registrar.create(row.domain, ready.contact_id or 0, citizenship=owner.citizenship)
        except InwxExistsError as error:
            if (found := await self.registrar.find(row.domain)) is not None and not found.has_failed:
                return self._found(intended, found)  # an order of ours that was thought lost
            return held(ready, RegistrationHold.TAKEN, f"{row.domain} was taken meanwhile: {error}")
        except (PermanentError, TemporaryError) as error:
            if not is_refusal(error):
                raise
            reason = RegistrationHold.NO_CREDIT if error.code == NO_CREDIT else RegistrationHold.REFUSED
            return held(ready, reason, str(error), cents=offer.cents)
        pending = intended.changed(stage=RegistrationStage.PENDING, cents=ordered.cents or offer.cents)
        return waits_for_registry(pending, f"{row.domain} is ordered for {euros(pending.cents or 0)}.", write=True)

    async def _objection(self, row: DomainRegistration, offer: Offer) -> tuple[RegistrationHold, str] | None:
        """Why it must not be bought now."""
        if offer.cents is None:
            return RegistrationHold.TAKEN, f"{row.domain} cannot be registered: {offer.reason}"
        if offer.currency != "EUR" or offer.cents > row.max_cents:
            premium = ", a premium name," if offer.is_premium else ""
            price = f"{offer.cents / 100:.2f} {offer.currency}"
            said = f"{row.domain}{premium} costs {price} for the first year, agreed are {euros(row.max_cents)}"
            return RegistrationHold.TOO_EXPENSIVE, said
        credit = await self.registrar.credit()
        if credit < offer.cents:
            said = f"{row.domain} costs {euros(offer.cents)}, the INWX account has {euros(credit)}: top it up"
            return RegistrationHold.NO_CREDIT, said
        return None

    async def _prepare(self, row: DomainRegistration, owner: Registrant, step: Step) -> DomainRegistration:
        """A handle for the owner and a zone, which some registries want to see before they register."""
        await step.record()
        contact = await self.registrar.contact(owner)
        has_zone = await self.inwx.has_zone(row.domain)
        ready = row.changed(contact_id=contact, zone_made=row.zone_made or not has_zone)
        await step.record(Upsert(ready))
        if not has_zone:
            await self.inwx.create_zone(row.domain, self.registrar.name_servers)
        return ready
