"""Runs the notebooks in JupyterLab, as readers do, and writes their outputs back without volatile metadata.

Run it from the root of the repository: `python -m tests.browser.run_notebooks`, with names such as `01` to run only
some. Not nbconvert: it drops what `%seedream watch` displays after its cell has ended.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, find_chromium
from tests.browser.jupyter import JupyterServer, Notebook, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOTEBOOKS = Path("notebooks")
# A panel adds the gallery for readers without a kernel a moment later, and a watch ends after its cell.
OUTPUTS_ARE_FINAL = """() => !document.querySelector(".jp-OutputArea progress")
    && [...document.querySelectorAll(".jp-Cell")].every(
        (cell) => !cell.querySelector(".seedream-explorer") || cell.querySelector(".seedream-gallery img"))"""


def main(names: list[str]) -> None:
    """Runs notebooks.

    Args:
        names: How the file names of the wanted ones start; all when empty.
    """
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        with contextlib.closing(serve(Path(root), Path(home))) as servers:
            server = next(servers)
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                if not names or path.name.startswith(tuple(names)):
                    print(path, flush=True)
                    run(path, browser, server)
                    server.shut_down_kernels()
        browser.close()


def run(path: Path, browser: Browser, server: JupyterServer) -> None:
    """Runs one notebook from top to bottom, and replaces it with the result."""
    copy = server.root / path.name
    shutil.copyfile(path, copy)
    page = browser.new_page(viewport={"width": 1120, "height": 1400})
    notebook = Notebook.open(page, server, path.name)
    try:
        notebook.run_all()
    except AssertionError:
        raise RuntimeError(f"{path} stopped: {notebook.failures()}") from None
    page.wait_for_function(OUTPUTS_ARE_FINAL)
    notebook.wait_for_kernel()
    notebook.save()
    page.close()
    strip = re.search(r"entry: (nbstripout .*)", Path(".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert strip is not None
    subprocess.run([sys.executable, "-m", *shlex.split(strip[1]), str(copy)], check=True)
    shutil.copyfile(copy, path)


if __name__ == "__main__":
    main(sys.argv[1:])
