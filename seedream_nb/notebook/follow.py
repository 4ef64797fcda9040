"""Follows tasks in a background thread, so that interrupting the cell loses nothing; the cell's thread only draws."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from seedream_nb.core.errors import WaitTimeoutError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.notebook.live import REDRAW_INTERVAL, Counts
from seedream_nb.notebook.results import with_next_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.core.errors import InterruptedWait, SeedreamError
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.live import LiveDisplay

THREAD_NAME = "seedream-follow"
PAUSE_AFTER_FAILURE = 2.0  # seconds


class Followed(Protocol):
    """What can be followed: a `Waiting` or a `GenerationBatch`."""

    @property
    def tasks(self) -> list[Task]:
        """What is known of each task."""

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of the tasks in progress."""

    @property
    def failure(self) -> SeedreamError | None:
        """Why the last poll failed."""

    def updates(self) -> Iterator[list[Task]]:
        """Polls until all tasks are finished; can be called again after a failure."""

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known."""


class Follower:
    """Follows tasks in a thread of its own.

    Args:
        work: The tasks.
        stop: Ends it; the same event that the work checks.
        tries: How many failures in a row end it.

    Attributes:
        error: Why it ended early, if it did.
    """

    def __init__(self, work: Followed, stop: threading.Event, *, tries: int = 1) -> None:
        self.error: Exception | None = None
        self._work = work
        self._stop = stop
        self._tries = tries
        self._changed = threading.Event()
        self._is_over = threading.Event()
        self._has_begun = False
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will change."""
        return self._is_over.is_set()

    def start(self) -> None:
        """Starts the thread."""
        self._has_begun = True
        self._thread.start()

    def changes(self, interval: float = REDRAW_INTERVAL) -> Iterator[bool]:
        """Waits for changes until it is over; yields after each, and False after an interval without any."""
        while True:
            is_over = self.is_over
            has_changed = self._changed.wait(0 if is_over else interval)
            self._changed.clear()
            if has_changed or not is_over:
                yield has_changed
            if is_over:
                return

    def stop(self, seconds: float) -> bool:
        """Ends it, and leaves answers on their way some seconds to arrive; returns whether it is over."""
        self._stop.set()
        return not self._has_begun or self._is_over.wait(seconds)

    def _run(self) -> None:
        tries = self._tries
        while True:
            try:
                for _news in self._work.updates():
                    tries = self._tries
                    self._changed.set()
                break
            except Exception as error:  # noqa: BLE001  the drawing thread raises or shows it
                tries -= 1
                if tries < 1 or isinstance(error, WaitTimeoutError) or self._stop.wait(PAUSE_AFTER_FAILURE):
                    self.error = error
                    break
        self._is_over.set()
        self._changed.set()


def follow_in_cell(
    work: Followed,
    stop: threading.Event,
    gallery: Gallery,
    live: LiveDisplay,
    *,
    heading: str = "",
    seconds_to_answer: float = 0.0,
) -> tuple[Gallery, BaseException | None]:
    """Follows tasks and shows them until all are finished, or the user interrupts it; then clears the display.

    After an interrupt it waits some seconds for answers on their way; a second interrupt gives up on them.

    Returns:
        The gallery with the latest tasks, and why it ended early, with the next step.
    """
    follower = Follower(work, stop)
    failure: BaseException | None
    try:
        gallery = draw(follower, work, gallery, live, heading=heading)
        failure = follower.error
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            follower.stop(seconds_to_answer)
        failure = work.interrupted()
    except Exception as error:  # noqa: BLE001  raised at the end, with what is known
        follower.stop(seconds_to_answer)
        failure = error
    finally:
        live.clear()
    return gallery.renew(shown_tasks(work)), failure and with_next_step(failure)


def draw(follower: Follower, work: Followed, gallery: Gallery, live: LiveDisplay, *, heading: str = "") -> Gallery:
    """Starts to follow tasks and shows them until all are finished; returns the gallery with the latest tasks.

    The follower is not started yet, as what will be sent is shown before anything is.
    """
    begin = time.monotonic()
    shown = shown_tasks(work)
    live.count(Counts.of(shown, 0, heading=heading))
    gallery = gallery.renew(shown)
    live.fill(gallery)
    follower.start()
    for _has_changed in follower.changes():
        is_over = follower.is_over  # before the tasks, so that they are the latest
        tasks = shown_tasks(work)
        live.count(Counts.of(tasks, time.monotonic() - begin, heading=heading, problem=work.failure))
        if tasks != shown:
            gallery = gallery.renew(tasks)
            live.fill(gallery, is_final=is_over or all(task.status.is_final for task in tasks))
            shown = tasks
    while live.is_filling(REDRAW_INTERVAL):
        live.count(Counts.of(shown, time.monotonic() - begin, heading=heading))
    return gallery.renew(shown_tasks(work))


def shown_tasks(work: Followed) -> list[Task]:
    """The tasks as shown in the meantime: one that is not found yet may have been started a moment ago."""
    open_ids = {task_id.lower() for task_id in work.open_ids}
    return [
        replace(task, status=TaskStatus.PENDING)
        if task.status is TaskStatus.NOT_FOUND and task.id.lower() in open_ids
        else task
        for task in work.tasks
    ]
