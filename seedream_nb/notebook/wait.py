"""The commands `wait`, `resume` and `watch`: all poll tasks until they are finished; a watch leaves the cell free."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.errors import InterruptedWait, SeedreamError, UsageError, shorten
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.task_ids import read_tasks_or_ids
from seedream_nb.core.text import count_of
from seedream_nb.notebook.arguments import (
    WAIT_SECONDS,
    Presentation,
    add_ids,
    add_polling,
    add_presentation,
    read_ids,
    read_polling,
    read_presentation,
)
from seedream_nb.notebook.follow import Follower, draw, follow_in_cell, shown_tasks
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.live import open_live_display
from seedream_nb.notebook.queries import reject_unknown
from seedream_nb.notebook.results import make_gallery, present, remember, with_next_step
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedream_nb.client.polling import Waiting
    from seedream_nb.core.models import Task
    from seedream_nb.gallery import Gallery
    from seedream_nb.library.ledger import Purchase
    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.follow import Followed
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.live import LiveDisplay
    from seedream_nb.notebook.session import Session

THREAD_NAME = "seedream-watch"
TRIES = 3  # failures in a row that end a watch
SECONDS_TO_END = 5.0  # for a request that is on its way
DEFAULT_IDS = "tasks in progress of the last result"


@dataclass(frozen=True)
class WaitArguments:
    """`%seedream wait`.

    Attributes:
        task_ids: The ids, tasks and images in order, repeats included; none means the tasks in progress of the last
            result.
        timeout: Seconds after which to stop waiting.
        interval: Seconds between polls; None for the default intervals.
        presentation: How the tasks are presented.
    """

    task_ids: tuple[Given, ...]
    timeout: float = WAIT_SECONDS
    interval: float | None = None
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Waits until tasks are finished and shows them as they arrive.

        Raises:
            WaitTimeoutError: Some are not finished in time.
            InterruptedWait: The user interrupted it.
            SeedreamError: An error that every further poll would meet.
        """
        stop = threading.Event()
        work, gallery = _open(self, session, stop)
        gallery, failure = follow_in_cell(work, stop, gallery, open_live_display(front_end))
        if failure is None:
            reject_unknown(gallery)
        elif all(task.status is TaskStatus.NOT_FOUND for task in work.tasks):
            # Nothing is known yet that could be shown, but the ids must not be lost.
            front_end.keep_value(remember(gallery, self.presentation, session, front_end))
            raise failure
        return present(gallery, self.presentation, session, front_end, failure=failure)


@dataclass(frozen=True)
class WatchArguments:
    """`%seedream watch`.

    Attributes:
        task_ids: As for `wait`.
        stop: Whether to stop all watches instead.
        timeout: As for `wait`.
        interval: As for `wait`.
        presentation: As for `wait`.
    """

    task_ids: tuple[Given, ...]
    stop: bool = False
    timeout: float = WAIT_SECONDS
    interval: float | None = None
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows tasks as they arrive while other cells run; or stops all watches."""
        if self.stop:
            count = session.stop_watches()
            if not count:
                return Notice("No watch is running.")
            watches = "1 watch" if count == 1 else f"{count} watches"
            return Notice(f"Stopped {watches}; the tasks continue at the service.")
        stop = threading.Event()
        work, gallery = _open(self, session, stop)
        begun = gallery.renew(shown_tasks(work))

        def finish(gallery: Gallery) -> None:
            latest = session.last
            remember(gallery, self.presentation, session, front_end)
            if latest is not begun:
                # The result of another cell stays the last one.
                session.last = latest
            if self.presentation.save is not None:
                gallery.save(self.presentation.save)

        # The next cell can use what is known at the start.
        remember(begun, self.presentation, session, front_end)
        session.watch(Watch(work, begun, open_live_display(front_end), stop, on_end=finish))
        return None


@dataclass(frozen=True)
class ResumeArguments:
    """`%seedream resume`.

    Attributes:
        timeout: As for `wait`.
        interval: As for `wait`.
        presentation: As for `wait`.
    """

    timeout: float = WAIT_SECONDS
    interval: float | None = None
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the paid requests that earlier cells and kernels left unfinished.

        Raises:
            SeedreamError: The outcome of some is still unclear; the others are shown.
        """
        unfinished = session.client.unfinished()
        if not unfinished:
            return Notice("No paid request is unfinished.")
        lines = "\n".join(f"  {_describe_purchase(purchase)}" for purchase in unfinished)
        front_end.show(Notice(f"{count_of(len(unfinished), 'paid request')} unfinished:\n{lines}"))
        tasks, missing, problem = _recover(unfinished, session)
        if missing:
            lines = "\n".join(f"  {_describe_purchase(purchase)}" for purchase in missing)
            front_end.show(Notice(f"Not arrived, so not paid for; run the cell again to send them:\n{lines}"))
        if not tasks:
            if problem is not None:
                raise problem
            return None
        stop = threading.Event()
        work = session.client.iter_wait(tasks, timeout=self.timeout, pace=session.choose_pace(self.interval), stop=stop)
        gallery = make_gallery(work.tasks, self.presentation, session)
        gallery, failure = follow_in_cell(work, stop, gallery, open_live_display(front_end))
        return present(gallery, self.presentation, session, front_end, failure=failure or problem)


def _describe_purchase(purchase: Purchase) -> str:
    moment = datetime.fromtimestamp(purchase.sent_at or purchase.planned_at).astimezone()
    model = display_name(str(purchase.body.get("model") or ""))
    parts = (f"{moment:%Y-%m-%d %H:%M}", purchase.notebook, shorten(purchase.prompt), model)
    return " · ".join(filter(None, parts))


def _recover(
    unfinished: Iterable[Purchase], session: Session
) -> tuple[list[Task], list[Purchase], SeedreamError | None]:
    """The tasks of purchases, those that did not arrive, and why others stay unclear."""
    tasks, missing, problem = [], [], None
    for purchase in unfinished:
        try:
            task = session.client.recover(purchase)
        except SeedreamError as error:  # noqa: PERF203  nothing is slow next to a request
            problem = error
        except KeyboardInterrupt:
            raise InterruptedWait(
                "Interrupted while reading the history.", hint="Nothing is lost. Resume: %seedream resume"
            ) from None
        else:
            if task is None:
                missing.append(purchase)
            else:
                tasks.append(task)
    return tasks, missing, problem


def add_resume(parser: Parser) -> None:
    """Adds the options of `%seedream resume`."""
    add_polling(parser)
    add_presentation(parser)


def read_resume(parsed: argparse.Namespace) -> ResumeArguments:
    """Reads the arguments of `%seedream resume`."""
    return ResumeArguments(*read_polling(parsed), read_presentation(parsed))


def add_wait(parser: Parser) -> None:
    """Adds the options of `%seedream wait`."""
    add_ids(parser, default=DEFAULT_IDS)
    add_polling(parser)
    add_presentation(parser)


def read_wait(parsed: argparse.Namespace) -> WaitArguments:
    """Reads the arguments of `%seedream wait`."""
    return WaitArguments(read_ids(parsed, "wait"), *read_polling(parsed), read_presentation(parsed))


def add_watch(parser: Parser) -> None:
    """Adds the options of `%seedream watch`."""
    add_ids(parser, default=DEFAULT_IDS)
    parser.add_argument("--stop", action="store_true", help="stop all watches; the tasks continue at the service")
    add_polling(parser)
    add_presentation(parser)


def read_watch(parsed: argparse.Namespace) -> WatchArguments:
    """Reads the arguments of `%seedream watch`."""
    task_ids = read_ids(parsed, "watch")
    if parsed.stop and task_ids:
        raise UsageError("--stop stops all watches and takes no ids.", hint="Run %seedream watch --stop.")
    if parsed.json:
        raise UsageError("A watch returns no value, so --json has no effect.", hint="Use --out NAME instead.")
    return WatchArguments(task_ids, parsed.stop, *read_polling(parsed), read_presentation(parsed))


class Watch:
    """Follows tasks and draws them in a background thread until they are finished.

    The work checks the same event `stop`. `on_end` is called with the final gallery, in the thread.

    Attributes:
        stop: Ends it when set, and leaves the gallery as it is.
        thread: The thread.
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
        self.stop = stop
        self._on_end = on_end
        # In the context of its cell: otherwise a kernel attributes the output to whatever cell runs.
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._run,), name=THREAD_NAME, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it is still running."""
        return self.thread.is_alive()

    def start(self) -> None:
        """Starts the thread."""
        self.thread.start()

    def _run(self) -> None:
        gallery, problem = self._gallery, None
        follower = Follower(self._work, self.stop, tries=TRIES)
        try:
            gallery = draw(follower, self._work, gallery, self._live)
            problem = follower.error
        except Exception as error:  # noqa: BLE001  nobody could catch it; it is shown instead
            follower.stop(SECONDS_TO_END)
            gallery = gallery.renew(shown_tasks(self._work))
            problem = error
        try:
            self._on_end(gallery)
        except Exception as error:  # noqa: BLE001  as above
            problem = problem or error
        self._live.settle(gallery, problem and with_next_step(problem))


class _Rest:
    """The last result as a whole, while its tasks in progress are polled."""

    def __init__(self, result: Sequence[Task], waiting: Waiting) -> None:
        self._result = result
        self._waiting = waiting

    @property
    def tasks(self) -> list[Task]:
        newest = {task.id: task for task in self._waiting.tasks}
        return [newest.get(task.id, task) for task in self._result]

    @property
    def open_ids(self) -> tuple[str, ...]:
        return self._waiting.open_ids

    @property
    def failure(self) -> SeedreamError | None:
        return self._waiting.failure

    def updates(self) -> Iterator[list[Task]]:
        return self._waiting.updates()

    def interrupted(self) -> InterruptedWait:
        return self._waiting.interrupted()


def _open(
    arguments: WaitArguments | WatchArguments, session: Session, stop: threading.Event
) -> tuple[Followed, Gallery]:
    """What to follow, and the gallery that shows it."""
    follow = partial(
        session.client.iter_wait, timeout=arguments.timeout, pace=session.choose_pace(arguments.interval), stop=stop
    )
    if arguments.task_ids:
        waiting = follow(read_tasks_or_ids(arguments.task_ids, session.lookup))
        return waiting, make_gallery(waiting.tasks, arguments.presentation, session)
    last = session.require_last("Pass the ids of the tasks to wait for: %seedream wait ID.")
    open_ids = [task.id for task in last if task.id and not task.status.is_final]
    # As it was shown: a sweep stays a table. Nothing may be in progress: the same cells again find all of it stored.
    gallery = last.with_options(**arguments.presentation.changes)
    return _Rest(gallery, follow(open_ids)), gallery
