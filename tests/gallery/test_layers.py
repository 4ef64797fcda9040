"""A layered task shows what its layers make together, then the layers; all within the gallery's own limits."""

from __future__ import annotations

import pytest
from PIL import Image

from seedream_nb import (
    BoundingBox,
    ErrorDetail,
    Gallery,
    Sandbox,
    SeedreamClient,
    Task,
    TaskImage,
    TaskStatus,
    compose_layers,
)
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.protocol.capabilities import display_name
from tests.gallery.reading import Sheet, assert_forms_agree, show
from tests.sample_images import decode, encode, noise, plain, translucent

PRO = "doubao-seedream-5-0-pro-260628"


@pytest.fixture
def layered(client: SeedreamClient) -> Task:
    source = Image.radial_gradient("L").resize((1280, 960)).convert("RGB")
    return client.generate(image=source, model=PRO, layers=True, wait=True)


def inline(*layers: tuple[bytes, BoundingBox | None]) -> Task:
    images = tuple(
        TaskImage("i", place, data=content, z_index=place, bounding_box=box, prompt="a boat")
        for place, (content, box) in enumerate(layers)
    )
    return Task("i", TaskStatus.SUCCEEDED, images, prompt="a boat")


def transparency(sheet: Sheet) -> list[bool]:
    return ["seedream-transparent" in tile.css for tile in sheet.tiles]


def test_the_composed_image_comes_first_and_nothing_is_fetched_twice(sandbox: Sandbox, layered: Task) -> None:
    gallery = Gallery(layered)
    sheet = show(gallery)
    assert_forms_agree(sheet)
    composed, base, *layers = sheet.tiles
    assert [composed.label, base.label] == ["composed", "base"]
    assert [tile.label for tile in layers] == [image.name for image in layered.images[1:]]
    assert {tile.position for tile in sheet.tiles} == {""}
    assert composed.facts.startswith(f"{display_name(PRO)} · ")
    assert not any(display_name(PRO) in tile.facts for tile in (base, *layers))
    assert all(tile.facts for tile in (base, *layers))
    assert composed.embedded_size == base.embedded_size
    assert transparency(sheet) == [False, False, *[True] * len(layers)]
    assert sheet.summary == f"1 task · {len(layered.images)} images"
    assert show(gallery) == sheet
    assert show(gallery[:]) == sheet
    assert len(sandbox.requests.of_kind("downloads")) == len(layered.images)


def test_the_composed_thumbnail_is_what_composing_at_full_size_gives(layered: Task) -> None:
    (tile, *_) = show(Gallery(layered)).tiles
    assert tile.embedded
    small = decode(tile.embedded).convert("RGB")
    whole = compose_layers(layered).resize(small.size)
    for place in ((5, 5), (160, 120), (40, 200), (300, 30)):
        assert small.getpixel(place) == pytest.approx(whole.getpixel(place), abs=16)


def test_larger_thumbnails_are_put_together_anew(layered: Task) -> None:
    gallery = Gallery(layered).load()
    composed, base, *_ = show(gallery.with_options(thumbnail=640)).tiles
    assert composed.embedded_size == base.embedded_size == (640, 480)


def test_a_layer_lies_where_its_box_says_at_the_scale_of_the_thumbnail() -> None:
    box = BoundingBox((400, 300, 800, 600))
    task = inline(
        (plain(800, 600, "#000000"), None), (encode(Image.new("RGBA", (5, 5), (255, 255, 255, 255)), "PNG"), box)
    )
    (tile, *_) = show(Gallery(task, thumbnail=160)).tiles
    assert tile.embedded
    small = decode(tile.embedded).convert("L")
    assert small.size == (160, 120)
    assert [small.getpixel(place) for place in ((75, 55), (85, 65), (155, 115), (75, 100), (120, 50))] == pytest.approx(
        [0, 255, 255, 0, 0], abs=8
    )


def test_an_unreachable_layer_is_named_and_the_rest_is_shown(sandbox: Sandbox, layered: Task) -> None:
    sandbox.faults.add("missing", on="downloads", match=str(layered.layers[2].url).rpartition("/")[2])
    sheet = show(Gallery(layered, fetcher=ImageFetcher(FetchLimits(tries=1))))
    assert_forms_agree(sheet)
    composed, base, first, second, *_ = sheet.tiles
    assert (composed.state, composed.image) == ("! not composed", "")
    assert composed.problem.startswith("The layer 2: region 2 is missing: The link no longer works (HTTP 404).")
    assert base.embedded
    assert first.embedded
    assert second.state == "! not available"
    assert sheet.notes == ["1 image not available."]


def test_a_failed_layer_is_named() -> None:
    task = Task("i", TaskStatus.PARTIALLY_FAILED, (
        TaskImage("i", 0, data=plain(), z_index=0),
        TaskImage("i", 1, z_index=1, name="boat", error=ErrorDetail("code", "Refused.")),
    ))  # fmt: skip
    composed, base, failed = show(Gallery(task)).tiles
    assert composed.problem == "The layer 1: boat is missing: code: Refused."
    assert base.embedded
    assert failed.state == "✕ image failed"


def test_a_base_image_alone_and_a_task_still_running_are_not_composed() -> None:
    base = TaskImage("i", 0, data=plain(), z_index=0)
    assert [tile.label for tile in show(Gallery(Task("i", TaskStatus.SUCCEEDED, (base,)))).tiles] == ["base"]
    running = Task("i", TaskStatus.RUNNING, (base, TaskImage("i", 1, data=translucent(), z_index=1)))
    assert [tile.label for tile in show(Gallery(running)).tiles] == ["base", "layer 1", ""]


def test_links_alone_are_not_composed() -> None:
    images = tuple(TaskImage("i", n, url=f"https://images.example/{n}.png", z_index=n) for n in range(3))
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, images), embed="links"))
    assert [tile.label for tile in sheet.tiles] == ["base", "layer 1", "layer 2"]
    assert transparency(sheet) == [False, True, True]


def test_the_composed_image_counts_as_the_others_do() -> None:
    task = inline(
        (noise(600, 600), None),
        (encode(Image.frombytes("RGBA", (300, 300), noise(300, 300)[:1] * 360_000), "PNG"), None),
    )
    tasks = [inline((noise(600, 600, seed), None), (translucent(60, 60), None)) for seed in range(6)] + [task]
    for limit in (20_000, 60_000, 200_000):
        sheet = show(Gallery(tasks, max_bytes=limit))
        assert sheet.size <= limit
        assert_forms_agree(sheet)
    sheet = show(Gallery(tasks, limit=1))
    assert [tile.label for tile in sheet.tiles] == ["composed"]
    assert sheet.tiles[0].embedded
    assert "Showing 1 of 21 tiles" in sheet.notes[0]


def test_layers_of_an_edit_are_named_and_each_task_says_its_model_once() -> None:
    def task(name: str) -> Task:
        layers = (
            TaskImage("i", 0, data=plain(80, 60), z_index=0, model=PRO, size="80x60", name="background"),
            TaskImage("i", 1, data=translucent(), z_index=1, model=PRO, size="40x30", name=name),
        )
        return Task("i", TaskStatus.SUCCEEDED, layers, model=PRO)

    sheet = show(Gallery([task("before"), task(" \n")], before=TaskImage("", data=plain(80, 60))))
    labels = ["composed", "base", "before", "composed", "base", "layer 1"]
    assert [tile.label for tile in sheet.all_tiles] == ["before", *labels]
    assert [display_name(PRO) in tile.facts for tile in sheet.all_tiles[1:]] == [True, False, False] * 2
    assert sheet.all_tiles[3].facts == "40×30"  # noqa: RUF001  the sign typographers use
    in_table = show(Gallery([task("boat")] * 2, before=TaskImage("", data=plain()), table=Table(("before", "b"))))
    assert [tile.label for tile in in_table.tiles] == ["composed", "base", "boat"] * 2
    assert_forms_agree(in_table)


def test_any_image_that_is_seen_through_has_something_behind_it() -> None:
    seen_through = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=translucent()),))
    opaque = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain()),))
    assert transparency(show(Gallery([seen_through, opaque]))) == [True, False]


def test_a_layered_task_keeps_the_shape_of_its_base_image() -> None:
    task = inline((plain(320, 160), None), (translucent(40, 90), None))
    assert "--seedream-aspect:320/160" in show(Gallery(task)).html
