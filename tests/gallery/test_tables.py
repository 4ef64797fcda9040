"""Tasks in rows and columns: a real table, labeled, in both forms, and within the size of any gallery."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.protocol.capabilities import display_name
from tests.examples import examples
from tests.gallery.reading import assert_forms_agree, one_line, show
from tests.gallery.safety import assert_safe
from tests.gallery.strategies import HOSTILE, images, tasks, texts
from tests.sample_images import noise, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

LITE, PRO = "doubao-seedream-5-0-lite-260128", "doubao-seedream-5-0-pro-260628"


def task(number: int, prompt: str = "a cat", model: str | None = None, images: int = 1) -> Task:
    made = tuple(TaskImage(f"id-{number}", place, data=plain(60, 40)) for place in range(images))
    return Task(f"id-{number}", TaskStatus.SUCCEEDED, made, prompt=prompt, model=model)


def places(gallery: Gallery) -> list[tuple[str, str, str]]:
    return [(tile.task_id, tile.row, tile.column) for tile in show(gallery).tiles]


def test_each_task_stands_in_its_row_and_column() -> None:
    table = Table(("a cat", "a dog", "an owl"), ("2K", "4K"))
    gallery = Gallery([task(number) for number in range(6)], table=table)
    assert show(gallery).labels == (["a cat", "a dog", "an owl"], ["2K", "4K"])
    assert places(gallery) == [
        ("id-0", "a cat", "2K"), ("id-1", "a cat", "4K"),
        ("id-2", "a dog", "2K"), ("id-3", "a dog", "4K"),
        ("id-4", "an owl", "2K"), ("id-5", "an owl", "4K"),
    ]  # fmt: skip
    assert_forms_agree(show(gallery))
    assert "   row: a dog · column: 4K" in show(gallery).plain.split("\n")
    assert gallery.table == table


def test_a_set_stands_in_one_cell() -> None:
    gallery = Gallery([task(0, images=4), task(1)], table=Table(columns=("x", "y")))
    assert [column for _, _, column in places(gallery)] == ["x", "x", "x", "x", "y"]
    assert len(show(gallery).root.find("td")) == 2


@pytest.mark.parametrize(
    ("table", "count", "labels"),
    [
        (Table(), 1, ([], [])),
        (Table(rows=("r", "s")), 2, (["r", "s"], [])),
        (Table(columns=("c", "d")), 2, ([], ["c", "d"])),
        (Table(("",), ("",)), 1, ([], [])),
        (Table(("r", ""), ("\u202e",)), 2, (["r", ""], [])),
    ],
)
def test_an_axis_without_a_label_has_no_header(table: Table, count: int, labels: tuple[list[str], list[str]]) -> None:
    sheet = show(Gallery([task(number) for number in range(count)], table=table))
    assert len(sheet.root.find("table")) == 1
    assert sheet.labels == labels
    assert bool(sheet.root.find("thead")) is bool(labels[1])
    assert_forms_agree(sheet)


def test_what_the_labels_say_is_not_said_again_but_stays_the_alt_text() -> None:
    rows, columns = ("a cat\n2K", "a dog\n2K"), (PRO, "5.0-lite")
    made = [task(0, "a cat", PRO), task(1, "a cat", LITE), task(2, "a dog", PRO), task(3, "a bird", LITE)]
    tiles = show(Gallery(made, table=Table(rows, columns))).tiles
    assert [tile.prompt for tile in tiles] == ["", "", "", "a bird"]
    assert [tile.alt for tile in tiles] == ["a cat", "a cat", "a dog", "a bird"]
    assert [tile.facts for tile in tiles] == ["", "", "", ""]
    swapped = show(Gallery([task(0, "a catfish", LITE)], table=Table(("a cat",), ("5.0-pro",))))
    assert (swapped.tiles[0].prompt, swapped.tiles[0].facts) == ("a catfish", display_name(LITE))


def test_each_part_of_a_label_stands_on_a_line_of_its_own() -> None:
    sheet = show(Gallery([task(0, "a cat · 4.0", PRO)], table=Table(("a cat · 4.0\n5.0-pro\n2K",))))
    (head,) = sheet.root.find("th")
    assert [part.text for part in head.find("div")] == ["a cat · 4.0", "5.0-pro", "2K"]
    assert ["seedream-part" in part.attributes["class"] for part in head.find("div")] == [False, True, True]
    assert "row: a cat · 4.0 · 5.0-pro · 2K" in sheet.plain
    assert (sheet.tiles[0].prompt, sheet.tiles[0].facts) == ("", "")
    # A prompt that only contains what another says is no part.
    other = show(Gallery([task(0, "a cat", PRO)], table=Table(("a cat · 4.0\n5.0-lite",))))
    assert (other.tiles[0].prompt, other.tiles[0].facts) == ("a cat", display_name(PRO))


def test_what_follows_a_long_prompt_in_a_label_is_never_cut_off_nor_folded() -> None:
    for prompt in ("long " * 1000, "line\n" * 100, "line\n" * 1000):
        sheet = show(Gallery([task(0, prompt, PRO)], table=Table((f"{prompt.strip()}\n5.0-pro",))))
        (head,) = sheet.root.find("th")
        assert len(head.find("details")) == 1
        assert head.find(css_class="seedream-part")[-1].text == "5.0-pro"
        assert sheet.plain.split("\n")[2].endswith(" · 5.0-pro")
        assert (sheet.tiles[0].prompt, sheet.tiles[0].facts) == ("", "")
        assert_forms_agree(sheet)


def test_what_all_tasks_share_is_said_once_above() -> None:
    made = [task(0, "a cat", PRO), task(1, "a cat", PRO)]
    sheet = show(Gallery(made, table=Table(columns=("2K", "4K"))))
    assert (sheet.heading, sheet.heading_facts) == ("a cat", display_name(PRO))
    assert {(tile.prompt, tile.facts, tile.alt) for tile in sheet.tiles} == {("", "", "a cat")}
    assert_forms_agree(sheet)
    assert show(Gallery(made)).heading == ""
    alone = show(Gallery(made[0], table=Table()))
    assert (alone.heading, alone.heading_facts, alone.tiles[0].prompt) == ("", "", "a cat")
    labeled = show(Gallery(made, table=Table(("a cat", "x"))))
    assert (labeled.heading, labeled.tiles[1].prompt) == ("", "a cat")


def test_a_long_label_is_folded_and_whole() -> None:
    prompt = "A far planet seen from its innermost moon. " * 8
    sheet = show(Gallery([task(0, prompt)], table=Table((prompt,))))
    (head,) = sheet.root.find("th")
    assert head.find("details")
    assert head.text == one_line(prompt)
    assert head.find(css_class="seedream-name")[0].find("span")[0].attributes["dir"] == "auto"
    assert sheet.tiles[0].prompt == ""


def test_it_scrolls_in_its_own_box_which_the_keyboard_reaches() -> None:
    (box,) = show(Gallery([task(0), task(1)], table=Table(columns=("x", "y")))).root.find(css_class="seedream-scroll")
    assert box.attributes["style"] == "overflow-x:auto"
    assert (box.attributes["tabindex"], box.attributes["role"]) == ("0", "region")
    assert box.attributes["aria-label"] == "Table of images: 1 rows, 2 columns"


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_table_takes_exactly_as_many_tasks_as_it_has_places(count: int) -> None:
    with pytest.raises(UsageError, match=rf"A table of 2 x 2 needs 4 tasks, not {count}\."):
        Gallery([task(number) for number in range(count)], table=Table(("a", "b"), ("c", "d")))


@pytest.mark.parametrize("labels", ["2K", (), [], (1, 2), ("a", None)])
def test_labels_that_are_none_are_refused(labels: Sequence[object]) -> None:
    with pytest.raises(UsageError, match=r"(rows|columns)=.* is not a sequence of labels"):
        Table(rows=labels)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        Table(columns=labels)  # type: ignore[arg-type]


def test_parts_of_a_gallery_have_no_table() -> None:
    gallery = Gallery([task(0), task(1)], table=Table(columns=("x", "y")))
    for part in (gallery[:1], gallery[:], gallery.filter(prompt="cat")):
        assert part.table is None
        assert show(part).root.find("table") == []


def test_a_failed_cell_says_why(sandbox: Sandbox, client: SeedreamClient) -> None:
    made = client.retrieve_batch([sandbox.add_task(size="64x64"), sandbox.add_task(error=("api_error", "No."))])
    gone = Task.not_found("gone")
    sheet = show(Gallery([*made, gone], table=Table(columns=("x", "y", "z"))))
    assert [tile.state for tile in sheet.tiles] == ["✓ succeeded", "✕ failed", "? not found"]
    assert sheet.tiles[1].problem == "No. (api_error)"


def inside(rows: int, columns: int) -> st.SearchStrategy[tuple[Table, list[Task], list[TaskImage]]]:
    return st.tuples(
        st.builds(
            Table,
            st.lists(texts, min_size=rows, max_size=rows).map(tuple),
            st.lists(texts, min_size=columns, max_size=columns).map(tuple),
        ),
        st.lists(tasks, min_size=rows * columns, max_size=rows * columns),
        st.lists(images, max_size=2),
    )


galleries = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1)]).flatmap(lambda size: inside(*size))


@examples(60)
@given(galleries, st.booleans())
def test_any_table_is_safe_and_says_the_same_in_both_forms(
    given_parts: tuple[Table, list[Task], list[TaskImage]],
    is_live: bool,  # noqa: FBT001  drawn by hypothesis
) -> None:
    table, some_tasks, before = given_parts
    fetcher = ImageFetcher(FetchLimits(tries=1))
    sheet = show(Gallery(some_tasks, table=table, before=before, embed="links", fetcher=fetcher), is_live=is_live)
    assert_safe(sheet)
    assert_forms_agree(sheet)


@functools.cache
def elements_with(word: str) -> list[tuple[str, tuple[str, ...]]]:
    sheet = show(Gallery([task(0), task(1)], table=Table(("r",), (word, "other"))))
    assert_safe(sheet)
    assert_forms_agree(sheet)
    tags = [(element.tag, tuple(element.attributes)) for element in sheet.root.walk()]
    return [tag for tag in tags if tag[0] not in {"details", "summary", "div", "span"}]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_label_stays_a_label(text: str) -> None:
    assert elements_with(f"x{text}x") == elements_with("harmless")


labels = st.sampled_from(["", "2K", '"' * 2500, "&" * 2000, "字" * 2000])


@examples(40)
@given(
    rows=st.lists(labels, min_size=1, max_size=4),
    columns=st.lists(labels, min_size=1, max_size=4),
    max_bytes=st.sampled_from((10_000, 30_000, 100_000, 400_000)),
    limit=st.sampled_from((1, 5, 60)),
    befores=st.integers(0, 2),
)
def test_a_table_keeps_the_limits(
    rows: list[str], columns: list[str], max_bytes: int, limit: int, befores: int
) -> None:
    table = Table(tuple(rows), tuple(columns))
    made = [
        Task(f"id-{n}", TaskStatus.SUCCEEDED, (TaskImage("i", data=noise(120, 120, n)),), prompt="&" * 300)
        for n in range(table.size)
    ]
    before = [TaskImage("", data=noise(120, 120, 99 - n)) for n in range(befores)]
    sheet = show(Gallery(made, table=table, before=before, max_bytes=max_bytes, limit=limit))
    assert sheet.size <= max_bytes
    assert len(sheet.tiles) <= limit
    assert_forms_agree(sheet)
    assert [tile.task_id for tile in sheet.tiles] == [f"id-{n}" for n in range(len(sheet.tiles))]
    assert sheet.notes or len(sheet.tiles) == table.size


def test_a_table_that_is_cut_has_only_the_rows_that_are_drawn() -> None:
    table = Table(("a", "b", "c"), ("x", "y"))
    made = [task(number) for number in range(6)]
    assert show(Gallery(made, table=table, limit=3)).labels == (["a", "b"], ["x", "y"])
    assert show(Gallery(made, table=table, limit=1)).labels == (["a"], ["x"])
    assert places(Gallery(made, table=table, limit=3))[-1] == ("id-2", "b", "x")


def test_many_thumbnails_of_a_table_are_planned_to_fit() -> None:
    made = [
        Task(f"id-{n}", TaskStatus.SUCCEEDED, (TaskImage("i", data=noise(300, 300, n)),), prompt="p") for n in range(30)
    ]
    table = Table(tuple(f"r{n}" for n in range(6)), tuple(f"c{n}" for n in range(5)))
    sheet = show(Gallery(made, table=table, max_bytes=500_000))
    assert 250_000 < sheet.size <= 500_000
    assert len({tile.embedded_size for tile in sheet.tiles}) == 1
    assert any("instead of 320 px" in note for note in sheet.notes)


def test_a_failed_cell_in_text_has_its_row_and_column() -> None:
    failed = Task("i", TaskStatus.FAILED, prompt="p", error=ErrorDetail("c", "m"))
    assert show(Gallery(failed, table=Table(("r",), ("k",)))).plain == (
        "1 task · 0 images · 1 failed\n1. ✕ failed · i\n   row: r · column: k\n   p\n   m (c)"
    )
