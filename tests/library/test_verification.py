"""Damage is found and repaired, and leftovers are removed; nothing else is touched."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryWarning
from seedream_nb.library import Library, LibraryCache, LibraryFetcher
from seedream_nb.library.files import digest_of
from tests.library.conftest import CAT, EVERY, INLINE, KITE, ORIGINALS, REFUSED
from tests.sample_images import plain

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Sandbox, SeedreamClient
    from tests.library.conftest import Filled

TWO_HOURS = 7_200.0  # seconds


def make_old(path: Path) -> Path:
    long_ago = time.time() - TWO_HOURS
    os.utime(path, (long_ago, long_ago))
    return path


def test_an_intact_library_is_sound(filled: Filled) -> None:
    progress: list[int] = []
    found = filled.library.verify(on_progress=progress.append)
    assert (found.is_sound, found.records, found.originals) == (True, len(EVERY), ORIGINALS)
    assert str(found) == "No problems found: 6 records and 6 originals are intact."
    assert sum(progress) == 2 * ORIGINALS


def test_damaged_and_missing_originals_are_forgotten_and_stored_again(filled: Filled) -> None:
    library = filled.library
    damaged, lost = filled.path_of(CAT, 1), filled.path_of(KITE)
    content, whole = damaged.read_bytes(), lost.read_bytes()
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 1
    damaged.write_bytes(altered)
    lost.unlink()
    looked = library.verify(repair=False)
    assert (looked.originals, looked.damaged, looked.missing, looked.is_sound) == (ORIGINALS - 2, 1, 1, False)
    assert damaged.read_bytes() == altered
    mended = library.verify()
    assert (mended.damaged, mended.missing) == (1, 1)
    assert "1 damaged and 1 missing, forgotten" in str(mended)
    assert not damaged.exists()
    assert library.verify().is_sound
    assert filled.original_of(CAT, 1) is None
    library.keep_image(library.find([CAT])[CAT].images[1], content)
    library.keep_image(library.find([KITE])[KITE].images[0], whole)
    assert (filled.original_of(CAT, 1), filled.original_of(KITE)) == (content, whole)


def test_a_damaged_original_is_fetched_again_over_http(
    sandbox: Sandbox, client: SeedreamClient, empty: Library
) -> None:
    task = client.retrieve(sandbox.add_task("a stork", size="64x64"))
    fetcher = LibraryFetcher(LibraryCache(empty))
    empty.keep(task)
    content = fetcher.fetch(task.images[0])
    path = next((empty.location / "originals").glob("??/*"))
    path.write_bytes(content[:-1] + b"?")
    assert empty.verify().damaged == 1
    assert fetcher.fetch(task.images[0]) == content == path.read_bytes()
    assert len(sandbox.requests.of_kind("downloads")) == 2


def test_a_damaged_thumbnail_is_forgotten(filled: Filled) -> None:
    path = next((filled.folder / "thumbnails").glob("??/*"))
    path.write_bytes(b"not an image")
    found = filled.library.verify()
    assert (found.damaged, found.originals) == (1, ORIGINALS)
    assert not path.exists()
    assert filled.library.verify().is_sound


def test_a_lost_inline_image_is_reported_each_time(filled: Filled) -> None:
    filled.path_of(INLINE).unlink()
    for repair in (False, True, True):
        found = filled.library.verify(repair=repair)
        assert found.problems == ("Lost, without a link to fetch again: 1 inline image.",)


def test_leftovers_are_removed_when_old_enough(filled: Filled) -> None:
    content = plain()
    folder = filled.folder / "originals" / "ab"
    folder.mkdir(exist_ok=True)
    names = [f"ab{digest_of(content)[2:]}.png", f"ab{digest_of(b'young')[2:]}.png"]
    stranger, young = (folder / name for name in names)
    part, young_part = folder / ".one.part", folder / ".two.part"
    elsewhere = folder / "readme.txt"  # not in the folder of its name: none of ours
    thumbnail = next((filled.folder / "thumbnails").glob("??")) / "x"
    thumbnail = thumbnail.with_name(f"{thumbnail.parent.name}{'0' * 62}-64.jpeg")
    for path in (stranger, young, part, young_part, elsewhere, thumbnail):
        path.write_bytes(content)
    for path in (stranger, part, elsewhere, thumbnail):
        make_old(path)
    with filled.library._database.writing() as connection:
        connection.execute("UPDATE tasks SET kept_at = kept_at - ?", (2 * TWO_HOURS,))
    looked = filled.library.verify(repair=False)
    assert (looked.orphans, looked.partial, looked.is_sound) == (2, 1, True)
    assert str(looked).endswith("3 files, left in place.")
    assert stranger.exists()
    found = filled.library.verify()
    assert (found.orphans, found.partial) == (2, 1)
    assert [path.exists() for path in (stranger, young, part, young_part, elsewhere, thumbnail)] == [
        *(False, True, False, True, True, False)
    ]
    assert len(filled.originals()) == ORIGINALS + 3


def test_an_old_file_that_is_listed_is_not_an_orphan(filled: Filled) -> None:
    before = filled.originals()
    for path in filled.folder.glob("*/??/*"):
        make_old(path)
    assert filled.library.verify().orphans == 0
    assert filled.originals() == before


def test_an_original_whose_row_is_lost_is_listed_again(filled: Filled) -> None:
    before = {task_id: filled.original_of(task_id) for task_id in (CAT, INLINE)}
    for path in filled.folder.glob("originals/??/*"):
        make_old(path)
    with filled.library._database.writing() as connection:
        connection.execute("DELETE FROM originals")
        connection.execute("DELETE FROM pictures WHERE source LIKE 'inline:%'")
    found = filled.library.verify()
    assert (found.originals, found.orphans, found.problems) == (ORIGINALS, 0, ())
    assert {task_id: filled.original_of(task_id) for task_id in before} == before


def test_an_incomplete_index_is_rebuilt(filled: Filled) -> None:
    library = filled.library
    library.tag(KITE, "windy")
    with library._database.writing() as connection:
        connection.execute("DELETE FROM words")
    assert library.search("windy") == []
    assert "search may miss some" in library.verify(repair=False).problems[0]
    assert "was rebuilt" in library.verify().problems[0]
    assert [task.id for task in library.search("windy kite")] == [KITE]
    assert library.verify().is_sound


def test_a_damaged_index_is_rebuilt(filled: Filled) -> None:
    with filled.library._database.writing() as connection:
        connection.execute("UPDATE words_data SET block = x'00' WHERE id > 10")
    assert "was rebuilt" in filled.library.verify().problems[0]
    assert [task.id for task in filled.library.search("kite red")] == [KITE]
    assert filled.library.verify().is_sound


def test_an_unreadable_record_is_dropped_and_the_damaged_file_set_aside(filled: Filled) -> None:
    with filled.library._database.writing() as connection:
        connection.execute("UPDATE tasks SET record = '{' WHERE key = ?", (REFUSED,))
    looked = filled.library.verify(repair=False)
    assert (looked.records, looked.problems) == (len(EVERY) - 1, ("1 record cannot be read.",))
    with pytest.warns(LibraryWarning, match="5 records were recovered"):
        found = filled.library.verify()
    assert found.records == len(EVERY) - 1
    assert "recovered" in found.problems[0]
    assert REFUSED not in filled.library
    assert filled.library.verify().is_sound
    assert (filled.folder / "library-damaged-1.sqlite").exists()


def test_images_without_records_stay_after_damage(filled: Filled) -> None:
    """After so much damage, only the damaged file may list an image."""
    library = filled.library
    before = filled.originals()
    for path in filled.folder.glob("originals/??/*"):
        make_old(path)
    library.close()
    path = filled.folder / "library.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)
    with pytest.warns(LibraryWarning, match="was damaged"):
        found = library.verify()
    assert not found.is_sound
    assert any("stay in" in problem for problem in found.problems)
    assert filled.originals() == before
    assert library.verify().orphans == 0


def test_images_without_records_stay_as_long_as_the_damaged_file(filled: Filled) -> None:
    library, task = filled.library, filled.library.find([REFUSED])[REFUSED]
    for path in filled.folder.glob("*/??/*"):
        make_old(path)
    library.remove(REFUSED)
    with library._database.writing() as connection:
        for table in ("tasks", "words", "pictures", "originals", "thumbnails"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  names of tables
    library.keep(task)
    with library._database.writing() as connection:
        connection.execute("UPDATE tasks SET kept_at = 0")
    (filled.folder / "library-damaged-1.sqlite").touch()
    assert library.verify().orphans == ORIGINALS  # the thumbnails, which can be made again
    assert len(filled.originals()) == ORIGINALS
    (filled.folder / "library-damaged-1.sqlite").unlink()
    assert library.verify().orphans == ORIGINALS
    assert filled.originals() == {}


def test_images_stay_when_the_database_file_is_lost(filled: Filled) -> None:
    library = filled.library
    before, task = filled.originals(), library.find([CAT])[CAT]
    for path in filled.folder.glob("originals/??/*"):
        make_old(path)
    library.close()
    (filled.folder / "library.sqlite").unlink()
    assert library.verify().orphans == 0
    library.keep(task)
    assert library.verify().orphans == 0
    assert filled.originals() == before


def test_damage_that_only_an_integrity_check_finds_is_repaired(filled: Filled) -> None:
    """An index that disagrees with its table gives wrong answers, and never an error."""
    library = filled.library
    library.close()
    hidden = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'tags_of_tasks'"
    with closing(sqlite3.connect(filled.folder / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        row = connection.execute(hidden).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'tags_of_tasks'")
    with closing(sqlite3.connect(filled.folder / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("INSERT INTO tags (tag, task, place) VALUES ('a', ?, 0)", (CAT,))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
    assert library.marks(CAT).tags == ()
    assert "damaged" in library.verify(repair=False).problems[0]
    with pytest.warns(LibraryWarning, match="was damaged"):
        found = library.verify()
    assert "recovered" in found.problems[0]
    assert found.records == len(EVERY)
    assert library.marks(CAT).tags == ("a",)
    assert library.verify().is_sound


def test_a_read_only_library_is_verified_and_left_unchanged(filled: Filled) -> None:
    damaged = filled.path_of(CAT)
    damaged.write_bytes(b"not an image")
    with Library(filled.folder, read_only=True) as other:
        found = other.verify()
    assert (found.damaged, found.is_repaired) == (1, False)
    assert "left as they are" in str(found)
    assert damaged.exists()
