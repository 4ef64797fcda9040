"""The reference of the Python API has every public name, with a docstring and an example, and no other."""

from __future__ import annotations

import doctest
import inspect
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import seedream_nb

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "python"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
PUBLIC = {name: getattr(seedream_nb, name) for name in seedream_nb.__all__}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
ERRORS = {name for name, value in CLASSES.items() if issubclass(value, BaseException)}  # warnings, too
NAME = re.compile(r"^\.\. auto(?:class|exception|function):: seedream_nb\.(\w+)$", re.MULTILINE)
MEMBER = re.compile(r"^\.\. auto(?:method|property):: seedream_nb\.(\w+)\.(\w+)$", re.MULTILINE)
# Public, but made for what is built on them: an example would only show how that works.
WITHOUT_EXAMPLE = {
    "GenerationBatch": {"add", "discard", "set_pace", "interrupted"},
    "ImageStream": {"add_task"},
    "Library": {"digests_sent", "find_task_of", "keep_sent", "keep_thumbnail"},
    "RetryPolicy": {"run"},
    "SeedreamClient": {"open_batch", "purchases"},
    "Waiting": {
        *("begin_poll", "end_poll", "seconds_until_poll", "restart"),
        *("discard", "set_pace", "interrupted"),
    },
}


def members_of(cls: type) -> dict[str, Any]:
    """The public methods and properties that this package has given a class; of an error, its own."""
    bases = [cls] if issubclass(cls, BaseException) else cls.__mro__
    return {
        name: value
        for base in bases
        if base.__module__.startswith("seedream_nb.")
        for name, value in vars(base).items()
        if not name.startswith("_") and (is_method(value) or isinstance(value, (property, cached_property)))
    }


def is_method(value: object) -> bool:
    return inspect.isfunction(value) or isinstance(value, classmethod)


def examples_in(value: object) -> str:
    """The code of the examples in a docstring."""
    return "".join(example.source for example in doctest.DocTestParser().get_examples(inspect.getdoc(value) or ""))


def document(value: Any) -> str:
    return inspect.getdoc(getattr(value, "__func__", value)) or ""


def test_the_pages_have_each_public_name_once() -> None:
    found = Counter(name for page in PAGES.values() for name in NAME.findall(page))
    assert found == Counter(seedream_nb.__all__)


def test_the_pages_have_each_method_and_property_once() -> None:
    found = Counter(pair for page in PAGES.values() for pair in MEMBER.findall(page))
    assert found == Counter((name, member) for name, cls in CLASSES.items() for member in members_of(cls))


def test_the_index_has_each_page() -> None:
    listed = PAGES["index"].partition("```{toctree}")[2].partition("```")[0].split()
    assert sorted(set(PAGES) - {"index"}) == sorted(set(listed) - {":maxdepth:", "1"})


def test_everything_public_is_described() -> None:
    described = {name: inspect.getdoc(value) for name, value in PUBLIC.items()}
    for name, cls in CLASSES.items():
        described |= {f"{name}.{member}": document(value) for member, value in members_of(cls).items()}
    assert [name for name, text in described.items() if not (text or "").strip()] == []


def test_each_public_name_has_an_example() -> None:
    assert [name for name, value in PUBLIC.items() if name not in ERRORS and not examples_in(value)] == []


def test_each_method_is_used_in_an_example_of_its_class() -> None:
    unused = {}
    for name in CLASSES.keys() - ERRORS:
        members = members_of(CLASSES[name])
        shown = examples_in(CLASSES[name]) + "".join(map(examples_in, members.values()))
        methods = {member for member, value in members.items() if is_method(value)}
        unused[name] = {member for member in methods if not re.search(rf"\b{member}\(", shown)}
    assert {name: members for name, members in unused.items() if members} == WITHOUT_EXAMPLE
