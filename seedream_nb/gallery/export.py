"""Exports a gallery as one HTML file that opens anywhere, offline, without a notebook and without any script.

Each tile is followed by its detail view, which is shown while the address names it (`:target`), so that the page can be
written while images are loaded. The script only adds arrow keys, Escape, and a filter. A content security policy
forbids everything but the images, the style, and the script of the page.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import VERBATIM_CLASSES, show_line
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.gallery.embedding import DataUri, stream_thumbnails
from seedream_nb.gallery.rendering import MAX_ALT
from seedream_nb.gallery.shared_tiles import TITLE, expected_shape, lay_out_shared
from seedream_nb.gallery.tiles import describe_marks, lost_state, summarize
from seedream_nb.gallery.written_file import check_path, replaced_file
from seedream_nb.images.download import DEAD_LINK_STATUSES
from seedream_nb.images.thumbnails import make_thumbnail
from seedream_nb.protocol.cards import NO_IMAGE, STATES, State

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seedream_nb.gallery.contents import Contents, Table
    from seedream_nb.gallery.page import Shape
    from seedream_nb.gallery.shared_tiles import SharedContents, SharedTile
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail

LARGE_SIDE = 1024  # pixels; fills a screen at a seventh of the bytes of the original
THUMBNAIL_SIDE = 320  # pixels
MIN_TILE = 180  # pixels
MAX_CAPTION = 300  # characters; three lines show no more, and the detail view has the full prompt


def export_page(
    contents: Contents,
    path: str | os.PathLike[str],
    fetcher: ImageFetcher,
    *,
    title: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Path:
    """Writes a gallery as one self-contained HTML file; an existing one is replaced once the new one is complete.

    Raises:
        UsageError: The file does not end in `.html` or cannot be written.
    """
    target = check_path(path, (".html",))
    with replaced_file(target) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for piece in _pieces(contents, fetcher, TITLE if title is None else title, on_progress):
            file.write(piece)
    return target


def _pieces(
    contents: Contents, fetcher: ImageFetcher, title: str, on_progress: Callable[[int], None] | None
) -> Iterator[str]:
    shared = lay_out_shared(contents)
    sheet = _Sheet(title, summarize(contents.tasks), shared, expected_shape(shared.tiles))
    lost = 0

    def render_tiles() -> Iterator[tuple[Tile, str]]:
        nonlocal lost
        tiles = [one.tile for one in shared.tiles]
        for place, image in stream_thumbnails(tiles, LARGE_SIDE, fetcher, on_progress=on_progress):
            lost += isinstance(image, ImageError)
            view = _view(shared.tiles[place], image, place + 1, sheet)
            yield tiles[place], f"{_render_tile(view)}{_render_details(view)}"

    yield _render_start(sheet)
    yield from _arrange(render_tiles(), shared.table)
    yield _render_end(f"{count_of(lost, 'image')} could not be fetched." if lost else "")


def _arrange(tiles: Iterator[tuple[Tile, str]], table: Table | None) -> Iterator[str]:
    """Puts rendered tiles into a flow, or into the cells of a table, in their order."""
    for is_flow, group in groupby(tiles, key=lambda pair: table is None or pair[0].is_before):
        if is_flow or table is None:
            yield '<div class="tiles">\n'
            yield from (html for _, html in group)
            yield "</div>\n"
        else:
            yield from _arrange_table(group, table)


def _arrange_table(tiles: Iterator[tuple[Tile, str]], table: Table) -> Iterator[str]:
    has_row_labels = any(table.rows)
    yield '<div class="table" role="region" aria-label="Table" tabindex="0"><table>\n'
    if any(table.columns):
        heads = "".join(f'<th scope="col">{_render_label(label)}</th>' for label in table.columns)
        yield f"<thead><tr>{'<td></td>' if has_row_labels else ''}{heads}</tr></thead>\n"
    yield "<tbody>\n"
    for row, cells in groupby(tiles, key=lambda pair: table.place(pair[0].number)[0]):
        yield f'<tr><th scope="row">{_render_label(table.rows[row])}</th>\n' if has_row_labels else "<tr>\n"
        for _, cell in groupby(cells, key=lambda pair: pair[0].number):
            yield f"<td>{''.join(html for _, html in cell)}</td>\n"
        yield "</tr>\n"
    yield "</tbody></table></div>\n"


def _render_label(label: str) -> str:
    return _line("prompt", "\n".join(filter(None, map(str.strip, label.split("\n")))), ' dir="auto"')


@dataclass(frozen=True)
class _Sheet:
    """What is known of the page before its images are."""

    title: str
    summary: str
    contents: SharedContents
    aspect: Shape

    @property
    def count(self) -> int:
        return len(self.contents.tiles)

    @property
    def style(self) -> str:
        width, height = self.aspect
        # The width of thumbnails of this shape, so that upright ones are not enlarged.
        widest = max(MIN_TILE, round(THUMBNAIL_SIDE * width / max(width, height)))
        return f":root{{--aspect:{width}/{height};--tile:{round(widest * 0.75)}px}}\n{_read_static('export.css')}"


@dataclass(frozen=True)
class _View:
    """A tile with its image in the size of the detail view."""

    shared: SharedTile
    image: Thumbnail | None
    state: State | None
    problem: str
    link: str | None
    number: int
    sheet: _Sheet

    @property
    def alt(self) -> str:
        words = " ".join(self.shared.prompt.split())[:MAX_ALT]
        return escape(words or self.shared.full_label or f"Image {self.number}")


def _view(shared: SharedTile, image: Thumbnail | ImageError | None, number: int, sheet: _Sheet) -> _View:
    if not isinstance(image, ImageError):
        return _View(shared, image, shared.tile.state, shared.problem, shared.link, number, sheet)
    # Where the host itself reports that the image is gone, the link is dead for the reader as well.
    link = None if image.status_code in DEAD_LINK_STATUSES else shared.link
    return _View(shared, None, lost_state(shared.tile), show_line(image.message), link, number, sheet)


def _render_start(sheet: _Sheet) -> str:
    script = _read_static("export.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash_of(sheet.style)}; script-src {_hash_of(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title, heading = escape(show_line(sheet.title)), _render_heading(sheet.contents)
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
<header class="{VERBATIM_CLASSES}">
<h1 dir="auto">{title}</h1>
<p class="summary">{escape(sheet.summary)}</p>
{heading}
<p class="filter" hidden><label>Filter <input type="search" autocomplete="off"></label> <span role="status"></span></p>
</header>
<main class="{VERBATIM_CLASSES}">
"""


def _render_heading(contents: SharedContents) -> str:
    """What a table shows once for all its tiles."""
    heading = _line("heading", contents.heading, ' dir="auto"')
    return f"{heading}{_line('facts', ' · '.join(contents.heading_facts))}"


def _render_end(note: str) -> str:
    footer = f'<footer class="{VERBATIM_CLASSES}"><p class="note">{escape(note)}</p></footer>\n' if note else ""
    return f"</main>\n{footer}</body>\n</html>\n"


def _render_tile(view: _View) -> str:
    shared = view.shared
    small = make_thumbnail(view.image.data, THUMBNAIL_SIDE) if view.image else None
    place = _image(small, view.alt) if small else _empty(view)
    empty = "" if small else ' data-empty=""'
    # A position such as "2 of 4" stays on one line.
    facts = (*shared.own_facts, *filter(None, [shared.tile.position.replace(" ", "\N{NO-BREAK SPACE}")]))
    lines = (
        _line("label", shared.label),
        _line("prompt", _shortened(shared.own_prompt), ' dir="auto"'),
        _line("problem", view.problem),
        _line("facts", " · ".join(facts)),
        _line("marks", " · ".join(describe_marks(shared.tile.marks))),
        # An empty place shows its state already, and success needs no mention.
        _line("state", str(view.state or "")) if small and view.state != STATES[TaskStatus.SUCCEEDED] else "",
    )
    return (
        f'<figure><a class="place" id="t{view.number}" href="#p{view.number}"{empty}>{place}</a>'
        f"<figcaption>{''.join(lines)}</figcaption></figure>\n"
    )


def _render_details(view: _View) -> str:
    number, shared = view.number, view.shared
    image = _image(view.image, view.alt) if view.image else f'<div class="empty">{_empty(view)}</div>'
    details = (("State", str(view.state or "")), ("Error", view.problem), *shared.details)
    prompt = _line("prompt", shared.prompt, ' dir="auto"')
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in details if text)
    original = (
        f'<p><a href="{escape(view.link)}" target="_blank" rel="noopener noreferrer">Original</a></p>'
        if view.link
        else ""
    )
    return (
        f'<section id="p{number}" role="dialog" aria-modal="true" aria-label="{number} of {view.sheet.count}" '
        f'tabindex="-1"><nav><span>{number:,} of {view.sheet.count:,}</span>{_step("prev", number - 1, view.sheet)}'
        f'{_step("next", number + 1, view.sheet)}<a class="close" href="#t{number}">✕ Close</a></nav>'
        f'<div class="view"><div class="large">{image}</div><div class="text">{_line("label", shared.full_label)}'
        f"{prompt}<dl>{rows}</dl>{original}</div></div></section>\n"
    )


def _step(relation: str, number: int, sheet: _Sheet) -> str:
    words = {"prev": "← Previous", "next": "Next →"}[relation]
    if not 1 <= number <= sheet.count:
        return f'<a rel="{relation}" role="link" aria-disabled="true">{words}</a>'
    return f'<a rel="{relation}" href="#p{number}">{words}</a>'


def _image(image: Thumbnail, alt: str) -> str:
    transparent = ' class="transparent"' if image.is_transparent else ""
    address = DataUri(image.mime, image.data)
    return f'<img{transparent} src="{address}" alt="{alt}" width="{image.width}" height="{image.height}">'


def _empty(view: _View) -> str:
    state = view.state or NO_IMAGE
    return f'<span class="icon" aria-hidden="true">{state.icon}</span><span>{escape(state.word)}</span>'


def _line(css_class: str, text: str, attributes: str = "") -> str:
    return f'<p class="{css_class}"{attributes}>{escape(text)}</p>' if text else ""


def _shortened(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= MAX_CAPTION else f"{line[:MAX_CAPTION].rstrip()}…"


def _hash_of(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@lru_cache(maxsize=2)
def _read_static(name: str) -> str:
    return files("seedream_nb.gallery").joinpath(f"static/{name}").read_text(encoding="utf-8")
