"""Why: a team, a customer or an archive gets one file that shows everything, without a notebook or a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.text import count_of
from seedream_nb.gallery.exhibits import common_aspect, lay_out_exhibits
from seedream_nb.gallery.export_html import Sheet, render_begin, render_end, render_exhibit
from seedream_nb.gallery.thumbnail_stream import stream_thumbnails
from seedream_nb.gallery.tiles import summarize
from seedream_nb.gallery.written_file import check_path, replaced_file

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seedream_nb.gallery.contents import Contents
    from seedream_nb.images.fetch import ImageFetcher

LARGE_SIDE = 1024  # pixels; fills a screen, at a seventh of the bytes of the original
TITLE = "Images made with SeeDream"


def export_page(
    contents: Contents,
    path: str | os.PathLike[str],
    fetcher: ImageFetcher,
    *,
    title: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Path:
    """Writes a gallery as one HTML file that needs nothing else.

    Args:
        contents: What the gallery shows.
        path: Where to; an existing file is replaced, once the new one is whole.
        fetcher: Fetches the images.
        title: What stands above the images.
        on_progress: Called with 1 for each image that is finished.

    Returns:
        The path of the file.

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
    exhibits = lay_out_exhibits(contents)
    sheet = Sheet(title, summarize(contents.tasks), len(exhibits), common_aspect(exhibits))
    yield render_begin(sheet)
    lost = 0
    tiles = [exhibit.tile for exhibit in exhibits]
    for place, image in stream_thumbnails(tiles, LARGE_SIDE, fetcher, on_progress=on_progress):
        lost += isinstance(image, ImageError)
        yield render_exhibit(exhibits[place], image, place + 1, sheet)
    yield render_end(f"{count_of(lost, 'image')} could not be fetched." if lost else "")
