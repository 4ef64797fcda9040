"""Why: the README shows what a reader will really get; its pictures are taken anew when the looks change.

Run it from the repository's root: `python -m tests.browser.take_screenshots`.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, find_chromium
from tests.browser.jupyter import PATIENCE, Notebook, serve

TARGET = Path("notebooks/screenshots")
CELLS = (
    "%load_ext seedream_nb\n%seedream sandbox",
    """%%seedream get --columns 4
84d1544a-9043-4dde-a98b-e889dacd75f6  # the white siamese cat
63b8d1c9-5e0f-4d27-9a3b-c84f7e216d05, f19a7e45-c2d3-4b80-8e67-5a4c0b9d3f12
a5e07f34-8c61-4b9d-b2f7-190d3c6e58ab
c8e13a5d-0f92-4764-b5a8-7d2c94e6f081  97a2c6e0-d41b-4f85-a0e3-3b58f7d9c264
4be96d27-f83c-4a05-9e71-d0c5a2b8467f
0d86c3f2-9b57-4f1e-a4d8-63e2b71f5c90  # refused: it gets a tile that says so""",
)


def main() -> None:
    """Takes a screenshot of a gallery in JupyterLab, in the light and in the dark theme."""
    TARGET.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS], metadata={"kernelspec": kernel})
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        with contextlib.closing(serve(Path(root), Path(home))) as servers:
            server = next(servers)
            for theme in ("light", "dark"):
                # A directory for each, as JupyterLab keeps the kernel of a notebook that it has opened before.
                (Path(root) / theme).mkdir()
                nbformat.write(notebook, Path(root) / theme / "seedream.ipynb")
                server.choose_theme(theme)
                page = browser.new_page(viewport={"width": 1120, "height": 1130}, device_scale_factor=1.4)
                opened = Notebook.open(page, server, f"{theme}/seedream.ipynb")
                page.keyboard.press("Control+b")
                opened.run_all()
                expect(opened.code_cells.last.locator(".jp-InputPrompt")).to_have_text(
                    re.compile(r"\d"), timeout=PATIENCE
                )
                page.locator(".jp-Notebook .jp-Cell").first.scroll_into_view_if_needed()
                page.locator(".jp-Notebook").hover()
                page.screenshot(path=TARGET / f"gallery-{theme}.jpg", quality=86)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
