"""Reads task ids from chats, spreadsheets and Python lists, and rejects mistyped ones before anything is sent."""

from __future__ import annotations

import re
from itertools import islice

from seedream_nb.core.errors import InvalidTaskIdError, UsageError, shorten

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
