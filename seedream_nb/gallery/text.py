"""Renders a page as plain text, and as the MIME bundle that front ends display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.gallery.html import render_html
from seedream_nb.gallery.table import label_parts
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page
    from seedream_nb.gallery.table import Table


def render(page: Page) -> dict[str, str]:
    """Renders a page as `text/html` and `text/plain`."""
    return {"text/html": render_html(page), "text/plain": render_text(page)}


def render_text(page: Page) -> str:
    """Renders a page as plain text: the summary, the notes, and a few lines for each tile."""
    width = len(str(len(page.entries)))
    margin = " " * (width + 2)
    marked = [
        *((f"{'-':>{width}} ", entry) for entry in page.before),
        *((f"{number:>{width}}.", entry) for number, entry in enumerate(page.entries, 1)),
    ]
    head = [page.summary, *page.notes, _one_line(page.heading), _join(page.heading_facts)]
    lines = [line for line in head if line]
    for mark, entry in marked:
        first, *rest = _entry_lines(entry, page.table)
        lines += [f"{mark} {first}", *(f"{margin}{line}" for line in rest)]
    return "\n".join(lines)


def _entry_lines(entry: Entry, table: Table | None) -> list[str]:
    tile = entry.tile
    state = f"{tile.state.icon} {tile.state.word}" if tile.state else ""
    head = " · ".join(part for part in (tile.label, state, tile.task_id, tile.position) if part)
    place = _place(table, tile.number) if table and not tile.is_before else ""
    prompt = _one_line(tile.prompt) if tile.is_captioned else ""
    trace = f"trace {tile.trace_id}" if tile.trace_id else ""
    lines = [head, place, prompt, _join(tile.facts), tile.problem, trace, entry.link or ""]
    return [line for line in lines if line]


def _place(table: Table, number: int) -> str:
    labels = (" · ".join(map(_one_line, label_parts(label))) for label in table.labels(number))
    return " · ".join(f"{axis}: {label}" for axis, label in zip(("row", "column"), labels, strict=True) if label)


def _join(facts: tuple[str, ...]) -> str:
    return " · ".join(map(display_name, facts))


def _one_line(text: str) -> str:
    return " ".join(text.split())
