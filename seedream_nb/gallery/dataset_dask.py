"""Runs the parts of an export on a Dask cluster, which retries them, moves them off dead workers, and displays them.

Only work that may be repeated runs there: Dask may execute a task more than once. Paid requests never do.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from seedream_nb.core.errors import ExportIncompleteError, SeedreamError, UsageError, shorten
from seedream_nb.gallery.dataset_target import CONTINUE_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from distributed import Client, Future

RETRIES = 2  # of a part that raised an exception, by Dask
# The scheduler holds what is submitted: a few parts for each thread keep all of them busy, and its memory flat.
PARTS_PER_THREAD = 3
FEWEST_PARTS = 8  # submitted while a cluster is still growing
CHECK_SECONDS = 2.0  # between two looks at a cluster's workers
STALL_SECONDS = 60.0  # without work for any worker, after which unfinished parts are submitted again
IDLE_SECONDS = 600.0  # without work for any worker, or without workers, after which an export ends
RESULT_SECONDS = 30.0  # for a result to arrive, before the other parts are looked at again
RESULT_ATTEMPTS = 5  # to fetch a result that its worker has

Part = TypeVar("Part")
Result = TypeVar("Result")


@contextlib.contextmanager
def open_cluster(client: object) -> Iterator[Client | None]:
    """A client of a Dask cluster, out of what a user passed; None for None.

    Args:
        client: A `dask.distributed.Client`, or the address of a scheduler, such as `tcp://10.0.0.1:8786`.

    Raises:
        UsageError: Dask is not installed, it is neither of these, or there is no scheduler at the address.
    """
    if client is None:
        yield None
        return
    try:
        from distributed import Client  # noqa: PLC0415  optional, and slow to import
    except ImportError:
        raise UsageError(
            "Exporting on a cluster needs Dask, which is not installed.", hint='pip install "seedream_nb[dask]"'
        ) from None
    if isinstance(client, str):
        with _connect(client) as opened:
            yield opened
    elif not isinstance(client, Client):
        raise UsageError(
            f"client must be a dask.distributed.Client or the address of a scheduler, not {type(client).__name__}.",
            hint='For example: client="tcp://10.0.0.1:8786".',
        )
    elif client.asynchronous:
        raise UsageError(
            "The Dask client is asynchronous, and an export waits for its parts.",
            hint="Open it without asynchronous=True, outside of coroutines.",
        )
    else:
        yield client


def _connect(address: str) -> Client:
    from distributed import Client  # noqa: PLC0415  as above

    try:
        return Client(address, set_as_default=False)
    except (OSError, ValueError) as problem:  # ValueError: not an address
        raise UsageError(
            shorten(f"Can't connect to a Dask scheduler at {address}: {problem}"),
            hint="Check the address; `dask scheduler` prints it when it starts.",
        ) from None


def run_on_dask(
    work: Callable[..., Result], parts: Iterable[Part], *arguments: object, client: Client
) -> Iterator[Result]:
    """Calls a function for each part on the workers of a cluster.

    Args:
        work: Called with a part and the arguments, possibly several times for a part, even at the same time.
        parts: The parts; read as the cluster has room for them.
        *arguments: Passed to each call.
        client: The client, as `open_cluster` returns it.

    Yields:
        The results, in the order in which they are ready. What is still running when the iteration ends early is
        canceled.

    Raises:
        SeedreamError: A part failed even after Dask's retries, its workers died too often, the cluster is gone, or it
            has had no workers for 10 minutes.
    """
    cluster = _Cluster(client)
    # A name of its own: what a task of an earlier export returned says nothing of what is at the target now.
    name = f"seedream-export-{uuid.uuid4().hex}"

    def call(part: Part, number: int) -> Future[Result]:
        return client.submit(work, part, *arguments, key=(name, number), retries=RETRIES, pure=False)

    running = _Running(call)
    coming = iter(parts)
    try:
        while True:
            for part in itertools.islice(coming, max(0, cluster.room() - running.count)):
                running.add(part)
            if not running.count:
                return
            future = running.wait()
            if future is not None:
                cluster.works()
                yield from running.fetch(future)
            elif cluster.has_stalled():
                running.add_again()
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            running.cancel()


class _Running(Generic[Part, Result]):
    """The parts that were submitted, and have not been finished."""

    def __init__(self, call: Callable[[Part, int], Future[Result]]) -> None:
        self._call = call
        self._numbers = itertools.count()
        self._parts: dict[Future[Result], Part] = {}
        self._finished: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()
        self._failed_attempts: Counter[Future[Result]] = Counter()

    @property
    def count(self) -> int:
        return len(self._parts)

    def add(self, part: Part) -> None:
        future = self._call(part, next(self._numbers))
        self._parts[future] = part
        future.add_done_callback(self._finished.put)

    def add_again(self) -> None:
        """Submits all parts once more."""
        parts = list(self._parts.values())
        self.cancel()
        for part in parts:
            self.add(part)

    def cancel(self) -> None:
        futures = list(self._parts)
        self._parts.clear()
        if futures:
            futures[0].client.cancel(futures)

    def wait(self) -> Future[Result] | None:
        """A part that Dask has finished; None if there is none for some time."""
        with contextlib.suppress(queue.Empty):
            future = self._finished.get(timeout=CHECK_SECONDS)
            return future if future in self._parts else None
        return None

    def fetch(self, future: Future[Result]) -> Iterator[Result]:
        """The result of a part, unless it has been lost."""
        try:
            result = future.result(timeout=RESULT_SECONDS)
        except Exception as problem:  # noqa: BLE001  what the work raised, and many kinds of Dask's own
            self._failed_attempts[future] += future.status == "finished"
            if future.status in {"error", "cancelled"} or self._failed_attempts[future] == RESULT_ATTEMPTS:
                raise _to_error(problem) from None
            # Its worker died with the result, and Dask repeats the work; or the scheduler was too busy to answer.
            # `as_completed(with_results=True)` drops such a future, and would wait for it forever.
            future.add_done_callback(self._finished.put)
        else:
            del self._parts[future]
            yield result


class _Cluster:
    """What is known of the workers of a cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads = 0
        self._next_count = 0.0
        self._working = self._submitted = time.monotonic()

    def room(self) -> int:
        """How many parts may be submitted at a time."""
        if time.monotonic() >= self._next_count:
            with self._answering():
                self._threads = sum(self._client.nthreads().values())
            self._next_count = time.monotonic() + CHECK_SECONDS
        return max(FEWEST_PARTS, PARTS_PER_THREAD * self._threads)

    def works(self) -> None:
        """Notes that it has finished a part."""
        self._working = time.monotonic()

    def has_stalled(self) -> bool:
        """Whether no worker has had work for some time, so that what was submitted must be lost.

        Raises:
            ExportIncompleteError: That has been so for long.
        """
        now = time.monotonic()
        with self._answering():
            processing = self._client.processing()
            if any(processing.values()):
                self._working = now
            elif now > self._working + IDLE_SECONDS:
                raise ExportIncompleteError(
                    f"The Dask cluster has {'done nothing' if processing else 'had no workers'} for "
                    f"{IDLE_SECONDS:.0f} seconds.",
                    hint=f"{CONTINUE_HINT} If workers take longer to start, call client.wait_for_workers(1) first.",
                )
            elif processing and now > max(self._working, self._submitted) + STALL_SECONDS:
                self._submitted = now
                return True
        return False

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Tolerates a scheduler that is too busy to answer, but not for long."""
        try:
            yield
        except SeedreamError:
            raise
        except Exception as problem:  # noqa: BLE001  many kinds, all of which mean that the scheduler does not answer
            is_open = self._client.status in {"running", "connecting"}
            if not is_open or time.monotonic() > self._working + IDLE_SECONDS:
                raise _to_error(problem) from None


def _to_error(problem: Exception) -> SeedreamError:
    """What kept a part from being finished."""
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415  as above

    if isinstance(problem, SeedreamError):
        return problem
    if isinstance(problem, KilledWorker):
        return ExportIncompleteError(
            f"Dask gave up a part of the export: {problem.allowed_failures + 1} workers died while they had it.",
            hint=f"{CONTINUE_HINT} Where workers come and go, raise Dask's distributed.scheduler.allowed-failures.",
        )
    if isinstance(problem, CancelledError):
        return ExportIncompleteError(
            "The Dask cluster is gone, or was restarted, before the export was finished.", hint=CONTINUE_HINT
        )
    return ExportIncompleteError(
        shorten(f"A part of the export failed on the Dask cluster ({type(problem).__name__}: {problem})."),
        hint=f"{CONTINUE_HINT} All machines need the same version of seedream_nb.",
    )
