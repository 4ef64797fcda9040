"""Text as people type and read it: counts, sizes, times, and task ids."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import islice

from seedream_nb.core.errors import InvalidTaskIdError, UsageError, shorten


def count_of(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in `s`.

    Example:
        >>> count_of(2000, "image")
        '2,000 images'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def count_part(some: int, total: int) -> str:
    """Some of all tasks.

    Example:
        >>> count_part(2, 3), count_part(1, 1)
        ('2 of 3 tasks', '1 task')
    """
    return f"{some:,} of {total:,} tasks" if total > 1 else count_of(some, "task")


_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?b?)", re.IGNORECASE)


def format_size(size: int) -> str:
    """Formats a number of bytes.

    Example:
        >>> format_size(3_456_000)
        '3.5 MB'
    """
    # What would be rounded to 1000 of a unit is 1 of the next.
    unit, factor = next(
        ((unit, factor) for unit, factor in reversed(_UNITS.items()) if size >= 0.99995 * factor), ("b", 1)
    )
    if unit == "b":
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{size / factor:.1f}".removesuffix(".0") + f" {unit.upper()}"


def parse_size(text: str) -> int:
    """Parses a file size.

    Args:
        text: A size such as `500 MB`, `5GB`, `1.5 gb`; a bare number is in bytes.

    Returns:
        The number of bytes.

    Raises:
        UsageError: It is not a size.

    Example:
        >>> parse_size("1.5 GB")
        1500000000
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a valid size.", hint="Write it like 500MB or 5GB.")
    unit = match[2].lower() or "b"
    return int(float(match[1]) * _UNITS[unit if unit.endswith("b") else f"{unit}b"])


_AGO = re.compile(r"(\d{1,6})([mhdw])")
_TIME_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
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
            return now - timedelta(**{_TIME_UNITS[ago[2]]: int(ago[1])})
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


EXAMPLE_ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
MAX_LISTED = 3  # invalid ids that a message lists

_COMMENT = re.compile(r"#[^\n]*")
# Whatever a paste or the text of a Python list puts between ids.
_SEPARATORS = re.compile(r"[\s,;\"'`()\[\]<>]+")
_TASK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_GROUP_LENGTHS = (8, 4, 4, 4, 12)
_RECORD_ID = re.compile(r"[0-9a-f]{24}")


def read_task_ids(text: str, command: str = "get") -> tuple[str, ...]:
    """Finds and checks the task ids in a text.

    Args:
        text: Ids separated by white space, commas, semicolons, quotes or brackets, with `#` comments.
        command: The command that takes them, for the message if there is none.

    Returns:
        The ids in lower case, in order, repeats included.

    Raises:
        UsageError: There is no id.
        InvalidTaskIdError: Some are not task ids; the message says which and why.

    Example:
        >>> read_task_ids("['84d1544a-9043-4dde-a98b-e889dacd75f6']  # the cat")
        ('84d1544a-9043-4dde-a98b-e889dacd75f6',)
    """
    words = [word for part in _SEPARATORS.split(_COMMENT.sub("", text)) if (word := _without_braces(part))]
    if not words:
        raise UsageError("Missing task id.", hint=f"Add one after the command: %seedream {command} {EXAMPLE_ID}")
    problems = [f"{word!r} {problem}" for word in dict.fromkeys(words) if (problem := find_problem(word))]
    if problems:
        more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
        raise InvalidTaskIdError(
            f"Not a task id: {'; '.join(islice(problems, MAX_LISTED))}{more}.",
            hint=f"A task id looks like {EXAMPLE_ID}. Nothing was sent.",
        )
    return tuple(word.lower() for word in words)


def check_id(task_id: object) -> str:
    """Returns an id without surrounding white space; it need not look like the service's.

    Raises:
        InvalidTaskIdError: It is empty or not text.
    """
    if not isinstance(task_id, str) or not task_id.strip():
        raise InvalidTaskIdError(
            f"A task id must be text, not {shorten(repr(task_id))}.", hint=f"It looks like {EXAMPLE_ID}."
        )
    return task_id.strip()


def _without_braces(part: str) -> str:
    """Removes the braces of a Python set; `{name}`, a variable that was not replaced, keeps its braces."""
    inner = part.strip("{}")
    is_variable = part.startswith("{") and part.endswith("}") and inner.isidentifier()
    return part if is_variable else inner


def find_problem(word: str) -> str | None:
    """Explains why a word is not a task id (a UUID, as in all answers of the wire contract).

    Args:
        word: The word, in upper or lower case.

    Returns:
        The end of a sentence that begins with the word; None if it is an id.
    """
    bare = word.lower()
    strangers = sorted(set(bare) - set("0123456789abcdef-"))
    if _TASK_ID.fullmatch(bare):
        return None
    if bare[0] in "{$":
        return "was not replaced: there is no Python variable of this name"
    if "://" in bare:
        return "is a link; the task id is in the answer that contained the link"
    if strangers:
        return f"contains {' '.join(strangers[:MAX_LISTED])}; an id has only 0-9, a-f and plain hyphens"
    return _describe_shape(bare)


def _describe_shape(bare: str) -> str:
    if _RECORD_ID.fullmatch(bare):
        return "is the _id of a record; the task id is in its field id"
    lengths = [len(group) for group in bare.split("-")]
    if len(lengths) != len(_GROUP_LENGTHS):
        return f"has {len(lengths)} group{'s' if len(lengths) > 1 else ''} instead of 5"
    wrong = next(place for place, length in enumerate(lengths) if length != _GROUP_LENGTHS[place])
    return f"has {lengths[wrong]} characters instead of {_GROUP_LENGTHS[wrong]} in group {wrong + 1}"
