"""Renders a lineage as HTML and as text of the same content: what led to an image, the image, and what it led to."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import VERBATIM_CLASSES, show_line
from seedream_nb.core.task_ids import SHORTEST
from seedream_nb.core.text import count_of
from seedream_nb.gallery.rendering import VIEW_COLORS, VIEW_LAYOUT, style_element
from seedream_nb.images.fetch import find_result, work_on_all
from seedream_nb.library import LibraryCache, LibraryFetcher
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.fetch import Source
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.lineage import LineageEntry, LineageTree

THUMBNAIL = 96  # pixels
MOST_IMAGES = 4  # of one task
MADE_FROM, LED_TO = "Made from", "Led to"
_LONGEST_PROMPT = 100  # characters
_INDENT = "  "

# Scoped to its class.
_STYLE = (
    f".seedream-lineage{{{VIEW_COLORS}"
    "--seedream-line:var(--jp-border-color2,var(--vscode-panel-border,light-dark(#d0d0d0,#4a4a4a)));"
    f"{VIEW_LAYOUT}}}"
    ".seedream-lineage p{margin:6px 0 2px}"
    ".seedream-lineage :is(p.seedream-note,small){color:var(--seedream-soft-ink);font-size:1em}"
    ".seedream-lineage ul{list-style:none;margin:0;padding:0}"
    ".seedream-lineage ul ul{margin-left:20px;padding-left:10px;border-left:1px solid var(--seedream-line)}"
    ".seedream-lineage li{margin:4px 0}"
    ".seedream-lineage img{margin:0 6px 0 0;vertical-align:middle;border-radius:2px}"
    ".seedream-lineage code{background:none;color:inherit;padding:0}"
)


@dataclass(frozen=True)
class _Row:
    """What a line says."""

    name: str  # the beginning of the id, and the number of the image
    about: str  # the prompt, the model, and how it is related
    images: tuple[TaskImage, ...]
    level: int  # from 0


def render_lineage_html(tree: LineageTree) -> str:
    """The tree as HTML, with thumbnails of the images; those that are not stored are fetched."""
    rows = [row for _head, rows in _parts(tree) for row in rows]
    loaded = _load([image for row in rows for image in row.images], tree.library)
    parts = "".join(
        f"<p><b>{html.escape(head)}</b></p>{_render_list(rows, loaded)}" if rows else "" for head, rows in _parts(tree)
    )
    notes = "".join(f'<p class="seedream-note">{html.escape(note)}</p>' for note in _notes(tree))
    return (
        f'<div class="{VERBATIM_CLASSES} seedream-lineage">{style_element(_STYLE)}'
        f"<p>{html.escape(_describe(tree))}</p>{parts}{notes}</div>"
    )


def render_lineage_text(tree: LineageTree) -> str:
    """The tree as text."""
    lines = [_describe(tree)]
    for head, rows in _parts(tree):
        lines += [head] if rows else []
        lines += [f"{_INDENT * (row.level + 1)}{row.name}  {row.about}" for row in rows]
    return "\n".join([*lines, *_notes(tree)])


def _describe(tree: LineageTree) -> str:
    ancestors = len({entry.task.id for entry in tree.ancestors})
    descendants = len({entry.task.id for entry in tree.descendants})
    counts = [count_of(ancestors, "task") + " before it" if ancestors else "nothing known before it"]
    counts.append(count_of(descendants, "task") + " after it" if descendants else "nothing known after it")
    return f"Lineage of {_name(tree.task, tree.place)}: {', '.join(counts)}."


def _parts(tree: LineageTree) -> Iterator[tuple[str, list[_Row]]]:
    yield MADE_FROM, [_row(entry) for entry in tree.ancestors]
    images = tuple(image for image in tree.task.good_images if tree.place in {None, image.index})
    yield (
        "This image" if tree.place is not None else "This task",
        [_Row(_name(tree.task, tree.place), _about(tree.task), images[:MOST_IMAGES], 0)],
    )
    yield LED_TO, [_row(entry) for entry in tree.descendants]


def _row(entry: LineageEntry) -> _Row:
    is_ancestor = entry.level < 0
    place = entry.place if is_ancestor else None
    notes = [_about(entry.task)]
    if not is_ancestor and entry.place:
        notes.append(f"from image {entry.place + 1}")
    if entry.is_repeated:
        notes.append("see above")
    if entry.unlisted:
        notes.append(f"and {entry.unlisted:,} more")
    images = tuple(image for image in entry.task.good_images if place in {None, image.index})
    return _Row(
        _name(entry.task, place),
        " · ".join(filter(None, notes)),
        () if entry.is_repeated else images[:MOST_IMAGES],
        abs(entry.level) - 1,
    )


def _notes(tree: LineageTree) -> list[str]:
    return [f"{tree.unlisted:,} more tasks were made from it: library.children lists all."] if tree.unlisted else []


def _name(task: Task, place: int | None) -> str:
    beginning = task.id[:SHORTEST] or "a task without an id"
    return beginning if place is None else f"{beginning}/{place + 1}"


def _about(task: Task) -> str:
    model = display_name(task.model) if task.model else ""
    return " · ".join(filter(None, [show_line(task.prompt, _LONGEST_PROMPT), model]))


def _render_list(rows: Sequence[_Row], loaded: dict[Source, Thumbnail | ImageError]) -> str:
    """The rows as nested lists."""
    parts: list[str] = []
    depth = -1
    for row in rows:
        if row.level > depth:
            parts.append("<ul><li>" * (row.level - depth))
        else:
            parts.append("</li></ul>" * (depth - row.level) + "</li><li>")
        depth = row.level
        images = "".join(_render_image(image, row, loaded) for image in row.images)
        parts.append(f"{images}<code>{html.escape(row.name)}</code> {html.escape(row.about)}")
    return "".join(parts) + "</li></ul>" * (depth + 1)


def _render_image(image: TaskImage, row: _Row, loaded: dict[Source, Thumbnail | ImageError]) -> str:
    found = find_result(image, loaded)
    if found is None or isinstance(found, ImageError):
        return "<small>(image not available)</small> "
    data = base64.b64encode(found.data).decode("ascii")
    alt = html.escape(f"{row.name}, image {image.index + 1}")
    return f'<img src="data:{found.mime};base64,{data}" width="{found.width}" height="{found.height}" alt="{alt}">'


def _load(images: Sequence[TaskImage], library: str) -> dict[Source, Thumbnail | ImageError]:
    fetcher = LibraryFetcher(LibraryCache(library or None))

    def load(image: TaskImage, stop: threading.Event) -> Thumbnail:
        return fetcher.thumbnail(image, THUMBNAIL, stop=stop)

    return work_on_all(images, load, fetcher)
