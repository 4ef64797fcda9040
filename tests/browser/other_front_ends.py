"""Starts Notebook 7, Voilà, and marimo as a user would."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.jupyter import PATIENCE, SERVER_OPTIONS, run_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

TOKEN = "browser-test"
TRIES = 3
NOT_FINISHED = re.compile(r"\[[\s*]*\]:")  # the prompt of a cell that has not run, or is still running


@contextlib.contextmanager
def notebook_seven(root: Path, home: Path) -> Iterator[str]:
    """Runs a Notebook 7.

    Args:
        root: The directory to serve.
        home: The directory for its own files.

    Yields:
        Its address without a final slash.
    """
    options = [*SERVER_OPTIONS, f"--IdentityProvider.token={TOKEN}"]
    command = [sys.executable, "-m", "notebook", *options, f"--ServerApp.root_dir={root}"]
    with run_server(command, _environment(home), home / "server.log", r"(http://127\.0\.0\.1:\d+)/tree") as url:
        yield url


def open_and_run(page: Page, url: str, path: str) -> None:
    """Opens a notebook in Notebook 7, and runs all its cells."""
    page.goto(f"{url}/notebooks/{path}?token={TOKEN}")
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    expect(idle).to_be_visible(timeout=PATIENCE)
    not_finished = page.locator(".jp-CodeCell .jp-InputPrompt").filter(has_text=NOT_FINISHED)
    # A busy machine may be slow to find the kernel, so that Notebook asks for one.
    dialog = page.locator("dialog.jp-Dialog .jp-mod-accept")

    def accept() -> None:
        dialog.click()

    page.add_locator_handler(dialog, accept)
    for _ in range(TRIES):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        # A click before the session is complete is silently lost, reaches the first cell only, or marks cells as
        # running that never run.
        with contextlib.suppress(AssertionError):
            expect(not_finished).to_have_count(0, timeout=PATIENCE / TRIES)
            return


@contextlib.contextmanager
def voila(notebook: Path, home: Path) -> Iterator[str]:
    """Runs a Voilà with one notebook.

    Args:
        notebook: The notebook to serve as an app.
        home: The directory for its own files.

    Yields:
        Its address without a final slash.
    """
    # It logs the port that it was given, even when that is 0.
    port = f"--port={_free_port()}"
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", port, "--Voila.ip=127.0.0.1"]
    with run_server(command, _environment(home), home / "server.log", r"(http://[\w.]+:\d+)/") as url:
        yield url


@contextlib.contextmanager
def marimo(notebook: Path, home: Path) -> Iterator[str]:
    """Runs a marimo notebook as an app, which follows the browser's theme and keeps its library in `home`.

    Args:
        notebook: The notebook, a Python file.
        home: The directory for its own files.

    Yields:
        Its address without a final slash.
    """
    (home / "marimo").mkdir()
    (home / "marimo" / "marimo.toml").write_text('[display]\ntheme = "system"\n', encoding="utf-8")
    command = [sys.executable, "-m", "marimo", "run", str(notebook), "--headless", "--no-token", "--host=127.0.0.1"]
    own = {"XDG_CONFIG_HOME": str(home), "SEEDREAM_LIBRARY": str(home / "library"), "PYTHONUNBUFFERED": "1"}
    environment = {**_environment(home), **own}
    with run_server([*command, f"--port={_free_port()}"], environment, home / "server.log", r"(http://\w+:\d+)") as url:
        yield url


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _environment(home: Path) -> dict[str, str]:
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {**os.environ, "HOME": str(home), "IPYTHONDIR": str(home / "ipython"), **own}
