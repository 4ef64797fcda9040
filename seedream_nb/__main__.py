"""Copies the tutorials to a folder and opens the quickstart in JupyterLab: `python -m seedream_nb`."""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb import __version__
from seedream_nb.core.atomic_files import write_new

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = Path(__file__).parent
PLACES = (PACKAGE / "tutorials", PACKAGE.parent / "notebooks")  # in an installed copy; in a clone
QUICKSTART = "01_quickstart.ipynb"
LAB = ("datasets", "jupyterlab", "pandas")  # the packages of the extra `lab`
DESCRIPTION = """\
Copy the tutorials of seedream_nb to a folder, and open the first one in JupyterLab. They run in the sandbox, without a
token, an internet connection, or any cost. Existing files are never overwritten: the same command opens them again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Copies the tutorials and opens them.

    Args:
        arguments: The command line without the program's name; by default, that of the process.

    Returns:
        0 if all went well; 1 if JupyterLab is missing; 2 if a file could not be written; 130 after an interrupt; or
        what JupyterLab ends with.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(
        prog="python -m seedream_nb",
        usage="%(prog)s [FOLDER] [--no-open] [-- JUPYTERLAB OPTIONS ...]",
        description=DESCRIPTION,
        epilog="What follows -- is passed to JupyterLab: python -m seedream_nb -- --port 9000",
    )
    parser.add_argument(
        "folder", nargs="?", default="seedream_tutorials", metavar="FOLDER", help="where to copy (default: %(default)s)"
    )
    parser.add_argument("--no-open", action="store_true", help="copy only, do not open JupyterLab")
    parser.add_argument("--version", action="version", version=f"seedream_nb {__version__}")
    options = parser.parse_args(given[:end])
    folder = Path(options.folder)
    try:
        try:
            print(copy_tutorials(find_tutorials(), folder))
        except OSError as error:
            parser.exit(2, f"{parser.prog}: error: Can't copy the tutorials to '{folder}': {error.strerror}.\n")
        return 0 if options.no_open else open_tutorials(folder, given[end + 1 :])
    except KeyboardInterrupt:
        return 130


def find_tutorials() -> Path:
    """The folder of this installation that has the tutorials."""
    for place in PLACES:
        if (place / QUICKSTART).is_file():
            return place
    raise FileNotFoundError(0, "this installation has none. Reinstall seedream_nb")


def copy_tutorials(source: Path, folder: Path) -> str:
    """Copies what is not there yet.

    Args:
        source: The folder with the tutorials.
        folder: Where to copy them; it is created if it does not exist.

    Returns:
        A sentence for each outcome: what was copied, what was kept, and what of that is different.

    Raises:
        OSError: The folder or a file cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(0, "that is a file. Pass the name of a folder")
    folder.mkdir(parents=True, exist_ok=True)
    copied, kept, changed = 0, 0, []
    for tutorial in sorted(source.glob("*.ipynb")):
        content = tutorial.read_bytes()
        if write_new(folder / tutorial.name, content):
            copied += 1
            continue
        kept += 1
        if not _has_content(folder / tutorial.name, content):
            changed.append(tutorial.name)
    lines = []
    if copied:
        lines.append(f"Copied {copied} {'notebook' if copied == 1 else 'notebooks'} to {folder}.")
    if kept:
        lines.append(f"Kept {kept} existing {'file' if kept == 1 else 'files'} in {folder}.")
    if changed:
        lines.append(f"Not as in seedream_nb {__version__}, and kept: {', '.join(changed)}.")
    return "\n".join(lines)


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def open_tutorials(folder: Path, options: Sequence[str]) -> int:
    """Runs JupyterLab in this process until it ends, or says how to open the quickstart; returns the exit code."""
    quickstart = folder / QUICKSTART
    if {"JUPYTER_SERVER_ROOT", "JPY_SESSION_NAME"} & set(os.environ):
        print(f"Jupyter is already running here: open {quickstart} in its file browser.")
        return 0
    missing = [name for name in LAB if find_spec(name) is None]
    python = _quote("python" if shutil.which("python") == sys.executable else sys.executable)
    install = f'    {python} -m pip install "seedream_nb[lab]"'
    if "jupyterlab" in missing:
        print(
            "\nJupyterLab is not installed for this Python. Install it, with what the tutorials use:\n\n"
            f"{install}\n\n"
            "Then open the quickstart, or run the same command again:\n\n"
            f"    {python} -m jupyter lab {_quote(str(quickstart))}"
        )
        return 1
    if missing:
        print(f"07_runs.ipynb also needs {' and '.join(missing)}:\n\n{install}\n")
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options:
        print(f"As root, JupyterLab needs an option: {python} -m seedream_nb {_quote(str(folder))} -- --allow-root")
    print("Opening JupyterLab. Press Ctrl-C twice to stop it.", flush=True)
    # The address that it prints leads to the quickstart, too, for those whose browser is on another machine.
    place = [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{QUICKSTART}"]
    # In this process, JupyterLab gets every signal itself, on all systems.
    sys.argv = ["jupyter-lab", *place, *options]
    runpy.run_module("jupyterlab", run_name="__main__", alter_sys=True)
    return 0


def _quote(word: str) -> str:
    """The word for a command line, in a Unix shell as well as on Windows."""
    return f'"{word}"' if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
