"""What an error means and what to do, offline: `errors.md`, which is also a page of the documentation."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(errors.__file__).with_name("errors.md")
_SECTION = re.compile(r"^\(error-[a-z]+\)=\n##+ (\w+)\n(.*?)(?=^\(|^## |\Z)", re.MULTILINE | re.DOTALL)
_MESSAGE = re.compile(r"^```output\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@lru_cache(maxsize=1)
def read_sections() -> Mapping[str, str]:
    """The Markdown below the heading of each class, by its name."""
    text = SOURCE.read_text(encoding="utf-8")
    return {match[1]: match[2].strip() + "\n" for match in _SECTION.finditer(text)}


def read_messages(section: str) -> list[str]:
    """The messages that a section quotes, as a notebook shows them."""
    return [match[1].rstrip("\n") for match in _MESSAGE.finditer(section)]


def explain(word: str) -> str:
    """The explanation of an error or a warning as plain text; empty if there is no class of this name."""
    names = {name.lower(): name for name in read_sections()}
    name = names.get(word.rpartition(".")[2].lower(), "")
    if not name:
        return ""
    text = _MESSAGE.sub(lambda match: re.sub(r"(?m)^(?=.)", "  ", match[1]), read_sections()[name])
    plain = re.sub(r"`|\*\*", "", text).strip()
    return f"{name}\n\n{plain}\n\n  More: {errors.explained_at(name)}\n"


def find_similar(word: str) -> str:
    """The name of the class that was probably meant; empty if none is similar."""
    return next(iter(difflib.get_close_matches(word, read_sections())), "")
