"""Why: the grid, the detail view, the static copy and saving may need the same picture within a moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from seedream_nb.images.load import source_of
from seedream_nb.images.thumbnails import shrink
from seedream_nb.library import LibraryFetcher

if TYPE_CHECKING:
    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import FetchLimits
    from seedream_nb.images.load import Source
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library import LibraryCache

MEMORY = 32 * 1024 * 1024  # bytes
SIDE = 320  # pixels: of the thumbnails that others are made from
MOST_THUMBNAILS = 128  # a few megabytes


class CachingFetcher(LibraryFetcher):
    """Fetches pictures and keeps the latest in memory for a while, also where there is no library.

    A small thumbnail is made from a larger one, so that an original is decoded once for all who show it small.

    Args:
        cache: The library.
        limits: What is fetched at most.
        memory: How many bytes are kept.
    """

    def __init__(self, cache: LibraryCache, limits: FetchLimits | None = None, *, memory: int = MEMORY) -> None:
        super().__init__(cache, limits)
        self._memory = memory
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._thumbnails: OrderedDict[Source, Thumbnail] = OrderedDict()
        self._keeping = threading.Lock()

    def thumbnail(self, image: TaskImage, side: int, *, stop: threading.Event | None = None) -> Thumbnail:
        """A thumbnail of one image, as `ImageFetcher.thumbnail` makes it.

        Raises:
            ImageError: As there.
        """
        source = source_of(image)
        if side > SIDE or source is None:
            return super().thumbnail(image, side, stop=stop)
        with self._keeping:
            known = self._thumbnails.get(source)
        if known is None:
            known = super().thumbnail(image, SIDE, stop=stop)
            with self._keeping:
                self._thumbnails[source] = known
                if len(self._thumbnails) > MOST_THUMBNAILS:
                    self._thumbnails.popitem(last=False)
        return shrink(known, side)

    def _download(self, url: str, stop: threading.Event) -> bytes:
        with self._keeping:
            if url in self._kept:
                self._kept.move_to_end(url)
                return self._kept[url]
        content = super()._download(url, stop)
        self._keep(url, content)
        return content

    def _keep(self, url: str, content: bytes) -> None:
        with self._keeping:
            if url in self._kept or len(content) > self._memory:
                return
            self._kept[url] = content
            self._size += len(content)
            while self._size > self._memory:
                _oldest, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)
