"""Times as people write them: `2h`, `yesterday`, `2026-11-20`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from seedream_nb.core.errors import UsageError

_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS_BACK = {"today": 0, "yesterday": 1}


def read_since(text: str, now: datetime) -> datetime:
    """Parses a time in the past.

    Args:
        text: A time ago (`30m`, `2h`, `3d`, `1w`), `today`, `yesterday`, a date, or a date and time (ISO 8601).
        now: The current time, with the time zone to use where the text has none.

    Returns:
        The time, with a time zone.

    Raises:
        UsageError: It is none of these.

    Example:
        >>> from datetime import timezone
        >>> read_since("2h", datetime(2026, 11, 22, 12, tzinfo=timezone.utc)).isoformat()
        '2026-11-22T10:00:00+00:00'
    """
    word = text.strip().lower()
    try:
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if word in _DAYS_BACK:
            return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS_BACK[word])
        # Python 3.10 does not parse the Z of ISO 8601.
        moment = datetime.fromisoformat(re.sub(r"z$", "+00:00", word))
        return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError):
        raise UsageError(
            f"Can't read {text!r} as a time.",
            hint="Write 30m, 2h, 3d, 1w, today, yesterday, or a date such as 2026-11-20.",
        ) from None
