"""What a try asks the committer for."""

import asyncio
from dataclasses import dataclass
from typing import Any

from shared.messaging.ending import heeds_mark
from shared.messaging.steps import LiveStep
from shared.messaging.verdict import Ending, Verdict
from shared.writes import Write


@dataclass(slots=True, eq=False)
class Job:
    """A record (`writes`) or an ending (`verdict`) of a try. `done` gets the writes' results, or why there are none.

    `alone`: its project's row was locked by somebody else for long; it must not hold up a group again. `refused`: it
    could not be completed in one statement. `ending` is what the verdict came to under its project's lock.
    """

    step: LiveStep
    done: asyncio.Future[list[Any]]
    writes: tuple[Write, ...] = ()
    verdict: Verdict | None = None
    alone: bool = False
    refused: bool = False
    ending: Ending = Ending.VOID

    @property
    def completes(self) -> bool:
        """Whether one statement may do: the try is done, and a cancellation would stop it."""
        done = self.verdict is not None and self.verdict.ending is Ending.DONE
        return done and heeds_mark(self.step) and not self.refused

    def answer(self, answer: list[Any] | Exception) -> None:
        """Tell whoever still waits: a try may have been stopped meanwhile."""
        if self.done.done():
            return
        if isinstance(answer, Exception):
            self.done.set_exception(answer)
        else:
            self.done.set_result(answer)


Answers = dict[Job, list[Any] | Exception]


def parts_of(group: list[Job]) -> list[list[Job]]:
    """What one statement completes, and the others; an empty group stands for what is only to be removed."""
    completing, others = [job for job in group if job.completes], [job for job in group if not job.completes]
    return [part for part in (completing, others) if part] or [[]]
