"""Why: links die, and records may be cleared; what was paid for is kept here, and need not be fetched twice.

`Library` is the door; `LibraryCache` is what clients use and `LibraryFetcher` what galleries use, and neither ever
fails because of it. Below, `database` (`opening`, `schema`, `salvage`) holds `records`, whose `words` a `search` finds,
and tells where `pictures` lie as `files`; `marks` are what people say; `removal`, `budget` and `verification` keep it
tidy; `exporting` and `importing` hand it on.
"""

from __future__ import annotations

from seedream_nb.library.cache import LibraryCache, library_of
from seedream_nb.library.fetcher import LibraryFetcher
from seedream_nb.library.library import Library, LibraryInfo

__all__ = ["Library", "LibraryCache", "LibraryFetcher", "LibraryInfo", "library_of"]
