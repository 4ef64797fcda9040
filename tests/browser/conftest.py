from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, HOW_TO_INSTALL, find_chromium
from tests.browser.jupyter import JupyterServer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# It stumbles in notebooks that are opened without a kernel, whatever is in them.
WIDGET_MANAGER = "@jupyter-widgets/jupyterlab-manager"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; whatever its console reports as an error fails the test."""
    errors: list[str] = []
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: None if WIDGET_MANAGER in (error.stack or "") else errors.append(str(error)))
        yield page
    assert errors == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A JupyterLab with the notebooks as committed in `saved`, and without their output in `blank`."""
    root = tmp_path_factory.mktemp("notebooks")
    for name in ("saved", "blank"):
        (root / name).mkdir()
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.write(notebook, root / "saved" / path.name)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        nbformat.write(notebook, root / "blank" / path.name)
    yield from serve(root, tmp_path_factory.mktemp("jupyter"))
