"""Dead letters as people read them."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from contracts import DeskActionKind
from shared.dead_letters.archive import Archived
from shared.dead_letters.audit import PastAction
from shared.dead_letters.notes import Note, note_of
from shared.dead_letters.selection import Group
from shared.dead_letters.view import DeadLetter

MOST_ON_A_SCREEN = 100
BARS = " ▁▂▃▄▅▆▇█"


def print_letters(letters: Sequence[DeadLetter], notes: Mapping[str, Note]) -> None:
    """A line for each order that waits; for a pipe a line with tabs for each letter."""
    if not sys.stdout.isatty():
        for letter in letters:
            said = sentence(letter, note_of(letter, notes))
            fields = (letter.short, letter.slug or letter.project_id or "", letter.consumer, said)
            print("\t".join(map(str, fields)))  # noqa: T201 - the output
        return
    by_order = sorted(letters, key=_order)
    orders = [(order, list(each)) for order, each in groupby(by_order, key=_order)]
    orders.sort(key=lambda order: order[1][0].died_at or datetime.min.replace(tzinfo=UTC))
    table = Table("order", "waits", "id")
    for order, each in orders[:MOST_ON_A_SCREEN]:
        waits = [Text(sentence(letter, note_of(letter, notes))) for letter in each]
        table.add_row(Text(order), Text("\n").join(waits), "\n".join(letter.short for letter in each))
    console = Console()
    console.print(table if orders else "Nothing is dead.")
    if len(orders) > MOST_ON_A_SCREEN:
        more = len(orders) - MOST_ON_A_SCREEN
        console.print(f"… and {more} orders more: `vrs dlq groups` shows them by cause, --json shows all.")


def sentence(letter: DeadLetter, note: Note | None = None) -> str:
    """What one dead letter says."""
    since = f" since {_when(letter.died_at)}" if letter.died_at else ""
    tries = f" ({letter.attempts} attempt{'s' if letter.attempts != 1 else ''})" if letter.attempts else ""
    said = f"waits at {letter.service}{since}: {_line(letter.reason) or letter.code or 'no reason is known'}{tries}"
    if not letter.waits:
        said = letter.agreement.meaning
    elif letter.agreement.meaning:
        said += f" [{letter.agreement.meaning}]"
    return f"{said} [{note}]" if note else said


def print_groups(groups: Sequence[Group], notes: Mapping[str, Note]) -> None:
    """A line for each cause."""
    if not sys.stdout.isatty():
        for group in groups:
            times = (_when(group.first), _when(group.last))
            on_it = str(notes.get(group.id) or "")
            fields = (group.id, len(group.letters), group.consumer, group.code, _line(group.example), *times, on_it)
            print("\t".join(map(str, fields)))  # noqa: T201 - the output
        return
    step = Column("step", overflow="fold")
    table = Table("group", "dead", step, Column("cause", overflow="fold"), "first", "last", "over time", "note")
    for group in groups:
        note = notes.get(group.id)
        cause = f"{group.code}: {_line(group.example)}"
        table.add_row(
            group.id,
            str(len(group.letters)),
            group.consumer,
            Text(cause),
            _when(group.first),
            _when(group.last),
            sparkline(group.over_time),
            Text(str(note or "")),
        )
    Console().print(table if groups else "Nothing is dead.")


def sparkline(counts: Sequence[int]) -> str:
    """A bar for each count, the highest one full; what is not zero is never empty."""
    highest = max(counts, default=0)
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] if highest else " " for count in counts)


def print_letter(found: Mapping[str, Any], *, whole_traceback: bool) -> None:
    """Everything about one dead letter; `found` is what ``vrs dlq show --json`` prints."""
    console = Console(highlight=False, soft_wrap=True)
    head = Table.grid(padding=(0, 2))
    for name in ("consumer", "event_id", "project_id", "slug", "code", "reason", "attempts", "deaths", "died_at"):
        if found[name] is not None:
            head.add_row(Text(name.replace("_", " "), "dim"), Text(str(found[name])))
    for name in ("difference", "note"):
        if found[name]:
            head.add_row(Text(name, "dim"), Text(str(found[name]), "yellow"))
    console.print(head)
    _section(console, "what the consumer would do now", found["would"])
    event = found["event"]
    _section(
        console, "event", (json.dumps(event, indent=2, ensure_ascii=False) if event else found["body"]).split("\n")
    )
    _section(console, "headers", [f"{name}: {value}" for name, value in found["headers"].items()])
    _section(console, "traceback", _folded(found["traceback"], whole=whole_traceback))
    _section(
        console, "the project's story", [f"{row['at']}  {row['service']}  {row['said']}" for row in found["story"]]
    )
    _section(console, "what was done at this desk", [_past(each) for each in found["history"]])


def print_history(actions: Sequence[PastAction]) -> None:
    """A line for each action."""
    console = Console(highlight=False, soft_wrap=True)
    for action in actions:
        console.print(Text(_past(action_as_json(action))))
    if not actions:
        console.print("Nothing was done yet.")


def print_archived(found: Sequence[Archived], *, as_json: bool) -> None:
    """What was taken out: by whom, why, and which copy replaced it."""
    if as_json:
        print(json.dumps([_archived_as_json(each) for each in found], ensure_ascii=False))  # noqa: T201 - the output
        return
    console = Console(highlight=False, soft_wrap=True)
    for each in found:
        replaced = f", replaced by {each.copy_id}" if each.copy_id else ""
        where = f"{each.letter.slug or each.letter.project_id}  {each.letter.consumer}"
        why = f" because {each.reason}" if each.reason else ""
        console.print(Text(f"{each.letter.short}  {where}: {_when(each.at)} by {each.by}{why}{replaced}"))
    if not found:
        console.print("Nothing was discarded.")


def _archived_as_json(each: Archived) -> dict[str, Any]:
    letter = {name: value for name, value in each.letter.as_json().items() if name not in ("agreement", "difference")}
    copy = str(each.copy_id) if each.copy_id else None
    return letter | {
        "by": each.by,
        "why": each.reason,
        "copy": copy,
        "changes": each.changes,
        "at": each.at.isoformat(),
    }


def action_as_json(action: PastAction) -> dict[str, Any]:
    """An action for JSON."""
    return {
        "action": str(action.id),
        "kind": action.kind.value,
        "by": action.by,
        "reason": action.reason,
        "began_at": action.began_at.isoformat(),
        "ended_at": action.ended_at.isoformat() if action.ended_at else None,
        "outcomes": dict(action.outcomes),
        "detail": dict(action.detail),
    }


def _past(action: Mapping[str, Any]) -> str:
    kind, detail, outcomes = action["kind"], action["detail"], action["outcomes"]
    why = f" because {action['reason']}" if action["reason"] else ""
    if kind == DeskActionKind.NOTE:
        why = f" {detail['words']!r}" if detail["words"] else " taken away"
    elif kind == DeskActionKind.TAKE and not detail["words"]:
        why = " given back"
    said = f"{action['began_at'][:19].replace('T', ' ')}  {kind} by {action['by']}{why}: {_became(kind, outcomes)}"
    if "copy" in detail:
        said += f", replaced by {detail['copy']}"
    if not action["ended_at"]:
        said += " (not ended: it goes on, or was killed; do it again)"
    return "\n    ".join([said, *_changed(detail.get("changes", ""))])


def _became(kind: str, outcomes: Mapping[str, int]) -> str:
    if kind == DeskActionKind.REPLAY:
        return ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())) or "no letters"
    count = sum(outcomes.values())
    return f"{count} letter{'s' if count != 1 else ''}"


def _changed(changes: str) -> list[str]:
    """The lines of a difference that differ."""
    return [line for line in changes.splitlines() if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]


def _section(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"\n[bold]{escape(title)}[/bold]")
        for line in lines:
            console.print(Text(f"  {line}"))


def _folded(traceback: str | None, *, whole: bool) -> list[str]:
    lines = (traceback or "").splitlines()
    if whole or len(lines) <= 4:  # noqa: PLR2004 - a frame and the error
        return lines
    return [lines[0], f"  … {len(lines) - 4} lines more, shown by --traceback", *lines[-3:]]


def _order(letter: DeadLetter) -> str:
    return letter.slug or str(letter.project_id or "no project")


def _when(moment: datetime | None) -> str:
    if moment is None:
        return ""
    today = datetime.now(UTC).date() == moment.astimezone(UTC).date()
    return f"{moment.astimezone(UTC):%H:%M}" if today else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _line(words: str) -> str:
    return " ".join(words.split())[:300]
