"""The Python side of the grid widget, and the files of its front end."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Task
from seedream_nb.core.errors import ImageError
from seedream_nb.panels.explorer import EXPLORER_STYLES, close_tree
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.grid import SCRIPTS, STATIC, ImageGrid, join_parts
from seedream_nb.panels.image_cache import Kind, LoadedImage
from seedream_nb.panels.markup_editor import MARKUP_SCRIPTS, MARKUP_STYLES
from seedream_nb.panels.state import ExplorerState
from seedream_nb.panels.submit import BUTTON_SCRIPTS
from seedream_nb.panels.windows import MOST_CARDS, read_keys
from seedream_nb.protocol.cards import Sort
from tests.panels.support import Connection, count_models

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = LoadedImage(b"\xff\xd8 image", "image/jpeg", 320, 180)
MESSAGE = {"type": "image", "kind": "thumbnail", "mime": "image/jpeg", "width": 320, "height": 180}


def make_tasks(count: int) -> list[Task]:
    return [Task.not_found(f"id-{number}") for number in range(count)]


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def state() -> ExplorerState:
    """The state of three cards, which nobody draws yet."""
    state = ExplorerState(lambda _part: None)
    state.put(make_tasks(3))
    return state


@pytest.fixture
def grid(connection: Connection, state: ExplorerState) -> Iterator[ImageGrid]:
    grid = ImageGrid(state, comm=connection)
    yield grid
    close_tree(grid)


@pytest.fixture
def calls(grid: ImageGrid) -> list[tuple[str, list[str]]]:
    """The arguments of all calls of the handlers."""
    calls: list[tuple[str, list[str]]] = []
    grid.on_load(lambda kind, keys: calls.append((kind, keys)))
    grid.on("save", lambda content: calls.append((str(content.get("folder")), read_keys(content))))
    return calls


def load(connection: Connection, *keys: str, seen: object = None, kind: Kind = "thumbnail") -> None:
    connection.receive_custom({"type": "load", "kind": kind, "keys": list(keys), "seen": seen})


def test_images_are_delivered_from_any_thread(grid: ImageGrid, connection: Connection) -> None:
    threads = [
        threading.Thread(target=grid.deliver, args=(f"id-{number}/0", "thumbnail", IMAGE)) for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content["number"] for content, _buffers in connection.sent] == [1, 2, 3]
    assert sorted(content["key"] for content, _buffers in connection.sent) == ["id-0/0", "id-1/0", "id-2/0"]
    for content, buffers in connection.sent:
        assert content.items() >= MESSAGE.items()
        assert buffers == [IMAGE.data]


def test_why_there_is_image_error_is_delivered(grid: ImageGrid, connection: Connection) -> None:
    grid.deliver("id-0/0", "original", ImageError("The link is dead.", hint="Get the task again.", status_code=404))
    ((content, buffers),) = connection.sent
    assert content["problem"] == "The link is dead. Get the task again."
    assert (content["type"], content["kind"], content["key"], buffers) == ("image_error", "original", "id-0/0", [])


def test_a_message_is_shown(grid: ImageGrid, connection: Connection) -> None:
    grid.notify("3 saved.")
    assert connection.sent == [({"type": "notify", "text": "3 saved."}, [])]


def test_requests_reach_their_handler_in_order(connection: Connection, calls: list[tuple[str, list[str]]]) -> None:
    load(connection, "id-2/0", "id-0/0")
    load(connection, "id-1/0", kind="original")
    connection.receive_custom({"type": "save", "folder": "cats", "keys": ["id-1/0", "id-0/0"]})
    assert calls == [
        ("thumbnail", ["id-2/0", "id-0/0"]),
        ("original", ["id-1/0"]),
        ("cats", ["id-1/0", "id-0/0"]),
    ]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "load",
        [],
        {},
        {"type": "load"},
        {"type": "load", "kind": "thumbnail"},
        {"type": "load", "kind": "thumbnail", "keys": "id-0/0"},
        {"type": "load", "kind": "poster", "keys": ["id-0/0"]},
        {"type": "load", "kind": ["thumbnail"], "keys": ["id-0/0"]},
        {"type": {}, "keys": ["id-0/0"]},
        {"keys": ["id-0/0"]},
        {"type": "select"},
        {"type": "select", "how": "range", "first": -5, "last": {}, "version": "2"},
        {"type": "select", "how": "toggle", "keys": [3, "no such card"]},
        {"type": "select", "how": ["all"]},
        {"type": "compare"},
        {"type": "window"},
        {"type": "window", "version": 2, "first": "0", "last": -1},
        {"type": "sync"},
        {"type": "sync", "keys": {"a": 1}, "spans": "all", "dialog": [[]]},
        {"type": "sync", "spans": [{"anchor": [], "before": "x", "after": None}, 3]},
    ],
)
def test_malformed_messages_change_nothing(
    content: object, connection: Connection, state: ExplorerState, grid: ImageGrid, calls: list[tuple[str, list[str]]]
) -> None:
    connection.receive_custom(content)
    assert (calls, len(state.selection), grid.compared) == ([], 0, [])


@pytest.mark.parametrize("seen", ["one", [], {}, 1.5])
def test_a_malformed_number_is_ignored(
    seen: object, connection: Connection, calls: list[tuple[str, list[str]]]
) -> None:
    load(connection, "id-0/0", seen=seen)
    assert calls == [("thumbnail", ["id-0/0"])]


def test_images_in_flight_are_not_requested_twice(
    grid: ImageGrid, connection: Connection, calls: list[tuple[str, list[str]]]
) -> None:
    grid.deliver("id-0/0", "thumbnail", IMAGE)
    grid.deliver("id-1/0", "thumbnail", IMAGE)
    load(connection, "id-0/0", "id-1/0", "id-2/0", seen=0)
    load(connection, "id-0/0", "id-1/0", "id-2/0", seen=1)
    load(connection, "id-1/0", seen=1, kind="original")
    load(connection, "id-0/0", "id-1/0", "id-2/0", seen=2)
    assert [keys for _kind, keys in calls] == [
        ["id-2/0"],
        ["id-0/0", "id-2/0"],
        ["id-1/0"],
        ["id-0/0", "id-1/0", "id-2/0"],
    ]


def test_a_reloaded_page_gets_everything(
    grid: ImageGrid, connection: Connection, calls: list[tuple[str, list[str]]]
) -> None:
    grid.deliver("id-0/0", "thumbnail", IMAGE)
    load(connection, "id-0/0", seen=None)
    assert calls == [("thumbnail", ["id-0/0"])]


# Cards, their order, and the selection


def answer(connection: Connection, kind: str, **content: object) -> dict[str, Any]:
    """Sends a message as a page would, and returns the answer."""
    connection.receive_custom({"type": kind, "by": "a page", **content})
    return connection.sent[-1][0]


def shown(window: dict[str, Any]) -> list[str]:
    return [card["key"] for card in window["cards"]]


@pytest.fixture
def many(connection: Connection, state: ExplorerState) -> Iterator[ImageGrid]:
    """A grid of 5,000 cards."""
    state.put(make_tasks(5000))
    grid = ImageGrid(state, comm=connection)
    state.subscribe(lambda part: grid.draw_selection() if part == "selected" else grid.draw())
    yield grid
    close_tree(grid)


def test_a_page_gets_the_order_and_what_its_viewport_shows(many: ImageGrid, connection: Connection) -> None:
    told = answer(connection, "sync", spans=[{"anchor": "", "before": 0, "after": 2}])
    assert (told["type"], told["by"], told["version"]) == ("order", "a page", many.version)
    assert (told["count"], told["total"], told["note"]) == (5000, 5000, "")
    (window,) = told["windows"]
    assert (window["first"], shown(window)) == (0, ["id-0/0", "id-1/0", "id-2/0"])


def test_a_window_has_its_cards_and_no_more_than_anybody_sees(many: ImageGrid, connection: Connection) -> None:
    told = answer(connection, "window", version=many.version, first=4997, last=10_000)
    assert (told["first"], shown(told)) == (4997, ["id-4997/0", "id-4998/0", "id-4999/0"])
    assert len(answer(connection, "window", version=many.version, first=0, last=4999)["cards"]) == MOST_CARDS
    assert answer(connection, "window", version=many.version - 1, first=0, last=9)["cards"] == []


def test_an_anchor_keeps_its_place_unless_the_order_is_another(
    many: ImageGrid, connection: Connection, state: ExplorerState
) -> None:
    basis = answer(connection, "sync")["basis"]
    span = {"anchor": "id-4000/0", "before": 1, "after": 1}
    state.show(Filter("id-4"), Sort.NEWEST)
    told = answer(connection, "sync", basis=basis, keys=["id-4000/0", "id-5/0"], spans=[span])
    place = told["places"]["id-4000/0"]
    assert told["places"].keys() == {"id-4000/0"}
    assert (told["windows"][0]["first"], shown(told["windows"][0])[1]) == (place - 1, "id-4000/0")
    state.show(Filter("id-4"), Sort.ADDED)
    told = answer(connection, "sync", basis=basis, keys=["id-4000/0"], spans=[span])
    assert (told["basis"] != basis, told["windows"][0]["first"]) == (True, 0)
    assert many.version == told["version"]


def test_cards_of_a_dialog_come_from_anywhere(many: ImageGrid, connection: Connection, state: ExplorerState) -> None:
    state.show(Filter("id-1"), Sort.NEWEST)
    told = answer(connection, "sync", dialog=["id-4000/0", "no such card"])
    assert [card["key"] for card in told["found"]] == ["id-4000/0"]
    assert many.comm is not None


def test_any_number_of_cards_is_selected_and_told_in_a_few_words(
    many: ImageGrid, connection: Connection, state: ExplorerState
) -> None:
    told = answer(connection, "select", how="all", op=1)
    assert (told["type"], told["by"], told["op"]) == ("selection", "a page", 1)
    assert (told["runs"], told["count"], told["hidden"]) == ([[0, 4999]], 5000, 0)
    told = answer(connection, "select", how="toggle", keys=["id-7/0"], op=2)
    assert (told["runs"], told["count"]) == ([[0, 6], [8, 4999]], 4999)
    state.show(Filter("id-7"), Sort.NEWEST)
    told = answer(connection, "sync")["selection"]
    assert (told["runs"], told["count"], told["hidden"]) == ([[1, 110]], 4999, 4889)
    assert answer(connection, "select", how="none", op=3)["count"] == 0
    told = answer(connection, "select", how="range", first=9, last=4, version=many.version, op=4)
    assert (told["runs"], told["count"]) == ([[4, 9]], 6)
    # Places of another order mean nothing.
    told = answer(connection, "select", how="range", first=20, last=40, version=many.version - 1, op=5)
    assert told["count"] == 6


def test_a_selection_of_two_to_four_cards_is_compared(
    many: ImageGrid, connection: Connection, state: ExplorerState
) -> None:
    for count, compared in ((1, 0), (2, 2), (4, 4), (5, 4)):
        state.select(f"id-{number * 1000}/0" for number in range(count))
        connection.receive_custom({"type": "compare"})
        assert len(many.compared) == compared
    assert many.compared == [f"id-{number * 1000}/0" for number in range(4)]


def test_thousands_of_cards_are_one_model_and_none_is_saved(many: ImageGrid, connection: Connection) -> None:
    before = count_models()
    load(connection, "id-999/0")
    many.deliver("id-999/0", "thumbnail", IMAGE)
    assert count_models() == before
    state = {name: value for name, value in many.get_state().items() if name not in {"_esm", "_css"}}
    assert len(json.dumps(state, default=str)) < 2000


def test_closing_frees_all_models(connection: Connection) -> None:
    before = count_models()
    grid = ImageGrid(ExplorerState(lambda _part: None), comm=connection)
    assert count_models() > before
    close_tree(grid)
    assert count_models() == before
    grid.deliver("id-0/0", "thumbnail", IMAGE)
    assert connection.sent == []


# The files of the front end

PARTS = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))


def test_every_file_is_joined_once() -> None:
    joined = {*SCRIPTS, *EXPLORER_STYLES, *BUTTON_SCRIPTS, *MARKUP_SCRIPTS, *MARKUP_STYLES}
    assert sorted(joined) == PARTS
    for names in (SCRIPTS, EXPLORER_STYLES, BUTTON_SCRIPTS, MARKUP_SCRIPTS, MARKUP_STYLES):
        assert len(set(names)) == len(names)
    assert join_parts("explorer.css").startswith("/* explorer.css */\n")


@pytest.mark.parametrize("name", PARTS)
def test_a_file_is_short(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    assert text.endswith("\n")


@pytest.mark.parametrize("scripts", [SCRIPTS, MARKUP_SCRIPTS])
def test_a_module_is_self_contained(scripts: tuple[str, ...]) -> None:
    module = join_parts(*scripts)
    assert re.findall(r"^(?:import|export)\b.*", module, re.MULTILINE) == ["export default () => {"]
    # The namespace of SVG is an identifier and is never requested.
    assert set(re.findall(r"https?://[\w./-]+", module)) == {"http://www.w3.org/2000/svg"}


def test_base_classes_come_first() -> None:
    module = join_parts(*SCRIPTS)
    derived = re.findall(r"^class \w+ extends (\w+)", module, re.MULTILINE)
    assert derived
    for base in derived:
        assert module.index(f"class {base} ") < module.index(f"extends {base} ")
