"""Why: whoever drives a browser is told what its pages receive, and that work would be measured as well.

So Chromium is started without Playwright, which is only connected to make a page ready. While the clock runs it is not.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from tests.benchmarks.panel.scene import WINDOW, PageFigures
from tests.browser.chromium import CHROMIUM_OPTIONS, HOW_TO_INSTALL, find_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page, Playwright

TOLD = re.compile(r"measured (\{.*\})")
FRAME = 143  # pixels that the window has above the page
PAUSE = 0.5  # seconds
TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Chromium:
    """A running browser with one page.

    Attributes:
        address: Where it is spoken to, without a final slash.
    """

    address: str

    @contextmanager
    def connected(self, playwright: Playwright) -> Iterator[Page]:
        """Drives its page by Playwright while a block runs; the page stays open afterwards."""
        browser = playwright.chromium.connect_over_cdp(self.address)
        try:
            yield browser.contexts[0].pages[0]
        finally:
            browser.close()

    def wait_for_figures(self, seconds: float) -> PageFigures | None:
        """Waits for what the page tells in its title; asks the browser for it, and not the page.

        Args:
            seconds: How long.

        Returns:
            What it has told; None when it did not.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pages = requests.get(f"{self.address}/json/list", timeout=TIMEOUT).json()
            for page in pages:
                told = TOLD.fullmatch(html.unescape(page["title"]))
                if told:
                    return PageFigures(**json.loads(told[1]))
            time.sleep(PAUSE)
        return None


@contextmanager
def running_chromium(profile: Path) -> Iterator[Chromium]:
    """Runs a Chromium of its own, with one page, while a block runs.

    Args:
        profile: An empty directory for its files.

    Yields:
        The browser.
    """
    executable = find_chromium()
    if executable is None:
        raise RuntimeError(HOW_TO_INSTALL)
    width, height = WINDOW
    options = ["--headless", "--no-first-run", f"--window-size={width},{height + FRAME}"]
    own = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    command = [executable, *CHROMIUM_OPTIONS, *options, *own]
    log_file = profile / "benchmark.log"
    with log_file.open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield Chromium(_find_address(profile))
        finally:
            process.terminate()


def _find_address(profile: Path) -> str:
    """It writes its port into a file as soon as it listens there."""
    file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if file.exists() and (lines := file.read_text().splitlines()):
            return f"http://127.0.0.1:{lines[0]}"
        time.sleep(PAUSE / 10)
    raise RuntimeError(f"Chromium did not start:\n{(profile / 'benchmark.log').read_text()}")
