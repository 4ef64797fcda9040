from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb.client import transport
from seedream_nb.notebook import follow, session
from tests.conftest import QUICK, QUICK_PACE
from tests.notebook.kernels import Kernel, Runner, open_kernel, open_runner
from tests.notebook.running import our_threads, run, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel, sandbox: Sandbox) -> Kernel:
    """A kernel as good as new that talks to a sandbox in this process, which sees all requests."""
    shared_kernel.reset({"ACEDATACLOUD_API_TOKEN": sandbox.token, "ACEDATACLOUD_API_BASE_URL": sandbox.url})
    return shared_kernel


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs notebooks as nbclient does, each in a kernel as good as new."""
    with open_runner(tmp_path_factory.mktemp("runner")) as runner:
        yield runner


@pytest.fixture
def shell(plain_shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython shell of its own with the extension loaded; the last threads of earlier tests have ended."""
    wait_until(lambda: our_threads() == [])
    monkeypatch.setattr(session, "SANDBOX_PACE", QUICK_PACE)
    monkeypatch.setattr(follow, "PAUSE_AFTER_FAILURE", QUICK_PACE.longest)
    monkeypatch.setattr(transport, "RetryPolicy", lambda: QUICK)  # of clients that are given none
    plain_shell.run_line_magic("load_ext", "seedream_nb")
    yield plain_shell
    plain_shell.run_line_magic("unload_ext", "seedream_nb")


@pytest.fixture
def service(shell: InteractiveShell) -> Sandbox:
    """The sandbox that `%seedream` talks to in the shell; it generates images at once."""
    run(shell, "%seedream sandbox --seconds 0")
    sandbox: Sandbox = shell.magics_manager.registry["SeedreamMagics"]._session.sandbox
    return sandbox
