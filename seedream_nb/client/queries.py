"""Why: what can be asked free of charge is apart from what costs money, so that nothing here can ever be billed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from seedream_nb.client.batches import CHUNK_SIZE, check_id, retrieve_batch
from seedream_nb.client.history import PAGE_SIZE, History, build_filters
from seedream_nb.client.polling import Waiting, choose_pace
from seedream_nb.client.settings import resolve_settings
from seedream_nb.client.transport import Transport
from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.models import Task
from seedream_nb.library import LibraryCache, LibraryFetcher
from seedream_nb.protocol.responses import read_task
from seedream_nb.protocol.status_errors import means_unknown_task

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from seedream_nb.client.http import Timeouts
    from seedream_nb.client.polling import Pace
    from seedream_nb.client.settings import Settings
    from seedream_nb.client.transport import RetryPolicy
    from seedream_nb.library import Library

TASKS_PATH = "/seedream/tasks"
WAIT_SECONDS = 600.0

Client = TypeVar("Client", bound="QueryClient")


class QueryClient:
    """Asks for tasks; the part of `SeedreamClient` that costs nothing.

    Args:
        token: The API token.
        base_url: The API's address.
        settings: Settings that were resolved before, instead of token and base URL.
        timeouts: How long to wait for a connection and for an answer.
        retries: How to repeat what is safe to repeat.
        library: A library, its folder, or `off`; None for that of the environment, or else the usual one. Of a server
            on this machine, such as a sandbox, nothing is kept unless a library is given.

    Raises:
        SettingsError: The token or the base URL is unusable.
    """

    def __init__(
        self,
        token: str | None = None,
        base_url: str | None = None,
        *,
        settings: Settings | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        library: Library | str | os.PathLike[str] | None = None,
    ) -> None:
        settings = settings or resolve_settings(token, base_url)
        self._transport = Transport(settings, timeouts=timeouts, retries=retries)
        self._cache = LibraryCache.for_service(settings.base_url, library)

    @property
    def settings(self) -> Settings:
        """Where requests go and whether a token is set; its repr never shows the token."""
        return self._transport.settings

    @property
    def cache(self) -> LibraryCache:
        """What keeps the tasks that pass through; its `library` is None when that is turned off."""
        return self._cache

    @property
    def fetcher(self) -> LibraryFetcher:
        """Fetches pictures out of the library, and from their links what is not there."""
        return LibraryFetcher(self._cache)

    def retrieve(self, task_id: str, *, refresh: bool = False) -> Task:
        """Finds one task: in the library when it is kept there, else by asking the service. Free of charge.

        Args:
            task_id: The task's id.
            refresh: Whether to ask the service in any case. A task that is kept is final, and does not change.

        Returns:
            The task in whatever state it is: `Task.raise_for_status()` turns a bad one into an error. A task that
            nobody knows has the status `not found`.

        Raises:
            InvalidTaskIdError: The id is empty or no text; nothing was sent.
            SeedreamError: What the service answered, or that no answer came.
        """
        task_id = check_id(task_id)
        kept = {} if refresh else self._cache.find([task_id])
        if task_id in kept:
            return kept[task_id]
        try:
            answer = self._query({"action": "retrieve", "id": task_id})
        except SeedreamError as error:
            if means_unknown_task(error):
                return Task.not_found(task_id)
            raise
        (task,) = self._cache.store([read_task(answer, task_id)])
        return task

    def retrieve_batch(
        self,
        task_ids: Iterable[str],
        *,
        refresh: bool = False,
        chunk_size: int = CHUNK_SIZE,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Task]:
        """Finds many tasks: in the library those that are kept there, the others by asking the service.

        It asks in few requests over parallel connections. Free of charge.

        Args:
            task_ids: The ids, repeats allowed; a repeated id travels once.
            refresh: Whether to ask for those that are kept, too.
            chunk_size: How many ids go into one request; a request refused as too large is halved and sent again.
            on_progress: Called in this thread with the number of distinct ids that were dealt with since the last call.

        Returns:
            One task for every id in the order asked, repeats included; unknown ids give tasks of status `not found`.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
            SeedreamError: Some ids could not be asked for. Its `partial` holds the tasks of all the others in the
                order asked, its `failed_ids` the ids that are missing.

        Example:
            >>> from seedream_nb import Sandbox, SeedreamClient
            >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     tasks = client.retrieve_batch(["84d1544a-9043-4dde-a98b-e889dacd75f6", "unknown"])
            >>> [task.status.value for task in tasks]
            ['succeeded', 'not found']
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        asked = [check_id(task_id) for task_id in ([task_ids] if isinstance(task_ids, str) else task_ids)]
        kept = {} if refresh else self._cache.find(asked)
        if kept and on_progress:
            on_progress(len(kept))
        return retrieve_batch(self._query, asked, chunk_size, on_progress, known=kept, store=self._cache.store)

    def wait(
        self,
        tasks: Iterable[str | Task] | str | Task,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
    ) -> list[Task]:
        """Waits until tasks are finished, with one question for all of them at a time. Free of charge.

        Args:
            tasks: Ids, or tasks; repeats allowed.
            timeout: Seconds after which is given up; None for never.
            pace: How often to poll: by default first after 2 s, then less and less often, down to every 10 s, while
                nothing finishes.
            interval: Poll at this fixed interval in seconds instead.

        Returns:
            The finished tasks in the order asked, repeats included, whether they succeeded or not; unknown ids give
            tasks of status `not found`.

        Raises:
            UsageError: Both pace and interval are given, or the interval is not a positive number; nothing was sent.
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
            WaitTimeoutError: Some are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids that are still open.
            InterruptedWait: An interrupt came; its `tasks` and `open_ids` hold the same.
            SeedreamError: What every further question would meet as well; a single failed one is passed over.
        """
        return self.iter_wait(tasks, timeout=timeout, pace=pace, interval=interval).finish()

    def iter_wait(
        self,
        tasks: Iterable[str | Task] | str | Task,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
        stop: threading.Event | None = None,
    ) -> Waiting:
        """Waits as `wait` does, and hands out each task as soon as it is finished.

        Args:
            tasks: As for `wait`.
            timeout: As for `wait`.
            pace: As for `wait`.
            interval: As for `wait`.
            stop: Ends the wait quietly when another thread sets it.

        Returns:
            An iterable of tasks that also tells, at any moment, what is known of all of them.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
        """
        pace = choose_pace(pace, interval)
        return Waiting(self._with_kept(tasks), self._retrieve_once, timeout=timeout, pace=pace, stop=stop)

    def history(
        self,
        limit: int | None = None,
        *,
        offset: int = 0,
        created_after: datetime | float | None = None,
        created_before: datetime | float | None = None,
        application_id: str | None = None,
        user_id: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> History:
        """The account's tasks, newest first. Free of charge; pages are asked for as far as someone looks.

        Args:
            limit: How many at most; None for all.
            offset: How many of the newest are passed over.
            created_after: Only tasks since this time: a datetime (local when it has no zone) or Unix seconds.
            created_before: Only tasks until this time.
            application_id: Only tasks of this application.
            user_id: Only tasks of this user.
            page_size: How many are asked for at once.

        Returns:
            An iterable of tasks that can be indexed, sliced, and gone through again without a further question.

        Raises:
            UsageError: An argument is out of range; nothing was sent.
        """
        filters = build_filters(
            created_after=created_after, created_before=created_before, application_id=application_id, user_id=user_id
        )
        return History(self._query, filters, limit=limit, offset=offset, page_size=page_size, store=self._cache.store)

    def close(self) -> None:
        """Closes the connections, and the library. The client stays usable and opens them again when needed."""
        self._transport.close()
        self._cache.close()

    def __enter__(self: Client) -> Client:  # noqa: PYI019  typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"

    def _query(self, body: Mapping[str, object], stop: threading.Event | None = None) -> object:
        return self._transport.query(TASKS_PATH, body, stop=stop)

    def _with_kept(self, tasks: Iterable[str | Task] | str | Task) -> list[str | Task]:
        """What is waited for, with the tasks in the place of ids that are kept already."""
        given = [tasks] if isinstance(tasks, (str, Task)) else list(tasks)
        kept = self._cache.find([task_id for task_id in given if isinstance(task_id, str)])
        return [kept.get(item, item) if isinstance(item, str) else item for item in given]

    def _retrieve_once(self, task_ids: Sequence[str]) -> list[Task]:
        """As `retrieve_batch` without a second try: whoever waits asks again anyway."""
        return retrieve_batch(
            lambda body, stop: self._transport.query(TASKS_PATH, body, stop=stop, tries=1),
            task_ids,
            CHUNK_SIZE,
            store=self._cache.store,
        )
