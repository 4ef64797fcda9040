"""Why: an image is fetched and made small once, for a gallery and for all galleries that are made from it."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.gallery.embedding import LoadedImage, plan_side
from seedream_nb.images.layers import compose_thumbnails, match_layers
from seedream_nb.images.load import find_result, source_of, work_on_all
from seedream_nb.images.thumbnails import make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.embedding import ImageKey, Loaded
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.load import Source


_claiming = threading.Lock()  # not one of each store's own, as galleries can be pickled


class ImageStore:
    """The images of a gallery; shared by the galleries made from it. Entries are only added, or bettered."""

    def __init__(self) -> None:
        self._images: dict[ImageKey, LoadedImage] = {}
        self._lost: dict[Source, ImageError] = {}
        self._coming: set[Source] = set()

    def missing(self, tiles: Sequence[Tile], options: GalleryOptions, *, again: bool = True) -> list[TaskImage]:
        """The images that have to be fetched to draw some tiles.

        Args:
            tiles: The tiles whose images are needed.
            options: How they are drawn.
            again: Whether those count that could not be fetched before.

        Returns:
            The images, each once.
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
        """Fetches what is missing, and puts layers together.

        Args:
            tiles: The tiles whose images are needed.
            options: How they are drawn.
            fetcher: Fetches the images.
            again: Whether to try again what could not be fetched before. If not, what another thread is fetching at the
                moment is left to that one, too.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The images of these tiles, or why there are none.
        """
        side = plan_side(options, len(tiles))

        def make_image(image: TaskImage, stop: threading.Event) -> LoadedImage:
            if options.embed != "originals":
                return LoadedImage(fetcher.thumbnail(image, side, stop=stop), planned_for=options.thumbnail)
            content = fetcher.fetch(image, stop=stop)
            return LoadedImage(make_thumbnail(content, side), content, planned_for=options.thumbnail)

        def keep(image: TaskImage, stop: threading.Event) -> None:
            # At once: whoever draws meanwhile shows what is there.
            source = source_of(image)
            if source is None:
                return
            try:
                self._images[source] = make_image(image, stop)
                self._lost.pop(source, None)
            except ImageError as error:
                self._lost[source] = error

        with nullcontext(self.missing(tiles, options)) if again else self._claimed(tiles, options) as wanted:
            work_on_all(wanted, keep, fetcher, on_progress=on_progress)
        return self.find(tiles, options)

    def find(self, tiles: Sequence[Tile], options: GalleryOptions) -> Loaded:
        """Finds what was fetched, and puts together the layers that are all there.

        Args:
            tiles: The tiles whose images are needed.
            options: How they are drawn.

        Returns:
            The images of these tiles, or why there are none; nothing for what was not fetched yet.
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
        """The missing images that nobody else is fetching."""
        with _claiming:
            missing = self.missing(tiles, options, again=False)
            wanted = [image for image in missing if source_of(image) not in self._coming]
            claimed = {source for image in wanted if (source := source_of(image)) is not None}
            self._coming |= claimed
        try:
            yield wanted
        finally:
            with _claiming:
                self._coming -= claimed

    def _is_settled(self, image: TaskImage) -> bool:
        """Whether no more will be known of an image: it is there, or lost, or there is nothing to fetch."""
        return source_of(image) is None or self._find(image) is not None

    def _find(self, image: TaskImage) -> LoadedImage | ImageError | None:
        # An image that was fetched before stays good when its link has died since.
        return find_result(image, self._images) or find_result(image, self._lost)

    def _compose(self, layers: tuple[TaskImage, ...], options: GalleryOptions) -> LoadedImage | ImageError:
        known = self._images.get(layers)
        if known is not None and known.is_large(options):
            return known
        try:
            found = list(match_layers(layers, self._find))
        except ImageError as error:
            return error
        whole = compose_thumbnails((image, loaded.thumbnail) for image, loaded in found)
        self._images[layers] = LoadedImage(whole, planned_for=min(loaded.planned_for for _, loaded in found))
        return self._images[layers]


def _images_of(tiles: Sequence[Tile]) -> list[TaskImage]:
    return [image for tile in tiles for image in tile.images]
