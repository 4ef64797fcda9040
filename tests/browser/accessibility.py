"""Checks with axe-core: it is injected once per page, and only serious faults count.

It may not fetch style sheets again, as a page that is a file must not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.pages import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RUN = """selector => axe.run(selector, { resultTypes: ["violations"], preload: false }).then(found => found.violations
  .filter(fault => ["serious", "critical"].includes(fault.impact))
  .map(fault => [fault.id, fault.nodes.map(node => node.html)]))"""


def serious_faults(page: Page, selector: str) -> list[tuple[str, list[str]]]:
    """The rules that axe-core finds broken within an element, serious or critical, each with the HTML of its nodes."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [(rule, nodes) for rule, nodes in page.evaluate(_RUN, selector)]


def expect_accessible(page: Page, selector: str) -> None:
    """Fails when axe-core finds serious or critical faults within an element."""

    def check() -> None:
        assert serious_faults(page, selector) == []

    eventually(page, check)  # colors of a new theme may fade in
