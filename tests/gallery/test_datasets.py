"""Exporting a dataset: what is written, continued, rejected, replaced, and verified; on this machine."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import DatasetReport, ExportIncompleteError, Gallery, Task, TaskImage, UsageError, verify_dataset
from seedream_nb.core.models import TaskStatus
from seedream_nb.gallery.dataset_formats import write_part
from seedream_nb.gallery.dataset_parts import Layout, Part, find_parts
from seedream_nb.gallery.dataset_target import Target
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.library.dataset_items import DatasetItem
from tests.gallery.dataset_samples import contents_of, make_originals, sample_items, tiny
from tests.scripted_server import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from tests.gallery.image_host import ImageHost

FORMATS: list[DatasetFormat] = ["imagefolder", "webdataset", "parquet"]
COUNT = 12
SIZE = 5  # of a part


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_originals(tmp_path_factory.mktemp("originals"))


def export(originals: Path, target: str | Path, count: int = COUNT, **options: Any) -> DatasetReport:
    return export_dataset(sample_items(count, originals), target, **{"part_size": SIZE, **options})


def records_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text("utf-8").splitlines()]


def modified_at(folder: Path) -> dict[str, int]:
    """When each file of a dataset was written, except those that every export writes."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"metadata.jsonl", "manifest.json", "layout.json"}
    }


class Stopped(BaseException):
    """Stops an export, as an interrupt does."""


def stop_after(count: int) -> Callable[[int], None]:
    finished = 0

    def count_items(number: int) -> None:
        nonlocal finished
        finished += number
        if finished >= count:
            raise Stopped

    return count_items


# What is written.


def test_an_image_folder_has_files_and_records(originals: Path, tmp_path: Path) -> None:
    report = export(originals, tmp_path / "out", 7)
    assert (report.images, report.files, report.parts, report.new_parts) == (7, 8, 2, 2)
    assert str(report) == f"7 images ({report.size / 1000:.1f} KB, imagefolder) in {tmp_path / 'out'}"
    rows = records_in(tmp_path / "out")
    assert [list(row) for row in rows] == [["file_name", "prompt", "seed", "price"]] * 7
    assert [row["seed"] for row in rows] == list(range(7))
    assert [(tmp_path / "out" / row["file_name"]).read_bytes() for row in rows] == [tiny(one) for one in range(7)]


def test_a_part_needs_nothing_but_itself_and_its_target(originals: Path, tmp_path: Path) -> None:
    part = Part(3, tuple(sample_items(2, originals)), Layout(), ())
    copy, target = pickle.loads(pickle.dumps((part, Target.parse(tmp_path / "out"))))  # noqa: S301
    result = write_part(copy, target)
    assert (result.number, result.images, result.was_written) == (3, 2, True)
    assert write_part(part, target).was_written is False
    assert find_parts(target) == [3]


def keys_of(*images: TaskImage) -> list[str]:
    return Part(0, tuple(DatasetItem(image, {}) for image in images), Layout(), ()).keys


def test_names_tell_the_task_and_the_number() -> None:
    assert keys_of(TaskImage("abc", 1), TaskImage("abc", 0)) == ["abc-2", "abc-1"]
    assert keys_of(TaskImage("ABC-1"), TaskImage("abc-1")) == ["abc-1-1", "abc-1-1-2"]


@pytest.mark.parametrize("task_id", ["../../etc/passwd", "a.b", "x" * 300, "屋顶", "", "\ud800", "-"])
def test_odd_ids_make_no_bad_names(task_id: str) -> None:
    image = TaskImage(task_id, url="https://images.example/1.jpg?signature=1")
    (key,) = keys_of(image)
    assert set(key) <= set("0123456789abcdef-")
    assert len(key) < 40
    later = TaskImage(task_id, url="https://images.example/1.jpg?signature=2")
    assert keys_of(later) == [key], "another signature is not another image"


def test_equal_images_of_different_rows_stay_two_items(originals: Path, tmp_path: Path) -> None:
    item = next(sample_items(1, originals))
    twins = [DatasetItem(item.image, {"row": row}, item.original, item.checksum) for row in (1, 2)]
    assert export_dataset(twins, tmp_path / "out").images == 2
    assert [row["row"] for row in records_in(tmp_path / "out")] == [1, 2]
    assert len(list((tmp_path / "out/images/000000").iterdir())) == 2


def test_no_items_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no images to export"):
        export_dataset([], tmp_path / "out")
    with pytest.raises(UsageError, match="no images to export"):
        Gallery([Task("an-id", TaskStatus.PENDING)]).export_dataset(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_items_are_read_once_and_as_they_come(originals: Path, tmp_path: Path) -> None:
    def endless() -> Iterator[DatasetItem]:
        yield from sample_items(7, originals)
        raise LookupError("the source broke")

    with pytest.raises(LookupError):
        export_dataset(endless(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Continuing.


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("after", [1, SIZE, SIZE + 1, COUNT])
def test_a_stopped_export_is_continued(format: DatasetFormat, after: int, originals: Path, tmp_path: Path) -> None:  # noqa: A002
    export(originals, tmp_path / "whole", format=format)
    with pytest.raises(Stopped):
        export(originals, tmp_path / "out", format=format, on_progress=stop_after(after))
    finished = modified_at(tmp_path / "out") if after > SIZE else {}
    report = export(originals, tmp_path / "out", format=format)
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")
    now = modified_at(tmp_path / "out")
    kept = [name for name in finished if "000000" in name]
    assert [now[name] for name in kept] == [finished[name] for name in kept]
    assert report.new_parts == 3 - (after - 1) // SIZE
    assert verify_dataset(tmp_path / "out").is_intact


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_export_again_writes_nothing_new(format: DatasetFormat, originals: Path, tmp_path: Path) -> None:  # noqa: A002
    export(originals, tmp_path / "out", format=format)
    before, contents = modified_at(tmp_path / "out"), contents_of(tmp_path / "out")
    seen: list[int] = []
    report = export(originals, tmp_path / "out", format=format, on_progress=seen.append)
    assert (report.images, report.new_parts, sum(seen)) == (COUNT, 0, COUNT)
    assert modified_at(tmp_path / "out") == before
    assert contents_of(tmp_path / "out") == contents


@pytest.mark.parametrize("format", FORMATS)
def test_more_items_are_added(format: DatasetFormat, originals: Path, tmp_path: Path) -> None:  # noqa: A002
    export(originals, tmp_path / "whole", COUNT + 5, format=format)
    export(originals, tmp_path / "out", COUNT, format=format)
    first = {name: time for name, time in modified_at(tmp_path / "out").items() if "00000" in name and "2" not in name}
    report = export(originals, tmp_path / "out", COUNT + 5, format=format)
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")
    assert (report.images, report.new_parts) == (COUNT + 5, 2)
    now = modified_at(tmp_path / "out")
    assert {name: now[name] for name in first} == first


def test_what_comes_later_fills_its_place_and_renews_its_part_only(originals: Path, tmp_path: Path) -> None:
    items = [dataclasses.replace(item, place=place) for place, item in enumerate(sample_items(COUNT, originals))]
    late = {1, *range(SIZE, 2 * SIZE)}
    early = [item for item in items if item.place not in late]
    for format in FORMATS:  # noqa: A001
        assert export_dataset(early, tmp_path / format, part_size=SIZE, format=format).parts == 2
        assert verify_dataset(tmp_path / format).is_intact
        report = export_dataset(items, tmp_path / format, part_size=SIZE, format=format)
        export(originals, tmp_path / f"{format}-whole", format=format)
        assert contents_of(tmp_path / format) == contents_of(tmp_path / f"{format}-whole")
        assert (report.parts, report.new_parts) == (3, 2)
        with pytest.raises(UsageError, match="its image 2 is not in the same place"):
            export_dataset(early, tmp_path / format, part_size=SIZE, format=format)
    with pytest.raises(UsageError, match="not in the order of their places"):
        export_dataset(items[::-1], tmp_path / "reversed")


def test_a_new_column_renews_the_parts_that_hold_records(originals: Path, tmp_path: Path) -> None:
    items = list(sample_items(COUNT, originals))
    more = [*items, DatasetItem(TaskImage("late", data=tiny(9)), {"prompt": "late", "note": "new"})]
    for format in FORMATS:  # noqa: A001
        export_dataset(items, tmp_path / format, part_size=SIZE, format=format)
        report = export_dataset(more, tmp_path / format, part_size=SIZE, format=format)
        export_dataset(more, tmp_path / f"{format}-whole", part_size=SIZE, format=format)
        assert contents_of(tmp_path / format) == contents_of(tmp_path / f"{format}-whole")
        assert report.new_parts == (1 if format == "imagefolder" else 3)


def test_a_lost_file_is_written_again(originals: Path, tmp_path: Path) -> None:
    for format, name in zip(FORMATS, ("images/000001", "data-000001.tar", "data/part-000001.parquet"), strict=True):  # noqa: A001
        export(originals, tmp_path / format, format=format)
        before = contents_of(tmp_path / format)
        lost = tmp_path / format / name
        (sorted(lost.iterdir())[2] if lost.is_dir() else lost).unlink()
        assert export(originals, tmp_path / format, format=format).new_parts == 1
        assert contents_of(tmp_path / format) == before


def test_other_files_are_left_alone(originals: Path, tmp_path: Path) -> None:
    mine = {"README.md": b"mine", "images/mine.jpg": b"mine", ".hidden": b"mine", "data/mine.csv": b"mine"}
    for format in FORMATS:  # noqa: A001
        folder = tmp_path / "out"
        for name, content in mine.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        export(originals, folder, format=format, overwrite=True)
        assert {name: (folder / name).read_bytes() for name in mine} == mine
        assert set(verify_dataset(folder).extra) == set(mine)
    export(originals, folder, 3, overwrite=True)
    assert {name: (folder / name).read_bytes() for name in mine} == mine


# Another export.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "parquet"}, "another export, with format='imagefolder'"),
        ({"part_size": 4}, "another export, with part_size=5"),
        ({"image_format": "png", "max_side": 16}, "another export, with image_format=None, max_side=None"),
        ({"count": 3}, "another export: its image 4 is not in the same place of this export"),
        ({"count": 5}, "another export, with more images"),
    ],
)
def test_another_export_is_an_error(options: dict[str, Any], sentence: str, originals: Path, tmp_path: Path) -> None:
    export(originals, tmp_path / "out")
    before = contents_of(tmp_path / "out")
    with pytest.raises(UsageError, match=sentence) as caught:
        export(originals, tmp_path / "out", **options)
    assert "overwrite=True" in (caught.value.hint or "")
    assert contents_of(tmp_path / "out") == before
    export(originals, tmp_path / "out", **options, overwrite=True)
    export(originals, tmp_path / "fresh", **options)
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "fresh")


def test_other_items_at_the_same_place_are_an_error(originals: Path, tmp_path: Path) -> None:
    items = list(sample_items(COUNT, originals))
    export_dataset(items, tmp_path / "out", part_size=SIZE)
    other = [*items[:7], *items[8:]]
    with pytest.raises(UsageError, match="its image 8 is not in the same place of this export"):
        export_dataset(other, tmp_path / "out", part_size=SIZE)
    export_dataset(other, tmp_path / "out", part_size=SIZE, overwrite=True)
    export_dataset(other, tmp_path / "fresh", part_size=SIZE)
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["metadata.jsonl", "images/000000/mine.jpg"])
def test_a_file_of_somebody_else_is_not_replaced(name: str, originals: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"has a file that this export would replace"):
        export(originals, tmp_path / "out")
    assert contents_of(tmp_path / "out").keys() == {name}


def test_a_stopped_export_of_another_format_leaves_nothing(originals: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        export(originals, tmp_path / "out", on_progress=stop_after(7))
    with pytest.raises(UsageError, match="format='imagefolder'"):
        export(originals, tmp_path / "out", format="webdataset")
    export(originals, tmp_path / "out", format="webdataset", overwrite=True)
    export(originals, tmp_path / "fresh", format="webdataset")
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "fresh")


# Failures.


@pytest.mark.parametrize("format", FORMATS)
def test_an_image_that_fails_fails_alone(format: DatasetFormat, originals: Path, tmp_path: Path) -> None:  # noqa: A002
    shutil.copytree(originals, tmp_path / "originals")
    items = list(sample_items(COUNT, tmp_path / "originals"))
    (tmp_path / "originals/3.jpg").unlink()
    (tmp_path / "originals/8.jpg").write_bytes(b"damaged")
    with pytest.raises(ExportIncompleteError, match="2 of 12 images could not be exported") as caught:
        export_dataset(items, tmp_path / "out", part_size=SIZE, format=format)
    assert "same line again" in (caught.value.hint or "")
    report = caught.value.report
    assert report is not None
    assert (report.images, report.failed) == (10, 2)
    assert [number for number, _, _ in report.failures] == [4, 9]
    assert "can't be read" in report.failures[0][2]
    assert "damaged" in report.failures[1][2]
    assert verify_dataset(tmp_path / "out").is_intact
    for number in (3, 8):
        (tmp_path / f"originals/{number}.jpg").write_bytes(tiny(number))
    assert export_dataset(items, tmp_path / "out", part_size=SIZE, format=format).new_parts == 2
    export(originals, tmp_path / "whole", format=format)
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")


def test_images_come_from_their_links(image_host: ImageHost, tmp_path: Path) -> None:
    for number in range(4):
        image_host.add(f"/{number}.jpg", tiny(number))
    image_host.answers["/1.jpg"] = Answer(b"", 403)
    image_host.answers["/2.jpg"] = Answer(b"<html>sorry</html>", 200, {"Content-Type": "text/html"})
    items = list(sample_items(4, None, host=image_host.url))
    items = [DatasetItem(item.image, item.record) for item in items]
    with pytest.raises(ExportIncompleteError, match="2 of 4 images") as caught:
        export_dataset(items, tmp_path / "out")
    assert "HTTP 403" in str(caught.value.report)
    assert "not a JPEG, PNG, or WebP image" in str(caught.value.report)
    received = len(image_host.received)
    for number in (1, 2):
        image_host.add(f"/{number}.jpg", tiny(number))
    assert export_dataset(items, tmp_path / "out").images == 4
    assert sorted(image_host.paths[received:]) == ["/1.jpg", "/2.jpg"], "the others are not downloaded again"
    assert not any("Authorization" in one.headers for one in image_host.received)


def test_a_lost_original_is_downloaded(image_host: ImageHost, originals: Path, tmp_path: Path) -> None:
    link = image_host.add("/0.jpg", tiny(0))
    (item,) = sample_items(1, originals)
    lost = DatasetItem(TaskImage("a", url=link), {}, str(tmp_path / "gone.jpg"), item.checksum)
    assert export_dataset([lost], tmp_path / "out").images == 1
    image_host.add("/0.jpg", tiny(1))
    with pytest.raises(ExportIncompleteError, match="another image now"):
        export_dataset([lost], tmp_path / "other")


def run_limited(script: str, limit: int) -> subprocess.CompletedProcess[str]:
    """Runs a script in a process whose files cannot grow beyond some bytes, as on a full disk."""
    begin = f"""
        import sys
        from pathlib import Path
        from tests.full_disk import limit_files
        limit_files({limit})
        from seedream_nb.gallery.datasets import export_dataset
        from tests.gallery.dataset_samples import sample_items
    """
    command = [sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(script)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[2]
    )


def test_a_full_disk_is_one_clear_error_and_can_be_continued(originals: Path, tmp_path: Path) -> None:
    script = f"""
        from seedream_nb import ExportIncompleteError
        try:
            export_dataset(sample_items(12, Path({str(originals)!r})), {str(tmp_path / "out")!r}, part_size=5,
                           format="webdataset")
        except ExportIncompleteError as error:
            print(error)
    """
    result = run_limited(script, 8_000)
    assert result.stderr == ""
    assert "File too large" in result.stdout
    assert "Run the same line again" in result.stdout
    export(originals, tmp_path / "out", format="webdataset")
    export(originals, tmp_path / "whole", format="webdataset")
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")


def test_a_full_folder_for_temporary_files_is_one_clear_error(originals: Path, tmp_path: Path) -> None:
    script = f"""
        from seedream_nb import ExportIncompleteError
        try:
            export_dataset(sample_items(216, Path({str(originals)!r})), {str(tmp_path / "out")!r})
        except ExportIncompleteError as error:
            print(error)
    """
    result = run_limited(script, 5_000)
    assert result.stderr == ""
    assert "folder for temporary files" in result.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "sentence", "hint"),
    [
        ("nosuch://bucket/x", "nosuch:// is not a known kind of address", "s3://"),
        ("", "target of the dataset is empty", "folder"),
        ("file.txt", "Not a directory", "another folder"),
        ("file.txt/inside", "Not a directory", "another folder"),
        ("/proc/nowhere", "No such file or directory", "another folder"),
        ("x" * 300, "File name too long", "another folder"),
        ("nul\0byte", "null ", "Check the address"),
        ("abfs://user:secret@host/x", "Install adlfs", "pip install adlfs"),
    ],
)
def test_an_impossible_target_is_one_clear_error(
    target: str, sentence: str, hint: str, originals: Path, tmp_path: Path
) -> None:
    Path("file.txt").write_text("mine")
    with pytest.raises(UsageError) as caught:
        export(originals, target)
    assert sentence in caught.value.message
    assert hint in (caught.value.hint or "")
    assert "secret" not in str(caught.value)
    assert Path("file.txt").read_text() == "mine"
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["file.txt"]
    assert tmp_path.is_dir()


def test_parquet_without_pyarrow_says_what_to_install(originals: Path, tmp_path: Path) -> None:
    script = f"""
        import sys
        sys.modules["pyarrow"] = None
        from pathlib import Path
        from seedream_nb import UsageError
        from seedream_nb.gallery.datasets import export_dataset
        from tests.gallery.dataset_samples import sample_items
        items = list(sample_items(1, Path({str(originals)!r})))
        try:
            export_dataset(items, {str(tmp_path / "out")!r}, format="parquet")
        except UsageError as error:
            print(error)
        export_dataset(items, {str(tmp_path / "out")!r}, format="webdataset")
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert result.stderr == ""
    assert 'pip install "seedream_nb[datasets]"' in result.stdout


# Verifying.


def test_verifying_finds_what_is_missing_changed_and_extra(originals: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(originals, folder)
    report = verify_dataset(folder)
    assert (report.is_intact, report.files, report.extra) == (True, COUNT + 1, ())
    assert "verified" in str(report)
    before = contents_of(folder)
    (folder / "images/000000/task-000000-1.jpg").unlink()
    (folder / "images/000001/task-000006-1.jpg").write_bytes(tiny(200))
    (folder / "images/000001/copy.jpg").write_bytes(tiny(7))
    (folder / ".seedream/parts/000002.json").unlink()
    report = verify_dataset(folder)
    assert not report.is_intact
    assert report.missing == (".seedream/parts/000002.json", "images/000000/task-000000-1.jpg")
    assert report.changed == ("images/000001/task-000006-1.jpg",)
    assert "images/000001/copy.jpg" in report.extra
    assert "delete the changed files and export again" in str(report)
    for name in (*report.changed, *report.extra):
        (folder / name).unlink()
    export(originals, folder)
    assert contents_of(folder) == before


@pytest.mark.parametrize("format", ["webdataset", "parquet"])
def test_verifying_reads_every_byte(format: DatasetFormat, originals: Path, tmp_path: Path) -> None:  # noqa: A002
    export(originals, tmp_path / "out", format=format)
    (shard,) = (tmp_path / "out").rglob("*-000001.*")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    seen: list[int] = []
    report = verify_dataset(tmp_path / "out", on_progress=seen.append)
    assert report.changed == (shard.relative_to(tmp_path / "out").as_posix(),)
    assert len(seen) == 3


def test_only_a_finished_export_can_be_verified(originals: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished export"):
        verify_dataset(tmp_path)
    with pytest.raises(Stopped):
        export(originals, tmp_path / "out", on_progress=stop_after(7))
    with pytest.raises(UsageError, match="no finished export"):
        verify_dataset(tmp_path / "out")
    export(originals, tmp_path / "out")
    (tmp_path / "out/.seedream/manifest.json").write_text("[]")
    with pytest.raises(UsageError, match="damaged"):
        verify_dataset(tmp_path / "out")


# From a gallery.


def test_a_gallery_without_a_library_exports_what_it_has(image_host: ImageHost, tmp_path: Path) -> None:
    link = image_host.add("/1.jpg", tiny(1))
    images = (TaskImage("a", 0, url=link, prompt="linked"), TaskImage("a", 1, data=tiny(2), prompt="inline"))
    gallery = Gallery(Task("a", TaskStatus.SUCCEEDED, images), library="off")
    assert gallery.export_dataset(tmp_path / "out").images == 2
    assert [(row["prompt"], row["place"]) for row in records_in(tmp_path / "out")] == [("linked", 0), ("inline", 1)]
    assert link not in (tmp_path / "out/metadata.jsonl").read_text()
