"""The file of a run: rows of a table become entries, which stay as they are when the table changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.library.run_store import (
    DONE,
    FAILED,
    OPEN,
    SENT,
    DamagedRunError,
    IncomingRow,
    Outcome,
    RunStore,
    TableChangedError,
    check_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Rows:
    """A table of words, compared with what is stored if a store is given."""

    def __init__(self, words: Sequence[str], store: RunStore | None = None) -> None:
        self.count = 0
        self.is_compared = store is not None
        self._words = words
        self._stored = iter(()) if store is None else store.stored_rows()

    def __iter__(self) -> Iterator[IncomingRow]:
        for word in self._words:
            self.count += 1
            row = IncomingRow(self.count, json.dumps({"word": word}), checksum_of(word), '{"model": "any"}')
            if next(self._stored, None) != (row.cells, row.checksum):
                yield row


def checksum_of(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def write(store: RunStore, words: Sequence[str], takes: int = 1, *, compare: bool = True) -> int:
    table = Rows(words, store if compare and store.read("version") else None)
    return store.replace_table(table, takes, store.read("version"), dict)


def entries(store: RunStore) -> list[tuple[str, int, int, str]]:
    """Word, take, number, and state of each, in the table's order."""
    return [(json.loads(one.cells)["word"], one.take, one.number, one.state) for one in store.all_entries()]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path, "words")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "name",
    [
        "cats",
        "Product photos 2",
        "a.b-c_d",
        "x" * 64,
        "\u8d85\u5e02\u7684\u732b",
        "\u0939\u093f\u0902\u0926\u0940",
        "\u00dcbung",
    ],
)
def test_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a/b",
        "..",
        ".hidden",
        "-x",
        "x" * 65,
        "a\nb",
        "\U0001f408",
        "\u732b" * 64 + "\U00020000" * 3,
        "\ud800",
        "con",
        "NUL.x",
        None,
        3,
    ],
)
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(UsageError, match="can't be the name of a run"):
        check_name(name)


def test_a_name_is_the_same_however_its_letters_are_written() -> None:
    assert check_name("U\u0308bung") == check_name("\u00dcbung")


def test_case_does_not_matter(store: RunStore, tmp_path: Path) -> None:
    write(store, ["a"])
    other = RunStore(tmp_path, "WORDS")
    assert (other.name, len(entries(other))) == ("words", 1)
    other.close()


def test_the_same_table_changes_nothing(store: RunStore) -> None:
    write(store, ["a", "b", "a"])
    before, version = entries(store), store.read("version")
    write(store, ["a", "b", "a"])
    assert (entries(store), store.read("version")) == (before, version)
    assert [word for word, *_rest in before] == ["a", "b", "a"]


def test_a_changed_row_is_new_and_the_old_one_stays(store: RunStore) -> None:
    write(store, ["a", "b", "c"])
    (number,) = [number for word, _take, number, _state in entries(store) if word == "b"]
    store.record([Outcome(number, DONE, 1, "task", "succeeded", images=2, cost=0.5)])
    write(store, ["a", "x", "c"])
    assert [(word, state) for word, _take, _number, state in entries(store)] == [("a", OPEN), ("x", OPEN), ("c", OPEN)]
    assert [(one.task, one.position) for one in store.earlier_entries()] == [("task", None)]
    assert store.read("earlier") == "1"
    # It comes back with what became of it.
    write(store, ["b", "a"])
    assert [(word, state) for word, _take, _number, state in entries(store)] == [("b", DONE), ("a", OPEN)]
    assert store.read("earlier") == "2"


def test_takes(store: RunStore) -> None:
    write(store, ["a", "b", "a"], takes=1)
    ones = {number for _word, _take, number, _state in entries(store)}
    write(store, ["a", "b", "a"], takes=2, compare=False)
    assert [(word, take) for word, take, *_rest in entries(store)] == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2), ("a", 1), ("a", 2)
    ]  # fmt: skip
    assert ones < {number for _word, _take, number, _state in entries(store)}
    write(store, ["a", "b", "a"], takes=1, compare=False)
    assert len(entries(store)) == len(store.earlier_entries()) == 3


@given(tables=st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=4), takes=st.integers(1, 2))
def test_any_tables_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[str]], takes: int
) -> None:
    store = RunStore(tmp_path_factory.mktemp("runs"), "words")
    most: Counter[str] = Counter()
    done: set[int] = set()
    for words in tables:
        write(store, words, takes)
        found = entries(store)
        assert [(word, take) for word, take, *_rest in found] == [
            (word, take) for word in words for take in range(1, takes + 1)
        ]
        # As many entries as the largest table has needed: none is lost, none is there twice.
        most |= Counter({word: count * takes for word, count in Counter(words).items()})
        everything = list(store.scan())
        assert Counter(one.checksum for one in everything) == {checksum_of(word): most[word] for word in most}
        assert len({(one.checksum, one.nth) for one in everything}) == len(everything)
        # What is done is found again before anything else.
        states = Counter(one.checksum for one in everything if one.number in done)
        for word, count in Counter(word for word, _take, _number, state in found if state == DONE).items():
            assert count == min(states[checksum_of(word)], words.count(word) * takes)
        if found:
            store.record([Outcome(found[0][2], DONE, len(done), "task")])
            done.add(found[0][2])
        totals = Counter(dict.fromkeys((OPEN, DONE), 0))
        for total in store.totals():
            totals[total.state] += total.entries
        assert totals[DONE] == len(done)
        assert totals.total() == len(everything)
    store.close()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_equal_rows_those_that_are_done_stay(store: RunStore, place: int) -> None:
    write(store, ["a", "a", "a"])
    store.record([Outcome(entries(store)[place][2], DONE, 1, "task")])
    write(store, ["b"])
    write(store, ["a", "b"])
    assert [(word, state) for word, _take, _number, state in entries(store)] == [("a", DONE), ("b", OPEN)]


def test_a_table_that_fails_half_way_changes_nothing(store: RunStore) -> None:
    write(store, ["a"])

    class Broken(Rows):
        def __iter__(self) -> Iterator[IncomingRow]:
            yield from super().__iter__()
            raise UsageError("The last row is empty.")

    with pytest.raises(UsageError):
        store.replace_table(Broken(["x", "y"]), 1, store.read("version"), dict)
    assert [word for word, *_rest in entries(store)] == ["a"]
    write(store, ["b"])
    assert [word for word, *_rest in entries(store)] == ["b"]


def test_two_kernels_change_it_at_once(store: RunStore, tmp_path: Path) -> None:
    write(store, ["a", "b"])
    version, other = store.read("version"), RunStore(tmp_path, "words")
    compared = Rows(["a", "c"], store)
    write(other, ["x", "y"])
    with pytest.raises(TableChangedError):
        store.replace_table(compared, 1, version, dict)
    assert [word for word, *_rest in entries(store)] == ["x", "y"]
    other.close()


def test_what_is_finished_stays_so(store: RunStore) -> None:
    write(store, ["a"])
    ((_word, _take, number, _state),) = entries(store)
    store.record([Outcome(number, DONE, 1, "task", images=1)])
    store.record([Outcome(number, FAILED, 1, error="late")])
    assert [(one.state, one.task, one.error) for one in store.scan()] == [(DONE, "task", None)]


def test_no_two_entries_have_the_same_purchase(store: RunStore) -> None:
    write(store, ["a", "a"])
    first, second = (number for _word, _take, number, _state in entries(store))
    store.record([Outcome(first, SENT, 7, "task")])
    store.record([Outcome(second, DONE, 7, "task")])
    assert [state for *_rest, state in entries(store)] == [SENT, OPEN]


def test_pages(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedream_nb.library.run_store.PAGE", 3)
    words = [f"word {number}" for number in range(10)]
    write(store, words)
    assert [word for word, *_rest in entries(store)] == words
    assert [json.loads(cells)["word"] for cells, _checksum in store.stored_rows()] == words
    assert len(list(store.scan())) == 10
    assert len(store.entries((OPEN,), after=(4, 1), limit=2)) == 2
    groups = store.entries_of(map(checksum_of, words))
    assert [len(group) for group in groups.values()] == [1] * 10


def test_threads_share_it(store: RunStore) -> None:
    words = [f"word {number}" for number in range(40)]
    write(store, words)
    numbers = [number for _word, _take, number, _state in entries(store)]

    def work(start: int) -> None:
        for number in numbers[start::4]:
            store.record([Outcome(number, DONE, number, str(number))])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state for *_rest, state in entries(store)} == {DONE}


def test_a_damaged_file_is_set_aside(store: RunStore, tmp_path: Path) -> None:
    write(store, ["a"])
    store.close()
    store.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DamagedRunError, match="pays for nothing twice"):
        store.read("rows")
    assert [path.name for path in tmp_path.glob("words*damaged*")] == ["words.sqlite.damaged-1"]
    write(store, ["a"])
    assert len(entries(store)) == 1


def test_a_file_of_a_later_version_is_left_alone(store: RunStore) -> None:
    write(store, ["a"])
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LibraryError, match="later version"):
        store.read("rows")


def test_it_is_removed(store: RunStore) -> None:
    write(store, ["a"])
    store.remove()
    assert list(store.path.parent.glob("words*")) == []
    assert not store.exists
