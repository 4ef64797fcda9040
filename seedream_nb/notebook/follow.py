"""Why: tasks are followed in a thread of their own, so that an interrupt of the cell can lose nothing of them.

The cell's thread only draws; or a thread of a watch does, while other cells run.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from seedream_nb.core.errors import WaitTimeoutError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.notebook.counts import count_by_state
from seedream_nb.notebook.going_on import with_way_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.core.errors import InterruptedWait, SeedreamError
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.front_end import LiveDisplay

THREAD_NAME = "seedream-follow"
REDRAWN_EVERY = 1.0  # seconds
PAUSE_AFTER_FAILURE = 2.0  # seconds


class Followed(Protocol):
    """What can be followed: a `Waiting` or a `GenerationBatch`."""

    @property
    def tasks(self) -> list[Task]:
        """What is known of each task."""

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of those that are not finished."""

    @property
    def failure(self) -> SeedreamError | None:
        """Why the last question had no answer."""

    def updates(self) -> Iterator[list[Task]]:
        """Asks again and again; can be gone through once more after a failure."""

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known."""


class Follower:
    """Goes through the updates of a wait in a thread.

    Args:
        work: What is followed.
        stop: What ends it; the same event that the work looks at.
        tries: How many failures in a row are survived, less one.

    Attributes:
        error: Why it ended early; None when it did not.
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

    def start(self) -> None:
        """Begins."""
        self._has_begun = True
        self._thread.start()

    def changes(self, every: float = REDRAWN_EVERY) -> Iterator[bool]:
        """Waits for what happens, until it is over.

        Args:
            every: Seconds after which it yields though nothing has happened.

        Yields:
            Whether something has happened.
        """
        while True:
            is_over = self._is_over.is_set()
            has_changed = self._changed.wait(0 if is_over else every)
            self._changed.clear()
            if has_changed or not is_over:
                yield has_changed
            if is_over:
                return

    def stop(self, seconds: float) -> bool:
        """Ends it, and gives what is on its way some time to arrive.

        Args:
            seconds: How long.

        Returns:
            Whether it is over.
        """
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
            except Exception as error:  # noqa: BLE001  whoever draws raises it, or shows it
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
    """Follows tasks and shows them until all is over, or an interrupt comes.

    Args:
        work: The tasks.
        stop: The event that the work looks at.
        gallery: How they are shown.
        live: Where; it is cleared at the end.
        heading: What is going on.
        seconds_to_answer: After an interrupt, how long to wait for answers that are on their way; a second interrupt
            gives up on them.

    Returns:
        The gallery with the tasks as they are at the end, and why it ended early, with the way on.
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
    except Exception as error:  # noqa: BLE001  it is raised when what is known is kept
        follower.stop(seconds_to_answer)
        failure = error
    finally:
        live.clear()
    return gallery.renew(as_they_run(work)), failure and with_way_on(failure)


def draw(follower: Follower, work: Followed, gallery: Gallery, live: LiveDisplay, *, heading: str = "") -> Gallery:
    """Starts to follow tasks and shows them as they are being made, until all is over.

    Args:
        follower: What follows them; not started yet, as it is shown what is to come before anything is sent.
        work: The tasks.
        gallery: How they are shown.
        live: Where.
        heading: What is going on.

    Returns:
        The gallery with the tasks as they are at the end.
    """
    begin = time.monotonic()
    shown = as_they_run(work)
    live.count(count_by_state(shown, 0, heading=heading))
    gallery = gallery.renew(shown)
    live.fill(gallery)
    follower.start()
    for _has_changed in follower.changes():
        tasks = as_they_run(work)
        live.count(count_by_state(tasks, time.monotonic() - begin, heading=heading, problem=work.failure))
        if tasks != shown:
            gallery = gallery.renew(tasks)
            live.fill(gallery)
            shown = tasks
    while live.is_filling(REDRAWN_EVERY):
        live.count(count_by_state(shown, time.monotonic() - begin, heading=heading))
    return gallery.renew(as_they_run(work))


def as_they_run(work: Followed) -> list[Task]:
    """The tasks as they are shown meanwhile: one that is not found yet may have been started a moment ago."""
    open_ids = {task_id.lower() for task_id in work.open_ids}
    return [
        replace(task, status=TaskStatus.PENDING)
        if task.status is TaskStatus.NOT_FOUND and task.id.lower() in open_ids
        else task
        for task in work.tasks
    ]
