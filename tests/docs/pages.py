"""Reads the code of a documentation page, and runs it as a reader would: cell by cell, in one session.

Each fenced block is a cell of IPython (`python`, `ipython`), a command of a shell (`bash`), or, as a `{code-block}`
with a `:caption:`, a file. A `text` block is what the block before it shows, where `…` stands for anything. A comment
before a block changes that:

    <!-- not run: the reason -->
    <!-- raises: BudgetExceededError -->

and one by itself, `<!-- first: code -->`, is a cell that readers need not see.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.utils.capture import capture_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

CELLS = {"python", "ipython"}
SHELL = "bash"
OUTPUT = "text"

_PART = re.compile(
    r"^<!--\s*(?P<marker>not run|raises|first):(?P<value>.*?)-->"
    r"|^(?P<fence>`{3,})(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_DIRECTIVE = re.compile(r"\{code-block\}\s*(\w+)")
_CAPTION = re.compile(r"^:caption: (\S+)\n")
_OPTIONS = re.compile(r"\A(?::[\w-]+:[^\n]*\n)*\n?")
_COLORS = re.compile(r"\x1b\[[0-9;]*[mK]")


@dataclass(frozen=True)
class Block:
    """A fenced block, or a hidden cell.

    Attributes:
        line: Its line in the page.
        language: What it is written in.
        code: Its text.
        file: The name of the file that it is; empty if it is none.
        skipped: Why it is not run; empty if it is.
        raises: The error that it shows; empty for none.
    """

    line: int
    language: str
    code: str
    file: str = ""
    skipped: str = ""
    raises: str = ""


def read_blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order; markers apply to the block that follows them."""
    markers: dict[str, str] = {}
    for part in _PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["marker"] == "first":
            yield Block(line, "ipython", part["value"].strip())
        elif part["marker"]:
            markers[part["marker"]] = part["value"].strip()
        else:
            language, body, file = part["language"].strip(), part["body"], ""
            if directive := _DIRECTIVE.fullmatch(language):
                language = directive[1]
                caption = _CAPTION.search(body)
                file = caption[1] if caption else ""
                body = _OPTIONS.sub("", body)
            yield Block(line, language, body, file, markers.get("not run", ""), markers.get("raises", ""))
            markers = {}


def run_page(path: Path, shell: InteractiveShell) -> list[tuple[Block, str]]:
    """Runs the blocks of a page in the working directory.

    Returns:
        Each block that was run, with what it showed.

    Raises:
        AssertionError: A block failed, or showed something else than the page says.
    """
    shown: list[tuple[Block, str]] = []
    for block in read_blocks(path.read_text(encoding="utf-8")):
        where = f"{path.name}, line {block.line}"
        if block.skipped:
            continue
        if block.file:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.language in CELLS:
            shown.append((block, _run_cell(block, shell, where)))
        elif block.language == SHELL and shutil.which(SHELL):
            shown.append((block, _run_command(block, where)))
        elif block.language == OUTPUT and shown:
            assert is_shown(block.code, shown[-1][1]), f"{where}: the output is\n{shown[-1][1]}"
    return shown


def is_shown(expected: str, output: str) -> bool:
    """Whether an output has these lines; `…` stands for any text."""
    parts = [re.escape(" ".join(part.split())) for part in expected.split("…")]
    return re.search(r"\s?.*\s?".join(parts), " ".join(output.split())) is not None


def _run_cell(block: Block, shell: InteractiveShell, where: str) -> str:
    with capture_output() as captured:
        result = shell.run_cell(block.code, store_history=True)
    displayed = [output.data.get("text/plain", "") for output in captured.outputs]
    output = _COLORS.sub("", "\n".join([*displayed, captured.stdout, captured.stderr]))
    problem = result.error_before_exec or result.error_in_exec
    failed_with = type(problem).__name__ if problem else ""
    assert failed_with == block.raises, f"{where}: {failed_with or 'no error'}\n{output}"
    return output


def _run_command(block: Block, where: str) -> str:
    here = str(Path(sys.executable).parent)  # so that `python` is this one
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    result = subprocess.run(
        [SHELL, "-e", "-c", block.code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "PATH": os.pathsep.join([here, os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # which takes longer than the pages' own tests
        },
    )
    output = _COLORS.sub("", result.stdout + result.stderr)
    assert bool(result.returncode) == bool(block.raises), f"{where}: exit code {result.returncode}\n{output}"
    return output
