"""The static gallery beside a panel: a saved notebook has no kernel, so there the widget shows nothing.

JupyterLab prefers the widget to any other representation within the same output, even where the widget is gone. So the
gallery is an output of its own, below the panel. Its style hides it while the panel lives, and hides the message that
JupyterLab shows instead of a dead panel.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython
from IPython.display import display

from seedream_nb.core.foreign import VERBATIM_CLASSES
from seedream_nb.gallery import Gallery
from seedream_nb.gallery.rendering import style_element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.display import DisplayHandle

    from seedream_nb.core.models import Task
    from seedream_nb.images.fetch import ImageFetcher

THREAD_NAME = "seedream-static"
LIMIT = 24  # tiles; a reminder of what was shown that keeps the notebook small
THUMBNAIL = 240  # pixels
SECONDS_TO_END = 5.0
PAUSE = 1.5  # seconds in which the panel loads its images first, and more changes may follow

# The element that holds all outputs of a cell: JupyterLab, Notebook 7, and Voilà; Colab; VS Code.
_CELLS = (".jp-OutputArea", "#output-area", ".cell_container")
_STYLE = style_element(
    "".join(
        f"{cell}:has(.seedream-explorer) .seedream-static{{display:none}}"
        # An output with text but no element is the message about a dead widget.
        f"{cell}:has(.seedream-static) .jp-OutputArea-output:not(:has(*)){{display:none}}"
        for cell in _CELLS
    )
)


class StaticOutput:
    """A gallery that replaces a panel where no kernel runs.

    Args:
        fetcher: Fetches images; shared with the panel, so that each is fetched once.
    """

    def __init__(self, fetcher: ImageFetcher) -> None:
        self._gallery = Gallery([], fetcher=fetcher, limit=LIMIT, thumbnail=THUMBNAIL)
        self._handle: DisplayHandle | None = None
        self._lock = threading.Lock()
        self._pending: tuple[tuple[Task, ...], str] | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_hurried = threading.Event()

    def bundle(self, tasks: Sequence[Task], note: str = "") -> dict[str, str]:
        """The gallery of some tasks as `text/html` and `text/plain`; the note says what else there was."""
        self._gallery = self._gallery.renew(tasks, note=note)
        bundle = self._gallery._repr_mimebundle_()
        html = f'<div class="{VERBATIM_CLASSES} seedream-static">{_STYLE}{bundle["text/html"]}</div>'
        return {"text/html": html, "text/plain": bundle["text/plain"]}

    def open(self, tasks: Sequence[Task], note: str = "") -> None:
        """Shows the gallery in the output of the running cell.

        In an interactive session it follows a moment later, because the panel that hides it comes first. A closed panel
        hides nothing, and a notebook that runs unattended records only what a cell shows before it ends: in both cases
        it is shown at once.
        """
        follows_later = _is_interactive() and not self._is_closed
        self._handle = display({} if follows_later else self.bundle(tasks, note), raw=True, display_id=True)
        if follows_later:
            self.update(tasks, note)

    def update(self, tasks: Sequence[Task], note: str = "") -> None:
        """Updates the gallery a moment later, in a thread; only the latest tasks are drawn."""
        with self._lock:
            if self._handle is None or self._is_closed:
                return
            self._pending = (tuple(tasks), note)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread once it has drawn the latest tasks; the gallery stays."""
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
                pending, self._pending = self._pending, None
                if pending is None or self._handle is None:
                    self._thread = None
                    return
                handle = self._handle
            handle.update(self.bundle(*pending), raw=True)


def _is_interactive() -> bool:
    """Whether somebody can answer prompts; a notebook that runs unattended does not allow them."""
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
