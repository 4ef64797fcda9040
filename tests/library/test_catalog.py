"""The catalog finds in the whole library what the panel's own filter finds in memory, and notices every change."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Task, TaskImage, TaskStatus
from seedream_nb.library import Library
from seedream_nb.library.catalog import CardQuery
from seedream_nb.library.records import StoredTask, storable
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.filters import Filter, find, traits_of
from seedream_nb.protocol.cards import Sort
from tests.examples import examples
from tests.library.tasks import MODEL, name_of, record_of, task_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedream_nb.library.catalog import CatalogCard

UTC = dt.timezone.utc
LITE = "doubao-seedream-5-0-lite-260128"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library") as opened:
        yield opened


def read_all(library: Library, query: CardQuery | None = None, sort: Sort = Sort.ADDED) -> list[CatalogCard]:
    cards = library.catalog.read(library.catalog.find(query, sort))
    return [card for card in cards if card is not None]


def found(library: Library, query: CardQuery | None = None, sort: Sort = Sort.ADDED) -> list[tuple[str, int]]:
    return [(card.task.prompt, card.position) for card in read_all(library, query, sort)]


# The same as in memory.

words = st.sampled_from(
    ("cat", "Cat", "white", "straße", "STRASSE", "cafe\u0301", "caf\u00e9", "猫", "%_", "'", "x y", "")
)
prompts = st.lists(words, max_size=4).map(" ".join)
models = st.sampled_from((None, MODEL, LITE, "other-4", "Ünknown model"))
sizes = st.sampled_from((None, "2048x2048", "2K", "1024x4096", "auto", "0x0"))
moments = st.none() | st.integers(0, 3).map(lambda days: dt.datetime(2026, 11, 10 + days, 23, 30, tzinfo=UTC))
failures = st.sampled_from((None, ErrorDetail("Sensitive", "No."), ErrorDetail("Other", "Why?")))
images = st.fixed_dictionaries(
    dict(  # noqa: C408  the names of attributes
        url=st.sampled_from((None, "https://images.example/a.jpg")),
        prompt=st.just("") | prompts,
        model=models,
        size=sizes,
        z_index=st.none() | st.integers(0, 2),
        error=failures,
    )
)
descriptions = st.fixed_dictionaries(
    dict(  # noqa: C408  as above
        images=st.lists(images, max_size=3),
        prompt=prompts,
        model=models,
        size=sizes,
        created_at=moments,
        error=failures,
        status=st.sampled_from((TaskStatus.SUCCEEDED, TaskStatus.PARTIALLY_FAILED, TaskStatus.FAILED)),
    )
)
filters = st.builds(
    Filter,
    text=prompts | st.just("seedream 5.0"),
    model=st.sampled_from(("", MODEL, "nothing")),
    status=st.sampled_from(("", "succeeded", "image failed", "no image", "failed")),
    size=st.sampled_from(("", "2K", "2048x2048")),
    since=st.none() | st.dates(dt.date(2026, 11, 9), dt.date(2026, 11, 14)),
    until=st.none() | st.dates(dt.date(2026, 11, 9), dt.date(2026, 11, 14)),
)


def to_query(wanted: Filter) -> CardQuery:
    def begin(day: dt.date | None, days: int = 0) -> dt.datetime | None:
        return None if day is None else dt.datetime.combine(day, dt.time(), UTC) + dt.timedelta(days)

    return CardQuery(wanted.text, wanted.model, wanted.status, wanted.size, begin(wanted.since), begin(wanted.until, 1))


def make_task(number: int, known: dict[str, Any]) -> Task:
    given = [TaskImage(name_of(number), index, **image) for index, image in enumerate(known["images"])]
    return Task(name_of(number), **{**known, "images": tuple(given)})


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(descriptions, max_size=6), st.lists(st.tuples(filters, st.sampled_from(Sort)), min_size=1, max_size=5))
def test_it_finds_what_the_filter_in_memory_finds(
    tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, Any]], wanted: list[tuple[Filter, Sort]]
) -> None:
    with Library(tmp_path_factory.mktemp("library")) as library:
        for number, known in enumerate(given):
            library.keep(make_task(number, known))
        stored = library.find([name_of(number) for number in range(len(given))]).values()
        cards = [card for task in stored for card in make_cards(task, task.id)]
        traits = [traits_of(card, UTC) for card in cards]
        for one, sort in wanted:
            expected = [cards[place].key for place in find(traits, one, sort)]
            assert [f"{card.task.id}/{card.position}" for card in read_all(library, to_query(one), sort)] == expected
        assert [card.place for card in read_all(library)] == [card.tile.place for card in cards]
        choices = library.catalog.choices()
        assert sum(choices.statuses.values()) == len(cards)
        assert all(count == sum(one.model == model for one in traits) for model, count in choices.models.items())


@pytest.mark.parametrize(
    "text", ["a-" * 2500, " ".join(f"word{number}" for number in range(300)), "\ud800", "cat\0dog"]
)
def test_any_text_can_be_searched(library: Library, text: str) -> None:
    library.keep(task_of(1, storable(text)))
    assert len(library.catalog.find(CardQuery(text=text))) == (text != "\ud800" and "\0" not in text)
    assert len(library.catalog.find(CardQuery(text=f"{text} missing"))) == 0


# Cards of the library.


def test_a_window_reads_only_its_cards(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.keep([task_of(number, images=2) for number in range(50)])
    numbers = library.catalog.find(sort=Sort.NEWEST)
    assert len(numbers) == 100
    decoded: list[str] = []
    read = StoredTask.read

    def note(stored: StoredTask, *rest: Any) -> Task:
        decoded.append(stored.key)
        return read(stored, *rest)

    monkeypatch.setattr(StoredTask, "read", note)
    window = library.catalog.read(numbers[40:44])
    assert sorted(decoded) == [name_of(28), name_of(29)]
    assert [card.task.id for card in window if card] == [name_of(29), name_of(29), name_of(28), name_of(28)]
    assert [card.place for card in window if card] == [0, 1, 0, 1]
    assert all(card.task.library == str(library.location) for card in window if card)


def test_numbers_are_found_by_task_and_place(library: Library) -> None:
    library.keep([task_of(number, images=3) for number in range(3)])
    catalog = library.catalog
    assert catalog.find(sort=Sort.ADDED).tolist() == [
        number for task in range(3) for number in catalog.numbers_of(name_of(task).upper())
    ]
    number = catalog.number_of(name_of(1), 2)
    assert number is not None
    (card,) = catalog.read([number])
    assert card is not None
    assert (card.task.id, card.place) == (name_of(1), 2)
    assert catalog.images_of([number]) == [(name_of(1), 2)]
    assert catalog.number_of(name_of(1), 9) is None
    assert catalog.number_of("nothing") is None
    assert catalog.numbers_of("nothing") == []
    assert catalog.existing([number, 5, number + 1]) == [number]
    assert catalog.read([5]) == [None]


def test_numbers_stay_when_a_task_is_read_again(library: Library) -> None:
    library.keep([task_of(number) for number in range(3)])
    before = library.catalog.find(sort=Sort.ADDED)
    assert library.keep(task_of(1, "another prompt", 2)) == 1
    after = library.catalog.find(sort=Sort.ADDED)
    assert [number for number in after if number in before] == before.tolist()
    assert [prompt for prompt, _place in found(library)].count("another prompt") == 2


# Keeping up.


def test_what_is_stored_and_removed_is_noticed(library: Library) -> None:
    catalog = library.catalog
    versions = [catalog.version()]
    library.keep([task_of(number, f"prompt {number}") for number in range(3)])
    versions.append(catalog.version())
    assert found(library) == [(f"prompt {number}", 0) for number in range(3)]
    assert catalog.behind() == 0
    library.remove([name_of(1)])
    versions.append(catalog.version())
    assert found(library) == [("prompt 0", 0), ("prompt 2", 0)]
    library.keep(task_of(1, "back again"))
    versions.append(catalog.version())
    assert found(library) == [("prompt 0", 0), ("prompt 2", 0), ("back again", 0)]
    assert len(set(versions)) == len(versions)


def test_another_kernel_is_noticed(library: Library) -> None:
    library.keep(task_of(0))
    assert len(library.catalog.find()) == 1
    with Library(library.location) as other:
        other.keep(task_of(1))
        assert len(other.catalog.find()) == 2
        other.keep(task_of(2))
    assert library.catalog.behind() == 1
    assert len(library.catalog.find()) == 3


def test_a_kernel_that_notes_no_changes_is_noticed(library: Library) -> None:
    library.keep([task_of(number, f"prompt {number}") for number in range(4)])
    library.catalog.update()
    with closing(sqlite3.connect(library.location / "library.sqlite")) as older, older:
        # As an earlier version does, which has had the file open since before the upgrade.
        older.execute("DELETE FROM tasks WHERE key IN (?, ?)", (name_of(0), name_of(2)))
        older.execute("INSERT INTO tasks SELECT 7, 'new', record, request, status, model, kept_at FROM tasks LIMIT 1")
    assert library.catalog.behind() == 1
    assert found(library) == [("prompt 1", 0), ("prompt 3", 0), ("prompt 1", 0)]
    assert library.catalog.behind() == 0


def test_filling_is_interrupted_and_continued(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedream_nb.library.catalog_update.PAGE", 10)
    tasks = [task_of(number, f"prompt {number}") for number in range(35)]
    library.keep(tasks)
    seen: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.catalog.update(interrupt)
    assert seen == [(10, 35), (20, 35)]
    assert library.catalog.behind() >= 15
    assert len(library.catalog.find(refresh=False)) == 20
    library.keep(task_of(99, "the last one"))
    library.catalog.update(lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert [prompt for prompt, _place in found(library)] == [*(task.prompt for task in tasks), "the last one"]


def test_opening_a_library_fills_nothing(library: Library) -> None:
    library.keep(task_of(0))
    library.close()
    with Library(library.location) as again:
        assert len(again) == 1
        assert not list(again.location.glob("catalog-*"))


def test_a_read_only_library_has_a_catalog_of_its_own(library: Library) -> None:
    library.keep([task_of(number) for number in range(3)])
    with Library(library.location, read_only=True) as reader:
        assert len(reader.catalog.find()) == 3
        library.keep(task_of(3))
        assert len(reader.catalog.find()) == 4
    assert not list(library.location.glob("catalog-*"))


def test_a_damaged_or_missing_catalog_is_filled_again(library: Library) -> None:
    library.keep([task_of(number) for number in range(30)])
    library.catalog.update()
    library.close()
    (path,) = library.location.glob("catalog-*.sqlite")
    path.write_bytes(b"no database" * 1000)
    assert len(library.catalog.find()) == 30
    library.close()
    path.unlink()
    assert len(library.catalog.find()) == 30


def test_a_replaced_library_is_read_again(library: Library, tmp_path: Path) -> None:
    library.keep([task_of(number, "old") for number in range(3)])
    library.catalog.update()
    with Library(tmp_path / "another") as another:
        another.keep([task_of(number, "new") for number in range(5)])
    library.close()
    (tmp_path / "another" / "library.sqlite").replace(library.location / "library.sqlite")
    assert found(library) == [("new", 0)] * 5


def test_an_unreadable_record_has_no_card(library: Library) -> None:
    library.keep([task_of(number) for number in range(3)])
    with closing(sqlite3.connect(library.location / "library.sqlite")) as raw, raw:
        raw.execute("UPDATE tasks SET record = '{' WHERE key = ?", (name_of(1),))
    assert len(library.catalog.find()) == 2
    assert library.catalog.behind() == 0


def test_catalogs_of_other_versions_are_removed(library: Library) -> None:
    library.keep(task_of(0))
    old = library.location / "catalog-00000000.sqlite"
    old.write_bytes(b"")
    library.catalog.update()
    assert not old.exists()
    assert len(list(library.location.glob("catalog-*.sqlite"))) == 1


# Marks.


def test_marks_filter_and_sort(library: Library) -> None:
    library.keep([task_of(number, f"prompt {number}") for number in range(4)])
    library.catalog.update()
    library.tag([name_of(0), name_of(1)], "Cats")
    library.tag([name_of(1)], "to print")
    library.rate(name_of(1), 5)
    library.rate(name_of(2), 3)
    library.rate(name_of(0), 3)
    assert library.catalog.behind() > 0
    assert found(library, CardQuery(tags=("cats",))) == [("prompt 0", 0), ("prompt 1", 0)]
    assert found(library, CardQuery(tags=("cats", "to print"))) == [("prompt 1", 0)]
    assert found(library, CardQuery(tags=("other",))) == []
    assert found(library, CardQuery(rating=3)) == [("prompt 0", 0), ("prompt 1", 0), ("prompt 2", 0)]
    assert [prompt for prompt, _place in found(library, sort=Sort.RATING)] == [
        *("prompt 1", "prompt 2", "prompt 0", "prompt 3")
    ]
    assert library.catalog.choices().tags == {"Cats": 2, "to print": 1}
    library.untag(name_of(0), "Cats")
    library.rate(name_of(1), None)
    assert found(library, CardQuery(tags=("Cats",))) == [("prompt 1", 0)]
    assert found(library, CardQuery(rating=5)) == []


def test_choices_are_in_the_order_of_menus(library: Library) -> None:
    library.keep([task_of(0, images=2), task_of(1, request={"prompt": "a", "model": LITE}), task_of(2, images=0)])
    library.catalog.update()
    choices = library.catalog.choices()
    assert choices.models == {LITE: 1, MODEL: 3}
    assert choices.statuses == {"succeeded": 3, "no image": 1}
    assert choices.sizes == {"2048x2048": 3, "2K": 1}
    assert record_of(0)["id"] == name_of(0)


def test_many_cards_are_looked_up_as_few_are(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.keep([task_of(number, images=2) for number in range(6)])
    numbers = library.catalog.find(sort=Sort.OLDEST)[2:8]
    few = library.catalog.images_of(numbers), library.catalog.existing([*numbers, 5])
    monkeypatch.setattr("seedream_nb.library.catalog_update._MANY", 2)
    assert (library.catalog.images_of(numbers), library.catalog.existing([*numbers, 5])) == few
    assert few == ([(name_of(task), place) for task in (1, 2, 3) for place in (0, 1)], numbers.tolist())
