"""Foreign text with dollar signs is not typeset as mathematics in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import PATIENCE, JupyterServer, Notebook

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PRICES = "costs $5 for kids and $10 for adults"
LINK = r"$\href{https://example.org}{link}$ and $$x^2$$"
START = f"""from IPython.display import HTML, display
from seedream_nb import Gallery, Sandbox, SeedreamClient, Task, TaskStatus, explore
from seedream_nb.notebook.front_end import progress_bundle
from seedream_nb.panels.jobs import Status
sandbox = Sandbox().start()
tasks = [Task(str(n), TaskStatus.FAILED, prompt=prompt) for n, prompt in enumerate([{PRICES!r}, {LINK!r}])]
gallery = Gallery(tasks)"""
PANEL = f"""panel = explore(SeedreamClient(sandbox.token, sandbox.url), tasks)
display(panel)
display(panel.grid)
panel.status_line.show(Status({PRICES!r}))
panel.grid.opened = '0/0'"""
EXPORTED = f"""page = gallery.export("page.html", title={PRICES!r}).read_text()
HTML(page.partition("</head>")[2])"""
PROGRESS = f"display(progress_bundle(1, 2, {PRICES!r}), raw=True)"
CONTROL = "HTML('<p>$x^2$</p>')"


def test_prompts_are_not_typeset(lab_page: Page, server: JupyterServer) -> None:
    cells = (START, "gallery", PANEL, EXPORTED, PROGRESS, CONTROL)
    notebook = Notebook.open(lab_page, server, server.add_notebook("mathematics", *cells))
    notebook.run_all()
    # JupyterLab loads MathJax for the first output, and typesets one output after the other.
    expect(notebook.code_cells.last.locator("mjx-container")).to_have_count(1, timeout=PATIENCE)
    expect(lab_page.locator(".seedream-explorer").get_by_role("dialog")).to_contain_text(PRICES, timeout=PATIENCE)
    for cell, times in ((1, 1), (2, 3), (3, 2), (4, 1)):
        shown = notebook.code_cells.nth(cell).locator(".jp-OutputArea")
        expect(shown.get_by_text(PRICES).nth(times - 1)).to_be_attached(timeout=PATIENCE)
        expect(shown.locator("mjx-container, [href*='example.org']")).to_have_count(0)
