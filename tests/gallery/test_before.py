"""What an edit began with stands beside what came of it, and is no part of the sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.gallery.reading import assert_forms_agree, show
from tests.sample_images import noise, plain

if TYPE_CHECKING:
    from pathlib import Path

AFTER = Task("id", TaskStatus.SUCCEEDED, (TaskImage("id", data=plain(60, 40)),), prompt="make it night")
BEFORE = TaskImage("", data=plain(120, 80))


def test_before_and_after_are_labeled_and_say_what_is_known() -> None:
    sheet = show(Gallery(AFTER, before=BEFORE))
    assert_forms_agree(sheet)
    (before,), (after,) = sheet.before, sheet.tiles
    assert (before.label, before.facts, before.state, before.task_id) == ("before", "120×80", "", "")  # noqa: RUF001  the sign typographers use
    assert (before.alt, before.embedded_size) == ("before", (120, 80))
    assert (after.label, after.state, after.prompt) == ("after", "✓ succeeded", "make it night")
    assert sheet.plain.split("\n") == [
        "1 task · 1 image", "-  before", "   120×80",  # noqa: RUF001  as above
        "1. after · ✓ succeeded · id", "   make it night",
    ]  # fmt: skip


def test_what_was_before_is_no_part_of_the_sequence(tmp_path: Path) -> None:
    gallery = Gallery([AFTER], before=[BEFORE, BEFORE])
    assert (len(gallery), list(gallery), gallery[0], gallery.images) == (1, [AFTER], AFTER, AFTER.images)
    assert gallery.before == (BEFORE, BEFORE)
    assert len(gallery.to_dicts()) == 1
    assert len(gallery.save(tmp_path).images) == 1
    assert show(gallery).summary == "1 task · 1 image"
    for part in (gallery[:0], gallery[:], gallery.filter(prompt="night")):
        assert part.before == gallery.before
        assert len(show(part).before) == 2


def test_a_pair_stands_side_by_side_at_one_height() -> None:
    for before, after in (
        ((160, 90), (160, 90)),
        ((90, 160), (90, 160)),
        ((160, 90), (90, 160)),
        ((100, 100), (90, 30)),
    ):
        task = Task("id", TaskStatus.SUCCEEDED, (TaskImage("id", data=plain(*after)),))
        figures = show(Gallery(task, before=TaskImage("", data=plain(*before)))).root.find("figure")
        heights = []
        for figure in figures:
            style = dict(part.split(":") for part in figure.attributes["style"].split(";"))
            width, aspect = style["flex"].split()[-1], style["--seedream-aspect"].split("/")
            heights.append(int(width.removesuffix("px")) * int(aspect[1]) / int(aspect[0]))
        assert heights[0] == pytest.approx(heights[1], rel=0.03)


def test_a_image_that_is_still_to_come_has_the_shape_of_the_one_before() -> None:
    sheet = show(Gallery(Task("id", TaskStatus.RUNNING, prompt="p"), before=BEFORE), is_live=True)
    first, second = sheet.root.find("figure")
    assert first.attributes["style"] == second.attributes["style"]


def test_in_a_table_it_is_a_column_of_its_own_beside_all_rows() -> None:
    gallery = Gallery([AFTER] * 4, before=BEFORE, table=Table(("a", "b"), ("x", "y")))
    sheet = show(gallery)
    assert_forms_agree(sheet)
    (cell,) = [cell for cell in sheet.root.find("td") if "rowspan" in cell.attributes]
    assert cell.attributes["rowspan"] == "2"
    assert [tile.label for tile in sheet.all_tiles] == ["before", "", "", "", ""]
    assert [(tile.row, tile.column) for tile in sheet.tiles] == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    rows = sheet.root.find("tr")
    widths = [sum(child.tag in {"td", "th"} for child in row.walk()) for row in rows]
    assert widths == [4, 4, 3]


def test_it_is_fetched_once_as_any_other(sandbox: Sandbox, client: SeedreamClient) -> None:
    (made,) = client.retrieve_batch([sandbox.add_task(size="128x96")])
    gallery = Gallery(made, before=TaskImage("", url=made.images[0].url))
    assert gallery.unloaded == 1
    assert show(gallery).before[0].embedded_size == (128, 96)
    show(gallery[:])
    assert len(sandbox.requests.of_kind("downloads")) == 1


@pytest.mark.parametrize("has_table", [False, True])
def test_a_dead_link_shows_a_tile_that_says_so(sandbox: Sandbox, has_table: bool) -> None:  # noqa: FBT001
    gone = TaskImage("", url=f"{sandbox.url}/images/none.jpg")
    gallery = Gallery(
        AFTER, before=[gone, TaskImage("")], table=Table() if has_table else None,
        fetcher=ImageFetcher(FetchLimits(tries=1)),
    )  # fmt: skip
    sheet = show(gallery)
    assert_forms_agree(sheet)
    assert [(tile.label, tile.state) for tile in sheet.before] == [("before", "! not available")] * 2
    assert [tile.problem for tile in sheet.before] == ["The link no longer works (HTTP 404).", "There is no image."]
    assert sheet.tiles[0].embedded


def test_it_goes_last_when_there_is_no_room() -> None:
    images = [TaskImage("", data=noise(300, 300, seed)) for seed in range(3)]
    task = Task("id", TaskStatus.SUCCEEDED, images[2:], prompt="p")  # type: ignore[arg-type]  # a list will do
    sheet = show(Gallery(task, before=images[:2], max_bytes=20_000))
    assert sheet.size <= 20_000
    assert [bool(tile.embedded) for tile in sheet.all_tiles] == [True, True, False]
    few = show(Gallery(task, before=images, limit=2))
    assert (len(few.before), few.notes) == (2, ["Showing 2 of 3 'before' images."])


def test_a_task_and_a_gallery_stand_for_their_images() -> None:
    for before in (AFTER, Gallery(AFTER), [[AFTER]]):
        assert Gallery(AFTER, before=before).before == AFTER.good_images


@pytest.mark.parametrize("before", ["a link", ["https://a"], [[7]], None, 5])
def test_only_images_can_be_before(before: object) -> None:
    with pytest.raises(UsageError, match="before= takes images, not "):
        Gallery(AFTER, before=before)  # type: ignore[arg-type]
