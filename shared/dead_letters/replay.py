"""Sends dead letters back to the consumers in which they died, in stages, and follows what becomes of them.

A letter is published to its consumer alone, confirmed, then taken out of its queue. Killed in between, both exist: the
kernel takes the first that names the step's number of deaths, the other is a duplicate. So a replay that was killed is
finished by another one, and nothing is lost or done twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from contracts import DeskActionKind
from shared.database import Database
from shared.dead_letters import audit
from shared.dead_letters.audit import Action, Beside, Operator, nothing
from shared.dead_letters.letter import Key
from shared.dead_letters.queues import Held, holding
from shared.dead_letters.room import Kept, Settled, Standing, read_bodies, read_room, read_standings
from shared.dead_letters.send import Sender, to_consumer
from shared.dead_letters.view import Agreement, Choose, DeadLetter, joined
from shared.models import LetterOutcome, ProvisioningState, StepState

GROUP = 128
"""Letters that are sent, and written down, at once."""

CANARY = (1, 2, 5, 20)
CANARY_GROWS = 5
"""After its first stages each is so many times as large as the one before."""

LOOK_EVERY = 0.5
T = TypeVar("T")

_NOT_OURS = (Agreement.ARCHIVED, Agreement.UNKNOWN)
"""What is discarded, and what another desk holds."""

OVER = (LetterOutcome.LIVE, LetterOutcome.DONE, LetterOutcome.DEAD_AGAIN, LetterOutcome.NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to replay. `rate` is in letters a second, `wait` in seconds: for so long each stage is followed.

    With `canary` few are sent first; it stops when more than `tolerate` of those that have ended died again.
    """

    rate: float | None = None
    limit: int | None = None
    canary: bool = False
    tolerate: float = 0.1
    wait: float = 60.0


@dataclass(slots=True)
class Report:
    """How far a replay is. `refused` are letters that no queue takes; `stopped` is why it ended early."""

    chosen: list[DeadLetter] = field(default_factory=list)
    sent: int = 0
    outcomes: dict[Key, LetterOutcome] = field(default_factory=dict)
    refused: list[DeadLetter] = field(default_factory=list)
    stopped: str | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many letters ended how."""
        return audit.counted(self.outcomes.values())


Watch = Callable[[Report], None]


async def replay(
    database: Database,
    amqp_url: str,
    choose: Choose,
    operator: Operator,
    plan: Plan,
    watch: Watch = lambda _: None,
    *,
    beside: Beside = nothing,
) -> Report:
    """Replay what `choose` picks from all dead letters; `watch` is called whenever something has moved.

    Cancelled, it ends the group that is under way, writes down what became of each, and leaves the rest as it was.

    Raises:
        BrokerAwayError: RabbitMQ is or goes away. What was not confirmed is still in its queue.

    """
    report = Report()
    async with holding(amqp_url) as held:
        async with database.autocommit.begin() as connection:
            room = await read_room(connection)
        view = await joined(database, room, held)
        report.notices = view.notices
        report.chosen = [letter for letter in choose(view) if letter.agreement not in _NOT_OURS][: plan.limit]
        if not report.chosen:
            return report
        async with database.engine.begin() as connection:
            detail = {"letters": len(report.chosen), "canary": plan.canary, "rate": plan.rate}
            action = await audit.begin(connection, DeskActionKind.REPLAY, operator, detail)
            await beside(connection, report.chosen)
            without = [letter.key for letter in report.chosen if letter.agreement is Agreement.NO_LETTER]
            kept = await read_bodies(connection, without)
        run = _Run(database, held, Sender(held.connection), action, plan, report, watch, kept)
        try:
            await run.all_stages()
        finally:
            await _to_its_end(run.write_down())
    return report


class _Run:
    """One replay under way."""

    def __init__(
        self,
        database: Database,
        held: Held,
        sender: Sender,
        action: Action,
        plan: Plan,
        report: Report,
        watch: Watch,
        kept: dict[Key, Kept],
    ) -> None:
        self.database = database
        self.held = held
        self.sender = sender
        self.action = action
        self.plan = plan
        self.report = report
        self.watch = watch
        self.kept = kept
        self.began = time.monotonic()
        self.written: dict[Key, LetterOutcome] = {}

    async def all_stages(self) -> None:
        sizes = _stages() if self.plan.canary else iter([len(self.report.chosen)])
        left = list(self.report.chosen)
        while left and self.report.stopped is None:
            stage, left = _split(left, next(sizes))
            for group in _groups(stage, self._group_size):
                await self._keep_pace()
                await _to_its_end(self._send(group))
                self.watch(self.report)
            await self._follow(stage)
            if self.plan.canary:
                self.report.stopped = self._verdict(stage, left)

    @property
    def _group_size(self) -> int:
        return GROUP if self.plan.rate is None else max(1, min(GROUP, int(self.plan.rate / 4)))

    async def _keep_pace(self) -> None:
        if self.plan.rate is not None:
            ahead = self.report.sent / self.plan.rate - (time.monotonic() - self.began)
            if ahead > 0:
                await asyncio.sleep(ahead)

    async def _send(self, group: Sequence[DeadLetter]) -> None:
        leftovers = [letter for letter in group if not letter.waits or self._is_gone(letter)]
        going = [letter for letter in group if letter not in leftovers]
        async with self.database.engine.begin() as connection:
            events = await audit.about(connection, self.action, group)
        messages = [to_consumer(letter, self.kept.get(letter.key)) for letter in going]
        taken = await self.sender.send(messages)
        for letter, message in zip(going, messages, strict=True):
            if message.id in taken:
                self.report.outcomes[letter.key] = LetterOutcome.RUNNING
            else:
                self.report.refused.append(letter)
        self.report.outcomes |= {letter.key: LetterOutcome.NOTHING for letter in leftovers}
        for letter in group:
            if letter.key in self.report.outcomes:
                await self.held.remove(letter.letters)
        self.action.confirmed += await self.sender.send(events)
        self.report.sent += len(group)

    def _is_gone(self, letter: DeadLetter) -> bool:
        return letter.agreement is Agreement.NO_LETTER and letter.key not in self.kept

    async def _follow(self, stage: Sequence[DeadLetter]) -> None:
        """Look until each has ended, or for as long as the plan says."""
        until = time.monotonic() + self.plan.wait
        while True:
            await self._look(stage)
            self.watch(self.report)
            if all(self.report.outcomes.get(letter.key, OVER[0]) in OVER for letter in stage):
                return
            if time.monotonic() >= until:
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self, letters: Iterable[DeadLetter]) -> None:
        open_ones = [
            letter
            for letter in letters
            if self.report.outcomes.get(letter.key) in (LetterOutcome.RUNNING, LetterOutcome.DONE)
        ]
        async with self.database.autocommit.begin() as connection:
            steps = [(*letter.key, letter.project_id) for letter in open_ones]
            standings = await read_standings(connection, steps)
        for letter in open_ones:
            self.report.outcomes[letter.key] = _outcome(letter, standings[letter.key])

    def _verdict(self, stage: Sequence[DeadLetter], left: Sequence[DeadLetter]) -> str | None:
        """Why the canary stops, None if it goes on."""
        outcomes = [self.report.outcomes[letter.key] for letter in stage if letter.key in self.report.outcomes]
        ended = [outcome for outcome in outcomes if outcome in OVER]
        dead = ended.count(LetterOutcome.DEAD_AGAIN)
        if ended and dead / len(ended) > self.plan.tolerate:
            return f"{dead} of {len(ended)} died again, {self.plan.tolerate:.0%} are tolerated; {len(left)} not sent"
        if left and outcomes and not ended:
            return f"none of {len(outcomes)} has ended within {self.plan.wait:.0f} s: do the services run?"
        return None

    async def write_down(self) -> None:
        """Write what became of each, and that the action is over."""
        await self._look(self.report.chosen)
        async with self.database.engine.begin() as connection:
            await audit.record_outcomes(connection, self.action, self.report.outcomes)
            detail = {"sent": self.report.sent, "stopped": self.report.stopped}
            await audit.end(connection, self.action, **detail)


def _outcome(letter: DeadLetter, standing: Standing) -> LetterOutcome:
    match standing.settled:
        case Settled.COMPLETED:
            is_live = standing.project_state == ProvisioningState.LIVE
            return LetterOutcome.LIVE if is_live else LetterOutcome.DONE
        case Settled.SUPERSEDED | Settled.CANCELLED:
            return LetterOutcome.NOTHING
    if standing.state is StepState.DEAD and standing.deaths > letter.deaths:
        return LetterOutcome.DEAD_AGAIN
    return LetterOutcome.RUNNING


async def _to_its_end(work: Awaitable[T]) -> T:
    """Do `work` even if we are cancelled meanwhile: a letter that is sent must also be taken out and written down."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _stages() -> Iterator[int]:
    yield from CANARY
    size = CANARY[-1]
    while True:
        size *= CANARY_GROWS
        yield size


def _split(letters: list[DeadLetter], size: int) -> tuple[list[DeadLetter], list[DeadLetter]]:
    return letters[:size], letters[size:]


def _groups(letters: Sequence[DeadLetter], size: int) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), size):
        yield letters[start : start + size]
