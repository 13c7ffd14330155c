"""The geometry of the overview's plots; templates draw it as SVG, whose colours are those of the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 16, 28
"""Room around a plot for its axes' labels."""

MOST_LABELS = 7
_NICE = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A label at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A bar with what it says."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar from 0 to 100, and what it is of."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, as SVG's ``points``; `dots` are the points with what they say."""

    name: str
    points: str
    dots: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn. `across` are labels below, `up` those of the vertical axis with their lines."""

    columns: tuple[Column, ...] = ()
    lines: tuple[Line, ...] = ()
    across: tuple[Mark, ...] = ()
    up: tuple[Mark, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT

    @property
    def said(self) -> list[str]:
        """All that is drawn, in words."""
        return [column.title for column in self.columns] + [dot.text for line in self.lines for dot in line.dots]


def columns(values: Sequence[tuple[str, float, str]]) -> Plot:
    """Draw bars: label, value, and the value as people read it."""
    top = _top(max((value for _, value, _ in values), default=0), whole=True)
    each = (WIDTH - LEFT - RIGHT) / max(1, len(values))
    bars = tuple(
        Column(
            LEFT + index * each + each * 0.15,
            _y(value, top),
            each * 0.7,
            HEIGHT - BOTTOM - _y(value, top),
            f"{label}: {said}",
        )
        for index, (label, value, said) in enumerate(values)
    )
    middles = [LEFT + (index + 0.5) * each for index in range(len(values))]
    return Plot(
        columns=bars,
        across=_across([label for label, _, _ in values], middles),
        up=_up(top, lambda value: f"{value:.0f}"),
    )


def stacked(counts: Mapping[str, int], most: int) -> tuple[Part, ...]:
    """Draw counts one after the other; `most` is what fills the whole bar."""
    parts, x = [], 0.0
    for kind, count in counts.items():
        if count:
            parts.append(Part(kind, x, 100 * count / most))
            x += 100 * count / most
    return tuple(parts)


def lines(labels: Sequence[str], values: Mapping[str, Sequence[float]], said: Callable[[float], str]) -> Plot:
    """Draw a line for each name in `values`, whose values belong to `labels`."""
    top = _top(max((value for line in values.values() for value in line), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    places = [LEFT + (index + 0.5) * step for index in range(len(labels))]
    drawn = tuple(
        Line(
            name,
            " ".join(f"{x:.1f},{_y(value, top):.1f}" for x, value in zip(places, line, strict=True)),
            tuple(
                Mark(x, _y(value, top), f"{label}, {name}: {said(value)}")
                for x, value, label in zip(places, line, labels, strict=True)
            ),
        )
        for name, line in values.items()
    )
    return Plot(lines=drawn, across=_across(labels, places), up=_up(top, said))


def _top(most: float, *, whole: bool = False) -> float:
    """A round number that is not less."""
    if most <= 0:
        return 4.0
    size = 1.0
    while size * 10 <= most:
        size *= 10
    while not whole and size > most:
        size /= 10
    top = next(nice * size for nice in _NICE if nice * size >= most)
    return max(top, 4.0) if whole else top


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _across(labels: Sequence[str], places: Sequence[float]) -> tuple[Mark, ...]:
    every = max(1, -(-len(labels) // MOST_LABELS))
    return tuple(Mark(x, HEIGHT - 8, label) for x, label in list(zip(places, labels, strict=True))[::every])


def _up(top: float, said: Callable[[float], str]) -> tuple[Mark, ...]:
    return tuple(Mark(LEFT - 8, _y(top * part, top), said(top * part)) for part in (0, 0.5, 1))
