"""Why: a thousand images are made small and handed on one after another, without a thousand being in memory."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.images.layers import compose_thumbnails, match_layers
from seedream_nb.images.load import find_result, work_on_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.load import Source
    from seedream_nb.images.thumbnails import Thumbnail

FEWEST_AT_ONCE = 32  # twice as many as are fetched at the same time, so that few threads wait for the last one


def stream_thumbnails(
    tiles: Sequence[Tile],
    longest_side: int,
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Thumbnail | ImageError | None]]:
    """Fetches the images of tiles and makes them small, a few at a time.

    Args:
        tiles: The tiles.
        longest_side: The most pixels of width and height of what is made.
        fetcher: Fetches the images.
        on_progress: Called with 1 for each image that is finished.

    Yields:
        The place of each tile, in order, with its image, or why there is none; None where none was to be fetched.
    """
    for places in _rounds(tiles):
        images = [image for place in places for image in tiles[place].images]
        found = work_on_all(
            images,
            lambda image, stop: fetcher.thumbnail(image, longest_side, stop=stop),
            fetcher,
            on_progress=on_progress,
        )
        for place in places:
            yield place, _image(tiles[place], found)


def _rounds(tiles: Sequence[Tile]) -> Iterator[list[int]]:
    """The places of tiles that are worked on together; those of one task are, as layers share their images."""
    places: list[int] = []
    for _, group in groupby(range(len(tiles)), key=lambda place: tiles[place].number):
        places += group
        if len(places) >= FEWEST_AT_ONCE:
            yield places
            places = []
    if places:
        yield places


def _image(tile: Tile, found: Mapping[Source, Thumbnail | ImageError]) -> Thumbnail | ImageError | None:
    if not tile.layers:
        return find_result(tile.image, found) if tile.image else None
    try:
        return compose_thumbnails(match_layers(tile.layers, lambda image: find_result(image, found)))
    except ImageError as error:
        return error
