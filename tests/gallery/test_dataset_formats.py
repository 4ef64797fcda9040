"""Datasets, read back by the libraries that people read them with, and compared item by item."""

from __future__ import annotations

import gc
import io
import json
import math
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from seedream_nb import ImageError, TaskImage, UsageError
from seedream_nb.gallery.dataset_columns import ColumnFinder, Kind, format_row
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.images.conversion import convert_image
from seedream_nb.library.dataset_items import DatasetItem
from tests import sample_images
from tests.examples import examples
from tests.gallery.dataset_samples import tiny

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.images.conversion import ImageFormat

# Read when `datasets` is imported, which happens within the tests.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

RECORDS: list[dict[str, object]] = [
    {"prompt": "a white siamese cat", "seed": 7, "score": 1, "ok": True, "tags": ["a", "b"], "extra": None},
    {"prompt": '屋顶上的暹罗猫\n<b>"quoted"</b>', "seed": None, "score": 0.5, "ok": False, "tags": [], "late": "x"},
    {"prompt": "", "seed": 2**53 + 1, "score": math.nan, "ok": None, "tags": [None], "extra": None},
    {"prompt": "x" * 300, "seed": -1, "score": 3, "tags": None, "ok": True},
]
# What every reader must find: one type for each column, None for what is missing or no number.
READ: list[dict[str, object]] = [
    {"seed": 7, "score": 1.0, "ok": True, "tags": ["a", "b"], "extra": None, "late": None},
    {"seed": None, "score": 0.5, "ok": False, "tags": [], "extra": None, "late": "x"},
    {"seed": 2**53 + 1, "score": None, "ok": None, "tags": [None], "extra": None, "late": None},
    {"seed": -1, "score": 3.0, "ok": True, "tags": None, "extra": None, "late": None},
]
EXPECTED = [{"prompt": record["prompt"], **read} for record, read in zip(RECORDS, READ, strict=True)]


def items_of(records: Sequence[Mapping[str, object]], contents: Sequence[bytes] = ()) -> list[DatasetItem]:
    images = contents or [tiny(number) for number in range(len(records))]
    return [
        DatasetItem(TaskImage(f"task-{number}", data=content), record)
        for number, (record, content) in enumerate(zip(records, images, strict=True))
    ]


def load(format: str, folder: Path, cache: Path) -> Any:  # noqa: A002  as there
    import datasets  # noqa: PLC0415  slow

    datasets.disable_progress_bars()
    return datasets.load_dataset(format, data_dir=str(folder), cache_dir=str(cache), split="train")


def read_raw(dataset: Any) -> list[dict[str, Any]]:
    """The rows with the bytes of the images instead of decoded ones."""
    import datasets  # noqa: PLC0415  as above

    return list(dataset.cast_column("image", datasets.Image(decode=False)))


def bytes_of(image: Mapping[str, Any]) -> bytes:
    """The bytes of an image that is not decoded."""
    if image["bytes"] is not None:
        return bytes(image["bytes"])
    with open(image["path"], "rb") as file:  # noqa: PTH123  as the library gives it
        return file.read()


@pytest.mark.parametrize("format", ["imagefolder", "parquet"])
def test_datasets_reads_every_item(format: DatasetFormat, tmp_path: Path) -> None:  # noqa: A002
    items = items_of(RECORDS)
    export_dataset(items, tmp_path / "out", format=format, part_size=3)
    dataset = load(format, tmp_path / "out", tmp_path / "cache")
    rows = read_raw(dataset)
    assert [{name: row[name] for name in row if name != "image"} for row in rows] == EXPECTED
    assert [bytes_of(row["image"]) for row in rows] == [item.image.data for item in items]
    assert dataset[0]["image"].size == (16, 16)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_every_item(tmp_path: Path) -> None:
    import webdataset  # noqa: PLC0415  slow

    items = items_of(RECORDS)
    export_dataset(items, tmp_path / "out", format="webdataset", part_size=3)
    shards = sorted(str(path) for path in (tmp_path / "out").glob("*.tar"))
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))
    assert [sample["json"] for sample in samples] == EXPECTED
    assert [sample["__key__"] for sample in samples] == [f"task-{number}-1" for number in range(4)]
    assert samples[0]["jpg"].size == (16, 16)
    raw = webdataset.WebDataset(shards, shardshuffle=False).to_tuple("jpg")
    assert [content for (content,) in raw] == [item.image.data for item in items]
    rows = load("webdataset", tmp_path / "out", tmp_path / "cache")
    assert [row["json"]["prompt"] for row in rows] == [record["prompt"] for record in RECORDS]
    del rows, raw
    gc.collect()  # both readers leave files open


def test_pyarrow_reads_every_item(tmp_path: Path) -> None:
    items = items_of(RECORDS)
    export_dataset(items, tmp_path / "out", format="parquet", part_size=3)
    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert [{name: row[name] for name in row if name != "image"} for row in rows] == EXPECTED
    assert [row["image"] for row in rows] == [
        {"bytes": item.image.data, "path": f"task-{number}-1.jpg"} for number, item in enumerate(items)
    ]


def test_parquet_without_images_has_paths_and_links(tmp_path: Path) -> None:
    items = [
        DatasetItem(TaskImage("one", url="https://images.example/1.jpg"), {"n": 1}, "/library/1.jpg"),
        DatasetItem(TaskImage("two", url="https://images.example/2.jpg"), {"n": 2}),
    ]
    report = export_dataset(items, tmp_path / "out", format="parquet", with_images=False)
    assert report.images == 2
    assert parquet.read_table(tmp_path / "out").to_pylist() == [
        {"image": {"bytes": None, "path": "/library/1.jpg"}, "n": 1},
        {"image": {"bytes": None, "path": "https://images.example/2.jpg"}, "n": 2},
    ]


def test_mixed_columns_become_text_and_are_reported(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [
        {"mixed": 1, "object": {"a": [1, math.nan]}, "huge": 2**64, "list": [1, "a"]},
        {"mixed": "one", "object": None, "huge": 1, "list": []},
        {"mixed": True, "object": {"b": "屋"}, "huge": 2, "list": "none"},
    ]
    report = export_dataset(items_of(records), tmp_path / "out", format="parquet")
    rows = parquet.read_table(tmp_path / "out").to_pylist()
    assert [row["mixed"] for row in rows] == ["1", "one", "true"]
    assert [row["object"] for row in rows] == ['{"a": [1, null]}', None, '{"b": "屋"}']
    assert [row["huge"] for row in rows] == [str(2**64), "1", "2"]
    assert [row["list"] for row in rows] == ['[1, "a"]', "[]", "none"]
    assert "Written as text" in str(report)
    assert "mixed, object, huge, list" in str(report)


def test_names_that_loaders_reserve_get_a_suffix(tmp_path: Path) -> None:
    record = {"image": "i", "file_name": "f", "file_name_": "g", "photo_file_name": "p.jpg", "caption": "c"}
    report = export_dataset(items_of([record]), tmp_path / "out")
    (line,) = (tmp_path / "out/metadata.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "file_name": "images/000000/task-0-1.jpg",
        "image_": "i",
        "file_name_": "f",
        "file_name__": "g",
        "photo_file_name_": "p.jpg",
        "caption": "c",
    }
    assert line.startswith('{"file_name": ')
    assert "photo_file_name → photo_file_name_" in str(report)
    (row,) = read_raw(load("imagefolder", tmp_path / "out", tmp_path / "cache"))
    assert (row["image_"], row["photo_file_name_"]) == ("i", "p.jpg")


def test_tar_files_name_no_time_and_no_owner(tmp_path: Path) -> None:
    export_dataset(items_of(RECORDS), tmp_path / "out", format="webdataset")
    with tarfile.open(tmp_path / "out/data-000000.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members][:2] == ["task-0-1.jpg", "task-0-1.json"]
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(max_size=12), VALUES, max_size=4), min_size=1, max_size=4))
@examples(30)
def test_any_records_become_columns_of_one_type(records: list[dict[str, object]]) -> None:
    import pyarrow as arrow  # noqa: ICN001, PLC0415  with its own name, as in the code

    finder = ColumnFinder()
    for record in records:
        finder.add(record)
    columns = finder.find()
    assert len({column.name for column in columns}) == len(columns)
    rows = [json.loads(format_row(columns, record)) for record in records]
    for column in columns:
        values = [row[column.name] for row in rows]
        array = arrow.array(values)  # fails if they have several types
        assert array.to_pylist() == values
        if column.kind is Kind.INTEGER and not column.is_list:
            assert values == [record.get(column.source) for record in records]


@pytest.mark.parametrize(
    ("image_format", "extension", "pillow_format"),
    [("jpeg", "jpg", "JPEG"), ("png", "png", "PNG"), ("webp", "webp", "WEBP")],
)
def test_images_are_converted(image_format: ImageFormat, extension: str, pillow_format: str, tmp_path: Path) -> None:
    contents = [sample_images.translucent(300, 200), sample_images.noise(300, 200), sample_images.plain(30, 20)]
    export_dataset(items_of([{}] * 3, contents), tmp_path / "out", image_format=image_format, max_side=150)
    paths = sorted((tmp_path / "out/images/000000").iterdir())
    assert [path.name for path in paths] == [f"task-{number}-1.{extension}" for number in range(3)]
    opened = [Image.open(io.BytesIO(path.read_bytes())) for path in paths]
    assert [image.format for image in opened] == [pillow_format] * 3
    assert [image.size for image in opened] == [(150, 100), (150, 100), (30, 20)]
    assert opened[0].mode == ("RGB" if image_format == "jpeg" else "RGBA")


def test_what_is_as_wanted_is_copied_exactly() -> None:
    content = sample_images.noise(64, 48)
    assert convert_image(content) == (content, "jpg")
    assert convert_image(content, "jpeg", 64) == (content, "jpg")
    smaller, extension = convert_image(content, None, 32)
    assert (Image.open(io.BytesIO(smaller)).size, extension) == ((32, 24), "jpg")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_half_an_image_is_not_copied(image_format: str) -> None:
    content = sample_images.noise(64, 48, image_format=image_format)
    convert_image(content)
    with pytest.raises(ImageError, match="damaged"):
        convert_image(content[: len(content) // 2])
    with pytest.raises(ImageError, match="not a JPEG, PNG, or WebP image"):
        convert_image(b"<html>" + content)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "tfrecord"}, "not a dataset format"),
        ({"image_format": "gif"}, "not an image format"),
        ({"part_size": 0}, "part_size must be"),
        ({"part_size": True}, "part_size must be"),
        ({"max_side": 3}, "max_side must be"),
        ({"max_side": 1.5}, "max_side must be"),
        ({"with_images": False}, "needs the images"),
    ],
)
def test_an_invalid_option_writes_nothing(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        export_dataset(items_of(RECORDS), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
