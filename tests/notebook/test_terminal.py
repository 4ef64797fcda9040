"""What somebody sees who uses IPython in a terminal."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

from tests.notebook.running import SMALL, run_gallery

if TYPE_CHECKING:
    import pytest
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_that_is_gone_in_the_end(
    shell: InteractiveShell, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.settings.generation_seconds = 0.5
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run_gallery(shell, f'%seedream generate "a cat" "a dog" {SMALL}')
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines[0] == lines[-1] == ""
    assert any(re.match(r"[01] of 2 done · .*2 requests", line) for line in lines)
    assert not any("\n" in line for line in lines)
