"""Why: a picture may be part of several records: as a result, as a stream's result, as a reference of an edit.

Before it is removed, or handed on, it has to be known who speaks of it. Pure functions over the text of records.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from seedream_nb.library.image_store import INLINE
from seedream_nb.library.inline import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A link as JSON spells it, or the word that stands where a picture was.
_MENTION = re.compile(rf'{KEPT}([0-9a-f]{{64}})|(?i:https?)://(?:[^"\\]|\\.)*')


def sources_in(text: str) -> set[str]:
    """The pictures that a record speaks of.

    Args:
        text: A record as JSON.

    Returns:
        Their sources, as the table of pictures knows them: links, and `inline:` with a digest.

    Example:
        >>> sources_in('{"data": [{"url": "https://x.example/a.jpg"}]}')
        {'https://x.example/a.jpg'}
    """
    return {f"{INLINE}{found[1]}" if found[1] else _unescaped(found[0]) for found in _MENTION.finditer(text)}


def inline_in(record: str, request: str | None) -> set[str]:
    """The digests of the pictures that a record, or the request beside it, carried within itself."""
    sources = sources_in(record) | sources_in(request or "")
    return {source.removeprefix(INLINE) for source in sources if source.startswith(INLINE)}


def spell_source(source: str) -> str:
    """A source as it stands in a record."""
    return source.replace(INLINE, KEPT, 1) if source.startswith(INLINE) else json.dumps(source)[1:-1]


def mentioned_in(texts: Iterable[str], sources: Iterable[str]) -> set[str]:
    """Which of some sources are spoken of in any of many records."""
    wanted = set(sources)
    found: set[str] = set()
    for text in texts if wanted else ():
        found |= sources_in(text) & wanted
        if found == wanted:
            break
    return found


def parted(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Items in lists of a size that a statement takes."""
    every = list(items)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def _unescaped(spelled: str) -> str:
    if "\\" not in spelled:
        return spelled
    try:
        return str(json.loads(f'"{spelled}"'))
    except ValueError:
        return spelled
