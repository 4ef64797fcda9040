"""Why: the ways to show 1,000 pictures in a notebook that are set against each other. They run in its kernel."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ipywidgets

from seedream_nb import SeedreamClient, explore
from tests.benchmarks.panel.scene import GAP, TILE, TOKEN, make_tasks, make_thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

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


def widget_each(_base_url: str) -> Show:
    """A widget for each picture."""
    thumbnails = make_thumbnails()
    layout = {"grid_template_columns": f"repeat(auto-fill, {TILE}px)", "grid_gap": f"{GAP}px"}

    def show(count: int) -> object:
        images = [
            ipywidgets.Image(value=thumbnail, format="jpeg", width=TILE, height=TILE)
            for thumbnail in thumbnails[:count]
        ]
        return ipywidgets.GridBox(images, layout=layout)

    return show


def ipyplot_images(_base_url: str) -> Show:
    """Thumbnails as data URLs: of what lies in memory, ipyplot would make larger PNGs of anything else."""
    urls = [f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}" for thumbnail in make_thumbnails()]

    # The report needs the labels without it, and no check of types needs it to be there.
    ipyplot = importlib.import_module("ipyplot")

    def show(count: int) -> None:
        ipyplot.plot_images(urls, max_images=count, img_width=TILE, show_url=False)

    return show


OURS = "panel"
WIDGET_EACH = "widget each"
IPYPLOT = "ipyplot"
CONTENDERS = {
    OURS: Contender(
        "`explore(client, tasks)`", ".seedream-grid-tile", ("seedream_nb.panels.door", "PIL.JpegImagePlugin"), panel
    ),
    WIDGET_EACH: Contender("`ipywidgets.GridBox` of `Image`", ".widget-gridbox > *", (), widget_each),
    IPYPLOT: Contender("`ipyplot.plot_images`", "[class^=ipyplot-placeholder-div]", ("ipyplot",), ipyplot_images),
}
