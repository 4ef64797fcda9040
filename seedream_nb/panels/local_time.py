"""Why: records tell the time in UTC, while people look for what they made on a day of their own calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def to_local(moment: datetime) -> datetime:
    """The same moment by the clock of this machine.

    Args:
        moment: A time with a zone; one without is taken for local.

    Returns:
        The local time; the moment as it is where no calendar holds that.
    """
    try:
        return moment.astimezone()
    except (OverflowError, ValueError, OSError):
        return moment
