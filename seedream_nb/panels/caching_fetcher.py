"""Why: the grid, the detail view, the static copy and saving may need the same picture within a moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from seedream_nb.images.fetch import FetchLimits, ImageFetcher

if TYPE_CHECKING:
    from seedream_nb.models import TaskImage

MEMORY = 32 * 1024 * 1024  # bytes


class CachingFetcher(ImageFetcher):
    """Fetches pictures and keeps the latest for a while.

    Args:
        limits: What is fetched at most.
        memory: How many bytes are kept.
    """

    def __init__(self, limits: FetchLimits | None = None, *, memory: int = MEMORY) -> None:
        super().__init__(limits)
        self._memory = memory
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._keeping = threading.Lock()

    def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
        """The bytes of one image, as `ImageFetcher.fetch` gives them.

        Raises:
            ImageError: As there.
        """
        if image.data is not None or image.url is None:
            return super().fetch(image, stop=stop)
        with self._keeping:
            if image.url in self._kept:
                self._kept.move_to_end(image.url)
                return self._kept[image.url]
        content = super().fetch(image, stop=stop)
        self._keep(image.url, content)
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
