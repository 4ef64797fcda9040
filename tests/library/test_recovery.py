"""Files get damaged. Readable records are recovered with one warning, and older versions are migrated."""

from __future__ import annotations

import json
import shutil
import sqlite3
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryError, LibraryWarning
from seedream_nb.library import Library, LibraryCache, recovery, schema
from seedream_nb.library.marks import Marks
from seedream_nb.library.records import StoredTask, reindex, store_tasks
from seedream_nb.library.recovery import replace_damaged
from tests.library.integrity import run_at_once, start, wrong_with
from tests.library.tasks import MODEL, name_of, record_of, task_of
from tests.sample_images import noise

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 400
TASKS = [task_of(number, f"cat number {number} " + "with a long story " * 20) for number in range(COUNT)]
IMAGE = noise(64, 48)


@pytest.fixture(scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "library"
    with Library(folder) as library:
        library.keep(TASKS)
        library.keep_image(task_of(0).images[0], IMAGE)
        library.tag([name_of(number) for number in range(0, COUNT, 10)], "good")
        library.note(name_of(3), "the third")
    return folder


@pytest.fixture
def folder(_whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(_whole, tmp_path / "library")


def file_of(folder: Path) -> Path:
    return folder / "library.sqlite"


def damaged_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("library-damaged-*.sqlite"))


def truncate(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def overwrite(share: float, length: int, value: bytes = b"\xff") -> Callable[[bytes], bytes]:
    def work(content: bytes) -> bytes:
        begin = int(len(content) * share)
        return content[:begin] + value * length + content[begin + length :]

    return work


# The damage, and how many records can be recovered: at least and at most.
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], int, int]] = {
    "100 bytes left": (lambda content: content[:100], 0, 0),
    "10 bytes left": (lambda content: content[:10], 0, 0),
    "one page left": (lambda content: content[:4096], 0, 0),
    "a page and a half less": (lambda content: content[:-6144], COUNT - 1, COUNT),  # the last page has a record
    "a fifth left": (truncate(0.2), COUNT // 12, COUNT // 4),
    "half left": (truncate(0.5), COUNT // 3, 2 * COUNT // 3),
    "most left": (truncate(0.95), COUNT // 2, COUNT),
    "garbage": (lambda content: b"garbage " * (len(content) // 8), 0, 0),
    "the beginning": (overwrite(0, 100), 0, 0),
    "the first page": (overwrite(0, 4096, b"\0"), 0, 0),
}


@pytest.mark.parametrize(("damage", "least", "most"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_set_aside_and_its_readable_records_are_recovered(
    folder: Path, damage: Callable[[bytes], bytes], least: int, most: int
) -> None:
    broken = damage(file_of(folder).read_bytes())
    file_of(folder).write_bytes(broken)
    cache = LibraryCache(folder)
    with pytest.warns(LibraryWarning, match="was damaged") as caught:
        cache.store([task_of(COUNT)])
    assert len(caught) == 1
    assert (folder / "library-damaged-1.sqlite").read_bytes() == broken
    assert set(cache.find([name_of(COUNT)])) == {name_of(COUNT)}
    cache.close()
    assert wrong_with(folder) == []
    with Library(folder) as library:
        assert [task.prompt for task in library.search("white siamese")] == ["a white siamese cat"]
        recovered = library.find(map(name_of, range(COUNT)))
        assert recovered == {name_of(number): task for number, task in enumerate(TASKS) if name_of(number) in recovered}
        assert len(library) - 1 == len(recovered)
        assert least <= len(recovered) <= most
        assert least <= len(library.search("story", limit=None)) <= most
        # The marks of lost tasks are lost, too.
        assert sum(library.tags().values()) <= len(recovered)
        assert all(library.marks(task_id).tags in {(), ("good",)} for task_id in recovered)
    assert not list(folder.glob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("value", [b"\xff", b"\0", b"x"])
def test_nearly_all_records_of_a_file_with_a_hole_are_recovered(folder: Path, share: float, value: bytes) -> None:
    file_of(folder).write_bytes(overwrite(share, 5000, value)(file_of(folder).read_bytes()))
    cache = LibraryCache(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache.store(task_of(number) for number in range(COUNT, COUNT + 5))
        first = cache.find(name_of(number) for number in range(COUNT + 5))
        library = cache.library
        assert library is not None
        library.verify()
        found = cache.find(name_of(number) for number in range(COUNT + 5))
    told = [str(warning.message) for warning in caught]
    assert len([text for text in told if "was damaged" in text]) <= 1, told
    assert len(told) <= 1, told
    assert len(first) >= len(found) >= COUNT - 20
    assert {name_of(number) for number in range(COUNT, COUNT + 5)} <= set(found)
    cache.close()
    assert [text for text in wrong_with(folder) if "no original" not in text] == []


def test_damaged_pages_cost_only_their_own_records(folder: Path) -> None:
    """Records between two damaged pages are found by another index."""
    with closing(sqlite3.connect(file_of(folder))) as connection:
        pages = (
            connection.execute(
                "SELECT pageno FROM dbstat WHERE name = 'tasks' AND pagetype = 'leaf' ORDER BY path"
            ).fetchall()
            if _has_dbstat(connection)
            else []
        )
    if not pages:
        pytest.skip("this SQLite does not tell where things lie")
    content = bytearray(file_of(folder).read_bytes())
    for (page,) in (pages[len(pages) // 4], pages[3 * len(pages) // 4]):
        content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    file_of(folder).write_bytes(content)
    with pytest.warns(LibraryWarning, match="records were recovered") as caught, Library(folder) as library:
        library.verify()
    assert len(caught) == 1
    with Library(folder) as library:
        assert COUNT > len(library) > COUNT - 30


def _has_dbstat(connection: sqlite3.Connection) -> bool:
    return ("ENABLE_DBSTAT_VTAB",) in connection.execute("PRAGMA compile_options").fetchall()


def test_marks_and_images_are_recovered(folder: Path) -> None:
    content = file_of(folder).read_bytes()
    file_of(folder).write_bytes(content[:-4096])  # the last page is one of an index of words
    with pytest.warns(LibraryWarning, match="recovered"):
        library = Library(folder)
    with library:
        assert len(library) == COUNT
        assert library.original(task_of(0).images[0]) == IMAGE
        assert library.tags() == {"good": COUNT // 10}
        assert [task.id for task in library.search("third")] == [name_of(3)]
        assert len(library.search("cat number", tags="good", limit=None)) == COUNT // 10


def test_records_in_the_log_are_recovered(folder: Path) -> None:
    process = start(KILLED, folder, COUNT)
    process.communicate(timeout=60)
    assert (folder / "library.sqlite-wal").stat().st_size > 1000
    file_of(folder).write_bytes(overwrite(0.6, 9000)(file_of(folder).read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LibraryWarning)
        with Library(folder) as library:
            library.verify()
            found = library.find(name_of(COUNT + number) for number in range(20))
    assert len(found) == 20


KILLED = """
import os, signal, sys
from seedream_nb.library import Library
from tests.library.tasks import task_of
library = Library(sys.argv[1])
library.keep(task_of(int(sys.argv[2]) + number) for number in range(20))
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def test_each_damaged_file_is_set_aside(folder: Path) -> None:
    for number in (1, 2):
        file_of(folder).write_bytes(b"garbage " * 1000)
        with pytest.warns(LibraryWarning, match=f"library-damaged-{number}.sqlite"), Library(folder) as library:
            library.keep(task_of(number))
    assert damaged_files(folder) == ["library-damaged-1.sqlite", "library-damaged-2.sqlite"]


def test_an_emptied_file_causes_a_warning(folder: Path) -> None:
    file_of(folder).write_bytes(b"")
    with pytest.warns(LibraryWarning, match="was empty"), Library(folder) as library:
        assert len(library) == 0


def test_an_empty_file_without_images_causes_no_warning(tmp_path: Path) -> None:
    file_of(tmp_path).write_bytes(b"")
    with Library(tmp_path) as library:
        assert len(library) == 0


def test_damage_is_recovered_by_one_kernel_only(folder: Path) -> None:
    """Both find it, and what the first one stores in the new file stays."""
    with Library(folder) as mine, Library(folder) as theirs:
        assert len(mine) == len(theirs) == COUNT
        content = file_of(folder).read_bytes()
        with file_of(folder).open("r+b") as file:  # in place, under both
            file.seek(4096)
            file.write(b"\xff" * (len(content) - 4096))
        with pytest.warns(LibraryWarning, match="was damaged") as caught:  # noqa: PT031  one warning for all
            for number, library in enumerate((mine, theirs)):
                cache = LibraryCache(library)
                cache.store([task_of(COUNT + number)])
                library.verify()
        assert len(caught) == 1
        assert damaged_files(folder) == ["library-damaged-1.sqlite"]
        assert len(mine.find([name_of(COUNT), name_of(COUNT + 1)])) == 2
        assert len(theirs.find([name_of(COUNT), name_of(COUNT + 1)])) == 2


def test_a_replaced_file_is_left_alone(folder: Path) -> None:
    before = file_of(folder).read_bytes()
    assert replace_damaged(file_of(folder), is_damaged=lambda: False) is None
    assert (file_of(folder).read_bytes(), damaged_files(folder)) == (before, [])
    mended = replace_damaged(file_of(folder), is_damaged=lambda: True)
    assert mended is not None
    assert (mended.records, damaged_files(folder)) == (COUNT, [mended.set_aside.name])


def test_many_kernels_find_the_same_damage(folder: Path) -> None:
    file_of(folder).write_bytes(file_of(folder).read_bytes()[:50_000])
    warned = run_at_once(STORE_TEN, folder, [COUNT, COUNT + 10, COUNT + 20])
    assert warned.count("LibraryWarning") == 1, warned
    assert damaged_files(folder) == ["library-damaged-1.sqlite"]
    with Library(folder) as library:
        assert len(library.find(name_of(COUNT + number) for number in range(30))) == 30
    assert wrong_with(folder) == []


STORE_TEN = """
import os, sys
import platformdirs
from seedream_nb.library import LibraryCache
from tests.library.tasks import task_of

def work(first):
    cache = LibraryCache(sys.argv[1])
    for number in range(10):
        cache.store([task_of(first + number)])
    cache.close()
"""


# What another kernel writes while a damaged file is replaced


def make_unreadable(folder: Path, number: int) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        connection.execute("UPDATE tasks SET record = substr(record, 5) WHERE key = ?", (name_of(number),))


def between_copy_and_swap(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Runs something after all rows were copied, and before the new file takes the place of the old one."""
    done: list[object] = []

    def work_and_index(connection: sqlite3.Connection) -> None:
        reindex(connection)
        if not done:
            done.append(work())

    monkeypatch.setattr(recovery, "reindex", work_and_index)


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def answer_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another kernel that has the library open, and stores the tasks that it is told to."""
    process = start(OTHER_KERNEL, folder)
    assert answer_of(process) == "open"
    yield process
    _output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


OTHER_KERNEL = """
import sqlite3, sys
from seedream_nb.core.errors import LibraryError
from seedream_nb.library import Library, recovery
from tests.library.tasks import name_of, task_of
library = Library(sys.argv[1])
raw = sqlite3.connect(library.location / "library.sqlite")
raw.execute("SELECT count(*) FROM tasks").fetchall()
print("open", flush=True)
for line in sys.stdin:
    how, number = line.split()
    recovery.SECONDS_FOR_OTHERS = 60 if how == "patiently" else 0
    try:
        if how == "heedlessly":  # as a kernel with an earlier version does
            with raw:
                statement = "INSERT INTO tasks SELECT number + ?, ?, record, request, status, model, kept_at FROM tasks"
                raw.execute(f"{statement} WHERE key = ?", (int(number) + 10**15, name_of(int(number)), name_of(1)))
        else:
            library.keep(task_of(int(number)))
        print("stored", flush=True)
    except LibraryError:
        print("shut out", flush=True)
library.close()
raw.close()
"""


def test_what_another_kernel_stores_during_a_recovery_is_not_lost(
    folder: Path, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_unreadable(folder, 7)
    answers = {}

    def store_meanwhile() -> None:
        tell(writer, f"impatiently {COUNT}")
        answers[COUNT] = answer_of(writer)
        tell(writer, f"patiently {COUNT + 1}")

    between_copy_and_swap(monkeypatch, store_meanwhile)
    with pytest.warns(LibraryWarning, match=f"{COUNT - 1} records were recovered"), Library(folder) as library:
        library.verify()
    answers[COUNT + 1] = answer_of(writer)
    tell(writer, f"impatiently {COUNT + 2}")
    answers[COUNT + 2] = answer_of(writer)
    with Library(folder) as library:
        stored = library.find(map(name_of, answers))
    assert {number for number, answer in answers.items() if answer == "stored"} == {
        number for number in answers if name_of(number) in stored
    }
    assert (answers[COUNT + 1], answers[COUNT + 2]) == ("stored", "stored")
    assert wrong_with(folder) == []


def test_what_was_set_aside_is_read_once_more(
    folder: Path, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_unreadable(folder, 7)

    def store_meanwhile() -> None:
        tell(writer, f"heedlessly {COUNT}")
        assert answer_of(writer) == "stored"

    between_copy_and_swap(monkeypatch, store_meanwhile)
    with pytest.warns(LibraryWarning, match=f"{COUNT} records were recovered"), Library(folder) as library:
        library.verify()
    with Library(folder) as library:
        assert name_of(COUNT) in library
        assert len(library) == COUNT
    assert [text for text in wrong_with(folder) if "no words" in text] == []


def test_a_recovery_waits_for_the_transaction_of_another_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_unreadable(folder, 7)
    with Library(folder) as mine, Library(folder) as theirs:
        with monkeypatch.context() as impatient, theirs._database.writing() as connection:
            impatient.setattr(recovery, "SECONDS_FOR_OTHERS", 0, raising=False)
            store_tasks(connection, [task_of(COUNT)], lambda _content: "")
            with pytest.raises(LibraryError, match="could not be recovered: database is locked"):
                mine.find([name_of(7)])
        with pytest.warns(LibraryWarning, match=f"{COUNT} records were recovered"):
            assert set(LibraryCache(mine).find([name_of(7), name_of(COUNT)])) == {name_of(COUNT)}
        assert name_of(COUNT) in theirs


def test_a_damaged_lock_file_is_not_damage_of_the_library(folder: Path) -> None:
    (folder / "library-mending.lock").write_bytes(b"garbage " * 1000)
    with Library(folder) as library:
        assert len(library) == COUNT
        with pytest.raises(LibraryError, match=r"lock file \(-mending\.lock\) is damaged, and can be deleted"):
            library.keep(task_of(COUNT))
        (folder / "library-mending.lock").unlink()
        library.keep(task_of(COUNT))
    assert damaged_files(folder) == []


def test_an_unreadable_record_is_damage(folder: Path) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        connection.execute("UPDATE tasks SET record = substr(record, 5) WHERE key = ?", (name_of(7),))
    cache = LibraryCache(folder)
    with pytest.warns(LibraryWarning, match=f"{COUNT - 1} records were recovered"):
        found = cache.find([name_of(7), name_of(8)])
    assert set(found) == {name_of(8)}
    cache.close()


def test_the_library_raises_once_and_works_at_the_next_call(folder: Path) -> None:
    with Library(folder) as library:
        with closing(sqlite3.connect(file_of(folder))) as connection, connection:
            connection.execute("UPDATE tasks SET record = '[]' WHERE key = ?", (name_of(7),))
        with (
            pytest.warns(LibraryWarning, match="was damaged"),
            pytest.raises(LibraryError, match="recovered into a new file") as caught,
        ):
            library.find([name_of(7)])
        assert caught.value.hint == "Repeat the call."
        assert library.find([name_of(7)]) == {}
        assert len(library) == COUNT - 1


def test_a_damaged_read_only_library_is_left_unchanged(folder: Path) -> None:
    broken = b"garbage " * 1000
    file_of(folder).write_bytes(broken)
    with pytest.raises(LibraryError, match="damaged, and read-only: it cannot be recovered"):
        Library(folder, read_only=True)
    assert file_of(folder).read_bytes() == broken
    assert damaged_files(folder) == []


def test_a_deleted_folder_is_created_again(folder: Path) -> None:
    with Library(folder) as library:
        assert len(library) == COUNT
        shutil.rmtree(folder)
        library.keep(task_of(1))
        library.keep_image(task_of(1).images[0], IMAGE)
        assert len(library) == 1
    with Library(folder) as library:
        assert library.original(task_of(1).images[0]) == IMAGE


# Versions


OTHER = task_of(1, request={"model": "other", "prompt": "a white siamese cat"})  # than the model of the rest


def make_version(version: int, folder: Path) -> None:
    """A library with an earlier version of the tables, filled by today's code as far as possible."""
    with Library(folder) as library:
        library.keep([task_of(0), OTHER])
        library.keep_image(task_of(0).images[0], IMAGE)
        if version > 1:
            library.note(name_of(1), "the second")
            library.tag(name_of(1), "kept")
    tables = ("tasks", "words", "pictures", "originals", "thumbnails", *(("tags", "opinions") if version > 1 else ()))
    columns_of = {"words": "rowid, *", "tags": "DISTINCT tag, task", "opinions": "DISTINCT task, rating, note"}
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        columns = {
            table: connection.execute(
                f"SELECT {columns_of.get(table, '*')} FROM {table}"  # noqa: S608  our own words
            ).fetchall()
            for table in tables
        }
    file_of(folder).unlink()
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        for step in schema.STEPS[:version]:
            connection.executescript(step)
        connection.execute(f"PRAGMA user_version = {version}")
        for table, rows in columns.items():
            names = "(rowid, prompt, model, marks)" if table == "words" else ""
            for row in rows:
                connection.execute(f"INSERT INTO {table} {names} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  our own words


EARLIER = pytest.mark.parametrize("version", range(1, schema.VERSION))


@EARLIER
def test_migrating_an_earlier_version_loses_nothing(tmp_path: Path, version: int) -> None:
    make_version(version, tmp_path)
    with Library(tmp_path) as library:
        assert library.find([name_of(0), name_of(1)]) == {name_of(0): task_of(0), name_of(1): OTHER}
        assert library.original(task_of(0).images[0]) == IMAGE
        assert len(library.search("siamese")) == 2
        library.tag(name_of(0), "good")
        assert [task.id for task in library.search("good")] == [name_of(0)]
        assert len(library.search("second")) == (1 if version > 1 else 0)
        assert len(library.search(model=MODEL)) == 1
        assert library.marks(OTHER) == (Marks(("kept",), None, "the second") if version > 1 else Marks())
    assert wrong_with(tmp_path) == []
    with closing(sqlite3.connect(file_of(tmp_path))) as connection:
        assert schema.version_of(connection) == schema.VERSION
        assert sorted(connection.execute(TABLES)) == new_tables()


def test_only_the_records_of_marked_tasks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_version(4, tmp_path)
    read: list[str] = []
    places_of = schema._places_of

    def record(stored: StoredTask) -> list[int]:
        read.append(stored.key)
        return places_of(stored)

    monkeypatch.setattr(schema, "_places_of", record)
    with Library(tmp_path) as library:
        assert len(library) == 2
    assert read == [name_of(1)]


def first_page_is_enough(path: Path) -> bool:
    """Whether SQLite stores the definitions of all tables in the first page: its B-tree has no other one."""
    return path.read_bytes()[100] == 13  # a leaf, https://www.sqlite.org/fileformat.html#b_tree_pages


@EARLIER
def test_one_page_has_all_definitions(tmp_path: Path, version: int) -> None:
    """Damage of another page must not cost all records."""
    make_version(version, tmp_path / "old")
    for folder in (tmp_path / "old", tmp_path / "new"):
        Library(folder).close()
        assert first_page_is_enough(file_of(folder))


TABLES = "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL"


def new_tables() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        return sorted(connection.execute(TABLES))


@EARLIER
def test_an_earlier_version_can_be_read_without_migrating(tmp_path: Path, version: int) -> None:
    make_version(version, tmp_path)
    with Library(tmp_path, read_only=True) as library:
        assert library.find([name_of(0)]) == {name_of(0): task_of(0)}
        assert len(library.search("siamese")) == 2
        for text in ("", "siamese"):
            found = [len(library.search(text, model=name)) for name in (MODEL, "other", "o", "nobody")]
            assert found == [1, 1, 2, 0]
        assert library.marks(OTHER) == (Marks(("kept",), None, "the second") if version > 1 else Marks())
        assert len(library.search(tags="kept")) == (1 if version > 1 else 0)


@EARLIER
def test_the_lineage_of_an_earlier_version_is_known(tmp_path: Path, version: int) -> None:
    make_version(version, tmp_path)
    record = json.dumps(record_of(7, request={"prompt": "an edit", "image": task_of(0).images[0].url}))
    with closing(sqlite3.connect(file_of(tmp_path))) as connection, connection:
        row = (7, name_of(7), record, "succeeded", "", 0.0)
        connection.execute(
            "INSERT INTO tasks (number, key, record, status, model, kept_at) VALUES (?, ?, ?, ?, ?, ?)", row
        )
    for is_read_only in (True, False, True):
        with Library(tmp_path, read_only=is_read_only) as library:
            assert [image.task_id for image in library.parents(name_of(7))] == [name_of(0)]
            assert [image.task_id for image in library.children(name_of(0))] == [name_of(7)]


def test_an_interrupted_migration_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_version(1, tmp_path)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS[:1], "CREATE TABLE half (x);\nCREATE TABLE tasks (x);\n"))
    with pytest.raises(LibraryError, match="table tasks already exists"):
        Library(tmp_path).keep(task_of(3))
    monkeypatch.undo()
    with closing(sqlite3.connect(file_of(tmp_path))) as connection:
        assert schema.version_of(connection) == 1
        assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall() == []
    with Library(tmp_path) as library:
        assert len(library) == 2


def test_kernels_that_migrate_at_the_same_time(tmp_path: Path) -> None:
    make_version(1, tmp_path)
    assert run_at_once(STORE_TEN, tmp_path, [10, 20, 30]) == ""
    with Library(tmp_path) as library:
        assert len(library) == 32


@pytest.mark.parametrize("read_only", [False, True])
def test_a_later_version_is_rejected(tmp_path: Path, read_only: bool) -> None:  # noqa: FBT001  both ways
    Library(tmp_path).close()
    with closing(sqlite3.connect(file_of(tmp_path))) as connection, connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = file_of(tmp_path).read_bytes()
    with pytest.raises(LibraryError, match="was written by a later version of seedream_nb") as caught:
        Library(tmp_path, read_only=read_only)
    assert "Upgrade seedream_nb" in str(caught.value.hint)
    cache = LibraryCache(tmp_path)
    with pytest.warns(LibraryWarning, match="later version") as told:  # noqa: PT031  one warning for all
        cache.find([name_of(0)])
        cache.find([name_of(0)])
    assert len(told) == 1
    assert file_of(tmp_path).read_bytes() == before


def test_kernels_that_create_the_same_library(tmp_path: Path) -> None:
    assert run_at_once(STORE_TEN, tmp_path / "library", [0, 10, 20, 30]) == ""
    with Library(tmp_path / "library") as library:
        assert len(library) == 40
