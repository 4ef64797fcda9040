"""While tasks are being made the same gallery is drawn again and again: cheaply, alive, and without jumping."""

from __future__ import annotations

import dataclasses

import pytest

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.gallery.reading import Sheet, assert_forms_agree, show
from tests.sample_images import noise, plain

LAYERED = "2fd4b690-a7e8-4351-8c1d-e96b05f8d73c"
UNSENT = Task("", TaskStatus.PENDING, prompt="later")
PENDING = Task("p", TaskStatus.PENDING, prompt="soon")
RUNNING = Task("r", TaskStatus.RUNNING, prompt="now")


def fetched(sandbox: Sandbox) -> int:
    return len(sandbox.requests.of_kind("downloads"))


def test_a_image_is_fetched_once_however_often_the_gallery_is_renewed(sandbox: Sandbox, client: SeedreamClient) -> None:
    made = client.retrieve_batch([sandbox.add_task(f"image {number}", size="128x96") for number in range(4)])
    waiting = [dataclasses.replace(task, status=TaskStatus.RUNNING, images=()) for task in made]
    before = TaskImage("", url=made[0].images[0].url)
    gallery = Gallery(waiting, table=Table(columns=("a", "b", "c", "d")), before=before, thumbnail=64)
    for done in range(5):
        gallery = gallery.renew([*made[:done], *waiting[done:]])
        sheet = show(gallery, is_live=True)
        assert [bool(tile.embedded) for tile in sheet.tiles] == [True] * done + [False] * (4 - done)
        assert show(gallery, is_live=True) == sheet
        assert fetched(sandbox) == max(1, done)
    assert (gallery.options.thumbnail, gallery.before) == (64, (before,))
    assert gallery.table == Table(columns=("a", "b", "c", "d"))
    assert show(gallery).tiles[3].embedded
    assert fetched(sandbox) == 4


def test_a_image_that_is_not_here_yet_has_a_place_that_waits_and_is_not_fetched_for_it(
    sandbox: Sandbox, client: SeedreamClient
) -> None:
    tasks = client.retrieve_batch([sandbox.add_task(f"image {number}", size="1600x900") for number in range(2)])
    before = TaskImage("", url=tasks[0].images[0].url)
    gallery = Gallery(tasks, before=before)
    bundle = gallery.live_bundle()
    sheet = Sheet(bundle["text/html"], bundle["text/plain"])
    assert_forms_agree(sheet)
    seen = [*sheet.before, *sheet.tiles]
    assert [tile.state for tile in seen] == ["◔ fetching"] * 3
    assert [tile.prompt for tile in sheet.tiles] == ["image 0", "image 1"]
    assert all("seedream-waiting" in tile.css for tile in seen)
    assert "<img" not in sheet.html
    assert fetched(sandbox) == 0
    assert "◔ fetching" not in gallery.load().live_bundle()["text/plain"]
    assert fetched(sandbox) == 2


def test_layers_wait_for_all_of_theirs(client: SeedreamClient) -> None:
    task = client.retrieve(LAYERED)
    first = dataclasses.replace(task, images=task.images[:1])
    gallery = Gallery(first).load().renew(task)
    bundle = gallery.live_bundle()
    composed, base, *others = Sheet(bundle["text/html"], bundle["text/plain"]).tiles
    assert (composed.state, composed.problem) == ("◔ fetching", "")
    assert base.embedded
    assert {tile.state for tile in others} == {"◔ fetching"}
    assert show(gallery, is_live=True).tiles[0].embedded


@pytest.mark.parametrize("url", ["https://x.example/a.jpg", "http://127.0.0.1:9/a.jpg"])
def test_where_links_alone_are_shown_only_what_has_none_for_the_reader_is_waited_for(url: str) -> None:
    bundle = Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=url),)), embed="links").live_bundle()
    assert ("◔ fetching" in bundle["text/plain"]) is ("127.0.0.1" in url)


def test_renewing_keeps_the_number_of_places() -> None:
    gallery = Gallery([PENDING, RUNNING], table=Table(columns=("a", "b")))
    with pytest.raises(UsageError, match="needs 2 tasks, not 1"):
        gallery.renew([PENDING])
    with pytest.raises(UsageError, match="A gallery shows tasks"):
        gallery.renew(["p", "r"])
    assert list(Gallery([PENDING]).renew([PENDING, RUNNING])) == [PENDING, RUNNING]


def test_while_it_fills_a_tile_says_only_its_state() -> None:
    gallery = Gallery([UNSENT, PENDING, RUNNING])
    live, final = show(gallery, is_live=True), show(gallery)
    for sheet in (live, final):
        assert_forms_agree(sheet)
    assert [tile.state for tile in live.tiles] == ["○ waiting", "○ pending", "◔ running"]
    assert [tile.problem for tile in live.tiles] == ["", "", ""]
    assert live.summary == ""
    assert live.plain.startswith("1. ○ waiting\n")
    assert [tile.state for tile in final.tiles] == ["○ not sent", "○ pending", "◔ running"]
    assert [tile.problem for tile in final.tiles] == [
        "This request was not sent and cost nothing. Run it again to send it.",
        *["In progress. Run `%seedream wait ID`."] * 2,
    ]
    assert final.summary == "3 tasks · 0 images · 1 running · 1 pending · 1 not sent"


def test_only_a_place_that_waits_for_a_image_pulses_and_only_while_it_fills() -> None:
    tasks = [RUNNING, Task("f", TaskStatus.FAILED), Task("s", TaskStatus.SUCCEEDED, (TaskImage("s", data=plain()),))]
    live, final = show(Gallery(tasks), is_live=True), show(Gallery(tasks))
    assert ["seedream-waiting" in tile.css for tile in live.tiles] == [True, False, False]
    assert not any("seedream-waiting" in tile.css for tile in final.tiles)
    assert "@media (prefers-reduced-motion: reduce){.seedream-gallery .seedream-waiting{animation: none;}}" in live.html


def test_a_finished_gallery_is_the_same_in_both_forms() -> None:
    gallery = Gallery([Task("f", TaskStatus.FAILED), Task("s", TaskStatus.SUCCEEDED, (TaskImage("s", data=plain()),))])
    live, final = show(gallery, is_live=True), show(gallery)
    assert live.tiles == final.tiles
    assert (live.summary, final.summary) == ("", "2 tasks · 1 image · 1 failed")
    assert final.html.replace(f'<p class="seedream-summary">{final.summary}</p>', "") == live.html
    assert final.plain == f"{final.summary}\n{live.plain}"


def set_of(count: object, status: TaskStatus, *made: int, error: ErrorDetail | None = None) -> Task:
    request: dict[str, object] = {
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": count},
    }
    images = tuple(TaskImage("s", place, data=plain(), prompt="p", size="40x30") for place in made)
    return Task("s", status, images, prompt="p", model="m", request=request, error=error)


def test_a_set_has_all_its_places_from_the_start() -> None:
    gallery = Gallery(set_of(4, TaskStatus.PENDING))
    for made in ((), (2,), (0, 2), (0, 1, 2, 3)):
        sheet = show(gallery.renew(set_of(4, TaskStatus.RUNNING, *made)), is_live=True)
        assert_forms_agree(sheet)
        assert [tile.position for tile in sheet.tiles] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
        states = ["✓ succeeded" if place in made else "◔ running" for place in range(4)]
        assert [tile.state for tile in sheet.tiles] == states
        assert [bool(tile.embedded) for tile in sheet.tiles] == [place in made for place in range(4)]
    assert [tile.state for tile in show(gallery, is_live=True).tiles] == ["○ pending"] * 4
    # What fell short of what was asked for has no empty places.
    fewer = show(gallery.renew(set_of(4, TaskStatus.SUCCEEDED, 0, 1)), is_live=True)
    assert [tile.position for tile in fewer.tiles] == ["1 of 2", "2 of 2"]


def test_a_set_that_was_not_finished_keeps_no_places_but_its_count() -> None:
    first, rest = show(Gallery(set_of(4, TaskStatus.RUNNING, 1))).tiles
    assert (first.state, first.position) == ("✓ succeeded", "2 of 4")
    assert (rest.state, rest.position) == ("◔ running", "")
    assert rest.problem


def test_a_failed_image_of_a_set_stands_in_its_place() -> None:
    task = set_of(3, TaskStatus.RUNNING, 0)
    task = dataclasses.replace(task, images=(*task.images, TaskImage("s", 2, error=ErrorDetail("c", "m"))))
    tiles = show(Gallery(task), is_live=True).tiles
    assert [tile.state for tile in tiles] == ["✓ succeeded", "◔ running", "✕ image failed"]
    assert [tile.position for tile in tiles] == ["1 of 3", "2 of 3", "3 of 3"]


@pytest.mark.parametrize("count", [None, 1, 0, -3, 16, 10**9, "4", 4.5, [4]])
def test_a_set_of_unknown_size_has_one_place_for_all_that_may_come(count: object) -> None:
    sheet = show(Gallery(set_of(count, TaskStatus.RUNNING, 0, 1)), is_live=True)
    assert [(tile.state, tile.position) for tile in sheet.tiles] == [*[("✓ succeeded", "")] * 2, ("◔ running", "")]


def test_what_went_wrong_is_told_also_while_a_set_is_made() -> None:
    *_, last = show(Gallery(set_of(4, TaskStatus.RUNNING, 0, error=ErrorDetail("c", "m"))), is_live=True).tiles
    assert last.problem == "m (c)"


@pytest.mark.parametrize("limit", [1, 4, 5])
def test_places_of_sets_count_as_tiles(limit: int) -> None:
    gallery = Gallery([set_of(4, TaskStatus.RUNNING)] * 2, limit=limit)
    sheet = show(gallery, is_live=True)
    way_on = "Raise" if limit == 1 else "Continue with a slice such as [1:], or raise"
    assert sheet.notes == [f"Showing {limit} of 8 tiles. {way_on} limit={limit}."]


def test_a_place_keeps_a_line_for_what_will_be_known_of_its_image() -> None:
    tasks = [RUNNING, Task("s", TaskStatus.SUCCEEDED, (TaskImage("s", data=plain(), size="40x30"),)), PENDING]
    gallery = Gallery(tasks, table=Table(columns=("a", "b", "c")))
    assert len(show(gallery, is_live=True).root.find(css_class="seedream-facts")) == 3
    assert len(show(gallery).root.find(css_class="seedream-facts")) == 1


def test_places_are_flat_where_there_is_no_image_at_all_and_none_will_come() -> None:
    waiting = [Task("i", TaskStatus.RUNNING, size="1600x900"), PENDING]
    image = TaskImage("i", data=plain(40, 30))
    for gallery in (Gallery(waiting), Gallery(waiting, table=Table(("a", "b"))), Gallery(Task("f", TaskStatus.FAILED))):
        html = show(gallery).html
        assert 'seedream-gallery seedream-flat" style="--seedream-aspect:3/1"' in html
        assert 'seedream-gallery" style' in show(gallery, is_live=True).html
    for gallery in (
        Gallery([*waiting, Task("s", TaskStatus.SUCCEEDED, (image,))]),
        Gallery(waiting, before=image),
        Gallery([Task("s", TaskStatus.SUCCEEDED, (TaskImage("s", url="https://x.example/a"),))], embed="links"),
    ):
        assert 'seedream-gallery" style' in show(gallery).html


def test_a_place_has_the_shape_of_the_image_that_will_take_it() -> None:
    waiting = Task("i", TaskStatus.RUNNING, size="1600x900")
    done = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain(1600, 900)),), size="1600x900")
    assert "--seedream-aspect:1600/900" in show(Gallery([waiting] * 2), is_live=True).html
    half_done = show(Gallery([waiting, done]), is_live=True)
    assert "--seedream-aspect:1600/900" in half_done.html
    assert {figure.attributes["style"] for figure in half_done.root.find("figure")} == {
        figure.attributes["style"] for figure in show(Gallery([done, done])).root.find("figure")
    }


def test_what_could_not_be_fetched_is_not_asked_for_again_until_the_final_form(
    sandbox: Sandbox, client: SeedreamClient
) -> None:
    (made,) = client.retrieve_batch([sandbox.add_task(size="128x96")])
    gallery = Gallery([made], fetcher=ImageFetcher(FetchLimits(tries=1)))
    with sandbox.faults.during("server_error", on="downloads"):
        for _ in range(3):
            gallery = gallery.renew([made])
            assert show(gallery, is_live=True).tiles[0].state == "! not available"
    assert fetched(sandbox) == 1
    assert show(gallery, is_live=True).tiles[0].state == "! not available"
    assert show(gallery).tiles[0].embedded
    assert show(gallery.renew([made]), is_live=True).tiles[0].embedded
    assert fetched(sandbox) == 2


def test_another_way_to_draw_it_shares_what_was_fetched(sandbox: Sandbox, client: SeedreamClient) -> None:
    made = client.retrieve_batch([sandbox.add_task(size="640x480") for _ in range(2)])
    gallery = Gallery(made, table=Table(columns=("a", "b")), before=TaskImage("", data=plain())).load()
    smaller = gallery.with_options(thumbnail=160, columns=2)
    assert (smaller.options.thumbnail, smaller.options.columns, smaller.options.limit) == (160, 2, 60)
    assert (smaller.table, smaller.before, list(smaller)) == (gallery.table, gallery.before, list(gallery))
    assert show(smaller).tiles[0].embedded_size == (160, 120)
    assert show(gallery).tiles[0].embedded_size == (320, 240)
    assert fetched(sandbox) == 2
    larger = gallery.with_options(thumbnail=500)
    assert larger.unloaded == 2
    assert show(larger).tiles[0].embedded_size == (500, 375)
    assert show(gallery).tiles[0].embedded_size == (320, 240)
    assert show(larger.with_options(thumbnail=400)).tiles[0].embedded_size == (400, 300)
    assert fetched(sandbox) == 4


def test_originals_are_fetched_when_they_are_asked_for_later() -> None:
    content = noise(400, 300)
    gallery = Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=content),))).load()
    assert show(gallery.with_options(embed="originals")).tiles[0].embedded == content
    assert show(gallery).tiles[0].embedded_size == (320, 240)


def test_a_link_that_died_keeps_the_thumbnail_there_is(sandbox: Sandbox, client: SeedreamClient) -> None:
    made = client.retrieve_batch([sandbox.add_task(size="640x480")])
    gallery = Gallery(made, fetcher=ImageFetcher(FetchLimits(tries=1))).load()
    with sandbox.faults.during("missing", on="downloads"):
        assert show(gallery.with_options(thumbnail=500)).tiles[0].embedded_size == (320, 240)


@pytest.mark.parametrize("changes", [{"width": 3}, {"table": None}, {"columns": 0}, {"embed": "all"}])
def test_options_that_are_none_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Gallery([PENDING]).with_options(**changes)
