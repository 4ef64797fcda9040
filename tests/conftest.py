"""Fixtures for all tests: an isolated environment, a sandbox, a client, and an IPython shell."""

import atexit
import functools
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from traitlets.config import Config

from seedream_nb import LibraryWarning, RetryPolicy, Sandbox, SeedreamClient
from seedream_nb.sandbox import painter

QUICK = RetryPolicy(first_pause=0.001)
IMAGE_CACHE = "SEEDREAM_SANDBOX_CACHE"
PAINTING = ("test_painter.py", "test_images.py")

# The same examples in every run, and no time limit on a busy machine.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("steady"), max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    """Reduces the examples in runs without slow tests, and shares the sandbox's painted images between processes.

    Set the environment variable to a folder to reuse these images in later runs.
    """
    hypothesis.settings.load_profile("quick" if config.option.markexpr.strip() == "not slow" else "steady")
    if IMAGE_CACHE not in os.environ:
        os.environ[IMAGE_CACHE] = folder = tempfile.mkdtemp(prefix="seedream-sandbox-")
        config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))


_unexpected: list[str] = []


def pytest_warning_recorded(warning_message: warnings.WarningMessage, nodeid: str) -> None:
    """Notes the library's warnings that no test expects: it shows them even where warnings are errors."""
    if issubclass(warning_message.category, LibraryWarning):
        _unexpected.append(nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run if there were any; the summary lists them."""
    if _unexpected and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Isolates tests from the token, proxy, password file, and `.env` of the user who runs them."""
    for name in os.environ:
        foreign = name.startswith(("ACEDATACLOUD_", "SEEDREAM_", "XDG_")) or name.lower().endswith("_proxy")
        if foreign and name != IMAGE_CACHE:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    working_directory = tmp_path / "work"
    working_directory.mkdir()
    monkeypatch.chdir(working_directory)


def _shrink(width: int, height: int) -> tuple[int, int]:
    return max(2, width // 16), max(2, height // 16)


def _enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.NEAREST)


_exact_regions = painter._regions


def _rough_regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    small = _shrink(*size)
    base, regions = _exact_regions(source.resize(small, Image.Resampling.NEAREST), small, count)
    return _enlarge(base, *size), [_enlarge(region, *size) for region in regions]


@pytest.fixture(autouse=True)
def _rough_images(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes sandboxes in this process paint without details, except in the tests of the painting itself."""
    if request.path.name in PAINTING:
        return
    monkeypatch.setattr(painter, "_work_size", _shrink)
    monkeypatch.setattr(painter, "_enlarge", _enlarge)
    monkeypatch.setattr(painter, "_regions", _rough_regions)
    monkeypatch.setattr(painter, "_add_grain", lambda image: image)
    monkeypatch.setenv(IMAGE_CACHE, str(Path(os.environ[IMAGE_CACHE]) / "rough"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(generation_seconds=0.01) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[SeedreamClient]:
    with SeedreamClient(sandbox.token, sandbox.url, retries=QUICK) as opened:
        yield opened


@pytest.fixture
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A separate IPython shell, as in a terminal."""
    InteractiveShell.clear_instance()
    main = sys.modules["__main__"]  # replaced by the shell's user module
    # No history, because its database would outlive the home directory of the test.
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield shell
    # It collects all garbage of the process, which takes 0.1 seconds.
    monkeypatch.setattr(shell.displayhook, "flush", lambda: None)
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    sys.modules["__main__"] = main
    InteractiveShell.clear_instance()
