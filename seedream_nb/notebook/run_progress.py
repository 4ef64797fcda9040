"""What a cell shows while a run works: a line of counts and a strip of the newest images, both updated in place."""

from __future__ import annotations

import contextvars
import html
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.display import clear_output

from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.foreign import VERBATIM_CLASSES, clean_prompt, show_line
from seedream_nb.gallery.embedding import DataUri
from seedream_nb.library import LibraryCache, LibraryFetcher, library_of
from seedream_nb.notebook.front_end import CellOutput, TerminalLine, progress_bundle
from seedream_nb.notebook.run_view import LONGEST_NAME, THUMBNAIL, describe, list_notes, render_run
from seedream_nb.protocol.prices import format_dollars
from seedream_nb.runs.estimates import format_duration
from seedream_nb.runs.run import in_marimo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.runs.run import Run, RunSummary

THREAD_NAME = "seedream-run-images"
WATCH_NAME = "seedream-run-watch"
LINE_INTERVAL = 0.3  # seconds between two updates of the line
STRIP_INTERVAL = 1.0  # seconds between two updates of the images
MOST_IMAGES = 12
_HEIGHT = 96  # pixels of the strip, from the start, so that the page does not move
_PATIENCE = 3  # rounds without a stored image, after which one is downloaded
_MAX_ALT = 120  # characters
_SLOW = 10  # images a minute, below which a decimal matters


_front_end: contextvars.ContextVar[FrontEnd | None] = contextvars.ContextVar("front_end", default=None)


def format_progress(summary: RunSummary) -> str:
    """The line of a run that works: done, running, failed, rate, time left, and cost so far."""
    is_over = summary.done + summary.failed == summary.requests
    parts = [
        show_line(summary.name, LONGEST_NAME),
        f"{summary.done:,} of {summary.requests:,} done",
        f"{summary.in_progress:,} running" if summary.in_progress else "",
        f"{summary.failed:,} failed" if summary.failed else "",
        f"{_format_rate(summary.per_minute)}/min" if summary.per_minute and not is_over else "",
        f"about {format_duration(summary.seconds_left)} left" if summary.seconds_left is not None else "",
        f"about {format_dollars(summary.cost)}" if summary.cost else "",
        "downloading the originals" if summary.is_running and is_over else "",
    ]
    return " · ".join(filter(None, parts))


def _format_rate(per_minute: float) -> str:
    return f"{per_minute:,.0f}" if per_minute >= _SLOW else f"{per_minute:.1f}"


@dataclass(frozen=True)
class _Shown:
    """An image of the strip."""

    address: str
    width: int
    height: int
    prompt: str


class _Strip:
    """The newest images of a run as thumbnails, which one background thread makes.

    Only those of the strip are held, however long the run is. The run itself downloads its originals, so that an image
    that is not stored yet is left for the next time, and downloaded here only if nothing is stored for a while.
    """

    def __init__(self) -> None:
        self.version = 0
        self._shown: dict[object, _Shown] = {}  # the latest last
        self._lost: set[object] = set()
        self._wanted: tuple[TaskImage, ...] = ()
        self._lock = threading.Lock()
        self._is_loading = False
        self._rounds_without = 0
        self._stop = threading.Event()

    def load(self, tasks: Sequence[Task]) -> None:
        """Makes the thumbnails of tasks, the newest first."""
        with self._lock:
            self._wanted = tuple(image for task in tasks for image in task.good_images)[:MOST_IMAGES]
            if self._is_loading or self._stop.is_set() or self._find_missing() == []:
                return
            self._is_loading = True
        fetcher = LibraryFetcher(LibraryCache(library_of(tasks)))
        threading.Thread(target=self._run, args=(fetcher,), name=THREAD_NAME, daemon=True).start()

    def stop(self) -> None:
        """Cancels what is not fetched yet."""
        self._stop.set()

    def to_html(self) -> str:
        """The images in a row, the newest first; as high when it is empty."""
        with self._lock:
            newest = [key for key in map(_key_of, self._wanted) if key in self._shown]
            # Older ones stay until there are enough of the newest.
            older = [key for key in reversed(self._shown) if key not in newest]
            shown = [self._shown[key] for key in (*newest, *older)[:MOST_IMAGES]]
        return (
            f'<div class="{VERBATIM_CLASSES}" style="display:flex;gap:6px;height:{_HEIGHT}px;overflow:hidden;'
            f'padding:2px">{"".join(map(_render_image, shown))}</div>'
        )

    def _find_missing(self) -> list[TaskImage]:
        known = self._lost.union(self._shown)
        return [image for image in self._wanted if _key_of(image) not in known]

    def _run(self, fetcher: LibraryFetcher) -> None:
        try:
            for image in self._find_missing():
                if self._stop.is_set():
                    return
                is_stored = fetcher.cache.original(image) is not None
                if is_stored or self._rounds_without >= _PATIENCE:
                    self._rounds_without = 0
                    self._make(image, fetcher)
            self._rounds_without += 1
        finally:
            with self._lock:
                for key in list(self._shown)[:-MOST_IMAGES]:
                    del self._shown[key]
                self._lost.intersection_update(map(_key_of, self._wanted))
                self._is_loading = False

    def _make(self, image: TaskImage, fetcher: LibraryFetcher) -> None:
        try:
            found = fetcher.thumbnail(image, THUMBNAIL, stop=self._stop)
        except (SeedreamError, OSError):
            self._lost.add(_key_of(image))  # the gallery at the end says why
            return
        address = str(DataUri(found.mime, found.data))
        shown = _Shown(address, round(found.width * _HEIGHT / found.height), _HEIGHT, image.prompt)
        with self._lock:
            self._shown[_key_of(image)] = shown
            self.version += 1


def _key_of(image: TaskImage) -> object:
    return image.task_id, image.index


def _render_image(shown: _Shown) -> str:
    prompt = html.escape(clean_prompt(shown.prompt)[:_MAX_ALT])
    return (
        f'<img src="{shown.address}" alt="{prompt}" title="{prompt}" width="{shown.width}" height="{shown.height}" '
        'style="flex:none;margin:0;border-radius:3px">'
    )


class CellRunDisplay:
    """The progress of a run in a notebook's cell: a line and the newest images, each in one output that never grows.

    Args:
        wipe_cell: Whether all of the cell's output may be cleared at the end, as it holds nothing else.
        value_follows: Whether the cell's value is shown next, so that the page need not jump in between.
    """

    def __init__(self, *, wipe_cell: bool = False, value_follows: bool = False) -> None:
        self._wipe_cell = wipe_cell
        self._value_follows = value_follows
        self._line = CellOutput()
        self._images = CellOutput()
        self._strip = _Strip()
        self._line_shown_at = self._strip_shown_at = -STRIP_INTERVAL
        self._version = -1
        # Now: a run in the background draws from a thread, while another cell may run.
        self._line.open()
        self._images.open()

    def show(self, run: Run, summary: RunSummary) -> None:
        """Updates the line a few times a second, and the images about once a second."""
        now = time.monotonic()
        if now - self._line_shown_at >= LINE_INTERVAL:
            self._line_shown_at = now
            done = summary.done + summary.failed
            self._line.show(progress_bundle(done, summary.requests, format_progress(summary), wraps=True))
        if now - self._strip_shown_at >= STRIP_INTERVAL:
            self._strip_shown_at = now
            with suppress(SeedreamError):  # a run must not end because it can't be shown for a moment
                self._strip.load(run.newest)
            if self._strip.version != self._version:
                self._version = self._strip.version
                self._images.show({"text/html": self._strip.to_html(), "text/plain": ""})

    def clear(self) -> None:
        """Removes everything; the cell's value follows."""
        self._strip.stop()
        if self._wipe_cell:
            clear_output(wait=self._value_follows)
        else:
            self._line.empty()
            self._images.empty()

    def settle(self, run: Run, problem: BaseException | None) -> None:
        """Leaves the finished run in place, and the reason if it is incomplete."""
        self._strip.stop()
        try:
            self._images.show(render_run(run))
        except Exception as error:  # noqa: BLE001  in a background thread nobody would see it
            self._images.show({"text/plain": repr(run)})
            problem = problem or error
        if problem is None:
            self._line.empty()
        else:
            self._line.show({"text/plain": f"{type(problem).__name__}: {problem}"})


class TerminalRunDisplay:
    """The progress of a run as one line of a terminal; nothing where the output goes to a file."""

    def __init__(self) -> None:
        self._line = TerminalLine()
        self._shown_at = -LINE_INTERVAL

    def show(self, run: Run, summary: RunSummary) -> None:
        """Updates the line a few times a second."""
        del run
        now = time.monotonic()
        if now - self._shown_at >= LINE_INTERVAL:
            self._shown_at = now
            self._line.show(format_progress(summary))

    def clear(self) -> None:
        """Clears the line."""
        self._line.empty()

    def settle(self, run: Run, problem: BaseException | None) -> None:
        """Prints what has become of the run, and the reason if it is incomplete."""
        self.clear()
        try:
            summary = run.summary
            lines = [describe(summary), *list_notes(summary)]
        except Exception as error:  # noqa: BLE001  as above
            lines, problem = [repr(run)], problem or error
        if problem is not None:
            lines.append(f"{type(problem).__name__}: {problem}")
        print(*lines, sep="\n")  # noqa: T201  a terminal has no other way to show what comes later


class MarimoRunDisplay:
    """The progress of a run in a cell of a marimo notebook, which has one output: the line above the images."""

    def __init__(self) -> None:
        self._marimo: Any = sys.modules["marimo"]
        self._strip = _Strip()
        self._shown_at = self._loaded_at = -STRIP_INTERVAL

    def show(self, run: Run, summary: RunSummary) -> None:
        """Updates the line and the images a few times a second."""
        now = time.monotonic()
        if now - self._shown_at < LINE_INTERVAL:
            return
        self._shown_at = now
        if now - self._loaded_at >= STRIP_INTERVAL:
            self._loaded_at = now
            with suppress(SeedreamError):  # as above
                self._strip.load(run.newest)
        line = progress_bundle(summary.done + summary.failed, summary.requests, format_progress(summary), wraps=True)
        self._marimo.output.replace(self._marimo.Html(line["text/html"] + self._strip.to_html()))

    def clear(self) -> None:
        """Removes everything; the cell's value follows."""
        self._strip.stop()
        self._marimo.output.clear()


RunDisplay = CellRunDisplay | TerminalRunDisplay


@contextmanager
def shown_in(front_end: FrontEnd) -> Iterator[None]:
    """Shows the progress of runs where a command runs, while a block calls `run.finish()` or the like."""
    token = _front_end.set(front_end)
    try:
        yield
    finally:
        _front_end.reset(token)


def open_run_display() -> RunDisplay:
    """The display of a run in the cell, the terminal or the script that it runs in."""
    front_end = _front_end.get()
    if front_end is None:
        return CellRunDisplay() if hasattr(get_ipython(), "kernel") else TerminalRunDisplay()
    if not front_end.in_notebook:
        return TerminalRunDisplay()
    return CellRunDisplay(wipe_cell=front_end.is_untouched, value_follows=front_end.value_follows)


def follow_run(run: Run) -> None:
    """Works on a run until it is finished and shows its progress meanwhile; then clears the display.

    For `Run.finish`, and whatever else waits in the user's thread.
    """
    display = MarimoRunDisplay() if in_marimo() else open_run_display()
    try:
        # Closing it stops the run, also when an interrupt comes here.
        with closing(run.updates()) as updates:
            for summary in updates:
                display.show(run, summary)
    finally:
        display.clear()


def watch_run(run: Run) -> None:
    """Shows the progress of a run that works in the background, in the cell that runs now; returns at once.

    For `Run.start`. In the end, the finished run takes the place of its progress.
    """
    display = open_run_display()

    def draw() -> None:
        problem: BaseException | None = None
        try:
            while run.is_running:
                # In a terminal, the user is typing there.
                if isinstance(display, CellRunDisplay):
                    display.show(run, run.summary)
                time.sleep(LINE_INTERVAL)
            problem = run.error
        except Exception as error:  # noqa: BLE001  nobody could catch it; it is shown instead
            problem = error
        display.settle(run, problem)

    # In the context of its cell: otherwise a kernel attributes the output to whatever cell runs.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(draw,), name=WATCH_NAME, daemon=True).start()
