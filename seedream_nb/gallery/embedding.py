"""Loads the images of a gallery once, and decides what of them is embedded within the size limit of the output."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.text import count_of
from seedream_nb.images.fetch import Source, find_result, source_of, to_image_error, work_on_all
from seedream_nb.images.layers import compose_thumbnails, match_layers
from seedream_nb.images.thumbnails import Thumbnail, make_thumbnail, shrink
from seedream_nb.protocol.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.contents import GalleryOptions
    from seedream_nb.gallery.page import Entry, Shape
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher

MIN_SIDE = 96  # pixels; a link is more useful than a smaller thumbnail
# Of the embedded thumbnail of a detailed photograph, per pixel of its square; measured.
BYTES_PER_PIXEL = 0.32


@dataclass(frozen=True)
class DataUri:
    """The address of an embedded image; its bytes are encoded only when it is rendered.

    Example:
        >>> uri = DataUri("image/png", b"four")
        >>> str(uri), len(uri)
        ('data:image/png;base64,Zm91cg==', 30)
    """

    mime: str
    data: bytes

    def __len__(self) -> int:
        return len(f"data:{self.mime};base64,") + 4 * ((len(self.data) + 2) // 3)

    def __str__(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True)
class ShownImage:
    """The content of an `<img>`."""

    address: DataUri | str  # the image itself, or an http(s) link
    width: int | None = None  # pixels; None when it is not known
    height: int | None = None  # pixels; None when it is not known
    is_transparent: bool = False  # whether a background must show through it

    @property
    def shape(self) -> Shape | None:
        """Width and height, where both are known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True)
class LoadedImage:
    """An image that was loaded."""

    thumbnail: Thumbnail
    content: bytes | None = None  # the original's bytes; None unless originals are embedded
    planned_for: int = 0  # pixels; the side of thumbnails that was requested when it was loaded

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
    """The long side of thumbnails to load, in pixels: as requested, or less where that many images could not fit."""
    affordable = math.sqrt(options.max_bytes / max(1, images) / BYTES_PER_PIXEL)
    return min(options.thumbnail, max(MIN_SIDE, int(affordable) // 8 * 8))


def find_loaded(tile: Tile, loaded: Loaded) -> LoadedImage | ImageError | None:
    """The image of a tile, or why it could not be loaded; None when it was not requested."""
    key = tile.layers or (source_of(tile.image) if tile.image else None)
    return None if key is None else loaded.get(key)


def choose_images(
    entries: Sequence[Entry], options: GalleryOptions, loaded: Loaded, room: int
) -> tuple[list[ShownImage | None], list[str]]:
    """Chooses what each tile shows, within the room for embedded images, and notes what was shrunk or left out.

    Thumbnails shrink first; if that is not enough, the last ones are left out. Originals, where they are requested,
    take the room that is left, in order. The room is in bytes; 0 or less embeds nothing.
    """
    known = [find_loaded(entry.tile, loaded) for entry in entries]
    found = [image if isinstance(image, LoadedImage) else None for image in known]
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


MIN_ROUND = 32  # images; twice as many as are fetched in parallel, so that few threads wait for the last one

_claiming = threading.Lock()  # shared by all stores, because galleries can be pickled


class ImageStore:
    """The images of a gallery, shared with the galleries made from it. Entries are only added or improved."""

    def __init__(self) -> None:
        self._images: dict[ImageKey, LoadedImage] = {}
        self._lost: dict[Source, ImageError] = {}
        self._loading: set[Source] = set()

    def missing(self, tiles: Sequence[Tile], options: GalleryOptions, *, again: bool = True) -> list[TaskImage]:
        """The images that must be loaded to show some tiles, each once; without `again`, not those that were lost."""
        missing: dict[Source, TaskImage] = {}
        for image in chain.from_iterable(tile.images for tile in tiles):
            source = source_of(image)
            if source is None or (source in self._lost and not again):
                continue
            known = self._images.get(source)
            if known is None or not known.suffices(options):
                missing.setdefault(source, image)
        return list(missing.values())

    def load(
        self,
        tiles: Sequence[Tile],
        options: GalleryOptions,
        fetcher: ImageFetcher,
        *,
        again: bool = True,
        on_progress: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Loaded:
        """Loads what is missing, and composes layers.

        Without `again`, what could not be loaded before and what another thread is loading at the moment is left alone.
        `on_progress` is called with 1 for each image that is finished; `stop` cancels what is not.
        """
        side = plan_side(options, len(tiles))

        def load_image(image: TaskImage, stop: threading.Event) -> LoadedImage:
            if options.embed != "originals":
                return LoadedImage(fetcher.thumbnail(image, side, stop=stop), planned_for=options.thumbnail)
            content = fetcher.fetch(image, stop=stop)
            return LoadedImage(make_thumbnail(content, side), content, planned_for=options.thumbnail)

        def load_and_keep(image: TaskImage, stop: threading.Event) -> None:
            # Stored at once, so that a gallery that is rendered meanwhile shows what is there.
            source = source_of(image)
            if source is None:
                return
            try:
                self._images[source] = load_image(image, stop)
                self._lost.pop(source, None)
            except Exception as problem:  # noqa: BLE001  shown in the image's place
                if not stop.is_set():  # a canceled download says nothing about the image
                    self._lost[source] = to_image_error(problem)

        with nullcontext(self.missing(tiles, options)) if again else self._claimed(tiles, options) as wanted:
            work_on_all(wanted, load_and_keep, fetcher, on_progress=on_progress, stop=stop)
        return self.find(tiles, options)

    def find(self, tiles: Sequence[Tile], options: GalleryOptions) -> Loaded:
        """Finds what was loaded for some tiles so far, and composes layers that are complete."""
        found: dict[ImageKey, LoadedImage | ImageError] = {}
        for image in chain.from_iterable(tile.images for tile in tiles):
            key, known = source_of(image), self._find(image)
            if key is not None and known is not None:
                found[key] = known
        layered = [tile.layers for tile in tiles if tile.layers and all(map(self._is_settled, tile.layers))]
        found.update({layers: self._compose(layers, options) for layers in layered})
        return found

    @contextmanager
    def _claimed(self, tiles: Sequence[Tile], options: GalleryOptions) -> Iterator[list[TaskImage]]:
        """The missing images that no other thread is loading."""
        with _claiming:
            missing = self.missing(tiles, options, again=False)
            wanted = [image for image in missing if source_of(image) not in self._loading]
            claimed = {source for image in wanted if (source := source_of(image)) is not None}
            self._loading |= claimed
        try:
            yield wanted
        finally:
            with _claiming:
                self._loading -= claimed

    def _is_settled(self, image: TaskImage) -> bool:
        """Whether nothing more will be known of an image: it is loaded, it is lost, or there is nothing to load."""
        return source_of(image) is None or self._find(image) is not None

    def _find(self, image: TaskImage) -> LoadedImage | ImageError | None:
        # An image that was loaded before stays good when its link has died since.
        return find_result(image, self._images) or find_result(image, self._lost)

    def _compose(self, layers: tuple[TaskImage, ...], options: GalleryOptions) -> LoadedImage | ImageError:
        known = self._images.get(layers)
        if known is not None and known.is_large(options):
            return known
        try:
            found = list(match_layers(layers, self._find))
        except ImageError as error:
            return error
        composed = compose_thumbnails((image, loaded.thumbnail) for image, loaded in found)
        self._images[layers] = LoadedImage(composed, planned_for=min(loaded.planned_for for _, loaded in found))
        return self._images[layers]


def stream_thumbnails(
    tiles: Sequence[Tile],
    side: int,
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Thumbnail | ImageError | None]]:
    """Loads the images of tiles a few at a time, so that a thousand are never in memory at once.

    Yields:
        The place of each tile, in order, with its image, or why it could not be loaded; None where there is none.
    """

    def load_thumbnail(image: TaskImage, stop: threading.Event) -> Thumbnail:
        try:
            return fetcher.thumbnail(image, side, stop=stop)
        except Exception as problem:  # noqa: BLE001  shown in the image's place
            raise to_image_error(problem) from None

    for places in _rounds(tiles):
        images = [image for place in places for image in tiles[place].images]
        found = work_on_all(images, load_thumbnail, fetcher, on_progress=on_progress)
        for place in places:
            yield place, _thumbnail(tiles[place], found)


def _rounds(tiles: Sequence[Tile]) -> Iterator[list[int]]:
    """The places of tiles that are loaded together; tiles of one task are, because layers share their images."""
    places: list[int] = []
    for _, group in groupby(range(len(tiles)), key=lambda place: tiles[place].number):
        places += group
        if len(places) >= MIN_ROUND:
            yield places
            places = []
    if places:
        yield places


def _thumbnail(tile: Tile, found: Mapping[Source, Thumbnail | ImageError]) -> Thumbnail | ImageError | None:
    if not tile.layers:
        return find_result(tile.image, found) if tile.image else None
    try:
        return compose_thumbnails(match_layers(tile.layers, lambda image: find_result(image, found)))
    except ImageError as error:
        return error
