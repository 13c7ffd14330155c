"""The choreography as a picture, drawn from who really says and hears what: a column a service, a row an event."""

from html import escape

from contracts import EVENTS, Event, ProjectCancelled, ServiceName
from ops.contracts.system import consumers_of, publishers_of
from shared.service import Service

LEFT, TOP, COLUMN, ROW = 84, 64, 216, 50
REACH = 168
"""How far a line goes to nobody in particular, or comes from nowhere."""

LIGHT = "--ink:#1d2630;--soft:#56606d;--line:#d5d0c6;--box:#f5f2ec;--go:#0a6070;--bad:#a5331f;--undo:#7d5200"
DARK = "--ink:#ebe8e2;--soft:#a9b0bb;--line:#39404a;--box:#20252c;--go:#74cbd8;--bad:#ff9c87;--undo:#e8bb66"
"""As in site/static/style.css, which they come from where the picture is part of a page."""

STYLE = """\
    .picture { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    .picture .name { font: 500 14px ui-monospace, "SF Mono", Menlo, Consolas, monospace }
    .picture .service { font-size: 16px; font-weight: 600; fill: var(--ink) }
    .picture .note { font-size: 13px; fill: var(--soft) }
    .picture .life { stroke: var(--line); stroke-width: 1.5 }
    .picture .box { fill: var(--box); stroke: var(--line); stroke-width: 1.5 }
    .picture .way { stroke: currentColor; stroke-width: 2; fill: none }
    .picture .open { stroke-dasharray: 2 6; stroke-linecap: round }
    .picture .mark, .picture .name { fill: currentColor }
    .picture .go { color: var(--go) }
    .picture .bad { color: var(--bad) }
    .picture .undo { color: var(--undo) }
    .picture .any { color: var(--soft) }
"""


def draw(services: tuple[Service, ...], *, links: str | None = None) -> str:
    """The picture as SVG. `links` is a prefix of the events' pages; without it, it stands alone, in its own colours."""
    columns = {service.name: LEFT + COLUMN * number for number, service in enumerate(services)}
    bottom = TOP + ROW * len(EVENTS) + 20
    width, height = LEFT + COLUMN * (len(columns) - 1) + (REACH + 32 if services[-1].publishes else LEFT), bottom + 56
    told = "; ".join(_told(services, event) for event in EVENTS.values())
    colours = f":root {{ {LIGHT} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}\n"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width} {height}"',
        '  role="img" aria-labelledby="picture-title picture-told">',
        '<title id="picture-title">The choreography: who says and who hears each event</title>',
        f'<desc id="picture-told">{escape(told)}.</desc>',
        f"<style>\n{colours if links is None else ''}{STYLE}</style>",
    ]
    for name, x in columns.items():
        lines += [
            f'<line class="life" x1="{x}" y1="44" x2="{x}" y2="{bottom}"/>',
            f'<rect class="box" x="{x - 64}" y="10" width="128" height="36" rx="9"/>',
            f'<text class="service" x="{x}" y="34" text-anchor="middle">{name}</text>',
        ]
    for number, event in enumerate(EVENTS.values()):
        row = _row(services, event, columns, TOP + ROW * number + 38)
        if links is not None:
            row = [f'<a href="{links}{event.hyphenated()}.html">', *row, "</a>"]
        lines += [f'<g class="{_kind(services, event)}">', *row, "</g>"]
    lines += _legend(bottom + 34)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _row(services: tuple[Service, ...], event: type[Event], columns: dict[ServiceName, int], y: int) -> list[str]:
    says = [columns[service.name] for service in publishers_of(services, event)]
    hears = [columns[service.name] for service, _ in consumers_of(services, event)]
    if not says or not hears:
        return _open_row(event, says, hears, y)
    if says == hears:
        return _to_itself(event, says[0], y)
    first, last = min(says + hears), max(says + hears)
    middle = sum(says) / len(says)
    return [
        f'<path class="way" d="M{first} {y}H{last}"/>',
        *(_dot(x, y) for x in says),
        *(_arrow(x, y, right=x > middle) for x in hears),
        _name(event, first + 14, y),
    ]


def _open_row(event: type[Event], says: list[int], hears: list[int], y: int) -> list[str]:
    """Said for whoever likes to listen, or heard though nobody says it yet."""
    if says:
        x = min(says)
        return [
            f'<path class="way open" d="M{x} {y}h{REACH}"/>',
            *(_dot(each, y) for each in says),
            _name(event, x + 14, y),
        ]
    x = max(hears)
    return [f'<path class="way open" d="M{x - REACH} {y}H{x}"/>', _arrow(x, y, right=True), _name(event, x - REACH, y)]


def _to_itself(event: type[Event], x: int, y: int) -> list[str]:
    path = f'<path class="way" d="M{x} {y}h22q9 0 9 -9v-4q0 -9 -9 -9h-14"/>'
    return [path, _dot(x, y), _arrow(x, y - 22, right=False), _name(event, x + 40, y)]


def _dot(x: int, y: int) -> str:
    return f'<circle class="mark" cx="{x}" cy="{y}" r="5.5"/>'


def _arrow(x: int, y: int, *, right: bool) -> str:
    back = -13 if right else 13
    return f'<path class="mark" d="M{x} {y}l{back} -6.5v13z"/>'


def _name(event: type[Event], x: int, y: int) -> str:
    return f'<text class="name" x="{x}" y="{y - 9}">{event.__name__}</text>'


def _legend(y: int) -> list[str]:
    lines, x = [], LEFT - 64
    for kind, words in (("go", "on the way to live"), ("bad", "late or failed"), ("undo", "undone")):
        lines += [
            f'<g class="{kind}"><path class="way" d="M{x} {y - 4}h30"/>{_dot(x + 4, y - 4)}</g>',
            f'<text class="note" x="{x + 40}" y="{y}">{words}</text>',
        ]
        x += 190
    lines.append(f'<g class="any"><path class="way open" d="M{x} {y - 4}h30"/></g>')
    lines.append(f'<text class="note" x="{x + 40}" y="{y}">for whoever likes to listen, or not said yet</text>')
    return lines


def _kind(services: tuple[Service, ...], event: type[Event]) -> str:
    if "step" in event.model_fields:
        return "bad"
    if event.required_by:
        return "undo" if hasattr(event, "undone_by") else "go"
    says = {service.name for service in publishers_of(services, event)}
    return "undo" if says and says <= ProjectCancelled.undone_by else "any"


def _told(services: tuple[Service, ...], event: type[Event]) -> str:
    says = " and ".join(service.name for service in publishers_of(services, event)) or "nobody yet"
    hears = " and ".join(service.name for service, _ in consumers_of(services, event)) or "whoever likes"
    return f"{event.__name__} goes from {says} to {hears}"
