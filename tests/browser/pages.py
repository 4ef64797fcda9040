"""What the browser tests share: the size of a page, patience with it, and that errors in its console fail the test."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

from tests.browser.jupyter import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, ViewportSize

VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
# It fails in notebooks that are opened without a kernel, whatever they contain.
WIDGET_MANAGER = "@jupyter-widgets/jupyterlab-manager"
NO_FOREIGN_ERRORS = r"(?!)"  # matches nothing


def eventually(page: Page, check: Callable[[], None]) -> None:
    """Repeats a check until it holds: a page is laid out, styled, and drawn a moment after it was changed."""
    end = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        page.wait_for_timeout(50)


@contextlib.contextmanager
def errors_of(page: Page, foreign_errors: str = NO_FOREIGN_ERRORS) -> Iterator[list[str]]:
    """Collects what a page's console reports as an error.

    Args:
        page: The page.
        foreign_errors: A pattern for errors that are not ours, matched with their text and origin.

    Yields:
        The errors, to be checked after the block.
    """
    errors: list[str] = []

    def add(error: str) -> None:
        if not re.search(foreign_errors, error):
            errors.append(error)

    def add_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            add(f"{message.text} {message.location}")

    def add_exception(error: Error) -> None:
        add(f"{error} {error.stack}")

    page.on("console", add_message)
    page.on("pageerror", add_exception)
    try:
        yield errors
    finally:
        page.remove_listener("console", add_message)
        page.remove_listener("pageerror", add_exception)


@contextlib.contextmanager
def open_page(browser: Browser, foreign_errors: str = NO_FOREIGN_ERRORS) -> Iterator[Page]:
    """A page in a context of its own; errors in its console fail the test, except for those that are not ours."""
    with browser.new_context(viewport=VIEWPORT, reduced_motion="reduce") as context:
        page = context.new_page()
        with errors_of(page, foreign_errors) as errors:
            yield page
    assert not errors, errors
