"""Why: the grid, the detail view, the static copy and saving may need the same picture within a moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from seedream_nb.library import LibraryFetcher

if TYPE_CHECKING:
    from seedream_nb.images.fetch import FetchLimits
    from seedream_nb.library import Keeper

MEMORY = 32 * 1024 * 1024  # bytes


class CachingFetcher(LibraryFetcher):
    """Fetches pictures and keeps the latest downloads in memory for a while, also where there is no library.

    Args:
        keeper: The library.
        limits: What is fetched at most.
        memory: How many bytes are kept.
    """

    def __init__(self, keeper: Keeper, limits: FetchLimits | None = None, *, memory: int = MEMORY) -> None:
        super().__init__(keeper, limits)
        self._memory = memory
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._keeping = threading.Lock()

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
