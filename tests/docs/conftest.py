import sys
from pathlib import Path

from tests.notebook.conftest import service, shell

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))  # what makes the pages needs no Sphinx

__all__ = ["service", "shell"]
