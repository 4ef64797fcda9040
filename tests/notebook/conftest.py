from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebook.kernels import Kernel, open_kernel
from tests.notebook.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


@pytest.fixture
def kernel(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """A kernel that talks to a sandbox in this process, which sees all that is sent."""
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
    with open_kernel() as kernel:
        yield kernel


@pytest.fixture
def shell(plain_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """An IPython shell of its own with the extension loaded."""
    plain_shell.run_line_magic("load_ext", "seedream_nb")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "seedream_nb")


@pytest.fixture
def service(shell: InteractiveShell) -> Sandbox:
    """The sandbox that `%seedream` talks to in the shell; it makes pictures at once."""
    run(shell, "%seedream sandbox --seconds 0")
    sandbox: Sandbox = shell.magics_manager.registry["SeedreamMagics"]._session.sandbox
    return sandbox
