"""Why: Binder builds its environment from `binder/` alone; this does the same here, and runs the notebooks in it.

Run it from the repository's root: `python -m tests.check_binder`. It needs the package index, so it is no test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> None:
    """Runs a command; its failure is ours."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def find_python() -> str:
    """The interpreter of the pinned version, as repo2docker would install it."""
    version = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        print(f"Python {version} is not on this machine; {sys.executable} stands in for it.")
    return found or sys.executable


def copy_tracked_files(target: Path) -> None:
    """Copies what git knows, as it is in the working tree: what a clone would hold."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listing.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def main() -> None:
    """Builds the environment in a clean directory and runs every notebook in it."""
    with tempfile.TemporaryDirectory() as name:
        repository = Path(name) / "repository"
        copy_tracked_files(repository)
        environment = Path(name) / "environment"
        run(find_python(), "-m", "venv", environment, cwd=repository)
        python = environment / "bin" / "python"
        run(python, "-m", "pip", "install", "-q", "-r", "binder/requirements.txt", cwd=repository)
        run(python, "-m", "jupyter", "lab", "--version", cwd=repository)
        # A package beside the notebooks would hide that the installed one is broken.
        shutil.rmtree(repository / "seedream_nb")
        for notebook in sorted((repository / "notebooks").glob("*.ipynb")):
            run(
                python,
                "-m",
                "nbconvert",
                "--execute",
                "--to",
                "notebook",
                "--output",
                "executed.ipynb",
                notebook,
                cwd=notebook.parent,
            )
    print("Binder's environment builds, and its notebooks run.")


if __name__ == "__main__":
    main()
