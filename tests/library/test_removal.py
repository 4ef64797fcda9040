"""Removed tasks are gone with their images, and nothing else is."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.core.models import TaskImage
from seedream_nb.library import Library
from seedream_nb.library.removal import Removal
from seedream_nb.protocol.responses import read_task
from tests.library.conftest import CAT, EDIT, EVERY, INLINE, KITE, LONG_AGO, ORIGINALS, ROOF, THUMBNAIL
from tests.sample_images import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.library.conftest import Filled


def moment(seconds_after: float) -> datetime:
    return datetime.fromtimestamp(LONG_AGO + seconds_after, timezone.utc)


def size_of_files(filled: Filled) -> int:
    return sum(len(content) for content in (*filled.originals().values(), *filled.thumbnails().values()))


# Removal.


def test_removing_a_task_removes_its_images_marks_and_words(filled: Filled) -> None:
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


def test_removing_everything_leaves_nothing(filled: Filled) -> None:
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


def test_an_image_that_another_task_references_stays(filled: Filled) -> None:
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


def test_an_image_that_another_task_has_under_another_link_stays(filled: Filled) -> None:
    library = filled.library
    same = filled.original_of(CAT)
    assert same is not None
    library.keep_image(library.find([ROOF])[ROOF].images[0], same)
    assert library.remove(CAT).originals == 1
    assert filled.original_of(ROOF) == same


def test_an_image_stays_whichever_of_its_links_is_referenced(empty: Library) -> None:
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


def test_an_inline_image_of_two_records_stays_with_the_other(filled: Filled) -> None:
    library = filled.library
    task = library.find([INLINE])[INLINE]
    twin = "77777777-7777-4777-8777-777777777777"
    library.keep(type(task)(**{**vars(task), "id": twin, "raw": {**task.raw, "id": twin}}))
    content = filled.original_of(INLINE)
    assert library.remove(INLINE) == Removal(1, 0, 0)
    assert filled.original_of(twin) == content != None  # noqa: E711  all three
    assert library.remove(twin).originals == 1


def test_a_removed_task_can_be_stored_again(filled: Filled) -> None:
    library = filled.library
    task, content = library.find([CAT])[CAT], filled.original_of(CAT)
    library.remove(CAT)
    library.keep(task)
    assert content is not None
    library.keep_image(task.images[0], content)
    assert [task.id for task in library.search("siamese")] == [CAT]
    assert filled.original_of(CAT) == content


# Pruning.


def test_pruning_removes_old_tasks_except_marked_ones(filled: Filled) -> None:
    library = filled.library
    library.rate(INLINE, 1)
    older = moment(150)  # ROOF, INLINE and REFUSED
    preview = library.prune(older=older, preview=True)
    assert (preview.tasks, preview.originals) == (2, 1)
    assert len(library) == len(EVERY)
    assert library.prune(older=older) == preview
    assert {task.id for task in library} == {CAT, KITE, INLINE, EDIT}
    assert library.prune(older=older) == Removal(0, 0, 0)


def test_pruning_removes_large_originals_but_not_their_records(filled: Filled) -> None:
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


def test_an_original_both_old_and_large_is_counted_once(filled: Filled) -> None:
    before = size_of_files(filled)
    preview = filled.library.prune(moment(1), 0, preview=True)
    assert filled.library.prune(moment(1), 0) == preview
    assert (preview.tasks, preview.originals) == (1, ORIGINALS - 1)
    assert before - size_of_files(filled) == preview.size


def test_pruning_many_leaves_what_a_newer_task_references(empty: Library) -> None:
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


def test_pruning_needs_an_age_or_a_size(library: Library) -> None:
    with pytest.raises(UsageError, match="says what to prune"):
        library.prune()


# Concurrency and permissions.


@pytest.mark.heavy
def test_two_kernels_remove_and_store_the_same_images(filled: Filled) -> None:
    """Whatever comes first: every image that is listed in the end exists."""
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


def test_a_read_only_library_removes_nothing(filled: Filled, tmp_path: Path) -> None:
    shutil.copytree(filled.folder, tmp_path / "copy")
    with Library(tmp_path / "copy", read_only=True) as other:
        assert other.weigh(CAT).originals == 2
        assert other.prune(larger=0, preview=True).originals == ORIGINALS - 1
        acts: tuple[Callable[[], object], ...] = (lambda: other.remove(CAT), lambda: other.prune(larger=0))
        for act in acts:
            with pytest.raises(LibraryError, match="is read-only"):
                act()
