"""Loads the images of tiles: once for a gallery and all galleries made from it, or as a stream of thumbnails."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from itertools import groupby
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.gallery.embedding import LoadedImage, plan_side
from seedream_nb.images.layers import compose_thumbnails, match_layers
from seedream_nb.images.load import find_result, source_of, work_on_all
from seedream_nb.images.thumbnails import make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.embedding import ImageKey, Loaded
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.load import Source
    from seedream_nb.images.thumbnails import Thumbnail

MIN_ROUND = 32  # images; twice as many as are fetched in parallel, so that few threads wait for the last one

_claiming = threading.Lock()  # shared by all stores, because galleries can be pickled


class ImageStore:
    """The images of a gallery, shared with the galleries made from it. Entries are only added or improved."""

    def __init__(self) -> None:
        self._images: dict[ImageKey, LoadedImage] = {}
        self._lost: dict[Source, ImageError] = {}
        self._loading: set[Source] = set()

    def missing(self, tiles: Sequence[Tile], options: GalleryOptions, *, again: bool = True) -> list[TaskImage]:
        """The images that must be loaded to show some tiles, each once.

        Args:
            tiles: The tiles.
            options: How they are rendered.
            again: Whether to include images that could not be loaded before.
        """
        missing: dict[Source, TaskImage] = {}
        for image in _images_of(tiles):
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
    ) -> Loaded:
        """Loads what is missing, and composes layers.

        Args:
            tiles: The tiles whose images are needed.
            options: How they are rendered.
            fetcher: Fetches the images.
            again: Whether to retry what could not be loaded before. If not, images that another thread is loading at
                the moment are left to that thread, too.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The images of these tiles, or why they could not be loaded.
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
            except ImageError as error:
                self._lost[source] = error

        with nullcontext(self.missing(tiles, options)) if again else self._claimed(tiles, options) as wanted:
            work_on_all(wanted, load_and_keep, fetcher, on_progress=on_progress)
        return self.find(tiles, options)

    def find(self, tiles: Sequence[Tile], options: GalleryOptions) -> Loaded:
        """Finds what was loaded for some tiles, and composes layers that are complete.

        Args:
            tiles: The tiles whose images are needed.
            options: How they are rendered.

        Returns:
            The images of these tiles, or why they could not be loaded; nothing for images that were not requested yet.
        """
        found: dict[ImageKey, LoadedImage | ImageError] = {}
        for image in _images_of(tiles):
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

    Args:
        tiles: The tiles.
        side: The longest side of a thumbnail, in pixels.
        fetcher: Fetches the images.
        on_progress: Called with 1 for each image that is finished.

    Yields:
        The place of each tile, in order, with its image, or why it could not be loaded; None where there is none.
    """
    for places in _rounds(tiles):
        images = [image for place in places for image in tiles[place].images]
        found = work_on_all(
            images, lambda image, stop: fetcher.thumbnail(image, side, stop=stop), fetcher, on_progress=on_progress
        )
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


def _images_of(tiles: Sequence[Tile]) -> list[TaskImage]:
    return [image for tile in tiles for image in tile.images]
