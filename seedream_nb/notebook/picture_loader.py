"""Why: while pictures are fetched, the line above them goes on counting, and those that are there are shown."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery import Gallery

THREAD_NAME = "seedream-pictures"


class PictureLoader:
    """Fetches the pictures of a gallery that is renewed again and again, in a thread of its own.

    Attributes:
        finished: How many pictures have been fetched, or given up, so far.
    """

    def __init__(self) -> None:
        self.finished = 0
        self._state = threading.Condition()
        self._newest: Gallery | None = None
        self._is_running = False

    def load(self, gallery: Gallery) -> None:
        """Fetches what is missing; of several galleries that are waiting, the newest alone, as it has all of them."""
        with self._state:
            self._newest = gallery
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Waits until all is fetched.

        Args:
            seconds: How long at most.

        Returns:
            Whether it is.
        """
        with self._state:
            return self._state.wait_for(lambda: not self._is_running, seconds)

    def _run(self) -> None:
        while gallery := self._take():
            # Whoever draws the finished gallery meets the same problem, and can raise it.
            with contextlib.suppress(Exception):
                gallery.load(again=False, on_progress=self._count)

    def _take(self) -> Gallery | None:
        with self._state:
            gallery, self._newest = self._newest, None
            if gallery is None:
                self._is_running = False
                self._state.notify_all()
            return gallery

    def _count(self, number: int) -> None:
        self.finished += number
