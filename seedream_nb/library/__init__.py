"""Why: links die, and records may be cleared; what was paid for is kept here, and need not be fetched twice.

`Library` is the door; `Keeper` is what clients and galleries use, which never fails because of it.
"""

from __future__ import annotations

from seedream_nb.library.fetcher import LibraryFetcher
from seedream_nb.library.keeper import Keeper
from seedream_nb.library.library import Library, LibraryInfo

__all__ = ["Keeper", "Library", "LibraryFetcher", "LibraryInfo"]
