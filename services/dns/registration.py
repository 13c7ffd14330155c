"""How a registration waits, and how it is given up: outcomes of its own step, of the order's, of a cancellation."""

import asyncio

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import (
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    ProjectOrdered,
    Registration,
    RegistrationHold,
)
from services.dns.inwx import Inwx
from services.dns.models import Placement
from services.dns.paid_order import LAST_LOOK, age, next_look
from services.dns.registrar import Registrar, RenewalMode
from shared.errors import PermanentError
from shared.models import DomainRegistration, ProvisioningState, RegistrationStage
from shared.outcome import Parked
from shared.service import Background, Kernel
from shared.step import Step
from shared.writes import Upsert

LOOK_EVERY = 1.0
"""Seconds between looks for what can be woken."""

PAID = frozenset({RegistrationStage.INTENDED, RegistrationStage.PENDING, RegistrationStage.REGISTERED})
"""From here on a registration may have cost money."""

_LONGEST = 500
_ORDER, _REGISTRATION = "domain:", "registration:"
_NAMES: BindParameter[list[str]] = bindparam("names", expanding=True)
_STAGES = select(DomainRegistration.domain, DomainRegistration.stage).where(DomainRegistration.domain.in_(_NAMES))


async def wait_for_registration(
    order: ProjectOrdered, wish: Registration, step: Step, place: Placement
) -> Parked | None:
    """None once the domain is registered; until then the order waits, and has the registration begun, once.

    Raises:
        PermanentError: another domain was paid for on behalf of this project.

    """
    rows = await step.rows(DomainRegistration)
    known = next((row for row in rows if row.domain == order.fqdn), None)
    if known and known.stage is RegistrationStage.REGISTERED:
        return None
    if not known and any(row.stage in PAID for row in rows):
        raise PermanentError(
            f"{rows[0].domain} is being registered for this project, or is: order {order.fqdn} as another project",
            code="other_domain_registered",
        )
    row = DomainRegistration(
        project_id=step.project_id,
        domain=order.fqdn,
        stage=RegistrationStage.REQUESTED,
        registrant=wish.registrant.model_dump(mode="json"),
        max_cents=wish.max_cents,
        zone_made=False,
    )
    return Parked(
        key=f"{_ORDER}{order.fqdn}",
        until_woken=True,
        message=f"Waiting for {order.fqdn} to be registered.",
        events=() if known else (DomainRegistrationRequested(domain=order.fqdn, max_cents=wish.max_cents),),
        writes=() if known else (Upsert(row),),
        state=ProvisioningState.WAITING_FOR_DOMAIN,
        detail={"placement": place.reason, "considered": place.considered},
    )


def waits_for_registry(
    row: DomainRegistration, message: str, *, look_again: float | None = None, write: bool = False
) -> Parked:
    """The registry, or INWX, is at it."""
    pause = next_look(age(row)) if look_again is None else min(look_again, LAST_LOOK)
    key = f"{_REGISTRATION}{row.domain}"
    writes = (Upsert(row),) if write else ()
    return Parked(key=key, look_again=pause, until_woken=True, message=message, writes=writes)


def held(row: DomainRegistration, hold: RegistrationHold, message: str, *, cents: int | None = None) -> Parked:
    """A case worker is asked, once for each reason; nothing is paid meanwhile."""
    stopped = row.changed(stage=RegistrationStage.HELD, hold=hold, cents=None)
    asked = DomainRegistrationHeld(domain=row.domain, reason=hold, message=message[:_LONGEST], cents=cents)
    return Parked(
        key=f"{_REGISTRATION}{row.domain}",
        until_woken=True,
        message=f"A case worker is asked about the registration: {message}.",
        events=() if row.hold is hold else (asked,),
        writes=(Upsert(stopped),),
        detail={"hold": hold},
    )


def still_held(row: DomainRegistration) -> Parked:
    """Nobody has answered yet."""
    message = f"The registration of {row.domain} waits for a case worker ({row.hold})."
    return Parked(key=f"{_REGISTRATION}{row.domain}", until_woken=True, message=message)


async def give_up(registrar: Registrar, inwx: Inwx, row: DomainRegistration) -> str | None:
    """Undo what can be undone and say what was done; None while the registry is at it.

    A domain that is paid for stays registered until its year is over: it is the customer's.
    """
    if row.stage in PAID:
        found = await registrar.find(row.domain)
        if found is not None and found.is_ours:
            await registrar.set_renewal(row.domain, RenewalMode.EXPIRES)
            until = f" until {found.expires_at:%Y-%m-%d}" if found.expires_at else ""
            return f"{row.domain} stays registered{until} and is not renewed"
        if found is not None and not found.has_failed:
            return None
    if row.zone_made:
        await inwx.delete_zone(row.domain)
    return f"{row.domain} was not registered"


async def wake_registrations(kernel: Kernel, engine: AsyncEngine) -> int:
    """Wake the orders whose domain is registered and the registrations that a case worker has answered."""
    ready = {_ORDER: RegistrationStage.REGISTERED, _REGISTRATION: RegistrationStage.REQUESTED}
    parked = {(prefix, key.removeprefix(prefix)) for prefix in ready for key in await kernel.parked_keys(prefix)}
    if not parked:
        return 0
    async with engine.connect() as connection:
        stages = (await connection.execute(_STAGES, {"names": [name for _, name in parked]})).all()
    woken = 0
    for prefix, stage in ready.items():
        for row in stages:
            if row.stage is stage and (prefix, row.domain) in parked:
                woken += await kernel.wake(f"{prefix}{row.domain}")
    return woken


def wake_when_registered(engine: AsyncEngine) -> Background:
    """Look every second, for as long as the service runs."""

    async def run(kernel: Kernel) -> None:
        while True:
            await wake_registrations(kernel, engine)
            await asyncio.sleep(LOOK_EVERY)

    return run
