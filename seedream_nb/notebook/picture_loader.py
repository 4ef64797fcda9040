"""Why: while pictures are fetched, the line above them goes on counting, and those that are there are shown."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery import Gallery

THREAD_NAME = "seedream-pictures"


MOST_AT_ONCE = 4  # galleries whose pictures are fetched at the same time


class PictureLoader:
    """Fetches the pictures of a gallery that is renewed again and again, in threads of its own.

    What a newer gallery brings need not wait for slow pictures of an older one.

    Attributes:
        finished: How many pictures have been fetched, or given up, so far.
    """

    def __init__(self) -> None:
        self.finished = 0
        self._state = threading.Condition()
        self._newest: Gallery | None = None
        self._running = 0

    def load(self, gallery: Gallery) -> None:
        """Fetches what is missing; of several galleries that are waiting, the newest alone, as it has all of them."""
        with self._state:
            self._newest = gallery
            if self._running == MOST_AT_ONCE:
                return
            self._running += 1
        threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Waits until all is fetched.

        Args:
            seconds: How long at most.

        Returns:
            Whether it is.
        """
        with self._state:
            return self._state.wait_for(lambda: not self._running, seconds)

    def _run(self) -> None:
        while (gallery := self._take()) is not None:
            # Whoever draws the finished gallery meets the same problem, and can raise it.
            with contextlib.suppress(Exception):
                gallery.load(again=False, on_progress=self._count)

    def _take(self) -> Gallery | None:
        with self._state:
            gallery, self._newest = self._newest, None
            if gallery is None:
                self._running -= 1
                self._state.notify_all()
            return gallery

    def _count(self, number: int) -> None:
        with self._state:
            self.finished += number
