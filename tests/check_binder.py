"""Builds the Binder environment from `binder/` alone, as repo2docker does, and starts in it as a newcomer does.

`python -m seedream_nb` copies the notebooks and opens JupyterLab; each notebook runs where it was copied to.

Run it from the root of the repository: `python -m tests.check_binder`. It needs the package index, so it is not a test.
`python -m tests.check_binder --renew` installs the newest releases instead and pins them if the notebooks run.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

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


def open_jupyterlab(python: Path, tutorials: Path) -> None:
    """Opens JupyterLab on a folder of tutorials, looks at what it serves, and stops it with Ctrl-C."""
    options = ("--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=newcomer")
    command = (str(python), "-m", "seedream_nb", str(tutorials), "--", *options)
    # A check started in the background ignores Ctrl-C, and JupyterLab would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    start = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with start as process, requests.Session() as patient:
        assert process.stderr is not None
        try:
            log = ""
            while not (address := re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/01_quickstart\.ipynb", log)):
                line = process.stderr.readline()
                assert line, f"JupyterLab did not open the quickstart:\n{log}"
                log += line
            # It logs its address shortly before it listens there.
            patient.mount("http://", HTTPAdapter(max_retries=Retry(connect=10, backoff_factor=0.1)))
            listing = patient.get(f"{address[1]}/api/contents/?token=newcomer", timeout=60).json()
            served = {entry["name"] for entry in listing["content"]}
            assert {path.name for path in tutorials.glob("*.ipynb")} <= served
            # Without a terminal, JupyterLab does not ask whether to stop; sometimes a thread of AnyIO still goes on.
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=30)
                    break
        finally:
            process.kill()
    assert process.returncode == 0, f"after Ctrl-C, JupyterLab ended with {process.returncode}"


def main() -> None:
    """Builds the environment in a clean directory, opens JupyterLab, and runs every notebook in it."""
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
        tutorials = Path(name) / "tutorials"
        run(python, "-m", "seedream_nb", tutorials, "--no-open", cwd=repository)
        assert len(list(tutorials.iterdir())) == len(list((repository / "notebooks").glob("*.ipynb")))
        open_jupyterlab(python, tutorials)
        convert = (python, "-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", Path(name) / "executed")
        for notebook in sorted(tutorials.glob("*.ipynb")):
            run(*convert, notebook, cwd=tutorials)
        if renew:
            pins = run(python, "-m", "pip", "freeze", "--exclude", "seedream_nb", cwd=repository)
            (ROOT / CONSTRAINTS).write_text(HEADER + pins, encoding="utf-8")
    print("The Binder environment builds, and the notebooks run.")


if __name__ == "__main__":
    main()
