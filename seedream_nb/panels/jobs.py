"""Why: what takes time never holds the kernel, and what goes wrong there is said in one place instead of vanishing."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import SeedreamError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

THREAD_NAME = "seedream-panel"
SECONDS_TO_END = 5.0  # for a request that is on its way


@dataclass(frozen=True)
class Status:
    """What the panel says about itself.

    Attributes:
        text: One line.
        is_error: Whether something went wrong.
        is_busy: Whether something is going on.
    """

    text: str = ""
    is_error: bool = False
    is_busy: bool = False


class Jobs:
    """Work in threads, at most one of each name at a time.

    Args:
        say: Shows a status; called in any thread.
        shown: Gives the status that is shown.
        on_change: Called with a name and whether it runs, when that changes; in any thread.
    """

    def __init__(
        self, say: Callable[[Status], None], shown: Callable[[], Status], on_change: Callable[[str, bool], None]
    ) -> None:
        self._say = say
        self._shown = shown
        self._on_change = on_change
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._stop = threading.Event()

    @property
    def stop(self) -> threading.Event:
        """Set when the panel closes; what takes long looks at it."""
        return self._stop

    def run(self, name: str, work: Callable[[], Result], done: Callable[[Result], Status | None], doing: str) -> bool:
        """Starts some work.

        Args:
            name: What it is; a second one of the same name is not started.
            work: Does it, in a thread.
            done: Takes the result, in the same thread; returns what to say. None takes back what was said meanwhile,
                and leaves what others have said.
            doing: What to say meanwhile.

        Returns:
            Whether it was started.
        """
        thread = threading.Thread(target=self._run, args=(name, work, done, doing), name=THREAD_NAME, daemon=True)
        with self._lock:
            if self._stop.is_set() or name in self._running:
                return False
            self._running[name] = thread
        self._on_change(name, True)  # noqa: FBT003  the callback's own form
        self._say(Status(doing, is_busy=True))
        thread.start()
        return True

    def is_running(self, name: str) -> bool:
        """Whether work of this name goes on."""
        with self._lock:
            return name in self._running

    def close(self) -> None:
        """Ends all work, and gives what is on its way some time to end."""
        self._stop.set()
        with self._lock:
            threads = list(self._running.values())
        for thread in threads:
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(SECONDS_TO_END)

    def _run(self, name: str, work: Callable[[], Result], done: Callable[[Result], Status | None], doing: str) -> None:
        status: Status | None = None
        try:
            result = work()
            if not self._stop.is_set():
                status = done(result)
        except SeedreamError as error:
            status = Status(" ".join(filter(None, (error.message, error.hint))), is_error=True)
        except Exception as error:  # noqa: BLE001  in a thread there is nobody else to tell
            status = Status(f"{type(error).__name__}: {error}", is_error=True)
        finally:
            with self._lock:
                del self._running[name]
        if self._stop.is_set():
            return
        if status is not None:
            self._say(status)
        elif self._shown() == Status(doing, is_busy=True):
            self._say(Status())
        self._on_change(name, False)  # noqa: FBT003  as above
