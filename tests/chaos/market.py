"""The customers of a run: they order, change their mind, and set the records of the domains that they hold."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    CloudEvent,
    Contact,
    CoreHealthy,
    DomainAdded,
    DomainConnected,
    DomainRemoved,
    Event,
    MailDomainRequested,
    Plugin,
    PluginsChanged,
    ProjectCancelled,
    ProjectOrdered,
    Registration,
    ServiceName,
)
from ops.vendors import INWX_ACCOUNT
from shared.errors import RefusedError
from shared.licenses import end, grant
from shared.marks import MOVE_TO_CANCELLING, SET_MARK, marks
from shared.messaging.trouble import DATABASE_ERRORS
from shared.models import Project, ProvisioningState
from shared.outbox import NOTIFY_SERVICES, row_of, said
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer
from tests.chaos.bus import Bus, Heard
from tests.chaos.faults import Vendor
from tests.chaos.plan import PlannedOrder, Second
from tests.chaos.stage import TRANSFER_KEY, Stage
from tests.choreography.events import EventT
from tests.choreography.facts import MAX_CENTS, OWNER

AUTH_CODE = "code-4711"
AUTH_CODE_KEPT = SecretStr(AUTH_CODE)

VERSIONS = {"shop": "2.3.1", "blog": "1.0.0", "crm": "0.9.2", "wiki": "4.1.0", "forum": "1.7.3", "mail": "3.0.0"}
BOUGHT = Plugin(name="vouchers", version="1.1.0")
"""Bought later. No simulated container has it: the outcome names it as missing."""

Write = Callable[[AsyncConnection], Awaitable[None]]


@dataclass
class Market:
    """Commits orders and cancellations to the marketplace's outbox, as the marketplace does with its own rows."""

    stage: Stage
    bus: Bus
    ordered: dict[str, CloudEvent[ProjectOrdered]] = field(default_factory=dict)
    cancelled: list[CloudEvent[ProjectCancelled]] = field(default_factory=list)
    changed: dict[str, CloudEvent[PluginsChanged]] = field(default_factory=dict)
    waiting: dict[tuple[str, str], PlannedOrder] = field(default_factory=dict)
    shopping: dict[str, PlannedOrder] = field(default_factory=dict)
    movers: dict[str, PlannedOrder] = field(default_factory=dict)
    seconds: dict[str, PlannedOrder] = field(default_factory=dict)
    wishes: list[CloudEvent[Any]] = field(default_factory=list)
    mailers: dict[str, PlannedOrder] = field(default_factory=dict)
    mails: dict[str, CloudEvent[MailDomainRequested]] = field(default_factory=dict)
    _chores: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bus.told.append(self._hear)

    async def serve(self, order: PlannedOrder) -> None:
        """One customer from the first word to the last. Call at the run's beginning."""
        if order.moves:
            self.movers[str(order.project_id)] = order
        if order.cancelled_after:
            self.waiting[str(order.project_id), order.cancelled_after[0]] = order
        if order.changes_plugins_after is not None:
            self.shopping[str(order.project_id)] = order
        if order.second:
            self.seconds[str(order.project_id)] = order
        if order.mail_domain:
            self.mailers[str(order.project_id)] = order
        moments = sorted([(order.at, False), *((at, True) for at in order.cancelled_at)])
        last = 0.0
        for at, cancels in moments:
            await asyncio.sleep(max(0.0, at - last))
            last = at
            if cancels:
                await self._cancel(order)
            else:
                await self._order(order)

    @property
    def is_busy(self) -> bool:
        """Whether a customer has heard something and not answered yet."""
        return bool(self._chores)

    async def _cancel(self, order: PlannedOrder, *, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        event = CloudEvent.of(
            ProjectCancelled(reason="changed their mind", requested_by="customer"),
            source=ServiceName.MARKETPLACE.value,
            project_id=order.project_id,
        )
        self.cancelled.append(event)

        async def mark(connection: AsyncConnection) -> None:
            for statement in (MOVE_TO_CANCELLING, SET_MARK):
                await connection.execute(statement, marks([(event.subject, event.data)]))

        await self._commit(event, mark if order.marked else None)

    async def _change_plugins(self, order: PlannedOrder, *, after: float) -> None:
        """One plugin is given up, another bought: the licences and the event in one commit."""
        await asyncio.sleep(after)
        ordered = self.ordered[str(order.project_id)]
        kept, gone = ordered.data.plugins[1:], ordered.data.plugins[:1]
        event = CloudEvent.of(
            PluginsChanged(
                plugins=(*kept, BOUGHT), changed=tuple(each.name for each in (*gone, BOUGHT)), requested_by="customer"
            ),
            source=ServiceName.MARKETPLACE.value,
            project_id=order.project_id,
            correlation_id=ordered.correlation_id,
        )
        self.changed[str(order.project_id)] = event

        async def change(connection: AsyncConnection) -> None:
            state = select(Project.provisioning_state).where(Project.vrs_id == order.project_id).with_for_update()
            if await connection.scalar(state) is not ProvisioningState.LIVE:
                return  # it was cancelled meanwhile, and the event comes too late
            for each in gone:
                await end(connection, order.project_id, each.name)
            await grant(connection, order.project_id, BOUGHT)

        await self._commit(event, change)

    async def _order(self, order: PlannedOrder) -> None:
        if order.own_domain and not order.elsewhere and not order.new:
            await self.stage.control(Vendor.INWX, {"zone": {"account": INWX_ACCOUNT, "domain": order.own_domain}})
        event = CloudEvent.of(
            ProjectOrdered(
                slug=order.slug,
                base_domain=order.base_domain,
                own_domain=order.own_domain,
                plan=order.plan,
                plugins=tuple(Plugin(name=name, version=VERSIONS[name]) for name in order.plugins),
                customer=Contact(name=f"Customer {order.slug}", email=f"{order.slug}@customer.example"),
                locale=order.locale,
                registration=Registration(registrant=OWNER, max_cents=MAX_CENTS) if order.new else None,
            ),
            source=ServiceName.MARKETPLACE.value,
            project_id=order.project_id,
        )
        self.ordered[str(order.project_id)] = event
        await self._commit(event)

    async def _commit(self, event: CloudEvent[Any], write: Write | None = None) -> None:
        """Commit the event to the outbox with what else is written, as `shared.outbox.publish` does.

        A lost answer to the commit is asked for again: the row is the same.
        """
        row = row_of(said(event), owner=ServiceName.MARKETPLACE)

        async def commit() -> None:
            async with self.stage.database.engine.begin() as connection:
                if write is not None:
                    await write(connection)
                await connection.execute(row)
                await connection.execute(NOTIFY_SERVICES)

        await _insist(commit, over=IntegrityError)  # the row stands: the answer to the commit was lost

    def _hear(self, event: Heard) -> None:
        if event.type == "vrs.records.needed.v1":
            self._do(self._set_records(event))
        shopper = self.shopping.pop(event.project_id, None) if event.type == "vrs.core.healthy.v1" else None
        if shopper is not None and shopper.changes_plugins_after is not None:
            self._do(self._change_plugins(shopper, after=shopper.changes_plugins_after))
        if event.type == "vrs.core.healthy.v1" and (mover := self.movers.pop(event.project_id, None)):
            self._do(self._transfer(mover))
        mailer = self.mailers.get(event.project_id)
        if mailer is not None and event.type == (DomainConnected if mailer.second else CoreHealthy).type:
            del self.mailers[event.project_id]
            self._do(self._ask_for_mail(mailer))
        if (given := self.seconds.get(event.project_id)) is not None:
            if event.type == CoreHealthy.type:
                self._do(self._give_domain(given))
            if event.type == DomainConnected.type and given.second is Second.LOST:
                self._do(self._wish(given, DomainRemoved(domain=given.second_domain)))
        order = self.waiting.pop((event.project_id, event.type), None)
        if order is not None and order.cancelled_after is not None:
            self._do(self._cancel(order, after=order.cancelled_after[1]))

    async def _give_domain(self, order: PlannedOrder) -> None:
        """The project is live: give it the domain that it is to have, or to have for a while."""
        domain = order.second_domain
        await self.stage.control(Vendor.INWX, {"zone": {"account": INWX_ACCOUNT, "domain": domain}})
        added = DomainAdded(domain=domain, primary=order.second is Second.PRIMARY)
        again = (DomainRemoved(domain=domain), added) if order.second is Second.AGAIN else ()
        for wish in (added, *again):
            await self._wish(order, wish)

    async def _wish(self, order: PlannedOrder, wish: Event) -> None:
        self.wishes.append(event := self._said(order, wish))
        await self._commit(event)

    async def _ask_for_mail(self, order: PlannedOrder) -> None:
        """The domain works: mail is to be sent under it."""
        event = self._said(order, MailDomainRequested(domain=str(order.mail_domain), requested_by="customer"))
        self.mails[str(order.project_id)] = event
        await self._commit(event)

    def _said(self, order: PlannedOrder, wish: EventT) -> CloudEvent[EventT]:
        return CloudEvent.of(
            wish,
            source=ServiceName.MARKETPLACE.value,
            project_id=order.project_id,
            correlation_id=self.ordered[str(order.project_id)].correlation_id,
        )

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def _transfer(self, order: PlannedOrder) -> None:
        """A case worker asks for a domain that the customer has elsewhere; refused if the project is over meanwhile."""
        domain = f"{order.slug}-moves.example"
        mail = {"name": "@", "type": "MX", "content": "mail.provider.example", "prio": 10}
        await self.stage.control(
            Vendor.INWX, {"elsewhere": {"zone": domain, "records": [mail], "auth_code": AUTH_CODE}}
        )
        request = TransferRequest(domain=domain, auth_code=AUTH_CODE_KEPT, registrant=OWNER, max_cents=MAX_CENTS)

        async def ask() -> None:
            async with begin(self.stage.database) as transaction:
                await ask_for_transfer(transaction, order.project_id, request, Seal(TRANSFER_KEY), by="customer")

        await _insist(ask, over=RefusedError)  # or it stands already: the answer to the commit was lost

    async def _set_records(self, event: Heard) -> None:
        """The customer sets the records that were asked for."""
        data = json.loads(event.body)["data"]
        records: Sequence[dict[str, Any]] = data["records"]
        wanted = [{"name": each["name"], "type": each["type"], "content": each["content"]} for each in records]
        await self.stage.control(Vendor.INWX, {"elsewhere": {"zone": data["fqdn"], "records": wanted}})


async def _insist(work: Callable[[], Awaitable[None]], *, over: type[Exception]) -> None:
    """Do it again until the database is there for it, or says that it is `over`."""
    while True:
        try:
            await work()
        except over:
            return
        except DATABASE_ERRORS:
            await asyncio.sleep(0.2)
        else:
            return
