"""The cache never gets in the way: whatever cannot be stored causes one warning."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import LibraryError, LibraryWarning
from seedream_nb.core.models import TaskImage
from seedream_nb.library import Library, LibraryCache
from tests.library.tasks import name_of, task_of
from tests.sample_images import noise

if TYPE_CHECKING:
    from pathlib import Path

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
