"""ProjectOrdered: a place on a server, the records, and patience until every name server has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts import DnsRecord, PlacementStrategy, ProjectOrdered, TargetServer
from services.dns.addresses import addresses_of
from services.dns.authority import Authority, as_detail, expected_of
from services.dns.customer import CustomerPatience, wait_for_customer
from services.dns.inwx import Inwx, InwxRecord
from services.dns.inwx_errors import InwxNotFoundError
from services.dns.models import ManagedRecord, Placement, RecordHolder
from services.dns.outcomes import configured, refusal, waits_for_capacity
from services.dns.placement import Need, Weights, Wish
from services.dns.records import ensure, is_obsolete, unanswered_for, undo
from services.dns.registration import wait_for_registration
from services.dns.reservation import ReservePlace, Waiting
from shared.errors import PermanentError, TemporaryError
from shared.host_claims import ClaimHosts, HostRefused, hosts_of, own_hosts
from shared.models import AddedDomain, DomainTransfer, ProjectOrder, ProvisioningState
from shared.outcome import Later, Outcome
from shared.plans import Plan
from shared.step import Step
from shared.writes import Upsert, Write

TRUST = timedelta(minutes=5)
"""For so long a record that INWX confirmed is not looked up again: a wait asks the name servers only."""

FIRST_LOOK = 0.3
LAST_LOOK = 5.0
"""Seconds between looks at the name servers: a tenth of the wait so far, within these bounds."""

Held = tuple[str, list[InwxRecord]] | None
"""The zone in our account, with its records; None for a domain that is held elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureDns:
    """Reserve a place, ensure the records, wait until every authoritative server answers with them."""

    inwx: Inwx
    authority: Authority
    record_ttl: int
    placement: PlacementStrategy
    weights: Weights
    plans: Mapping[str, Plan]
    inwx_grace: float
    patience: CustomerPatience

    async def __call__(self, order: ProjectOrdered, step: Step) -> Outcome:
        """Go on where the rows say that the last try stopped."""
        rows = await _of_the_order(step)
        for known in await step.rows(Placement):
            if _is_settled(rows, self.wanted(order, known.server)):
                return await self._propagated(order, step, known, rows)
        place = await self._admit(order, step)
        if isinstance(place, Waiting):
            return waits_for_capacity(order, place)
        wanted = self.wanted(order, place.server)
        obsolete = [row for row in rows if is_obsolete(row, wanted)]
        if wait := unanswered_for(obsolete, self.inwx_grace):
            return Later(after=wait, message="A call to INWX may still be under way; what it makes must go first.")
        if obsolete:
            await step.record(*await undo(self.inwx, obsolete))
            rows = [row for row in rows if row not in obsolete]
        if order.registration and (wait_ := await wait_for_registration(order, order.registration, step, place)):
            return wait_
        held = await self._zone(order, rows)
        if held is None:
            return await wait_for_customer(
                order, step, place, wanted, rows, authority=self.authority, patience=self.patience
            )
        rows = await ensure(step, self.inwx, held[0], wanted, rows, held[1])
        return await self._propagated(order, step, place, rows, writes=[Upsert(row) for row in rows])

    def wanted(self, order: ProjectOrdered, server: TargetServer) -> list[DnsRecord]:
        """The records that make the project's names lead to `server`."""
        return addresses_of(hosts_of(order), server, self.record_ttl)

    async def _admit(self, order: ProjectOrdered, step: Step) -> Placement | Waiting:
        """Write down the order, claim its names, reserve its place."""
        _, refused, place = await step.record(
            Upsert(_order_row(order, step)),
            ClaimHosts(hosts_of(order), order.base_domain),
            ReservePlace(
                wish=self._wish(order, step),
                weights=self.weights,
                by_type=None if order.placement else order.project_type,
            ),
        )
        if isinstance(refused, HostRefused):
            raise refusal(refused)
        reserved: Placement | Waiting = place
        return reserved

    def _wish(self, order: ProjectOrdered, step: Step) -> Wish:
        plan = self.plans.get(order.plan)  # an unknown one is refused by deploy, which sets the limits
        return Wish(
            project_id=step.project_id,
            since=step.opened_at,
            strategy=order.placement or self.placement,
            region=order.region,
            need=Need(plan.ram_mb, plan.cpu_millicores) if plan else Need(),
        )

    async def _zone(self, order: ProjectOrdered, rows: Sequence[ManagedRecord]) -> Held:
        if order.base_domain is None:
            try:
                return await self.inwx.zone_of(order.fqdn)
            except TemporaryError:
                if any(row.holder is RecordHolder.CUSTOMER for row in rows):
                    return None  # it was elsewhere: an outage of INWX must not end a wait for the customer
                raise
        try:
            return order.base_domain, await self.inwx.records(order.base_domain, name=order.fqdn)
        except InwxNotFoundError as error:
            raise PermanentError(
                f"the base domain {order.base_domain} has no zone in the INWX account: create it there, or check "
                "VRS_INWX_USER; then replay",
                code="zone_not_in_account",
            ) from error

    async def _propagated(
        self,
        order: ProjectOrdered,
        step: Step,
        place: Placement,
        rows: Sequence[ManagedRecord],
        *,
        writes: Sequence[Write] = (),
    ) -> Outcome:
        records = [row.says() for row in rows]
        zone = next(row.zone for row in rows if row.zone)
        answers = await self.authority.ask(zone, expected_of(records))
        missing = [answer for answer in answers if not answer.matches]
        if not missing:
            return configured(order, place, records, answers, writes=writes)
        waited = datetime.now(UTC) - min(row.intended_at for row in rows)
        return Later(
            after=min(max(FIRST_LOOK, waited.total_seconds() / 10), LAST_LOOK),
            message=f"Not every name server has the records yet: {missing[0]}.",
            writes=tuple(writes),
            state=_state_while_waiting(step),
            detail={"placement": place.reason, "considered": place.considered, "name_servers": as_detail(answers)},
        )


async def _of_the_order(step: Step) -> list[ManagedRecord]:
    """The project's records but those of domains that came later: they are not this step's to undo."""
    rows = await step.rows(ManagedRecord)
    if not rows:
        return rows
    domains = [row.domain for row in await step.rows(AddedDomain)]
    domains += [row.domain for row in await step.rows(DomainTransfer)]
    names = {host for domain in domains for host in own_hosts(domain)}
    return [row for row in rows if row.name not in names]


def _is_settled(rows: Sequence[ManagedRecord], wanted: Sequence[DnsRecord]) -> bool:
    """Whether INWX lately confirmed each record that is wanted, and no other row is left."""
    fresh = datetime.now(UTC) - TRUST
    return {row.says() for row in rows} == set(wanted) and all(
        row.record_id and row.seen_at is not None and row.seen_at > fresh for row in rows
    )


def _state_while_waiting(step: Step) -> ProvisioningState | None:
    if step.project is None or step.project.state is ProvisioningState.ORDERED:
        return None
    return ProvisioningState.ORDERED


def _order_row(order: ProjectOrdered, step: Step) -> ProjectOrder:
    return ProjectOrder(
        project_id=step.project_id,
        correlation_id=step.correlation_id,
        slug=order.slug,
        fqdn=order.fqdn,
        base_domain=order.base_domain,
        project_type=order.project_type,
        plan=order.plan,
        plugins=[plugin.model_dump(mode="json") for plugin in order.plugins],
        locale=order.locale,
        placement=order.placement,
        region=order.region,
        customer_name=order.customer.name,
        customer_email=order.customer.email,
        ordered_at=step.opened_at,
    )
