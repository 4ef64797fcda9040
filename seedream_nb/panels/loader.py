"""Loads images in the order in which the viewer needs them: what is in view comes first, and the rest is not fetched.

The kernel never waits: `load` only replaces the queue, and threads that exist while there is work deliver the images.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.parallel import join_all
from seedream_nb.panels.image_cache import ImageCache, Kind, LoadedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from seedream_nb.core.errors import ImageError
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import CardImage

THREAD_NAME = "seedream-loader"
MEMORY = 120 * 1024 * 1024  # bytes
SECONDS_IDLE = 5.0  # after which a thread without work ends
SECONDS_TO_END = 2.0  # that closing waits for a busy thread
SECONDS_TO_BE_SLOW = 5.0  # after which a download no longer keeps others waiting
MOST_SLOW = 32  # slow downloads that continue beside the others; each has a thread

Loaded: TypeAlias = "LoadedImage | ImageError"

# Somebody opened an original and waits for it.
_PRECEDENCE: tuple[Kind, ...] = ("original", "thumbnail")


@dataclass(frozen=True)
class _Item:
    """A queued image that a thread has taken; `is_stored` when it needs no download."""

    kind: Kind
    key: str
    image: CardImage
    is_stored: bool


class ImageLoader:
    """Images on demand, in its own threads. The latest queue counts.

    Args:
        fetcher: Fetches the bytes.
        deliver: Called with a key, the kind, and the image or the error. Called in one thread at a time, never in the
            caller of `load`, and must not wait for that one.
        side: The long side of thumbnails, in pixels.
        threads: How many images are fetched at the same time, besides slow ones.
        memory: How many bytes of images stay in memory; each thread may hold one more.
        seconds_idle: How long a thread without work stays.
        seconds_slow: How long a download may take before another one starts beside it, so that a few silent hosts do
            not hold up the images of all others.

    Example:
        >>> from seedream_nb.images.fetch import ImageFetcher
        >>> loader = ImageLoader(ImageFetcher(), lambda key, kind, loaded: print(key, kind, loaded))
        >>> loader.load("thumbnail", {})
        >>> loader.close()
    """

    def __init__(
        self,
        fetcher: ImageFetcher,
        deliver: Callable[[str, Kind, Loaded], None],
        *,
        side: int = 320,
        threads: int = 8,
        memory: int = MEMORY,
        seconds_idle: float = SECONDS_IDLE,
        seconds_slow: float = SECONDS_TO_BE_SLOW,
    ) -> None:
        self._cache = ImageCache(fetcher, side=side, memory=memory)
        self._deliver = deliver
        self._most_fetching = threads
        self._seconds_idle = seconds_idle
        self._seconds_slow = seconds_slow
        self._changed = threading.Condition()
        self._delivering = threading.RLock()
        self._ready: dict[Kind, dict[str, CardImage]] = {kind: {} for kind in _PRECEDENCE}
        self._missing: dict[Kind, dict[str, CardImage]] = {kind: {} for kind in _PRECEDENCE}
        self._started: dict[_Item, float] = {}  # and when
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_closed = False

    def load(self, kind: Kind, wanted: Mapping[str, CardImage]) -> None:
        """Replaces the queue of one kind. Returns at once.

        What was queued before, is not in the new queue, and has not started, is never fetched. Stored images are
        delivered before anything is fetched. What failed before is tried again.

        Args:
            kind: Thumbnails or originals.
            wanted: The images by key, the most urgent first (see `Card.image`).
        """
        with self._changed:
            if self._is_closed:
                return
            started = {item.key: item for item in self._started if item.kind == kind}
            self._ready[kind], self._missing[kind] = {}, {}
            for key, image in wanted.items():
                item = started.get(key)
                if item is not None and item.image == image:
                    continue
                if item is not None:
                    del self._started[item]  # outdated: the key now stands for another image
                queue = self._ready if self._cache.has(kind, image) else self._missing
                queue[kind][key] = image
            self._start_threads()
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all threads; nothing is delivered after it returns.

        Downloads are canceled; only a thread in the middle of decoding may outlive the call. May be called twice, and
        by `deliver`.
        """
        self._cache.close()
        with self._delivering, self._changed:
            self._is_closed = True
            for queue in (*self._ready.values(), *self._missing.values()):
                queue.clear()
            self._started.clear()
            self._changed.notify_all()
            threads = set(self._threads)
        if threading.current_thread() in threads:
            return
        join_all(threads, SECONDS_TO_END)

    def _start_threads(self) -> None:
        """Starts threads for what no idle one can take; one more than may fetch, for stored images."""
        most = self._most_fetching + 1 + self._count_slow()
        for _ in range(min(self._count_queued() - self._idle, most - len(self._threads))):
            thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        try:
            while (item := self._take()) is not None:
                self._hand_over(item, self._cache.get(item.kind, item.image))
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                # After an error in `deliver`, which is reported like that of any thread, the others still get theirs.
                self._start_threads()

    def _take(self) -> _Item | None:
        """The next item; None when the thread was idle for too long or the loader is closed."""
        with self._changed:
            self._idle += 1
            try:
                item = self._wait_for_next()
            finally:
                self._idle -= 1
            if item is not None:
                del (self._ready if item.is_stored else self._missing)[item.kind][item.key]
                self._started[item] = time.monotonic()
                self._start_threads()
            return item

    def _wait_for_next(self) -> _Item | None:
        idle_until = time.monotonic() + self._seconds_idle
        while (item := self._next()) is None and not self._is_closed:
            now = time.monotonic()
            # Something that waits for its turn may get it because a download turns out to be slow.
            seconds = self._seconds_slow if self._count_queued() else idle_until - now
            if seconds <= 0:
                return None
            self._changed.wait(seconds)
        return item

    def _next(self) -> _Item | None:
        for kind in _PRECEDENCE:
            for key, image in self._ready[kind].items():
                return _Item(kind, key, image, is_stored=True)
        for kind in _PRECEDENCE:
            if self._may_fetch(kind):
                for key, image in self._missing[kind].items():
                    return _Item(kind, key, image, is_stored=False)
        return None

    def _may_fetch(self, kind: Kind) -> bool:
        fetching = [item.kind for item in self._started if not item.is_stored][self._count_slow() :]
        # Slow originals must not stall the grid.
        most_of_kind = self._most_fetching if kind == "thumbnail" else max(1, self._most_fetching // 2)
        return len(fetching) < self._most_fetching and fetching.count(kind) < most_of_kind

    def _count_queued(self) -> int:
        return sum(map(len, (*self._ready.values(), *self._missing.values())))

    def _count_slow(self) -> int:
        """How many of the oldest downloads are slow."""
        latest = time.monotonic() - self._seconds_slow
        slow = [item for item, since in self._started.items() if since <= latest and not item.is_stored]
        return min(len(slow), MOST_SLOW)

    def _hand_over(self, item: _Item, loaded: Loaded) -> None:
        with self._delivering:
            with self._changed:
                is_wanted = item in self._started
                self._started.pop(item, None)
                self._changed.notify()
            if is_wanted:
                self._deliver(item.key, item.kind, loaded)
