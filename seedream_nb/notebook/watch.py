"""Why: a gallery can fill in below its cell while other cells run, and nothing of it is left behind at the end."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING

from seedream_nb.notebook.follow import Follower, as_they_run, draw
from seedream_nb.notebook.going_on import with_way_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.follow import Followed
    from seedream_nb.notebook.front_end import LiveDisplay

THREAD_NAME = "seedream-watch"
TRIES = 3  # failures in a row that end a watch
SECONDS_TO_END = 5.0  # for a question that is on its way


class Watch:
    """Draws tasks in a thread of its own until they are finished.

    Args:
        work: The tasks.
        gallery: How they are shown.
        live: Where.
        stop: Ends it; the same event that the work looks at.
        on_end: Called with the gallery at the end, in the thread.
    """

    def __init__(
        self,
        work: Followed,
        gallery: Gallery,
        live: LiveDisplay,
        stop: threading.Event,
        *,
        on_end: Callable[[Gallery], None],
    ) -> None:
        self._work = work
        self._gallery = gallery
        self._live = live
        self._stop = stop
        self._on_end = on_end
        # In the context of its cell: otherwise a kernel names whatever cell runs as the one that the output is for.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name=THREAD_NAME, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it still goes on."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it and leaves the gallery as it is."""
        self._stop.set()
        self._thread.join(SECONDS_TO_END)

    def _run(self) -> None:
        gallery, problem = self._gallery, None
        follower = Follower(self._work, self._stop, tries=TRIES)
        try:
            gallery = draw(follower, self._work, gallery, self._live)
            problem = follower.error
        except Exception as error:  # noqa: BLE001  there is nobody to raise it to; it is shown instead
            follower.stop(SECONDS_TO_END)
            gallery = gallery.renew(as_they_run(self._work))
            problem = error
        try:
            self._on_end(gallery)
        except Exception as error:  # noqa: BLE001  as above
            problem = problem or error
        self._live.settle(gallery, problem and with_way_on(problem))
