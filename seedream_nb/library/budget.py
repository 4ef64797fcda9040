"""Why: a library must not fill the disk. The originals that nobody has used for longest go first, and that is said.

Records stay, and thumbnails; so do originals that came without a link, and those of tasks that people have marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.files import Files

GIGABYTE = 1_000_000_000
BUDGET = 5 * GIGABYTE
SHARE_LEFT = 0.9  # of the budget, after some had to go: or each new picture would cost an old one

_EVICTABLE = """
SELECT digest, name, size FROM originals
WHERE digest NOT IN (SELECT digest FROM pictures WHERE source LIKE 'inline:%')
AND digest NOT IN (
    SELECT digest FROM pictures WHERE task IN (SELECT task FROM tags UNION SELECT task FROM opinions)
)
ORDER BY used_at
"""


@dataclass(frozen=True)
class Eviction:
    """What had to go.

    Attributes:
        originals: How many.
        size: Their bytes.
    """

    originals: int
    size: int


def size_of_originals(connection: Connection) -> int:
    """The bytes of all originals."""
    return int(connection.execute("SELECT coalesce(sum(size), 0) FROM originals").fetchone()[0])


def evict(database: Database, files: Files, budget: int) -> Eviction:
    """Removes the longest unused originals until there is room again.

    Args:
        database: The library's database.
        files: Its originals.
        budget: The most bytes that they may take.

    Returns:
        What is gone; nothing while they are within the budget.

    Raises:
        LibraryError: The database cannot be written.
    """
    gone: list[tuple[str, str, int]] = []
    with database.writing() as connection:
        excess = size_of_originals(connection) - budget
        if excess <= 0:
            return Eviction(0, 0)
        excess += int(budget * (1 - SHARE_LEFT))
        for digest, name, size in connection.execute(_EVICTABLE):
            if excess <= 0:
                break
            gone.append((digest, name, size))
            excess -= size
        connection.executemany("DELETE FROM originals WHERE digest = ?", [(digest,) for digest, _name, _size in gone])
    # Nothing tells of the files any more before they go.
    for _digest, name, _size in gone:
        files.remove(name)
    return Eviction(len(gone), sum(size for _digest, _name, size in gone))
