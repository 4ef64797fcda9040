"""The markup editor without a browser: its messages are sent as a browser would send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Explorer, SeedreamClient, Task, TaskImage, TaskStatus, explore
from seedream_nb.images.markup import Markup
from seedream_nb.panels.edit_orders import EditEntries, plan_edit, read_entries
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.prices import default_prices
from tests.panels.support import QUICKLY, join_jobs, layered, record_messages
from tests.sample_images import decode, plain
from tests.scripted_server import Answer, ScriptedServer
from tests.servers import client_to

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Sandbox

SOURCE = "84d1544a-9043-4dde-a98b-e889dacd75f6"
OLDEST = "doubao-seedream-4-0-250828"
PRO = "doubao-seedream-5-0-pro-260628"
BOX = {"kind": "box", "color": "red", "points": [[10, 20], [40, 50]], "text": "", "number": 1}
SMALL = Markup(plain(80, 60))


class Browser:
    """The editor's front end, as far as its messages go."""

    def __init__(self, panel: Explorer) -> None:
        self.panel = panel
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.count = 0
        record_messages(panel, self.sent)

    def open(self, place: int = 0) -> None:
        keys = [card.key for card in self.panel._state.collection.cards[place : place + 1]]
        self.panel.grid._handle_custom_msg({"type": "action", "action": "edit", "keys": keys}, [])
        join_jobs()

    def send(self, kind: str, **content: object) -> None:
        message = {"type": kind, "key": self.panel.editor.key, **content}
        self.panel.editor._handle_custom_msg(message, [])
        join_jobs()

    def change(self, **entries: object) -> None:
        self.count += 1
        whole = {**EditEntries(model=OLDEST).to_dict(), **entries}
        self.send("change", revision=f"r-{self.count}", entries=whole)

    def last(self, kind: str) -> dict[str, Any]:
        return [content for content, _buffers in self.sent if content["type"] == kind][-1]

    def buffer(self, kind: str) -> bytes:
        return [buffers[0] for content, buffers in self.sent if content["type"] == kind and buffers][-1]


@pytest.fixture
def browser(panel: Explorer) -> Browser:
    request = {"prompt": "an empty room", "model": OLDEST, "size": "1K", "watermark": False}
    image = TaskImage(SOURCE, data=plain(80, 60), prompt="an empty room", size="80x60")
    panel.add([Task(SOURCE, TaskStatus.SUCCEEDED, (image,), prompt="an empty room", model=OLDEST, request=request)])
    browser = Browser(panel)
    browser.open()
    return browser


def test_it_opens_with_the_image_and_the_settings_of_its_request(browser: Browser) -> None:
    session = browser.last("session")
    assert (session["width"], session["height"], session["label"]) == (80, 60, "an empty room")
    assert session["entries"] == EditEntries(model=OLDEST, size="1K", watermark=False).to_dict()
    assert browser.buffer("session") == plain(80, 60)
    assert len([buffers for _content, buffers in browser.sent if buffers == [plain(80, 60)]]) == 1
    assert "seedream-editing" in browser.panel._dom_classes


def test_what_the_button_says_is_what_a_click_sends(browser: Browser, sandbox: Sandbox) -> None:
    editor = browser.panel.editor
    assert (editor.description, editor.disabled) == ("Generate", True)
    browser.change(instruction="Put a sofa in the red box 1", shapes=[BOX])
    assert (editor.description, editor.disabled) == ("Generate: 1 request to the sandbox", False)
    assert editor.seen == {"revision": "r-1"}
    assert browser.last("facts")["words"] == {"1": "in the red box 1"}
    assert "80×60 · PNG" in browser.last("plan")["marked"]["text"]  # noqa: RUF001  the sign typographers use
    browser.send("preview")
    shown = browser.buffer("preview")
    assert decode(shown).size == (80, 60)
    editor.click()
    join_jobs()
    assert len(sandbox.requests.of_kind("images")) == 1
    task = browser.panel.tasks[1]
    assert (task.prompt, task.model) == ("Put a sofa in the red box 1", OLDEST)
    assert browser.last("result")["prompt"] == "Put a sofa in the red box 1"
    assert browser.panel._state.revealed.startswith(task.id.lower())


def test_a_click_on_what_was_shown_before_sends_nothing(browser: Browser, sandbox: Sandbox) -> None:
    browser.change(instruction="Make it night")
    number = browser.panel.editor.number
    browser.change(instruction="Make it day")
    for values in ({"revision": "r-1"}, {"revision": "r-2"}, {}):
        browser.send("submit", number=number, values=values)
    browser.send("submit", number=browser.panel.editor.number, values={"revision": "r-1"})
    assert "Nothing was sent by this click" in browser.last("status")["text"]
    assert not sandbox.requests.of_kind("images")


def test_a_second_click_on_the_same_words_sends_nothing(browser: Browser, sandbox: Sandbox) -> None:
    browser.change(instruction="Make it night")
    number = browser.panel.editor.number
    for _ in range(3):
        browser.send("submit", number=number, values={"revision": "r-1"})
    assert len(sandbox.requests.of_kind("images")) == 1


def test_entries_stay_for_each_image_while_the_panel_is_open(browser: Browser) -> None:
    other = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"
    image = TaskImage(other, data=plain(40, 30), prompt="a garden", size="40x30")
    browser.panel.add([Task(other, TaskStatus.SUCCEEDED, (image,), prompt="a garden")])
    browser.change(instruction="Put a sofa here", shapes=[BOX])
    browser.send("close")
    assert "seedream-editing" not in browser.panel._dom_classes
    browser.open(1)
    assert browser.last("session")["entries"]["shapes"] == []
    assert browser.last("session")["width"] == 40
    browser.open(0)
    assert browser.last("session")["entries"]["shapes"] == [BOX]
    assert browser.last("session")["entries"]["instruction"] == "Put a sofa here"


def test_an_image_that_cannot_be_loaded_is_explained(panel: Explorer) -> None:
    image = TaskImage(SOURCE, url="http://127.0.0.1:9/gone.png", prompt="gone")
    panel.add([Task(SOURCE, TaskStatus.SUCCEEDED, (image,), prompt="gone")])
    browser = Browser(panel)
    browser.open()
    assert browser.last("session")["problem"]
    assert panel.editor.disabled


def test_a_page_that_is_reloaded_gets_everything_again(browser: Browser) -> None:
    browser.change(instruction="Put a sofa here", shapes=[BOX])
    browser.sent.clear()
    browser.send("ready")
    assert browser.last("session")["entries"]["shapes"] == [BOX]
    assert browser.buffer("session") == plain(80, 60)
    assert browser.last("plan")["revision"] == "r-1"


@pytest.mark.parametrize(
    "shape",
    [
        {**BOX, "kind": "circle"},
        {**BOX, "color": "mauve"},
        {**BOX, "points": [[10, 20]]},
        {**BOX, "points": [[10, 20], [90, 50]]},
        {**BOX, "points": "none"},
        {"kind": "text", "color": "red", "points": [[1, 1]], "text": " ", "number": 1},
    ],
)
def test_a_strange_shape_is_explained_and_sends_nothing(
    browser: Browser, sandbox: Sandbox, shape: dict[str, object]
) -> None:
    browser.change(instruction="Put a sofa here", shapes=[shape])
    assert browser.panel.editor.disabled
    assert "Shape 1 of 1" in browser.last("plan")["problem"]
    browser.panel.editor.click()
    join_jobs()
    assert not sandbox.requests.of_kind("images")


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_json = st.recursive(_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
_names = st.sampled_from(["shapes", "instruction", "model", "size", "watermark", "method"])


@given(_json | st.dictionaries(_names, _json | st.sampled_from(["layers", OLDEST])))
def test_any_message_is_read_and_planned(content: object) -> None:
    entries = read_entries(content, EditEntries())
    assert entries.model in MODELS
    assert read_entries(entries.to_dict(), EditEntries()) == entries
    plan = plan_edit(SMALL, entries, default_prices()).order
    assert bool(plan.requests) != bool(plan.problem)


def test_the_cost_is_that_of_the_request() -> None:
    plan = plan_edit(SMALL, EditEntries(instruction="Make it night"), default_prices())
    assert plan.order.cost == "1 paid request, about $0.04 (prices of 2026-08)"
    assert plan.content == plan.marked == SMALL.clean


def test_a_layer_decomposition_sends_the_clean_image_and_boxes_in_words() -> None:
    markup = Markup.from_json(SMALL, [BOX])
    entries = EditEntries((BOX,), "the sofa", PRO, method="layers")
    plan = plan_edit(markup, entries, default_prices())
    (request,) = plan.order.requests
    assert (request.image, request.options.layers) == (SMALL.original, True)
    assert request.prompt == plan.prompt == "the sofa\n<bbox>125 333 500 833</bbox>"
    assert plan.marked != plan.content
    refused = plan_edit(markup, EditEntries((BOX,), "", OLDEST, method="layers"), default_prices())
    assert "can't decompose" in refused.order.problem


def test_the_marked_copy_knows_what_it_was_made_from(browser: Browser) -> None:
    browser.change(instruction="Put a sofa in the red box 1", shapes=[BOX])
    plan = browser.panel._editing._plan
    (request,) = plan.order.requests
    assert request.image == plan.content
    source = Markup(plan.content).source
    assert source is not None
    assert (source.task_id, source.index) == (SOURCE, 0)


def test_an_edit_is_a_child_of_the_image(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path) as client:
        panel = explore(client, [SOURCE], pace=QUICKLY)
        browser = Browser(panel)
        browser.open()
        browser.change(instruction="Put a hat in the red box 1", shapes=[BOX])
        panel.editor.click()
        join_jobs()
        panel.close()
        edited = client.cache.open().search("hat")[0]
        assert [(parent.task_id, parent.index) for parent in edited.images[0].parents] == [(SOURCE, 0)]


def test_layers_are_composed_to_be_drawn_on(panel: Explorer) -> None:
    panel.add([layered(SOURCE, "red", "#0000ff80")])
    browser = Browser(panel)
    browser.open()
    assert (browser.last("session")["width"], browser.last("session")["height"]) == (8, 6)


def test_an_unclear_outcome_is_not_paid_for_twice() -> None:
    with ScriptedServer(Answer(manner="drop")) as server, client_to(server) as client:
        panel = explore(client, [Task(SOURCE, TaskStatus.SUCCEEDED, (TaskImage(SOURCE, data=plain(80, 60)),))])
        browser = Browser(panel)
        browser.open()
        browser.change(instruction="Make it night", shapes=[BOX])
        panel.editor.click()
        join_jobs()
        panel.editor.click()
        join_jobs()
        assert len(server.received) == 1
        assert (panel.editor.description, panel.editor.disabled) == ("Outcome unknown", True)
        assert browser.last("plan")["is_outcome_unknown"]
        browser.send("allow")
        assert not panel.editor.disabled
        assert len(server.received) == 1
        panel.close()
