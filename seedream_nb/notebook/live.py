"""What a cell shows while tasks run: a line of counts and a gallery that fills in; the saved notebook keeps neither."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.display import clear_output

from seedream_nb.core.models import TaskStatus
from seedream_nb.notebook.front_end import CellOutput, TerminalLine, progress_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import Task
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.front_end import FrontEnd

THREAD_NAME = "seedream-images"
MOST_AT_ONCE = 4  # galleries whose images are fetched at the same time
SECONDS_BEFORE_DRAWING = 0.3  # what is fetched sooner is never shown as missing
REDRAW_INTERVAL = 1.0  # seconds
SECONDS_PER_MINUTE = 60

_DONE = {TaskStatus.SUCCEEDED, TaskStatus.PARTIALLY_FAILED}
_FAILED = {TaskStatus.FAILED, TaskStatus.NOT_FOUND}


@dataclass(frozen=True)
class Counts:
    """The progress of some tasks.

    Attributes:
        done: How many have succeeded, at least in part.
        running: How many are in progress.
        failed: How many have failed, or were not found.
        unsent: How many requests are not sent yet.
        seconds: The time elapsed.
        heading: What is going on, such as `4 paid requests`; may be empty.
        note: A current problem, such as a lost connection; may be empty.
    """

    done: int = 0
    running: int = 0
    failed: int = 0
    unsent: int = 0
    seconds: float = 0.0
    heading: str = ""
    note: str = ""

    @classmethod
    def of(
        cls, tasks: Sequence[Task], seconds: float, *, heading: str = "", problem: BaseException | None = None
    ) -> Counts:
        """Counts tasks by their progress.

        A pending task without an id is a request that is not sent yet. The problem says why the last poll failed.
        """
        kinds = Counter(_kind_of(task) for task in tasks)
        note = f"{getattr(problem, 'message', problem)} Retrying." if problem else ""
        return cls(kinds["done"], kinds["running"], kinds["failed"], kinds["unsent"], seconds, heading, note)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.done + self.running + self.failed + self.unsent

    def __str__(self) -> str:
        numbers = [
            f"{self.done} of {self.total} done",
            f"{self.running} running" if self.running else "",
            f"{self.unsent} waiting" if self.unsent else "",
            f"{self.failed} failed" if self.failed else "",
            format_seconds(self.seconds),
        ]
        return " · ".join(part for part in (*numbers, self.note, self.heading) if part)

    def to_bundle(self) -> dict[str, str]:
        """The line for front ends, as HTML and as text."""
        return progress_bundle(self.done + self.failed, self.total, str(self))


def _kind_of(task: Task) -> str:
    if task.status in _DONE:
        return "done"
    if task.status in _FAILED:
        return "failed"
    return "running" if task.id or task.status is TaskStatus.RUNNING else "unsent"


def format_seconds(seconds: float) -> str:
    """Formats a duration.

    Example:
        >>> format_seconds(9.7), format_seconds(83)
        ('9 s', '1 min 23 s')
    """
    minutes, rest = divmod(int(seconds), SECONDS_PER_MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class ImageLoader:
    """Fetches the images of a gallery that is renewed again and again, in background threads.

    The images of a newer gallery need not wait for slow images of an older one.

    Args:
        again: Whether to retry images that could not be fetched before.

    Attributes:
        finished: How many images are fetched, or given up, so far.
    """

    def __init__(self, *, again: bool = False) -> None:
        self.finished = 0
        self._again = again
        self._stops: list[threading.Event] = []
        self._state = threading.Condition()
        self._newest: Gallery | None = None
        self._running = 0

    def load(self, gallery: Gallery) -> None:
        """Fetches missing images; of several queued galleries only the newest, which holds all of them."""
        with self._state:
            self._newest = gallery
            if self._running == MOST_AT_ONCE:
                return
            self._running += 1
        threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Waits until everything is fetched, for some seconds at most; returns whether it is."""
        with self._state:
            return self._state.wait_for(lambda: not self._running, seconds)

    def stop(self) -> None:
        """Cancels what is not fetched yet."""
        with self._state:
            self._newest = None
            for stop in self._stops:
                stop.set()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            gallery, stop = taken
            # Drawing the finished gallery meets the same problem, and can raise it.
            with contextlib.suppress(Exception):
                gallery.load(again=self._again, on_progress=self._count, stop=stop)

    def _take(self) -> tuple[Gallery, threading.Event] | None:
        with self._state:
            gallery, self._newest = self._newest, None
            if gallery is None:
                self._running -= 1
                self._state.notify_all()
                return None
            stop = threading.Event()
            self._stops.append(stop)
            return gallery, stop

    def _count(self, number: int) -> None:
        with self._state:
            self.finished += number


class CellLiveDisplay:
    """A line of counts and a gallery that fills in, each in one output of a notebook's cell.

    Args:
        wipe_cell: Whether all of the cell's output may be cleared at the end, as it holds nothing else.
        value_follows: Whether the cell's value is shown next, so that the page need not jump in between.
    """

    def __init__(self, *, wipe_cell: bool, value_follows: bool) -> None:
        self._wipe_cell = wipe_cell
        self._value_follows = value_follows
        self._line = CellOutput()
        self._gallery = CellOutput()
        self._loader = ImageLoader()
        self._shown: Gallery | None = None
        self._images_shown = 0
        # Now: a watch draws from a thread, while another cell may run.
        self._line.open()
        self._gallery.open()

    def count(self, counts: Counts) -> None:
        """Updates the counts, and draws images that have arrived."""
        self._line.show(counts.to_bundle())
        if self._shown is not None and self._loader.finished != self._images_shown:
            self._draw(self._shown)

    def fill(self, gallery: Gallery, *, is_final: bool = False) -> None:
        """Updates the gallery and fetches its images in the background.

        A final gallery whose images are all here is not drawn: the cell's value, or `settle`, shows it next.
        """
        self._loader.load(gallery)
        if self._loader.wait(SECONDS_BEFORE_DRAWING) and is_final:
            self._images_shown = self._loader.finished
        else:
            self._draw(gallery)
        self._shown = gallery

    def is_filling(self, seconds: float) -> bool:
        """Waits for images that are being fetched, for some seconds at most; returns whether some still are."""
        return not self._loader.wait(seconds)

    def clear(self) -> None:
        """Removes everything; the cell's value follows."""
        self._loader.stop()
        if self._wipe_cell:
            clear_output(wait=self._value_follows)
        else:
            self._line.empty()
            self._gallery.empty()

    def settle(self, gallery: Gallery, problem: BaseException | None) -> None:
        """Leaves the finished gallery in place, and the reason if it is incomplete."""
        try:
            self._gallery.show(gallery._repr_mimebundle_())
        except Exception as error:  # noqa: BLE001  in a background thread nobody would see it
            self._gallery.show({"text/plain": repr(gallery)})
            problem = problem or error
        if problem is None:
            self._line.empty()
        else:
            self._line.show({"text/plain": f"{type(problem).__name__}: {problem}"})

    def _draw(self, gallery: Gallery) -> None:
        self._images_shown = self._loader.finished
        self._gallery.show(gallery.live_bundle())


class TerminalLiveDisplay:
    """A line of counts in a terminal, which has no place for images."""

    def __init__(self) -> None:
        self._line = TerminalLine()

    def count(self, counts: Counts) -> None:
        """Updates the counts."""
        self._line.show(str(counts))

    def fill(self, gallery: Gallery, *, is_final: bool = False) -> None:
        """Shows nothing; the text follows at the end."""

    def is_filling(self, seconds: float) -> bool:
        """Returns False: no images are fetched."""
        del seconds
        return False

    def clear(self) -> None:
        """Clears the line."""
        self._line.empty()

    def settle(self, gallery: Gallery, problem: BaseException | None) -> None:
        """Prints the finished gallery, and the reason if it is incomplete."""
        self.clear()
        print(gallery)  # noqa: T201  a terminal has no other way to show what comes later
        if problem is not None:
            print(f"{type(problem).__name__}: {problem}")  # noqa: T201  as above


LiveDisplay = CellLiveDisplay | TerminalLiveDisplay


def load_in_cell(gallery: Gallery, front_end: FrontEnd) -> None:
    """Loads the images of a gallery. If that takes a while, the gallery is shown meanwhile and fills in.

    An interrupt cancels the downloads.
    """
    if not front_end.in_notebook:
        with front_end.progress(gallery.unloaded, "Fetching images") as advance:
            gallery.load(on_progress=advance)
        return
    loader = ImageLoader(again=True)
    output = CellOutput()
    drawn = -1
    try:
        loader.load(gallery)
        # The first image is drawn at once, the others about once a second.
        while not loader.wait(REDRAW_INTERVAL if drawn > 0 else SECONDS_BEFORE_DRAWING):
            if drawn != loader.finished:
                drawn = loader.finished
                output.show(gallery.partial_bundle(is_loading=True))
        gallery.load(again=False)  # raises what the loader could not
    finally:
        loader.stop()
        front_end.clear(output)


def open_live_display(front_end: FrontEnd) -> LiveDisplay:
    """The display for tasks in progress, in the cell or the terminal that a command runs in."""
    if not front_end.in_notebook:
        return TerminalLiveDisplay()
    return CellLiveDisplay(wipe_cell=front_end.is_untouched, value_follows=front_end.value_follows)
