"""Measures this scene: one server and one JupyterLab, with a fresh kernel and a fresh browser per round."""

from __future__ import annotations

import ast
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import requests
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import sync_playwright

from seedream_nb.images.thumbnails import make_thumbnail
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.panel.chromium import running_chromium
from tests.benchmarks.panel.contenders import CONTENDERS
from tests.benchmarks.panel.scene import (
    TASKS,
    THUMBNAIL,
    TIME_LIMIT,
    WINDOW,
    KernelFigures,
    PageFigures,
    make_tasks,
)
from tests.benchmarks.processes import ROOT, is_installed
from tests.benchmarks.rounds import Rounds, log, take_turns
from tests.browser.jupyter import JupyterServer, Notebook, serve

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

PROBE = Path(__file__).with_name("probe.js")
PREPARE = """import sys; sys.path.insert(0, {root!r})
from tests.benchmarks.panel.stage import Stage; stage = Stage({name!r}, {base_url!r})"""
SHOW = "stage.show()"
DELAY = 2.0  # seconds for the machine to settle before the clock starts
KERNEL_TIMEOUT = 120  # seconds
THREADS = 16
NOTHING_SEEN = PageFigures(first_screen=None, tiles=0, first_received=0, scroll=None, received=0)


@dataclass(frozen=True)
class Measurement:
    """One round of one contender."""

    page: PageFigures
    kernel: KernelFigures


@dataclass(frozen=True)
class Result:
    """All rounds, and the median seconds of bare threads that download the same images and make the thumbnails."""

    rounds: Rounds[Measurement]
    threads: float


def measure_all(rounds: int) -> Result:
    """Measures all contenders, in so many rounds."""
    with (
        running_server("photo") as base_url,
        tempfile.TemporaryDirectory() as root,
        tempfile.TemporaryDirectory() as home,
        closing(serve(Path(root), Path(home))) as servers,
        sync_playwright() as playwright,
    ):
        server = next(servers)
        try:
            names = [name for name, contender in CONTENDERS.items() if is_installed(contender.modules)]
            threads = median(_measure_threads(base_url) for _round in range(rounds))
            measured = take_turns(names, rounds, lambda name: _measure(name, base_url, server, Path(home), playwright))
            return Result(measured, threads)
        finally:
            # A kernel may remain after an error.
            server.shut_down_kernels()


def _measure_threads(base_url: str) -> float:
    links = [task.images[0].url for task in make_tasks(base_url)]
    begin = time.perf_counter()
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:
        for _made in pool.map(lambda link: make_thumbnail(session.get(link).content, THUMBNAIL), links):
            pass
    return time.perf_counter() - begin


def _measure(name: str, base_url: str, server: JupyterServer, home: Path, playwright: Playwright) -> Measurement:
    settings = {"selector": CONTENDERS[name].tile, "count": TASKS, "limit": TIME_LIMIT, "delay": DELAY}
    cells = PREPARE.format(root=str(ROOT), name=name, base_url=base_url)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        running_chromium(Path(profile)) as chromium,
    ):
        with chromium.connected(playwright) as page:
            page.add_init_script(path=PROBE)
            notebook = Notebook.open(page, server, server.add_notebook("benchmark", cells))
            page.keyboard.press("Control+b")  # closes the file browser, to make room
            page.wait_for_function("([width, height]) => innerWidth === width && innerHeight === height", arg=WINDOW)
            notebook.run_all()
            notebook.wait_for_kernel()
            notebook.add_cell(SHOW)
            page.evaluate("settings => probe.arm(settings)", settings)
        seen = chromium.wait_for_figures(DELAY + 2 * TIME_LIMIT + 10)
        if seen is None:
            log(f"{name} brought the page to a halt")
        cost = _measure_kernel(home)
    server.shut_down_kernels()
    log(f"  {seen}\n  {cost}")
    return Measurement(seen or NOTHING_SEEN, cost)


def _measure_kernel(home: Path) -> KernelFigures:
    """Queries the most recently started kernel directly, because the page may be busy."""
    connection = max((home / "runtime").glob("kernel-*.json"), key=lambda file: file.stat().st_mtime)
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        reply = client.execute_interactive(
            "",
            user_expressions={"cost": "stage.measure()"},
            allow_stdin=False,
            timeout=KERNEL_TIMEOUT,
            output_hook=lambda _message: None,
        )
    finally:
        client.stop_channels()
    result = reply["content"]["user_expressions"]["cost"]
    if result["status"] != "ok":
        raise RuntimeError(f"The kernel did not report its figures: {result}")
    return KernelFigures(**json.loads(ast.literal_eval(result["data"]["text/plain"])))
