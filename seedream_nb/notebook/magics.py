"""The layer that IPython sees: it hands the typed line to a command, and completes lines on Tab.

Where nobody receives a command's value, as in a loop, it shows the value itself.
"""

from __future__ import annotations

import contextlib
import dis
import inspect
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.inputtransformer2 import EscapedCommand, MagicAssign
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from seedream_nb.notebook.front_end import FrontEnd, begins_with_magic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from tokenize import TokenInfo
    from types import FrameType

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.inputtransformer2 import TokenTransformBase
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.notebook.completion import Completion
    from seedream_nb.notebook.session import Session

MAGIC_NAME = "seedream"
_MODELS = "seedream_nb.core.models"
_SHOWN_TYPES = ("Task", "TaskImage")  # as values of a cell, such as gallery[0]
_QUESTIONED = re.compile(rf"(?:^\s*|= )% {MAGIC_NAME} [^?].*\?\s*$", re.DOTALL)
_QUESTIONED_CELL = re.compile(rf"%%{MAGIC_NAME}[ \t]+(?:library[ \t]+)?\w+[ \t]*\?{{1,2}}\s*")
# JupyterLab breaks a completion's type at every space and hyphen, and writes the lines over each other.
_UNBROKEN = str.maketrans({" ": "\N{NO-BREAK SPACE}", "-": "\N{NON-BREAKING HYPHEN}"})
COMPLETED_LINE = re.compile(r"\s*(?:[\w.]+\s*=\s*)?(%{0,2})seedream\s+(.*)")
_RUN_MAGIC = {"run_line_magic", "run_cell_magic"}
_FILLERS = {"CACHE", "EXTENDED_ARG", "NOP"}
_TIMED = "<timed "  # what %time and %%time compile; they pass the last value on


class Receiver(Enum):
    """Who receives the value of a magic."""

    CELL = "cell"  # IPython shows it as the cell's value
    CODE = "code"  # it is assigned, returned or passed on
    NOBODY = "nobody"  # a statement of its own: in a loop, a function, or the middle of a cell


@magics_class
class SeedreamMagics(Magics):
    """`%seedream` and `%%seedream`."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._shell = shell
        self._is_untouched = False  # whether the running cell certainly has no output yet
        self._session: Session | None = None
        self._formatter: Any = shell.display_formatter.mimebundle_formatter  # type: ignore[union-attr]  # shells have one
        self._matcher = context_matcher(identifier=MAGIC_NAME)(lambda context: self.complete(context))  # noqa: PLW0108  it gets attributes

    @line_cell_magic
    @no_var_expand
    def seedream(self, line: str, cell: str | None = None) -> object:
        """SeeDream image generation in notebooks; `%seedream help` lists the commands."""
        from seedream_nb.notebook.commands import parse  # noqa: PLC0415  %load_ext stays cheap

        caller = _find_caller(inspect.currentframe())
        # Not by IPython's output_can_be_silenced, which reads a prompt as Python: "it's raining (" would fail the cell.
        # A semicolon in the cell's body belongs to a prompt.
        is_silenced = line.rstrip().endswith(";")
        receiver = _find_receiver(caller)
        is_untouched, self._is_untouched = self._is_untouched, False  # the command may produce output
        front_end = FrontEnd(
            self._shell,
            is_untouched=is_untouched,
            value_follows=not is_silenced and self._will_show_value(receiver),
            namespace={**self._shell.user_ns, **(caller.f_locals if caller else {})},
        )
        value = parse(line, cell, front_end.evaluate).run(self._open_session(), front_end)
        if is_silenced:
            return None
        if receiver is Receiver.NOBODY and value is not None:
            front_end.show(value)
        return value

    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Completes a `%seedream` line; called by IPython's completer."""
        match = COMPLETED_LINE.match(context.text_until_cursor)
        if match is None:
            return _matches([], context.token, is_ours=False)
        from seedream_nb.notebook.completion import Surroundings, complete  # noqa: PLC0415  %load_ext stays cheap

        session = self._get_session()
        typed, found = complete(
            match[2],
            Surroundings(
                self._shell.user_ns,
                session.known_ids,
                session.peek_tags,
                session.peek_runs,
                session.peek_collections,
            ),
        )
        # Without a percent sign, it may also be Python with a variable of this name.
        return _matches(found, typed, is_ours=bool(match[1] or found))

    def install(self) -> None:
        """Adds the magics and their completion to the shell."""
        uninstall(self._shell)
        self._shell.register_magics(self)
        self._shell.Completer.custom_matchers.append(self._matcher)
        self._shell.events.register("pre_run_cell", self._begin_cell)
        self._shell.input_transformer_manager.token_transformers.extend(_TRANSFORMERS)
        self._shell.input_transformers_cleanup.append(_ask_on_one_line)
        for name in _SHOWN_TYPES:
            # By name: nothing is imported before there is a task to show.
            self._formatter.for_type_by_name(_MODELS, name, self._show_task)

    def close(self) -> None:
        """Reverts `install` and stops what the commands started."""
        matchers = self._shell.Completer.custom_matchers
        if self._matcher in matchers:
            matchers.remove(self._matcher)
            self._shell.events.unregister("pre_run_cell", self._begin_cell)
            transformers = self._shell.input_transformer_manager.token_transformers
            transformers[:] = [one for one in transformers if one not in _TRANSFORMERS]
            self._shell.input_transformers_cleanup.remove(_ask_on_one_line)
            for name in _SHOWN_TYPES:
                self._formatter.pop(f"{_MODELS}.{name}", None)
        if self._session is not None:
            self._session.close()

    def _show_task(self, value: Task | TaskImage, include: object = None, exclude: object = None) -> object:
        """Shows a task or an image as a gallery; IPython shows its repr where that fails."""
        del include, exclude  # IPython picks
        from seedream_nb.core.errors import SeedreamError  # noqa: PLC0415  %load_ext stays cheap
        from seedream_nb.gallery import Gallery  # noqa: PLC0415  see above

        with contextlib.suppress(SeedreamError):
            return Gallery([value], fetcher=self._get_session().client.fetcher)._repr_mimebundle_()
        return None

    def _begin_cell(self, info: ExecutionInfo) -> None:
        self._is_untouched = begins_with_magic(info.raw_cell or "")
        if self._session is not None:
            self._session.takes.clear()

    def _will_show_value(self, receiver: Receiver) -> bool:
        """Whether the command's value is certainly shown next: here, or by IPython as the cell's value."""
        return receiver is Receiver.NOBODY or (receiver is Receiver.CELL and not self._shell.displayhook.quiet())

    def _open_session(self) -> Session:
        session = self._get_session()
        session.begin_command()
        return session

    def _get_session(self) -> Session:
        if self._session is None:
            from seedream_nb.notebook.session import Session  # noqa: PLC0415  %load_ext stays cheap

            self._session = Session()
        return self._session


def _find_caller(frame: FrameType | None) -> FrameType | None:
    """Finds the frame that called a magic, from the magic's own; None if IPython did not run the magic."""
    while frame is not None and frame.f_code.co_name not in _RUN_MAGIC:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name in _RUN_MAGIC:  # a shell may extend IPython's
        frame = frame.f_back
    return frame


def _find_receiver(caller: FrameType | None) -> Receiver:
    """Finds who receives the value of a magic: the caller's next instruction pops the value, prints it, or uses it.

    It needs no source, so it also works within `exec`.

    Args:
        caller: The frame that called the magic; None if IPython did not run the magic.

    Returns:
        The receiver.
    """
    if caller is None:
        return Receiver.CODE
    for instruction in dis.get_instructions(caller.f_code):
        if instruction.offset <= caller.f_lasti or instruction.opname in _FILLERS:
            continue
        if instruction.opname == "POP_TOP":
            return Receiver.NOBODY
        # Up to Python 3.11, and since.
        if instruction.opname == "PRINT_EXPR" or instruction.argrepr == "INTRINSIC_PRINT":
            return Receiver.CELL
        is_timed = instruction.opname == "RETURN_VALUE" and caller.f_code.co_filename.startswith(_TIMED)
        return _find_receiver(_find_caller(caller.f_back)) if is_timed else Receiver.CODE
    return Receiver.CODE


def _read_overview() -> str:
    from seedream_nb.notebook.commands import overview  # noqa: PLC0415  %load_ext stays cheap

    return overview()


# What IPython shows for `%seedream?` and on Shift+Tab, instead of the docstring.
SeedreamMagics.seedream.getdoc = _read_overview  # type: ignore[union-attr]


class _QuestionedLine(EscapedCommand):
    """A line such as `%seedream generate?`, which IPython would take for a question about its last word."""

    priority = 4  # before IPython's own transformer

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> TokenTransformBase | None:
        """Finds the first such line in a cell."""
        return super().find(_find_questioned(tokens_by_line))  # type: ignore[no-untyped-call, no-any-return]  # IPython's


class _QuestionedAssignment(MagicAssign):
    """The same with a variable: `gallery = %seedream generate where is the cat?`."""

    priority = 4

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]  # IPython's
        # IPython sorts by the column, too, and its own transformer begins where the line begins.
        self._column, self.start_col = self.start_col, 0

    def transform(self, lines: list[str]) -> list[str]:
        """Turns the line into Python."""
        self.start_col = self._column
        return super().transform(lines)  # type: ignore[no-any-return]  # IPython's

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> TokenTransformBase | None:
        """Finds the first such line in a cell."""
        return super().find(_find_questioned(tokens_by_line))  # type: ignore[no-untyped-call, no-any-return]  # IPython's


_TRANSFORMERS = (_QuestionedLine, _QuestionedAssignment)


def _ask_on_one_line(lines: list[str]) -> list[str]:
    """A cell of nothing but `%%seedream generate?` as a line: IPython would reject it, as it has no body."""
    is_question = _QUESTIONED_CELL.fullmatch("".join(lines)) is not None
    return [lines[0].removeprefix("%")] if is_question else lines


def _find_questioned(tokens_by_line: list[list[TokenInfo]]) -> list[list[TokenInfo]]:
    """The lines with this magic and something between its name and a question mark at the end."""
    return [line for line in tokens_by_line if _QUESTIONED.search(" ".join(token.string for token in line))]


class _Nothing(list[SimpleCompletion]):
    """No completions, in a list that does not seem empty: IPython would offer those of others instead."""

    def __len__(self) -> int:
        return 1


def _matches(found: Iterable[Completion], typed: str, *, is_ours: bool) -> SimpleMatcherResult:
    """What IPython's completer expects; Python's own keywords and names do not complete our lines."""
    completions = [SimpleCompletion(one.text, type=one.type.translate(_UNBROKEN)) for one in found]
    return {
        "completions": completions if completions or not is_ours else _Nothing(),
        "matched_fragment": typed,
        "ordered": True,
        "suppress": is_ours,
        "do_not_suppress": set(),
    }


def uninstall(shell: InteractiveShell) -> None:
    """Removes the magics from a shell, if they are installed."""
    manager = shell.magics_manager
    for kind in ("line", "cell"):
        manager.magics[kind].pop(MAGIC_NAME, None)
    magics = manager.registry.pop(SeedreamMagics.__name__, None)
    if magics is not None:
        magics.close()
