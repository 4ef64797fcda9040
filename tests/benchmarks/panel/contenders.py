"""Ways to show 1,000 images in a notebook. They run in its kernel."""

from __future__ import annotations

import base64
import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import ipywidgets
import requests
from requests.adapters import HTTPAdapter

from seedream_nb import SeedreamClient, explore
from seedream_nb.images.thumbnails import make_thumbnail
from tests.benchmarks.panel.scene import GAP, THUMBNAIL, TILE, TOKEN, fill_library, make_tasks, make_thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from seedream_nb import Task

# Shows so many tasks; the result is displayed unless it is None.
Show: TypeAlias = "Callable[[int], object]"


@dataclass(frozen=True)
class Contender:
    """One way to show images.

    Attributes:
        label: The name in the report.
        tile: The CSS selector of a tile: an image or its container.
        modules: Modules to import before the clock starts.
        prepare: Prepares the input before the clock starts; returns the function that shows it.
    """

    label: str
    tile: str
    modules: tuple[str, ...]
    prepare: Callable[[str], Show]

    def load(self) -> None:
        """Imports the modules."""
        for module in self.modules:
            importlib.import_module(module)


def panel(base_url: str) -> Show:
    """The panel with records only; it has to download and shrink the images."""
    client = SeedreamClient(TOKEN, base_url)
    tasks = make_tasks(base_url)
    return lambda count: explore(client, tasks[:count])


def panel_with_library(base_url: str) -> Show:
    """The panel when everything was shown before: the thumbnails are in the library."""
    folder = TemporaryDirectory(prefix="seedream-benchmark-")
    client = SeedreamClient(TOKEN, base_url, library=folder.name)
    tasks = make_tasks(base_url)
    fill_library(client, tasks)
    return partial(_show_stored, folder, client, tasks)


def _show_stored(_folder: TemporaryDirectory[str], client: SeedreamClient, tasks: Sequence[Task], count: int) -> object:
    """Shows so many tasks; the folder is deleted when nothing references it anymore."""
    return explore(client, tasks[:count])


def widgets(_base_url: str) -> Show:
    """One widget per image; the thumbnails exist already."""
    thumbnails = make_thumbnails()
    return lambda count: _grid_of_widgets(thumbnails[:count])


def widgets_downloading(base_url: str) -> Show:
    """One widget per image; downloads and shrinks first, in as many threads as the panel uses."""
    tasks = make_tasks(base_url)

    def show(count: int) -> object:
        with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:
            session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))

            def download(task: Task) -> bytes:
                return make_thumbnail(session.get(str(task.images[0].url), timeout=60).content, THUMBNAIL).data

            return _grid_of_widgets(list(pool.map(download, tasks[:count])))

    return show


def _grid_of_widgets(thumbnails: Sequence[bytes]) -> ipywidgets.GridBox:
    layout = {"grid_template_columns": f"repeat(auto-fill, {TILE}px)", "grid_gap": f"{GAP}px"}
    images = [ipywidgets.Image(value=data, format="jpeg", width=TILE, height=TILE) for data in thumbnails]
    return ipywidgets.GridBox(images, layout=layout)


def ipyplot_images(_base_url: str) -> Show:
    """Thumbnails as data URLs: ipyplot would turn anything else in memory into larger PNG files."""
    urls = [f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}" for thumbnail in make_thumbnails()]
    # No import statement, because types are also checked where this is not installed.
    ipyplot = importlib.import_module("ipyplot")

    def show(count: int) -> None:
        ipyplot.plot_images(urls, max_images=count, img_width=TILE, show_url=False)

    return show


THREADS = 8

OURS = "panel"
OURS_STORED = "panel with library"
WIDGETS = "widgets"
WIDGETS_DOWNLOADING = "widgets, downloading"
IPYPLOT = "ipyplot"
OUR_TILE = ".seedream-grid-tile"
OUR_MODULES = ("seedream_nb.panels.explorer", "PIL.JpegImagePlugin")
WIDGET_TILE = ".widget-gridbox > *"
CONTENDERS = {
    OURS: Contender("`explore`, images not yet downloaded", OUR_TILE, OUR_MODULES, panel),
    WIDGETS_DOWNLOADING: Contender(
        "`ipywidgets.GridBox` of `Image`, downloads and shrinks first",
        WIDGET_TILE,
        ("PIL.JpegImagePlugin",),
        widgets_downloading,
    ),
    OURS_STORED: Contender("`explore`, thumbnails in the library", OUR_TILE, OUR_MODULES, panel_with_library),
    WIDGETS: Contender("`ipywidgets.GridBox`, thumbnails in memory", WIDGET_TILE, (), widgets),
    IPYPLOT: Contender(
        "`ipyplot`, thumbnails in memory", "[class^=ipyplot-placeholder-div]", ("ipyplot",), ipyplot_images
    ),
}
