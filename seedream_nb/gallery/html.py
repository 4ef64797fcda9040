"""Why: the gallery has to look right in five front ends, and to make sense where its style sheet is stripped.

Tiny pure functions from a `Page` to HTML. Everything foreign is escaped where it is inserted; there is no script, no
id and no clock in it, so that the same tasks give the same output.
"""

from __future__ import annotations

import html
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from seedream_nb.gallery.tiles import clip

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page, Picture

LONGEST_ALT = 250  # characters; a screen reader reads the caption as well
WIDEST_UNFOLDED = 80  # columns of text that surely fit into three lines of a narrow tile


def spell_html(page: Page) -> str:
    """Spells a page as HTML.

    Args:
        page: What the gallery shows.

    Returns:
        One `<div>` with its own scoped style sheet.
    """
    notes = "".join(f'<p class="seedream-note">{_escape(note)}</p>' for note in page.notes)
    return (
        f'<div class="seedream-gallery" style="{_layout(page)}">'
        f"<style>{style_sheet()}</style>"
        f'<p class="seedream-summary">{_escape(page.summary)}</p>{notes}'
        f'<div class="seedream-grid">{"".join(_figure(entry) for entry in page.entries)}</div>'
        "</div>"
    )


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The gallery's style sheet."""
    return files("seedream_nb.gallery").joinpath("static/gallery.css").read_text(encoding="utf-8")


def _layout(page: Page) -> str:
    width, height = page.aspect
    columns = f"--seedream-columns:repeat({page.columns},minmax(0,1fr));" if page.columns else ""
    return f"{columns}--seedream-tile:{page.tile_width}px;--seedream-aspect:{width}/{height}"


def _figure(entry: Entry) -> str:
    return f'<figure class="seedream-tile">{_picture_box(entry)}<figcaption>{_caption(entry)}</figcaption></figure>'


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
    return f'<img src="{_escape(picture.address)}" alt="{alt}"{shape} loading="lazy">'


def _open_link(link: str) -> str:
    return f'<a href="{_escape(link)}" target="_blank" rel="noopener noreferrer">'


def _caption(entry: Entry) -> str:
    tile = entry.tile
    problem = f'<div class="seedream-problem">{_escape(tile.problem)}</div>' if tile.problem else ""
    facts = f'<div class="seedream-facts">{_escape(" · ".join(tile.facts))}</div>' if tile.facts else ""
    return f"{_prompt(tile.prompt)}{problem}{facts}{_origin(entry)}"


def _prompt(prompt: str) -> str:
    """The caption; a long one is folded to three lines and opens on a click, a key, or where no style applies."""
    text = clip(prompt.strip())
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
