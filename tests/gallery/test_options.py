"""Each value that cannot be used is refused in one sentence, before anything is fetched."""

import re

import pytest

from seedream_nb import Gallery, Task
from seedream_nb.core.errors import UsageError
from tests.gallery.reading import show

BAD = [
    ("columns", 0), ("columns", 25), ("columns", -1), ("columns", 2.5), ("columns", "3"), ("columns", True),
    ("thumbnail", 31), ("thumbnail", 2049), ("thumbnail", None), ("thumbnail", 100.0),
    ("limit", 0), ("limit", 10_001), ("limit", None), ("limit", False),
    ("max_bytes", 9_999), ("max_bytes", 500_000_001), ("max_bytes", "2 MB"),
    ("embed", "all"), ("embed", ""), ("embed", None), ("embed", ["links"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_out_of_range_says_what_would_do(name: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        Gallery([], **{name: value})  # type: ignore[arg-type]
    if name == "embed":
        assert caught.value.message == f"embed={value!r} is not supported."
        assert caught.value.hint == "Choose one of: thumbnails, links, originals."
    else:
        pattern = rf"{name} must be a whole number from [\d,]+ to [\d,]+, not {re.escape(repr(value))}\."
        assert re.fullmatch(pattern, caught.value.message)


@pytest.mark.parametrize(
    ("name", "value"),
    [("columns", 1), ("columns", 24), ("columns", None), ("thumbnail", 32), ("thumbnail", 2048), ("limit", 1),
     ("limit", 10_000), ("max_bytes", 10_000), ("max_bytes", 500_000_000), ("embed", "originals")],
)  # fmt: skip
def test_a_value_at_the_edge_is_taken(name: str, value: object) -> None:
    gallery = Gallery(Task.not_found("i"), **{name: value})  # type: ignore[arg-type]
    assert getattr(gallery.options, name) == value
    assert len(show(gallery).tiles) == 1
    assert gallery[:1].options == gallery.options


@pytest.mark.parametrize("value", ["an-id", ["an-id"], None, 5, [None], {"id": 1}])
def test_only_tasks_make_a_gallery(value: object) -> None:
    with pytest.raises(UsageError, match=r"A gallery shows tasks and images, not (str|NoneType|int)"):
        Gallery(value)  # type: ignore[arg-type]


def test_columns_are_laid_out_as_asked() -> None:
    assert "repeat(5,minmax(0,1fr))" in show(Gallery([Task.not_found("i")] * 7, columns=5)).html
    assert "auto-fill" in show(Gallery([Task.not_found("i")] * 7)).html
