"""The page on front ends: what it calls tested is tested, and the Python that it writes for magics runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import seedream_nb
from seedream_nb import Sandbox, SeedreamClient

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "front_ends.md").read_text(encoding="utf-8")
COLUMNS = ("gallery", "live progress", "explorer")
VERDICTS = {"tested", "by design, untested", "no"}


def rows() -> dict[str, list[str]]:
    """The verdicts of each front end."""
    found = re.findall(r"^\| \[(.+?)\]\(#.+?\) \|(.+)\|$", PAGE, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


def named_tests() -> dict[str, dict[str, str]]:
    """The tests that the comments in each section name."""
    sections = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return {
        name: dict(re.findall(r"^<!-- (.+?): (tests/.+?) -->$", text, re.MULTILINE))
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_each_front_end_has_a_verdict_in_each_column_a_date_and_a_section() -> None:
    assert len(rows()) == 14
    assert list(rows()) == list(named_tests())
    for cells in rows().values():
        assert set(cells[:3]) <= VERDICTS
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", cells[4])


def test_what_is_called_tested_has_a_test() -> None:
    for name, cells in rows().items():
        tested = [column for column, verdict in zip(COLUMNS, cells, strict=False) if verdict == "tested"]
        assert list(named_tests()[name]) == tested
    for tests in named_tests().values():
        for test in tests.values():
            path, _, function = test.partition("::")
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), test


@pytest.mark.filterwarnings("ignore::seedream_nb.LibraryWarning")
def test_the_python_instead_of_magics_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    lines = re.findall(r"^\| `%seedream.*?\| (.+) \|$|^\| `… --save DIR` \| (.+) \|$", PAGE, re.MULTILINE)
    code = [span for line in lines for span in re.findall(r"`([^`]*[(=][^`]*)`", "".join(line))]
    assert len(code) == 18
    names = {name: getattr(seedream_nb, name) for name in seedream_nb.__all__}
    with Sandbox(generation_seconds=0) as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
        names |= {"client": client, "table": [{"color": "red"}]}
        for line in code:
            exec(line, names)  # noqa: S102  the page's own code
        names["panel"].close()
        names["client"].close()
        names["sandbox"].stop()
