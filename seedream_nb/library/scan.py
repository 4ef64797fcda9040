"""Why: whoever goes through the whole library must neither hold it in memory nor keep others from it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from seedream_nb.library.mentions import parted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedream_nb.library.database import Database

_PAGE = 500
_BEFORE_ALL = -(2**63)
_COLUMNS = "SELECT number, key, record, request FROM tasks"


class Kept(NamedTuple):
    """What is kept of one task.

    Attributes:
        number: Its number.
        key: Its key.
        record: The record as JSON, with words in the place of pictures.
        request: The request as JSON, where the record has none.
    """

    number: int
    key: str
    record: str
    request: str | None


def scan_all(database: Database) -> Iterator[Kept]:
    """All tasks, the oldest first, read page by page; what is kept meanwhile may be among them or not.

    Raises:
        LibraryError: The library cannot be read.
    """
    last = _BEFORE_ALL
    while True:
        with database.reading() as connection:
            question = f"{_COLUMNS} WHERE number > ? ORDER BY number LIMIT {_PAGE}"
            page = [Kept(*row) for row in connection.execute(question, (last,))]
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].number


def scan_some(database: Database, keys: Sequence[str]) -> Iterator[Kept]:
    """Some tasks, in the order of their keys' list; those that are not kept are passed over.

    Raises:
        LibraryError: The library cannot be read.
    """
    for some in parted(keys, _PAGE):
        with database.reading() as connection:
            places = ", ".join("?" * len(some))
            rows = connection.execute(f"{_COLUMNS} WHERE key IN ({places})", some)
            page = {row[1]: Kept(*row) for row in rows}
        yield from (page[key] for key in some if key in page)
