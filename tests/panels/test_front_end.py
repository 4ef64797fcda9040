"""Why: nothing complains when a part of the front end is forgotten, or when one grows beyond what can be read."""

from __future__ import annotations

import re

import pytest

from seedream_nb.panels.front_end import EXPLORER_STYLES, SCRIPTS, STATIC, join_parts

PARTS = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))


def test_every_part_is_joined_once() -> None:
    assert sorted((*SCRIPTS, *EXPLORER_STYLES)) == PARTS


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_small_and_says_why_it_is_there(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert re.match(r"/\*\*?\s+(\* )?Why: ", text)
    assert len(text.splitlines()) <= 300
    assert text.endswith("\n")


def test_the_module_is_whole_in_itself() -> None:
    module = join_parts(*SCRIPTS)
    assert re.findall(r"^(?:import|export)\b.*", module, re.MULTILINE) == ["export default () => {"]
    # Only what has no address of its own may be named: the space of vector graphics.
    assert set(re.findall(r"https?://[\w./-]+", module)) == {"http://www.w3.org/2000/svg"}


def test_a_class_comes_after_the_one_that_it_is_derived_from() -> None:
    module = join_parts(*SCRIPTS)
    derived = re.findall(r"^class \w+ extends (\w+)", module, re.MULTILINE)
    assert derived
    for base in derived:
        assert module.index(f"class {base} ") < module.index(f"extends {base} ")
