"""Why: a notebook must stay small. Here is decided which pictures are embedded, how large, and what is only linked."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.capabilities import parse_size
from seedream_nb.errors import ImageError
from seedream_nb.gallery.page import Picture
from seedream_nb.gallery.tiles import count_of
from seedream_nb.images.load import Source, source_of
from seedream_nb.images.thumbnails import ImageFacts, Thumbnail, shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.gallery.page import Entry
    from seedream_nb.models import TaskImage

SMALLEST_SHRUNK = 96  # pixels; smaller pictures tell nothing, a link tells more


@dataclass(frozen=True)
class LoadedPicture:
    """A picture that was fetched.

    Attributes:
        thumbnail: Its small copy.
        content: The original's bytes; None unless originals are embedded.
    """

    thumbnail: Thumbnail
    content: bytes | None = None


Loaded = Mapping[Source, LoadedPicture | ImageError]


def choose_pictures(
    entries: Sequence[Entry], options: GalleryOptions, loaded: Loaded, room: int
) -> tuple[list[Picture | None], list[str]]:
    """Decides what each tile shows, within the room there is.

    Thumbnails shrink first; if that is not enough, the last ones are left out. Originals, where they are asked for,
    take what room is left then, in order.

    Args:
        entries: The tiles.
        options: How the gallery is drawn.
        loaded: The pictures that were fetched, or why they were not.
        room: How many bytes all pictures may take.

    Returns:
        For each tile its picture, if any; and notes for the reader on what was made smaller or left out.
    """
    found = [_loaded_of(entry, loaded) for entry in entries]
    thumbnails, longest_side = _fit([picture.thumbnail if picture else None for picture in found], options, room)
    pictures = [_embedded(thumbnail.data, thumbnail.mime, thumbnail) if thumbnail else None for thumbnail in thumbnails]
    notes = []
    if longest_side < options.thumbnail:
        notes.append(f"Thumbnails are {longest_side} px instead of {options.thumbnail} px{_to_stay_small(options)}.")
    if options.embed == "originals":
        notes.extend(_upgrade(pictures, found, options, room))
    missing = sum(picture is not None and shown is None for picture, shown in zip(found, pictures, strict=True))
    if missing:
        notes.append(f"{count_of(missing, 'image')} not embedded{_to_stay_small(options)}.")
    return [
        picture or (_linked(entry.link, entry.tile.image) if entry.tile.image else None)
        for picture, entry in zip(pictures, entries, strict=True)
    ], notes


def _loaded_of(entry: Entry, loaded: Loaded) -> LoadedPicture | None:
    found = loaded.get(source_of(entry.tile.image) or "") if entry.tile.image else None
    return found if isinstance(found, LoadedPicture) else None


def _fit(thumbnails: list[Thumbnail | None], options: GalleryOptions, room: int) -> tuple[list[Thumbnail | None], int]:
    """Shrinks thumbnails until all fit into the room; if that is not enough, leaves out the last ones."""
    longest_side = options.thumbnail
    fitting = thumbnails
    while (cost := sum(map(_cost, fitting))) > room and longest_side > SMALLEST_SHRUNK:
        # The bytes of a picture grow somewhat slower than its area; this rarely needs a second round.
        factor = 0.97 * (max(room, 1) / cost) ** 0.6
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
    return 4 * ((len(data) + 2) // 3) + len("data:image/jpeg;base64,")


def _upgrade(
    pictures: list[Picture | None], found: Sequence[LoadedPicture | None], options: GalleryOptions, room: int
) -> list[str]:
    """Replaces thumbnails by originals in place, in order, as far as the room allows."""
    room -= sum(len(picture.address) for picture in pictures if picture)
    kept_small = 0
    for index, (picture, loaded) in enumerate(zip(pictures, found, strict=True)):
        if picture is None or loaded is None or loaded.content is None:
            continue
        extra = _encoded_length(loaded.content) - len(picture.address)
        if extra > room:
            kept_small += 1
            continue
        room -= extra
        pictures[index] = _embedded(loaded.content, loaded.thumbnail.original.mime, loaded.thumbnail.original)
    if not kept_small:
        return []
    return [f"{count_of(kept_small, 'image')} embedded as a thumbnail, not as the original{_to_stay_small(options)}."]


def _to_stay_small(options: GalleryOptions) -> str:
    return f", to keep the output under {options.max_bytes / 1_000_000:g} MB (max_bytes={options.max_bytes})"


def _embedded(data: bytes, mime: str, shape: Thumbnail | ImageFacts) -> Picture:
    return Picture(f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}", shape.width, shape.height)


def _linked(link: str | None, image: TaskImage) -> Picture | None:
    if link is None:
        return None
    width, height = parse_size(image.size or "") or (None, None)
    return Picture(link, width, height)
