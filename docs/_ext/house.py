"""The directive `{house}`: the drawing of the architecture, made from the imports when the page is built."""

from __future__ import annotations

from typing import Any

from _house import draw_house
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from tests.rooms import ALLOWED, MODULES, ROOMS, count_imports

JOBS = {
    "__init__": "the public names, loaded when first used",
    "notebook": "the magic: typed lines become frozen arguments",
    "panels": "the explorer: state, actions, and one grid widget",
    "runs": "tables, the requests of their rows, and sending them",
    "gallery": "tasks become pages: HTML, text, files, datasets",
    "client": "settings, HTTP, paid requests at most once, polling",
    "library": "records, images, marks, and the ledger on this machine",
    "images": "downloads without the token, thumbnails, provenance",
    "protocol": "the service's formats, as pure functions",
    "core": "errors, the data model, and helpers",
    "sandbox": "the API, locally",
}


class House(SphinxDirective):
    """Puts the drawing and its table into a page."""

    def run(self) -> list[nodes.Node]:
        """Called by Sphinx."""
        for path in MODULES.values():
            self.env.note_dependency(str(path))
        return [nodes.raw("", draw_house(ROOMS, ALLOWED, count_imports(), JOBS), format="html")]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("house", House)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
