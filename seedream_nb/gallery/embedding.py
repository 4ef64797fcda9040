"""Decides which images are embedded, how large, and which are only linked, so that a notebook stays small."""

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
    from collections.abc import Iterable, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.gallery.page import Entry
    from seedream_nb.gallery.tiles import Tile

MIN_SIDE = 96  # pixels; a link is more useful than a smaller thumbnail
# Of the embedded thumbnail of a detailed photograph, per pixel of its square; measured.
BYTES_PER_PIXEL = 0.32


@dataclass(frozen=True)
class LoadedImage:
    """An image that was loaded.

    Attributes:
        thumbnail: Its thumbnail.
        content: The original's bytes; None unless originals are embedded.
        planned_for: The side of thumbnails that was requested when it was loaded, in pixels.
    """

    thumbnail: Thumbnail
    content: bytes | None = None
    planned_for: int = 0

    def is_large(self, options: GalleryOptions) -> bool:
        """Whether its thumbnail is as large as the options request, or as the original."""
        thumbnail, original = self.thumbnail, self.thumbnail.original
        is_whole = max(thumbnail.width, thumbnail.height) >= max(original.width, original.height)
        return is_whole or self.planned_for >= options.thumbnail

    def suffices(self, options: GalleryOptions) -> bool:
        """Whether it is as good as the options request; if not, it must be loaded again."""
        return self.is_large(options) and (self.content is not None or options.embed != "originals")


# The link or the bytes of an image; for a composed one, its layers.
ImageKey = Source | tuple["TaskImage", ...]
Loaded = Mapping[ImageKey, LoadedImage | ImageError]


def plan_side(options: GalleryOptions, images: int) -> int:
    """The side of thumbnails to load, chosen so that they rarely have to shrink later.

    Args:
        options: How the gallery is rendered.
        images: The number of images that share the output.

    Returns:
        The long side in pixels: the requested one, or less where that many detailed images could not fit.
    """
    affordable = math.sqrt(options.max_bytes / max(1, images) / BYTES_PER_PIXEL)
    return min(options.thumbnail, max(MIN_SIDE, int(affordable) // 8 * 8))


def find_loaded(tile: Tile, loaded: Loaded) -> LoadedImage | ImageError | None:
    """The image of a tile, or why it could not be loaded; None when it was not requested."""
    key = tile.layers or (source_of(tile.image) if tile.image else None)
    return None if key is None else loaded.get(key)


def choose_images(
    entries: Sequence[Entry], options: GalleryOptions, loaded: Loaded, room: int
) -> tuple[list[ShownImage | None], list[str]]:
    """Chooses what each tile shows, within the room for embedded images.

    Thumbnails shrink first; if that is not enough, the last ones are left out. Originals, where they are requested,
    take the room that is left, in order.

    Args:
        entries: The tiles.
        options: How the gallery is rendered.
        loaded: The loaded images, or why they could not be loaded.
        room: The most bytes of all embedded images; 0 or less embeds nothing.

    Returns:
        The image of each tile, if any; and notes on what was shrunk or left out.
    """
    found = [_loaded_image(entry, loaded) for entry in entries]
    # Counting the images that are still to come keeps those that are there from shrinking later.
    expected = sum(image is not None or entry.tile.is_waiting for image, entry in zip(found, entries, strict=True))
    thumbnails, side = _fit([image.thumbnail if image else None for image in found], expected, options, room)
    images = [_embedded(thumbnail.data, thumbnail.mime, thumbnail) if thumbnail else None for thumbnail in thumbnails]
    notes = []
    if side < options.thumbnail:
        notes.append(f"Thumbnails are {side} px instead of {options.thumbnail} px{size_limit(options)}.")
    if options.embed == "originals":
        notes.extend(_upgrade(images, found, options, room))
    missing = sum(image is not None and shown is None for image, shown in zip(found, images, strict=True))
    if missing:
        notes.append(f"{count_of(missing, 'image')} not embedded{size_limit(options)}.")
    return [image or _linked(entry, options) for image, entry in zip(images, entries, strict=True)], notes


def size_limit(options: GalleryOptions) -> str:
    """The reason for every note about something that was shrunk or left out."""
    return f", to keep the output under {options.max_bytes / 1_000_000:g} MB (max_bytes={options.max_bytes})"


def embedded_bytes(entries: Iterable[Entry]) -> int:
    """The bytes that embedded images take in the output."""
    addresses = (entry.shown.address for entry in entries if entry.shown)
    return sum(len(address) for address in addresses if isinstance(address, DataUri))


def _loaded_image(entry: Entry, loaded: Loaded) -> LoadedImage | None:
    found = find_loaded(entry.tile, loaded)
    return found if isinstance(found, LoadedImage) else None


def _fit(
    thumbnails: list[Thumbnail | None], expected: int, options: GalleryOptions, room: int
) -> tuple[list[Thumbnail | None], int]:
    """Shrinks thumbnails until all fit; if that is not enough, leaves out the last ones."""
    if room <= 0:
        return [None] * len(thumbnails), options.thumbnail
    side = plan_side(options, expected)
    fitting = [thumbnail and shrink(thumbnail, side) for thumbnail in thumbnails]
    while (cost := sum(map(_cost, fitting))) > room and side > MIN_SIDE:
        # The bytes of an image grow somewhat slower than its area, so this rarely takes a second round.
        side = max(MIN_SIDE, int(side * 0.97 * (room / cost) ** 0.6) // 8 * 8)
        fitting = [thumbnail and shrink(thumbnail, side) for thumbnail in thumbnails]
    kept: list[Thumbnail | None] = []
    for thumbnail in fitting:
        room -= _cost(thumbnail)
        kept.append(thumbnail if room >= 0 else None)
    return kept, side


def _cost(thumbnail: Thumbnail | None) -> int:
    return len(DataUri("image/jpeg", thumbnail.data)) if thumbnail else 0


def _upgrade(
    images: list[ShownImage | None], found: Sequence[LoadedImage | None], options: GalleryOptions, room: int
) -> list[str]:
    """Replaces thumbnails with originals in place, in order, as far as the room allows."""
    room -= sum(len(image.address) for image in images if image)
    not_upgraded = 0
    for index, (image, loaded) in enumerate(zip(images, found, strict=True)):
        if image is None or loaded is None or loaded.content is None:
            continue
        extra = len(DataUri("image/jpeg", loaded.content)) - len(image.address)
        if extra > room:
            not_upgraded += 1
            continue
        room -= extra
        # Shown at the size of the thumbnail: where no style applies, only width and height keep it in its place.
        images[index] = _embedded(loaded.content, loaded.thumbnail.original.mime, loaded.thumbnail)
    if not not_upgraded:
        return []
    return [f"{count_of(not_upgraded, 'image')} embedded as a thumbnail, not as the original{size_limit(options)}."]


def _embedded(data: bytes, mime: str, shape: Thumbnail) -> ShownImage:
    return ShownImage(DataUri(mime, data), shape.width, shape.height, is_transparent=shape.is_transparent)


def _linked(entry: Entry, options: GalleryOptions) -> ShownImage | None:
    if entry.tile.image is None or entry.link is None:
        return None
    size = parse_size(entry.tile.image.size or "")
    is_transparent = bool(entry.tile.image.z_index)  # of all images, only layers are transparent for certain
    if size is None:
        return ShownImage(entry.link, is_transparent=is_transparent)
    scale = min(1, options.thumbnail / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return ShownImage(entry.link, width, height, is_transparent=is_transparent)
