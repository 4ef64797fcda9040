"""The output stays small: thumbnails shrink, then images are linked, then tiles are left out, and it says so."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Gallery, Task, TaskImage, TaskStatus
from seedream_nb.gallery import rendering
from seedream_nb.gallery.contents import Table
from seedream_nb.gallery.embedding import DataUri, ShownImage, embedded_bytes
from seedream_nb.gallery.page import Entry, Page
from seedream_nb.gallery.rendering import render_html
from seedream_nb.gallery.tiles import before_tile, lay_out
from tests.examples import examples
from tests.gallery.reading import assert_forms_agree, show
from tests.gallery.strategies import HOSTILE, images, task_lists
from tests.sample_images import noise, plain

if TYPE_CHECKING:
    from seedream_nb.gallery.contents import Embed
    from tests.gallery.image_host import ImageHost

LINK = "http://images.example/%d.jpg?signature=" + "%%41&" * 40


@lru_cache(maxsize=200)
def noisy(side: int, seed: int) -> bytes:
    return noise(side, side, seed)


def inline_task(number: int, side: int = 320, prompt: str = "noise") -> Task:
    image = TaskImage(f"id-{number}", data=noisy(side, number), size=f"{side}x{side}")
    return Task(f"id-{number}", TaskStatus.SUCCEEDED, (image,), prompt=prompt)


def noisy_tasks(count: int, side: int = 320) -> list[Task]:
    return [inline_task(number, side) for number in range(count)]


@pytest.mark.slow
def test_sixty_noisy_thumbnails_stay_under_two_megabytes() -> None:
    sheet = show(Gallery(noisy_tasks(60)))
    assert sheet.size <= 2_000_000
    assert sheet.size > 1_000_000
    assert len(sheet.tiles) == 60
    sides = {tile.embedded_size for tile in sheet.tiles}
    (side,) = {max(size) for size in sides}
    assert 96 < side < 320
    assert sheet.notes == [
        f"Thumbnails are {side} px instead of 320 px, to keep the output under 2 MB (max_bytes=2000000)."
    ]
    assert_forms_agree(sheet)


def test_what_does_not_fit_at_the_smallest_is_left_out_from_the_end() -> None:
    sheet = show(Gallery(noisy_tasks(30), max_bytes=100_000))
    assert sheet.size <= 100_000
    embedded = [tile.embedded is not None for tile in sheet.tiles]
    kept = sum(embedded)
    assert 0 < kept < 30
    assert embedded == [True] * kept + [False] * (30 - kept)
    assert {tile.embedded_size for tile in sheet.tiles[:kept]} == {(96, 96)}
    assert [note.split(",")[0] for note in sheet.notes] == [
        "Thumbnails are 96 px instead of 320 px",
        f"{30 - kept} images not embedded",
    ]
    assert "gallery.save()" in sheet.tiles[-1].problem
    assert sheet.tiles[0].problem == ""


def test_what_is_left_out_is_linked_where_a_reader_can_follow(image_host: ImageHost) -> None:
    links = [image_host.add(f"/{number}.jpg", noisy(320, number)) for number in range(30)]
    tasks = [Task(link, TaskStatus.SUCCEEDED, (TaskImage(link, url=link),)) for link in links]
    sheet = show(Gallery(tasks, max_bytes=100_000))
    assert sheet.size <= 100_000
    assert sheet.tiles[0].embedded
    assert [tile.link for tile in sheet.tiles] == links
    assert sheet.tiles[-1].image == links[-1]
    assert sheet.tiles[-1].problem == ""


def test_images_that_fit_are_left_as_they_are() -> None:
    sheet = show(Gallery(noisy_tasks(3)))
    assert sheet.notes == []
    assert {tile.embedded_size for tile in sheet.tiles} == {(320, 320)}


def test_originals_are_embedded_as_they_came_and_shown_as_large_as_thumbnails() -> None:
    content = noise(900, 600)
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=content),)), embed="originals"))
    (tile,) = sheet.tiles
    assert tile.embedded == content
    assert (tile.width, tile.height) == (320, 213)
    assert sheet.notes == []


def test_originals_that_do_not_fit_stay_thumbnails_and_it_is_said() -> None:
    tasks = noisy_tasks(4, side=500)
    sheet = show(Gallery(tasks, embed="originals", max_bytes=700_000))
    assert sheet.size <= 700_000
    sides = [tile.embedded_size[0] for tile in sheet.tiles]
    assert sides == sorted(sides, reverse=True)
    assert (sides[0], sides[-1]) == (500, 320)
    assert f"{sides.count(320)} images embedded as a thumbnail, not as the original" in sheet.notes[0]
    assert sheet.tiles[0].embedded == tasks[0].images[0].data


prompts = st.sampled_from(["", "short", '"' * 2500, "&" * 2000, "字" * 2000, "\U0001f3a8" * 1999])


@examples(60)
@given(
    images=st.lists(st.tuples(st.sampled_from((8, 60, 200)), prompts, st.booleans()), max_size=12),
    max_bytes=st.sampled_from((10_000, 20_000, 60_000, 150_000, 400_000)),
    embed=st.sampled_from(("thumbnails", "originals")),
    thumbnail=st.sampled_from((32, 100, 320)),
)
def test_the_output_never_passes_its_limit(
    images: list[tuple[int, str, bool]], max_bytes: int, embed: Embed, thumbnail: int
) -> None:
    tasks = [inline_task(number, side, prompt) for number, (side, prompt, _) in enumerate(images)]
    tasks += [Task(f"p-{number}", TaskStatus.PENDING, prompt=prompt)
              for number, (_, prompt, is_pending) in enumerate(images) if is_pending]  # fmt: skip
    sheet = show(Gallery(tasks, embed=embed, max_bytes=max_bytes, thumbnail=thumbnail))
    assert sheet.size <= max_bytes
    assert_forms_agree(sheet)
    embedded = sum(tile.embedded is not None for tile in sheet.tiles)
    has_notes_for_all_changes = bool(sheet.notes) or (len(sheet.tiles) == len(tasks) and embedded == len(images))
    assert has_notes_for_all_changes


@examples(30)
@given(st.lists(prompts, min_size=1, max_size=40), st.sampled_from((10_000, 30_000, 200_000)))
def test_links_count_as_well(captions: list[str], max_bytes: int) -> None:
    tasks = [
        Task(f"id-{number}", TaskStatus.SUCCEEDED, (TaskImage("i", url=LINK % number, prompt=caption),))
        for number, caption in enumerate(captions)
    ]
    sheet = show(Gallery(tasks, embed="links", max_bytes=max_bytes))
    assert sheet.size <= max_bytes
    assert all(tile.image == tile.link for tile in sheet.tiles)


file_contents = st.binary(max_size=40) | st.binary(min_size=1000, max_size=1002)
addresses = st.builds(DataUri, st.sampled_from(("image/jpeg", "image/png", "image/webp")), file_contents) | st.just(
    "https://images.example/字.jpg?a&b='"
)
sides = st.none() | st.integers(1, 5000)
shown_images = st.none() | st.builds(ShownImage, addresses, sides, sides, is_transparent=st.booleans())
links = st.none() | st.just("https://images.example/ü.jpg?x=1&y=2")


@st.composite
def pages(draw: st.DrawFn) -> Page:
    some_tasks = draw(task_lists)
    before, tiles = (
        [before_tile(image) for image in draw(st.lists(images, max_size=2))],
        lay_out(some_tasks, is_live=draw(st.booleans())),
    )
    labels = draw(st.lists(st.sampled_from(HOSTILE), min_size=len(some_tasks), max_size=len(some_tasks)))
    return Page(
        summary="6 tasks · 0 images",
        notes=("1 image not available.",),
        entries=tuple(Entry(tile, draw(shown_images), draw(links)) for tile in tiles),
        columns=draw(st.none() | st.integers(1, 24)),
        tile_width=draw(st.integers(180, 640)),
        aspect=draw(st.sampled_from(((1, 1), (2, 3), (3, 1)))),
        before=tuple(Entry(tile, draw(shown_images), draw(links)) for tile in before),
        table=draw(st.sampled_from((None, Table(tuple(labels)).shown()))) if labels else None,
    )


@examples(60)
@given(pages())
def test_the_bytes_of_embedded_images_are_those_of_their_addresses_in_the_output(page: Page) -> None:
    found = re.findall(r'"(data:image/[a-z]+;base64,[^"]*)"', render_html(page))
    assert embedded_bytes((*page.before, *page.entries)) == sum(map(len, found))


def test_a_gallery_that_fits_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[Page] = []

    def render(page: Page) -> str:
        rendered.append(page)
        return render_html(page)

    monkeypatch.setattr(rendering, "render_html", render)
    assert show(Gallery(noisy_tasks(3))).size < 2_000_000
    assert len(rendered) == 1


@given(st.sampled_from(("image/jpeg", "image/png")), file_contents)
def test_a_data_uri_is_as_long_as_it_says_and_has_the_bytes(mime: str, data: bytes) -> None:
    uri = DataUri(mime, data)
    head, _, encoded = str(uri).partition(",")
    assert (head, base64.b64decode(encoded, validate=True)) == (f"data:{mime};base64", data)
    assert len(uri) == len(str(uri))


def test_captions_that_alone_are_too_large_leave_tiles_out_and_the_slice_shows_the_next() -> None:
    tasks = [Task(f"id-{number}", TaskStatus.PENDING, prompt=f"{number} " + "&" * 1900) for number in range(20)]
    gallery = Gallery(tasks, max_bytes=60_000)
    shown: list[str] = []
    rounds = 0
    while gallery:
        sheet = show(gallery)
        assert sheet.size <= 60_000
        shown += [tile.task_id for tile in sheet.tiles]
        if len(sheet.tiles) < len(gallery):
            (note,) = sheet.notes
            assert note == (
                f"Showing {len(sheet.tiles)} of {len(gallery)} tiles, to keep the output under 0.06 MB "
                f"(max_bytes=60000). Continue with a slice such as [{len(sheet.tiles)}:], or raise max_bytes=60000."
            )
        gallery = gallery[len(sheet.tiles) :]
        rounds += 1
    assert shown == [task.id for task in tasks]
    assert 1 < rounds < 10


def test_the_slice_of_the_limits_note_shows_the_next_tiles() -> None:
    tasks = [
        Task(f"id-{number}", TaskStatus.SUCCEEDED, tuple(TaskImage("i", index, data=plain()) for index in range(3)))
        for number in range(4)
    ]
    sheet = show(Gallery(tasks, limit=7))
    assert [(tile.task_id, tile.position) for tile in sheet.tiles][-1] == ("id-2", "1 of 3")
    assert sheet.notes == ["Showing 7 of 12 tiles. Continue with a slice such as [2:], or raise limit=7."]
    assert show(Gallery(tasks, limit=7)[2:]).tiles[0].task_id == "id-2"
    assert show(Gallery(tasks, limit=12)).notes == []


def test_no_slice_is_suggested_that_would_show_the_same_again() -> None:
    images = tuple(TaskImage("i", index, data=plain()) for index in range(4))
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, images), limit=3))
    assert sheet.notes == ["Showing 3 of 4 tiles. Raise limit=3."]


@pytest.mark.parametrize(("size", "shape"), [("4096x2048", (320, 160)), ("1x100000", (1, 320)), ("100x50", (100, 50))])
def test_a_linked_image_says_its_shape_at_the_size_of_a_thumbnail(size: str, shape: tuple[int, int]) -> None:
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url="https://images.example/a.jpg", size=size),))
    (tile,) = show(Gallery(task, embed="links")).tiles
    assert (tile.width, tile.height) == shape


def test_a_single_narrow_image_does_not_make_an_endless_tile() -> None:
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url="https://images.example/a.jpg", size="1x9999"),))
    assert "--seedream-aspect:1/1" in show(Gallery(task, embed="links")).html


@pytest.mark.slow
def test_many_thumbnails_are_made_small_at_once_and_it_is_said() -> None:
    sheet = show(Gallery(noisy_tasks(100, side=300), thumbnail=280, limit=100))
    assert sheet.size <= 2_000_000
    assert {tile.embedded_size for tile in sheet.tiles} == {(sheet.tiles[0].embedded_size)}
    assert any("instead of 280 px" in note for note in sheet.notes)
    assert max(sheet.tiles[0].embedded_size) < 280


def test_a_thumbnail_that_was_made_small_for_many_is_not_fetched_again_for_few() -> None:
    tasks = noisy_tasks(100, side=300)
    gallery = Gallery(tasks, limit=100).load()
    assert gallery[:2].unloaded == 0


def test_upright_images_are_not_enlarged() -> None:
    upright = TaskImage("i", data=plain(900, 1600))
    tall_tile = Gallery(Task("i", TaskStatus.SUCCEEDED, (upright,)), thumbnail=640).to_html()
    assert "max-width:360px" in tall_tile
    square = TaskImage("i", data=plain(900, 900))
    assert "max-width:640px" in Gallery(Task("i", TaskStatus.SUCCEEDED, (square, upright)), thumbnail=640).to_html()
