"""Why: a picture that was fetched once is not fetched again, not even when its link has died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.images.fetch import ImageFetcher

if TYPE_CHECKING:
    import threading

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import FetchLimits
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.cache import LibraryCache

LARGEST_KEPT = 512  # pixels; larger ones, as a page for others has them, are made from the original again


class LibraryFetcher(ImageFetcher):
    """Fetches pictures from a library, and from their links what is not there; that is kept from then on.

    Args:
        cache: The library.
        limits: What is fetched at most.

    Attributes:
        cache: As given.
    """

    def __init__(self, cache: LibraryCache, limits: FetchLimits | None = None) -> None:
        super().__init__(limits)
        self.cache = cache

    def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
        """The bytes of one image, as `ImageFetcher.fetch` gives them.

        Raises:
            ImageError: As there.
        """
        if not self.cache.accepts(image):
            return super().fetch(image, stop=stop)
        content = self.cache.original(image)
        if content is None:
            content = super().fetch(image, stop=stop)
            if self._is_whole(content):
                self.cache.store_image(image, content)
        return content

    def thumbnail(self, image: TaskImage, side: int, *, stop: threading.Event | None = None) -> Thumbnail:
        """A thumbnail of one image, as `ImageFetcher.thumbnail` makes it.

        Raises:
            ImageError: As there.
        """
        if image.data is None and not self.cache.accepts(image):
            return super().thumbnail(image, side, stop=stop)
        known = self.cache.thumbnail(image, side)
        if known is not None:
            return known
        content = self.cache.original(image)
        is_new = content is None
        if content is None:
            content = super().fetch(image, stop=stop)
        thumbnail = self._make_thumbnail(content, side)
        if is_new and self.cache.accepts(image):
            self.cache.store_image(image, content, thumbnail=(side, thumbnail) if side <= LARGEST_KEPT else None)
        elif not is_new and side <= LARGEST_KEPT:
            self.cache.store_thumbnail(image, side, thumbnail)
        return thumbnail

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "cache": self.cache}
