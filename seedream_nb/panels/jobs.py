"""Background work for the panel: it never blocks the kernel, and every error reaches the status line."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.parallel import join_all

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

THREAD_NAME = "seedream-panel"
WATCH_NAME = "seedream-watch"
SECONDS_TO_END = 5.0  # for all requests in progress


@dataclass(frozen=True)
class Status:
    """The content of the panel's status line."""

    text: str = ""
    is_error: bool = False
    is_busy: bool = False

    @classmethod
    def of_error(cls, error: SeedreamError, prefix: str = "") -> Status:
        """An error with its hint."""
        return cls(" ".join(filter(None, (prefix, error.message, error.hint))), is_error=True)


class Jobs:
    """Runs jobs in threads, at most one per name at a time.

    Args:
        show: Shows a status; called in any thread.
        shown: Returns the status shown now.
        on_change: Called with a name and whether it is running, when that changes; in any thread.
    """

    def __init__(
        self, show: Callable[[Status], None], shown: Callable[[], Status], on_change: Callable[[str, bool], None]
    ) -> None:
        self._show = show
        self._shown = shown
        self._on_change = on_change
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._stop = threading.Event()

    @property
    def stop(self) -> threading.Event:
        """Set when the panel closes; long work checks it."""
        return self._stop

    def run(self, name: str, work: Callable[[], Result], done: Callable[[Result], Status | None], message: str) -> bool:
        """Starts a job unless one of the same name is running; returns whether it was started.

        Both functions run in the job's thread. `done` takes the result of `work` and returns the status to show; None
        clears the job's own message and leaves any other status alone.
        """
        thread = threading.Thread(target=self._run, args=(name, work, done, message), name=THREAD_NAME, daemon=True)
        with self._lock:
            if self._stop.is_set() or name in self._running:
                return False
            self._running[name] = thread
        self._on_change(name, True)  # noqa: FBT003  the callback's own form
        self._show(Status(message, is_busy=True))
        thread.start()
        return True

    def repeat(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        """Does something every few seconds until the panel closes, without a status; once for all calls of a name."""

        def run() -> None:
            while not self._stop.wait(seconds):
                # What cannot be read now may be readable the next time; others report it.
                with suppress(SeedreamError, OSError):
                    work()

        thread = threading.Thread(target=run, name=WATCH_NAME, daemon=True)
        with self._lock:
            if not self._stop.is_set() and self._running.setdefault(name, thread) is thread:
                thread.start()

    def is_running(self, name: str) -> bool:
        """Whether a job of this name is running."""
        with self._lock:
            return name in self._running

    def close(self) -> None:
        """Stops all jobs, and gives requests in progress some time to finish."""
        self._stop.set()
        with self._lock:
            threads = list(self._running.values())
        join_all(threads, SECONDS_TO_END)

    def _run(
        self, name: str, work: Callable[[], Result], done: Callable[[Result], Status | None], message: str
    ) -> None:
        status: Status | None = None
        try:
            result = work()
            if not self._stop.is_set():
                status = done(result)
        except SeedreamError as error:
            status = Status.of_error(error)
        except Exception as error:  # noqa: BLE001  nobody else would see an error in a thread
            status = Status(f"{type(error).__name__}: {error}", is_error=True)
        finally:
            with self._lock:
                del self._running[name]
        if self._stop.is_set():
            return
        if status is not None:
            self._show(status)
        elif self._shown() == Status(message, is_busy=True):
            self._show(Status())
        self._on_change(name, False)  # noqa: FBT003  as above
