"""Builds the Binder environment from `binder/` alone, as repo2docker does, and runs the notebooks in it.

Run it from the root of the repository: `python -m tests.check_binder`. It needs the package index, so it is not a test.
`python -m tests.check_binder --renew` installs the newest releases instead and pins them if the notebooks run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONSTRAINTS = Path("binder") / "constraints.txt"
HEADER = """\
# Every package in the Binder environment is pinned, so that no new release can break it.
# To renew: python -m tests.check_binder --renew
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command and returns its output; raises if it fails."""
    parts = [str(part) for part in command]
    return subprocess.run(parts, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def find_python(*, exact: bool) -> str:
    """The interpreter of the version that repo2docker would install; if it is missing and not `exact`, this one."""
    version = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0:
        return found
    if exact:
        raise SystemExit(f"Python {version} is not installed; the pinned versions depend on it.")
    print(f"Python {version} is not installed; using {sys.executable} instead.")
    return sys.executable


def copy_tracked_files(target: Path) -> None:
    """Copies the tracked files from the working tree, as a clone would contain them."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listing.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def main() -> None:
    """Builds the environment in a clean directory and runs every notebook in it."""
    parser = argparse.ArgumentParser(description="Build the Binder environment and run the notebooks in it.")
    parser.add_argument("--renew", action="store_true", help=f"pin the newest releases in {CONSTRAINTS}")
    renew: bool = parser.parse_args().renew
    with tempfile.TemporaryDirectory() as name:
        repository = Path(name) / "repository"
        copy_tracked_files(repository)
        if renew:
            (repository / CONSTRAINTS).write_text("", encoding="utf-8")
        environment = Path(name) / "environment"
        run(find_python(exact=renew), "-m", "venv", environment, cwd=repository)
        python = environment / "bin" / "python"
        run(python, "-m", "pip", "install", "-q", "-r", "binder/requirements.txt", cwd=repository)
        run(python, "-m", "jupyter", "lab", "--version", cwd=repository)
        # The source package next to the notebooks would hide a broken installation.
        shutil.rmtree(repository / "seedream_nb")
        convert = (python, "-m", "nbconvert", "--execute", "--to", "notebook", "--output", "executed.ipynb")
        for notebook in sorted((repository / "notebooks").glob("*.ipynb")):
            run(*convert, notebook, cwd=notebook.parent)
        if renew:
            pins = run(python, "-m", "pip", "freeze", "--exclude", "seedream_nb", cwd=repository)
            (ROOT / CONSTRAINTS).write_text(HEADER + pins, encoding="utf-8")
    print("The Binder environment builds, and the notebooks run.")


if __name__ == "__main__":
    main()
