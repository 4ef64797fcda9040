"""What is kept on disk: under names that a person can read, wholly or not at all, and nothing is overwritten."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, open_image
from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.models import BoundingBox
from seedream_nb.gallery.save import save_tasks
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.examples import examples
from tests.gallery.strategies import HOSTILE, task_with
from tests.sample_images import decode, noise, plain, translucent

if TYPE_CHECKING:
    from tests.gallery.image_host import ImageHost

SMALL = "128x96"
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
ROOT = Path(__file__).parents[2]


PRIVATE = {"_id", "api_id", "application_id", "credential_id", "user_id", "trace_id", "callback_url"}


def shareable(value: object) -> object:
    """A record as it may be shared: without what tells who asked."""
    if isinstance(value, dict):
        return {key: shareable(inner) for key, inner in value.items() if key not in PRIVATE}
    return [shareable(inner) for inner in value] if isinstance(value, list) else value


def same_pixels(path: Path, content: bytes) -> bool:
    saved, original = decode(path.read_bytes()), decode(content)
    return (saved.format, saved.mode, saved.size, saved.tobytes()) == (
        *(original.format, original.mode, original.size),
        original.tobytes(),
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_originals_are_kept_with_their_record_beside_them(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path
) -> None:
    task_id = sandbox.add_task("A red kite!", images=2, size="640x400", output_format="png")
    gallery = Gallery(client.retrieve_batch([task_id]))
    report = gallery.save(tmp_path / "deep" / "down")
    beginning = f"a-red-kite-{task_id[:8]}"
    assert [path.name for path in report.paths] == [f"{beginning}-1.png", f"{beginning}-2.png"]
    assert [decode(path.read_bytes()).size for path in report.paths] == [(640, 400)] * 2
    assert [path.name for path in report.records] == [f"{beginning}.json"]
    record = json.loads(report.records[0].read_bytes())
    assert record == {
        "task_id": task_id,
        "status": "succeeded",
        "files": [path.name for path in report.paths],
        "images": [{"number": number, "file": path.name} for number, path in enumerate(report.paths, 1)],
        "request": {"model": gallery[0].model, "prompt": "A red kite!", "size": "640x400"},
        "record": shareable(gallery[0].raw),
    }
    assert report.failures == ()
    assert str(report) == f"2 images and 1 record in {tmp_path / 'deep' / 'down'}"
    assert not any(request.has_authorization for request in sandbox.requests.of_kind("downloads"))


def test_saving_again_changes_nothing(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size=SMALL, images=2), sandbox.add_task(size=SMALL)]))
    first = gallery.save(tmp_path / "kept")
    before = {path: (path.read_bytes(), path.stat().st_mode) for path in (tmp_path / "kept").iterdir()}
    assert gallery.save(tmp_path / "kept") == first
    assert {path: (path.read_bytes(), path.stat().st_mode) for path in (tmp_path / "kept").iterdir()} == before


def test_another_image_is_never_overwritten(tmp_path: Path) -> None:
    one = Gallery(task_with(plain(color="red"))).save(tmp_path)
    two = Gallery(task_with(plain(color="blue"), task_id="12345678-other")).save(tmp_path)
    three = Gallery(task_with(plain(color="green"), task_id="12345678-third")).save(tmp_path)
    assert [report.paths[0].name for report in (one, two, three)] == [
        "a-cat-12345678-1.png",
        "a-cat-12345678-1-2.png",
        "a-cat-12345678-1-3.png",
    ]
    assert [report.records[0].name for report in (one, two, three)] == [
        "a-cat-12345678.json",
        "a-cat-12345678-2.json",
        "a-cat-12345678-3.json",
    ]
    assert same_pixels(one.paths[0], plain(color="red"))
    assert open_image(one.paths[0]).task_id == "12345678-abcd"
    assert json.loads(one.records[0].read_bytes())["task_id"] == "12345678-abcd"
    assert Gallery(task_with(plain(color="blue"), task_id="12345678-other")).save(tmp_path) == two


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere"), lambda path: path.touch()])
def test_whatever_has_the_name_already_is_left_alone(make: object, tmp_path: Path) -> None:
    for taken in ("a-cat-12345678-1.png", "a-cat-12345678.json"):
        make(tmp_path / taken)  # type: ignore[operator]
    report = Gallery(task_with(plain())).save(tmp_path)
    assert [path.name for path in (*report.paths, *report.records)] == [
        "a-cat-12345678-1-2.png",
        "a-cat-12345678-2.json",
    ]


@examples(150)
@given(
    prompt=st.sampled_from(
        [*HOSTILE, *RESERVED, "../../etc/passwd", "..\\..\\x", "C:\\x", "/abs", "~", ".hidden", "a/b"]
    )
    | st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=300),
    task_id=st.sampled_from(["", "..", "con", "/", "../x", "84d1544a-9043-4dde-a98b-e889dacd75f6", "\ud800"])
    | st.text(),
)
def test_any_prompt_and_id_give_a_name_that_every_system_takes(
    prompt: str, task_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("names")
    report = Gallery(task_with(plain(), prompt, task_id)).save(folder)
    paths = [*report.paths, *report.records]
    assert len(paths) == 2
    for path in paths:
        assert path.parent == folder
        assert path.is_file()
        assert len(path.name.encode()) <= 255
        assert path.stem.lower() not in RESERVED
        assert not set(path.name) & set('<>:"/\\|?*\0')
        assert path.name.isprintable()
        assert not path.name.startswith((".", "-", "~"))
        assert not path.stem.endswith("-")
    assert names_in(folder) == sorted(path.name for path in paths)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("江南山水，清晨薄雾", "江南山水-清晨薄雾-12345678-1.png"),  # noqa: RUF001  Chinese has its own comma
        ("قطة بيضاء", "قطة-بيضاء-12345678-1.png"),
        ("Ein Bär mit Hut", "ein-bär-mit-hut-12345678-1.png"),
        ("", "image-12345678-1.png"),
        ("🎨🎨", "image-12345678-1.png"),
        ("con", "con-12345678-1.png"),
        ("word " * 100, "word-word-word-word-word-word-word-word-word-12345678-1.png"),
    ],
)
def test_names_keep_the_script_of_the_prompt(prompt: str, name: str, tmp_path: Path) -> None:
    assert Gallery(task_with(plain(), prompt)).save(tmp_path).paths[0].name == name


def test_the_ending_tells_what_the_image_is_whatever_was_announced(image_host: ImageHost, tmp_path: Path) -> None:
    links = [
        image_host.add("/a.png", plain(image_format="JPEG"), "image/png"),
        image_host.add("/b.jpg", plain(image_format="WEBP"), "text/html"),
    ]
    images = tuple(TaskImage("i", index, url=link, output_format="png") for index, link in enumerate(links))
    report = Gallery(Task("i", TaskStatus.SUCCEEDED, images)).save(tmp_path)
    assert [path.suffix for path in report.paths] == [".jpg", ".webp"]


def test_images_sent_inline_are_kept_and_their_text_left_out_of_the_record(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path
) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size=SMALL, in_base64=True)]))
    report = gallery.save(tmp_path / "kept")
    assert same_pixels(report.paths[0], gallery.images[0].data or b"")
    record = json.loads(report.records[0].read_bytes())["record"]
    assert record["response"]["data"][0]["b64_json"].endswith(" characters)")
    assert record["request"] == gallery[0].raw["request"]


@pytest.mark.parametrize("output_format", ["png", "jpeg"])
def test_each_image_tells_what_made_it(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path, output_format: Literal["png", "jpeg"]
) -> None:
    task_id = sandbox.add_task("a white siamese cat, 暹罗猫", images=2, size=SMALL, output_format=output_format)
    gallery = Gallery(client.retrieve_batch([task_id]))
    created = gallery[0].created_at
    assert created is not None
    for path, image in zip(gallery.save(tmp_path / "kept").paths, gallery.images, strict=True):
        saved = open_image(path)
        assert (saved.task_id, saved.index, saved.prompt) == (task_id, image.index, image.prompt)
        assert (saved.model, saved.size, saved.seed) == (image.model, image.size, image.seed)
        assert saved.raw["created_at"] == created.isoformat(timespec="seconds")
        assert decode(path.read_bytes()).format == output_format.upper()
        assert task_id.encode() in decode(path.read_bytes()).info["xmp"]


def test_nothing_in_any_file_tells_who_asked(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    good, bad = sandbox.add_task(size=SMALL), sandbox.add_task(error=("api_error", "No luck."))
    gallery = Gallery(client.retrieve_batch([good, bad]))
    secrets = {str(value) for task in gallery for key, value in task.raw.items() if key in PRIVATE}
    secrets |= {task.trace_id or "" for task in gallery}
    assert len(secrets) >= 5
    assert "" not in secrets
    gallery.save(tmp_path / "kept")
    contents = [path.read_bytes() for path in (tmp_path / "kept").iterdir()]
    assert len(contents) == 3
    assert not [secret for secret in secrets if any(secret.encode() in content for content in contents)]
    assert any(good.encode() in content for content in contents)


def test_the_way_back_to_the_user_is_not_in_the_record(tmp_path: Path) -> None:
    way_back = {"callback_url": "https://me.example/hook?key=s3cret", "prompt": "p"}
    (record,) = Gallery(task_with(plain(), request=way_back, trace_id="a-trace-id")).save(tmp_path).records
    assert json.loads(record.read_bytes())["record"] == {"request": {"prompt": "p"}}


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_image_that_is_there_is_left_alone_whatever_is_known_of_it_by_now(image_format: str, tmp_path: Path) -> None:
    early = task_with(noise(40, 30, image_format=image_format))
    image = dataclasses.replace(early.images[0], seed=7, model="m")
    late = dataclasses.replace(early, images=(image,), created_at=datetime(2025, 12, 22, tzinfo=timezone.utc))
    (path,) = Gallery(early).save(tmp_path / "kept").paths
    before = path.read_bytes()
    assert Gallery(late).save(tmp_path / "kept").paths == (path,)
    assert path.read_bytes() == before
    # One that was saved before files told their provenance, or was altered by hand, is left alone as well.
    path.write_bytes(early.images[0].data or b"")
    assert Gallery(late).save(tmp_path / "kept").paths == (path,)
    assert path.read_bytes() == early.images[0].data


def test_a_saved_file_can_be_saved_again(tmp_path: Path) -> None:
    (path,) = Gallery(task_with(plain())).save(tmp_path / "one").paths
    image = open_image(path)
    again = Task(image.task_id, TaskStatus.SUCCEEDED, (image,), prompt=image.prompt)
    (copy,) = Gallery(again).save(tmp_path / "two").paths
    assert copy.name == path.name
    assert open_image(copy).raw == {**image.raw, "size": "40x30"}


@pytest.mark.parametrize("known", ["created_at", "finished_at"])
def test_the_date_is_that_of_the_task(known: str, tmp_path: Path) -> None:
    task = dataclasses.replace(task_with(plain()), **{known: datetime(2025, 12, 22, 18, tzinfo=timezone.utc)})  # type: ignore[arg-type]
    (path,) = Gallery(task).save(tmp_path).paths
    assert open_image(path).raw["created_at"] == "2025-12-22T18:00:00+00:00"


def layered() -> Task:
    """A task with twelve layers, answered from the top, as no service promises an order."""
    box = BoundingBox((10.0, 20.0, 50.0, 60.0), (100.0, 200.0, 500.0, 600.0))
    layers = [
        TaskImage("12345678", place, data=translucent(40 + place), z_index=z, name=f"Part {z}", bounding_box=box)
        for place, z in enumerate(reversed(range(1, 12)))
    ]
    base = TaskImage("12345678", 11, data=plain(), z_index=0)
    return Task("12345678", TaskStatus.SUCCEEDED, (*layers, base), prompt="poster")


def test_layers_are_saved_from_the_bottom_with_their_names_and_positions(tmp_path: Path) -> None:
    report = Gallery(layered()).save(tmp_path / "saved")
    names = ["poster-12345678-00-base.png", *(f"poster-12345678-{z:02}-part-{z}.png" for z in range(1, 12))]
    assert [path.name for path in report.paths] == names
    assert names_in(tmp_path / "saved") == sorted([*names, "poster-12345678.json"])
    assert [image.image_number for image in report.images] == [12, *range(11, 0, -1)]
    base, first, *_ = json.loads(report.records[0].read_bytes())["images"]
    described = {"number": 12, "file": names[0], "z_index": 0}
    assert base == {**described, "name": None, "description": None, "bounding_box": None}
    assert (first["name"], first["z_index"], first["file"]) == ("Part 1", 1, names[1])
    assert first["bounding_box"] == {"absolute": [10, 20, 50, 60], "normalized": [100, 200, 500, 600]}
    assert same_pixels(report.paths[0], plain())


def test_a_record_keeps_what_no_encoding_can_carry(tmp_path: Path) -> None:
    task = task_with(plain(), odd="\ud800", nested={"list": [None, 1.5, "字"]})
    (record,) = Gallery(task).save(tmp_path).records
    assert json.loads(record.read_bytes())["record"] == task.raw


def test_the_report_names_what_could_not_be_saved(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    withheld = ("OutputImageSensitiveContentDetected", "Withheld.")
    a_set = sandbox.add_task(images=3, size=SMALL, image_errors={1: withheld})
    dead = sandbox.add_task(size=SMALL)
    failed = sandbox.add_task(error=("api_error", "No luck."))
    pending = sandbox.add_task(ready_in=None)
    sandbox.faults.add("missing", on="downloads", match=dead)
    report = Gallery(client.retrieve_batch([a_set, dead, failed, pending, "unknown"])).save(tmp_path / "kept")
    assert len(report.paths) == 2
    assert len(report.records) == 5
    assert str(report).splitlines()[1:] == [
        "Not saved:",
        f"  {a_set} image 2: OutputImageSensitiveContentDetected: Withheld.",
        f"  {dead} image 1: The link no longer works (HTTP 404).",
        f"  {failed}: api_error: No luck.",
        f"  {pending}: the task is pending",
        "  unknown: the task is not found",
    ]


def test_what_has_no_image_to_save_is_named_as_well(tmp_path: Path) -> None:
    tasks = [
        Task("empty", TaskStatus.SUCCEEDED),
        Task("odd", TaskStatus.FAILED, (TaskImage("odd"),)),
        Task("both", TaskStatus.FAILED, (TaskImage("both", data=plain(), error=ErrorDetail("c", "m")),)),
    ]
    report = Gallery(tasks).save(tmp_path)
    assert [str(failure) for failure in report.failures] == [
        "empty: its answer has no image",
        "odd image 1: no reason given",
        "both image 1: c: m",
    ]
    assert report.paths == ()


def test_each_image_keeps_its_place_and_knows_its_task(tmp_path: Path) -> None:
    red, blue = (task_with(plain(color=color), color, task_id) for color, task_id in (("red", "r"), ("blue", "b")))
    rejected = Task("", TaskStatus.FAILED, prompt="refused", error=ErrorDetail("invalid", "No such size."))
    report = Gallery([red, rejected, blue, red]).save(tmp_path / "saved")
    assert [(image.task_id, image.place, image.image_number) for image in report.images] == [
        ("r", 0, 1),
        ("", 1, None),
        ("b", 2, 1),
        ("r", 3, 1),
    ]
    assert report.images[0].path == report.images[3].path
    assert (report.images[1].path, report.images[1].reason) == (None, "invalid: No such size.")
    assert str(report).splitlines() == [
        f"2 images and 3 records in {tmp_path / 'saved'}",
        "Not saved:",
        "  task 2: invalid: No such size.",
    ]
    assert [open_image(report.images[place]).task_id for place in (0, 2)] == ["r", "b"]
    with pytest.raises(ImageError, match=r"This image was not saved\. task 2: invalid: No such size\."):
        open_image(report.images[1])
    records = [json.loads(path.read_bytes()) for path in report.records]
    assert [record["task_id"] for record in records] == ["r", "", "b", "r"]
    assert (records[1]["status"], records[1]["error"]) == ("failed", "invalid: No such size.")


def test_tasks_with_the_same_image_have_a_file_each(tmp_path: Path) -> None:
    tasks = [task_with(plain(), task_id="one"), task_with(plain(), task_id="two")]
    report = Gallery(tasks).save(tmp_path)
    assert [open_image(path).task_id for path in report.paths] == ["one", "two"]


def test_chosen_images_alone_are_saved(tmp_path: Path) -> None:
    frames = tuple(TaskImage("12345678", place, data=plain(40 + place)) for place in range(4))
    a_set = Task("12345678", TaskStatus.SUCCEEDED, frames, prompt="a cat")
    gallery = Gallery([task_with(plain(color="red"), "other", "x"), a_set])
    report = gallery.save(tmp_path / "saved", images=[frames[2], frames[0]], name="{index}-{prompt}-{number}")
    assert [path.name for path in report.paths] == ["1-a-cat-1.png", "2-a-cat-3.png"]
    assert names_in(tmp_path / "saved") == ["1-a-cat-1.png", "1-a-cat.json", "2-a-cat-3.png"]
    one_more = gallery.save(tmp_path / "saved", images=frames[1], name="{index}-{prompt}-{number}")
    assert [path.name for path in one_more.paths] == ["1-a-cat-2.png"]
    listed = json.loads((tmp_path / "saved" / "1-a-cat.json").read_bytes())
    assert [entry["file"] for entry in listed["images"]] == ["1-a-cat-1.png", "1-a-cat-2.png", "2-a-cat-3.png", None]
    with pytest.raises(UsageError, match="is not in this gallery"):
        gallery.save(tmp_path / "saved", images=[TaskImage("strange")])
    with pytest.raises(UsageError, match="images= takes images, not 3"):
        gallery.save(tmp_path / "saved", images=[3])  # type: ignore[list-item]
    assert gallery.save(tmp_path / "saved", images=[]).images == ()


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("layers.psd", "with their positions in the JSON record: gallery.save('layers')"),
        ("cat.PNG", "gallery.compose().save('cat.PNG') for one image, or gallery.contact_sheet('cat.PNG')"),
        ("sheet.pdf", "gallery.contact_sheet('sheet.pdf')"),
        ("page.html", "gallery.export('page.html')"),
        ("all.zip", "Library().export('all.zip')"),
        ("~/data.json", "gallery.save('data')"),
    ],
)
def test_a_file_where_a_directory_is_expected(path: str, instead: str, tmp_path: Path) -> None:
    gallery = Gallery(task_with(plain()))
    with pytest.raises(UsageError) as raised:
        gallery.save(path)
    assert raised.value.message == f"{path!r} looks like a file, and images are saved into a directory."
    assert instead in (raised.value.hint or "")
    assert names_in(tmp_path / "work") == []
    # A directory that is there can be meant.
    (tmp_path / "cats.png").mkdir()
    assert len(gallery.save(tmp_path / "cats.png").paths) == len(gallery.save(tmp_path / "v1.2").paths) == 1


def test_a_task_that_is_there_twice_is_saved_once_as_it_was_last(tmp_path: Path) -> None:
    pending = Task("12345678", TaskStatus.PENDING, prompt="a cat", raw={"id": "12345678"})
    report = Gallery([pending, task_with(plain(), task_id="12345678"), task_with(plain(), task_id="12345678")]).save(
        tmp_path
    )
    assert names_in(tmp_path / ".") == ["a-cat-12345678-1.png", "a-cat-12345678.json", "home", "work"]
    assert report.failures == ()


def test_tasks_without_an_id_are_all_saved(tmp_path: Path) -> None:
    tasks = [task_with(plain(color=color), task_id="", color=color) for color in ("red", "blue")]
    first = Gallery(tasks).save(tmp_path / "kept")
    assert len(set(first.paths)) == len(set(first.records)) == 2
    assert Gallery(tasks).save(tmp_path / "kept") == first


def test_a_task_that_went_on_replaces_its_record(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    task_id = sandbox.add_task("a cat", size=SMALL)
    finished = client.retrieve(task_id)
    pending = Task(task_id, TaskStatus.PENDING, prompt="a cat", raw={"id": task_id})
    (before,) = Gallery(pending).save(tmp_path / "kept").records
    (after,) = Gallery(finished).save(tmp_path / "kept").records
    assert before == after
    assert json.loads(after.read_bytes())["record"] == shareable(finished.raw)


def test_files_of_an_earlier_time_stay_named_when_their_links_have_died(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path
) -> None:
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size=SMALL, images=2)]))
    first = gallery.save(tmp_path / "kept")
    first.paths[1].unlink()
    sandbox.faults.add("missing", on="downloads")
    second = gallery.save(tmp_path / "kept")
    assert len(second.failures) == 2
    assert json.loads(second.records[0].read_bytes())["files"] == [first.paths[0].name]
    assert first.paths[0].is_file()


def test_a_replaced_record_can_be_read_by_whom_the_first_could(tmp_path: Path) -> None:
    (record,) = Gallery(task_with(plain(), version=1)).save(tmp_path).records
    before = stat.S_IMODE(record.stat().st_mode)
    Gallery(task_with(plain(), version=2)).save(tmp_path)
    assert json.loads(record.read_bytes())["record"] == {"version": 2}
    assert stat.S_IMODE(record.stat().st_mode) == before


@pytest.mark.slow
def test_two_threads_can_save_into_one_directory(tmp_path: Path) -> None:
    tasks = [task_with(plain(600, 600, f"#0000{number:02x}"), f"p {number}", f"id-{number}") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: Gallery(tasks).save(tmp_path / "kept"), range(4)))
    assert all(report == reports[0] for report in reports)
    assert len(names_in(tmp_path / "kept")) == 40
    for path, task in zip(reports[0].paths, tasks, strict=True):
        assert same_pixels(path, task.images[0].data or b"")
        assert open_image(path).task_id == task.id


def test_progress_counts_each_image(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    progress: list[int] = []
    gallery = Gallery(client.retrieve_batch([sandbox.add_task(size=SMALL, images=3)]))
    gallery.save(tmp_path / "kept", on_progress=progress.append)
    assert progress == [1, 1, 1]


def test_the_home_directory_can_be_meant(tmp_path: Path) -> None:
    Gallery(task_with(plain())).save("~/kept")
    assert (tmp_path / "home" / "kept" / "a-cat-12345678-1.png").is_file()


@pytest.mark.parametrize("directory", ["taken", "taken/below"])
def test_a_file_where_the_directory_should_be(directory: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="a file is in its place"):
        Gallery(task_with(plain())).save(tmp_path / directory)
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("directory", ["a\0b", "~no-such-user-at-all/x", "x" * 300])
def test_a_directory_that_cannot_be(directory: str) -> None:
    with pytest.raises(UsageError, match=r"create the directory .+[^.]\. Choose another directory\."):
        Gallery(task_with(plain())).save(directory)


FULL_DISK = """
import sys
from seedream_nb import Gallery, Task
from seedream_nb.core.errors import UsageError
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.full_disk import limit_files
from tests.sample_images import noise, plain
from tests.gallery.strategies import task_with
limit_files(20_000)
tasks = [task_with(plain(), "small", "1"), task_with(noise(400, 400), "large", "2"), task_with(plain(50), "late", "3")]
try:
    Gallery(tasks, fetcher=ImageFetcher(FetchLimits(connections=1))).save(sys.argv[1])
except UsageError as error:
    print(error)
"""


def run_in_process(code: str, *arguments: str | Path) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
@pytest.mark.heavy
def test_a_full_disk_is_told_in_one_sentence_and_leaves_no_half_file(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    said = run_in_process(FULL_DISK, folder)
    assert said.startswith(f"Can't write to {folder}: File too large.")
    assert "the files saved so far stay" in said
    assert len(said.splitlines()) == 1
    assert same_pixels(folder / "small-1-1.png", plain())
    assert open_image(folder / "small-1-1.png").prompt == "small"
    assert not [name for name in names_in(folder) if name.startswith("large")]
    assert all(decode(path.read_bytes()) for path in folder.glob("*.png"))


READ_ONLY = """
import os, sys
from seedream_nb import Gallery
from seedream_nb.core.errors import UsageError
from tests.sample_images import plain
from tests.gallery.strategies import task_with
gallery = Gallery(task_with(plain()))
gallery.load()
if os.getuid() == 0:
    os.setuid(65534)
for directory in sys.argv[1:]:
    try:
        gallery.save(directory)
    except UsageError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the permissions of Windows are others")
@pytest.mark.heavy
def test_a_directory_that_may_not_be_written_to() -> None:
    said = run_in_process(READ_ONLY, "/", "/no-such-directory-here").splitlines()
    assert said[0].startswith("Can't write to /: ")
    assert said[1].startswith("Can't create the directory '/no-such-directory-here': ")
    assert len(said) == 2
    assert os.listdir("/").count("a-cat-12345678-1.png") == 0  # noqa: PTH208  as the reader would look


def test_the_fetcher_and_its_limits_are_used(image_host: ImageHost, tmp_path: Path) -> None:
    link = image_host.add("/a.png", plain(500, 500))
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),))
    report = save_tasks([task], tmp_path / "kept", ImageFetcher(FetchLimits(image_bytes=100)))
    assert [failure.image_number for failure in report.failures] == [1]
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".json"]
