"""Runs the parts of an export on a Dask cluster, which retries them, moves them off dead workers, and displays them.

Only work that may be repeated runs there: Dask may execute a task more than once. Paid requests never do.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_nb.core.errors import ExportIncompleteError, SeedreamError, UsageError, shorten
from seedream_nb.gallery.dataset_target import CONTINUE_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from distributed import Client, Future

RETRIES = 2  # of a part that raised an exception, by Dask
# The scheduler holds what is submitted: a few parts for each thread keep all of them busy, and its memory flat.
PARTS_PER_THREAD = 3
FEWEST_PARTS = 8  # submitted while a cluster is still growing

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
        SeedreamError: A part failed even after Dask's retries, its workers died too often, or the cluster is gone.
    """
    from distributed import as_completed  # noqa: PLC0415  as above

    finished = as_completed(loop=client.loop, with_results=True, raise_errors=False)
    # A name of its own: what a task of an earlier export returned says nothing of what is at the target now.
    name = f"seedream-export-{uuid.uuid4().hex}"
    numbered = enumerate(parts)
    running: set[Future[Result]] = set()
    try:
        while True:
            for number, part in itertools.islice(numbered, _room(client) - len(running)):
                future = client.submit(work, part, *arguments, key=(name, number), retries=RETRIES, pure=False)
                running.add(future)
                finished.add(future)
            if not running:
                return
            future, result = next(finished)
            running.discard(future)
            if future.status != "finished":
                raise _to_error(result)
            yield result
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.cancel(list(running))


def _room(client: Client) -> int:
    try:
        threads: int = sum(client.nthreads().values())
    except Exception as problem:  # noqa: BLE001  many kinds, all of which mean that the scheduler does not answer
        raise _to_error(problem) from None
    return max(FEWEST_PARTS, PARTS_PER_THREAD * threads)


def _to_error(outcome: Any) -> SeedreamError:
    """What kept a part from being finished; a future's exception comes with its type and traceback."""
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415  as above

    problem = outcome[1] if isinstance(outcome, tuple) else outcome
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
