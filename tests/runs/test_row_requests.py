"""Rows become checked requests, or one error that names every row with a problem before anything is sent."""

import hashlib
import json
import tracemalloc
import warnings
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedream_nb import Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, UnknownModelWarning, UsageError
from seedream_nb.client.request_identity import checksum_of_data, identify
from seedream_nb.runs.row_requests import PlannedRow, RequestBuilder, read_requests
from seedream_nb.runs.run_settings import RunSettings, read_settings
from seedream_nb.runs.tables import open_table
from tests.examples import examples
from tests.sample_images import decode, noise, plain

LITE, FOUR_FIVE = "doubao-seedream-5-0-lite-260128", "doubao-seedream-4-5-251128"
THIRD = "doubao-seedream-3-0-t2i-250415"


def plan(source: object, prompt: str | None = None, *, folder: Path | None = None, **options: Any) -> list[PlannedRow]:
    """The requests of a table; each is the same when it is built again from what was stored."""

    def store(content: bytes) -> str:
        assert folder
        path = folder / f"{hashlib.sha256(content).hexdigest()[:8]}.png"
        path.write_bytes(content)
        return str(path)

    table = open_table(source)
    chosen = read_settings(table, prompt, store_reference=store, **options)
    rows = list(read_requests(table, chosen, store_reference=store))
    stored = RunSettings.from_json(json.loads(json.dumps(chosen.to_json())))
    assert stored == chosen
    for row in rows:
        body = RequestBuilder(stored).build(json.loads(json.dumps(row.cells)))
        assert {name: value for name, value in body.items() if name != "image"} == row.body
        assert identify(body, identify_image) == row.identify()
    return rows


def identify_image(reference: str) -> dict[str, str]:
    return {"sha256": checksum_of_data(reference)} if reference.startswith("data:") else {"link": reference}


def prompts(source: object, prompt: str | None = None, **options: Any) -> list[object]:
    return [row.body.get("prompt") for row in plan(source, prompt, **options)]


def values(source: object, name: str, prompt: str | None = None, **options: Any) -> list[object]:
    return [row.body.get(name) for row in plan(source, prompt, **options)]


def message_of(source: object, prompt: str | None = None, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        plan(source, prompt, **options)
    assert "nothing was sent" in str(caught.value).lower()
    return caught.value.message


# Prompts


def test_a_template_over_columns() -> None:
    table = {"color": ["red", "blue"], "background": ["oak", "sand"], "n": [1.0, 2.5]}
    assert prompts(table, "{n} {{a}} {color} mug on {background}") == [
        "1 {a} red mug on oak",
        "2.5 {a} blue mug on sand",
    ]


def test_a_column_in_the_prompt_is_no_option() -> None:
    assert values({"size": ["small", "large"]}, "size", "a {size} cat") == [None, None]


def test_a_prompt_is_a_column_of_that_name() -> None:
    assert prompts([{"text": "a {cat}", "prompt": "no"}], "text") == ["a {cat}"]
    assert prompts([{"prompt": "a {cat}"}]) == ["a {cat}"]
    assert prompts([{"Product Name": "mug"}], "a {Product Name}") == ["a mug"]
    assert prompts([{"seed": 1}, {"seed": 2}], "a cat", model="4.5", seed=None, strict=False) == ["a cat"] * 2


@pytest.mark.parametrize(
    ("source", "prompt", "expected"),
    [
        ([{"prompt": 1}], "promt", "There is no column 'promt'. Did you mean 'prompt'?"),
        ([{"Product Name": 1}], "product_name", "There is no column 'product_name'. Did you mean 'Product Name'?"),
        ([{"color": 1}], "a {colr} cat", "There is no column 'colr'. Did you mean 'color'?"),
        ([{"color": 1}], "a {0} cat", "There is no column '0'. Columns: color."),
        ([{"color": 1}], "a {} cat", "There is no column ''. Columns: color."),
        ([{"color": 1}], "a {color:>5} cat", "There is no column 'color:>5'. Did you mean 'color'?"),
        ([{"color": 1}], "a {color cat", "The brace at '{color cat' stands alone."),
        (
            [{"color": 1}],
            "a cat",
            "Every row would get the same request, because no column is used. Columns: color.",
        ),
        ([{"color": 1}], None, "There is no prompt: the table has no column named prompt. Columns: color."),
        ([{"color": 1}], " ", "The prompt is empty."),
        ([{"color": 1}], 7, "The prompt must be text, not int."),
        (
            [dict.fromkeys("abcdefghij", 1)],
            "{x}",
            "There is no column 'x'. Columns: a, b, c, d, e, f, g, h, and 2 others.",
        ),
    ],
)
def test_a_prompt_that_is_unclear(source: object, prompt: Any, expected: str) -> None:
    assert message_of(source, prompt) == expected


def test_one_word_is_a_prompt_if_no_column_is_similar() -> None:
    assert prompts([{"image": "https://example.org/1.png"}], "cat") == ["cat"]
    assert prompts([{"image": "https://example.org/1.png", "cat": 1}], "a cat") == ["a cat"]


# Problems of rows


def test_every_row_with_a_problem_is_named() -> None:
    table = [{"prompt": "" if number % 5 == 3 else "a cat"} for number in range(1, 70)]
    assert message_of(table) == "Rows 3, 8 and 12 others: the prompt is empty."
    assert message_of(table[:10]) == "Rows 3 and 8: the prompt is empty."
    assert message_of(table[:13]) == "Rows 3, 8 and 13: the prompt is empty."


def test_problems_are_grouped_and_limited() -> None:
    table: list[object] = [{"prompt": "a cat", "size": f"huge{number}"} for number in range(20)]
    table += [{"prompt": "a cat", "size": "2K"}, {"prompt": None, "size": "2K"}]
    lines = message_of(table, model="4.5").splitlines()
    assert lines[:2] == [
        "21 of 22 rows can't be sent.",
        "Row 1: SeeDream 4.5 accepts 2K or 4K, or <width>x<height>, not 'huge0'.",
    ]
    assert lines[-1] == "And 13 other problems."
    assert len(lines) == 10


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        ({"size": "1K"}, {"model": "4.5"}, "Row 2: SeeDream 4.5 accepts 2K or 4K, not 1K."),
        ({"size": "1K", "model": 4.5}, {}, "Row 2: SeeDream 4.5 accepts 2K or 4K, not 1K."),
        ({"model": "5.0"}, {}, "Row 2: Unknown model '5.0'. Did you mean 5.0-pro or 5.0-lite?"),
        ({"seed": "x"}, {"model": "4.5"}, "Row 2: seed must be a whole number, not 'x'."),
        ({"max_images": 20}, {}, "Row 2: max_images must be from 1 to 15, not 20."),
        ({"n": 20}, {"max_images": "n"}, "Row 2: max_images must be from 1 to 15, not 20."),
        ({"image": "none.png"}, {}, "Row 2: The reference image can't be read from"),
        ({"image": "htp://example.org"}, {}, "Row 2: The reference image can't be read from"),
        ({"image": "http://exa mple.org"}, {}, "Row 2: image must be an http(s) link or data:image"),
        ({"image": "data:image/png;base64,?"}, {}, "Row 2: image is a data URI whose data is not base64."),
        ({"image": 7}, {}, "Row 2: the reference image is of the type int, not a link or a path."),
        ({"image": 7.5}, {}, "Row 2: The reference image has the unsupported type float."),
        ({"image": b"no image"}, {}, "Row 2: The reference image is not a JPEG, PNG or WebP image."),
        ({"image": ["https://example.org/1.png"] * 15}, {}, "Row 2: The limit for input and output images together"),
        (
            {"thumb": b"x"},
            {},
            "Row 2: the column 'thumb' has a cell of the type bytes, which can't be stored: leave it out.",
        ),
        ({"thumb": [object()]}, {}, "Row 2: the column 'thumb' has a cell of the type object"),
        ({"extra": '{"x": 1}'}, {"extra": "extra", "layers": "maybe"}, "layers must be true or false, not 'maybe'."),
        ({"n": '{"stream": true}'}, {"extra": "n"}, "Row 2: extra can't set stream."),
    ],
)
def test_a_row_that_cannot_be_sent(
    row: dict[str, object], options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    empty = dict.fromkeys(row)
    message = message_of([{"prompt": "a cat", **empty}, {"prompt": "a dog", **row}], folder=tmp_path, **options)
    assert message.startswith(expected)


def test_nothing_is_yielded_after_a_problem_and_all_rows_are_checked() -> None:
    table = open_table({"prompt": prompt} for prompt in ["a cat", "", "a dog", ""])
    requests = read_requests(table, read_settings(table))
    assert next(requests).number == 1
    with pytest.raises(UsageError, match="Rows 2 and 4: the prompt is empty"):
        next(requests)


def test_a_hint_says_that_a_value_is_not_a_column() -> None:
    with pytest.raises(UsageError) as caught:
        plan([{"prompt": "a shirt", "sides": "2K"}], model="4.5", size="side")
    assert str(caught.value.hint).endswith("There is no column 'side'. Columns: prompt, sides.")


def test_a_hint_names_the_columns_that_are_taken_for_options() -> None:
    with pytest.raises(UsageError) as caught:
        plan([{"prompt": "a shirt", "size": "XL", "image": None}], model="4.5")
    assert str(caught.value.hint).endswith(
        "The columns size, image were taken for an option; rename what means something else."
    )


def test_no_rows() -> None:
    assert message_of(pd.DataFrame({"prompt": []})) == "The table has no rows."


def test_a_million_problems_take_no_memory() -> None:
    table = open_table({"prompt": "a cat", "size": f"huge{number}"} for number in range(1000))
    chosen = read_settings(table)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="1,000 of 1,000 rows"):
            list(read_requests(table, chosen))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


# Options


def test_columns_named_like_options_are_options() -> None:
    table = [
        {"prompt": "a cat", "model": 4.5, "size": "2k", "watermark": "no", "max_images": 3.0},
        {"prompt": "a dog", "model": None, "size": "", "watermark": float("nan"), "max_images": None},
    ]
    assert [row.body for row in plan(table)] == [
        {
            "model": FOUR_FIVE,
            "prompt": "a cat",
            "size": "2K",
            "sequential_image_generation": "auto",
            "sequential_image_generation_options": {"max_images": 3},
            "watermark": False,
            "async": True,
        },
        {"model": LITE, "prompt": "a dog", "async": True},
    ]
    assert values(table, "size", size="4K") == ["4K", "4K"]
    assert values(table, "model", model="4.5") == [FOUR_FIVE] * 2


def test_the_name_of_a_column_is_the_column() -> None:
    table = {"prompt": ["a cat", "a dog"], "format": ["PNG", "jpeg"], "fields": ['{"x": 1}', None]}
    rows = plan(table, output_format="format", extra="fields")
    assert [row.body.get("output_format") for row in rows] == ["png", "jpeg"]
    assert [row.body.get("x") for row in rows] == [1, None]


def test_an_option_that_comes_with_a_later_row() -> None:
    assert values(iter([{"prompt": "a cat"}, {"prompt": "a dog", "size": "4K"}]), "size") == [None, "4K"]


def test_equal_numbers_of_different_types_are_different_values() -> None:
    seeds = [1, 1.0, "1"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownModelWarning)
        assert values([{"prompt": "a cat", "seed": seed} for seed in seeds], "seed", model=THIRD) == [1, 1, 1]
        assert "Row 2: seed must be a whole number, not True." in message_of(
            [{"prompt": "a cat", "seed": 1}, {"prompt": "a cat", "seed": True}], model=THIRD
        )


def test_an_unknown_model_warns_and_is_sent() -> None:
    with pytest.warns(UnknownModelWarning):
        assert values([{"prompt": "a cat"}], "model", model="doubao-seedream-9-0-300101") == [
            "doubao-seedream-9-0-300101"
        ]


def test_layers_need_no_prompt() -> None:
    table = {"image": ["https://example.org/1.png"] * 2, "prompt": [None, "the cat"]}
    assert prompts(table, model="5.0-pro", layers=True) == [None, "the cat"]
    assert prompts({"image": ["https://example.org/1.png"]}, model="5.0-pro", layers="yes") == [None]
    mixed = {"image": ["https://example.org/1.png"] * 2, "layers": ["yes", "no"]}
    assert message_of(mixed, model="5.0-pro") == "Row 2: the prompt is empty."


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"takes": 0}, "takes must be a whole number from 1 to 100, not 0."),
        ({"takes": True}, "takes must be a whole number from 1 to 100, not True."),
        ({"sise": "2K"}, "There is no option 'sise'. Did you mean 'size'?"),
        ({"steps": 7}, "There is no option 'steps'. Options: model, size,"),
        ({"seed": "sed"}, "seed must be a whole number, not 'sed'. Columns: prompt."),
        ({"size": ""}, "size is empty."),
        ({"image": ""}, "A reference image is empty."),
        ({"image": []}, "A reference image is empty."),
        ({"image": "photo"}, "The reference image can't be read from"),
        ({"image": object()}, "The reference image has the unsupported type object."),
        ({"extra": {"x": {1}}}, "The request cannot be sent as JSON"),
    ],
)
def test_options_that_are_not_valid(options: dict[str, Any], expected: str) -> None:
    assert message_of([{"prompt": "a cat"}], **options).startswith(expected)


# Reference images


def test_local_images_are_read_when_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    photo = noise(64, 64)
    (tmp_path / "images" / "a.jpg").write_bytes(photo)
    table = tmp_path / "table.csv"
    table.write_text("prompt,image\nmake it red,images/a.jpg\nmake it blue,images/a.jpg\nnone,\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    rows = plan(table)
    checksum = {"sha256": hashlib.sha256(photo).hexdigest()}
    assert [row.references for row in rows] == [(checksum,), (checksum,), ()]
    assert not any("image" in row.body for row in rows)
    chosen = read_settings(open_table(table))
    assert str(RequestBuilder(chosen).build(rows[0].cells)["image"]).startswith("data:image/jpeg;base64,")
    (tmp_path / "images" / "a.jpg").unlink()
    with pytest.raises(UsageError, match="can't be read from"):
        RequestBuilder(chosen).build(rows[0].cells)


def test_each_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(plain())
    table = open_table({"prompt": "a cat", "image": str(path)} for _ in range(3))
    requests = read_requests(table, read_settings(table))
    next(requests)
    path.unlink()
    assert len(list(requests)) == 2


def test_images_in_memory_become_files(tmp_path: Path) -> None:
    content = plain()
    task = Task("t", TaskStatus.SUCCEEDED, (TaskImage("t", url="https://example.org/1.png"),))
    image = decode(content)
    cells = [
        content,
        image,
        TaskImage("t", data=content),
        task,
        {"bytes": content, "path": "1.png"},
        {"bytes": None, "path": "https://example.org/2.png"},
        [content, "https://example.org/3.png"],
        [],
        None,
    ]
    rows = plan([{"prompt": "a cat", "image": cell} for cell in cells], folder=tmp_path)
    checksum = {"sha256": hashlib.sha256(content).hexdigest()}
    assert [row.references for row in rows[:1] + rows[2:]] == [
        (checksum,),
        (checksum,),
        ({"link": "https://example.org/1.png"},),
        (checksum,),
        ({"link": "https://example.org/2.png"},),
        (checksum, {"link": "https://example.org/3.png"}),
        (),
        (),
    ]
    stored = Image.open(rows[1].cells["image"])
    assert stored.tobytes() == image.tobytes()
    assert message_of_memory(content) == "Row 1: an image in memory needs a library that it can be stored in."


def message_of_memory(content: bytes) -> str:
    table = open_table([{"prompt": "a cat", "image": content}])
    with pytest.raises(UsageError) as caught:
        list(read_requests(table, read_settings(table)))
    return caught.value.message


def test_several_columns_and_constants_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "style.png").write_bytes(plain())
    monkeypatch.chdir(tmp_path)
    links = ["https://example.org/1.png", "https://example.org/2.png"]
    table = {"front": links, "back": [links[1], None]}
    rows = plan(table, "a cat", image=["front", "back", "style.png"])
    style = {"sha256": hashlib.sha256(plain()).hexdigest()}
    assert [row.references for row in rows] == [
        ({"link": links[0]}, {"link": links[1]}, style),
        ({"link": links[1]}, style),
    ]


def test_the_content_of_a_link_can_identify_it() -> None:
    (row,) = plan([{"prompt": "a cat", "image": "https://example.org/1.png"}])
    by_link, _ = row.identify()
    by_content, body = row.identify(lambda link: {"link": link, "sha256": "0" * 64})
    assert by_link != by_content
    assert body["image"] == [{"link": "https://example.org/1.png", "sha256": "0" * 64}]


# What is stored


CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), CELLS, min_size=1, max_size=3))
@examples(20)
def test_any_cell_can_be_stored(cells: dict[str, object]) -> None:
    (row,) = plan([{"prompt": "a cat", **cells}])
    assert list(row.cells) == ["prompt", *cells]
    assert json.loads(json.dumps(row.cells, allow_nan=False)) == row.cells


def test_cells_are_stored_as_text_where_json_has_no_type() -> None:
    cells = {
        "day": pd.Timestamp("2026-11-22"),
        "moment": pd.Timestamp("2026-11-22 09:30"),
        "price": Decimal("1.50"),
        "id": UUID(int=7),
        "path": Path("a/b"),
        "tuple": (1, {2}),
        "far": float("inf"),
    }
    (row,) = plan([{**cells}], "{day}, {moment}, {price}")
    assert row.body["prompt"] == "2026-11-22, 2026-11-22 09:30:00, 1.50"
    assert list(row.cells.values())[3:] == [str(UUID(int=7)), "a/b", [1, [2]], "inf"]


# Announcements


@pytest.mark.parametrize(
    ("columns", "prompt", "options", "expected"),
    [
        (
            ["color", "size"],
            "a {color} {product}, studio light, on a table",
            {"model": "4.5"},
            'prompt: "a {color} {product}, studio light, on a…" · model: 4.5 · size: column size',
        ),
        (["prompt"], None, {}, "prompt: column prompt · model: 5.0-lite"),
        (
            ["text", "image", "model"],
            "text",
            {"watermark": False, "max_images": 3, "size": "16:9"},
            (
                "prompt: column text · model: column model · size: 16:9 · max images: 3 · watermark: no · "
                "image: column image"
            ),
        ),
    ],
)
def test_settings_are_described(columns: Iterable[str], prompt: Any, options: dict[str, Any], expected: str) -> None:
    table = open_table([{**dict.fromkeys(columns, "x"), "product": "mug"}])
    assert read_settings(table, prompt, **options).describe(columns) == expected


# Over HTTP


def test_a_bad_row_stops_all_of_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "cats.csv"
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as client:
        table.write_text("color,size\nred,2K\n=A2,2K\nblue,1K\n", encoding="utf-8")
        with pytest.raises(UsageError) as caught:
            client.run(table, name="cats", prompt="a {color} cat", model="4.5", originals=False).finish()
        assert caught.value.message == (
            "2 of 3 rows can't be sent.\n"
            "Row 2: the column 'color' holds a spreadsheet formula, not its result.\n"
            "Row 3: SeeDream 4.5 accepts 2K or 4K, not 1K."
        )
        assert not sandbox.requests
        table.write_text("color,size\nred,2K\nblue,4K\n", encoding="utf-8")
        client.run(table, name="cats", prompt="a {color} cat", model="4.5", originals=False).finish()
    assert len(sandbox.requests.of_kind("images")) == 2
