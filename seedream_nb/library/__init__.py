"""The library on this machine: what was paid for stays available, even after links and the service's records are gone.

`Library` is the public interface; clients use it through `LibraryCache` and galleries through `LibraryFetcher`
(`cache`), which never fail because of it. From the ground up:

- the database file: `location`, `opening`, `schema`, `database`, `recovery`
- tasks: `records`, the images they refer to (`references`), users' `marks`, `full_text`, `search`, and `collections`
- the explorer's cards of all tasks: `catalog`, with a file of its own (`catalog_file`, `catalog_update`)
- images: `files` and `image_store`
- upkeep: `removal` (on demand, by age and size, by budget) and `verification`
- exchange: `exporting` and `importing` of an `archive` with task `documents`; `frame` for pandas
"""

from __future__ import annotations

from seedream_nb.library.cache import LibraryCache, LibraryFetcher, library_of
from seedream_nb.library.collections import peek_collections
from seedream_nb.library.library import Library, LibraryInfo
from seedream_nb.library.location import resolve_location
from seedream_nb.library.marks import Marks, peek_tags

__all__ = [
    "Library",
    "LibraryCache",
    "LibraryFetcher",
    "LibraryInfo",
    "Marks",
    "library_of",
    "peek_collections",
    "peek_tags",
    "resolve_location",
]
