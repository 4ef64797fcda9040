from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from comm.base_comm import BaseComm

from seedream_nb import Task
from seedream_nb.core.errors import ImageError
from seedream_nb.panels.cards import describe, make_cards
from seedream_nb.panels.closing import close_tree
from seedream_nb.panels.grid import ImageGrid
from seedream_nb.panels.pictures import Kind, Supplied

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = Supplied(b"\xff\xd8 picture", "image/jpeg", 320, 180)
NEWS = {"type": "picture", "kind": "thumbnail", "mime": "image/jpeg", "width": 320, "height": 180}


def describe_tasks(count: int) -> list[dict[str, object]]:
    tasks = [Task.not_found(f"id-{number}") for number in range(count)]
    return [describe(card) for task in tasks for card in make_cards(task, task.id)]


def count_models() -> int:
    """All widget models there are; ipywidgets keeps them by their ids."""
    return len(sys.modules["ipywidgets.widgets.widget"]._instances)


class Line(BaseComm):
    """The kernel's end of a line to a browser; keeps what is sent into it."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(target_name="jupyter.widget")

    def publish_msg(
        self,
        msg_type: str,
        data: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        buffers: list[bytes] | None = None,
        **_keys: Any,
    ) -> None:
        del msg_type, metadata
        if data is not None and data.get("method") == "custom":
            self.sent.append((data["content"], buffers or []))

    def receive(self, **data: object) -> None:
        """What comes when the browser sends something."""
        self.handle_msg({"content": {"data": data}, "buffers": []})

    def receive_custom(self, content: object) -> None:
        self.receive(method="custom", content=content)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def grid(line: Line) -> Iterator[ImageGrid]:
    grid = ImageGrid(comm=line, cards=describe_tasks(3), order=[0, 1, 2])
    yield grid
    close_tree(grid)


@pytest.fixture
def calls(grid: ImageGrid) -> list[tuple[str, list[str]]]:
    """What the handlers were called with."""
    calls: list[tuple[str, list[str]]] = []

    def note(what: str, keys: list[str]) -> None:
        calls.append((what, keys))

    grid.on_want(note)
    grid.on_act(note)
    return calls


def want(line: Line, *keys: str, seen: object = None, kind: Kind = "thumbnail") -> None:
    line.receive_custom({"type": "want", "kind": kind, "keys": list(keys), "seen": seen})


def test_pictures_are_delivered_from_any_thread(grid: ImageGrid, line: Line) -> None:
    threads = [
        threading.Thread(target=grid.deliver, args=(f"id-{number}/0", "thumbnail", PICTURE)) for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content["number"] for content, _buffers in line.sent] == [1, 2, 3]
    assert sorted(content["key"] for content, _buffers in line.sent) == ["id-0/0", "id-1/0", "id-2/0"]
    for content, buffers in line.sent:
        assert content.items() >= NEWS.items()
        assert buffers == [PICTURE.data]


def test_why_there_is_no_picture_is_delivered(grid: ImageGrid, line: Line) -> None:
    grid.deliver("id-0/0", "original", ImageError("The link is dead.", hint="Get the task again.", status_code=404))
    ((content, buffers),) = line.sent
    assert content["problem"] == "The link is dead. Get the task again."
    assert (content["type"], content["kind"], content["key"], buffers) == ("no_picture", "original", "id-0/0", [])


def test_a_sentence_is_said(grid: ImageGrid, line: Line) -> None:
    grid.say("3 saved.")
    assert line.sent == [({"type": "say", "text": "3 saved."}, [])]


def test_wishes_reach_their_handler_in_their_order(
    grid: ImageGrid, line: Line, calls: list[tuple[str, list[str]]]
) -> None:
    want(line, "id-2/0", "no such card", "id-0/0")
    want(line, "id-1/0", kind="original")
    assert calls == [("thumbnail", ["id-2/0", "id-0/0"]), ("original", ["id-1/0"])]
    grid.cards = describe_tasks(1)
    want(line, "id-2/0", "id-0/0")
    assert calls[2:] == [("thumbnail", ["id-0/0"])]


def test_actions_reach_their_handler(line: Line, calls: list[tuple[str, list[str]]]) -> None:
    line.receive_custom({"type": "act", "action": "save", "keys": ["id-1/0", "id-0/0", "no such card"]})
    line.receive_custom({"type": "act", "action": "use_settings", "keys": ["id-2/0"]})
    line.receive_custom({"type": "act", "action": "copy_prompt", "keys": ["id-0/0"]})
    assert calls == [
        ("save", ["id-1/0", "id-0/0"]),
        ("use_settings", ["id-2/0"]),
        ("copy_prompt", ["id-0/0"]),
    ]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "want",
        [],
        {},
        {"type": "want"},
        {"type": "want", "kind": "thumbnail"},
        {"type": "want", "kind": "thumbnail", "keys": "id-0/0"},
        {"type": "want", "kind": "poster", "keys": ["id-0/0"]},
        {"type": "want", "kind": ["thumbnail"], "keys": ["id-0/0"]},
        {"type": "act", "action": "erase", "keys": ["id-0/0"]},
        {"type": "act", "action": {}, "keys": ["id-0/0"]},
        {"type": "act", "action": "save", "keys": []},
        {"type": "act", "action": "save", "keys": [None, 3, ["id-0/0"], "no such card"]},
        {"type": {}, "keys": ["id-0/0"]},
        {"keys": ["id-0/0"]},
    ],
)
def test_nonsense_is_ignored(content: object, line: Line, calls: list[tuple[str, list[str]]]) -> None:
    line.receive_custom(content)
    assert calls == []


@pytest.mark.parametrize("seen", ["one", [], {}, 1.5])
def test_nonsense_about_what_was_seen_costs_nothing(
    seen: object, line: Line, calls: list[tuple[str, list[str]]]
) -> None:
    want(line, "id-0/0", seen=seen)
    assert calls == [("thumbnail", ["id-0/0"])]


def test_what_is_still_on_its_way_is_not_wanted_twice(
    grid: ImageGrid, line: Line, calls: list[tuple[str, list[str]]]
) -> None:
    grid.deliver("id-0/0", "thumbnail", PICTURE)
    grid.deliver("id-1/0", "thumbnail", PICTURE)
    want(line, "id-0/0", "id-1/0", "id-2/0", seen=0)
    want(line, "id-0/0", "id-1/0", "id-2/0", seen=1)
    want(line, "id-1/0", seen=1, kind="original")
    want(line, "id-0/0", "id-1/0", "id-2/0", seen=2)
    assert [keys for _kind, keys in calls] == [
        ["id-2/0"],
        ["id-0/0", "id-2/0"],
        ["id-1/0"],
        ["id-0/0", "id-1/0", "id-2/0"],
    ]


def test_a_page_that_was_loaded_anew_gets_everything(
    grid: ImageGrid, line: Line, calls: list[tuple[str, list[str]]]
) -> None:
    grid.deliver("id-0/0", "thumbnail", PICTURE)
    want(line, "id-0/0", seen=None)
    assert calls == [("thumbnail", ["id-0/0"])]


def test_the_selection_comes_from_the_browser(grid: ImageGrid, line: Line) -> None:
    seen: list[object] = []
    grid.observe(lambda change: seen.append(change["new"]), "selected")
    line.receive(method="update", state={"selected": ["id-1/0"]}, buffer_paths=[])
    assert seen == [["id-1/0"]]
    line.receive(method="update", state={"selected": 5}, buffer_paths=[])  # refused, with a line in the log
    assert grid.selected == ["id-1/0"]


def test_a_thousand_cards_are_one_model(grid: ImageGrid, line: Line) -> None:
    before = count_models()
    grid.cards = describe_tasks(1000)
    grid.order = list(range(1000))
    want(line, "id-999/0")
    grid.deliver("id-999/0", "thumbnail", PICTURE)
    assert count_models() == before


def test_nothing_is_left_of_a_closed_grid(line: Line) -> None:
    before = count_models()
    grid = ImageGrid(comm=line, cards=describe_tasks(3))
    assert count_models() > before
    close_tree(grid)
    assert count_models() == before
    grid.deliver("id-0/0", "thumbnail", PICTURE)
    assert line.sent == []
