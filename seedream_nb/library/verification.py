"""Verifies a library against its recorded checksums, and repairs what can be repaired.

A damaged or missing image is forgotten, so that it is fetched again; its record stays.
"""

from __future__ import annotations

import dataclasses
import math
import sqlite3
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.text import count_of
from seedream_nb.library.database import LibraryRecoveredError
from seedream_nb.library.files import State, check_file
from seedream_nb.library.image_store import add_inline
from seedream_nb.library.records import any_image, reindex, scan_all
from seedream_nb.library.references import kept_digests
from seedream_nb.library.removal import delete_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.files import Files
    from seedream_nb.library.image_store import ImageStore

SECONDS_TO_FINISH = 3600.0  # during which another kernel may be about to list a file that it has written
_MAX_FINDINGS = 10  # of SQLite's own check
_UNINDEXED = "SELECT count(*) FROM tasks WHERE number NOT IN (SELECT rowid FROM words)"
_OVERINDEXED = "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT number FROM tasks)"


@dataclass(frozen=True)
class Verification:
    """What verifying a library has found, and repaired if that was wanted.

    Attributes:
        records: The number of readable records.
        originals: The number of intact originals.
        damaged: The number of damaged originals and thumbnails.
        missing: The number of missing originals and thumbnails.
        orphans: The number of files that nothing references, and that no kernel can still be about to list.
        partial: The number of files whose writing was interrupted.
        problems: Anything else that is wrong, in sentences.
        is_repaired: Whether damaged and missing files were forgotten, so that they are fetched or made again on demand,
            and orphans and partial files were removed.
    """

    records: int
    originals: int
    damaged: int = 0
    missing: int = 0
    orphans: int = 0
    partial: int = 0
    problems: tuple[str, ...] = ()
    is_repaired: bool = True

    @property
    def is_sound(self) -> bool:
        """Whether everything stored is there and intact. Leftovers of a killed kernel do not matter."""
        return not (self.damaged or self.missing or self.problems)

    def __str__(self) -> str:
        sound = "No problems found: " if self.is_sound else ""
        lines = [f"{sound}{count_of(self.records, 'record')} and {count_of(self.originals, 'original')} are intact."]
        lost = [f"{count} {what}" for count, what in ((self.damaged, "damaged"), (self.missing, "missing")) if count]
        if lost:
            then = "forgotten; they are fetched or made again on demand" if self.is_repaired else "left as they are"
            lines.append(f"Image files: {' and '.join(lost)}, {then}.")
        if self.orphans or self.partial:
            then = "removed" if self.is_repaired else "left in place"
            lines.append(f"Leftovers of interrupted work: {count_of(self.orphans + self.partial, 'file')}, {then}.")
        return "\n".join([*lines, *self.problems])


def verify(
    database: Database, images: ImageStore, *, repair: bool, on_progress: Callable[[int], None] | None = None
) -> Verification:
    """Reads every record and every file, as `Library.verify` describes it."""
    repair = repair and not database.is_read_only
    report = on_progress or (lambda _one: None)
    try:
        return _Round(database, images, repair=repair, report=report).run()
    except LibraryRecoveredError as error:
        found = _Round(database, images, repair=repair, report=report).run()
        return dataclasses.replace(found, problems=(error.message, *found.problems))


class _Round:
    """One round through a library."""

    def __init__(self, database: Database, images: ImageStore, *, repair: bool, report: Callable[[int], None]) -> None:
        self._database = database
        self._images = images
        self._repair = repair
        self._report = report
        self._problems: list[str] = []
        self._inline: set[str] = set()  # the digests of inline images
        self._intact: set[str] = set()  # the digests of intact originals

    def run(self) -> Verification:
        old = time.time() - SECONDS_TO_FINISH
        self._check_database()
        records = self._check_records()
        self._check_index()
        if self._repair:
            self._adopt_orphans(old)
        kinds = (self._images.originals, self._images.thumbnails)
        states = Counter(state for files in kinds for state in self._check_files(files))
        if lost := len(self._inline - self._intact):
            self._problems.append(f"Lost, without a link to fetch again: {count_of(lost, 'inline image')}.")
        orphans = self._find_orphans(old)
        partial = [path for files in kinds for path in files.find_partial(old)]
        if self._repair:
            delete_files(self._database, self._images, orphans)
            for path in partial:
                with suppress(OSError):
                    path.unlink()
        return Verification(
            records=records,
            originals=len(self._intact),
            damaged=states[State.DAMAGED],
            missing=states[State.MISSING],
            orphans=len(orphans),
            partial=len(partial),
            problems=tuple(self._problems),
            is_repaired=self._repair,
        )

    def _check_database(self) -> None:
        with self._database.reading() as connection:
            found = [text for (text,) in connection.execute(f"PRAGMA integrity_check({_MAX_FINDINGS})")]
        # Recent versions of SQLite check the full-text index, too; that one can be rebuilt.
        damage = [text for text in found if text != "ok" and "fts5" not in text.lower()]
        if damage and self._repair:
            self._recover()
        self._problems += [f"The database file is damaged: {text}." for text in damage]

    def _recover(self) -> None:
        """Replaces the file by what can be read of it, as if SQLite itself had reported damage; always raises."""
        with self._database.reading():
            raise sqlite3.DatabaseError

    def _check_records(self) -> int:
        readable = unreadable = 0
        for stored in scan_all(self._database):
            try:
                stored.read(any_image)
            except sqlite3.DatabaseError:
                unreadable += 1
                continue
            readable += 1
            self._inline |= kept_digests(stored.record, stored.request)
        if unreadable and self._repair:
            self._recover()
        if unreadable:
            self._problems.append(f"{count_of(unreadable, 'record')} cannot be read.")
        return readable

    def _check_index(self) -> None:
        if self._database.is_read_only:
            return  # SQLite checks the index by a statement that writes
        with self._database.reading() as connection:
            if _is_index_right(connection):
                return
        then = "search may miss some"
        if self._repair:
            with self._database.writing() as connection:
                # First from the texts that the index itself stores: a broken one cannot be emptied.
                connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
                reindex(connection)
            then = "it was rebuilt"
        self._problems.append(f"The full-text index does not match the records; {then}.")

    def _adopt_orphans(self, old: float) -> None:
        """Lists intact originals again that a damaged database has lost, if an image of that digest is known."""
        files = self._images.originals
        for name in files.find_orphans(old):
            digest = name.partition(".")[0]
            if check_file(files.path(name), digest) is not State.INTACT:
                continue
            with self._database.writing() as connection:
                if digest in self._inline:
                    add_inline(connection, digest)
                status = files.path(name).stat()
                connection.execute(
                    "INSERT OR IGNORE INTO originals (digest, name, size, used_at) "
                    "SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM pictures WHERE digest = ?)",
                    (digest, name, status.st_size, status.st_mtime, digest),
                )

    def _check_files(self, files: Files) -> list[State]:
        states, lost = [], []
        for digest, name, state in files.check_all():
            self._report(1)
            states.append(state)
            if state is not State.INTACT:
                lost.append((digest, name))
            elif files is self._images.originals:
                self._intact.add(digest)
        if self._repair:
            files.forget(lost)
        return states

    def _find_orphans(self, old: float) -> list[str]:
        files = self._images.originals
        # Whatever referenced them may be lost, and their links may be dead.
        spared = files.find_orphans(min(old, self._begin_of_records()))
        spared = [name for name in spared if check_file(files.path(name), name.partition(".")[0]) is State.INTACT]
        if spared:
            self._problems.append(
                f"{count_of(len(spared), 'original')} without a record may be all that is left of lost records, "
                f"and stay in {files.folder}."
            )
        return self._images.thumbnails.find_orphans(old) + sorted(set(files.find_orphans(old)) - set(spared))

    def _begin_of_records(self) -> float:
        """Since when no records can have been lost, in Unix seconds."""
        path = self._database.path
        if any(path.parent.glob(f"{path.stem}-damaged-*{path.suffix}")):
            return math.inf
        with self._database.reading() as connection:
            first = connection.execute("SELECT min(kept_at) FROM tasks").fetchone()[0]
        return math.inf if first is None else float(first)


def _is_index_right(connection: Connection) -> bool:
    """Whether the full-text index covers exactly the stored tasks, and can be searched."""
    try:
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        return not any(connection.execute(statement).fetchone()[0] for statement in (_UNINDEXED, _OVERINDEXED))
    except sqlite3.DatabaseError:
        # Here it means the index alone; the file itself is fine.
        return False
