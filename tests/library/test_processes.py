"""Several kernels at the same time, and crashes of all kinds: nothing stored is lost, and nothing is half there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.models import TaskImage
from seedream_nb.library import Library, LibraryCache
from tests.library.integrity import run, run_at_once, start, wrong_with
from tests.library.tasks import name_of, task_of
from tests.sample_images import noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

posix = pytest.mark.skipif(os.name != "posix", reason="signals, limits and forks are of Unix")

# Lazy imports happen here: a child is killed, or loses its permissions, soon after it starts.
PRELUDE = """
import os, random, signal, sys, warnings
import PIL.Image, platformdirs
from seedream_nb.images.thumbnails import make_thumbnail
from seedream_nb.library import LibraryCache, Library, LibraryFetcher
from seedream_nb.core.models import TaskImage
from tests.sample_images import noise
from tests.library.tasks import name_of, task_of
PIL.Image.init()
"""


# Several kernels

SAME_TASKS = (
    PRELUDE
    + """
contents = [noise(64, 48, seed) for seed in range(20)]
thumbnails = [make_thumbnail(content, 32) for content in contents]

def work(seed):
    cache = LibraryCache(sys.argv[1])
    order = list(range(200))
    random.Random(seed).shuffle(order)
    for number in order:
        task = task_of(number)
        cache.store([task])
        cache.store_image(task.images[0], contents[number % 20], thumbnail=(32, thumbnails[number % 20]))
        assert cache.find([task.id]) == {task.id: task}
        assert cache.original(task.images[0]) == contents[number % 20]
    cache.close()
"""
)


def test_kernels_that_store_the_same_tasks_at_the_same_time(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    assert run_at_once(SAME_TASKS, folder, [0, 1, 2]) == ""
    assert wrong_with(folder) == []
    with Library(folder) as library:
        info = library.info()
        assert (info.tasks, info.originals, info.thumbnails) == (200, 20, 20)
        assert set(library.find(map(name_of, range(200)))) == set(map(name_of, range(200)))
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_changes_of_another_connection_are_seen_immediately(tmp_path: Path) -> None:
    with Library(tmp_path) as mine, Library(tmp_path) as theirs, Library(tmp_path, read_only=True) as reader:
        for number in range(3):
            theirs.keep(task_of(number))
            assert [len(mine), len(reader)] == [number + 1] * 2


def test_reading_while_another_connection_writes(tmp_path: Path) -> None:
    with Library(tmp_path) as mine, Library(tmp_path) as theirs:
        mine.keep(task_of(0))
        with theirs._database.writing() as connection:
            connection.execute("DELETE FROM tasks")
            assert len(mine) == 1
        assert len(mine) == 0


# Killed

WRITE_ON = (
    PRELUDE
    + """
contents = [noise(64, 48, seed) for seed in range(40)]
thumbnails = [make_thumbnail(content, 32) for content in contents]
folder, rounds = sys.argv[1], int(sys.argv[2])

def write_on(told, first):
    library = Library(folder)
    number = first
    while True:
        task = task_of(number)
        library.keep(task)
        os.write(told, b"t%09d" % number)
        library.keep_image(task.images[0], contents[number % 40], thumbnail=(32, thumbnails[number % 40]))
        os.write(told, b"p%09d" % number)
        number += 1

chance = random.Random(5)
first = 0
for _round in range(rounds):
    listen, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(listen)
        write_on(told, first)
    os.close(told)
    said = b""
    enough = 10 * chance.randrange(1, 25)
    while len(said) < enough:
        said += os.read(listen, 10)
    for _turn in range(chance.randrange(2000)):
        pass
    os.kill(child, signal.SIGKILL)
    while piece := os.read(listen, 65536):
        said += piece
    os.waitpid(child, 0)
    os.close(listen)
    words = [said[start:start + 10].decode() for start in range(0, len(said), 10)]
    print(*words, sep="\\n")
    first = int(words[-1][1:]) + 1 - (words[-1][0] == "t")
"""
)


@posix
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    kept = run(WRITE_ON, folder, 100).split()
    tasks = {int(word[1:]) for word in kept if word[0] == "t"}
    images = {int(word[1:]) for word in kept if word[0] == "p"}
    assert len(tasks) > 300
    assert wrong_with(folder) == []
    with Library(folder) as library:
        found = library.find(map(name_of, tasks))
        assert found == {name_of(number): task_of(number) for number in tasks}
        for number in images:
            assert library.original(task_of(number).images[0]) == noise(64, 48, number % 40)
            assert library.thumbnail(task_of(number).images[0], 32) is not None
        assert library.verify(repair=False).is_sound


MARK_FOREVER = """
import itertools, sys
from seedream_nb.library import Library, Marks
library = Library(sys.argv[1])
places = [(key, place) for key in sys.argv[2:] for place in range(3)]
for number in itertools.count():
    marks = Marks((f"tag {number % 7}",), number % 5 + 1, f"note {number}", number % 2 == 0)
    library.set_marks(dict.fromkeys(places, marks))
    if number == 3:
        print("going", flush=True)
"""


def test_a_killed_process_leaves_no_half_made_marks(tmp_path: Path) -> None:
    keys = [name_of(number) for number in range(4)]
    with Library(tmp_path) as library:
        library.keep(task_of(number) for number in range(4))
    for _time in range(3):
        process = start(MARK_FOREVER, tmp_path, *keys)
        assert process.stdout is not None
        assert process.stdout.readline() == "going\n"
        process.kill()
        process.communicate(timeout=60)
        with Library(tmp_path) as library:
            found = library.marks_of(keys)
            (marks,) = set(found.values())
            assert len(found) == 12
            assert marks.note.startswith("note ")
            assert {task.id for task in library.search(f'"{marks.note}"', limit=None)} == set(keys)


def test_a_file_is_never_seen_half_written(tmp_path: Path) -> None:
    """Not even while it is being replaced."""
    library = Library(tmp_path)
    files = library._images.originals
    contents = {bytes([value]) * 3_000_000 for value in (1, 2)}
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                files.write("ab-file", content)

    files.write("ab-file", next(iter(contents)))
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _time in range(100):
            assert files.read("ab-file") in contents
    finally:
        stop.set()
        thread.join()
    assert [path.name for path in files.folder.glob("??/*")] == ["ab-file"]
    library.close()


# Full disks

FULL = (
    PRELUDE
    + """
from tests.full_disk import limit_files
limit = int(sys.argv[2])
if limit:
    limit_files(limit)
cache = LibraryCache(sys.argv[1])
for number in range(60):
    task = task_of(number, "a long story of a cat " * 200)
    cache.store([task])
    content = noise(200, 200, number)
    cache.store_image(task.images[0], content)
    found = cache.original(task.images[0])
    assert found in (None, content)
print(len(cache.find(map(name_of, range(60)))))
"""
)


@posix
@pytest.mark.parametrize("limit", [30_000, 300_000])
def test_a_file_size_limit_causes_only_a_warning(tmp_path: Path, limit: int) -> None:
    folder = tmp_path / "library"
    with Library(folder) as library:
        library.keep(task_of(0))
    process = start(FULL, folder, limit)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors.count("LibraryWarning") == 1, errors
    assert int(output) >= 1
    assert wrong_with(folder) == []
    with Library(folder) as library:
        assert len(library) >= 1
        library.keep(task_of(99))  # room again
        assert name_of(99) in library


def fill(file: FileIO, size: int) -> None:
    with suppress(OSError):
        while True:
            file.write(bytes(size))


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        folder = disk / "library"
        process = start(FULL, folder, 0)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert errors.count("LibraryWarning") == 1, errors
        assert int(output) >= 1
        assert wrong_with(folder) == []
        with Library(folder) as library:
            assert len(library) == int(output)


def test_reading_from_a_disk_without_a_byte_left(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        with Library(disk / "library") as library:
            library.keep(task_of())
            library.keep_image(task_of().images[0], noise(64, 48))
        with (disk / "filler").open("wb", buffering=0) as filler:
            for size in (4096, 1):
                fill(filler, size)
        output = run(PRELUDE + SERVED, disk / "library")
    assert output == "a white siamese cat True\n"


SERVED = """
cache = LibraryCache(sys.argv[1])
task = cache.find([name_of(0)])[name_of(0)]
print(task.prompt, cache.original(task.images[0]) == noise(64, 48))
"""

# Read-only folders

AS_NOBODY = """
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
warnings.simplefilter("error")
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can read."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="seedream-test-") as name:  # where others get to
        Path(name).chmod(0o755)
        yield Path(name) / "library"


@posix
@pytest.mark.parametrize("is_in_use", [False, True])
def test_a_read_only_folder_can_be_read(open_folder: Path, is_in_use: bool) -> None:  # noqa: FBT001  both ways
    image = task_of().images[0]
    library = Library(open_folder)
    try:
        library.keep(task_of())
        library.keep_image(image, noise(64, 48))
        if not is_in_use:
            library.close()
        for path in (open_folder, *open_folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        also = """
cache.store([task_of(1)])
cache.store_image(task_of(1).images[0], noise(64, 48, 1))
assert cache.library.is_read_only
print(len(cache.library.search("siamese")), name_of(1) in cache.library)
"""
        assert run(PRELUDE + AS_NOBODY + SERVED + also, open_folder) == "a white siamese cat True\n1 False\n"
    finally:
        for path in (open_folder, *open_folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        library.close()


NONE_THERE = """
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
cache = LibraryCache(sys.argv[1])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for number in range(3):
        cache.store([task_of(number)])
        assert cache.find([name_of(number)]) == {}
        assert cache.original(task_of(number).images[0]) is None
print(*(warning.message for warning in caught), sep="\\n")
"""


@posix
def test_without_write_permission_work_continues_without_a_library(open_folder: Path) -> None:
    open_folder.parent.chmod(0o555)
    told = run(PRELUDE + NONE_THERE, open_folder).splitlines()
    open_folder.parent.chmod(0o755)
    assert set(told) == {
        f"There is no library in {open_folder}, and none can be created there. Everything else works without it."
    }
    assert len(told) <= 2  # of reading, and of writing


# Forks and threads

FORK = (
    PRELUDE
    + """
cache = LibraryCache(sys.argv[1])
cache.store([task_of(0)])
for turn in range(1, 6):
    held, release = os.pipe()
    child = os.fork()
    if not child:
        assert cache.find([name_of(0)])
        os.read(held, 1)  # until the parent has closed the file, and might have thrown its log away
        cache.store([task_of(turn)])
        assert name_of(turn) in cache.library
        os._exit(0)
    cache.store([task_of(10 + turn)])
    cache.close()
    os.write(release, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert len(cache.find([name_of(turn), name_of(10 + turn)])) == 2
cache.close()
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_both_sides_of_a_fork_can_store(tmp_path: Path) -> None:
    run(FORK, tmp_path / "library")
    assert wrong_with(tmp_path / "library") == []
    with Library(tmp_path / "library") as library:
        assert len(library) == 11


FORK_AMONG_THREADS = (
    PRELUDE
    + """
import threading
cache = LibraryCache(sys.argv[1])
stop = threading.Event()
def write(begin):
    number = begin
    while not stop.is_set():
        cache.store([task_of(number)])
        number += 1
threads = [threading.Thread(target=write, args=(1000 * begin,)) for begin in range(1, 4)]
for thread in threads:
    thread.start()
for turn in range(10):
    child = os.fork()
    if not child:
        cache.store([task_of(turn)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
assert len(cache.find(map(name_of, range(10)))) == 10
cache.close()
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_while_threads_write(tmp_path: Path) -> None:
    if sys.version_info >= (3, 12):
        pytest.skip("Python itself warns of forking among threads")
    run(FORK_AMONG_THREADS, tmp_path / "library")
    assert wrong_with(tmp_path / "library") == []


def test_a_cache_can_be_used_by_many_threads(tmp_path: Path) -> None:
    cache = LibraryCache(tmp_path / "library")
    content = noise(64, 48)

    def work(number: int) -> bytes | None:
        cache.store([task_of(number)])
        image = TaskImage(name_of(number), url=f"https://images.example/{number}.jpg")
        cache.store_image(image, content)
        return cache.original(image)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(100))) == {content}
    cache.close()
    assert wrong_with(tmp_path / "library") == []
    with Library(tmp_path / "library") as library:
        assert (len(library), library.info().originals) == (100, 1)
