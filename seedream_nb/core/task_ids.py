"""Task ids as they are given: typed in full or by their first characters, or as tasks, images, and collections."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from seedream_nb.core.errors import InvalidTaskIdError, UsageError, shorten
from seedream_nb.core.foreign import show_line
from seedream_nb.core.models import Task, TaskImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AnyTasks: TypeAlias = "str | Task | TaskImage | Iterable[AnyTasks]"
"""An id, a task, an image of a task, or a collection of these, such as a list, a gallery, or a pandas Series."""

EXAMPLE_ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
SHORTEST = 8  # characters of an id that are enough where it is known; as many as captions show
MAX_LISTED = 3  # invalid ids that a message lists
ENOUGH = 6  # tasks to look up for a beginning: a message lists one less, and says that there are more
_MAX_PROMPT = 40  # characters of the prompt of each

_COMMENT = re.compile(r"#[^\n]*")
# Whatever a paste or the text of a Python list puts between ids.
_SEPARATORS = re.compile(r"[\s,;\"'`()\[\]<>]+")
_TASK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_GROUP_LENGTHS = (8, 4, 4, 4, 12)
_RECORD_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Lookup:
    """Where ids are looked up by their first characters.

    Attributes:
        find: Returns the known tasks whose ids begin with these lower-case characters; a few are enough.
        place: Where that is, for messages, such as `the library`.
    """

    find: Callable[[str], Iterable[Task]]
    place: str


def flatten(values: object) -> Iterator[object]:
    """Yields the tasks, images, ids, and other things in a collection of any depth, in order.

    A stream of images counts as its task, with what has arrived so far: iterating over it would send a paid request.

    Example:
        >>> list(flatten(["a", ("b", ["c"])]))
        ['a', 'b', 'c']
    """
    streamed = getattr(values, "task", None)
    if isinstance(streamed, Task):
        yield streamed
    elif isinstance(values, (str, bytes, Task, TaskImage)) or not isinstance(values, Iterable):
        yield values
    else:
        for value in values:
            yield from flatten(value)


def read_ids(values: AnyTasks, lookup: Lookup | None = None) -> tuple[str, ...]:
    """Reads the ids of tasks, images, and texts.

    Args:
        values: One or several, in collections of any depth.
        lookup: Completes ids of which only the beginning is given; without one, they stay as they are.

    Returns:
        The ids in order, repeats included.

    Raises:
        InvalidTaskIdError: Something has no id or is none, or a beginning fits no known id, or several.

    Example:
        >>> read_ids(["an-id", [TaskImage("another-id", index=2)]])
        ('an-id', 'another-id')
    """
    return tuple(read_id(value, lookup, place) for value, place in _numbered(values))


def read_tasks_or_ids(values: AnyTasks, lookup: Lookup | None = None) -> list[str | Task]:
    """Reads tasks as they are, and everything else as `read_ids` does: what is known of a task is not lost.

    Raises:
        InvalidTaskIdError: As for `read_ids`; of tasks, only unfinished ones need an id.
    """
    return [
        value if isinstance(value, Task) and (value.id or value.status.is_final) else read_id(value, lookup, place)
        for value, place in _numbered(values)
    ]


def _numbered(values: object) -> Iterator[tuple[object, str]]:
    """Each of several values with its place, such as `2 of 3`; one alone has no place."""
    given = list(flatten(values))
    for number, value in enumerate(given, 1):
        yield value, f"{number:,} of {len(given):,}" if len(given) > 1 else ""


def read_id(value: object, lookup: Lookup | None = None, place: str = "") -> str:
    """Reads one id, as `read_ids` does; messages name its place, such as `2 of 3`."""
    if isinstance(value, (Task, TaskImage)):
        task_id = (value.id if isinstance(value, Task) else value.task_id).strip()
        if not task_id:
            kind = "task" if isinstance(value, Task) else "image"
            which = f"{kind.capitalize()} {place}" if place else f"The {kind}"
            about = f" ({_shorten_prompt(value.prompt)})" if value.prompt else ""
            raise InvalidTaskIdError(
                f"{which}{about} has no task id.",
                hint="Streamed tasks and requests that were not accepted have none. Leave it out. Nothing was sent.",
            )
        # An image can be named by the beginning of its task's id: 84d1544a/2.
        return complete_id(task_id, lookup) if lookup is not None and is_beginning(task_id) else task_id
    if not isinstance(value, str) or not value.strip():
        which = f"Task id {place}" if place else "A task id"
        raise InvalidTaskIdError(
            f"{which} must be text, not {shorten(repr(value))}.", hint=f"It looks like {EXAMPLE_ID}."
        )
    task_id = value.strip()
    return complete_id(task_id, lookup) if lookup is not None and is_beginning(task_id) else task_id


def is_beginning(word: str) -> bool:
    """Whether a word is the beginning of a task id, at least 8 characters, in upper or lower case.

    Example:
        >>> is_beginning("84d1544a"), is_beginning("84d1544a-90"), is_beginning("84d1544")
        (True, True, False)
    """
    is_part = SHORTEST <= len(word) < len(EXAMPLE_ID)
    return is_part and _TASK_ID.fullmatch(word.lower() + EXAMPLE_ID[len(word) :]) is not None


def complete_id(beginning: str, lookup: Lookup) -> str:
    """Finds the only known id with a beginning; never guesses.

    Raises:
        InvalidTaskIdError: No known id begins so, or several do; the message lists them.
    """
    found = choose_id(beginning, lookup.find(beginning.lower()))
    if found is None:
        shape = "" if len(beginning) == SHORTEST else f" It {_describe_shape(beginning.lower())}."
        raise InvalidTaskIdError(
            f"{beginning!r} is not the beginning of a task id known to {lookup.place}.{shape}",
            hint=f"Use the full id, such as {EXAMPLE_ID}. Nothing was sent.",
        )
    return found


def choose_id(beginning: str, known: Iterable[Task]) -> str | None:
    """Returns the id of the known tasks with a beginning, None if there are none.

    Raises:
        InvalidTaskIdError: There are several tasks; the message lists them.
    """
    # Of two reports of one task, the one that knows its prompt.
    found = {task.id.lower(): task for task in sorted(known, key=lambda task: bool(task.prompt))}
    if not found or beginning.lower() in found:
        return beginning.lower() if found else None
    if len(found) == 1:
        return next(iter(found.values())).id
    listed = "; ".join(_describe(found[key]) for key in islice(sorted(found), ENOUGH - 1))
    more = "; and more" if len(found) > ENOUGH - 1 else ""
    raise InvalidTaskIdError(
        f"{beginning!r} is the beginning of several task ids: {listed}{more}.",
        hint="Use more characters, or the full id. Nothing was sent.",
    )


def _describe(task: Task) -> str:
    created = task.created_at.astimezone().strftime("%Y-%m-%d %H:%M") if task.created_at else ""
    about = ", ".join(filter(None, (_shorten_prompt(task.prompt), created)))
    return f"{task.id} ({about})" if about else task.id


def _shorten_prompt(prompt: str) -> str:
    return show_line(prompt, _MAX_PROMPT)


def read_task_ids(text: str, command: str = "get") -> tuple[str, ...]:
    """Finds and checks the task ids in a text.

    Args:
        text: Ids, or their first 8 or more characters, separated by white space, commas, semicolons, quotes or
            brackets, with `#` comments.
        command: The command that takes them, for the message if there is none.

    Returns:
        The ids and the beginnings of ids in lower case, in order, repeats included.

    Raises:
        UsageError: There is no id.
        InvalidTaskIdError: Some are not task ids; the message says which and why.

    Example:
        >>> read_task_ids("['84d1544a-9043-4dde-a98b-e889dacd75f6']  # the cat")
        ('84d1544a-9043-4dde-a98b-e889dacd75f6',)
    """
    words = split_ids(_COMMENT.sub("", text))
    if not words:
        raise UsageError("Missing task id.", hint=f"Add one after the command: %seedream {command} {EXAMPLE_ID}")
    return check_words(words)


def split_ids(text: str) -> list[str]:
    """Splits a text into words, without whatever a paste or the text of a Python list puts between ids."""
    return [word for part in _SEPARATORS.split(text) if (word := _without_braces(part))]


def check_words(words: Iterable[str]) -> tuple[str, ...]:
    """Returns words that are ids or beginnings of ids in lower case.

    Raises:
        InvalidTaskIdError: Some are neither; the message says which and why.
    """
    given = tuple(words)
    problems = [f"{shorten(word)!r} {problem}" for word in dict.fromkeys(given) if (problem := find_problem(word))]
    if problems:
        more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
        raise InvalidTaskIdError(
            f"Not a task id: {'; '.join(islice(problems, MAX_LISTED))}{more}.",
            hint=f"A task id looks like {EXAMPLE_ID}; its first {SHORTEST} characters are enough where it is known. "
            "Nothing was sent.",
        )
    return tuple(word.lower() for word in given)


def _without_braces(part: str) -> str:
    """Removes the braces of a Python set; `{name}`, a variable that was not replaced, keeps its braces."""
    inner = part.strip("{}")
    is_variable = part.startswith("{") and part.endswith("}") and inner.isidentifier()
    return part if is_variable else inner


def find_problem(word: str) -> str | None:
    """Explains why a word is not a task id (a UUID, as in all answers of the wire contract) or its beginning.

    Args:
        word: The word, in upper or lower case.

    Returns:
        The end of a sentence that begins with the word; None if it is an id or the beginning of one.
    """
    bare = word.lower()
    strangers = sorted(set(bare) - set("0123456789abcdef-"))
    if _TASK_ID.fullmatch(bare) or is_beginning(bare):
        return None
    if bare[0] in "{$":
        return "was not replaced: there is no Python variable of this name"
    if "://" in bare:
        return "is a link; the task id is in the answer that contained the link"
    if strangers:
        return f"contains {', '.join(map(repr, strangers[:MAX_LISTED]))}; an id has only 0-9, a-f and plain hyphens"
    return _describe_shape(bare)


def _describe_shape(bare: str) -> str:
    if _RECORD_ID.fullmatch(bare):
        return "is the _id of a record; the task id is in its field id"
    if len(bare) < SHORTEST:
        return f"is too short; the first {SHORTEST} characters of an id are needed"
    lengths = [len(group) for group in bare.split("-")]
    if len(lengths) != len(_GROUP_LENGTHS):
        return f"has {len(lengths)} group{'s' if len(lengths) > 1 else ''} instead of 5"
    wrong = next(place for place, length in enumerate(lengths) if length != _GROUP_LENGTHS[place])
    return f"has {lengths[wrong]} characters instead of {_GROUP_LENGTHS[wrong]} in group {wrong + 1}"
