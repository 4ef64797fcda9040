"""The Python side of the grid widget, and the files of its front end."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Task
from seedream_nb.core.errors import ImageError
from seedream_nb.panels.cards import describe, make_cards
from seedream_nb.panels.explorer import EXPLORER_STYLES, close_tree
from seedream_nb.panels.grid import SCRIPTS, STATIC, ImageGrid, join_parts
from seedream_nb.panels.image_cache import Kind, LoadedImage
from seedream_nb.panels.markup_editor import MARKUP_SCRIPTS, MARKUP_STYLES
from seedream_nb.panels.submit import BUTTON_SCRIPTS
from tests.panels.support import Connection, count_models

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = LoadedImage(b"\xff\xd8 image", "image/jpeg", 320, 180)
MESSAGE = {"type": "image", "kind": "thumbnail", "mime": "image/jpeg", "width": 320, "height": 180}


def describe_tasks(count: int) -> list[dict[str, object]]:
    tasks = [Task.not_found(f"id-{number}") for number in range(count)]
    return [describe(card) for task in tasks for card in make_cards(task, task.id)]


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def grid(connection: Connection) -> Iterator[ImageGrid]:
    grid = ImageGrid(comm=connection, cards=describe_tasks(3), order=[0, 1, 2])
    yield grid
    close_tree(grid)


@pytest.fixture
def calls(grid: ImageGrid) -> list[tuple[str, list[str]]]:
    """The arguments of all calls of the handlers."""
    calls: list[tuple[str, list[str]]] = []

    def note(what: str, keys: list[str]) -> None:
        calls.append((what, keys))

    grid.on_load(note)
    grid.on_action(note)
    grid.on_save(lambda keys, folder: note(folder, keys))
    grid.on_time_zone(lambda name: note(name, []))
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


def test_requests_reach_their_handler_in_order(
    grid: ImageGrid, connection: Connection, calls: list[tuple[str, list[str]]]
) -> None:
    load(connection, "id-2/0", "no such card", "id-0/0")
    load(connection, "id-1/0", kind="original")
    assert calls == [("thumbnail", ["id-2/0", "id-0/0"]), ("original", ["id-1/0"])]
    grid.cards = describe_tasks(1)
    load(connection, "id-2/0", "id-0/0")
    assert calls[2:] == [("thumbnail", ["id-0/0"])]


def test_actions_reach_their_handler(connection: Connection, calls: list[tuple[str, list[str]]]) -> None:
    connection.receive_custom({"type": "save", "folder": "cats", "keys": ["id-1/0", "id-0/0", "no such card"]})
    connection.receive_custom({"type": "action", "action": "use_settings", "keys": ["id-2/0"]})
    connection.receive_custom({"type": "action", "action": "copy_prompt", "keys": ["id-0/0"]})
    assert calls == [
        ("cats", ["id-1/0", "id-0/0"]),
        ("use_settings", ["id-2/0"]),
        ("copy_prompt", ["id-0/0"]),
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
        {"type": "action", "action": "erase", "keys": ["id-0/0"]},
        {"type": "action", "action": {}, "keys": ["id-0/0"]},
        {"type": "action", "action": "use_settings", "keys": []},
        {"type": "action", "action": "use_settings", "keys": [None, 3, ["id-0/0"], "no such card"]},
        {"type": "save", "folder": "cats", "keys": []},
        {"type": "save", "keys": ["id-0/0"]},
        {"type": "save", "folder": None, "keys": ["id-0/0"]},
        {"type": "time_zone", "name": 1},
        {"type": {}, "keys": ["id-0/0"]},
        {"keys": ["id-0/0"]},
    ],
)
def test_malformed_messages_are_ignored(
    content: object, connection: Connection, calls: list[tuple[str, list[str]]]
) -> None:
    connection.receive_custom(content)
    assert calls == []


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


def test_the_selection_comes_from_the_browser(grid: ImageGrid, connection: Connection) -> None:
    seen: list[object] = []
    grid.observe(lambda change: seen.append(change["new"]), "selected")
    connection.receive(method="update", state={"selected": ["id-1/0"]}, buffer_paths=[])
    assert seen == [["id-1/0"]]
    connection.receive(method="update", state={"selected": 5}, buffer_paths=[])  # rejected, with a line in the log
    assert grid.selected == ["id-1/0"]


def test_a_thousand_cards_are_one_model(grid: ImageGrid, connection: Connection) -> None:
    before = count_models()
    grid.cards = describe_tasks(1000)
    grid.order = list(range(1000))
    load(connection, "id-999/0")
    grid.deliver("id-999/0", "thumbnail", IMAGE)
    assert count_models() == before


def test_closing_frees_all_models(connection: Connection) -> None:
    before = count_models()
    grid = ImageGrid(comm=connection, cards=describe_tasks(3))
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
