"""Why: a saved notebook has no kernel, so a widget shows nothing there; a plain gallery beside it does.

JupyterLab prefers the widget to any other form within the same output, even where the widget is gone. So the gallery is
an output of its own, below the panel. Its style hides it while the panel lives, and hides the message that JupyterLab
puts in place of a panel that is gone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython
from IPython.display import display

from seedream_nb.gallery import Gallery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.display import DisplayHandle

    from seedream_nb.core.models import Task
    from seedream_nb.images.fetch import ImageFetcher

THREAD_NAME = "seedream-static"
LIMIT = 24  # tiles; enough to recall what was shown, and few enough to keep the notebook small
THUMBNAIL = 240  # pixels
SECONDS_TO_END = 5.0
PAUSE = 1.5  # seconds in which the panel has what it needs first, and other changes may follow

# Where the outputs of one cell stand together: JupyterLab, Notebook 7 and Voilà; Colab; VS Code.
_CELLS = (".jp-OutputArea", "#output-area", ".cell_container")
_STYLE = (
    "<style>"
    + "".join(
        f"{cell}:has(.seedream-explorer) .seedream-static{{display:none}}"
        # Text that stands in an output without any element is the message about a widget that is gone.
        f"{cell}:has(.seedream-static) .jp-OutputArea-output:not(:has(*)){{display:none}}"
        for cell in _CELLS
    )
    + "</style>"
)


class StaticOutput:
    """The gallery that stands for a panel where it cannot live.

    Args:
        fetcher: Fetches pictures; shared with the panel, so that they are fetched once.
    """

    def __init__(self, fetcher: ImageFetcher) -> None:
        self._gallery = Gallery([], fetcher=fetcher, limit=LIMIT, thumbnail=THUMBNAIL)
        self._handle: DisplayHandle | None = None
        self._lock = threading.Lock()
        self._wanted: tuple[Task, ...] | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_hurried = threading.Event()

    def bundle(self, tasks: Sequence[Task]) -> dict[str, str]:
        """The gallery for front ends.

        Args:
            tasks: What the panel shows.

        Returns:
            `text/html` and `text/plain`.
        """
        self._gallery = self._gallery.renew(tasks)
        bundle = self._gallery._repr_mimebundle_()
        html = f'<div class="seedream-static">{_STYLE}{bundle["text/html"]}</div>'
        return {"text/html": html, "text/plain": bundle["text/plain"]}

    def open(self, tasks: Sequence[Task]) -> None:
        """Shows it in the output of the cell that runs now.

        Where somebody looks on, it follows a moment later: the panel, which hides it, comes first. What runs a notebook
        by itself takes what a cell shows until its end, and nothing after it.
        """
        is_watched = _is_watched()
        self._handle = display({} if is_watched else self.bundle(tasks), raw=True, display_id=True)
        if is_watched:
            self.update(tasks)

    def update(self, tasks: Sequence[Task]) -> None:
        """Brings it up to date a moment later, in a thread of its own; only the latest state is drawn."""
        with self._lock:
            if self._handle is None or self._is_closed:
                return
            self._wanted = tuple(tasks)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread once it has drawn the latest state; the gallery stays."""
        self._is_hurried.set()
        with self._lock:
            self._is_closed = True
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(SECONDS_TO_END)

    def _run(self) -> None:
        while True:
            self._is_hurried.wait(PAUSE)
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None or self._handle is None:
                    self._thread = None
                    return
                handle = self._handle
            handle.update(self.bundle(wanted), raw=True)


def _is_watched() -> bool:
    """Whether a person can be asked something, as there is nobody where a notebook runs by itself."""
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
