"""Chromium for tests that look at one page after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import CHROMIUM_OPTIONS, HOW_TO_INSTALL, find_chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Seen = TypeVar("Seen")


class Chromium:
    """A browser in a thread of its own, as Playwright leaves an event loop behind in the one that starts it.

    Opening a tab takes far longer than loading a page, so tabs are kept: one for each combination of options.
    """

    def __init__(self, browser: Browser, thread: ThreadPoolExecutor) -> None:
        self._browser = browser
        self._thread = thread
        self._tabs: dict[tuple[tuple[str, object], ...], Page] = {}

    def look(self, content: str, see: Callable[[Page], Seen], *, width: int = 1000, has_script: bool = True) -> Seen:
        """Shows some HTML in a browser that is offline, and returns what is seen."""
        return self._thread.submit(self._look, content, see, width, has_script).result()

    def look_at_file(self, path: Path, see: Callable[[Page], Seen], *, width: int = 1000, **options: Any) -> Seen:
        """Opens a file; whatever it requests, or its console reports, fails the test."""
        seen, reports = self.listen(path, see, width=width, **options)
        assert reports == []
        return seen

    def listen(
        self, path: Path, see: Callable[[Page], Seen], *, width: int = 1000, **options: Any
    ) -> tuple[Seen, list[str]]:
        """Opens a file, and also returns what it requests and what its console reports."""
        return self._thread.submit(self._listen, path, see, width, options).result()

    def _look(self, content: str, see: Callable[[Page], Seen], width: int, has_script: bool) -> Seen:  # noqa: FBT001
        page = self._tab(width, java_script_enabled=has_script, offline=True)
        page.set_content(content)
        return see(page)

    def _listen(
        self, path: Path, see: Callable[[Page], Seen], width: int, options: dict[str, Any]
    ) -> tuple[Seen, list[str]]:
        reports: list[str] = []
        page = self._tab(width, **options)
        with _reporting(page, reports):
            page.goto(path.as_uri())
            seen = see(page)
        own = ("data:image/", path.as_uri())
        return seen, [report for report in reports if not report.startswith(own)]

    def _tab(self, width: int, **options: Any) -> Page:
        """An empty page."""
        key = tuple(sorted(options.items()))
        if key not in self._tabs:
            self._tabs[key] = self._browser.new_context(**options).new_page()
        page = self._tabs[key]
        page.goto("about:blank")  # nothing of the page before is left, not even its focus
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="null")
        page.mouse.move(0, 0)
        return page


@contextmanager
def _reporting(page: Page, reports: list[str]) -> Iterator[None]:
    """Collects a page's console messages, errors, and requests during a `with` block."""
    listeners: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: reports.append(message.text),
        "pageerror": lambda error: reports.append(str(error)),
        "request": lambda request: reports.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)


@contextmanager
def start_chromium() -> Iterator[Chromium]:
    """Runs a browser during a `with` block; skips the test when none is installed."""
    executable = find_chromium()
    if executable is None:
        pytest.skip(HOW_TO_INSTALL)
    with ThreadPoolExecutor(1) as thread:
        playwright = thread.submit(sync_playwright().start).result()
        browser = thread.submit(playwright.chromium.launch, executable_path=executable, args=CHROMIUM_OPTIONS).result()
        yield Chromium(browser, thread)
        thread.submit(browser.close).result()
        thread.submit(playwright.stop).result()
