"""Fixtures for all tests: an isolated environment, a sandbox, a client, and an IPython shell."""

import atexit
import functools
import gc
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from seedream_nb import LibraryWarning, Pace, RetryPolicy, Sandbox, SeedreamClient
from seedream_nb.client import polling
from tests import forked_kernels
from tests.rough_images import make_kernels_paint_roughly, paint_roughly

QUICK = RetryPolicy(first_pause=0.001)
QUICK_PACE = Pace(first=0.05, longest=0.25)
IMAGE_CACHE = "SEEDREAM_SANDBOX_CACHE"
MEMORY = Path("/dev/shm")  # noqa: S108  on Linux; whatever is there is in a folder of its own
ROOM_IN_MEMORY = 2**31  # bytes; a full run leaves 350 MB

# The same examples in every run, and no time limit on a busy machine. `.ci/run` tries all of them.
EXAMPLES = 100 if "CI" in os.environ else 40
hypothesis.settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=EXAMPLES,
    # The first text in a fresh checkout waits for a table of all Unicode characters, on a busy machine for a minute.
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("steady"), max_examples=5)


def pytest_configure(config: pytest.Config) -> None:
    """Reduces the examples in runs without slow tests, and shares the sandbox's painted images between processes.

    Set the environment variable to a folder to reuse these images in later runs.
    """
    is_quick = config.option.markexpr.strip() == "not slow"
    hypothesis.settings.load_profile("quick" if is_quick else "steady")
    if is_quick and hasattr(providers, "_local_constants"):
        # Few examples would have one of the constants in our code, and finding these parses all of it, in each process.
        providers._get_local_constants = lambda: providers._local_constants
    paint_roughly()
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist, which has the folder of the process that started it
        return
    folder = Path(tempfile.mkdtemp(prefix=f"seedream-tests-{os.getpid()}-", dir=_memory()))
    config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ[IMAGE_CACHE] = str(Path(os.environ.get(IMAGE_CACHE, folder)) / "rough")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    if folder.parent == MEMORY:  # the folders of the tests, too, unless --basetemp says where
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
    make_kernels_paint_roughly(folder / "ipython")
    if os.name == "posix":
        kernels = str(forked_kernels.install(folder))
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (kernels, os.environ.get("JUPYTER_PATH"))))


def _memory() -> Path | None:
    """The folder in memory if there is room: thousands of databases wait for a disk longer than for anything else."""
    for left in MEMORY.glob("seedream-tests-*-*"):  # by a run that was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_IN_MEMORY else None


_unexpected: list[str] = []


def pytest_warning_recorded(warning_message: warnings.WarningMessage, nodeid: str) -> None:
    """Notes the library's warnings that no test expects: it shows them even where warnings are errors."""
    if issubclass(warning_message.category, LibraryWarning):
        _unexpected.append(nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run if there were any; the summary lists them."""
    if _unexpected and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def _unused_places() -> list[Path]:
    return []


@pytest.fixture(autouse=True)
def _isolated(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    _unused_places: list[Path],
) -> Iterator[None]:
    """Isolates tests from the token, proxy, password file, and `.env` of the user who runs them.

    The home and the working directory are those of the last test if it left them empty.
    """
    for name in os.environ:
        foreign = name.startswith(("ACEDATACLOUD_", "SEEDREAM_", "XDG_")) or name.lower().endswith("_proxy")
        if foreign and name != IMAGE_CACHE:
            monkeypatch.delenv(name)
    has_its_own = "tmp_path" in request.fixturenames
    if _unused_places and not has_its_own:
        place = _unused_places.pop()
    else:
        place = request.getfixturevalue("tmp_path") if has_its_own else tmp_path_factory.mktemp("place")
        (place / "home").mkdir()
        (place / "work").mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(place / "home"))
    monkeypatch.setenv("SEEDREAM_SETTLING_TIME", "0")  # a sandbox's history settles at once
    monkeypatch.setattr(polling, "DEFAULT_PACE", QUICK_PACE)  # its tasks finish in a moment
    monkeypatch.setenv("NETRC", str(place / "home" / ".netrc"))
    monkeypatch.chdir(place / "work")
    yield
    gc.enable()  # which `interrupt_main_thread` ends
    if not has_its_own and _is_empty(place / "home") and _is_empty(place / "work"):
        _unused_places.append(place)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not os.listdir(folder)  # noqa: PTH208  iterdir may leave its handle open


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(generation_seconds=0.01) as running:
        yield running


@pytest.fixture
def paid_service() -> Iterator[Sandbox]:
    """A service that costs money, as far as anybody can tell: its token is not the one of a sandbox."""
    with Sandbox(token="token-of-a-user", generation_seconds=0.01) as running:
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
    # The database of the history would outlive the home directory of the test. Jedi reads the stubs of Python first.
    config = Config({"HistoryManager": {"enabled": False}, "IPCompleter": {"use_jedi": False}})
    shell = InteractiveShell.instance(config=config)
    yield shell
    # It collects all garbage of the process, which takes 0.1 seconds.
    monkeypatch.setattr(shell.displayhook, "flush", lambda: None)
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    sys.modules["__main__"] = main
    InteractiveShell.clear_instance()
