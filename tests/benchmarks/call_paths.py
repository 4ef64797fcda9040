"""Counts the functions and files that run between a cell and its finished HTML.

Run it with `python -m tests.benchmarks.call_paths`; `--list` prints the files as well. Each count starts with a new
sandbox, after a first run that does all imports, once without a library and once with an empty one. All threads
count, but not the sandbox itself, comprehensions, or lambdas.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import seedream_nb
from seedream_nb import Sandbox
from tests.benchmarks.front_end import Recorder, open_shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

PACKAGE = Path(seedream_nb.__file__).parent
CELLS = {
    "one id": "%seedream get 84d1544a-9043-4dde-a98b-e889dacd75f6",
    "one prompt": "%%seedream generate\na white siamese cat",
}
MAX_FILES = {"one id": 28, "one prompt": 44}  # without a library


@dataclass
class CallPath:
    """The functions of the package that were called, each as file, name, and first line."""

    functions: set[tuple[str, str, int]] = field(default_factory=set)

    @property
    def files(self) -> list[str]:
        return sorted({file for file, _, _ in self.functions})

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        path = Path(code.co_filename)
        is_ours = event == "call" and path.is_relative_to(PACKAGE) and not code.co_name.startswith("<")
        if is_ours and not threading.current_thread().name.startswith("seedream-sandbox"):
            file = path.relative_to(PACKAGE).as_posix()
            if not file.startswith("sandbox/"):
                self.functions.add((file, code.co_name, code.co_firstlineno))


@contextmanager
def running_sandbox(shell: InteractiveShell, *, with_library: bool) -> Iterator[None]:
    """A new sandbox for the shell's `%seedream`."""
    if with_library:
        shell.run_cell("%seedream sandbox --seconds 0").raise_error()
        yield
        shell.run_cell("%seedream sandbox stop").raise_error()
        return
    with Sandbox(generation_seconds=0) as sandbox:
        # Without an explicit library, nothing from a server on this machine is stored.
        os.environ |= {"ACEDATACLOUD_API_TOKEN": sandbox.token, "ACEDATACLOUD_API_BASE_URL": sandbox.url}
        yield


def record_calls(shell: InteractiveShell, cell: str, *, with_library: bool) -> CallPath:
    """Runs a cell and records what it calls."""
    path = CallPath()
    with running_sandbox(shell, with_library=with_library):
        Recorder.bundles.clear()
        threading.setprofile(path.profile)
        sys.setprofile(path.profile)
        try:
            shell.run_cell(cell).raise_error()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    assert any("data:image/" in bundle.get("text/html", "") for bundle in Recorder.bundles), "no finished gallery"
    return path


def main() -> None:
    """Prints the counts; exits with status 1 if a path runs through too many files."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.call_paths", description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the files, with the number of functions in each")
    show_files = parser.parse_args().list
    shell = open_shell()
    shell.run_line_magic("load_ext", "seedream_nb")
    is_long = False
    for name, cell in CELLS.items():
        for with_library in (False, True):
            record_calls(shell, cell, with_library=with_library)  # imports
            path = record_calls(shell, cell, with_library=with_library)
            scene = f"{name}, {'empty' if with_library else 'no'} library"
            print(f"{scene}: {len(path.functions)} functions in {len(path.files)} files", end="")
            print("" if with_library else f" (target: at most {MAX_FILES[name]})")
            is_long |= not with_library and len(path.files) > MAX_FILES[name]
            if show_files:
                for file in path.files:
                    print(f"  {sum(file == other for other, _, _ in path.functions):3}  {file}")
    shell.run_line_magic("unload_ext", "seedream_nb")
    sys.exit(is_long)


if __name__ == "__main__":
    main()
