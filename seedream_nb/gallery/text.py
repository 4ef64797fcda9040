"""Why: a terminal, a diff and a reader without a browser get the same facts as the HTML, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page


def spell_text(page: Page) -> str:
    """Spells a page as plain text.

    Args:
        page: What the gallery shows.

    Returns:
        The summary, the notes, and a few lines for each tile.
    """
    width = len(str(len(page.entries)))
    lines = [page.summary, *page.notes]
    for number, entry in enumerate(page.entries, 1):
        margin = " " * (width + 2)
        first, *rest = _entry_lines(entry)
        lines += [f"{number:>{width}}. {first}", *(f"{margin}{line}" for line in rest)]
    return "\n".join(lines)


def _entry_lines(entry: Entry) -> list[str]:
    tile = entry.tile
    head = " · ".join(part for part in (f"{tile.state.icon} {tile.state.word}", tile.task_id, tile.position) if part)
    trace = f"trace {tile.trace_id}" if tile.trace_id else ""
    lines = [head, " ".join(tile.prompt.split()), " · ".join(tile.facts), tile.problem, trace, entry.link or ""]
    return [line for line in lines if line]
