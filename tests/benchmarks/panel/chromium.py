"""Chromium without a driver attached while the clock runs.

A driver is notified of everything its pages receive, and that work would be measured as well. So Chromium is started
without Playwright, which connects only to prepare a page.
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

REPORTED = re.compile(r"measured (\{.*\})")
FRAME = 143  # height of the window above the page, in pixels
PAUSE = 0.5  # seconds
TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Chromium:
    """A running browser with one page.

    Attributes:
        address: The address of the DevTools server, without a trailing slash.
    """

    address: str

    @contextmanager
    def connected(self, playwright: Playwright) -> Iterator[Page]:
        """Drives the page with Playwright during a `with` block; the page stays open afterward."""
        browser = playwright.chromium.connect_over_cdp(self.address)
        try:
            yield browser.contexts[0].pages[0]
        finally:
            browser.close()

    def wait_for_figures(self, seconds: float) -> PageFigures | None:
        """Waits for the figures that the page reports in its title, which the browser provides without the page.

        Args:
            seconds: The timeout.

        Returns:
            The figures; None if they did not arrive in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pages = requests.get(f"{self.address}/json/list", timeout=TIMEOUT).json()
            for page in pages:
                reported = REPORTED.fullmatch(html.unescape(page["title"]))
                if reported:
                    return PageFigures(**json.loads(reported[1]))
            time.sleep(PAUSE)
        return None


@contextmanager
def running_chromium(profile: Path) -> Iterator[Chromium]:
    """Runs a separate Chromium with one page during a `with` block; `profile` is an empty directory."""
    executable = find_chromium()
    if executable is None:
        raise RuntimeError(HOW_TO_INSTALL)
    width, height = WINDOW
    options = ["--headless", "--no-first-run", f"--window-size={width},{height + FRAME}"]
    profile_options = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    command = [executable, *CHROMIUM_OPTIONS, *options, *profile_options]
    log_file = profile / "benchmark.log"
    with log_file.open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield Chromium(_find_address(profile))
        finally:
            process.terminate()


def _find_address(profile: Path) -> str:
    """Chromium writes its port to a file as soon as it listens."""
    file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if file.exists() and (lines := file.read_text().splitlines()):
            return f"http://127.0.0.1:{lines[0]}"
        time.sleep(PAUSE / 10)
    raise RuntimeError(f"Chromium did not start:\n{(profile / 'benchmark.log').read_text()}")
