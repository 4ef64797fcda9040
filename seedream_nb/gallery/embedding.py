"""Why: a notebook must stay small. Here is decided which images are embedded, how large, and what is only linked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.text import count_of
from seedream_nb.gallery.page import DataUri, ShownImage
from seedream_nb.images.load import Source, source_of
from seedream_nb.images.thumbnails import Thumbnail, shrink
from seedream_nb.protocol.capabilities import parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.gallery.page import Entry
    from seedream_nb.gallery.tiles import Tile

SMALLEST_SHRUNK = 96  # pixels; smaller images tell nothing, a link tells more
# What the embedded thumbnail of a detailed photograph takes for each pixel of its square.
BYTES_PER_PIXEL = 0.32


@dataclass(frozen=True)
class LoadedImage:
    """An image that was fetched.

    Attributes:
        thumbnail: Its small copy.
        content: The original's bytes; None unless originals are embedded.
        planned_for: The side of thumbnails that was asked for when it was made.
    """

    thumbnail: Thumbnail
    content: bytes | None = None
    planned_for: int = 0

    def is_large(self, options: GalleryOptions) -> bool:
        """Whether its thumbnail is as large as these options ask for, or as the original."""
        is_whole = max(self.thumbnail.width, self.thumbnail.height) >= max(
            self.thumbnail.original.width, self.thumbnail.original.height
        )
        return is_whole or self.planned_for >= options.thumbnail

    def suffices(self, options: GalleryOptions) -> bool:
        """Whether it is as good as these options ask for; if not, it has to be fetched again."""
        return self.is_large(options) and (self.content is not None or options.embed != "originals")


# An image by its link or its bytes; one that is put together from layers, by these.
ImageKey = Source | tuple["TaskImage", ...]
Loaded = Mapping[ImageKey, LoadedImage | ImageError]


def plan_side(options: GalleryOptions, images: int) -> int:
    """The side at which thumbnails are made, so that they rarely have to be made again to fit.

    Args:
        options: How the gallery is drawn.
        images: How many images share the room.

    Returns:
        The long side in pixels: the one asked for, or less where that many detailed images could not fit.
    """
    affordable = math.sqrt(options.max_bytes / max(1, images) / BYTES_PER_PIXEL)
    return min(options.thumbnail, max(SMALLEST_SHRUNK, int(affordable) // 8 * 8))


def find_loaded(tile: Tile, loaded: Loaded) -> LoadedImage | ImageError | None:
    """What became of a tile's image: the image, why there is none, or None when it was not asked for."""
    key = tile.layers or (source_of(tile.image) if tile.image else None)
    return None if key is None else loaded.get(key)


def choose_images(
    entries: Sequence[Entry], options: GalleryOptions, loaded: Loaded, room: int
) -> tuple[list[ShownImage | None], list[str]]:
    """Decides what each tile shows, within the room there is.

    Thumbnails shrink first; if that is not enough, the last ones are left out. Originals, where they are asked for,
    take what room is left then, in order.

    Args:
        entries: The tiles.
        options: How the gallery is drawn.
        loaded: The images that were fetched, or why they were not.
        room: How many bytes all embedded images may take; with none, nothing is embedded.

    Returns:
        For each tile its image, if any; and notes for the reader on what was made smaller or left out.
    """
    found = [_loaded_image(entry, loaded) for entry in entries]
    # Places that wait for an image are planned for, so that those that are there need not shrink as others come.
    expected = sum(image is not None or entry.tile.is_waiting for image, entry in zip(found, entries, strict=True))
    made = [image.thumbnail if image else None for image in found]
    thumbnails, longest_side = _fit(made, expected, options, room)
    images = [_embedded(thumbnail.data, thumbnail.mime, thumbnail) if thumbnail else None for thumbnail in thumbnails]
    notes = []
    if longest_side < options.thumbnail:
        notes.append(f"Thumbnails are {longest_side} px instead of {options.thumbnail} px{to_stay_small(options)}.")
    if options.embed == "originals":
        notes.extend(_upgrade(images, found, options, room))
    missing = sum(image is not None and shown is None for image, shown in zip(found, images, strict=True))
    if missing:
        notes.append(f"{count_of(missing, 'image')} not embedded{to_stay_small(options)}.")
    return [image or _linked(entry, options) for image, entry in zip(images, entries, strict=True)], notes


def to_stay_small(options: GalleryOptions) -> str:
    """The reason for every note about something that was made smaller or left out."""
    return f", to keep the output under {options.max_bytes / 1_000_000:g} MB (max_bytes={options.max_bytes})"


def _loaded_image(entry: Entry, loaded: Loaded) -> LoadedImage | None:
    found = find_loaded(entry.tile, loaded)
    return found if isinstance(found, LoadedImage) else None


def _fit(
    thumbnails: list[Thumbnail | None], expected: int, options: GalleryOptions, room: int
) -> tuple[list[Thumbnail | None], int]:
    """Shrinks thumbnails until all fit into the room; if that is not enough, leaves out the last ones."""
    if room <= 0:
        return [None] * len(thumbnails), options.thumbnail
    longest_side = plan_side(options, expected)
    fitting = [thumbnail and shrink(thumbnail, longest_side) for thumbnail in thumbnails]
    while (cost := sum(map(_cost, fitting))) > room and longest_side > SMALLEST_SHRUNK:
        # The bytes of an image grow somewhat slower than its area; this rarely needs a second round.
        factor = 0.97 * (room / cost) ** 0.6
        longest_side = max(SMALLEST_SHRUNK, int(longest_side * factor) // 8 * 8)
        fitting = [thumbnail and shrink(thumbnail, longest_side) for thumbnail in thumbnails]
    kept: list[Thumbnail | None] = []
    for thumbnail in fitting:
        room -= _cost(thumbnail)
        kept.append(thumbnail if room >= 0 else None)
    return kept, longest_side


def _cost(thumbnail: Thumbnail | None) -> int:
    return _encoded_length(thumbnail.data) if thumbnail else 0


def _encoded_length(data: bytes) -> int:
    return len(DataUri("image/jpeg", data))


def _upgrade(
    images: list[ShownImage | None], found: Sequence[LoadedImage | None], options: GalleryOptions, room: int
) -> list[str]:
    """Replaces thumbnails by originals in place, in order, as far as the room allows."""
    room -= sum(len(image.address) for image in images if image)
    kept_small = 0
    for index, (image, loaded) in enumerate(zip(images, found, strict=True)):
        if image is None or loaded is None or loaded.content is None:
            continue
        extra = _encoded_length(loaded.content) - len(image.address)
        if extra > room:
            kept_small += 1
            continue
        room -= extra
        # Shown as large as the thumbnail: where no style applies, only width and height keep it in its place.
        images[index] = _embedded(loaded.content, loaded.thumbnail.original.mime, loaded.thumbnail)
    if not kept_small:
        return []
    return [f"{count_of(kept_small, 'image')} embedded as a thumbnail, not as the original{to_stay_small(options)}."]


def _embedded(data: bytes, mime: str, shape: Thumbnail) -> ShownImage:
    return ShownImage(DataUri(mime, data), shape.width, shape.height, is_transparent=shape.is_transparent)


def _linked(entry: Entry, options: GalleryOptions) -> ShownImage | None:
    if entry.tile.image is None or entry.link is None:
        return None
    size = parse_size(entry.tile.image.size or "")
    is_transparent = bool(entry.tile.image.z_index)  # only what lies over the base image surely is
    if size is None:
        return ShownImage(entry.link, is_transparent=is_transparent)
    shrunk = min(1, options.thumbnail / max(size))
    width, height = (max(1, round(side * shrunk)) for side in size)
    return ShownImage(entry.link, width, height, is_transparent=is_transparent)
