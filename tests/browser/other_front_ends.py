"""Starts Notebook 7 and Voilà as a user would."""

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
NOT_RUN = re.compile(r"\[\s*\]:")  # the prompt of a cell that has not run


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
    """Opens a notebook in Notebook 7, and starts running all its cells."""
    page.goto(f"{url}/notebooks/{path}?token={TOKEN}")
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    expect(idle).to_be_visible(timeout=PATIENCE)
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").first
    # A busy machine may be slow to find the kernel, so that Notebook asks for one.
    dialog = page.locator("dialog.jp-Dialog .jp-mod-accept")

    def accept() -> None:
        dialog.click()

    page.add_locator_handler(dialog, accept)
    for _ in range(TRIES):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        # A click before the session is complete is silently lost.
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text(NOT_RUN, timeout=PATIENCE / TRIES)
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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with run_server(command, _environment(home), home / "server.log", r"(http://[\w.]+:\d+)/") as url:
        yield url


def _environment(home: Path) -> dict[str, str]:
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {**os.environ, "HOME": str(home), "IPYTHONDIR": str(home / "ipython"), **own}
