"""Why: the thin layer that IPython sees. It dispatches; what a command means is written in `commands`."""

from __future__ import annotations

import getpass
import re
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.notebook.cell import CellWatch, is_silenced

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb.notebook.cell import Cell
    from seedream_nb.notebook.front_end import LiveDisplay
    from seedream_nb.notebook.session import Session

MAGIC_NAME = "seedream"
COMPLETED_LINE = re.compile(r"\s*(?:[\w.]+\s*=\s*)?%{0,2}seedream\s+(.*)")


class ShellFrontEnd:
    """Where one command runs: an IPython shell, in a notebook or a terminal.

    Args:
        shell: The shell.
        cell: The cell that the command runs in.
    """

    def __init__(self, shell: InteractiveShell, cell: Cell) -> None:
        self._shell = shell
        self._is_untouched = cell.is_untouched
        self._value_follows = cell.value_follows

    def show(self, value: object) -> None:
        """Shows something beside the cell's value."""
        self._is_untouched = False
        display(value)

    def assign(self, name: str, value: object) -> None:
        """Assigns a variable in the user's namespace."""
        self._shell.push({name: value})

    def keep_value(self, value: object) -> None:
        """Keeps something as the cell's value (`_`) although the cell is about to fail."""
        self._shell.displayhook.update_user_ns(value)

    def evaluate(self, expression: str) -> object:
        """The value of a Python expression in the user's namespace.

        Raises:
            UsageError: It has none.
        """
        try:
            return self._shell.ev(expression)
        except (NameError, SyntaxError):
            raise UsageError(
                f"{expression!r} is neither a link, nor a file that exists, nor a Python expression with a value.",
                hint="Check the spelling; nothing was sent.",
            ) from None
        except Exception as problem:  # noqa: BLE001  whatever the expression raises
            raise UsageError(
                f"{expression!r} has no value: {type(problem).__name__}: {shorten(str(problem))}.",
                hint="Check the expression; nothing was sent.",
            ) from None

    def ask_secret(self, question: str) -> str:
        """Asks the user for something that is not shown while typed.

        Raises:
            UsageError: There is nobody to ask.
        """
        try:
            return getpass.getpass(question)
        except (StdinNotImplementedError, EOFError):
            raise UsageError(
                "Nobody can be asked for the token here.",
                hint="Set the environment variable ACEDATACLOUD_API_TOKEN instead.",
            ) from None

    def confirm(self, question: str) -> bool:
        """Asks whether to go on; anything but a yes is a no.

        Raises:
            UsageError: There is nobody to ask.
        """
        try:
            answer = input(f"{question} [y/N] ")
        except (StdinNotImplementedError, EOFError):
            raise UsageError(f"{question} Nobody can be asked here.", hint="Add --yes if that is wanted.") from None
        return answer.strip().lower() in {"y", "yes"}

    def progress(self, total: int, description: str) -> AbstractContextManager[Callable[[int], None]]:
        """A progress bar that leaves nothing behind."""
        from seedream_nb.notebook.progress import CellBar, progress_bar  # noqa: PLC0415  loads tqdm

        return progress_bar(total, description, CellBar(wipe_cell=self._is_untouched) if self._in_notebook else None)

    def live(self) -> LiveDisplay:
        """A display for tasks that are being made."""
        from seedream_nb.notebook.live import CellLiveDisplay, TerminalLiveDisplay  # noqa: PLC0415  rarely needed

        if not self._in_notebook:
            return TerminalLiveDisplay()
        return CellLiveDisplay(wipe_cell=self._is_untouched, value_follows=self._value_follows)

    @property
    def _in_notebook(self) -> bool:
        return hasattr(self._shell, "kernel")


@magics_class
class SeedreamMagics(Magics):
    """`%seedream` and `%%seedream`."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._shell = shell
        self._cell = CellWatch()
        self._session: Session | None = None
        self._matcher = context_matcher(identifier=MAGIC_NAME)(lambda context: self.complete(context))  # noqa: PLW0108  it gets attributes

    @line_cell_magic
    @no_var_expand
    def seedream(self, line: str, cell: str | None = None) -> object:
        """SeeDream images in notebooks; `%seedream help` lists the commands."""
        from seedream_nb.notebook.arguments import parse  # noqa: PLC0415  %load_ext stays cheap
        from seedream_nb.notebook.commands import run  # noqa: PLC0415  as above

        if "$" in line or "{" in line:
            # IPython would do this itself, but in a time that grows with the square of a line without variables:
            # for a thousand ids, many seconds. Two frames up is the caller of the magic.
            line = self._shell.var_expand(line, depth=2)
        front_end = ShellFrontEnd(self._shell, self._cell.take())
        value = run(parse(line, cell), self._open_session(), front_end)
        # Not by IPython's output_can_be_silenced, which reads a prompt as Python: "it's raining (" would fail the cell.
        return None if is_silenced(line) else value

    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """What may come next on a `%seedream` line; called by IPython's completer."""
        match = COMPLETED_LINE.match(context.text_until_cursor)
        if match is None:
            return _matches([], context.token, is_ours=False)
        from seedream_nb.notebook.arguments import completions  # noqa: PLC0415  %load_ext stays cheap

        *words, typed = re.split(r"\s+", match[1])
        known_ids = self._session.known_ids if self._session else ()
        found = [word for word in completions(words, known_ids) if word.startswith(typed)]
        return _matches(found, typed, is_ours=True)

    def install(self) -> None:
        """Adds the magics and their completion to the shell."""
        uninstall(self._shell)
        self._shell.register_magics(self)
        self._shell.Completer.custom_matchers.append(self._matcher)
        self._shell.events.register("pre_run_cell", self._cell.begin)

    def close(self) -> None:
        """Takes back what `install` added, and stops what the commands started."""
        matchers = self._shell.Completer.custom_matchers
        if self._matcher in matchers:
            matchers.remove(self._matcher)
            self._shell.events.unregister("pre_run_cell", self._cell.begin)
        if self._session is not None:
            self._session.close()

    def _open_session(self) -> Session:
        if self._session is None:
            from seedream_nb.notebook.session import Session  # noqa: PLC0415  %load_ext stays cheap

            self._session = Session()
        return self._session


def _matches(words: list[str], typed: str, *, is_ours: bool) -> SimpleMatcherResult:
    """What IPython's completer expects; on our lines Python's own keywords and names are kept out of the list."""
    return {
        "completions": [SimpleCompletion(word) for word in words],
        "matched_fragment": typed,
        "ordered": True,
        "suppress": is_ours,
        "do_not_suppress": set(),
    }


def uninstall(shell: InteractiveShell) -> None:
    """Removes the magics from a shell, if they are there.

    Args:
        shell: The shell.
    """
    manager = shell.magics_manager
    for kind in ("line", "cell"):
        manager.magics[kind].pop(MAGIC_NAME, None)
    magics = manager.registry.pop(SeedreamMagics.__name__, None)
    if magics is not None:
        magics.close()
