"""Datasets in buckets and at other addresses: a real S3 server with authentication, which can also be out of reach."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from pyarrow import parquet

from seedream_nb import ConnectionFailedError, SeedreamError, UsageError, verify_dataset
from seedream_nb.gallery.datasets import export_dataset
from tests.gallery.buckets import BUCKET, S3, BreakableWay, open_s3
from tests.gallery.dataset_samples import contents_of, make_originals, sample_items, tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.gallery.datasets import DatasetReport

COUNT = 9
FORMATS: list[DatasetFormat] = ["imagefolder", "webdataset", "parquet"]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with open_s3() as opened:
        yield opened


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_originals(tmp_path_factory.mktemp("originals"))


@pytest.fixture(autouse=True)
def _isolated_from_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys come from the options alone, and what is broken on purpose is not tried for long."""
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def export(
    originals: Path,
    target: str | Path,
    way: S3 | None = None,
    *,
    format: DatasetFormat = "imagefolder",  # noqa: A002
) -> DatasetReport:
    return export_dataset(
        sample_items(COUNT, originals),
        target,
        format=format,
        part_size=3,
        storage_options=way.options if way else None,
    )


def read_all(address: str, options: dict[str, Any]) -> dict[str, bytes]:
    """Everything below an address, as any other program reads it."""
    system, root = fsspec.url_to_fs(address, **options)
    system.invalidate_cache()
    return {path.removeprefix(root).lstrip("/"): system.cat_file(path) for path in system.find(root)}


def checksums_of(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def images_in(files: dict[str, bytes], format: DatasetFormat) -> list[bytes]:  # noqa: A002
    if format == "imagefolder":
        rows = [json.loads(line) for line in files["metadata.jsonl"].splitlines()]
        return [files[row["file_name"]] for row in rows]
    if format == "webdataset":
        images = []
        for name in sorted(name for name in files if name.endswith(".tar")):
            with tarfile.open(fileobj=io.BytesIO(files[name])) as tar:
                members = [tar.extractfile(one) for one in tar if one.name.endswith(".jpg")]
                images += [member.read() for member in members if member]
        return images
    tables = [parquet.read_table(io.BytesIO(files[name])) for name in sorted(files) if name.endswith(".parquet")]
    return [cell["bytes"] for table in tables for cell in table["image"].to_pylist()]


@pytest.mark.parametrize("format", FORMATS)
def test_a_bucket_gets_the_same_files_as_a_folder(
    s3: S3,
    originals: Path,
    tmp_path: Path,
    format: DatasetFormat,  # noqa: A002
) -> None:
    report = export(originals, f"s3://{BUCKET}/same/{format}", s3, format=format)
    export(originals, tmp_path / "folder", format=format)
    files = read_all(f"s3://{BUCKET}/same/{format}", s3.options)
    assert checksums_of(files) == contents_of(tmp_path / "folder")
    assert images_in(files, format) == [tiny(number) for number in range(COUNT)]
    assert (report.images, report.parts, report.new_parts) == (COUNT, 3, 3)
    assert report.target == f"s3://{BUCKET}/same/{format}"
    again = export(originals, f"s3://{BUCKET}/same/{format}", s3, format=format)
    assert (again.images, again.new_parts) == (COUNT, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_verify_finds_what_has_changed_in_a_bucket(s3: S3, originals: Path, format: DatasetFormat) -> None:  # noqa: A002
    address = f"s3://{BUCKET}/verified/{format}"
    export(originals, address, s3, format=format)
    verified = verify_dataset(address, storage_options=s3.options)
    assert (verified.is_intact, verified.extra) == (True, ())
    system, root = fsspec.url_to_fs(address, **s3.options)
    first, second, *_ = sorted(name for name in system.find(root) if name.endswith((".jpg", ".tar", ".parquet")))
    system.pipe_file(first, b"something else")
    system.rm_file(second)
    found = verify_dataset(address, storage_options=s3.options)
    assert (found.changed, found.missing) == ((first.removeprefix(f"{root}/"),), (second.removeprefix(f"{root}/"),))
    assert export(originals, address, s3, format=format).new_parts in {1, 2}
    assert verify_dataset(address, storage_options=s3.options).is_intact


def test_without_the_bucket_there_is_one_clear_error(s3: S3, originals: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^Can't \w+ (to )?s3://no-such-bucket/cats: .*bucket does not exist"
    ) as caught:
        export(originals, "s3://no-such-bucket/cats", s3)
    assert caught.value.hint == "Create the bucket first, or check its name."
    s3.create_bucket("no-such-bucket")
    assert export(originals, "s3://no-such-bucket/cats", s3).new_parts == 3


@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_refused_keys_are_one_clear_error(s3: S3, originals: Path, wrong: str) -> None:
    refused = s3.with_keys(
        "AKIANOSUCHKEY00000000" if wrong == "key" else s3.keys.key,
        "a-secret-that-is-wrong" if wrong == "secret" else s3.keys.secret,
    )
    address = f"s3://{BUCKET}/refused/{wrong}"
    with pytest.raises(UsageError, match=rf"^Can't \w+ (to )?{address}: ") as caught:
        export(originals, address, refused)
    assert caught.value.hint == "Check the permissions, and the keys if it needs any."
    assert_no_secret(str(caught.value), refused)
    assert export(originals, address, s3).new_parts == 3


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_connection_is_one_clear_error_and_the_same_line_finishes(
    s3: S3,
    originals: Path,
    tmp_path: Path,
    format: DatasetFormat,  # noqa: A002
) -> None:
    export(originals, tmp_path / "undisturbed", format=format)
    address = f"s3://{BUCKET}/broken/{format}"
    with BreakableWay(s3.endpoint) as whole:
        export(originals, f"{address}-whole", s3.at(whole.endpoint), format=format)
    with BreakableWay(s3.endpoint, breaks_after=whole.passed // 2) as way:
        with pytest.raises(ConnectionFailedError, match=rf"^Can't \w+ (to )?{address}: ") as caught:
            export(originals, address, s3.at(way.endpoint), format=format)
        assert "Run the same line again" in str(caught.value.hint)
        assert_no_secret(str(caught.value), s3)
        with pytest.raises(UsageError, match="no finished export"):
            verify_dataset(address, storage_options=s3.options)
        way.repair()
        report = export(originals, address, s3.at(way.endpoint), format=format)
    assert 0 < report.new_parts < report.parts
    assert checksums_of(read_all(address, s3.options)) == contents_of(tmp_path / "undisturbed")
    assert verify_dataset(address, storage_options=s3.options).is_intact


def test_a_server_out_of_reach_is_one_clear_error(s3: S3, originals: Path) -> None:
    with BreakableWay(s3.endpoint, breaks_after=0) as way, pytest.raises(ConnectionFailedError) as caught:
        export(originals, f"s3://{BUCKET}/away", s3.at(way.endpoint))
    assert_no_secret(str(caught.value), s3)


def test_keys_are_in_no_report_and_in_no_file(s3: S3, originals: Path) -> None:
    address = f"s3://{BUCKET}/secret"
    report = export(originals, address, s3)
    verification = verify_dataset(address, storage_options=s3.options)
    assert_no_secret(f"{report}{report!r}{verification}{verification!r}", s3)
    for name, content in read_all(address, s3.options).items():
        assert_no_secret(name + content.decode("latin-1"), s3)


def assert_no_secret(text: str, way: S3) -> None:
    assert way.keys.secret not in text
    assert way.keys.key not in text


@pytest.mark.parametrize("format", FORMATS)
def test_memory_and_files_by_address(originals: Path, tmp_path: Path, format: DatasetFormat) -> None:  # noqa: A002
    export(originals, f"file://{tmp_path}/files", format=format)
    export(originals, f"memory://{format}", format=format)
    expected = contents_of(tmp_path / "files")
    assert checksums_of(read_all(f"memory://{format}", {})) == expected
    assert verify_dataset(f"memory://{format}").is_intact
    assert verify_dataset(f"file://{tmp_path}/files").is_intact
    fsspec.filesystem("memory").rm(f"/{format}", recursive=True)


@pytest.mark.parametrize(("address", "package"), [("gs://photos/cats", "gcsfs"), ("s3://photos/cats", "s3fs")])
def test_a_missing_package_is_named(
    originals: Path, monkeypatch: pytest.MonkeyPatch, address: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    loaded = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(loaded, address.partition(":")[0], raising=False)
    with pytest.raises(UsageError) as caught:
        export(originals, address)
    assert caught.value.hint == f"pip install {package}"


def test_an_unknown_kind_of_address_is_one_clear_error(originals: Path) -> None:
    with pytest.raises(SeedreamError, match=r"^nowhere:// is not a known kind of address\."):
        export(originals, "nowhere://photos/cats")
