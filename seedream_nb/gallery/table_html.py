"""Renders tiles as a real `<table>`, for screen readers, GitHub, and narrow pages.

Sizes are inline, because untrusted notebooks lose the style sheet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.gallery.table import label_parts
from seedream_nb.gallery.tile_html import columns_of, render_prompt, render_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.gallery.page import Entry, Page
    from seedream_nb.gallery.table import Table

GAP = 14  # pixels between columns
MIN_CELL = 148  # pixels
MIN_CELL_ON_NARROW_PAGE = 120  # pixels; so that two are visible at once
MIN_IN_SET = 104  # pixels; one tile among several in a cell
MAX_ABREAST = 3  # tiles of a set in one cell
LETTER = 7  # pixels, approximately
MAX_LABEL = 170  # pixels
MIN_LABEL = 44  # pixels
LABEL_ON_NARROW_PAGE = 90  # pixels

CELL = f"padding:0 {GAP}px {GAP + 4}px 0;vertical-align:top;text-align:left"


@dataclass(frozen=True)
class _Measures:
    """Widths in pixels; `abreast` and `columns` are counts."""

    abreast: int
    narrowest: int
    widest: int
    label: int
    columns: int

    @property
    def style(self) -> str:
        least = self.label + self.columns * (self.narrowest + GAP)
        most = self.label + self.columns * (self.widest + GAP)
        narrow_cell = MIN_CELL_ON_NARROW_PAGE if self.abreast == 1 else self.narrowest
        narrow_label = min(self.label, LABEL_ON_NARROW_PAGE + GAP)
        narrow = f"--seedream-narrow:{narrow_label + self.columns * (narrow_cell + GAP)}px"
        return f"width:100%;min-width:{least}px;max-width:{most}px;{narrow};--seedream-narrow-label:{narrow_label}px"


def render_table(page: Page, table: Table) -> str:
    """Renders the tiles of a page as a `<table>` in a box that scrolls sideways."""
    cells: list[list[Entry]] = [[] for _ in range(table.size)]
    for entry in page.entries:
        cells[entry.tile.number].append(entry)
    measures = _measure(page, table, cells)
    has_row_labels = any(table.rows)
    before = _before_cell(page, table) if page.before else ""
    rows = []
    for number, label in enumerate(table.rows):
        head = f'<th scope="row" style="{CELL}">{_label(label)}</th>' if has_row_labels else ""
        first = number * len(table.columns)
        tasks = "".join(_cell(page, entries, measures) for entries in cells[first : first + len(table.columns)])
        rows.append(f"<tr>{before if number == 0 else ''}{head}{tasks}</tr>")
    described = f"{len(table.rows)} rows, {len(table.columns)} columns"
    return (
        f'<div class="seedream-scroll" role="region" aria-label="Table of images: {described}" tabindex="0" '
        f'style="overflow-x:auto"><table class="seedream-table" style="table-layout:fixed;{measures.style};margin:0">'
        f"{_columns(page, table, measures)}{_column_heads(page, table)}<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _measure(page: Page, table: Table, cells: Sequence[Sequence[Entry]]) -> _Measures:
    most = max(map(len, cells))
    abreast = min(MAX_ABREAST, math.ceil(math.sqrt(most)))
    narrowest, widest = MIN_CELL, page.tile_width
    if abreast > 1:
        narrowest, widest = abreast * MIN_IN_SET, abreast * max(MIN_CELL, round(page.tile_width * 0.56))
    longest = max(columns_of(line) for label in table.rows for line in (label.splitlines() or [""]))
    label = min(MAX_LABEL, max(MIN_LABEL, longest * LETTER)) + GAP if any(table.rows) else 0
    return _Measures(abreast, narrowest, widest, label, len(table.columns) + bool(page.before))


def _columns(page: Page, table: Table, measures: _Measures) -> str:
    """The column widths: labels have their own, all others share the rest."""
    before = "<col>" if page.before else ""
    label = f'<col class="seedream-labels" style="width:{measures.label}px">' if measures.label else ""
    return f"<colgroup>{before}{label}{'<col>' * len(table.columns)}</colgroup>"


def _column_heads(page: Page, table: Table) -> str:
    if not any(table.columns):
        return ""
    corner = "<td></td>" * (bool(page.before) + bool(any(table.rows)))
    style = f"{CELL};vertical-align:bottom;padding-bottom:8px"
    heads = "".join(f'<th scope="col" style="{style}">{_label(label)}</th>' for label in table.columns)
    return f"<thead><tr>{corner}{heads}</tr></thead>"


def _before_cell(page: Page, table: Table) -> str:
    figures = "".join(render_tile(entry, _place(page), page.aspect) for entry in page.before)
    return f'<td rowspan="{len(table.rows)}" style="{CELL}">{figures}</td>'


def _cell(page: Page, entries: Sequence[Entry], measures: _Measures) -> str:
    figures = "".join(render_tile(entry, _place(page), page.aspect) for entry in entries)
    if len(entries) > 1:
        tracks = f"repeat({measures.abreast},minmax(0,1fr))"
        grid = f"display:grid;gap:{GAP}px 8px;grid-template-columns:{tracks}"
        figures = f'<div class="seedream-tiles" style="{grid}">{figures}</div>'
    return f'<td style="{CELL}">{figures}</td>'


def _place(page: Page) -> str:
    return f"margin:0;max-width:{page.tile_width}px"


def _label(label: str) -> str:
    first, *others = label_parts(label) or [""]
    below = "".join(render_prompt(part, "seedream-name seedream-part") for part in others)
    return f"{render_prompt(first, 'seedream-name')}{below}"
