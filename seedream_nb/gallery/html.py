"""Renders a page as HTML that works in every front end, and stays readable where its style sheet is stripped.

Pure functions. Foreign text is escaped where it is inserted. There is no script, no element id, and no time in the
output, so that the same tasks give the same output.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from importlib.resources import files
from statistics import fmean
from typing import TYPE_CHECKING

from seedream_nb.gallery.page import FLAT
from seedream_nb.gallery.table_html import render_table
from seedream_nb.gallery.tile_html import render_facts, render_prompt, render_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.gallery.page import Entry, Page

MIN_TILE = 130  # pixels; narrower captions are unreadable
FEW_TILES = 3
GAP = "gap:18px 14px"
MAX_OBLONG_IN_PAIR = 1.8  # ratio of the sides; more oblong images get bars


def render_html(page: Page) -> str:
    """Renders a page as one `<div>` with its own scoped style sheet."""
    width, height = page.aspect
    flat = " seedream-flat" if page.aspect == FLAT else ""
    summary = f'<p class="seedream-summary">{escape(page.summary)}</p>' if page.summary else ""
    notes = "".join(f'<p class="seedream-note">{escape(note)}</p>' for note in page.notes)
    heading = render_prompt(page.heading, "seedream-heading")
    if page.heading_facts:
        heading += f'<p class="seedream-heading-facts">{render_facts(page.heading_facts)}</p>'
    return (
        f'<div class="seedream-gallery{flat}" style="--seedream-aspect:{width}/{height}">'
        f"<style>{style_sheet()}</style>"
        f"{summary}{notes}{heading}{_render_tiles(page)}</div>"
    )


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The style sheet, minified because it is in every output."""
    written = files("seedream_nb.gallery").joinpath("static/gallery.css").read_text(encoding="utf-8")
    without_comments = re.sub(r"/\*.*?\*/", "", written, flags=re.DOTALL)
    return re.sub(r"\s*([{};])\s*", r"\1", without_comments).strip()


def _render_tiles(page: Page) -> str:
    if page.table is not None:
        return render_table(page, page.table)
    entries = (*page.before, *page.entries)
    if page.columns is None and len(entries) <= FEW_TILES:
        return _render_pair(page, entries) if page.before else _render_few(page, entries)
    return _render_many(page, entries)


def _render_few(page: Page, entries: Sequence[Entry]) -> str:
    """Renders a few tiles as wide as their thumbnails, with inline layout: untrusted notebooks lose the style sheet."""
    style = f"{_alone(page)};flex:1 1 {_narrowest(page)}px"
    figures = "".join(render_tile(entry, style, page.aspect) for entry in entries)
    return f'<div class="seedream-tiles" style="display:flex;flex-wrap:wrap;{GAP}">{figures}</div>'


def _render_many(page: Page, entries: Sequence[Entry]) -> str:
    """Renders many tiles as a dense, even grid."""
    grid = f"display:grid;{GAP};grid-template-columns"
    figures = "".join(render_tile(entry, _alone(page), page.aspect) for entry in entries)
    if page.columns is not None:
        tracks = f"repeat({page.columns},minmax(0,1fr))"
        return f'<div class="seedream-tiles" style="{grid}:{tracks}">{figures}</div>'
    # The style sheet does better on very narrow and very wide pages; inline, JupyterLab would strip that.
    narrowest = _narrowest(page)
    tracks = f"repeat(auto-fill,minmax({narrowest}px,1fr))"
    sizes = f"--seedream-narrowest:{narrowest}px;--seedream-widest:{page.tile_width}px;--seedream-count:{len(entries)}"
    return f'<div class="seedream-tiles seedream-flowing" style="{grid}:{tracks};{sizes}">{figures}</div>'


def _render_pair(page: Page, entries: Sequence[Entry]) -> str:
    """Renders before and after side by side at the same height, whatever their shapes."""
    known = [entry.shape for entry in entries if entry.shape]
    # The result of an edit most likely has the shape of its reference.
    guess = known[0] if known else page.aspect
    ratios = [_tamed_ratio(entry.shape or guess) for entry in entries]
    # Neither much enlarged nor too narrow for a caption; on a narrow page all shrink alike.
    heights = [entry.shown.shape[1] for entry in entries if entry.shown and entry.shown.shape]
    height = max(fmean(heights or [page.tile_width]), MIN_TILE / min(ratios))
    figures = []
    for entry, ratio in zip(entries, ratios, strict=True):
        aspect = round(1000 * ratio), 1000
        place = f"flex:0 1 {round(height * ratio)}px;--seedream-aspect:{aspect[0]}/{aspect[1]}"
        figures.append(render_tile(entry, f"margin:0;min-width:0;{place}", aspect))
    return f'<div class="seedream-tiles" style="display:flex;{GAP}">{"".join(figures)}</div>'


def _tamed_ratio(shape: tuple[int, int]) -> float:
    return min(max(shape[0] / shape[1], 1 / MAX_OBLONG_IN_PAIR), MAX_OBLONG_IN_PAIR)


def _alone(page: Page) -> str:
    return f"margin:0;max-width:{page.tile_width}px"


def _narrowest(page: Page) -> int:
    return max(MIN_TILE, round(page.tile_width * 0.56))
