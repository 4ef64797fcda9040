"""Draws the rooms of the package and their imports, as SVG and as a table for those who do not see it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEFT, WIDTH, FLOOR, GAP, TOP = 205, 390, 46, 10, 92  # of the floors, in pixels
ANNEX_LEFT, ANNEX_WIDTH = LEFT + WIDTH + 62, 118
HEAD = """<div class="house-box" role="region" aria-label="Drawing of the architecture" tabindex="0">
<svg class="house" viewBox="0 0 {width} {height}" role="img" aria-labelledby="house-title house-text"
  xmlns="http://www.w3.org/2000/svg">
<title id="house-title">The rooms of seedream_nb and their imports</title>
<desc id="house-text">Floors, from the bottom up: {floors}. Every import leads to a lower floor. The sandbox stands
  beside the house. The table below has all imports.</desc>
<style>
.house-box { overflow-x: auto; margin-bottom: 1rem }
.house { width: 100%; min-width: 600px; height: auto; font-family: inherit;
  --house-ink: var(--pst-color-text-base, currentColor);
  --house-line: var(--pst-color-primary, currentColor); --house-paper: var(--pst-color-surface, transparent) }
.house text { fill: var(--house-ink) }
.house .name { font-weight: 600; font-size: 15px }
.house .job { font-size: 12px }
.house .wall { fill: var(--house-paper); stroke: var(--house-ink) }
.house .import { fill: none; stroke: var(--house-line); opacity: .75 }
.house .import:hover { opacity: 1; stroke-width: 4 }
.house .allowed { fill: none; stroke: var(--house-ink); opacity: .5; stroke-dasharray: 2 4 }
.house-table td, .house-table thead th { text-align: center }
.house-table :is(td, th) { padding: .2rem .35rem; font-size: .9em }
.house-table caption { text-align: left }
</style>
<defs><marker id="house-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
  markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="var(--house-line)"/></marker></defs>"""


def draw_house(
    rooms: Sequence[str],
    allowed: Mapping[str, frozenset[str]],
    imports: Mapping[tuple[str, str], int],
    jobs: Mapping[str, str],
) -> str:
    """Draws the house.

    Args:
        rooms: The floors from the bottom up.
        allowed: The rooms that each room may import; `sandbox` stands beside the house.
        imports: How many modules of the first room import from the second one.
        jobs: What each room does, in a few words.

    Returns:
        The SVG element, followed by the same as an HTML table.
    """
    size = {"width": ANNEX_LEFT + ANNEX_WIDTH + 4, "height": TOP + len(rooms) * (FLOOR + GAP) + 10}
    head = HEAD.replace("{floors}", ", ".join(rooms))
    for name, value in size.items():  # no format string: the style sheet has braces
        head = head.replace(f"{{{name}}}", str(value))
    eaves, middle = TOP - GAP, LEFT + WIDTH / 2
    parts = [
        head,
        f'<path class="wall" d="M{LEFT - 12} {eaves} L{middle} 14 L{LEFT + WIDTH + 12} {eaves} z"/>',
        _text(middle, 56, "name", "seedream_nb", anchor="middle"),
        _text(middle, 74, "job", jobs["__init__"], anchor="middle"),
        *(_arc(rooms, pair, imports.get(pair, 0)) for pair in _pairs(rooms, allowed)),
        *(_floor(_y(rooms, room), room, jobs[room]) for room in rooms),
        *_annex(rooms, allowed["sandbox"], imports, jobs["sandbox"]),
        "</svg></div>",
        _table(rooms, imports),
    ]
    return "\n".join(parts)


def _pairs(rooms: Sequence[str], allowed: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    return [(room, other) for room in rooms for other in rooms if other in allowed[room]]


def _y(rooms: Sequence[str], room: str) -> int:
    return TOP + (len(rooms) - 1 - rooms.index(room)) * (FLOOR + GAP)


def _floor(y: int, room: str, job: str) -> str:
    wall = f'<rect class="wall" x="{LEFT}" y="{y}" width="{WIDTH}" height="{FLOOR}" rx="3"/>'
    return f"{wall}\n{_text(LEFT + 14, y + 19, 'name', room)}\n{_text(LEFT + 14, y + 37, 'job', job)}"


def _arc(rooms: Sequence[str], pair: tuple[str, str], count: int) -> str:
    """An arrow left of the house: it bulges with its length, and is bolder the more modules there are."""
    room, other = pair
    distance = rooms.index(room) - rooms.index(other)
    begin, end = _y(rooms, room) + FLOOR / 2 + 12 - 2.4 * distance, _y(rooms, other) + FLOOR / 2 - 12 + 2.4 * distance
    bulge = LEFT - 14 - 29 * distance
    path = f'd="M{LEFT} {begin:g} C{bulge} {begin:g} {bulge} {end:g} {LEFT} {end:g}"'
    if not count:
        return f'<path class="allowed" {path}><title>{room} may import {other}, and does not</title></path>'
    return _line(path, pair, count)


def _line(path: str, pair: tuple[str, str], count: int) -> str:
    room, other = pair
    modules = "1 module" if count == 1 else f"{count} modules"
    return (
        f'<path class="import" data-import="{room} {other}" {path} stroke-width="{0.8 + min(count, 24) / 16:g}" '
        f'marker-end="url(#house-arrow)"><title>{room} imports {other} in {modules}</title></path>'
    )


def _annex(
    rooms: Sequence[str], imported: frozenset[str], imports: Mapping[tuple[str, str], int], job: str
) -> list[str]:
    below = [room for room in rooms if room in imported]
    top, bottom = _y(rooms, below[-1]), _y(rooms, below[0]) + FLOOR
    right, middle = LEFT + WIDTH, ANNEX_LEFT + ANNEX_WIDTH / 2
    parts = [
        f'<rect class="wall" x="{ANNEX_LEFT}" y="{top}" width="{ANNEX_WIDTH}" height="{bottom - top}" rx="3"/>',
        _text(middle, (top + bottom) / 2 - 6, "name", "sandbox", anchor="middle"),
        _text(middle, (top + bottom) / 2 + 12, "job", job, anchor="middle"),
    ]
    for room in below:
        y = _y(rooms, room) + FLOOR / 2
        parts.append(_line(f'd="M{ANNEX_LEFT} {y:g} L{right} {y:g}"', ("sandbox", room), imports["sandbox", room]))
    for room in rooms:
        if imports.get((room, "sandbox")):
            y = _y(rooms, room) + FLOOR / 2
            path = f'd="M{right} {y:g} C{middle} {y:g} {middle} {y + 60:g} {middle} {top}"'
            parts.append(_line(path, (room, "sandbox"), imports[room, "sandbox"]))
    return parts


def _text(x: float, y: float, kind: str, text: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _table(rooms: Sequence[str], imports: Mapping[tuple[str, str], int]) -> str:
    """How many modules of the room of a row import from the room of a column."""
    columns = [room for room in (*rooms, "sandbox") if any(imports.get((one, room)) for one in rooms)]
    head = "".join(f'<th scope="col">{room}</th>' for room in columns)
    rows = []
    for room in (*reversed(rooms), "sandbox"):
        cells = "".join(f"<td>{imports.get((room, other), '')}</td>" for other in columns)
        rows.append(f'<tr><th scope="row">{room}</th>{cells}</tr>')
    caption = "How many modules of a room (row) import from another one (column)"
    return (
        f'<div class="pst-scrollable-table-container" tabindex="0"><table class="table house-table">'
        f"<caption>{caption}</caption><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
