from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import read_since

ZONE = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 22, 15, 30, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", datetime(2026, 11, 22, 15, 0, tzinfo=ZONE)),
        ("2h", datetime(2026, 11, 22, 13, 30, tzinfo=ZONE)),
        ("3d", datetime(2026, 11, 19, 15, 30, tzinfo=ZONE)),
        ("1W", datetime(2026, 11, 15, 15, 30, tzinfo=ZONE)),
        ("today", datetime(2026, 11, 22, tzinfo=ZONE)),
        (" Yesterday ", datetime(2026, 11, 21, tzinfo=ZONE)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=ZONE)),
        ("2026-11-20T08:15", datetime(2026, 11, 20, 8, 15, tzinfo=ZONE)),
        ("2026-11-20T08:15:00Z", datetime(2026, 11, 20, 8, 15, tzinfo=timezone.utc)),
    ],
)
def test_people_say_since_when(text: str, expected: datetime) -> None:
    assert read_since(text, NOW) == expected


@given(st.text() | st.from_regex(r"\d{1,9}[mhdw]", fullmatch=True))
def test_any_text_is_a_time_or_rejected(text: str) -> None:
    try:
        assert read_since(text, NOW).tzinfo is not None
    except UsageError as error:
        assert "2026-11-20" in (error.hint or "")  # noqa: PT017  either outcome is fine
