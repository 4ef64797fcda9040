"""Why: the exported page is a page of its own: it opens from a file, asks nobody for anything, and needs no script.

Tiny pure functions. Each tile is followed by its detail view, which is shown while the address names it (`:target`), so
that the page can be written as the images come; the script adds arrow keys, Escape and a filter. A content security
policy forbids all but these images, this style and this script.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.gallery.tile_html import LONGEST_ALT, escape
from seedream_nb.gallery.tiles import LOST_IMAGE, NO_IMAGE, NOT_COMPOSED, STATES, State
from seedream_nb.images.fetch import DEAD_LINK_STATUSES
from seedream_nb.images.thumbnails import make_thumbnail

if TYPE_CHECKING:
    from seedream_nb.gallery.exhibits import Exhibit
    from seedream_nb.images.thumbnails import Thumbnail

THUMBNAIL_SIDE = 320  # pixels
NARROWEST_TILE = 180  # pixels
LONGEST_CAPTION = 300  # characters; three lines show no more, and the detail view has the whole


@dataclass(frozen=True)
class Sheet:
    """What is known of the page before its images are.

    Attributes:
        title: What stands above it.
        summary: The counts.
        count: How many tiles there are.
        aspect: Width and height of the place for an image, as a ratio.
    """

    title: str
    summary: str
    count: int
    aspect: tuple[int, int]

    @property
    def style(self) -> str:
        """The style sheet."""
        width, height = self.aspect
        # As wide as thumbnails of this shape, so that upright ones are not enlarged.
        widest = max(NARROWEST_TILE, round(THUMBNAIL_SIDE * width / max(width, height)))
        return f":root{{--aspect:{width}/{height};--tile:{round(widest * 0.75)}px}}\n{_read_static('export.css')}"


def render_begin(sheet: Sheet) -> str:
    """The page up to its first tile."""
    script = _read_static("export.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash_of(sheet.style)}; script-src {_hash_of(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title = escape(show_line(sheet.title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="seedream_nb">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{sheet.style}</style>
<script type="module">{script}</script>
</head>
<body>
<header>
<h1 dir="auto">{title}</h1>
<p class="summary">{escape(sheet.summary)}</p>
<p class="filter" hidden><label>Filter <input type="search" autocomplete="off"></label> <span role="status"></span></p>
</header>
<main>
"""


def render_exhibit(exhibit: Exhibit, image: Thumbnail | ImageError | None, number: int, sheet: Sheet) -> str:
    """A tile and its detail view.

    Args:
        exhibit: What is said.
        image: The image in the size of the detail view, or why there is none.
        number: Its place on the page, from 1.
        sheet: The page.

    Returns:
        A `<figure>` and a `<section>`.
    """
    if isinstance(image, ImageError):
        state: State | None = NOT_COMPOSED if exhibit.tile.layers else LOST_IMAGE
        problem = show_line(image.message)
        # Where the host itself said that it is gone, the link is dead for the reader as well.
        link = None if image.status_code in DEAD_LINK_STATUSES else exhibit.link
        shown = None
    else:
        state, problem, link, shown = exhibit.tile.state, exhibit.problem, exhibit.link, image
    view = _View(exhibit, shown, state, problem, link, number, sheet)
    return f"{_tile(view)}{_detail(view)}"


def render_end(note: str) -> str:
    """The page after its last tile."""
    footer = f'<footer><p class="note">{escape(note)}</p></footer>\n' if note else ""
    return f"</main>\n{footer}</body>\n</html>\n"


@dataclass(frozen=True)
class _View:
    exhibit: Exhibit
    image: Thumbnail | None
    state: State | None
    problem: str
    link: str | None
    number: int
    sheet: Sheet

    @property
    def said_state(self) -> str:
        return f"{self.state.icon} {self.state.word}" if self.state else ""

    @property
    def alt(self) -> str:
        words = " ".join(self.exhibit.prompt.split())[:LONGEST_ALT]
        return escape(words or self.exhibit.label or f"Image {self.number}")


def _tile(view: _View) -> str:
    exhibit = view.exhibit
    small = make_thumbnail(view.image.data, THUMBNAIL_SIDE) if view.image else None
    place = _image(small, view.alt) if small else _empty(view)
    empty = "" if small else ' data-empty=""'
    # A place such as "2 of 4" stays on one line.
    facts = (*exhibit.facts, *filter(None, [exhibit.tile.position.replace(" ", "\N{NO-BREAK SPACE}")]))
    lines = (
        _line("label", exhibit.label),
        _line("prompt", _shortened(exhibit.prompt), ' dir="auto"'),
        _line("problem", view.problem),
        _line("facts", " · ".join(facts)),
        # An empty place says its state already, and success needs no mention.
        _line("state", view.said_state) if small and view.state != STATES[TaskStatus.SUCCEEDED] else "",
    )
    return (
        f'<figure><a class="place" id="t{view.number}" href="#p{view.number}"{empty}>{place}</a>'
        f"<figcaption>{''.join(lines)}</figcaption></figure>\n"
    )


def _detail(view: _View) -> str:
    number, exhibit = view.number, view.exhibit
    image = _image(view.image, view.alt) if view.image else f'<div class="empty">{_empty(view)}</div>'
    known = (("State", view.said_state), ("Error", view.problem), *exhibit.details)
    prompt = _line("prompt", exhibit.prompt, ' dir="auto"')
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in known if text)
    original = (
        f'<p><a href="{escape(view.link)}" target="_blank" rel="noopener noreferrer">Original</a></p>'
        if view.link
        else ""
    )
    return (
        f'<section id="p{number}" role="dialog" aria-modal="true" aria-label="{number} of {view.sheet.count}" '
        f'tabindex="-1"><nav><span>{number:,} of {view.sheet.count:,}</span>{_step("prev", number - 1, view.sheet)}'
        f'{_step("next", number + 1, view.sheet)}<a class="close" href="#t{number}">✕ Close</a></nav>'
        f'<div class="view"><div class="large">{image}</div><div class="text">{_line("label", exhibit.label)}'
        f"{prompt}<dl>{rows}</dl>{original}</div></div></section>\n"
    )


def _step(relation: str, number: int, sheet: Sheet) -> str:
    words = {"prev": "← Previous", "next": "Next →"}[relation]
    if not 1 <= number <= sheet.count:
        return f'<a rel="{relation}" role="link" aria-disabled="true">{words}</a>'
    return f'<a rel="{relation}" href="#p{number}">{words}</a>'


def _image(image: Thumbnail, alt: str) -> str:
    address = f"data:{image.mime};base64,{base64.b64encode(image.data).decode('ascii')}"
    transparent = ' class="transparent"' if image.is_transparent else ""
    return f'<img{transparent} src="{address}" alt="{alt}" width="{image.width}" height="{image.height}">'


def _empty(view: _View) -> str:
    state = view.state or NO_IMAGE
    return f'<span class="icon" aria-hidden="true">{state.icon}</span><span>{escape(state.word)}</span>'


def _line(css_class: str, text: str, attributes: str = "") -> str:
    return f'<p class="{css_class}"{attributes}>{escape(text)}</p>' if text else ""


def _shortened(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= LONGEST_CAPTION else f"{line[:LONGEST_CAPTION].rstrip()}…"


def _hash_of(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=2)
def _read_static(name: str) -> str:
    return files("seedream_nb.gallery").joinpath(f"static/{name}").read_text(encoding="utf-8")
