"""Why: whoever scrolls through a thousand pictures sees a few of them; these come first, and the rest is not fetched.

The kernel never waits: wishes are taken down, and threads that are there only as long as there is work deliver.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.parallel import run_parallel
from seedream_nb.panels.pictures import Kind, Pictures, Supplied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Picture

THREAD_NAME = "seedream-supply"
MEMORY = 120 * 1024 * 1024  # bytes
SECONDS_IDLE = 5.0  # after which a thread without work ends
SECONDS_TO_END = 2.0  # that closing waits for a thread in the middle of something

Found: TypeAlias = "Supplied | ImageError"

# An opened picture was asked for by a click, and is waited for.
_PRECEDENCE: tuple[Kind, ...] = ("original", "thumbnail")


@dataclass(frozen=True)
class _Wish:
    """What a thread takes upon itself; `is_kept` when nothing has to be fetched for it."""

    kind: Kind
    key: str
    picture: Picture
    is_kept: bool


class PictureSupply:
    """Pictures on demand, in threads of its own. The newest wishes come first.

    Args:
        fetcher: Fetches the bytes; its limits say how long a silent host is waited for.
        deliver: Called with a key, the kind, and the picture or why there is none. It is called in one thread at a
            time, not in that of the caller of `want`, and must not wait for that one.
        side: The long side of thumbnails, in pixels.
        threads: How many pictures are fetched at the same time.
        memory: How many bytes of pictures are kept; besides, each thread may hold one more.
        seconds_idle: How long a thread without work stays.

    Example:
        >>> from seedream_nb.images.fetch import ImageFetcher
        >>> supply = PictureSupply(ImageFetcher(), lambda key, kind, found: print(key, kind, found))
        >>> supply.want("thumbnail", {})
        >>> supply.close()
    """

    def __init__(
        self,
        fetcher: ImageFetcher,
        deliver: Callable[[str, Kind, Found], None],
        *,
        side: int = 320,
        threads: int = 8,
        memory: int = MEMORY,
        seconds_idle: float = SECONDS_IDLE,
    ) -> None:
        self._pictures = Pictures(fetcher, side=side, memory=memory)
        self._deliver = deliver
        self._most_fetching = threads
        self._seconds_idle = seconds_idle
        self._changed = threading.Condition()
        self._delivering = threading.RLock()
        self._ready: dict[Kind, dict[str, Picture]] = {kind: {} for kind in _PRECEDENCE}
        self._missing: dict[Kind, dict[str, Picture]] = {kind: {} for kind in _PRECEDENCE}
        self._begun: set[_Wish] = set()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_closed = False

    def want(self, kind: Kind, wanted: Mapping[str, Picture]) -> None:
        """Replaces the wishes of one kind. Returns at once.

        What was wished before, is wished no more and has not begun, is never fetched. What is kept already is
        delivered before anything is fetched. What failed before is tried again.

        Args:
            kind: Thumbnails, or originals.
            wanted: What to deliver under which key, the most urgent first: an image, or the layers that make one
                (`Card.picture` is either).
        """
        with self._changed:
            if self._is_closed:
                return
            begun = {wish.key: wish for wish in self._begun if wish.kind == kind}
            self._ready[kind], self._missing[kind] = {}, {}
            for key, picture in wanted.items():
                wish = begun.get(key)
                if wish is not None and wish.picture == picture:
                    continue
                if wish is not None:
                    self._begun.discard(wish)  # outdated: the key stands for another picture by now
                waiting = self._ready if self._pictures.has(kind, picture) else self._missing
                waiting[kind][key] = picture
            self._hire()
            self._changed.notify_all()

    def thumbnails(self, wanted: Mapping[str, Picture]) -> dict[str, Found]:
        """Thumbnails, waited for in this thread; other wishes go on meanwhile.

        Args:
            wanted: An image, or the layers that make one, for each key.

        Returns:
            The thumbnail, or why there is none, for each key in its order.
        """
        given_up = threading.Event()

        def get(key: str) -> Found:
            if given_up.is_set():
                return ImageError("The download was given up.")
            return self._pictures.get("thumbnail", wanted[key])

        try:
            found = dict(run_parallel(get, wanted, threads=self._most_fetching, name=THREAD_NAME))
        finally:
            # After an interrupt nobody waits for the rest.
            given_up.set()
        return {key: found[key] for key in wanted}

    def close(self) -> None:
        """Ends all threads; once this returns, nothing is delivered any more.

        A thread that waits for a silent host ends as soon as that times out; it is not waited for longer than a
        moment. May be called twice, and by `deliver`.
        """
        self._pictures.close()
        with self._delivering, self._changed:
            self._is_closed = True
            for waiting in (*self._ready.values(), *self._missing.values()):
                waiting.clear()
            self._begun.clear()
            self._changed.notify_all()
            threads = set(self._threads)
        if threading.current_thread() in threads:
            return
        deadline = time.monotonic() + SECONDS_TO_END
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _hire(self) -> None:
        """Starts threads for the wishes that no idle one can take; one more than may fetch, for what is kept."""
        wishes = sum(map(len, (*self._ready.values(), *self._missing.values())))
        for _ in range(min(wishes - self._idle, self._most_fetching + 1 - len(self._threads))):
            thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        try:
            while (wish := self._take()) is not None:
                found = self._pictures.get(wish.kind, wish.picture)
                self._hand_over(wish, found)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                # After a mistake in `deliver`, which is reported as that of any thread, the others still get theirs.
                self._hire()

    def _take(self) -> _Wish | None:
        """The next wish; None when there was none for a while, or never will be."""
        with self._changed:
            self._idle += 1
            try:
                self._changed.wait_for(lambda: self._is_closed or self._next() is not None, self._seconds_idle)
                wish = self._next()
            finally:
                self._idle -= 1
            if wish is not None:
                del (self._ready if wish.is_kept else self._missing)[wish.kind][wish.key]
                self._begun.add(wish)
            return wish

    def _next(self) -> _Wish | None:
        for kind in _PRECEDENCE:
            for key, picture in self._ready[kind].items():
                return _Wish(kind, key, picture, is_kept=True)
        for kind in _PRECEDENCE:
            if self._may_fetch(kind):
                for key, picture in self._missing[kind].items():
                    return _Wish(kind, key, picture, is_kept=False)
        return None

    def _may_fetch(self, kind: Kind) -> bool:
        fetching = [wish.kind for wish in self._begun if not wish.is_kept]
        # Slow originals must not bring the grid to a halt.
        most_of_kind = self._most_fetching if kind == "thumbnail" else max(1, self._most_fetching // 2)
        return len(fetching) < self._most_fetching and fetching.count(kind) < most_of_kind

    def _hand_over(self, wish: _Wish, found: Found) -> None:
        with self._delivering:
            with self._changed:
                is_wanted = wish in self._begun
                self._begun.discard(wish)
                self._changed.notify()
            if is_wanted:
                self._deliver(wish.key, wish.kind, found)
