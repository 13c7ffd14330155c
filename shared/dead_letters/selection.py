"""Which dead letters are meant, and how they are grouped by service, step and cause."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.dead_letters.view import DeadLetter

BUCKETS = 16
_VAGUE = ("", "unexpected", "deadline", "data_error")
"""Codes that say nothing of the cause: there the words count as well."""

_PARTICULARS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|(?:[a-z0-9_-]+\.)+[a-z]{2,}|\d+(?:\.\d+)*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for; None asks for all. `reason` is a part of the reason or a whole code, `project` id or slug."""

    service: str | None = None
    event: str | None = None
    reason: str | None = None
    project: str | None = None
    since: datetime | None = None

    def keep(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Those that are asked for."""
        return [letter for letter in letters if self._wants(letter)]

    def _wants(self, letter: DeadLetter) -> bool:
        return (
            (self.service is None or letter.service == self.service)
            and (self.event is None or letter.event == self.event)
            and (self.project is None or self.project in (letter.slug, str(letter.project_id)))
            and (self.since is None or (letter.died_at is not None and letter.died_at >= self.since))
            and (self.reason is None or self.reason == letter.code or self.reason.lower() in letter.reason.lower())
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one consumer with one cause. `over_time` counts deaths in equal parts from first to last."""

    id: str
    consumer: str
    code: str
    example: str
    letters: tuple[DeadLetter, ...]
    first: datetime | None
    last: datetime | None
    over_time: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything but the letters."""
        return {
            "group": self.id,
            "consumer": self.consumer,
            "code": self.code,
            "example": self.example,
            "count": len(self.letters),
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "over_time": list(self.over_time),
        }


def group_id(letter: DeadLetter) -> str:
    """Six characters that stay the same for a consumer and a cause."""
    cause = letter.code
    if letter.code in _VAGUE or letter.code.startswith("contract_"):
        cause += "|" + _PARTICULARS.sub("…", letter.reason)
    return hashlib.blake2s(f"{letter.consumer}|{cause}".encode(), digest_size=3).hexdigest()


def groups(letters: Iterable[DeadLetter]) -> list[Group]:
    """Group what is dead, the largest group first."""
    by_id: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        by_id[group_id(letter)].append(letter)
    everywhen = [letter.died_at for each in by_id.values() for letter in each if letter.died_at]
    span = (min(everywhen), max(everywhen)) if everywhen else None
    found = [_group(name, each, span) for name, each in by_id.items()]
    return sorted(found, key=lambda group: (-len(group.letters), group.consumer, group.id))


def _group(name: str, letters: Sequence[DeadLetter], span: tuple[datetime, datetime] | None) -> Group:
    times = [letter.died_at for letter in letters if letter.died_at]
    newest = letters[-1]
    return Group(
        id=name,
        consumer=newest.consumer,
        code=newest.code,
        example=newest.reason,
        letters=tuple(letters),
        first=min(times, default=None),
        last=max(times, default=None),
        over_time=_over_time(times, span) if span else (),
    )


def _over_time(times: Iterable[datetime], span: tuple[datetime, datetime]) -> tuple[int, ...]:
    begin, width = span[0], (span[1] - span[0]) / BUCKETS
    if not width:
        width = timedelta(seconds=1)
    counted = Counter(min(int((time - begin) / width), BUCKETS - 1) for time in times)
    return tuple(counted[bucket] for bucket in range(BUCKETS))
