from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, HOW_TO_INSTALL, find_chromium
from tests.browser.jupyter import PATIENCE, JupyterServer, Lab, serve
from tests.browser.pages import VIEWPORT, WIDGET_MANAGER, errors_of
from tests.rough_images import make_kernels_paint_roughly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

expect.set_options(timeout=PATIENCE)  # several workers share the machine


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


# It ends, with its pages, when a worker leaves this folder: until the end of the run they would go on working a little.
@pytest.fixture(scope="package")
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
    home = tmp_path_factory.mktemp("jupyter")
    make_kernels_paint_roughly(home / "ipython")
    yield from serve(root, home)


@pytest.fixture(scope="package")
def lab(browser: Browser, server: JupyterServer) -> Iterator[Lab]:
    with contextlib.closing(Lab(browser, server)) as lab:
        yield lab


@pytest.fixture(scope="package")
def reader(browser: Browser, server: JupyterServer) -> Iterator[Lab]:
    """For notebooks that others have saved: no cell is ever run on its page."""
    with contextlib.closing(Lab(browser, server)) as reader:
        yield reader


# JupyterLab's own code sometimes fails to detach a node after themes were changed, without naming the cause; and it
# reports a request to the kernel that has no reply when the notebook is closed. Its server cannot list the kernels
# while one is being started, and has no `last_activity` yet.
JUPYTERLAB = (
    r"(?s)'removeChild' on 'Node'.*/static/lab/jlab_core|Canceled future for (debug|inspect)_request"
    r"|status of 500 .*/api/kernels\?"
)


@pytest.fixture
def lab_page(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A JupyterLab without documents, shared because loading it takes longest; errors in its console fail the test.

    After a failure, the next test gets a new one.
    """
    yield from _use(lab, request, JUPYTERLAB)


@pytest.fixture
def reader_page(reader: Lab, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Like `lab_page`, for a notebook that was saved; ipywidgets itself reports that it does not find its models."""
    yield from _use(reader, request, f"{JUPYTERLAB}|{WIDGET_MANAGER}")


def _use(lab: Lab, request: pytest.FixtureRequest, foreign_errors: str) -> Iterator[Page]:
    page = lab.page()
    page.set_viewport_size(VIEWPORT)
    failed_before = request.session.testsfailed
    with errors_of(page, foreign_errors) as errors:
        yield page
        lab.close_documents()
    lab.server.shut_down_kernels()
    if errors or request.session.testsfailed > failed_before:
        lab.close()
    assert errors == []
