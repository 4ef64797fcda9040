"""The how-to pages, and those that explain, do what they say: their code runs, and shows what they show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from IPython.utils.capture import capture_output

from seedream_nb import Sandbox, UsageError
from seedream_nb.client import transport
from seedream_nb.notebook import session
from seedream_nb.notebook.commands import parse
from tests.conftest import QUICK, QUICK_PACE
from tests.docs.pages import is_shown, read_blocks, run_page
from tests.panels.support import close_panels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

DOCS = Path(__file__).parents[2] / "docs"
A_TASK = "84d1544a-9043-4dde-a98b-e889dacd75f6"
PAGES = sorted(path for path in (DOCS / "how-to").glob("*.md") if path.stem != "index")
EXPLANATIONS = [
    DOCS / "explanation" / f"{name}.md"
    for name in ("paying_once", "galleries_that_last", "what_is_stored", "security_and_privacy")
]


@pytest.fixture(scope="module")
def live_service() -> Iterator[Sandbox]:
    """What the pages talk to. Its token is not the one of a sandbox, so that budgets and spending count."""
    with Sandbox(token="token-of-a-user", generation_seconds=0) as running:
        yield running


@pytest.fixture
def reader(
    plain_shell: InteractiveShell, live_service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    """The session of somebody who has a token, a library, and an empty folder."""
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", live_service.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", live_service.url)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(session, "SANDBOX_PACE", QUICK_PACE)
    monkeypatch.setattr(transport, "RetryPolicy", lambda: QUICK)
    plain_shell.run_line_magic("load_ext", "seedream_nb")
    yield plain_shell
    with capture_output():  # a panel shows a gallery as it closes
        close_panels()
    plain_shell.run_line_magic("unload_ext", "seedream_nb")


@pytest.mark.parametrize("page", [*PAGES, *EXPLANATIONS], ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, reader: InteractiveShell) -> None:
    assert run_page(page, reader), "the page has no code that is run"


def test_the_magic_of_the_readme_runs(reader: InteractiveShell, tmp_path: Path) -> None:
    blocks = read_blocks((DOCS.parent / "README.md").read_text(encoding="utf-8"))
    (magic,) = (block for block in blocks if block.code.startswith("%load_ext"))
    page = tmp_path / "page.md"
    page.write_text(f"```ipython\n{magic.code}```\n", encoding="utf-8")
    assert "before" in run_page(page, reader)[0][1]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "how-to" / "index.md").read_text(encoding="utf-8")
    assert [page.stem for page in PAGES if f"({page.stem}.md)" not in index or f"\n{page.stem}\n" not in index] == []


def test_the_commands_in_the_text_of_all_pages_can_be_typed() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        text = re.sub(r"^(`{3,}).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        typed = re.findall(r"`%{1,2}seedream ([^`…<]+?)(?: <[a-z-]+>)?`", text.replace("COMMAND", "get"))
        for command in typed:
            is_name = re.fullmatch(r"[a-z ]+", command)
            try:
                parse(f"{command} --help" if is_name else command.rstrip(";"), None, lambda _expression: [A_TASK])
            except UsageError as error:
                pytest.fail(f"{page.name}: %seedream {command}: {error}")


def test_a_page_that_fails_is_found(reader: InteractiveShell, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text in (
        "```python\n1 / 0\n```",
        "```python\n2 + 2\n```\n```text\n5\n```",
        "<!-- raises: UsageError -->\n\n```ipython\n%seedream help\n```",
    ):
        page.write_text(text + "\n", encoding="utf-8")
        with pytest.raises(AssertionError, match=r"page\.md, line"):
            run_page(page, reader)


def test_three_dots_stand_for_anything() -> None:
    assert is_shown("4 images", "gallery of\n4   images\n")
    assert is_shown("4 … saved", "4 images and records saved")
    assert not is_shown("4 … saved", "saved 4")
