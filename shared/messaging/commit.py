"""Records and outcomes are committed in groups of whatever is ready, at most one of a project in a group."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from shared.crash_points import CrashPoint, reached
from shared.database import Database
from shared.errors import PermanentError, StepVoidError
from shared.messaging.cancellation import end_if_undone, mark_undone
from shared.messaging.complete import Completion, complete
from shared.messaging.ending import STAYS_AS, ended, heeds_mark, stay_of, under_cancellation, undoes
from shared.messaging.job import Answers, Job, parts_of
from shared.messaging.pace import Pace
from shared.messaging.say import Speaker
from shared.messaging.settle import leave, lock_projects, stay, unsaid, write_down
from shared.messaging.steps import LiveStep
from shared.messaging.trouble import LOCK_TIMEOUT, Pause, passes, reason_of, sqlstate
from shared.messaging.verdict import Ending, Verdict, gave_up
from shared.messaging.waiting_room import renew
from shared.metrics import KERNEL
from shared.outbox import Message
from shared.rows import rows_of
from shared.service import Service
from shared.step import Row
from shared.transaction import Transaction, begin, each_alone
from shared.writes import Write, apply_all

log = structlog.get_logger(__name__)

LARGEST_GROUP = 128
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
DATA_ERROR = "data_error"
LAST_WORDS = "gave up: "


class Committer:
    """Takes jobs from the tries of one service and commits them, one group after the other."""

    def __init__(self, service: Service, database: Database, speaker: Speaker, lease: float) -> None:
        self.service = service
        self.database = database
        self.speaker = speaker
        self.lease = lease
        self._jobs: deque[Job] = deque()
        self._ready = asyncio.Event()
        self._pace = Pace(full=LARGEST_GROUP)
        speaker.on_confirmed = self._ready.set

    async def record(self, step: LiveStep, writes: Sequence[Write]) -> list[Any]:
        """Commit `writes` of a running try under its project's lock, and renew its lease.

        Raises:
            StepVoidError: the try is void, or its project is cancelled.
            PermanentError: the database refuses these data.

        """
        return await self._put(Job(step, asyncio.get_running_loop().create_future(), writes=tuple(writes)))

    async def end(self, step: LiveStep, verdict: Verdict) -> bool:
        """Commit how a try ended; return False if it was void meanwhile and left nothing."""
        try:
            await self._put(Job(step, asyncio.get_running_loop().create_future(), verdict=verdict))
        except StepVoidError:
            return False
        return True

    async def read(self, model: type[Row], project_id: UUID) -> list[Row]:
        """See `shared.step.Step.rows`."""
        return await rows_of(self.database, model, project_id)

    async def run(self) -> None:
        """Commit group after group, for ever. Woken also by the speaker when confirms wait for half a second."""
        while True:
            await self._ready.wait()
            await self._pace.wait(len(self._jobs))
            self._ready.clear()  # a wake from now on, also one that comes during the commit, is for the next group
            group = self._next_group()
            for part in parts_of(group):
                await self._commit(part)
            self._pace.ended(len(group))
            if self._jobs:
                self._ready.set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a commit."""
        return not self._jobs

    async def _put(self, job: Job) -> list[Any]:
        self._jobs.append(job)
        self._ready.set()
        return await job.done

    def _next_group(self) -> list[Job]:
        group: list[Job] = []
        left: deque[Job] = deque()
        projects: set[UUID] = set()
        while self._jobs and len(group) < LARGEST_GROUP:
            job = self._jobs.popleft()
            if job.done.done() and job.verdict is None:  # the try that wanted this record was stopped
                continue
            if job.step.project_id in projects or (job.alone and group):
                left.append(job)
                continue
            projects.add(job.step.project_id)
            group.append(job)
            if job.alone:
                break
        self._jobs.extendleft(reversed(left))
        return group

    async def _commit(self, group: list[Job]) -> None:
        pause = Pause(FIRST_PAUSE, LONGEST_PAUSE)
        unsure: list[Message] = []
        while True:
            confirmed = self.speaker.take_confirmed()
            began = time.monotonic()
            try:
                answers, messages = await self._transaction(group, confirmed, unsure)
                break
            except Exception as error:  # noqa: BLE001 - a service's own write may raise anything
                self.speaker.give_back(confirmed)
                if not passes(error):
                    await self._split(group, error)
                    return
                if sqlstate(error) == LOCK_TIMEOUT and group:
                    self._put_back(group)
                    return
                log.warning("commit is repeated", group=len(group), error=reason_of(error))
            await pause.wait()
        self.speaker.forget(confirmed)
        self.speaker.say(messages)
        KERNEL.group(self.service.name, "commit", len(group))
        KERNEL.ended(job.step.counted(job.ending, job.verdict.state) for job in answers if job.verdict)
        for job, answer in answers.items():
            if job.verdict is None and not isinstance(answer, Exception):
                job.step.lease.ends = began + self.lease
            job.answer(answer)

    def _put_back(self, group: list[Job]) -> None:
        """Somebody outside holds one of the projects for long: the others must not wait with it."""
        log.warning("a project's row is locked by somebody else", group=len(group))
        for job in group:
            job.alone = True
        self._jobs.extend(group)

    async def _split(self, group: list[Job], error: Exception) -> None:
        """Bad data sink only the job that has them: a record is refused, an ending becomes a death."""
        if len(group) > 1:
            middle = len(group) // 2
            await self._commit(group[:middle])
            await self._commit(group[middle:])
            return
        if not group:
            raise error
        job = group[0]
        reason = f"what this step writes is refused: {reason_of(error)}"
        log.error("data error", consumer=job.step.queue, event_id=str(job.step.event_id), reason=reason)
        if job.verdict is None:
            job.answer(PermanentError(reason, code=DATA_ERROR))
        elif job.verdict.message.startswith(LAST_WORDS):
            log.critical("a step's death cannot be written down; its lease ends and it is tried again")
            job.answer(StepVoidError(reason))
        else:
            job.verdict = gave_up(f"{LAST_WORDS}{reason}", DATA_ERROR, job.step.consumer)
            await self._commit([job])

    async def _transaction(
        self, group: list[Job], confirmed: list[UUID], unsure: list[Message]
    ) -> tuple[Answers, list[Message]]:
        """`unsure`: what an earlier call wrote to the outbox. If only its COMMIT's answer was lost, it is said now."""
        completing = [(job, job.verdict) for job in group if job.completes and job.verdict]
        if completing:
            return await self._complete(completing, confirmed, unsure)
        async with begin(self.database) as transaction:
            cancelled = await lock_projects(transaction, [job.step.project_id for job in group]) if group else set()
            records = [job for job in group if job.verdict is None]
            answers = await self._record(transaction, records, cancelled) if records else {}
            endings = [(job, job.verdict) for job in group if job.verdict is not None]
            messages = await self._end(transaction, endings, cancelled, confirmed, answers)
            messages += await unsaid(transaction, unsure)
            unsure[:] = messages
            reached(CrashPoint.RECORD_WRITTEN, records)
            reached(CrashPoint.ENDING_WRITTEN, endings)
            reached(CrashPoint.REMOVAL_WRITTEN, confirmed)
        reached(CrashPoint.RECORD_COMMITTED, records)
        reached(CrashPoint.ENDING_COMMITTED, endings)
        reached(CrashPoint.REMOVED, confirmed)
        return answers, messages

    async def _complete(
        self, jobs: list[tuple[Job, Verdict]], confirmed: list[UUID], unsure: list[Message]
    ) -> tuple[Answers, list[Message]]:
        """Complete what may be; whatever is cancelled or void meanwhile comes again, with the others."""
        service = self.service.name
        completions = [
            Completion(job.step.fence, job.step.project_id, ended(service, job.step, verdict)) for job, verdict in jobs
        ]
        earlier = list(unsure)
        has_writes = any(verdict.writes for _, verdict in jobs)
        async with (begin if has_writes else each_alone)(self.database) as transaction:
            unsure += [message for each in completions for message in each.ended.messages]
            gone = await complete(transaction, service, completions, confirmed)
            valid = [(job, verdict) for job, verdict in jobs if job.step.token in gone]
            if has_writes:
                writes = [(job.step.project_id, write) for job, verdict in valid for write in verdict.writes]
                await apply_all(transaction.connection, writes)
                reached(CrashPoint.ENDING_WRITTEN, jobs)
                reached(CrashPoint.REMOVAL_WRITTEN, confirmed)
            messages = [message for each in completions if each.fence.token in gone for message in each.ended.messages]
            messages += await unsaid(transaction, earlier)
        reached(CrashPoint.ENDING_COMMITTED, jobs)
        reached(CrashPoint.REMOVED, confirmed)
        for job, verdict in valid:
            job.ending = verdict.ending
        for job in [job for job, _ in reversed(jobs) if job.step.token not in gone]:
            job.refused = True
            self._jobs.appendleft(job)
        return {job: [] for job, _ in valid}, messages

    async def _record(self, transaction: Transaction, jobs: list[Job], cancelled: set[UUID]) -> Answers:
        answers: Answers = {}
        alive = await renew(transaction, [job.step.fence for job in jobs], self.lease)
        allowed: list[Job] = []
        for job in jobs:
            if job.step.project_id in cancelled and heeds_mark(job.step):
                answers[job] = StepVoidError("the project was cancelled")
            elif job.step.token not in alive:
                answers[job] = StepVoidError("the lease is lost, another try has taken over")
            else:
                allowed.append(job)
        writes = [(job.step.project_id, write) for job in allowed for write in job.writes]
        results = iter(await apply_all(transaction.connection, writes))
        answers |= {job: [next(results) for _ in job.writes] for job in allowed}
        return answers

    async def _end(
        self,
        transaction: Transaction,
        jobs: list[tuple[Job, Verdict]],
        cancelled: set[UUID],
        confirmed: list[UUID],
        answers: Answers,
    ) -> list[Message]:
        verdicts = [
            (job, under_cancellation(job.step, verdict, cancelled=job.step.project_id in cancelled))
            for job, verdict in jobs
        ]
        leaving = [
            job.step.fence
            for job, verdict in verdicts
            if verdict.ending in (Ending.DONE, Ending.REFUSED)
            or (verdict.ending is Ending.CLOSED and job.step.project_id in cancelled)
        ]
        staying = [stay_of(job.step, verdict) for job, verdict in verdicts if verdict.ending in STAYS_AS]
        ours = (await leave(transaction, leaving) if leaving else set()) | (
            await stay(transaction, staying) if staying else set()
        )
        valid = [(job, verdict) for job, verdict in verdicts if job.step.token in ours]
        writes = [(job.step.project_id, write) for job, verdict in valid for write in verdict.writes]
        if writes:
            await apply_all(transaction.connection, writes)
        undone = [job.step.project_id for job, verdict in valid if undoes(job.step) and verdict.ending is Ending.DONE]
        if undone:
            first = await mark_undone(transaction.connection, self.service.name, undone)
            again = set(undone) - first
            valid = [
                (job, replace(verdict, events=()) if job.step.project_id in again and undoes(job.step) else verdict)
                for job, verdict in valid
            ]
        closed = [job.step.project_id for job, verdict in valid if verdict.ending is Ending.CLOSED]
        if closed:
            await end_if_undone(transaction.connection, closed)
        rows = [ended(self.service.name, job.step, verdict) for job, verdict in valid]
        messages = [message for row in rows for message in row.messages]
        if rows or confirmed:
            await write_down(
                transaction,
                service=self.service.name,
                logs=[row.log for row in rows if row.log],
                moves=[row.move for row in rows if row.move],
                messages=messages,
                confirmed=confirmed,
            )
        for job, verdict in valid:
            job.ending = verdict.ending
        for job, _ in jobs:
            answers[job] = [] if job.step.token in ours else StepVoidError("the try was void when it ended")
        return messages
