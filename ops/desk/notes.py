"""Notes and owners of dead letters and groups."""

from collections.abc import Sequence

from contracts import DeskActionKind
from ops.desk.choice import picked
from ops.desk.opened import amqp_url, at_the_desk, operator, view_of
from shared.dead_letters import audit
from shared.dead_letters.notes import subject_of, take, write_note
from shared.dead_letters.queues import holding
from shared.dead_letters.send import Sender
from shared.models import LetterOutcome


async def annotate(
    names: Sequence[str], group: str | None, kind: DeskActionKind, words: str | None, *, by: str | None
) -> int:
    """Note `words`, or take for `words`, on letters or on a group as a whole; return how many letters that are."""
    async with at_the_desk() as database:
        letters = picked((await view_of(database)).letters, names, group, everything=False)
        subjects = [group] if group else [subject_of(letter) for letter in letters]
        who = operator(by, words if kind is DeskActionKind.NOTE else None)
        async with database.engine.begin() as connection:
            action = await audit.begin(connection, kind, who, {"group": group, "words": words})
            await (write_note if kind is DeskActionKind.NOTE else take)(connection, subjects, words)
            events = await audit.about(connection, action, letters)
            await audit.record_outcomes(connection, action, {letter.key: LetterOutcome.KEPT for letter in letters})
        async with holding(amqp_url(), services=()) as held:
            action.confirmed += await Sender(held.connection).send(events)
        async with database.engine.begin() as connection:
            await audit.end(connection, action)
        return len(letters)
