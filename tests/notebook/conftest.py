from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture
def shell(plain_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """An IPython shell of its own with the extension loaded."""
    plain_shell.run_line_magic("load_ext", "seedream_nb")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "seedream_nb")
