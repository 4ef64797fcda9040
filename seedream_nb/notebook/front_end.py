"""The place where a command runs: an IPython shell, in a notebook or a terminal, and the cell's output."""

from __future__ import annotations

import getpass
import html
import re
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.error import StdinNotImplementedError
from IPython.display import clear_output, display

from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import VERBATIM_CLASSES, show_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle

_BEGINS_WITH_MAGIC = re.compile(r"(?:\s*(?:#[^\n]*)?\n)*\s*(?:[\w.]+\s*=\s*)?%{1,2}seedream\b")

PROGRESS_DELAY = 0.5  # seconds before progress appears; anything faster needs none
PROGRESS_INTERVAL = 0.1  # seconds between two updates

# As high as the summary of the finished gallery that replaces it, so that the tiles stay where they are.
LINE_STYLE = (
    "margin:0;padding:2px 2px 6px;font-size:0.85em;line-height:1.35;white-space:nowrap;overflow:hidden;"
    "text-overflow:ellipsis;font-variant-numeric:tabular-nums"
)
BAR_STYLE = "width:80px;height:8px;vertical-align:middle"


@dataclass(frozen=True)
class Notice:
    """Lines of text as the value of a cell.

    Attributes:
        text: The text; line breaks are preserved.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


def begins_with_magic(code: str) -> bool:
    """Whether only blank lines and comments precede a cell's first `%seedream` or `%%seedream`."""
    return _BEGINS_WITH_MAGIC.match(code) is not None


class CellOutput:
    """One output of a notebook's cell that is updated in place, so that the saved notebook does not grow."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether the output exists."""
        return self._handle is not None

    def open(self) -> None:
        """Creates the output in the cell that runs now; later updates from any thread go there."""
        if self._handle is None:
            # Created empty: nbval keeps what is displayed first, and knows neither updates nor clearing.
            self._handle = display({}, raw=True, display_id=True)

    def show(self, bundle: dict[str, str]) -> None:
        """Replaces the output with a MIME bundle."""
        self.open()
        if self._handle is not None:
            self._handle.update(bundle, raw=True)

    def empty(self) -> None:
        """Empties the output; front ends show nothing for it."""
        if self._handle is not None:
            self._handle.update({}, raw=True)


class TerminalLine:
    """One line of a terminal that is updated in place."""

    def show(self, text: str) -> None:
        """Replaces the line."""
        if sys.stderr.isatty():
            # A longer line would wrap, and only its last part would be replaced.
            text = show_line(text, shutil.get_terminal_size().columns - 1)
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def empty(self) -> None:
        """Clears the line."""
        self.show("")


def progress_bundle(done: int, total: int, text: str, *, wraps: bool = False) -> dict[str, str]:
    """A progress bar with a line of text, as a bundle of HTML and text; a line that does not wrap is cut."""
    bar = f'<progress max="{max(1, total)}" value="{done}" style="{BAR_STYLE}"></progress>'
    style = LINE_STYLE.replace("nowrap", "normal") if wraps else LINE_STYLE
    line = f'<div class="{VERBATIM_CLASSES}" role="status" style="{style}">{bar} {html.escape(text)}</div>'
    return {"text/html": line, "text/plain": text}


class FrontEnd:
    """Where one command runs.

    Args:
        shell: The shell.
        is_untouched: Whether the cell certainly has no output yet.
        value_follows: Whether the command's value is certainly shown next.
        namespace: The variables of the code that calls the command; by default those of the shell.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        *,
        is_untouched: bool,
        value_follows: bool,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        self._shell = shell
        self._is_untouched = is_untouched
        self.value_follows = value_follows
        self._namespace = namespace

    @property
    def in_notebook(self) -> bool:
        """Whether the shell belongs to a kernel; otherwise it is a terminal."""
        return hasattr(self._shell, "kernel")

    @property
    def is_untouched(self) -> bool:
        """Whether the cell has no output yet, so that all of its output may be cleared."""
        return self._is_untouched

    def show(self, value: object) -> None:
        """Shows something besides the cell's value."""
        self._is_untouched = False
        display(value)

    def show_bundle(self, bundle: dict[str, str]) -> None:
        """Shows a MIME bundle besides the cell's value."""
        self._is_untouched = False
        display(bundle, raw=True)

    def clear(self, output: CellOutput) -> None:
        """Removes a temporary output; where nothing else is shown, without a trace in the saved notebook."""
        if output.is_open and self._is_untouched:
            # What is about to be shown replaces it, so that the page need not jump in between.
            clear_output(wait=self.value_follows)
        else:
            output.empty()

    def assign(self, name: str, value: object) -> None:
        """Assigns a variable in the user's namespace."""
        self._shell.push({name: value})

    def keep_value(self, value: object) -> None:
        """Sets the cell's value (`_`) although the cell is about to fail."""
        self._shell.displayhook.update_user_ns(value)

    def evaluate(self, expression: str) -> object:
        """Evaluates a Python expression where the command was typed; raises what it raises."""
        namespace = self._shell.user_ns if self._namespace is None else self._namespace
        return eval(expression, dict(namespace))  # noqa: S307  the user's own code

    def ask_secret(self, prompt: str) -> str:
        """Prompts for a secret that is not shown while typed.

        Raises:
            UsageError: The notebook runs without a user.
        """
        try:
            return getpass.getpass(prompt)
        except (StdinNotImplementedError, EOFError):
            raise UsageError(
                "Can't prompt for a token here.",
                hint="Set the environment variable ACEDATACLOUD_API_TOKEN instead.",
            ) from None

    def confirm(self, prompt: str) -> bool:
        """Prompts for a confirmation; anything but yes is a no.

        Raises:
            UsageError: The notebook runs without a user.
        """
        try:
            answer = input(f"{prompt} [y/N] ")
        except (StdinNotImplementedError, EOFError):
            raise UsageError(f"{prompt} Can't prompt for confirmation here.", hint="Add --yes to confirm.") from None
        return answer.strip().lower() in {"y", "yes"}

    @contextmanager
    def progress(self, total: int, description: str) -> Iterator[Callable[[int], None]]:
        """Shows progress while a block runs, if that takes long enough, and leaves nothing behind.

        Yields:
            A function to call with the number of steps done since the last call.
        """
        output = CellOutput()
        terminal = TerminalLine()
        done, shown_at = 0, time.monotonic() + PROGRESS_DELAY - PROGRESS_INTERVAL

        def advance(steps: int) -> None:
            nonlocal done, shown_at
            done += steps
            now = time.monotonic()
            if now - shown_at < PROGRESS_INTERVAL:
                return
            shown_at = now
            text = f"{description}: {done:,} of {total:,}"
            if self.in_notebook:
                output.show(progress_bundle(done, total, text))
            else:
                terminal.show(text)

        try:
            yield advance
        finally:
            if self.in_notebook:
                self.clear(output)
            else:
                terminal.empty()
