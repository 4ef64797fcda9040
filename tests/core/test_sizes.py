import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import format_size, parse_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 KB"),
        (3_456_000, "3.5 MB"),
        (999_949, "999.9 KB"),
        (999_950, "1 MB"),
        (5_000_000_000, "5 GB"),
        (7_000_000_000_000_000, "7000 TB"),
    ],
)
def test_sizes_are_formatted_for_people(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500 MB", 500_000_000),
        ("5GB", 5_000_000_000),
        ("1.5 gb", 1_500_000_000),
        ("2k", 2_000),
        ("5000000000", 5_000_000_000),
        (" 7 b ", 7),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e9", "five", "1 XB", "1,5 GB", "9" * 400])
def test_invalid_sizes_are_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="is not a valid size"):
        parse_size(text)


@given(st.integers(0, 10**15))
def test_a_formatted_size_can_be_parsed(size: int) -> None:
    assert parse_size(format_size(size).removesuffix("ytes").removesuffix("yte")) == pytest.approx(size, rel=0.06)
