"""Why: the gallery has to look right in five front ends, and to make sense where its style sheet is stripped.

Tiny pure functions from a `Page` to HTML. Everything foreign is escaped where it is inserted; there is no script, no
id and no clock in it, so that the same tasks give the same output.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page, Picture

LONGEST_ALT = 250  # characters; a screen reader reads the caption as well
NARROWEST_TILE = 130  # pixels; narrower captions cannot be read
FEW_TILES = 3
GAP = "gap:18px 14px"
WIDEST_UNFOLDED = 80  # columns of text that surely fit into three lines of a narrow tile


def spell_html(page: Page) -> str:
    """Spells a page as HTML.

    Args:
        page: What the gallery shows.

    Returns:
        One `<div>` with its own scoped style sheet.
    """
    width, height = page.aspect
    layout = _layout(page)
    notes = "".join(f'<p class="seedream-note">{_escape(note)}</p>' for note in page.notes)
    figures = "".join(_figure(entry, layout.figure) for entry in page.entries)
    return (
        f'<div class="seedream-gallery" style="--seedream-aspect:{width}/{height}">'
        f"<style>{style_sheet()}</style>"
        f'<p class="seedream-summary">{_escape(page.summary)}</p>{notes}'
        f'<div class="{layout.tiles_class}" style="{layout.tiles}">{figures}</div>'
        "</div>"
    )


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The gallery's style sheet."""
    return files("seedream_nb.gallery").joinpath("static/gallery.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Layout:
    """How tiles stand, mostly inline: a notebook that is not trusted yet keeps that, and loses the style sheet."""

    tiles: str
    figure: str
    tiles_class: str = "seedream-tiles"


def _layout(page: Page) -> _Layout:
    """A few tiles are as wide as their thumbnails; many stand in a dense grid of even ones."""
    narrowest = max(NARROWEST_TILE, round(page.tile_width * 0.56))
    figure = f"margin:0;max-width:{page.tile_width}px"
    if page.columns is None and len(page.entries) <= FEW_TILES:
        return _Layout(f"display:flex;flex-wrap:wrap;{GAP}", f"{figure};flex:1 1 {narrowest}px")
    grid = f"display:grid;{GAP};grid-template-columns"
    if page.columns is not None:
        return _Layout(f"{grid}:repeat({page.columns},minmax(0,1fr))", figure)
    # The style sheet does better where the page is narrower still, or has room for all; inline, JupyterLab strips that.
    tracks = f"repeat(auto-fill,minmax({narrowest}px,1fr))"
    sizes = (
        f"--seedream-narrowest:{narrowest}px;--seedream-widest:{page.tile_width}px;--seedream-count:{len(page.entries)}"
    )
    return _Layout(f"{grid}:{tracks};{sizes}", figure, "seedream-tiles seedream-flowing")


def _figure(entry: Entry, style: str) -> str:
    caption = f"<figcaption>{_caption(entry)}</figcaption>"
    return f'<figure class="seedream-tile" style="{style}">{_picture_box(entry)}{caption}</figure>'


def _picture_box(entry: Entry) -> str:
    if entry.picture is None:
        state = entry.tile.state
        icon = f'<span class="seedream-icon" aria-hidden="true">{state.icon}</span>'
        return f'<div class="seedream-picture seedream-empty">{icon} <span>{_escape(state.word)}</span></div>'
    image = _image(entry.picture, entry.tile.prompt)
    if entry.link is not None:
        image = f"{_open_link(entry.link)}{image}</a>"
    return f'<div class="seedream-picture">{image}</div>'


def _image(picture: Picture, prompt: str) -> str:
    shape = f' width="{picture.width}" height="{picture.height}"' if picture.width and picture.height else ""
    alt = _escape(" ".join(prompt.split())[:LONGEST_ALT])
    lazy = "" if picture.address.startswith("data:") else ' loading="lazy"'
    return f'<img src="{_escape(picture.address)}" alt="{alt}"{shape}{lazy}>'


def _open_link(link: str) -> str:
    return f'<a href="{_escape(link)}" target="_blank" rel="noopener noreferrer">'


def _caption(entry: Entry) -> str:
    tile = entry.tile
    problem = f'<div class="seedream-problem">{_escape(tile.problem)}</div>' if tile.problem else ""
    facts = f'<div class="seedream-facts">{_escape(" · ".join(tile.facts))}</div>' if tile.facts else ""
    return f"{_prompt(tile.prompt)}{problem}{facts}{_origin(entry)}"


def _prompt(text: str) -> str:
    """The caption; a long one is folded to three lines and opens on a click, a key, or where no style applies."""
    if not text:
        return ""
    if _columns_of(text) <= WIDEST_UNFOLDED and "\n" not in text:
        return f'<div class="seedream-prompt" dir="auto">{_escape(text)}</div>'
    return (
        '<details class="seedream-prompt"><summary title="Show the whole prompt">'
        f'<span dir="auto">{_escape(text)}</span></summary></details>'
    )


def _columns_of(text: str) -> int:
    """How wide a text is, in Latin letters: East Asian characters take two places."""
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)  # noqa: PLR2004  where the CJK blocks begin


def _origin(entry: Entry) -> str:
    tile = entry.tile
    parts = [
        f'<span class="seedream-state">{tile.state.icon} {_escape(tile.state.word)}</span>',
        f'<code class="seedream-id" title="{_escape(tile.task_id)}">{_escape(tile.task_id)}</code>',
    ]
    if tile.position:
        parts.append(f"<span>{_escape(tile.position)}</span>")
    if tile.trace_id:
        parts.append(f'<span>trace <code class="seedream-id">{_escape(tile.trace_id)}</code></span>')
    if entry.link is not None:
        parts.append(f"{_open_link(entry.link)}original</a>")
    return f'<div class="seedream-origin">{" · ".join(parts)}</div>'


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
