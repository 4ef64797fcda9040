"""What is removed is gone with its pictures, and only that; what is damaged is noticed, and fetched again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryError, LibraryWarning, UsageError
from seedream_nb.core.models import TaskImage
from seedream_nb.library import Library, LibraryCache, LibraryFetcher
from seedream_nb.library.files import digest_of
from seedream_nb.library.removal import Removal
from seedream_nb.protocol.responses import read_task
from tests.library.conftest import CAT, EDIT, EVERY, INLINE, KITE, LONG_AGO, ORIGINALS, REFUSED, ROOF, THUMBNAIL
from tests.sample_images import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedream_nb import Sandbox, SeedreamClient
    from tests.library.conftest import Filled

TWO_HOURS = 7_200.0


def moment(seconds_after: float) -> datetime:
    return datetime.fromtimestamp(LONG_AGO + seconds_after, timezone.utc)


def make_old(path: Path) -> Path:
    long_ago = time.time() - TWO_HOURS
    os.utime(path, (long_ago, long_ago))
    return path


def size_of_files(filled: Filled) -> int:
    return sum(len(content) for content in (*filled.originals().values(), *filled.thumbnails().values()))


# Removing.


def test_a_removed_task_is_gone_with_its_pictures_marks_and_words(filled: Filled) -> None:
    library = filled.library
    library.tag(CAT, "a")
    library.note(CAT, "a note")
    before = size_of_files(filled)
    weighed = library.weigh(CAT)
    assert (weighed.tasks, weighed.originals) == (1, 2)
    assert size_of_files(filled) == before
    assert library.remove([CAT.upper(), CAT]) == weighed
    assert before - size_of_files(filled) == weighed.size
    assert CAT not in library
    assert library.search("siamese") == library.search("note") == []
    assert library.tags() == {}
    assert len(library) == len(EVERY) - 1
    assert (len(filled.originals()), len(filled.thumbnails())) == (ORIGINALS - 2, ORIGINALS - 2)
    assert library.verify().is_sound


def test_all_that_is_removed_leaves_nothing(filled: Filled) -> None:
    assert filled.library.remove(EVERY).originals == ORIGINALS
    assert filled.originals() == filled.thumbnails() == {}
    with sqlite3.connect(filled.library._database.path) as connection:
        tables = ("tasks", "words", "pictures", "originals", "thumbnails", "tags", "opinions")
        assert [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables] == [0] * 7  # noqa: S608  names of tables
    connection.close()


def test_an_unknown_id_removes_nothing(filled: Filled) -> None:
    for act in (filled.library.weigh, filled.library.remove):
        with pytest.raises(UsageError, match="unknown"):
            act([CAT, "unknown"])
    assert len(filled.library) == len(EVERY)
    assert len(filled.originals()) == ORIGINALS


def test_a_picture_that_another_task_refers_to_stays_until_that_goes_too(filled: Filled) -> None:
    """The edit's request names the kite's link."""
    library = filled.library
    kite = library.find([KITE])[KITE].images[0]
    content = library.original(kite)
    assert content is not None
    assert library.remove(KITE).originals == 0
    assert library.original(kite) == content
    assert library.thumbnail(kite, THUMBNAIL) is not None
    assert library.remove(EDIT).originals == 2
    assert library.original(kite) is None


def test_a_picture_that_another_task_has_under_its_own_link_stays(filled: Filled) -> None:
    library = filled.library
    same = filled.original_of(CAT)
    assert same is not None
    library.keep_image(library.find([ROOF])[ROOF].images[0], same)
    assert library.remove(CAT).originals == 1
    assert filled.original_of(ROOF) == same


def test_a_picture_stays_whichever_of_its_links_is_spoken_of(empty: Library) -> None:
    links, content = ["https://x.example/a.png", "https://x.example/b.png"], plain()
    empty.keep(read_task({"id": "old", "finished_at": 1.0, "data": [{"image_url": link} for link in links]}, ""))
    for place, link in enumerate(links):
        empty.keep_image(TaskImage("old", place, url=link), content)
    edit = {
        "id": "new",
        "finished_at": 1.0,
        "request": {"image": links[0]},
        "data": [{"image_url": "https://x.example/c"}],
    }
    empty.keep(read_task(edit, ""))
    assert empty.remove("old") == Removal(1, 0, 0)
    assert empty.original(TaskImage("", url=links[0])) == content


def test_a_picture_that_two_records_hold_within_themselves_stays_with_the_other(filled: Filled) -> None:
    library = filled.library
    task = library.find([INLINE])[INLINE]
    twin = "77777777-7777-4777-8777-777777777777"
    library.keep(type(task)(**{**vars(task), "id": twin, "raw": {**task.raw, "id": twin}}))
    content = filled.original_of(INLINE)
    assert library.remove(INLINE) == Removal(1, 0, 0)
    assert filled.original_of(twin) == content != None  # noqa: E711  all three
    assert library.remove(twin).originals == 1


def test_a_removed_task_can_be_kept_again(filled: Filled) -> None:
    library = filled.library
    task, content = library.find([CAT])[CAT], filled.original_of(CAT)
    library.remove(CAT)
    library.keep(task)
    assert content is not None
    library.keep_image(task.images[0], content)
    assert [task.id for task in library.search("siamese")] == [CAT]
    assert filled.original_of(CAT) == content


# Pruning.


def test_pruning_takes_what_is_old_but_for_what_is_marked(filled: Filled) -> None:
    library = filled.library
    library.rate(INLINE, 1)
    older = moment(150)  # ROOF, INLINE and REFUSED
    preview = library.prune(older=older, preview=True)
    assert (preview.tasks, preview.originals) == (2, 1)
    assert len(library) == len(EVERY)
    assert library.prune(older=older) == preview
    assert {task.id for task in library} == {CAT, KITE, INLINE, EDIT}
    assert library.prune(older=older) == Removal(0, 0, 0)


def test_pruning_takes_large_originals_and_leaves_their_records(filled: Filled) -> None:
    library = filled.library
    sizes = {task_id: len(filled.original_of(task_id) or b"") for task_id in (CAT, KITE, ROOF, INLINE, EDIT)}
    library.note(KITE, "wanted")
    preview = library.prune(larger=0, preview=True)
    assert preview == library.prune(larger=0)
    assert (preview.tasks, preview.originals) == (0, ORIGINALS - 2)  # neither the kite nor what has no link
    assert [filled.original_of(task_id) is None for task_id in sizes] == [True, False, True, False, True]
    assert len(library) == len(EVERY)
    assert len(filled.thumbnails()) == ORIGINALS
    limit = sizes[KITE]
    library.note(KITE, "")
    assert library.prune(larger=limit) == Removal(0, 0, 0)
    assert library.prune(larger=limit - 1) == Removal(0, 1, limit)


def test_what_is_old_and_large_is_counted_once(filled: Filled) -> None:
    before = size_of_files(filled)
    preview = filled.library.prune(moment(1), 0, preview=True)
    assert filled.library.prune(moment(1), 0) == preview
    assert (preview.tasks, preview.originals) == (1, ORIGINALS - 1)
    assert before - size_of_files(filled) == preview.size


def test_pruning_many_leaves_the_one_that_a_newer_task_refers_to(empty: Library) -> None:
    links = [f"https://x.example/{number}.png" for number in range(25)]
    for number, link in enumerate(links):
        record = {"id": f"old-{number}", "created_at": LONG_AGO, "finished_at": LONG_AGO, "data": [{"image_url": link}]}
        empty.keep(read_task(record, ""))
        empty.keep_image(TaskImage(f"old-{number}", url=link), plain(color=f"#0000{number:02x}"))
    edit = {"id": "new", "created_at": LONG_AGO + 60, "request": {"image": links[7]}, "data": [{"image_url": links[8]}]}
    empty.keep(read_task(edit, ""))
    assert empty.prune(older=moment(30)).originals == 23
    kept = [empty.original(TaskImage("", url=link)) is not None for link in links]
    assert [number for number, is_kept in enumerate(kept) if is_kept] == [7, 8]


def test_pruning_wants_to_know_what(library: Library) -> None:
    with pytest.raises(UsageError, match="says what to prune"):
        library.prune()


# Verifying.


def test_a_sound_library_is_sound(filled: Filled) -> None:
    progress: list[int] = []
    found = filled.library.verify(on_progress=progress.append)
    assert (found.is_sound, found.records, found.originals) == (True, len(EVERY), ORIGINALS)
    assert str(found) == "No problems found: 6 records and 6 originals are intact."
    assert sum(progress) == 2 * ORIGINALS


def test_a_damaged_and_a_lost_original_are_forgotten_and_come_again(filled: Filled) -> None:
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
    path.write_bytes(b"no picture")
    found = filled.library.verify()
    assert (found.damaged, found.originals) == (1, ORIGINALS)
    assert not path.exists()
    assert filled.library.verify().is_sound


def test_the_loss_of_a_picture_that_came_without_a_link_is_told_each_time(filled: Filled) -> None:
    filled.path_of(INLINE).unlink()
    for repair in (False, True, True):
        found = filled.library.verify(repair=repair)
        assert found.problems == ("Lost, without a link to fetch again: 1 inline image.",)


def test_leftovers_go_when_they_are_old_enough(filled: Filled) -> None:
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


def test_a_file_that_is_old_but_told_of_is_no_leftover(filled: Filled) -> None:
    before = filled.originals()
    for path in filled.folder.glob("*/??/*"):
        make_old(path)
    assert filled.library.verify().orphans == 0
    assert filled.originals() == before


def test_an_original_whose_row_is_lost_is_taken_in_again(filled: Filled) -> None:
    before = {task_id: filled.original_of(task_id) for task_id in (CAT, INLINE)}
    for path in filled.folder.glob("originals/??/*"):
        make_old(path)
    with filled.library._database.writing() as connection:
        connection.execute("DELETE FROM originals")
        connection.execute("DELETE FROM pictures WHERE source LIKE 'inline:%'")
    found = filled.library.verify()
    assert (found.originals, found.orphans, found.problems) == (ORIGINALS, 0, ())
    assert {task_id: filled.original_of(task_id) for task_id in before} == before


def test_an_index_of_words_that_lost_its_tasks_is_made_anew(filled: Filled) -> None:
    library = filled.library
    library.tag(KITE, "windy")
    with library._database.writing() as connection:
        connection.execute("DELETE FROM words")
    assert library.search("windy") == []
    assert "search may miss some" in library.verify(repair=False).problems[0]
    assert "was rebuilt" in library.verify().problems[0]
    assert [task.id for task in library.search("windy kite")] == [KITE]
    assert library.verify().is_sound


def test_an_index_of_words_that_is_broken_is_made_anew(filled: Filled) -> None:
    with filled.library._database.writing() as connection:
        connection.execute("UPDATE words_data SET block = x'00' WHERE id > 10")
    assert "was rebuilt" in filled.library.verify().problems[0]
    assert [task.id for task in filled.library.search("kite red")] == [KITE]
    assert filled.library.verify().is_sound


def test_a_record_that_cannot_be_read_goes_and_the_damaged_file_is_kept(filled: Filled) -> None:
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


def test_a_damaged_database_is_set_aside_and_pictures_of_no_record_stay(filled: Filled) -> None:
    """After so much damage, what tells of a picture may be in the damaged file alone."""
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


def test_pictures_of_no_record_stay_as_long_as_the_damaged_file_does(filled: Filled) -> None:
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


def test_pictures_stay_when_the_file_of_records_is_lost(filled: Filled) -> None:
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


def test_damage_that_sqlite_only_finds_by_looking_is_repaired(filled: Filled) -> None:
    """An index that disagrees with its table gives wrong answers, and never an error."""
    library = filled.library
    library.close()
    hidden = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'tags_of_tasks'"
    with closing(sqlite3.connect(filled.folder / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        row = connection.execute(hidden).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'tags_of_tasks'")
    with closing(sqlite3.connect(filled.folder / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("INSERT INTO tags (tag, task) VALUES ('a', ?)", (CAT,))
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


def test_a_read_only_library_is_looked_at_and_left_alone(filled: Filled) -> None:
    damaged = filled.path_of(CAT)
    damaged.write_bytes(b"no picture")
    with Library(filled.folder, read_only=True) as other:
        found = other.verify()
    assert (found.damaged, found.is_repaired) == (1, False)
    assert "left as they are" in str(found)
    assert damaged.exists()


def test_two_kernels_remove_and_keep_the_same_pictures(filled: Filled) -> None:
    """Whatever comes first: what the library tells of in the end is there."""
    task, content = filled.library.find([CAT])[CAT], filled.original_of(CAT)
    assert content is not None
    script = (
        "import sys\n"
        "from seedream_nb.library import Library\n"
        "library = Library(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for _ in range(40):\n"
        "    if sys.argv[2] in library:\n"
        "        library.remove(sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, str(filled.folder), CAT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        while other.poll() is None:
            filled.library.keep(task)
            filled.library.keep_image(task.images[0], content)
    assert other.returncode == 0
    filled.library.keep(task)
    filled.library.verify()
    filled.library.keep_image(task.images[0], content)
    assert filled.original_of(CAT) == content
    assert filled.library.verify().is_sound


def test_a_library_that_cannot_be_written_removes_nothing(filled: Filled, tmp_path: Path) -> None:
    shutil.copytree(filled.folder, tmp_path / "copy")
    with Library(tmp_path / "copy", read_only=True) as other:
        assert other.weigh(CAT).originals == 2
        assert other.prune(larger=0, preview=True).originals == ORIGINALS - 1
        acts: tuple[Callable[[], object], ...] = (lambda: other.remove(CAT), lambda: other.prune(larger=0))
        for act in acts:
            with pytest.raises(LibraryError, match="is read-only"):
                act()
