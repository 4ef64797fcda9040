"""Copies the notebooks into the tutorials before Sphinx reads them, each with a line of links below its title."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

WIDGET = "application/vnd.jupyter.widget-view+json"
PANEL = """In JupyterLab, the output of this cell is [the explorer](../screenshots.md#the-explorer).
Here, without a kernel, a static gallery takes its place."""


def page_of(notebook: dict[str, Any], name: str, repository: str) -> dict[str, Any]:
    """The notebook as a page.

    Widgets need a kernel, so the page has a note instead of each, and the static gallery that is stored beside it.

    Args:
        notebook: The notebook as JSON; it is changed.
        name: Its file name.
        repository: The address of the repository.
    """
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if any(WIDGET in output.get("data", {}) for output in cell.get("outputs", ())):
            cell["outputs"] = [output for output in cell["outputs"] if WIDGET not in output.get("data", {})]
            cells.append({"cell_type": "markdown", "id": f"panel-{len(cells)}", "metadata": {}, "source": PANEL})
    notebook["cells"] = cells
    title, _, rest = "".join(notebook["cells"][0]["source"]).partition("\n")
    binder = repository.replace("https://github.com/", "https://mybinder.org/v2/gh/")
    links = (
        f"[Run it on Binder]({binder}/HEAD?urlpath=lab/tree/notebooks/{name})"
        f" · {{download}}`Download the notebook <../../notebooks/{name}>`"
    )
    notebook["cells"][0]["source"] = f"{title}\n\n{{.seedream-links}}\n{links}\n{rest}"
    return notebook


def copy_notebooks(app: Sphinx) -> None:
    """Writes the page of each notebook, unless it is there already: Sphinx reads what has changed."""
    source = Path(app.srcdir)
    for path in sorted((source.parent / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        page = json.dumps(page_of(notebook, path.name, app.config.repository), ensure_ascii=False)
        target = source / "tutorials" / path.name
        if not target.exists() or target.read_text(encoding="utf-8") != page:
            target.write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the step with Sphinx."""
    app.add_config_value("repository", "", "env", str)
    app.connect("builder-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
