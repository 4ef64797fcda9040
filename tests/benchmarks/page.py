"""The page of the documentation that shows the figures: each scene has a section, which is renewed on its own."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.benchmarks.processes import ROOT
from tests.benchmarks.report import machine
from tests.benchmarks.rounds import log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PAGE = ROOT / "docs" / "performance.md"
# Of each section, in the order in which the scenes are measured; there may be no time left for the last one.
ROUNDS = {"gallery": 3, "library": 1, "waiting": 1, "panel": 1, "ledger": 1, "studio": 1, "runs": 1}
BEGIN, END = "<!-- benchmark: {name} -->", "<!-- benchmark: end -->"


def write_page(scenes: Mapping[str, Callable[[], str]], minutes: float, page: Path = PAGE) -> None:
    """Measures scenes one after another, and writes each into its section as soon as it is finished.

    Args:
        scenes: The scenes by name, each measured by its function, which returns Markdown.
        minutes: After so many, no further scene is begun; its section stays as it is, with its date.
        page: The page.
    """
    begin = time.monotonic()
    for name, measure in scenes.items():
        if time.monotonic() - begin > minutes * 60:
            log(f"{name} was not measured: {minutes:g} minutes are over. Repeat with --write --scene {name}.")
            continue
        log(f"{name}, into {page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}")
        content = f"{measure()}\n\nMeasured on {time.strftime('%Y-%m-%d')}. {machine()}"
        # Read again, as measuring takes minutes in which somebody may have edited the page.
        page.write_text(replace_section(page.read_text(encoding="utf-8"), name, content), encoding="utf-8")


def replace_section(text: str, name: str, content: str) -> str:
    """A page with new content between the markers of a section.

    Raises:
        ValueError: It has no such section.
    """
    begin = BEGIN.format(name=name)
    new, count = re.subn(
        f"(?<={re.escape(begin)}\n).*?(?={re.escape(END)})", lambda _: f"\n{content}\n\n", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"The page needs one section between {begin} and {END}.")
    return new
