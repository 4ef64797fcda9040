"""Sends the requests of a run in a thread of its own, so that an interrupt never meets a line that pays or records."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING

from seedream_nb.client.polling import Pace
from seedream_nb.client.transport import FATAL_ERRORS, TRANSIENT_ERRORS
from seedream_nb.core.errors import ConnectionFailedError, ModerationError, OutcomeUnknownError, RateLimitedError
from seedream_nb.library.run_store import FAILED, OPEN, REJECTED, SENT, UNCLEAR, Outcome
from seedream_nb.protocol.status_errors import is_non_answer
from seedream_nb.runs.originals import Originals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.core.errors import SeedreamError
    from seedream_nb.core.models import Task
    from seedream_nb.library import Library, LibraryFetcher
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.run_store import Entry, RunStore
    from seedream_nb.runs.run_purchases import RunPurchases

THREAD_NAME = "seedream-run"
RUNNER = "runner"  # the property that names the process which sends a run's requests
MOST_NEWEST = 12  # tasks
_LARGE_PAGE, _SMALL_PAGE = 16, 5  # requests that are planned together; those with reference images are large
_MANY_AHEAD, _FEW_AHEAD = 32, 3  # planned requests that wait to be sent
_COLLECT_INTERVAL = 0.02  # seconds between two times that outcomes are collected, while other requests wait to be sent
_FLUSH_INTERVAL = 0.5  # the same for writing them
_RATE_SECONDS = 60.0  # that the number of requests per minute is measured over
_RECENT = 20  # tasks whose time determines how often to poll
_POLLS = 20  # while such a task is in progress
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 2.0  # seconds, before the pauses grow
MOST_FAILURES = 20  # in a row, without an answer of the service, after which it is taken to be down
_THROTTLED_PAUSE = 10.0  # seconds, at least, before requests are sent again that the service had no room for


class RunWorker:
    """One pass over the requests of a run that are not finished.

    Args:
        store: The run's file.
        purchases: Its view of the ledger.
        library: The library.
        open_batch: Opens an empty batch that an event stops.
        budgets: The budgets in force.
        fetcher: Downloads originals; None if they are not wanted.
        learns_pace: Whether to poll as often as the time of the tasks suggests.
        has_references: Whether requests have reference images, of which few are held at a time.

    Attributes:
        newest: The tasks that finished last, the newest first.
        error: What ended it, if that was an error.
    """

    def __init__(
        self,
        store: RunStore,
        purchases: RunPurchases,
        library: Library,
        open_batch: Callable[[threading.Event], GenerationBatch],
        budgets: Callable[[], Sequence[Budget]],
        *,
        fetcher: LibraryFetcher | None,
        learns_pace: bool,
        has_references: bool,
    ) -> None:
        self.newest: deque[Task] = deque(maxlen=MOST_NEWEST)
        self.error: BaseException | None = None
        self._store = store
        self._purchases = purchases
        self._library = library
        self._open_batch = open_batch
        self._budgets = budgets
        self._originals = Originals(store, library, fetcher) if fetcher is not None else None
        self._learns_pace = learns_pace
        self._times: deque[float] = deque(maxlen=_RECENT)  # seconds that tasks took
        self._page = _SMALL_PAGE if has_references else _LARGE_PAGE
        self._ahead = _FEW_AHEAD if has_references else _MANY_AHEAD
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._news = threading.Condition()
        self._version = 0
        self._sent: dict[int, tuple[Entry, PaidRequest]] = {}  # by their index in the batch
        self._reported: set[int] = set()  # of these, whose tasks are recorded as sent
        self._outcomes: list[Outcome] = []
        self._collected_at = self._flushed_at = 0.0
        self._finished_at: deque[float] = deque()
        self._began = time.monotonic()
        self._aborting: SeedreamError | None = None
        self._throttled = 0.0  # seconds until the service may have room again
        self._failures = 0  # in a row, without an answer of the service

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._thread.ident is not None and not self._ended.is_set()

    @property
    def per_minute(self) -> float | None:
        """How many requests finish in a minute; None before the first."""
        now = time.monotonic()
        recent = [moment for moment in self._finished_at.copy() if moment > now - _RATE_SECONDS]
        seconds = min(_RATE_SECONDS, now - self._began)
        return len(recent) * 60 / seconds if recent and seconds > 0 else None

    def stop(self) -> None:
        """Sends nothing more, and waits until what was sent is recorded; does nothing if it was not started."""
        self._stop.set()
        if self._originals is not None:
            self._originals.stop()
        if self._thread.ident is not None:
            self._ended.wait()

    def wait_for_news(self, version: int, timeout: float) -> int:
        """Waits until there is something newer than a version; returns the current one."""
        with self._news:
            self._news.wait_for(lambda: self._version != version or self._ended.is_set(), timeout)
            return self._version

    # In its thread.

    def _run(self) -> None:
        try:
            self._store.write(**{RUNNER: self._library.ledger.owner})
            self._purchases.synchronize()
            if self._originals is not None:
                self._originals.start()
            try:
                self._send_all()
            finally:
                self._flush()
            if self._aborting is not None:
                raise self._aborting  # noqa: TRY301  where all others are caught
            if self._originals is not None:
                self._originals.finish()
        except BaseException as error:  # noqa: BLE001  raised in the threads that wait for it
            self.error = error
        finally:
            self._end()

    def _end(self) -> None:
        try:
            if self._originals is not None:
                self._originals.stop()
            self._store.write(**{RUNNER: ""})
        except BaseException as error:  # noqa: BLE001  as above
            self.error = self.error or error
        finally:
            self._ended.set()
            self._notify()

    def _send_all(self) -> None:
        while True:
            self._throttled = 0.0
            entries = self._find_unfinished()
            batch = self._open_batch(self._stop)
            while self._fill(batch, entries):
                try:
                    with closing(batch.updates()) as updates:
                        for _news in updates:
                            # A failure counts before many others can follow it.
                            if time.monotonic() - self._collected_at < _COLLECT_INTERVAL and not batch.failures:
                                continue
                            self._collect(batch)
                            if self._aborting is not None:
                                break
                            self._fill(batch, entries)
                finally:
                    # What was sent is answered by now; its tasks may be in progress.
                    self._collect(batch)
                if self._must_stop:
                    return
            if not self._throttled or self._must_stop:
                return
            self._flush()
            self._stop.wait(self._throttled)

    @property
    def _must_stop(self) -> bool:
        return self._stop.is_set() or self._aborting is not None

    def _find_unfinished(self) -> Iterator[Entry]:
        """What is at the service comes first, also of earlier rows; then what is not sent, in the table's order."""
        yield from self._store.earlier_entries((SENT, UNCLEAR))
        for states in ((SENT, UNCLEAR), (OPEN,)):
            yield from self._store.all_entries(states)

    def _fill(self, batch: GenerationBatch, entries: Iterator[Entry]) -> bool:
        """Plans and adds further requests while few are left to send; returns whether there is anything to do."""
        while not self._must_stop and batch.unsent < self._ahead:
            page = list(itertools.islice(entries, self._page))
            if not page:
                break
            for entry, request in self._purchases.plan(page, self._budgets()):
                if isinstance(request, str):
                    self._outcomes.append(Outcome(entry.number, FAILED, entry.purchase, error=request))
                    continue
                (index,) = batch.add([request])
                self._sent[index] = (entry, request)
            self._collect(batch)
        return bool(self._sent) and not self._must_stop

    def _collect(self, batch: GenerationBatch) -> None:
        """Takes what has become of requests out of the batch."""
        self._collected_at = time.monotonic()
        failures = batch.failures
        done = batch.done
        for index, task in batch.by_index.items():
            entry, request = self._sent[index]
            if index not in done:
                if task.id and index not in self._reported:
                    self._reported.add(index)
                    self._outcomes.append(Outcome(entry.number, SENT, request.number, task.id.strip()))
                continue
            failure = failures.get(index)
            self._count_failure(failure)
            outcome = (
                self._purchases.describe(entry.number, request.number, task, request.body)
                if failure is None or task.good_images
                else self._describe_failure(entry, request, failure)
            )
            if outcome is not None:
                self._outcomes.append(outcome)
                self._finished_at.append(time.monotonic())
            if task.good_images:
                self.newest.appendleft(task)
            if task.elapsed is not None:
                self._times.append(task.elapsed)
            del self._sent[index]
            self._reported.discard(index)
        batch.discard(done)
        if done and self._times and self._learns_pace:
            batch.set_pace(Pace(min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, median(self._times) / _POLLS))))
        if time.monotonic() - self._flushed_at > _FLUSH_INTERVAL:
            self._flush()

    def _count_failure(self, failure: SeedreamError | None) -> None:
        """Ends it after many failures in a row that any request may have."""
        is_general = isinstance(failure, TRANSIENT_ERRORS) and not isinstance(failure, RateLimitedError)
        self._failures = self._failures + 1 if is_general else 0
        if self._failures >= MOST_FAILURES and self._aborting is None:
            self._aborting = failure

    def _describe_failure(self, entry: Entry, request: PaidRequest, failure: SeedreamError) -> Outcome | None:
        """What the failure of a request says of its entry; None if that stays unsent."""
        message = f"{failure.message} {failure.hint or ''}".strip()
        if isinstance(failure, OutcomeUnknownError):
            return Outcome(entry.number, UNCLEAR, request.number, error=message)
        if isinstance(failure, ModerationError):
            return Outcome(entry.number, REJECTED, request.number, error=failure.message)
        if isinstance(failure, RateLimitedError):
            self._throttled = max(self._throttled, _THROTTLED_PAUSE, failure.retry_after or 0.0)
            return None
        if isinstance(failure, (*FATAL_ERRORS, ConnectionFailedError)) or is_non_answer(failure.status_code):
            self._aborting = self._aborting or failure
            return None
        return Outcome(entry.number, FAILED, request.number, error=message)

    def _flush(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._flushed_at = time.monotonic()
        while self._finished_at and self._finished_at[0] < self._flushed_at - _RATE_SECONDS:
            self._finished_at.popleft()
        if outcomes:
            self._store.record(outcomes)
            if self._originals is not None:
                self._originals.look()
        self._notify()

    def _notify(self) -> None:
        with self._news:
            self._version += 1
            self._news.notify_all()


# Those of this process, the last one of each run, by the files of the runs.
_workers: dict[Path, RunWorker] = {}
_guard = threading.Lock()


def find_worker(path: Path, *, or_ended: bool = False) -> RunWorker | None:
    """The worker of this process on the run of a file; None if there is none, or it has ended."""
    worker = _workers.get(path)
    return worker if worker is not None and (or_ended or worker.is_alive) else None


def start_worker(path: Path, worker: RunWorker) -> RunWorker:
    """Starts a worker, unless another one of this process works on the run; returns the one that does."""
    with _guard:
        other = find_worker(path)
        if other is not None:
            return other
        _workers[path] = worker
        worker.start()
        return worker
