"""Why: the service as plain Python, usable without any notebook: ask for tasks, get `Task`s.

The client joins the rooms below it: `transport` sends, `wire` reads. It knows what to ask and how to split long
lists, nothing about HTTP or JSON forms.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.answers import means_too_many_ids, means_unknown_task, to_error
from seedream_nb.config import resolve_settings
from seedream_nb.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    EndpointNotFoundError,
    InvalidTaskIdError,
    SeedreamError,
    SettingsError,
    shorten,
)
from seedream_nb.models import Task
from seedream_nb.parallel import run_parallel
from seedream_nb.transport import Transport
from seedream_nb.wire import read_error, read_page, read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from seedream_nb.config import Settings
    from seedream_nb.transport import RetryPolicy, Timeouts

TASKS_PATH = "/seedream/tasks"
CHUNK_SIZE = 50  # ids in one request; no maximum is stated, one official client stops at 50 (wire contract, many tasks)
PARALLEL_CHUNKS = 4


class SeedreamClient:
    """Talks to the SeeDream API of Ace Data Cloud.

    Settings come from the arguments, then the environment (`ACEDATACLOUD_API_TOKEN`, `ACEDATACLOUD_API_BASE_URL`),
    then a `.env` file in the working directory or above. A client can be shared between threads, used as a context
    manager and pickled; a pickle holds the token, so treat it like one.

    Args:
        token: The API token.
        base_url: The API's address, `https://api.acedata.cloud` by default.
        settings: Settings that were resolved before, instead of token and base URL.
        timeouts: How long to wait for a connection and for an answer.
        retries: How to repeat questions; all that are repeated are free of charge.

    Raises:
        SettingsError: The token or the base URL is unusable. That no token is set at all is told by the first call.

    Example:
        >>> from seedream_nb import Sandbox, SeedreamClient
        >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6").prompt
        'a white siamese cat'
    """

    def __init__(
        self,
        token: str | None = None,
        base_url: str | None = None,
        *,
        settings: Settings | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        settings = settings or resolve_settings(token, base_url)
        self._transport = Transport(settings, timeouts=timeouts, retries=retries)

    @property
    def settings(self) -> Settings:
        """Where requests go and whether a token is set; its repr never shows the token."""
        return self._transport.settings

    def retrieve(self, task_id: str) -> Task:
        """Asks for one task. Free of charge.

        Args:
            task_id: The task's id.

        Returns:
            The task in whatever state it is: `Task.raise_for_status()` turns a bad one into an error. A task that the
            service does not know has the status `not found`.

        Raises:
            InvalidTaskIdError: The id is empty or no text; nothing was sent.
            SeedreamError: What the service answered, or that no answer came.
        """
        task_id = _check_id(task_id)
        try:
            answer = self._transport.ask(TASKS_PATH, {"action": "retrieve", "id": task_id})
        except SeedreamError as error:
            if means_unknown_task(error):
                return Task.not_found(task_id)
            raise
        return read_task(answer, task_id)

    def retrieve_batch(
        self,
        task_ids: Iterable[str],
        *,
        chunk_size: int = CHUNK_SIZE,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Task]:
        """Asks for many tasks, in few requests over parallel connections. Free of charge.

        Args:
            task_ids: The ids, repeats allowed; a repeated id travels once.
            chunk_size: How many ids go into one request; a request refused as too large is halved and sent again.
            on_progress: Called in this thread with the number of distinct ids that were dealt with since the last call.

        Returns:
            One task for every id in the order asked, repeats included; unknown ids give tasks of status `not found`.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
            SeedreamError: Some ids could not be asked for. Its `partial` holds the tasks of all the others in the
                order asked, its `failed_ids` the ids that are missing.

        Example:
            >>> from seedream_nb import Sandbox
            >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     tasks = client.retrieve_batch(["84d1544a-9043-4dde-a98b-e889dacd75f6", "unknown"])
            >>> [task.status.value for task in tasks]
            ['succeeded', 'not found']
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        asked = [_check_id(task_id) for task_id in ([task_ids] if isinstance(task_ids, str) else task_ids)]
        distinct = list(dict.fromkeys(asked))
        chunks = [distinct[start : start + chunk_size] for start in range(0, len(distinct), chunk_size)]
        outcome = self._retrieve_chunks(chunks, on_progress or (lambda _count: None))
        if outcome.error is not None:
            outcome.error.partial = [outcome.tasks[task_id] for task_id in asked if task_id in outcome.tasks]
            outcome.error.failed_ids = tuple(task_id for task_id in distinct if task_id not in outcome.tasks)
            raise outcome.error
        return [outcome.tasks[task_id] for task_id in asked]

    def close(self) -> None:
        """Closes the connections. The client stays usable and opens new ones when needed."""
        self._transport.close()

    def __enter__(self) -> SeedreamClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SeedreamClient({self.settings!r})"

    def _retrieve_chunks(self, chunks: Sequence[Sequence[str]], on_progress: Callable[[int], None]) -> _Outcome:
        outcome = _Outcome()
        stop = threading.Event()
        parts = run_parallel(
            lambda chunk: self._retrieve_chunk(chunk, stop), chunks, threads=PARALLEL_CHUNKS, name="seedream-retrieve"
        )
        try:
            for chunk, part in parts:
                outcome.add(part)
                on_progress(len(chunk))
                if outcome.is_hopeless:
                    stop.set()
        finally:
            # After an interrupt, nothing more is asked for that nobody will read.
            stop.set()
        return outcome

    def _retrieve_chunk(self, task_ids: Sequence[str], stop: threading.Event) -> _Outcome:
        if stop.is_set():
            return _Outcome()
        try:
            answer = self._transport.ask(TASKS_PATH, {"action": "retrieve_batch", "ids": list(task_ids)}, stop=stop)
            if isinstance(answer, dict) and "items" not in answer and read_error(answer):
                raise to_error(200, answer)
            page = read_page(answer)
        except SeedreamError as error:
            if len(task_ids) > 1 and means_too_many_ids(error):
                middle = len(task_ids) // 2
                outcome = self._retrieve_chunk(task_ids[:middle], stop)
                outcome.add(self._retrieve_chunk(task_ids[middle:], stop))
                return outcome
            return _Outcome(error=error)
        by_id = {task.id.lower(): task for task in page.tasks}
        return _Outcome({task_id: by_id.get(task_id.lower()) or Task.not_found(task_id) for task_id in task_ids})


@dataclass
class _Outcome:
    """What has become of some ids; chunks are added up in it."""

    tasks: dict[str, Task] = field(default_factory=dict)
    error: SeedreamError | None = None
    failures_in_a_row: int = 0

    def add(self, part: _Outcome) -> None:
        self.tasks.update(part.tasks)
        self.error = self.error or part.error
        self.failures_in_a_row = self.failures_in_a_row + 1 if part.error else 0

    @property
    def is_hopeless(self) -> bool:
        """Whether asking for the rest would only repeat the same failure, slowly."""
        everywhere = (SettingsError, AuthenticationError, BalanceUsedUpError, EndpointNotFoundError)
        return isinstance(self.error, everywhere) or self.failures_in_a_row >= PARALLEL_CHUNKS


def _check_id(task_id: object) -> str:
    if not isinstance(task_id, str) or not task_id.strip():
        raise InvalidTaskIdError(
            f"A task id is text, not {shorten(repr(task_id))}.",
            hint="It looks like 84d1544a-9043-4dde-a98b-e889dacd75f6.",
        )
    return task_id.strip()
