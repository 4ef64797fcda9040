"""Why: a library must not fill the disk. The originals that nobody has used for longest go first, and that is said.

Records stay, and thumbnails; so do originals that came without a link, and those of tasks that people have marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library.removal import find_staying, sweep

if TYPE_CHECKING:
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore

SHARE_LEFT = 0.9  # of the budget, after some had to go: or each new picture would cost an old one

_BY_USE = "SELECT digest, name, size FROM originals ORDER BY used_at"


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


def evict(database: Database, images: ImageStore, budget: int) -> Eviction:
    """Removes the longest unused originals until there is room again.

    Args:
        database: The library's database.
        images: Its images.
        budget: The most bytes that the originals may take.

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
        staying = find_staying(connection)
        for digest, name, size in connection.execute(_BY_USE):
            if excess <= 0:
                break
            if digest not in staying:
                gone.append((digest, name, size))
                excess -= size
        connection.executemany("DELETE FROM originals WHERE digest = ?", [(digest,) for digest, _name, _size in gone])
    # Nothing tells of the files any more before they go.
    sweep(database, images, [name for _digest, name, _size in gone])
    return Eviction(len(gone), sum(size for _digest, _name, size in gone))
