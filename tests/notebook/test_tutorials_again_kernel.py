"""The tutorials run a second time in the same kernel cost nothing: what they bought is shown again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.notebook.running import paid

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run_notebook(shell: InteractiveShell, name: str) -> None:
    """Runs all code cells; those that show a mistake fail, as they should."""
    for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source, store_history=True)


@pytest.mark.parametrize("name", ["02_generate_and_edit", "03_sweeps_and_waiting", "07_runs"])
def test_a_tutorial_is_paid_for_once(plain_shell: InteractiveShell, name: str) -> None:
    run_notebook(plain_shell, name)
    sandbox: Sandbox = plain_shell.magics_manager.registry["SeedreamMagics"]._session.sandbox
    first = paid(sandbox)
    assert first
    run_notebook(plain_shell, name)
    assert paid(sandbox) == first
    plain_shell.run_line_magic("unload_ext", "seedream_nb")
