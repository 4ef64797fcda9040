"""Why: the ways to show 1,000 pictures in a notebook that are set against each other. They run in its kernel."""

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

# Shows so many; what it gives back is displayed, unless it is None.
Show: TypeAlias = "Callable[[int], object]"


@dataclass(frozen=True)
class Contender:
    """One way to show pictures.

    Attributes:
        label: Its name in the report.
        tile: The CSS selector of a tile: a picture, or what holds it.
        modules: What it needs besides; loaded before the clock starts.
        prepare: Makes ready what it is given, before the clock starts; says how it is shown.
    """

    label: str
    tile: str
    modules: tuple[str, ...]
    prepare: Callable[[str], Show]

    def load(self) -> None:
        """Loads what it needs."""
        for module in self.modules:
            importlib.import_module(module)


def panel(base_url: str) -> Show:
    """The panel, with records; the pictures are still to be fetched and made small."""
    client = SeedreamClient(TOKEN, base_url)
    tasks = make_tasks(base_url)
    return lambda count: explore(client, tasks[:count])


def panel_of_kept(base_url: str) -> Show:
    """The panel when all has been shown before: the thumbnails lie in the library."""
    folder = TemporaryDirectory(prefix="seedream-benchmark-")
    client = SeedreamClient(TOKEN, base_url, library=folder.name)
    tasks = make_tasks(base_url)
    fill_library(client, tasks)

    return partial(_show_kept, folder, client, tasks)


def _show_kept(_folder: TemporaryDirectory[str], client: SeedreamClient, tasks: Sequence[Task], count: int) -> object:
    """Shows so many; the folder goes when nothing holds it any more."""
    return explore(client, tasks[:count])


def widget_each(_base_url: str) -> Show:
    """A widget for each picture; the thumbnails are made already."""
    thumbnails = make_thumbnails()
    return lambda count: _grid_of_widgets(thumbnails[:count])


def widget_each_fetching(base_url: str) -> Show:
    """A widget for each picture, which is fetched and made small first, in as many threads as the panel has."""
    tasks = make_tasks(base_url)

    def show(count: int) -> object:
        with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:
            session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))

            def fetch(task: Task) -> bytes:
                return make_thumbnail(session.get(str(task.images[0].url), timeout=60).content, THUMBNAIL).data

            return _grid_of_widgets(list(pool.map(fetch, tasks[:count])))

    return show


def _grid_of_widgets(thumbnails: Sequence[bytes]) -> ipywidgets.GridBox:
    layout = {"grid_template_columns": f"repeat(auto-fill, {TILE}px)", "grid_gap": f"{GAP}px"}
    images = [ipywidgets.Image(value=data, format="jpeg", width=TILE, height=TILE) for data in thumbnails]
    return ipywidgets.GridBox(images, layout=layout)


def ipyplot_images(_base_url: str) -> Show:
    """Thumbnails as data URLs: of what lies in memory, ipyplot would make larger PNGs of anything else."""
    urls = [f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}" for thumbnail in make_thumbnails()]

    # The report needs the labels without it, and no check of types needs it to be there.
    ipyplot = importlib.import_module("ipyplot")

    def show(count: int) -> None:
        ipyplot.plot_images(urls, max_images=count, img_width=TILE, show_url=False)

    return show


THREADS = 8

OURS = "panel"
OURS_KEPT = "panel of kept"
WIDGET_EACH = "widget each"
WIDGET_EACH_FETCHING = "widget each, fetching"
IPYPLOT = "ipyplot"
OUR_TILE = ".seedream-grid-tile"
OUR_MODULES = ("seedream_nb.panels.explorer", "PIL.JpegImagePlugin")
WIDGET_TILE = ".widget-gridbox > *"
CONTENDERS = {
    OURS: Contender("`explore`, everything still to be fetched", OUR_TILE, OUR_MODULES, panel),
    WIDGET_EACH_FETCHING: Contender(
        "`ipywidgets.GridBox` of `Image`, likewise", WIDGET_TILE, ("PIL.JpegImagePlugin",), widget_each_fetching
    ),
    OURS_KEPT: Contender("`explore`, thumbnails in the library", OUR_TILE, OUR_MODULES, panel_of_kept),
    WIDGET_EACH: Contender("`ipywidgets.GridBox` of `Image`, thumbnails in memory", WIDGET_TILE, (), widget_each),
    IPYPLOT: Contender(
        "`ipyplot.plot_images`, thumbnails in memory",
        "[class^=ipyplot-placeholder-div]",
        ("ipyplot",),
        ipyplot_images,
    ),
}
