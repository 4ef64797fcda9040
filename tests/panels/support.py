"""What several tests of the panel share: a fake browser connection, tasks with layers, and any task."""

from __future__ import annotations

import datetime as dt
import sys
import threading
from typing import Any

from comm.base_comm import BaseComm
from hypothesis import strategies as st

from seedream_nb import Explorer, Pace, Task, TaskImage, TaskStatus, Usage
from seedream_nb.panels.cards import describe
from seedream_nb.panels.jobs import THREAD_NAME
from tests.gallery import strategies
from tests.sample_images import plain

QUICKLY = Pace(first=0.02, longest=0.05)

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strategies.texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strategies.texts, inner, max_size=3),
    max_leaves=6,
)
_requests = st.dictionaries(
    strategies.texts | st.sampled_from(["image", "size", "background", "sequential_image_generation"]),
    _json_values,
    max_size=4,
)
_moments = st.none() | st.datetimes(timezones=st.just(dt.timezone.utc))
any_task = st.builds(
    Task,
    strategies.texts,
    st.sampled_from(TaskStatus),
    st.lists(strategies.images, max_size=3).map(tuple),
    prompt=strategies.texts,
    request=_requests,
    error=st.none() | strategies.errors,
    created_at=_moments,
    finished_at=_moments,
    elapsed=st.none() | st.floats(0, 1e9),
    usage=st.none() | st.builds(Usage, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers()),
)


def layered(task_id: str, *colors: str) -> Task:
    """A task with a layer of each color, the base first."""
    layers = (TaskImage(task_id, place, data=plain(8, 6, color), z_index=place) for place, color in enumerate(colors))
    return Task(task_id, TaskStatus.SUCCEEDED, tuple(layers), prompt="a boat")


def describe_shown(panel: Explorer) -> list[dict[str, Any]]:
    """The cards shown in order, as the front end gets them."""
    state = panel._state
    return [describe(card) for card in state.read(state.arrangement.numbers) if card is not None]


def keys_of(panel: Explorer) -> list[str]:
    """The keys of the cards of the panel's own tasks, in the order in which they were added."""
    return [card.key for card in panel._state.collection.cards]


def join_jobs() -> None:
    """Waits until all work of panels is done."""
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(20)


def count_models() -> int:
    """The number of live widget models, which ipywidgets keeps by id."""
    return len(sys.modules["ipywidgets.widgets.widget"]._instances)


def record_messages(panel: Explorer, sent: list[tuple[dict[str, Any], list[bytes]]]) -> None:
    """Records the messages to a panel's editor, with their buffers, instead of sending them."""

    def send(content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        sent.append((content, buffers or []))

    panel.editor.send = send  # no browser is there


class Connection(BaseComm):
    """The kernel's end of a connection to a browser; records what is sent."""

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
        """Handles a message as if the browser had sent it."""
        self.handle_msg({"content": {"data": data}, "buffers": []})

    def receive_custom(self, content: object) -> None:
        self.receive(method="custom", content=content)


def close_panels() -> None:
    """Closes all panels that are open: they would continue to look for changes in the tests that follow."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    for widget in list(module._instances.values()) if module else ():
        if isinstance(widget, Explorer):
            widget.close()
