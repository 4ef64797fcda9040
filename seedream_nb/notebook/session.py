"""What one kernel remembers between commands: the service it talks to, the last result, and running watches."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seedream_nb.client.client import SeedreamClient
from seedream_nb.client.polling import Pace, choose_pace
from seedream_nb.client.settings import Secret, Settings, resolve_settings
from seedream_nb.core.errors import SettingsError, UsageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.parallel import join_all
from seedream_nb.core.task_ids import read_ids
from seedream_nb.library import peek_collections, peek_tags, resolve_location
from seedream_nb.library.location import LIBRARY_NAME
from seedream_nb.library.run_store import ENDING, FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.core.task_ids import Lookup
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.wait import Watch
    from seedream_nb.protocol.prices import PriceList
    from seedream_nb.runs.run import Run
    from seedream_nb.sandbox import Sandbox

REUSE_NAME = "SEEDREAM_REUSE"
LOGIN = "%seedream login, for this kernel only"
SECONDS_TO_STOP = 5.0  # for all watches together, whose requests may be on their way
MOST_KNOWN_IDS = 200  # offered by tab completion
SANDBOX_PACE = Pace(first=0.2, longest=1.0)  # its tasks take tenths of a second


class Session:
    """The state of one kernel.

    Attributes:
        sandbox: The sandbox, while it runs.
        known_ids: Recent task ids, latest first.
        last: The gallery of the last command, if any.
        reuses: Whether commands use what was paid for before; at first that of `SEEDREAM_REUSE`.
        takes: How many takes of each request this run of the cell has ordered, see `SeedreamClient.generate_all`.
    """

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self.known_ids: tuple[str, ...] = ()
        self.last: Gallery | None = None
        self.takes: Counter[str] = Counter()
        self.reuses = os.environ.get(REUSE_NAME, "").strip().lower() not in {"off", "no", "false", "0"}
        self._watches: list[Watch] = []
        self._runs: list[Run] = []
        self._login: Secret | None = None
        self._sandbox_folder: TemporaryDirectory[str] | None = None
        self._client: SeedreamClient | None = None
        self._library_name: str | None = None  # SEEDREAM_LIBRARY when the client was opened
        self._settings: Settings | None = None

    def begin_command(self) -> None:
        """Makes the next access of `settings` read the environment and the `.env` file again."""
        self._settings = None

    @property
    def settings(self) -> Settings:
        """Where requests go, and the token; the same throughout a command.

        Raises:
            SettingsError: The environment or a `.env` file holds an unusable value.
        """
        if self._settings is None:
            self._settings = self._resolve()
        return self._settings

    @property
    def client(self) -> SeedreamClient:
        """The client for these settings; it stays open as long as they and the library stay the same."""
        name = os.environ.get(LIBRARY_NAME)
        if self._client is None or self._client.settings != self.settings or self._library_name != name:
            self._close_client()
            self._library_name = name
            folder = self._sandbox_folder
            self._client = SeedreamClient(
                settings=self.settings,
                library=folder.name if folder else None,
            )
            known = (Task(task_id, TaskStatus.PENDING) for task_id in self.known_ids)
            self._client.cache.remember([*known, *(self.last or ())])
        return self._client

    @property
    def lookup(self) -> Lookup:
        """Where ids are looked up by their first characters: what this kernel has seen, and the library."""
        found = self.client.cache.lookup
        return dataclasses.replace(found, place=found.place.replace("this client", "this kernel"))

    def read_ids(self, given: Iterable[Given]) -> tuple[str, ...]:
        """The full ids of the tasks that are given to a command.

        Raises:
            InvalidTaskIdError: One has no id, or a beginning fits no known id or several.
        """
        return read_ids(given, self.lookup)

    @property
    def prices(self) -> PriceList | None:
        """What images cost; None in a sandbox, where nothing does."""
        return None if self.settings.is_sandbox else self.client.prices

    def choose_pace(self, interval: float | None = None) -> Pace:
        """The polling intervals: a fixed one in seconds, or those for the service in use."""
        return SANDBOX_PACE if interval is None and self.sandbox is not None else choose_pace(None, interval)

    def require_last(self, hint: str) -> Gallery:
        """The last result.

        Raises:
            UsageError: There is none yet; the hint says what to do instead.
        """
        if self.last is None:
            raise UsageError("There is no result in this kernel yet.", hint=hint)
        return self.last

    def watch(self, watch: Watch) -> None:
        """Starts a watch, to be stopped with the others."""
        self._watches = [other for other in self._watches if other.is_running]
        self._watches.append(watch)
        watch.start()

    def stop_watches(self) -> int:
        """Stops all watches; returns how many were running."""
        running = [watch for watch in self._watches if watch.is_running]
        for watch in running:
            watch.stop.set()
        join_all([watch.thread for watch in running], SECONDS_TO_STOP)
        self._watches = []
        return len(running)

    def keep_run(self, run: Run) -> None:
        """Remembers a run that works in the background, to be stopped with the others."""
        self._runs = [*(other for other in self._runs if other.is_running), run]

    def stop_runs(self) -> None:
        """Stops all runs in the background."""
        for run in self._runs:
            run.stop()

    def start_sandbox(self) -> Sandbox:
        """Starts the sandbox, unless it runs already, and sends requests to it."""
        if self.sandbox is None:
            # Imported here: the server and the painter are needed only by those who use the sandbox.
            from seedream_nb.sandbox import Sandbox  # noqa: PLC0415  see above

            self.sandbox = Sandbox().start()
            # Nothing of a sandbox outlives it: the next one gives other images the same links.
            # When the kernel exits, a thread may still be writing to the folder.
            self._sandbox_folder = TemporaryDirectory(prefix="seedream-library-", ignore_cleanup_errors=True)
            self._settings = None
            self.remember(example.id for example in self.sandbox.examples)
        return self.sandbox

    def stop_sandbox(self) -> bool:
        """Stops the sandbox and sends requests to the live service again; returns whether it was running."""
        sandbox, self.sandbox, self._settings = self.sandbox, None, None
        if sandbox is not None:
            self.stop_watches()
            self.stop_runs()
            sandbox.stop()
        if self._sandbox_folder is not None:
            self._close_client()
            self._sandbox_folder.cleanup()
            self._sandbox_folder = None
        return sandbox is not None

    def log_in(self, token: str) -> None:
        """Uses a token for the rest of this kernel's life.

        Raises:
            SettingsError: The text cannot be a token.
        """
        self._login = resolve_settings(token).token
        self._settings = None

    def peek_tags(self) -> dict[str, int]:
        """The tags of the library in use with the number of their tasks; none if they cannot be had at once."""
        folder = self._peek_folder()
        return peek_tags(folder) if folder else {}

    def peek_collections(self) -> list[str]:
        """The names of the collections of the library in use; none if they cannot be had at once."""
        folder = self._peek_folder()
        return peek_collections(folder) if folder else []

    def peek_runs(self) -> list[str]:
        """The names of the runs of the library in use, without opening it; none if they cannot be had at once."""
        folder = self._peek_folder()
        files = (Path(folder) / FOLDER).glob(f"*{ENDING}") if folder else ()
        return sorted(path.name.removesuffix(ENDING) for path in files)

    def _peek_folder(self) -> Path | None:
        """The folder of the library in use, whether there is one or not."""
        try:
            return resolve_location(self._sandbox_folder.name if self._sandbox_folder else None)
        except SettingsError:
            return None

    def remember(self, task_ids: Iterable[str]) -> None:
        """Adds task ids to tab completion, latest first."""
        self.known_ids = tuple(dict.fromkeys([*task_ids, *self.known_ids]))[:MOST_KNOWN_IDS]

    def close(self) -> None:
        """Stops everything that was started and closes everything that was opened."""
        self.stop_watches()
        self.stop_runs()
        self.stop_sandbox()
        self._close_client()

    def _resolve(self) -> Settings:
        if self.sandbox is not None:
            return Settings(Secret(self.sandbox.token), self.sandbox.url, "the sandbox", "the sandbox")
        settings = resolve_settings()
        if self._login is None:
            return settings
        return dataclasses.replace(settings, token=self._login, token_source=LOGIN)

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
