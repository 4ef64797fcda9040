"""Takes the screenshots for the README and the notebooks.

Run it from the root of the repository: `python -m tests.browser.take_screenshots`, with names to take only some.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, find_chromium
from tests.browser.jupyter import JupyterServer, Notebook, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET = Path("notebooks/screenshots")
WIDTH, SCALE = 1120, 1.4

START = "%load_ext seedream_nb\n%seedream sandbox"
GALLERY = """%%seedream get --columns 4
84d1544a-9043-4dde-a98b-e889dacd75f6  # the white siamese cat
63b8d1c9-5e0f-4d27-9a3b-c84f7e216d05, f19a7e45-c2d3-4b80-8e67-5a4c0b9d3f12
a5e07f34-8c61-4b9d-b2f7-190d3c6e58ab
c8e13a5d-0f92-4764-b5a8-7d2c94e6f081  97a2c6e0-d41b-4f85-a0e3-3b58f7d9c264
4be96d27-f83c-4a05-9e71-d0c5a2b8467f
0d86c3f2-9b57-4f1e-a4d8-63e2b71f5c90  # rejected: its tile shows why"""
SWEEP = """%%seedream generate --model 5.0-pro 4.5 4.0 --thumbnail 240
a white siamese cat by the window, soft morning light
---
a sailing boat on the sea at sunset"""
ORIGINAL = '%seedream generate "misty mountains, early morning" --size 2304x1728 --thumbnail 160 --out hills'
EDIT = "%%seedream edit hills[0] --size 2304x1728 --thumbnail 440\nmake it a late evening with warm light"
CATS = '%seedream generate "a siamese cat on a windowsill, morning light" --model 4.0 --size 1152x864 --out cats'
SKETCH = """from seedream_nb import Markup

sketch = (
    Markup(cats[0])
    .box(40, 380, 300, 780, color="red")
    .arrow((1050, 640), (900, 420), color="blue")
    .text(600, 40, "more sky", color="yellow")
)
sketch"""
TABLE = """%load_ext seedream_nb
%seedream sandbox --seconds 4;
places = ["cat", "sailing boat", "mountain lake", "far planet", "bouquet of poppies", "city skyline"]
rows = [{"light": light, "place": place} for light in ("dawn", "noon", "dusk", "night") for place in places]"""
RUN = """%%seedream run rows --name light-study --model 4.0 --size 960x960 --in-flight 4 --yes --background
a {place} at {light}"""
EXPLORER = "%seedream explore --history 14"
IMAGES_ARE_LOADED = """() => {
    const tiles = [...document.querySelectorAll(".seedream-explorer [role=option]")];
    const isShown = (image) => image?.naturalWidth && getComputedStyle(image).opacity === "1";
    const isDone = (tile) => tile.querySelector(".seedream-grid-placeholder") || isShown(tile.querySelector("img"));
    return tiles.length > 9 && tiles.every(isDone);
}"""
STRIP_IS_FULL = """() => document.querySelectorAll(".jp-OutputArea-output img[title]").length > 9"""


@dataclass(frozen=True)
class Shot:
    """A screenshot to take.

    Attributes:
        name: The file name, without the extension.
        cells: The cells to run.
        height: The height of the window, in CSS pixels.
        theme: The theme of JupyterLab.
        quality: The quality of the JPEG.
        first_cell: The cell at the top.
        ready_when: JavaScript that returns whether the page is ready; empty for right after the last cell.
    """

    name: str
    cells: tuple[str, ...]
    height: int
    theme: str = "light"
    quality: int = 80
    first_cell: int = 0
    ready_when: str = ""


SHOTS = (
    Shot("gallery-light", (START, GALLERY), 1130, quality=86),
    Shot("gallery-dark", (START, GALLERY), 1130, "dark", quality=86),
    Shot("sweep-light", (START, SWEEP), 870, first_cell=1),
    Shot("sweep-dark", (START, SWEEP), 870, "dark", first_cell=1),
    Shot("run-light", (TABLE, RUN), 330, first_cell=1, ready_when=STRIP_IS_FULL),
    Shot("run-dark", (TABLE, RUN), 330, "dark", first_cell=1, ready_when=STRIP_IS_FULL),
    Shot("explorer-light", (START, EXPLORER), 1000, first_cell=1, ready_when=IMAGES_ARE_LOADED),
    Shot("explorer-dark", (START, EXPLORER), 1000, "dark", first_cell=1, ready_when=IMAGES_ARE_LOADED),
    Shot("markup-light", (START, CATS, SKETCH), 830, first_cell=2),
    Shot("markup-dark", (START, CATS, SKETCH), 830, "dark", first_cell=2),
    Shot("before-after-light", (START, ORIGINAL, EDIT), 612, first_cell=2),
    Shot("before-after-dark", (START, ORIGINAL, EDIT), 612, "dark", first_cell=2),
)


def main(names: list[str]) -> None:
    """Takes screenshots of JupyterLab.

    Args:
        names: Which ones; all when empty.
    """
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        with contextlib.closing(serve(Path(root), Path(home))) as servers:
            server = next(servers)
            for shot in SHOTS:
                if not names or shot.name in names:
                    take(shot, browser, server)
                    server.shut_down_kernels()
        browser.close()


def take(shot: Shot, browser: Browser, server: JupyterServer) -> None:
    """Takes one screenshot."""
    server.choose_theme(shot.theme)
    page = browser.new_page(viewport={"width": WIDTH, "height": shot.height}, device_scale_factor=SCALE)
    notebook = Notebook.open(page, server, server.add_notebook("seedream", *shot.cells))
    notebook.hide_sidebar()
    notebook.run_all()
    if shot.ready_when:
        page.wait_for_function(shot.ready_when, timeout=120_000)
    first = page.locator(".jp-Notebook .jp-Cell").nth(shot.first_cell)
    first.evaluate("cell => cell.scrollIntoView({block: 'start'})")
    # Where nothing reacts to the pointer.
    page.mouse.move(WIDTH / 2, 2)
    page.screenshot(path=TARGET / f"{shot.name}.jpg", quality=shot.quality)
    page.close()


if __name__ == "__main__":
    main(sys.argv[1:])
