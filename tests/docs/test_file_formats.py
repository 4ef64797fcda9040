"""The pages of the file formats have every table, column, and field that the code writes, and no other."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from seedream_nb import Gallery, Library, Markup
from seedream_nb.gallery.dataset_parts import LAYOUT, MANIFEST, Layout, manifest_name
from seedream_nb.gallery.dataset_parts import VERSION as DATASET_VERSION
from seedream_nb.images.provenance import KEY, MAX_PROMPT, Provenance
from seedream_nb.images.shapes import COLORS, MOST_SHAPES, MOST_TEXT, Kind
from seedream_nb.library import catalog_file, run_schema, schema
from seedream_nb.library.archive import MANIFEST as ARCHIVE_MANIFEST
from seedream_nb.library.exporting import FORMAT
from seedream_nb.library.exporting import VERSION as ARCHIVE_VERSION
from seedream_nb.library.ledger import PurchaseState
from seedream_nb.protocol.recorded_request import DELIVERY
from tests.sample_images import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb import SeedreamClient

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "file_formats"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
HEADING = re.compile(r"^##+ (?P<catalog>Catalog: )?`(?P<name>\w+)`$", re.MULTILINE)


def names_below(text: str) -> list[str]:
    """The names in the first column of the first table of a text."""
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert rows, "no table"
    return re.findall(r"^\| `([\w.]+)`", rows[0], re.MULTILINE)


def fields_at(page: str, place: str) -> set[str]:
    """The names in the table after a heading or a label."""
    _, found, rest = PAGES[page].partition(place)
    assert found, f"{place} is not on the page"
    return set(names_below(rest))


def tables_of(page: str, *, catalog: bool = False) -> dict[str, list[str]]:
    """The tables on a page with their columns."""
    text = PAGES[page]
    found = [match for match in HEADING.finditer(text) if bool(match["catalog"]) is catalog]
    return {match["name"]: names_below(text[match.end() :]) for match in found}


def tables_in(create: Callable[[sqlite3.Connection], object]) -> dict[str, list[str]]:
    """The tables of a new file with their columns, without those in which SQLite keeps a full-text index."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create(connection)
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for name in names
            if not name.startswith("words_")
        }


@pytest.mark.parametrize(
    ("page", "catalog", "create"),
    [
        ("library", False, schema.migrate),
        ("library", True, catalog_file._create_tables),
        ("runs", False, run_schema.create),
    ],
)
def test_a_page_has_all_tables_and_columns(
    page: str,
    catalog: bool,  # noqa: FBT001  one of two files on the page
    create: Callable[[sqlite3.Connection], object],
) -> None:
    assert tables_of(page, catalog=catalog) == tables_in(create)


def test_the_pages_have_the_versions() -> None:
    assert f"`PRAGMA user_version` is {schema.VERSION}." in PAGES["library"]
    assert f"`PRAGMA user_version` is {run_schema.VERSION}." in PAGES["runs"]
    assert f"| `format` | `{FORMAT}` |\n| `version` | {ARCHIVE_VERSION} |" in PAGES["archive"]
    assert PAGES["datasets"].count(f"| `version` | {DATASET_VERSION} |") == 2


def test_the_states_of_purchases_are_listed() -> None:
    line = next(line for line in PAGES["library"].splitlines() if line.startswith("| `state`"))
    assert re.findall(r"`([\w ]+)`", line)[1:] == [state.value for state in PurchaseState]


def test_an_archive_has_the_fields_of_the_page(client: SeedreamClient, tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    library.keep(client.generate("a white siamese cat", wait=True))
    library.tag(library.search(), "cats")
    library.save_collection("cats", "cat")
    library.export(tmp_path / "export")
    manifest = json.loads((tmp_path / "export" / ARCHIVE_MANIFEST).read_bytes())
    (task,) = [json.loads(path.read_bytes()) for path in (tmp_path / "export" / "tasks").iterdir()]
    assert set(manifest) == fields_at("archive", "## The manifest")
    assert set(task) == fields_at("archive", "## A task")
    for name in ("marks", "image_marks"):
        line = next(line for line in PAGES["archive"].splitlines() if line.startswith(f"| `{name}`"))
        marks = task[name] if name == "marks" else task[name][0]
        assert set(marks) == set(re.findall(r"`(\w+)`", line)[1:])


def test_saved_images_have_the_fields_of_the_page(client: SeedreamClient, tmp_path: Path) -> None:
    fields = {field.name for field in dataclasses.fields(Provenance)}
    assert fields == fields_at("saved_images", "(provenance-fields)=")
    report = Gallery(client.generate("a white siamese cat", wait=True)).save(tmp_path / "saved")
    record = json.loads(report.records[0].read_bytes())
    assert {*record, "error"} == fields_at("saved_images", "(saved-record-fields)=")
    assert f"`{KEY}`" in PAGES["saved_images"]
    assert f"{MAX_PROMPT:,} characters" in PAGES["saved_images"]


def test_a_dataset_has_the_fields_of_the_page(client: SeedreamClient, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    Gallery(client.generate("a white siamese cat", wait=True)).export_dataset(folder)
    record = json.loads((folder / "metadata.jsonl").read_bytes())
    assert set(record) - {"file_name"} == fields_at("datasets", "(dataset-columns)=")
    assert set(json.loads((folder / MANIFEST).read_bytes())) == fields_at("datasets", "(dataset-manifest-fields)=")
    part = json.loads((folder / manifest_name(0)).read_bytes())
    assert set(part) == fields_at("datasets", "(dataset-part-fields)=")
    assert {field.name for field in dataclasses.fields(Layout)} == set(json.loads((folder / LAYOUT).read_bytes()))
    line = next(line for line in PAGES["datasets"].splitlines() if line.startswith("| `layout.json`"))
    assert set(re.findall(r"`(\w+)`", line)) == set(part["layout"])


def test_the_shapes_of_a_markup_have_the_fields_of_the_page() -> None:
    (shape,) = json.loads(Markup(plain(400, 300)).pin(40, 150).to_json())
    assert set(shape) == fields_at("requests", "(markup-fields)=")
    for name in (*COLORS, *get_args(Kind), *DELIVERY):
        assert f"`{name}`" in PAGES["requests"]
    assert f"at most {MOST_TEXT} characters" in PAGES["requests"]
    assert f"from 1 to {MOST_SHAPES}" in PAGES["requests"]


def test_the_index_has_each_page() -> None:
    listed = PAGES["index"].partition("```{toctree}")[2].partition("```")[0].split()
    assert sorted(set(PAGES) - {"index"}) == sorted(set(listed) - {":maxdepth:", "1"})
