"""The gallery as a Python object."""

import json
import pickle
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import pytest

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from tests.gallery.reading import show
from tests.sample_images import plain

CAT = Task("cat", TaskStatus.SUCCEEDED, (TaskImage("cat", data=plain(), size="2048x2048"),),
           prompt="A White Cat", model="doubao-seedream-4-0-250828", size="2K")  # fmt: skip
DOG = Task("dog", TaskStatus.FAILED, prompt="a white dog", model="doubao-seedream-5-0-pro-260628",
           size="1024x1024", error=ErrorDetail("c", "m"))  # fmt: skip
SET = Task("set", TaskStatus.PARTIALLY_FAILED, (
    TaskImage("set", 0, url="https://images.example/a.jpg", prompt="the valley in winter"),
    TaskImage("set", 1, error=ErrorDetail("c", "m"), prompt="the valley in spring"),
), prompt="four seasons")  # fmt: skip
GONE = Task.not_found("gone")
GALLERY = Gallery([CAT, DOG, SET, GONE])


def test_it_is_a_sequence_of_its_tasks() -> None:
    assert isinstance(GALLERY, Sequence)
    assert (len(GALLERY), GALLERY[0], GALLERY[-1]) == (4, CAT, GONE)
    assert list(GALLERY) == [CAT, DOG, SET, GONE]
    assert list(reversed(GALLERY)) == [GONE, SET, DOG, CAT]
    assert DOG in GALLERY
    assert GALLERY.index(SET) == 2
    assert not Gallery([])
    with pytest.raises(IndexError):
        GALLERY[4]


def test_a_slice_is_a_gallery_drawn_alike() -> None:
    gallery = Gallery([CAT, DOG, SET], columns=2, thumbnail=64, embed="links", limit=5, max_bytes=50_000)
    part = gallery[::2]
    assert isinstance(part, Gallery)
    assert list(part) == [CAT, SET]
    assert part.options == gallery.options
    assert list(gallery[5:]) == []


def test_one_task_alone_and_an_iterator_will_do() -> None:
    assert list(Gallery(CAT)) == [CAT]
    assert list(Gallery(task for task in (CAT, DOG))) == [CAT, DOG]
    assert list(Gallery(GALLERY)) == list(GALLERY)


SEASONS = Task("seasons", TaskStatus.SUCCEEDED, tuple(
    TaskImage("seasons", index, data=plain(color=color), prompt=f"the valley in {name}", size="64x64")
    for index, (name, color) in enumerate({"spring": "pink", "summer": "green", "autumn": "brown"}.items())
), prompt="three seasons")  # fmt: skip


def test_chosen_images_are_shown_alone_and_in_order() -> None:
    spring, summer, autumn = SEASONS.images
    gallery = Gallery([autumn, spring, CAT.images[0], [summer, [Gallery(DOG)]]])
    assert [(task.id, task.images) for task in gallery] == [
        ("seasons", (autumn, spring)),
        ("cat", CAT.images),
        ("seasons", (summer,)),
        ("dog", ()),
    ]
    sheet = show(gallery)
    assert [tile.position for tile in sheet.tiles] == ["image 3", "image 1", "", "image 2", ""]
    assert [tile.prompt for tile in sheet.tiles[:2]] == ["the valley in autumn", "the valley in spring"]
    assert [tile.state for tile in sheet.tiles[:3]] == ["✓ succeeded"] * 3


def test_chosen_images_are_saved_each(tmp_path: Path) -> None:
    spring, _, autumn = SEASONS.images
    report = Gallery([autumn, CAT.images[0], spring]).save(tmp_path)
    assert len(report.paths) == len(set(report.paths)) == 3
    assert not report.failures
    assert [(image.task_id, image.place, image.image_number) for image in report.images] == [
        ("seasons", 0, 3),
        ("cat", 1, 1),
        ("seasons", 2, 1),
    ]


def test_saving_chosen_images_keeps_the_record_of_their_task(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path
) -> None:
    task = client.retrieve(sandbox.add_task("two cats", size="64x64", images=2))
    record = Gallery(task).save(tmp_path).records[0]
    before = json.loads(record.read_text())
    assert Gallery(task.images[1]).save(tmp_path).records == (record,)
    after = json.loads(record.read_text())
    assert after["record"] == before["record"]
    assert sorted(after["files"]) == sorted(before["files"])
    assert len(Gallery([task, CAT]).save(tmp_path / "some", images=[task]).paths) == 2


def test_chosen_layers_are_not_composed() -> None:
    layers = [TaskImage("l", n, data=plain(), z_index=n) for n in range(3)]
    assert [len(task.images) for task in Gallery(layers[:2])] == [1, 1]


def test_a_failed_image_is_shown_as_such_and_one_without_a_task_alone() -> None:
    assert [task.status for task in Gallery(SET.images)] == [TaskStatus.PARTIALLY_FAILED]
    assert [task.status for task in Gallery(SET.images[1])] == [TaskStatus.FAILED]
    assert len(Gallery([TaskImage("", data=plain()), TaskImage("", 1, data=plain(color="red"))])) == 2


def test_what_is_neither_a_task_nor_an_image_is_rejected() -> None:
    for wrong in ("cat", ["cat"], [CAT, [3]], None):
        with pytest.raises(UsageError, match=r"A gallery shows tasks and images, not (str|int|NoneType)"):
            Gallery(wrong)  # type: ignore[arg-type]


def test_images_are_the_good_ones_of_all_tasks() -> None:
    assert GALLERY.images == (CAT.images[0], SET.images[0])


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [CAT, DOG, SET, GONE]),
        ({"prompt": "WHITE"}, [CAT, DOG]),
        ({"prompt": "winter"}, [SET]),
        ({"model": "5-0-PRO"}, [DOG]),
        ({"model": "5.0"}, [DOG]),
        ({"model": "SeeDream 5.0 Pro"}, [DOG]),
        ({"status": "partially failed"}, [SET]),
        ({"status": TaskStatus.NOT_FOUND}, [GONE]),
        ({"size": "2K"}, [CAT]),
        ({"size": "2048x2048"}, [CAT]),
        ({"size": "2048"}, []),
        ({"predicate": lambda task: len(task.images) > 1}, [SET]),
        ({"prompt": "white", "status": "failed"}, [DOG]),
        ({"prompt": "white", "status": "failed", "size": "2K"}, []),
        ({"prompt": "white", "model": "doubao", "predicate": lambda task: task.id != "dog", "size": "2K"}, [CAT]),
    ],
)
def test_a_filter_keeps_what_meets_all_conditions(conditions: dict[str, object], expected: list[Task]) -> None:
    assert list(GALLERY.filter(**conditions)) == expected  # type: ignore[arg-type]


def test_an_unknown_status_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        GALLERY.filter(status="done")
    assert caught.value.message == "'done' is not a valid status."
    assert caught.value.hint == ("Choose one of: pending, running, succeeded, partially failed, failed, not found.")


def test_the_records_are_json_ready(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = Gallery(client.retrieve_batch([*sandbox.task_ids, sandbox.add_task(in_base64=True, size="64x64")]))
    dicts = json.loads(json.dumps(gallery.to_dicts(), allow_nan=False))
    assert [record["id"] for record in dicts] == [task.id for task in gallery]
    assert [len(record["images"]) for record in dicts] == [len(task.images) for task in gallery]
    assert dicts[0]["status"] == "succeeded"


def test_times_and_inline_images_in_the_records() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=b"12345"),), created_at=moment)
    (record,) = Gallery(task).to_dicts()
    assert record["created_at"] == "2026-01-02T03:04:05+00:00"
    assert record["images"][0]["inline_bytes"] == 5  # type: ignore[index]
    json.dumps(record)


def test_a_pickled_gallery_shows_the_same_without_fetching_again(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size="128x96")]), columns=3)
    before = show(gallery)
    copy = pickle.loads(pickle.dumps(gallery))  # noqa: S301  made one line above
    assert show(copy) == before
    assert (list(copy), copy.options) == (list(gallery), gallery.options)
    assert len(sandbox.requests.of_kind("downloads")) == 1


def test_a_pickled_gallery_can_still_fetch(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size="128x96")]))
    assert show(pickle.loads(pickle.dumps(gallery))).tiles[0].embedded  # noqa: S301  as above


def test_a_gallery_is_itself_and_can_be_a_key() -> None:
    same_tasks = GALLERY[:]
    assert GALLERY == GALLERY  # noqa: PLR0124  that is the question
    assert len({GALLERY, GALLERY, same_tasks}) == 2


def test_repr_is_the_text_form_without_any_request(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task("a red kite", size="128x96")]))
    assert repr(gallery) == show(gallery).plain
    other = Gallery(client.retrieve_batch([sandbox.add_task("a red kite", size="128x96")]))
    sandbox.requests.clear()
    assert repr(other).startswith("1 task · 1 image\n1. ✓ succeeded · ")
    assert len(sandbox.requests) == 0


def test_to_html_is_what_front_ends_show() -> None:
    gallery = Gallery(CAT)
    assert gallery.to_html() == show(gallery).html
