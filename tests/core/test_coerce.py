"""Foreign text is shown as it came, but for what would steer a terminal or what no output can carry."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.coerce import read_text

SHOWN_AS = {"Cc": " ", "Cs": "?"}  # by category: controls, and halves of surrogate pairs
KEPT = "\t\n"


def shown(text: str) -> str:
    return "".join(one if one in KEPT else SHOWN_AS.get(unicodedata.category(one), one) for one in text)


def test_every_character() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    assert [one for one in characters if read_text(one) != shown(one)] == []


@given(st.text(st.characters(exclude_categories=())))
def test_any_text(text: str) -> None:
    assert read_text(text) == shown(text)
