"""Why: the browser tests drive a real JupyterLab; starting one and working in it is written once, here."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

import nbformat
import requests
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

# Long enough for a kernel to start on a busy machine with few cores.
PATIENCE = 30_000  # milliseconds
FINISHED = re.compile(r"\[\d+\]:")  # what stands before a cell that has run

QUIET_SETTINGS: dict[str, dict[str, object]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Without windowing every cell is in the page, whether it is in sight or not.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # A busy machine may need longer than its usual second to complete a word.
    "completer-extension/manager": {"providerTimeout": PATIENCE},
}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
_workspaces = (f"test-{number}" for number in itertools.count())
_directories = (f"new-{number}" for number in itertools.count())
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@dataclass(frozen=True)
class JupyterServer:
    """A running JupyterLab.

    Attributes:
        url: Its address without a final slash.
        token: What it wants to be shown.
        root: The directory that it serves.
        settings: Where it keeps the user's settings.
    """

    url: str
    token: str
    root: Path
    settings: Path

    def choose_theme(self, name: str) -> None:
        """Sets the theme for pages that are opened from now on."""
        write_setting(self.settings, "apputils-extension/themes", {"theme": THEMES[name]})

    def add_notebook(self, name: str, *sources: str) -> str:
        """Writes a notebook into a directory of its own, as JupyterLab keeps the kernel of one that it had open.

        Args:
            name: Its name, without the ending.
            *sources: Its code cells.

        Returns:
            Its path on the server.
        """
        path = f"{next(_directories)}/{name}.ipynb"
        (self.root / path).parent.mkdir()
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources], metadata={"kernelspec": KERNEL})
        nbformat.write(notebook, self.root / path)
        return path

    def shut_down_kernels(self) -> None:
        """Ends all sessions and their kernels."""
        sessions = f"{self.url}/api/sessions"
        headers = {"Authorization": f"token {self.token}"}
        for session in requests.get(sessions, headers=headers, timeout=PATIENCE / 1000).json():
            answer = requests.delete(f"{sessions}/{session['id']}", headers=headers, timeout=PATIENCE / 1000)
            answer.raise_for_status()


def write_setting(settings: Path, plugin: str, values: dict[str, object]) -> None:
    """Writes a user setting of one of JupyterLab's own plugins."""
    path = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def serve(root: Path, home: Path) -> Generator[JupyterServer, None, None]:
    """Runs a JupyterLab of this environment until the generator is closed.

    Args:
        root: The directory to serve.
        home: Where it may keep its own files.

    Yields:
        The server, ready for requests.
    """
    token = "browser-test"
    environment = {
        **os.environ,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    options = ["--no-browser", "--port=0", "--ip=127.0.0.1", "--allow-root", f"--IdentityProvider.token={token}"]
    command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={root}"]
    server_settings = home / "settings"
    for plugin, values in QUIET_SETTINGS.items():
        write_setting(server_settings, plugin, values)
    patient = requests.Session()
    patient.mount("http://", HTTPAdapter(max_retries=Retry(connect=10, backoff_factor=0.1)))
    with patient, subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        log = process.stderr or ()
        # The rest of its log has to be read, or it blocks when the pipe is full.
        drain = Thread(target=deque, args=(log, 0))
        try:
            url = next(found[1] for line in log if (found := re.search(r"(http://127\.0\.0\.1:\d+)/lab", line)))
            drain.start()
            # It tells its address shortly before it listens there.
            patient.get(f"{url}/api", timeout=PATIENCE / 1000)
            yield JupyterServer(url, token, root, server_settings)
        finally:
            process.terminate()
            if drain.ident is not None:
                drain.join()


@dataclass(frozen=True)
class Notebook:
    """A notebook that is open in JupyterLab.

    Attributes:
        page: The browser's page.
    """

    page: Page

    @classmethod
    def open(cls, page: Page, server: JupyterServer, path: str) -> Notebook:
        """Opens a notebook of the server, alone on the page."""
        # A workspace of its own, as JupyterLab restores in each what was open there before.
        page.goto(f"{server.url}/lab/workspaces/{next(_workspaces)}/tree/{path}?token={server.token}")
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=PATIENCE)
        return cls(page)

    @property
    def code_cells(self) -> Locator:
        """The code cells."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def run_all(self) -> None:
        """Runs all cells, and waits until the last one is finished."""
        self.start_all()
        self.wait_for_cell(self.code_cells.last)

    def start_all(self) -> None:
        """Starts to run all cells; does not wait until they are finished."""
        self.wait_for_kernel()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def wait_for_cell(self, cell: Locator) -> None:
        """Waits until a cell has finished."""
        expect(cell.locator(".jp-InputPrompt")).to_have_text(FINISHED, timeout=PATIENCE)

    def add_cell(self, source: str) -> Locator:
        """Appends a code cell with some source, and gives it back; the cursor is at its end."""
        count = self.code_cells.count()
        self.code_cells.last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        expect(self.code_cells).to_have_count(count + 1)
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        return self.code_cells.nth(count)

    def run_cell(self, source: str) -> Locator:
        """Appends a code cell, starts to run it and gives it back; does not wait until it is finished."""
        self.wait_for_kernel()
        cell = self.add_cell(source)
        self.page.keyboard.press("Control+Enter")
        return cell

    def wait_for_kernel(self) -> None:
        """Waits until the kernel is there and has nothing to do."""
        expect(self.page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=PATIENCE)

    def save(self) -> None:
        """Saves the notebook, and waits until the server has it."""
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ):
            self.page.locator("[data-jp-item-name=save] jp-button").click()

    def interrupt(self) -> None:
        """Interrupts the kernel by the toolbar's button."""
        self.page.locator("[data-jp-item-name=interrupt] jp-button").click()
