"""Rows become checked requests, or one error that names every row with a problem; nothing is sent."""

import json
from pathlib import Path

import pytest

from seedream_nb import UsageError
from seedream_nb.client.run_requests import build_request, read_requests
from seedream_nb.client.run_settings import RunSettings, read_settings
from seedream_nb.client.tables import open_table


def test_a_template_over_columns() -> None:
    table = open_table({"color": ["red", "blue"], "background": ["oak", "sand"], "size": ["2K", None]})
    settings = read_settings(table, "a {color} mug on {background}", model="4.5")
    rows = list(read_requests(table, settings))
    assert [row.body for row in rows] == [
        {"model": "doubao-seedream-4-5-251128", "prompt": "a red mug on oak", "size": "2K", "async": True},
        {"model": "doubao-seedream-4-5-251128", "prompt": "a blue mug on sand", "async": True},
    ]
    stored = RunSettings.from_json(json.loads(json.dumps(settings.to_json())))
    assert [build_request(json.loads(json.dumps(row.cells)), stored) for row in rows] == [row.body for row in rows]
    assert (
        settings.describe(table.columns) == 'prompt: "a {color} mug on {background}" · model: 4.5 · size: column size'
    )


def test_every_bad_row_is_named() -> None:
    table = open_table([{"prompt": "" if number % 5 == 3 else "a cat"} for number in range(1, 70)])
    with pytest.raises(UsageError) as caught:
        list(read_requests(table, read_settings(table)))
    assert caught.value.message == "Rows 3, 8 and 12 others: the prompt is empty."


def test_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "cats.csv"
    file.write_text("prompt;seed\na cat;7\n", encoding="utf-8-sig")
    table = open_table(file)
    assert list(table) == [{"prompt": "a cat", "seed": "7"}]
    assert table.dtypes == {"prompt": "string", "seed": "Int64"}
