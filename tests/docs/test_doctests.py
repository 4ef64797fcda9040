"""The examples in docstrings run, and show what they show; those of public names, with what the reference prepares."""

from __future__ import annotations

import builtins
import doctest
import importlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import seedream_nb
from seedream_nb import Library, Sandbox, SeedreamClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "seedream_nb").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
INDEX = (ROOT / "docs" / "reference" / "python" / "index.md").read_text(encoding="utf-8")
PREPARATION = INDEX.partition("```python\n")[2].partition("```")[0]
PREPARED = set(re.findall(r"^(\w+) = ", PREPARATION, re.MULTILINE))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PUBLIC = {name: getattr(seedream_nb, name) for name in seedream_nb.__all__}


def examples_of(module: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    return [one for one in found if one.examples]


def names_of(test: doctest.DocTest) -> set[str]:
    return set(re.findall(r"\w+", "".join(example.source for example in test.examples)))


def run(test: doctest.DocTest) -> str:
    """Runs the examples of a docstring, with what is prepared for those that use it; returns what is wrong."""
    test.globs = {**PUBLIC, **test.globs}
    if names_of(test) & PREPARED:
        exec(PREPARATION, test.globs)  # noqa: S102  the page's own code
    said: list[str] = []
    prepared = list(test.globs.values())
    try:
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
    finally:
        # What was prepared, also where an example gives its name to something else, and what the examples have opened.
        opened = [
            one for one in (*prepared, *test.globs.values()) if isinstance(one, Library | Sandbox | SeedreamClient)
        ]
        for one in opened:
            one.stop() if isinstance(one, Sandbox) else one.close()
    return "".join(said)


@pytest.fixture(autouse=True)
def _without_last_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples leave their last value in `builtins`, as in an interpreter; IPython would not set its own any more."""
    monkeypatch.setattr(builtins, "_", None, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
    here = Path.cwd()
    yield tmp_path
    os.chdir(here)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module: str, folder: Path) -> None:
    tests = examples_of(module)
    assert tests, "no example is found"
    problems = ""
    for place, test in enumerate(tests):
        (folder / str(place)).mkdir()
        os.chdir(folder / str(place))  # each docstring starts with an empty folder
        problems += run(test)
    if problems:
        pytest.fail(problems, pytrace=False)


def test_no_example_is_left_out() -> None:
    skipped = [test.name for module in MODULES for test in examples_of(module) if "+SKIP" in (test.docstring or "")]
    assert skipped == []


@pytest.mark.parametrize(("source", "fails"), [(">>> 2 + 2\n4\n", False), (">>> 2 + 2\n5\n", True), (">>> x\n", True)])
def test_a_wrong_example_is_found(source: str, fails: bool) -> None:  # noqa: FBT001  both ways
    globs: dict[str, Any] = {}
    test = doctest.DocTestParser().get_doctest(source, globs, "example", None, None)
    assert bool(run(test)) is fails
