"""Words and queries of full-text search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.library.full_text import to_query, to_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("暹罗 cat", "暹 罗 cat"),
        ("4K画质", "4K 画 质"),
        ("ｼｬﾑ", "シ ャ ム"),
        ("佐々木", "佐 々 木"),
        ("قِطَّة", "قطة"),
        ("half \ud800\0 a pair", "half ? a pair"),
        ("", ""),
    ],
)
def test_indexed_words(text: str, words: str) -> None:
    assert to_words(text) == words


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('siam "white cat"', '"siam"* "white cat"'),
        ('"white', '"white"*'),
        ("暹罗", '"暹 罗"*'),
        ("NOT cat ***", '"NOT"* "cat"*'),
        (" ", ""),
    ],
)
def test_queries(text: str, query: str) -> None:
    assert to_query(text) == query


def test_text_without_words_is_rejected() -> None:
    with pytest.raises(UsageError, match="contains no words"):
        to_query("?!")


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_indexing_words_is_idempotent(text: str) -> None:
    assert to_words(to_words(text)) == to_words(text)
    to_words(text).encode()
