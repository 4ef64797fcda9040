"""Collections: searches that are saved under names, as rows of the library's own values.

Those that save or remove one run within a transaction of the caller.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import unicodedata
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.foreign import read_integer, read_mapping
from seedream_nb.library.database import FILE_NAME
from seedream_nb.library.marks import MOST_STARS, read_tags
from seedream_nb.library.records import storable
from seedream_nb.library.schema import HAS_PROPERTIES, version_of
from seedream_nb.library.search import Query, SearchOrder

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

    from seedream_nb.core.foreign import JsonObject

LONGEST_NAME = 100  # characters
_BEGINNING = "collection:"
_ALL = f"SELECT name, value FROM properties WHERE name >= '{_BEGINNING}' AND name < 'collection;' ORDER BY name"  # noqa: S608  our own words


def save_collection(connection: Connection, name: str, query: Query) -> None:
    """Saves a search; one of the same name is replaced."""
    row = (f"{_BEGINNING}{_read_name(name)}", json.dumps(to_json(query), ensure_ascii=False))
    connection.execute("INSERT OR REPLACE INTO properties (name, value) VALUES (?, ?)", row)


def remove_collection(connection: Connection, name: str) -> None:
    """Removes a collection; its images stay."""
    find_collection(connection, name)
    connection.execute("DELETE FROM properties WHERE name = ?", (f"{_BEGINNING}{_read_name(name)}",))


def read_collections(connection: Connection) -> dict[str, Query]:
    """All collections by name, in alphabetical order."""
    if version_of(connection) < HAS_PROPERTIES:
        return {}
    found = {}
    for name, value in connection.execute(_ALL):
        with suppress(ValueError):
            found[name.removeprefix(_BEGINNING)] = from_json(json.loads(value))
    return found


def add_collections(connection: Connection, given: object) -> None:
    """Adds the collections of an archive, as far as they are valid; existing ones of the same name stay."""
    known = read_collections(connection)
    for name, value in read_mapping(given).items() if isinstance(given, Mapping) else ():
        with suppress(UsageError):
            if _read_name(name) not in known:
                save_collection(connection, name, from_json(value))


def find_collection(connection: Connection, name: str) -> Query:
    """The search with a name, which must exist."""
    known = read_collections(connection)
    query = known.get(_read_name(name))
    if query is None:
        names = ", ".join(known) or "none yet"
        raise UsageError(
            f"There is no collection {shorten(name)!r}.", hint=f"Collections in this library: {shorten(names)}."
        )
    return query


def peek_collections(folder: Path) -> list[str]:
    """The names of a library's collections; none if that takes creating the library or waiting for others."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            return list(read_collections(connection))
    except sqlite3.Error:
        return []


def to_json(query: Query) -> JsonObject:
    """A search as JSON, without what it leaves open."""
    values = {name: value for name, value in dataclasses.asdict(query).items() if value not in (None, "", ())}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def from_json(value: object) -> Query:
    """A search from JSON of this or another version; whatever is not valid is left out."""
    given = read_mapping(value) if isinstance(value, Mapping) else {}
    tags = given.get("tags")
    rating, rejected, sort = read_integer(given.get("rating")), given.get("rejected"), given.get("sort")
    return Query(
        text=_read_text(given.get("text")) or "",
        model=_read_text(given.get("model")),
        since=_read_moment(given.get("since")),
        until=_read_moment(given.get("until")),
        tags=tuple(_valid_tags(tags if isinstance(tags, list) else [])),
        rating=rating if rating is not None and 1 <= rating <= MOST_STARS else None,
        status=_read_text(given.get("status")),
        rejected=rejected if isinstance(rejected, bool) else None,
        sort=next((order for order in SearchOrder if order.value == sort), None),
    )


def _read_name(name: str) -> str:
    found = " ".join(unicodedata.normalize("NFC", name).split())
    if not found or len(found) > LONGEST_NAME or found != storable(found):
        raise UsageError(
            f"{shorten(name)!r} is not a valid name of a collection.", hint=f"Use up to {LONGEST_NAME} characters."
        )
    return found


def _read_text(value: object) -> str | None:
    return storable(value) if isinstance(value, str) and value else None


def _read_moment(value: object) -> datetime | None:
    with suppress(ValueError):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment if moment is None or moment.tzinfo is not None else moment.astimezone()
    return None


def _valid_tags(tags: list[object]) -> list[str]:
    found: list[str] = []
    for tag in tags:
        with suppress(UsageError):
            found += read_tags([tag]) if isinstance(tag, str) else []
    return found
