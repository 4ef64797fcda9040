"""Copies the notebooks into the tutorials before Sphinx reads them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def copy_notebooks(app: Sphinx) -> None:
    """Copies each notebook of the repository that has changed."""
    for path in sorted((Path(app.srcdir).parent / "notebooks").glob("*.ipynb")):
        shutil.copy2(path, Path(app.srcdir) / "tutorials" / path.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the step with Sphinx."""
    app.connect("builder-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
