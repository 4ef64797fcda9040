"""Why: disks err, kernels are killed, people move files. What is kept is looked through, and mended where that can be.

A picture that is damaged or gone is forgotten, so that it is fetched again; whose picture it was stays known.
"""

from __future__ import annotations

import dataclasses
import math
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.text import count_of
from seedream_nb.library.database import LibraryMendedError
from seedream_nb.library.file_checks import State, check_file, check_files, count_parts, find_untold, forget_lost
from seedream_nb.library.image_store import INLINE
from seedream_nb.library.mentions import inline_in
from seedream_nb.library.records import read_kept, reindex
from seedream_nb.library.removal import sweep
from seedream_nb.library.scan import scan_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore

SECONDS_TO_FINISH = 3600.0  # in which another kernel may be between writing a file and telling of it
_MOST_TOLD = 10  # of what SQLite finds
_UNINDEXED = "SELECT count(*) FROM tasks WHERE number NOT IN (SELECT rowid FROM words)"
_OVERINDEXED = "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT number FROM tasks)"


@dataclass(frozen=True)
class Verification:
    """What was found in a library, and mended where that was asked for.

    Attributes:
        records: How many records can be read.
        originals: How many originals are whole.
        damaged: How many originals and thumbnails were not what they had been.
        missing: How many originals and thumbnails were gone.
        strangers: How many files nothing told of, and were old enough to be none that is just being kept.
        parts: How many files had been begun and never finished.
        problems: What else is wrong, in sentences.
        is_mended: Whether damaged and missing files were forgotten, so that they are fetched again when they are
            wanted, and strangers and parts were removed.
    """

    records: int
    originals: int
    damaged: int = 0
    missing: int = 0
    strangers: int = 0
    parts: int = 0
    problems: tuple[str, ...] = ()
    is_mended: bool = True

    @property
    def is_sound(self) -> bool:
        """Whether all that was kept is there, and whole. Leftovers of a kernel that was killed do not matter."""
        return not (self.damaged or self.missing or self.problems)

    def __str__(self) -> str:
        sound = "All is well: " if self.is_sound else ""
        lines = [f"{sound}{count_of(self.records, 'record')} and {count_of(self.originals, 'original')} are whole."]
        lost = [f"{count} {what}" for count, what in ((self.damaged, "damaged"), (self.missing, "missing")) if count]
        if lost:
            then = "forgotten, and made or fetched again when wanted" if self.is_mended else "left as they are"
            lines.append(f"Files of pictures: {' and '.join(lost)}; {then}.")
        if self.strangers or self.parts:
            then = "removed" if self.is_mended else "left in place"
            files = count_of(self.strangers + self.parts, "file")
            lines.append(f"Leftovers of what was interrupted: {files}; {then}.")
        return "\n".join([*lines, *self.problems])


def verify(
    database: Database, images: ImageStore, *, repair: bool, on_progress: Callable[[int], None] | None = None
) -> Verification:
    """Reads every record and every file.

    Args:
        database: The library's database.
        images: Its images.
        repair: Whether to mend what can be; in a library that can only be read, nothing is.
        on_progress: Called with 1 for each file that was read.

    Returns:
        What was found.

    Raises:
        LibraryError: The database cannot be read.
    """
    repair = repair and not database.is_read_only
    report = on_progress or (lambda _one: None)
    try:
        return _Round(database, images, repair=repair, report=report).run()
    except LibraryMendedError as error:
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
        self._inline: set[str] = set()  # the digests of pictures that records carry within themselves

    def run(self) -> Verification:
        old = time.time() - SECONDS_TO_FINISH
        self._check_database()
        records = self._check_records()
        self._check_words()
        self._adopt(old)
        states = self._check_originals() + self._check_thumbnails()
        strangers = self._find_strangers(old)
        folders = (self._images.originals, self._images.thumbnails)
        parts = sum(count_parts(files, old) for files in folders)
        if self._repair:
            sweep(self._database, self._images, strangers)
            for files in folders:
                files.remove_parts(old)
        return Verification(
            records=records,
            originals=states["originals", State.WHOLE],
            damaged=states["originals", State.DAMAGED] + states["thumbnails", State.DAMAGED],
            missing=states["originals", State.MISSING] + states["thumbnails", State.MISSING],
            strangers=len(strangers),
            parts=parts,
            problems=tuple(self._problems),
            is_mended=self._repair,
        )

    def _check_database(self) -> None:
        with self._database.reading() as connection:
            said = [text for (text,) in connection.execute(f"PRAGMA integrity_check({_MOST_TOLD})")]
            # Later versions of SQLite look at the index of words, too; it can be made anew.
        wrong = [text for text in said if text != "ok" and "fts5" not in text.lower()]
        if wrong and self._repair:
            self._mend()
        self._problems += [f"The file of records is damaged: {text}." for text in wrong]

    def _mend(self) -> None:
        """Has the file replaced by what can be read of it, as when SQLite itself comes upon damage.

        Raises:
            LibraryMendedError: Always.
        """
        with self._database.reading():
            raise sqlite3.DatabaseError

    def _check_records(self) -> int:
        readable = unreadable = 0
        for kept in scan_all(self._database):
            try:
                read_kept(kept.key, kept.record, kept.request, lambda _digest: b"a picture")
            except sqlite3.DatabaseError:
                unreadable += 1
                continue
            readable += 1
            self._inline |= inline_in(kept.record, kept.request)
        if unreadable and self._repair:
            self._mend()
        if unreadable:
            self._problems.append(f"{count_of(unreadable, 'record')} cannot be read.")
        return readable

    def _check_words(self) -> None:
        if self._database.is_read_only:
            return  # SQLite has the index look at itself by a statement that writes
        with self._database.reading() as connection:
            fits = _fits(connection)
        if fits:
            return
        then = "search may miss some"
        if self._repair:
            with self._database.writing() as connection:
                # First out of the texts that the index itself keeps: a broken one cannot be emptied.
                connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
                reindex(connection)
            then = "it was made anew"
        self._problems.append(f"The index of words does not fit the records; {then}.")

    def _adopt(self, old: float) -> None:
        """Takes whole originals in again that only the table of originals has lost, as a damaged database may."""
        files = self._images.originals
        for name in find_untold(self._database, "originals", files, old) if self._repair else ():
            digest = name.partition(".")[0]
            if check_file(files.path(name), digest) is not State.WHOLE:
                continue
            with self._database.writing() as connection:
                if digest in self._inline:
                    inline = (f"{INLINE}{digest}", "", 0, digest)
                    connection.execute(
                        "INSERT OR IGNORE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", inline
                    )
                status = files.path(name).stat()
                connection.execute(
                    "INSERT OR IGNORE INTO originals (digest, name, size, used_at) "
                    "SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM pictures WHERE digest = ?)",
                    (digest, name, status.st_size, status.st_mtime, digest),
                )

    def _check_originals(self) -> Counter[tuple[str, State]]:
        states: Counter[tuple[str, State]] = Counter()
        lost, whole = [], set()
        for digest, name, state in check_files(self._database, "originals", self._images.originals):
            self._report(1)
            states["originals", state] += 1
            if state is State.WHOLE:
                whole.add(digest)
            else:
                lost.append((digest, name))
        if self._repair:
            forget_lost(self._database, "originals", self._images.originals, lost)
        if for_ever := len(self._inline - whole):
            self._problems.append(f"{count_of(for_ever, 'picture')} that came without a link cannot be fetched again.")
        return states

    def _check_thumbnails(self) -> Counter[tuple[str, State]]:
        states: Counter[tuple[str, State]] = Counter()
        lost = []
        for digest, name, state in check_files(self._database, "thumbnails", self._images.thumbnails):
            self._report(1)
            states["thumbnails", state] += 1
            if state is not State.WHOLE:
                lost.append((digest, name))
        if self._repair:
            forget_lost(self._database, "thumbnails", self._images.thumbnails, lost)
        return states

    def _find_strangers(self, old: float) -> list[str]:
        thumbnails = find_untold(self._database, "thumbnails", self._images.thumbnails, old)
        files = self._images.originals
        originals = find_untold(self._database, "originals", files, old)
        # What told of them may be lost, and their links may have died.
        spared = find_untold(self._database, "originals", files, min(old, self._begin_of_records()))
        spared = [name for name in spared if check_file(files.path(name), name.partition(".")[0]) is State.WHOLE]
        if spared:
            self._problems.append(
                f"{count_of(len(spared), 'original')} may be all that is left of records that are lost: what nothing "
                f"tells of stays in {files.folder}."
            )
        return thumbnails + sorted(set(originals) - set(spared))

    def _begin_of_records(self) -> float:
        """Since when no records were lost, as far as can be told; in Unix seconds."""
        path = self._database.path
        if any(path.parent.glob(f"{path.stem}-damaged-*{path.suffix}")):
            return math.inf
        with self._database.reading() as connection:
            first = connection.execute("SELECT min(kept_at) FROM tasks").fetchone()[0]
        return math.inf if first is None else float(first)


def _fits(connection: Connection) -> bool:
    """Whether the index of words tells of exactly the tasks that are there, and can be searched."""
    try:
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        return not any(connection.execute(question).fetchone()[0] for question in (_UNINDEXED, _OVERINDEXED))
    except sqlite3.DatabaseError:
        # Here it means the index alone; the file itself is sound.
        return False
