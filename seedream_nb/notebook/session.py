"""Why: one kernel has one idea of whom `%seedream` talks to: the sandbox, the token of a login, or the environment."""

from __future__ import annotations

import dataclasses
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seedream_nb.client.client import SeedreamClient
from seedream_nb.client.polling import Pace
from seedream_nb.client.settings import Secret, Settings, resolve_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.watch import Watch
    from seedream_nb.sandbox import Sandbox

LOGIN = "%seedream login, for this kernel only"
MOST_KNOWN_IDS = 200  # offered by tab completion
SANDBOX_PACE = Pace(first=0.2, longest=1.0)  # its tasks take tenths of a second


class Session:
    """What one kernel remembers between commands.

    Attributes:
        sandbox: The sandbox, while it runs.
        known_ids: Task ids that were met, the latest first.
        last: The gallery that the last command has made.
    """

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self.known_ids: tuple[str, ...] = ()
        self.last: Gallery | None = None
        self._watches: list[Watch] = []
        self._login: Secret | None = None
        self._sandbox_folder: TemporaryDirectory[str] | None = None
        self._client: SeedreamClient | None = None
        self._client_settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """Whom the next request goes to.

        Raises:
            SettingsError: The environment or a `.env` file holds something unusable.
        """
        if self.sandbox is not None:
            return Settings(Secret(self.sandbox.token), self.sandbox.url, "the sandbox", "the sandbox")
        settings = resolve_settings()
        if self._login is None:
            return settings
        return dataclasses.replace(settings, token=self._login, token_source=LOGIN)

    @property
    def client(self) -> SeedreamClient:
        """The client for these settings; the same one as long as they do not change."""
        settings = self.settings
        if self._client is None or settings != self._client_settings:
            self._close_client()
            self._client = SeedreamClient(settings=settings, library=self._sandbox_library)
            self._client_settings = settings
        return self._client

    @property
    def pace(self) -> Pace:
        """How often is asked for tasks that are waited for."""
        return Pace() if self.sandbox is None else SANDBOX_PACE

    def watch(self, watch: Watch) -> None:
        """Starts a watch and keeps it, to be stopped with the others."""
        self._watches = [other for other in self._watches if other.is_running]
        self._watches.append(watch)
        watch.start()

    def stop_watches(self) -> int:
        """Ends all watches.

        Returns:
            How many were running.
        """
        running = [watch for watch in self._watches if watch.is_running]
        for watch in running:
            watch.stop()
        self._watches = []
        return len(running)

    def start_sandbox(self) -> Sandbox:
        """Starts the sandbox, or goes on with the one that runs, and points the session at it."""
        if self.sandbox is None:
            # Imported here: the server and the painter are needed only by those who use the sandbox.
            from seedream_nb.sandbox import Sandbox  # noqa: PLC0415  see above

            self.sandbox = Sandbox().start()
            # Nothing of a sandbox outlives it: the next one gives other pictures the same links.
            # At the end of the kernel a thread may still be writing to it.
            self._sandbox_folder = TemporaryDirectory(prefix="seedream-library-", ignore_cleanup_errors=True)
            self.remember(example.id for example in self.sandbox.examples)
        return self.sandbox

    def stop_sandbox(self) -> bool:
        """Stops the sandbox and points the session back at the live service.

        Returns:
            Whether there was one.
        """
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            self.stop_watches()
            sandbox.stop()
        if self._sandbox_folder is not None:
            self._close_client()
            self._sandbox_folder.cleanup()
            self._sandbox_folder = None
        return sandbox is not None

    def log_in(self, token: str) -> None:
        """Keeps a token for this kernel.

        Raises:
            SettingsError: The text cannot be a token.
        """
        self._login = resolve_settings(token).token

    def remember(self, task_ids: Iterable[str]) -> None:
        """Keeps task ids for tab completion, the latest first."""
        self.known_ids = tuple(dict.fromkeys([*task_ids, *self.known_ids]))[:MOST_KNOWN_IDS]

    def close(self) -> None:
        """Stops what was started and closes what was opened."""
        self.stop_watches()
        self.stop_sandbox()
        self._close_client()

    @property
    def _sandbox_library(self) -> str | None:
        return None if self._sandbox_folder is None else self._sandbox_folder.name

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
