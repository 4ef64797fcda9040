"""Originals are returned unchanged or fetched again, and stay within their budget."""

from __future__ import annotations

import base64
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import ImageError, LibraryWarning
from seedream_nb.core.models import TaskImage
from seedream_nb.images.thumbnails import make_thumbnail
from seedream_nb.library import Library, LibraryCache, LibraryFetcher
from seedream_nb.protocol.responses import read_task
from tests.library.integrity import run, wrong_with
from tests.library.tasks import name_of, record_of, task_of
from tests.sample_images import noise, plain, translucent
from tests.scripted_server import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = noise(80, 60)
GONE = Answer(b"gone", 404)


class Host:
    """Serves images by path, and counts requests."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.server = ScriptedServer(
            lambda received: Answer(self.images[received.path]) if received.path in self.images else GONE
        )

    def add(self, path: str, content: bytes, *, task: int = 0, place: int = 0) -> TaskImage:
        self.images[path] = content
        return TaskImage(name_of(task), place, url=f"{self.server.url}{path}")

    @property
    def requested(self) -> list[str]:
        paths = [received.path for received in self.server.received]
        self.server.received.clear()
        return paths


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    with host.server:
        yield host


@pytest.fixture
def fetcher(empty: Library) -> LibraryFetcher:
    return LibraryFetcher(LibraryCache(empty))


def originals(library: Library) -> list[Path]:
    return sorted((library.location / "originals").glob("??/*"))


def thumbnails(library: Library) -> list[Path]:
    return sorted((library.location / "thumbnails").glob("??/*"))


@pytest.mark.parametrize("content", [CONTENT, plain(), noise(20, 20, 3, "WEBP")])
def test_an_image_is_fetched_once(host: Host, fetcher: LibraryFetcher, empty: Library, content: bytes) -> None:
    image = host.add("/a", content)
    assert fetcher.fetch(image) == fetcher.fetch(image) == content
    assert fetcher.thumbnail(image, 32) == fetcher.thumbnail(image, 32) == make_thumbnail(content, 32)
    assert host.requested == ["/a"]
    (path,) = originals(empty)
    assert path.read_bytes() == content
    assert path.suffix in {".jpg", ".png", ".webp"}
    assert wrong_with(empty.location) == []


def test_a_thumbnail_stores_the_original_too(host: Host, fetcher: LibraryFetcher) -> None:
    image = host.add("/a", CONTENT)
    thumbnail = fetcher.thumbnail(image, 32)
    assert fetcher.fetch(image) == CONTENT
    assert fetcher.thumbnail(image, 16) == make_thumbnail(CONTENT, 16)
    assert fetcher.thumbnail(image, 32) == thumbnail
    assert host.requested == ["/a"]


def test_only_images_are_stored(host: Host, fetcher: LibraryFetcher, empty: Library) -> None:
    for number, content in enumerate((b"<html>", b"", CONTENT[:500])):
        image = host.add(f"/{number}", content)
        assert fetcher.fetch(image) == content
        with pytest.raises(ImageError):
            fetcher.thumbnail(image, 32)
    assert (originals(empty), empty.info().originals) == ([], 0)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_an_altered_original_is_fetched_again(host: Host, fetcher: LibraryFetcher, empty: Library, place: int) -> None:
    image = host.add("/a", CONTENT)
    fetcher.fetch(image)
    (path,) = originals(empty)
    altered = bytearray(CONTENT)
    altered[place] ^= 1
    path.write_bytes(altered)
    assert empty.original(image) is None
    assert fetcher.fetch(image) == CONTENT
    assert host.requested == ["/a", "/a"]
    assert path.read_bytes() == CONTENT
    assert wrong_with(empty.location) == []


def test_a_damaged_original_with_a_dead_link_is_an_error(host: Host, fetcher: LibraryFetcher, empty: Library) -> None:
    image = host.add("/a", CONTENT)
    fetcher.fetch(image)
    originals(empty)[0].write_bytes(CONTENT[:-1])
    host.images.clear()
    with pytest.raises(ImageError, match="no longer works"):
        fetcher.fetch(image)


def test_a_missing_original_is_fetched_again(host: Host, fetcher: LibraryFetcher, empty: Library) -> None:
    image = host.add("/a", CONTENT)
    fetcher.fetch(image)
    originals(empty)[0].unlink()
    assert fetcher.fetch(image) == CONTENT
    assert originals(empty)[0].read_bytes() == CONTENT


def test_a_damaged_thumbnail_is_made_again_without_a_request(
    host: Host, fetcher: LibraryFetcher, empty: Library
) -> None:
    image = host.add("/a", CONTENT)
    thumbnail = fetcher.thumbnail(image, 32)
    (path,) = thumbnails(empty)
    for broken in (thumbnail.data[:-1] + b"\0", b"", None):
        if broken is None:
            path.unlink()
        else:
            path.write_bytes(broken)
        assert fetcher.thumbnail(image, 32) == thumbnail
        assert path.read_bytes() == thumbnail.data
    with closing(sqlite3.connect(empty.location / "library.sqlite")) as connection, connection:
        connection.execute("UPDATE thumbnails SET facts = '{'")
    assert fetcher.thumbnail(image, 32) == thumbnail
    assert host.requested == ["/a"]


def test_a_damaged_original_does_not_matter_while_its_thumbnail_is_enough(
    host: Host, fetcher: LibraryFetcher, empty: Library
) -> None:
    image = host.add("/a", CONTENT)
    thumbnail = fetcher.thumbnail(image, 32)
    originals(empty)[0].write_bytes(b"x")
    assert fetcher.thumbnail(image, 32) == thumbnail
    assert fetcher.thumbnail(image, 16) == make_thumbnail(CONTENT, 16)
    assert host.requested == ["/a", "/a"]


def test_the_same_image_under_two_links_is_one_file(host: Host, fetcher: LibraryFetcher, empty: Library) -> None:
    first, second = host.add("/a", CONTENT, task=1), host.add("/b", CONTENT, task=2)
    assert fetcher.fetch(first) == fetcher.fetch(second) == CONTENT
    assert len(originals(empty)) == 1
    assert empty.info().originals_size == len(CONTENT)
    host.images.clear()
    assert fetcher.fetch(first) == fetcher.fetch(second) == CONTENT


def test_an_image_is_found_under_a_new_link_of_its_task(host: Host, fetcher: LibraryFetcher) -> None:
    image = host.add("/a", CONTENT, task=1, place=2)
    fetcher.fetch(image)
    assert fetcher.fetch(replace(image, url=f"{host.server.url}/renewed")) == CONTENT
    with pytest.raises(ImageError):
        fetcher.fetch(replace(image, url=f"{host.server.url}/other", index=1))


def test_thumbnails_of_inline_images_are_stored_after_their_record(fetcher: LibraryFetcher, empty: Library) -> None:
    image = TaskImage(name_of(0), data=CONTENT)
    assert fetcher.thumbnail(image, 32) == make_thumbnail(CONTENT, 32)
    assert thumbnails(empty) == []
    empty.keep(replace(task_of(), raw={}, images=(image,)))
    assert fetcher.thumbnail(image, 32) == make_thumbnail(CONTENT, 32)
    assert len(thumbnails(empty)) == 1


def test_thumbnails_keep_transparency(host: Host, fetcher: LibraryFetcher) -> None:
    image = host.add("/a", translucent())
    assert fetcher.thumbnail(image, 32).is_transparent
    assert fetcher.thumbnail(image, 32).is_transparent


def test_loopback_links_are_stored_only_if_allowed(host: Host, empty: Library) -> None:
    image = host.add("/a", CONTENT)
    fetcher = LibraryFetcher(LibraryCache(empty, allow_loopback=False))
    assert fetcher.fetch(image) == fetcher.fetch(image) == CONTENT
    assert host.requested == ["/a", "/a"]
    assert originals(empty) == []


# The budget


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Library]:
    """A library with room for about five images."""
    with Library(tmp_path / "small", budget=11 * len(noise(60, 60)) // 2) as opened:
        yield opened


def keep(library: Library, number: int) -> TaskImage:
    task = task_of(number)
    library.keep(task)
    content = noise(60, 60, number)
    library.keep_image(task.images[0], content, thumbnail=(16, make_thumbnail(content, 16)))
    return task.images[0]


def used(library: Library, number: int, moment: float) -> None:
    with closing(sqlite3.connect(library.location / "library.sqlite")) as connection, connection:
        source = task_of(number).images[0].url
        connection.execute(
            "UPDATE originals SET used_at = ? WHERE digest = (SELECT digest FROM pictures WHERE source = ?)",
            (moment, source),
        )


def test_the_least_recently_used_are_evicted_with_a_warning(small: Library) -> None:
    images = [keep(small, number) for number in range(4)]
    for number, moment in enumerate((30.0, 10.0, 20.0, 40.0)):
        used(small, number, moment)
    with pytest.warns(LibraryWarning, match="has exceeded its budget") as caught:
        images += [keep(small, 4), keep(small, 5)]
    assert len(caught) == 1
    assert "Records and thumbnails stay" in str(caught[0].message)
    there = [small.original(image) is not None for image in images]
    assert there == [True, False, False, True, True, True]
    assert len(originals(small)) == small.info().originals == 4
    assert all(small.thumbnail(image, 16) for image in images)
    assert len(small) == 6
    assert small.info().originals_size <= small.info().budget


def test_using_an_image_protects_it(small: Library) -> None:
    images = [keep(small, number) for number in range(4)]
    for number in range(4):
        used(small, number, 10.0 + number)
    assert small.original(images[0])
    with pytest.warns(LibraryWarning, match="budget"):
        images += [keep(small, 4), keep(small, 5)]
    assert small.original(images[0])
    assert small.original(images[1]) is None


def test_marked_and_inline_images_are_not_evicted(small: Library) -> None:
    record = record_of(10)
    inline = noise(60, 60, 99)
    record["response"]["data"] = [{"b64_json": base64.b64encode(inline).decode()}]
    small.keep(read_task(record, ""))
    images = [keep(small, number) for number in range(3)]
    small.tag(name_of(0), "good")
    small.rate(name_of(1), 1)
    small.note(name_of(2), "for the wall")
    for number in range(3):
        used(small, number, 10.0 + number)
    with pytest.warns(LibraryWarning, match="budget"):  # noqa: PT031  one warning for all
        for number in range(3, 9):
            keep(small, number)
    assert [small.original(image) for image in images] == [noise(60, 60, number) for number in range(3)]
    assert small.find([name_of(10)])[name_of(10)].images[0].data == inline


def test_an_image_of_a_marked_task_is_not_evicted_whichever_record_it_was_fetched_for(small: Library) -> None:
    """Streamed images arrive before their task has an id."""
    image = task_of(0).images[0]
    small.keep_image(replace(image, task_id=""), noise(60, 60))
    small.keep(task_of(0))
    small.tag(name_of(0), "good")
    with closing(sqlite3.connect(small.location / "library.sqlite")) as connection, connection:
        connection.execute("UPDATE originals SET used_at = 1")
    with pytest.warns(LibraryWarning, match="budget"):  # noqa: PT031  one warning for all
        for number in range(1, 7):
            keep(small, number)
    assert small.original(image) == noise(60, 60)


def test_nothing_is_evicted_if_everything_is_protected(small: Library) -> None:
    for number in range(8):
        small.keep(task_of(number))
        small.tag(name_of(number), "good")
        keep(small, number)
    assert small.info().originals == 8


def test_an_evicted_image_is_fetched_again(host: Host, tmp_path: Path) -> None:
    with Library(tmp_path / "tiny", budget=1000) as tiny:
        fetcher = LibraryFetcher(LibraryCache(tiny))
        image = host.add("/a", CONTENT)
        for _time in range(2):
            with pytest.warns(LibraryWarning, match="budget of 1 KB"):
                assert fetcher.fetch(image) == CONTENT
        assert host.requested == ["/a", "/a"]
        assert originals(tiny) == []


def test_originals_of_another_kernel_count(tmp_path: Path) -> None:
    budget = 10 * len(noise(60, 60))
    with Library(tmp_path / "both", budget=budget) as mine, Library(tmp_path / "both", budget=budget) as theirs:
        for number in range(9):
            keep(theirs, number)
        with pytest.warns(LibraryWarning, match="budget"):  # noqa: PT031  one warning for all
            for number in range(9, 12):
                keep(mine, number)
        assert mine.info().originals_size <= budget


def test_file_names_reveal_nothing_and_folders_stay_small(empty: Library) -> None:
    for number in range(5):
        keep(empty, number)
    for path in originals(empty):
        assert path.parent.name == path.name[:2]
        assert len(path.stem) == 64
    assert not [name for name in os.listdir(empty.location) if "siamese" in name]  # noqa: PTH208  names are enough


@pytest.mark.heavy
def test_reading_records_does_not_need_pillow(empty: Library) -> None:
    empty.keep(task_of())
    run(
        "import sys\n"
        "from seedream_nb.library import LibraryCache\n"
        "assert len(LibraryCache(sys.argv[1]).find([sys.argv[2]])) == 1\n"
        "assert 'PIL' not in sys.modules",
        empty.location,
        name_of(0),
    )
