"""The page with the figures has a section for each scene that writes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.page import BEGIN, END, PAGE, ROUNDS, replace_section, write_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    copy = tmp_path / "performance.md"
    copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def test_every_scene_renews_its_section_and_nothing_else(page: Path) -> None:
    write_page({name: lambda name=name: f"Figures of {name} \\1." for name in ROUNDS}, 1, page)  # type: ignore[misc]  # bound here
    text = page.read_text(encoding="utf-8")
    for name in ROUNDS:
        section = text.partition(BEGIN.format(name=name))[2].partition(END)[0]
        assert f"Figures of {name} \\1." in section
        assert "Measured on 20" in section
        assert "Python" in section
        text = replace_section(text, name, "x")
    before = PAGE.read_text(encoding="utf-8")
    for name in ROUNDS:
        before = replace_section(before, name, "x")
    assert text == before


def test_after_its_minutes_no_scene_is_begun(page: Path) -> None:
    write_page({"gallery": lambda: "x"}, -1, page)
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_page_without_the_section_is_an_error() -> None:
    with pytest.raises(ValueError, match="benchmark: gallery"):
        replace_section("# A page\n", "gallery", "x")
