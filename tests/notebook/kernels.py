"""Real kernels: what a front end receives, in which order and for which cell."""

from __future__ import annotations

import os
import queue
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient
    from nbformat import NotebookNode

PATIENCE = 60.0  # seconds
OUR_THREADS = "[t.name for t in __import__('threading').enumerate() if t.name.startswith('seedream-')]"
UNTIL_OVER = f"while {OUR_THREADS}: pass"
# Reloading closes the session: it stops watches and the sandbox.
_RESET = "%reload_ext seedream_nb\n%reset -f\n"
_SHOWN = {"stream", "display_data", "update_display_data", "execute_result", "clear_output", "error"}


@dataclass(frozen=True)
class Message:
    """What a kernel publishes.

    Attributes:
        kind: The message's type.
        content: Its content.
        cell: The cell that it belongs to, as `Kernel.start` has named it.
    """

    kind: str
    content: dict[str, Any]
    cell: str

    @property
    def display_id(self) -> str:
        return str(self.content.get("transient", {}).get("display_id", ""))

    @property
    def text(self) -> str:
        data = self.content.get("data", {})
        return str(data.get("text/plain", "") or self.content.get("text", ""))


class Kernel:
    """A kernel that runs, with the extension loaded."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.messages: list[Message] = []
        self._manager = manager
        self._client = client
        self._running = ""

    def start(self, code: str) -> str:
        """Starts a cell; returns its name."""
        self._running = str(self._client.execute(code))
        return self._running

    def run(self, code: str, *, fails: bool = False) -> list[Message]:
        """Runs a cell to its end, which is an error only where the test expects one; what it has sent."""
        messages = self.finish(self.start(code))
        errors = [message.content["traceback"] for message in messages if message.kind == "error"]
        assert bool(errors) == fails, "\n".join(chain(*errors)) or "the cell did not fail"
        return messages

    def finish(self, cell: str) -> list[Message]:
        """Waits for the end of a cell; what it has sent since it began."""
        self.read_until(lambda message: _is_end(message, cell))
        self._running = "" if self._running == cell else self._running
        return [message for message in self.messages if message.cell == cell and message.kind in _SHOWN]

    def read_until(self, condition: Callable[[Message], bool]) -> Message:
        """Reads messages until one fulfils a condition."""
        end = time.monotonic() + PATIENCE
        while True:
            message = self._read(end - time.monotonic())
            assert message is not None, "the message never came"
            if condition(message):
                return message

    def has_ended_within(self, cell: str, seconds: float) -> bool:
        """Whether a cell comes to its end within some time."""
        end = time.monotonic() + seconds
        while (message := self._read(end - time.monotonic())) is not None:
            if _is_end(message, cell):
                return True
        return False

    def interrupt(self) -> None:
        """Interrupts the kernel as the stop button does."""
        self._manager.interrupt_kernel()

    def kill(self) -> None:
        """Kills the kernel at once, as a crash does."""
        self._manager.shutdown_kernel(now=True)

    def reset(self, variables: Mapping[str, str]) -> None:
        """Makes the kernel as good as new, with some environment variables."""
        if self._running:  # a test that failed has left a cell
            self.interrupt()
            self.finish(self._running)
        self.run(_RESET + f"import os; os.environ.update({dict(variables)!r})")
        self.messages.clear()

    def complete(self, line: str) -> dict[str, str]:
        """What Tab offers at the end of a line, and the type that JupyterLab shows beside each."""
        content = self._client.complete(line, reply=True, timeout=60)["content"]
        found = content["metadata"]["_jupyter_types_experimental"]
        assert [one["text"] for one in found] == content["matches"]
        return {one["text"]: one["type"] for one in found}

    def value(self, expression: str) -> str:
        """The text of a Python expression's value in the kernel."""
        return "".join(message.text for message in self.run(f"print({expression})"))

    def _read(self, seconds: float) -> Message | None:
        try:
            raw = self._client.get_iopub_msg(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        message = Message(raw["msg_type"], raw["content"], raw["parent_header"].get("msg_id", ""))
        self.messages.append(message)
        return message


class Runner:
    """Runs notebooks one after the other in a kernel, as nbclient, nbconvert and `jupyter execute` do."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client

    def execute(self, *sources: str, allow_errors: bool = False) -> list[NotebookNode]:
        """Runs cells in the kernel, which is as good as new, and returns them."""
        self._client.nb = new_notebook(cells=[new_code_cell(source) for source in (_RESET, *sources)])
        self._client.reset_execution_trackers()
        self._client.allow_errors = allow_errors
        for place, cell in enumerate(self._client.nb.cells):
            self._client.execute_cell(cell, place)
        cells: list[NotebookNode] = self._client.nb.cells[1:]
        return cells


@contextmanager
def open_kernel(home: Path) -> Iterator[Kernel]:
    """A new kernel in a home directory of its own, shut down with the block."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=_environment(home), cwd=str(home))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        kernel = Kernel(manager, client)
        kernel.run("%load_ext seedream_nb")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@contextmanager
def open_runner(home: Path) -> Iterator[Runner]:
    """A new kernel for notebooks in a home directory of its own, shut down with the block."""
    client = NotebookClient(new_notebook(), timeout=120, kernel_name="python3")
    with client.setup_kernel(env=_environment(home), cwd=str(home)):
        yield Runner(client)


def _environment(home: Path) -> dict[str, str]:
    """This process's environment without the settings of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "SEEDREAM_SANDBOX_CACHE"
        or (not name.startswith(("ACEDATACLOUD_", "SEEDREAM_", "XDG_")) and not name.lower().endswith("_proxy"))
    }
    return kept | {"HOME": str(home), "USERPROFILE": str(home), "NETRC": str(home / ".netrc")}


def _is_end(message: Message, cell: str) -> bool:
    return message.kind == "status" and message.cell == cell and message.content["execution_state"] == "idle"
