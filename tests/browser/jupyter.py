"""A real JupyterLab for the browser tests: how to start it, and how to work in it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
import requests
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

# Long enough for a kernel to start on a busy machine with few cores.
PATIENCE = 60_000  # milliseconds
START_PATIENCE = 120  # seconds; several servers may start at the same time
END_PATIENCE = 1  # second
FINISHED = re.compile(r"\[\d+\]:")  # the prompt of a cell that has run

QUIET_SETTINGS: dict[str, dict[str, object]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Without windowing every cell is in the page, whether it is in sight or not.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # A busy machine may need longer than its usual second to complete a word.
    "completer-extension/manager": {"providerTimeout": PATIENCE},
}
# The search for language servers starts Node several times.
SERVER_OPTIONS = (
    "--no-browser",
    "--port=0",
    "--ip=127.0.0.1",
    "--allow-root",
    "--LanguageServerManager.autodetect=False",
)
# A page that offers to build JupyterLab starts Node, too.
NO_BUILD = {"buildAvailable": False, "buildCheck": False}
# What else is installed here would start with JupyterLab.
OTHER_FRONT_ENDS = {"ServerApp": {"jpserver_extensions": {"notebook": False, "voila.server_extension": False}}}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
_workspaces = (f"test-{number}" for number in itertools.count())
_directories = (f"new-{number}" for number in itertools.count())
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@dataclass(frozen=True)
class JupyterServer:
    """A running JupyterLab.

    Attributes:
        url: Its address without a final slash.
        token: Its token.
        root: The directory that it serves.
        settings: The directory of the user's settings.
    """

    url: str
    token: str
    root: Path
    settings: Path

    def choose_theme(self, name: str) -> None:
        """Sets the theme of pages that are opened later."""
        write_setting(self.settings, "apputils-extension/themes", {"theme": THEMES[name]})

    def add_notebook(self, name: str, *sources: str) -> str:
        """Writes a notebook into a directory of its own, and starts its kernel.

        Args:
            name: Its name, without the extension.
            *sources: Its code cells.

        Returns:
            Its path on the server.
        """
        path = self.write_notebook(name, *sources)
        # The kernel starts while the page loads, and JupyterLab finds it by the path.
        kernel = {"kernel": {"name": KERNEL["name"]}, "path": path, "name": name, "type": "notebook"}
        self._request("POST", "/api/sessions", json=kernel)
        return path

    def write_notebook(self, name: str, *sources: str) -> str:
        """Writes a notebook like `add_notebook`, but without a kernel."""
        return write_notebook(self.root, name, *sources)

    def copy_notebook(self, path: str, *, is_trusted: bool) -> str:
        """Copies a saved notebook into a directory of its own.

        Args:
            path: Its path on the server.
            is_trusted: Whether its signature is to stay valid.

        Returns:
            The path of the copy.
        """
        notebook = nbformat.read(self.root / path, as_version=4)
        if not is_trusted:
            notebook.metadata["title"] = "from elsewhere"
        copy = f"{next(_directories)}/copy.ipynb"
        (self.root / copy).parent.mkdir()
        nbformat.write(notebook, self.root / copy)
        return copy

    def shut_down_kernels(self) -> None:
        """Ends all sessions and their kernels."""
        for session in self._request("GET", "/api/sessions").json():
            self._request("DELETE", f"/api/sessions/{session['id']}")

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"token {self.token}"}
        response = requests.request(method, f"{self.url}{path}", headers=headers, timeout=PATIENCE / 1000, **options)
        response.raise_for_status()
        return response


class Lab:
    """One page with JupyterLab, in which tests open their notebooks one after the other.

    Attributes:
        server: The server.
    """

    def __init__(self, browser: Browser, server: JupyterServer) -> None:
        self.server = server
        self._browser = browser
        self._page: Page | None = None

    def page(self) -> Page:
        """The page, loaded when there is none."""
        if self._page is None:
            # The tests of the grid have motion. Here, drawing each frame of it would take an eighth of the processor.
            self._page = self._browser.new_context(reduced_motion="reduce").new_page()
            self._page.goto(f"{self.server.url}/lab/workspaces/{next(_workspaces)}?reset&token={self.server.token}")
            self._page.wait_for_function("window.jupyterapp?.restored.then(() => true)", timeout=PATIENCE)
        return self._page

    def close_documents(self) -> None:
        """Closes all notebooks without saving."""
        self.page().evaluate(
            """() => {
              for (const widget of [...jupyterapp.shell.widgets("main")]) {
                if (widget.context?.model) widget.context.model.dirty = false;
                widget.close();
              }
            }"""
        )

    def close(self) -> None:
        """Closes the page, so that the next test gets a new one."""
        if self._page is not None:
            self._page.context.close()
            self._page = None


def write_notebook(root: Path, name: str, *sources: str) -> str:
    """Writes a notebook with these code cells into a directory of its own below `root`; returns its path there."""
    path = f"{next(_directories)}/{name}.ipynb"
    (root / path).parent.mkdir()
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources], metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, root / path)
    return path


def write_setting(settings: Path, plugin: str, values: dict[str, object]) -> None:
    """Writes a user setting of one of JupyterLab's own plugins."""
    path = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def serve(root: Path, home: Path) -> Generator[JupyterServer, None, None]:
    """Runs a JupyterLab of this environment until the generator is closed.

    Args:
        root: The directory to serve.
        home: The directory for its own files.

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
    options = [*SERVER_OPTIONS, f"--IdentityProvider.token={token}", "--expose-app-in-browser"]
    command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={root}"]
    for name, configured in ("labconfig/page_config", NO_BUILD), ("jupyter_server_config", OTHER_FRONT_ENDS):
        path = home / "config" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(configured), encoding="utf-8")
    server_settings = home / "settings"
    for plugin, values in QUIET_SETTINGS.items():
        write_setting(server_settings, plugin, values)
    with run_server(command, environment, home / "server.log", r"(http://127\.0\.0\.1:\d+)/lab") as url:
        yield JupyterServer(url, token, root, server_settings)


@contextlib.contextmanager
def run_server(command: list[str], environment: dict[str, str], log: Path, address: str) -> Iterator[str]:
    """Runs a server that logs its address during a `with` block.

    Args:
        command: The command and its arguments.
        environment: Its environment variables.
        log: The file for its log. A pipe would be held open by a kernel that outlives the server, and whoever reads it
            would wait forever.
        address: The pattern of its address in the log, with the address without a final slash as its group.

    Yields:
        Its address.
    """
    patient = requests.Session()
    patient.mount("http://", HTTPAdapter(max_retries=Retry(connect=10, backoff_factor=0.1)))
    with (
        patient,
        log.open("w") as stream,
        subprocess.Popen(command, env=environment, stdout=stream, stderr=stream) as process,
    ):
        try:
            url = _read_address(process, log, address)
            # It logs its address shortly before it listens there.
            patient.get(url, timeout=PATIENCE / 1000)
            yield url
        finally:
            process.terminate()
            # A thread of AnyIO often keeps it from ending. Its kernels notice that it is gone.
            try:
                process.wait(END_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _read_address(process: subprocess.Popen[bytes], log: Path, address: str) -> str:
    """Waits until a server has logged its address."""
    end = time.monotonic() + START_PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(address, log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{log.read_text(encoding='utf-8')}")


@dataclass(frozen=True)
class Notebook:
    """A notebook that is open in JupyterLab.

    Attributes:
        page: The browser's page.
    """

    page: Page

    @classmethod
    def open(cls, page: Page, server: JupyterServer, path: str, *, has_kernel: bool = True) -> Notebook:
        """Opens a notebook as the only one on the page, in the page's JupyterLab when there is one.

        Without a kernel it needs a page that has one.
        """
        if page.url.startswith(f"{server.url}/lab"):
            arguments: dict[str, object] = {"path": path}
            if not has_kernel:
                arguments["kernelPreference"] = {"shouldStart": False, "canStart": False, "autoStartDefault": False}
            page.evaluate(
                "async options => void await jupyterapp.commands.execute('docmanager:open', options)", arguments
            )
        else:
            # A workspace of its own, because JupyterLab restores what was open in it before.
            page.goto(f"{server.url}/lab/workspaces/{next(_workspaces)}/tree/{path}?token={server.token}")
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=PATIENCE)
        return cls(page)

    @property
    def code_cells(self) -> Locator:
        """The code cells."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def hide_sidebar(self) -> None:
        """Leaves the whole width to the notebook."""
        self.page.evaluate("jupyterapp.shell.collapseLeft()")

    def choose_theme(self, name: str) -> None:
        """Sets JupyterLab's theme, and waits until it is loaded."""
        theme = THEMES[name]
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)

    def run_all(self) -> None:
        """Runs all cells, and waits until the last one is finished."""
        self.start_all()
        self.wait_for_cell(self.code_cells.last)

    def start_all(self) -> None:
        """Starts running all cells without waiting for them."""
        self.wait_for_kernel()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def wait_for_cell(self, cell: Locator) -> None:
        """Waits until a cell has finished."""
        expect(cell.locator(".jp-InputPrompt")).to_have_text(FINISHED, timeout=PATIENCE)

    def failures(self) -> list[str]:
        """The error outputs so far."""
        return self.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts()

    def add_cell(self, source: str) -> Locator:
        """Appends a code cell, with the cursor at the end of its source."""
        count = self.code_cells.count()
        self.code_cells.last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        expect(self.code_cells).to_have_count(count + 1)
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        return self.code_cells.nth(count)

    def run_cell(self, source: str) -> Locator:
        """Appends a code cell and starts running it without waiting for it."""
        self.wait_for_kernel()
        cell = self.add_cell(source)
        self.page.keyboard.press("Control+Enter")
        return cell

    def wait_for_kernel(self) -> None:
        """Waits until the kernel is idle."""
        status = self.page.locator("#jp-main-statusbar")
        expect(status.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=PATIENCE)

    def save(self) -> None:
        """Saves the notebook, and waits until the server has it."""
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ):
            self.page.locator("[data-jp-item-name=save] jp-button").click()

    def interrupt(self) -> None:
        """Clicks the button that interrupts the kernel."""
        self.page.locator("[data-jp-item-name=interrupt] jp-button").click()
