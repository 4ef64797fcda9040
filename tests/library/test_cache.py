"""The cache never gets in the way: whatever cannot be stored causes one warning."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryError, LibraryWarning
from seedream_nb.core.models import TaskImage
from seedream_nb.library import Library, LibraryCache
from tests.library.tasks import name_of, task_of
from tests.sample_images import noise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seedream_nb.core.models import Task

CONTENT = noise(40, 40)


def test_it_opens_on_first_use(tmp_path: Path) -> None:
    cache = LibraryCache(tmp_path / "library")
    cache.close()
    assert cache.find([]) == {}
    cache.store([])
    assert not (tmp_path / "library").exists()
    cache.store([task_of()])
    assert (tmp_path / "library").is_dir()
    cache.close()
    assert cache.find([name_of(0)]) == {name_of(0): task_of()}
    cache.close()


def test_off_stores_and_finds_nothing() -> None:
    cache = LibraryCache("off")
    image = task_of().images[0]
    cache.store([task_of()])
    cache.store_image(image, CONTENT)
    assert (cache.library, cache.find([name_of(0)]), cache.original(image)) == (None, {}, None)


def test_ids_may_be_an_iterator(empty: Library) -> None:
    empty.keep([task_of(0), task_of(1)])
    assert len(LibraryCache(empty).find(name_of(number) for number in range(3))) == 2


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("https://images.example/a.jpg", (True, True)),
        ("http://127.0.0.1:8000/a.jpg", (False, True)),
        ("http://localhost/a.jpg", (False, True)),
        (None, (False, False)),
    ],
)
def test_which_images_it_accepts(url: str | None, keeps: tuple[bool, bool]) -> None:
    image = TaskImage("an-id", url=url)
    assert (LibraryCache().accepts(image), LibraryCache(allow_loopback=True).accepts(image)) == keeps
    assert not LibraryCache(allow_loopback=True).accepts(TaskImage("an-id", url=url, data=CONTENT))


HERE, THERE = "http://127.0.0.1:9/", "https://api.acedata.cloud"
LOOPBACK_IMAGE = TaskImage("an-id", url="http://127.0.0.1:9/a.jpg")


def test_a_loopback_service_is_stored_only_in_an_explicit_library(tmp_path: Path) -> None:
    assert LibraryCache.for_service(HERE).library is None
    assert LibraryCache.for_service(HERE, tmp_path / "own").accepts(LOOPBACK_IMAGE)
    assert not LibraryCache.for_service(THERE).accepts(LOOPBACK_IMAGE)
    assert not LibraryCache.for_service(THERE, tmp_path / "own").accepts(LOOPBACK_IMAGE)
    assert not LibraryCache().accepts(LOOPBACK_IMAGE)
    assert LibraryCache(tmp_path / "own").accepts(LOOPBACK_IMAGE)


def test_the_environment_names_an_explicit_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    for url in (HERE, THERE, "http://localhost:8000"):
        cache = LibraryCache.for_service(url)
        assert cache.library is not None
        assert cache.library.location == tmp_path / "library"
        assert cache.accepts(LOOPBACK_IMAGE) == (url != THERE)
        cache.close()
    assert LibraryCache().accepts(LOOPBACK_IMAGE)


@pytest.mark.parametrize("value", ["off", "OFF"])
def test_the_environment_turns_every_service_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", value)
    assert LibraryCache.for_service(HERE).library is None
    assert LibraryCache.for_service(THERE).library is None


def test_a_failure_causes_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = LibraryCache(tmp_path / "file")
    with pytest.warns(LibraryWarning, match=r"There is no library in .* Everything else works without it") as caught:  # noqa: PT031  one warning for all
        for number in range(5):
            assert cache.find([name_of(number)]) == {}
            assert cache.original(task_of(number).images[0]) is None
    assert len(caught) == 1
    with pytest.warns(LibraryWarning) as caught:  # noqa: PT031  one warning for all
        for number in range(5):
            cache.store([task_of(number)])
    assert len(caught) == 1


@contextmanager
def warnings_as_errors() -> Iterator[list[warnings.WarningMessage]]:
    """Warnings raise, and those that are shown nevertheless are in the list."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("error")
        yield shown


def in_a_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


@pytest.mark.parametrize("run", [in_a_thread, lambda work: work()], ids=["thread", "main"])
def test_warnings_as_errors_never_cost_the_work(tmp_path: Path, run: Callable[[Callable[[], object]], object]) -> None:
    """Not a paid task, not an image, and not the warning itself."""
    (tmp_path / "file").write_text("no folder")
    broken = LibraryCache(tmp_path / "file")
    with warnings_as_errors() as shown:
        assert run(lambda: broken.store([task_of()])) == [replace(task_of(), library=str(tmp_path / "file"))]
        assert run(lambda: broken.find([name_of(0)])) == {}
        assert run(lambda: broken.store_image(task_of().images[0], CONTENT)) is None
    assert len(shown) == 2
    assert {warning.category for warning in shown} == {LibraryWarning}


def test_a_warning_within_the_library_never_costs_the_work_either(tmp_path: Path) -> None:
    with Library(tmp_path / "small", budget=1) as library, warnings_as_errors() as shown:
        cache = LibraryCache(library)
        cache.store([task_of()])
        cache.store_image(task_of().images[0], CONTENT)  # evicted at once
        library.close()
        (tmp_path / "small" / "library.sqlite").write_bytes(b"garbage " * 1000)
        cache.store([task_of(1)])
        assert name_of(1) in cache.find([name_of(0), name_of(1)])
        library.close()
        (tmp_path / "small" / "library.sqlite").write_bytes(b"garbage " * 1000)
        assert LibraryCache(tmp_path / "small").open().find([name_of(1)]) == {}
    told = [str(warning.message) for warning in shown]
    assert [text.startswith("The library has exceeded its budget") for text in told] == [True, False, False]
    assert ["database file was damaged" in text for text in told] == [False, True, True]


@pytest.mark.heavy
def test_the_warning_of_a_process_with_warnings_as_errors_is_printed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    command = [sys.executable, "-W", "error", "-c", STORE_NOWHERE, str(tmp_path / "file")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"{name_of(0)}\n")
    assert ended.stderr.count("LibraryWarning") == 1
    assert "Everything else works without it." in ended.stderr


STORE_NOWHERE = """
import sys
from seedream_nb.library import LibraryCache
from tests.library.tasks import task_of
print(LibraryCache(sys.argv[1]).store([task_of()])[0].id)
"""


def test_a_foreign_warning_is_a_failure_like_any_other(empty: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(_ids: object) -> dict[str, Task]:
        warnings.warn("an adapter is deprecated", DeprecationWarning, stacklevel=1)
        return {}

    monkeypatch.setattr(empty, "find", warn)
    with warnings_as_errors() as shown:
        assert LibraryCache(empty).find([name_of(0)]) == {}
    assert ["deprecated" in str(warning.message) for warning in shown] == [True]


def test_unstorable_links_cause_a_warning_and_no_harm(empty: Library) -> None:
    cache = LibraryCache(empty)
    with pytest.warns(LibraryWarning):
        cache.store_image(TaskImage("an-id", url="https://images.example/\ud800.jpg"), CONTENT)
    cache.store_image(task_of().images[0], CONTENT)
    assert cache.original(task_of().images[0]) == CONTENT


def test_a_read_only_library_is_not_a_failure(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        library.keep(task_of())
    with Library(tmp_path, read_only=True) as library, warnings.catch_warnings():
        warnings.simplefilter("error")
        cache = LibraryCache(library)
        cache.store([task_of(1)])
        cache.store_image(task_of().images[0], CONTENT)
        assert set(cache.find([name_of(0), name_of(1)])) == {name_of(0)}


def test_a_pickled_cache_works(tmp_path: Path) -> None:
    cache = LibraryCache(tmp_path / "library", allow_loopback=True)
    cache.store([task_of()])
    copy = pickle.loads(pickle.dumps(cache))  # noqa: S301  our own
    assert copy.find([name_of(0)]) == {name_of(0): task_of()}
    assert copy.accepts(TaskImage("an-id", url="http://127.0.0.1/a.jpg"))
    copy.close()
    cache.close()


def test_whoever_needs_the_library_learns_how_to_turn_it_on(tmp_path: Path) -> None:
    for cache in (LibraryCache("off"), LibraryCache.for_service(HERE)):
        with pytest.raises(LibraryError, match="turned off") as caught:
            cache.open()
        assert caught.value.hint == "Set SEEDREAM_LIBRARY to a folder to use a library."
    cache = LibraryCache(tmp_path / "library")
    assert cache.open() is cache.library
    cache.close()


def test_an_open_library_is_used_with_its_options_even_if_it_is_empty(tmp_path: Path) -> None:
    with Library(tmp_path / "library", budget=123) as library:
        assert LibraryCache(tmp_path / "library").open() is library
