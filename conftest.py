"""How a run is spread over processes, and which tests belong to the fast tests."""

from __future__ import annotations

import functools
import gc
import importlib
import itertools
import math
import os
import signal
import sys
from collections import deque
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from pathlib import Path

    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

# With this package, jsonschema spends two seconds on grammars of links that no test needs, in every process.
# nbval imports jsonschema, so it is loaded here rather than by its entry point.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # the documented way to make an import fail
pytest_plugins = ("nbval.plugin",)

# Nothing that is imported or collected is garbage, and looking for it takes a sixth of the time before the tests.
gc.disable()

# Otherwise each worker, kernel, and other process compiles everything anew: the tests alone take 6 seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Some tests wait: for a server, a kernel, a browser. More workers would only collect the tests once more.
WORKERS_PER_CORE = 2.5

SLOW_FILES = (
    "notebooks/*.ipynb",
    "tests/browser",
    "tests/browser/test_*.py",
    "tests/*/test_*_in_browser.py",
    "tests/*/test_*kernel.py",
    "tests/gallery/test_*front_ends.py",
    "tests/gallery/test_dataset_cluster.py",
    "tests/gallery/test_dataset_dask.py",
    "tests/gallery/test_dataset_s3.py",
    "tests/library/test_processes.py",
    "tests/notebook/test_secrecy.py",
)
SLOW_FIXTURES = {"browser", "kernel"}
# Slow only because they compute much: fonts and pages, painted images, databases, foreign programs, all examples of the
# documentation. Single tests that compute much or start Python have the marker `heavy`.
HEAVY_FILES = (
    "tests/client/test_at_most_once.py",
    "tests/docs/test_doctests.py",
    "tests/docs/test_examples.py",
    "tests/docs/test_house.py",
    "tests/docs/test_howto.py",
    "tests/docs/test_settings.py",
    "tests/gallery/test_contact_sheet.py",
    "tests/gallery/test_dataset_formats.py",
    "tests/gallery/test_embedding.py",
    "tests/gallery/test_export.py",
    "tests/gallery/test_layers.py",
    "tests/library/test_archive.py",
    "tests/library/test_recovery.py",
    "tests/notebook/test_spend.py",
    "tests/sandbox/test_official_clients.py",
    "tests/sandbox/test_painter.py",
)

# Stay on one worker each, in order: they share a kernel, a browser, or a cluster; those in JupyterLab, its server too.
TOGETHER = (
    "notebooks/*.ipynb",
    "tests/browser/test_explorer.py",
    "tests/browser/test_grid.py",
    "tests/browser/test_markup_editor.py",
    "tests/browser/test_marks.py",
    "tests/gallery/test_*front_ends.py",
    "tests/gallery/test_dataset_s3.py",
    "tests/*/test_*_in_browser.py",
    "tests/test_architecture.py",  # they parse the whole package
)
ON_A_CLUSTER = ("tests/gallery/test_dataset_cluster.py", "tests/gallery/test_dataset_dask.py")
# Two servers of JupyterLab: one for everything would be the last to finish.
IN_JUPYTERLAB = tuple(f"tests/browser/test_{name}.py" for name in ("live", "mathematics", "quickstart"))

# Handed out before all others, which come by their number of tests: a long group that starts late ends last.
LONGEST = ("tests/browser/test_explorer.py", "jupyterlab", "cluster")

# Wait more than they compute.
WAITING = (
    "tests/client/test_polling.py",
    "tests/client/test_rate_gate.py",
    "tests/images/test_hostile_hosts.py",
    "tests/notebook/test_wait.py",
    "tests/notebook/test_watch.py",
    "tests/runs/test_run.py",
)

# Their compared outputs have the sizes of layers, or the brightness of images.
PAINTED_EXACTLY = ("notebooks/02_generate_and_edit.ipynb", "notebooks/05_app.ipynb", "notebooks/07_runs.ipynb")

# What makes kernels paint roughly.
ROUGH = ("IPYTHONDIR", "SEEDREAM_SANDBOX_CACHE")
ENVIRONMENT: pytest.StashKey[dict[str, str | None]] = pytest.StashKey()


class Scheduler(LoadScopeScheduling):
    """Gives each worker one test at a time, and what belongs together as a whole."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._groups: deque[str] = deque()
        self._shares: dict[WorkerController, deque[str]] = {}

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        if is_one_of(path, IN_JUPYTERLAB) or test.startswith("test_in_jupyterlab"):
            return "jupyterlab"
        if is_one_of(path, ON_A_CLUSTER):
            return "cluster"
        if test.startswith("test_it_works_in_"):  # starts a server of its own
            return nodeid
        return path if is_one_of(path, TOGETHER) else nodeid

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._choose(node), last=False)
        super()._assign_work_unit(node)

    def _choose(self, node: WorkerController) -> str:
        """What a worker gets next: a group; then single tests of its own share, or of the largest that is left.

        Each share is a part of the tests in order, so that workers are in different files at any time, and two of them
        begin with tests that wait: with all workers waiting at once, the processor would be idle.
        """
        if not self._shares:
            self._groups, self._shares = self._share_out()
        if self._groups:
            return self._groups.popleft()
        largest = max(self._shares.values(), key=len)
        if own := self._shares.get(node):
            return own.popleft()
        return largest.pop() if largest else next(iter(self.workqueue))  # what a worker that crashed has left

    def _share_out(self) -> tuple[deque[str], dict[WorkerController, deque[str]]]:
        """The groups, longest first, and the single tests in a share for each worker."""
        groups = [scope for scope, tests in self.workqueue.items() if len(tests) > 1 or scope in LONGEST]
        groups.sort(key=lambda scope: LONGEST.index(scope) if scope in LONGEST else len(LONGEST))
        waiting = [scope for scope in self.workqueue if is_one_of(scope.partition("::")[0], WAITING)]
        others = set(self.workqueue).difference(groups, waiting)
        computing = [scope for scope in self.workqueue if scope in others]
        size = math.ceil(len(computing) / len(self.nodes))
        shares = {node: deque(computing[i * size : (i + 1) * size]) for i, node in enumerate(self.nodes)}
        for scope, share in zip(reversed(waiting), itertools.cycle(list(shares.values())[:2])):
            share.appendleft(scope)
        return deque(groups), shares

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forgets what is complete: after each test, xdist would count all that a worker has ever had."""
        super().mark_test_complete(node, item_index, duration)
        assigned = self.assigned_work[node]
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(assigned[scope].values()):
            del assigned[scope]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    """The marker `xdist_group` is lost on pytest 9.2, where xdist 3.8 cannot rename tests."""
    return Scheduler(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Runs single files and tests in this process: starting workers takes longer, and a debugger needs it."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    if all(".py" in argument or ".ipynb" in argument for argument in config.args):
        return 0
    return round(WORKERS_PER_CORE * (os.cpu_count() or 1))


def pytest_configure() -> None:
    """Makes interrupts work in a run that a shell has started in the background, where they are ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def is_one_of(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path matches one of some patterns."""
    return any(PurePosixPath(path).match(pattern) for pattern in patterns)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares the fast tests the import of what it would deselect."""
    return True if is_left_out(collection_path.as_posix(), config) else None


def is_left_out(path: str, config: pytest.Config) -> bool:
    """Whether the fast tests need nothing of a file."""
    is_quick_lane = str(config.option.markexpr).strip() == "not slow"
    return is_quick_lane and is_one_of(path, SLOW_FILES + HEAVY_FILES)


@pytest.hookimpl(tryfirst=True)  # before a notebook's kernel starts
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Lets the kernels of some notebooks paint exactly."""
    environment = item.config.stash.setdefault(ENVIRONMENT, {name: os.environ.get(name) for name in ROUGH})
    for name, value in environment.items():
        if value is not None:
            os.environ[name] = value
        if is_one_of(item.path.as_posix(), PAINTED_EXACTLY):
            os.environ.pop(name, None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Lets each worker begin with other test files: in a fresh checkout, each file is compiled by one of them only."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    names = [
        path.relative_to(session.config.rootpath) for path in sorted(session.config.rootpath.glob("tests/**/test_*.py"))
    ]
    wanted = [path for path in names if not is_left_out(path.as_posix(), session.config)]
    first = int(worker["workerid"].removeprefix("gw")) * len(wanted) // worker["workercount"]
    for path in wanted[first:] + wanted[:first]:
        with suppress(Exception, pytest.skip.Exception):  # the collection imports it again, and reports that
            importlib.import_module(".".join(path.with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Spares the many garbage collections of the tests all that is imported by now."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)  # before -m is read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is slow by its kind."""
    for item in items:
        path = item.path.as_posix()
        if is_one_of(path, HEAVY_FILES):
            item.add_marker(pytest.mark.heavy)
        has_slow_marker = any(item.get_closest_marker(name) for name in ("heavy", "browser"))
        starts_a_process = SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if has_slow_marker or starts_a_process or is_one_of(path, SLOW_FILES):
            item.add_marker(pytest.mark.slow)
