"""Editing in the panel: opens an image in the markup editor, plans what a click sends, and shows what became of it.

What is drawn and typed stays here for each image, also when its editor is closed.
"""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.foreign import show_line
from seedream_nb.core.parallel import join_all
from seedream_nb.images.markup import Markup
from seedream_nb.images.thumbnails import make_thumbnail, read_facts
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.edit_orders import EditOrder, entries_for, find_warning, plan_edit, read_entries
from seedream_nb.panels.generate_form import CHECK_HISTORY, IN_PROGRESS, UNKNOWN
from seedream_nb.panels.jobs import SECONDS_TO_END, THREAD_NAME, Status
from seedream_nb.panels.markup_editor import MarkupEditor
from seedream_nb.panels.orders import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.edit_orders import EditEntries
    from seedream_nb.protocol.prices import PriceList

THUMBNAIL = 200  # pixels
MOST_LABEL = 80  # characters
LOADING = "The original is still loading."
OUTDATED = "Nothing was sent by this click: the button did not show yet what was drawn or typed last."
SENDING = "Generating…"


@dataclass
class _Session:
    """An image that is, or was, edited."""

    card: Card
    entries: EditEntries
    revision: str = ""
    original: Markup | None = None  # without shapes; only while its editor is open
    problem: str = ""
    result: Task | None = None

    @property
    def key(self) -> str:
        return self.card.key

    @property
    def label(self) -> str:
        return show_line(self.card.tile.prompt, MOST_LABEL) or "Image without a prompt"


class Editing:
    """The markup editor and what it works with.

    Args:
        send: Sends exactly the requests of an order, and calls back with their tasks and what became of them; returns
            whether it does, which is not so while others are sent.
        is_busy: Whether requests are being sent.
        is_outcome_unknown: Whether the last images may have been paid for without a result.
        fetcher: Fetches originals.
        compose: Composes the layers of a task.
        prices: The price list; None where nothing costs money.
        on_show: Called with whether an image is edited, when that changes.
        on_allow: Called when the user allows another request after one whose outcome is unknown.

    Attributes:
        editor: The widget.
    """

    def __init__(
        self,
        *,
        send: Callable[[Order, Callable[[Sequence[Task], Status], None]], bool],
        is_busy: Callable[[], bool],
        is_outcome_unknown: Callable[[], bool],
        fetcher: ImageFetcher,
        compose: Callable[[Task], TaskImage],
        prices: PriceList | None,
        on_show: Callable[[bool], None],
        on_allow: Callable[[], None],
    ) -> None:
        self._send = send
        self._is_busy = is_busy
        self._is_outcome_unknown = is_outcome_unknown
        self._fetcher = fetcher
        self._compose = compose
        self._prices = prices
        self._on_show = on_show
        self._on_allow = on_allow
        self._sessions: dict[str, _Session] = {}
        self._session: _Session | None = None
        self._plan = EditOrder(Order(problem=LOADING))
        self._planned = ""  # the revision of the plan
        self._lock = threading.RLock()
        self._latest = _Latest()
        self._stop = threading.Event()
        self.editor = MarkupEditor(
            self._submit,
            lambda: self.editor.send_status(OUTDATED),
            on_change=self._change,
            on_action=self._act,
            on_ready=self._greet,
        )

    def open(self, card: Card) -> None:
        """Opens an image in the editor, with what was drawn on it before."""
        session = self._sessions.setdefault(card.key, _Session(card, entries_for(card)))
        if self._session is session and session.original is not None:
            return
        session.card = card
        if self._session is not session:
            self._leave()
        self._session = session
        self._on_show(True)  # noqa: FBT003  the callback's own form
        session.problem = ""
        self._show(session)
        self._latest.run(lambda: self._load(session))

    def refresh(self) -> None:
        """Shows again what a click does, after a request began or ended. May be called in any thread."""
        with self._lock:
            if self._session is None:
                return
            is_unknown, plan = self._is_outcome_unknown(), self._plan
            problem = CHECK_HISTORY if is_unknown else IN_PROGRESS if self._is_busy() else plan.order.problem
            cost = plan.order.cost
            words = UNKNOWN if is_unknown else f"Generate: {cost}" if cost else "Generate"
            self.editor.show(words, {"revision": self._planned}, disabled=bool(problem), tooltip=problem)
            self.editor.send_plan(
                {
                    "revision": self._planned,
                    "problem": problem,
                    "is_outcome_unknown": is_unknown,
                    "marked": {"text": _describe_file(plan.marked)},
                    "layers": {"text": self._describe_original(), "prompt": plan.prompt},
                },
                _shrink(plan.marked),
            )

    def close(self) -> None:
        """Ends all work; the panel closes."""
        self._stop.set()
        self._latest.close()

    # In the kernel's main thread.

    def _show(self, session: _Session) -> None:
        original = session.original
        image = None
        if original is not None:
            image = original.clean, read_facts(original.clean).mime, original.size
        self.editor.show_image(
            session.key, session.label, session.entries, session.revision, image=image, problem=session.problem
        )

    def _greet(self) -> None:
        if self._session is not None:
            self._show(self._session)
            self.refresh()

    def _change(self, content: object) -> None:
        session = self._session
        if session is None:
            return
        session.entries = read_entries(content, session.entries)
        session.revision = self.editor.revision
        self._plan_soon(session)

    def _plan_soon(self, session: _Session) -> None:
        original = session.original
        if original is None:
            return
        entries, revision = session.entries, session.revision
        try:
            markup = Markup.from_json(original, entries.shapes)
        except SeedreamError as error:
            self._set_plan(session, revision, EditOrder(Order(problem=Status.of_error(error).text)))
            return
        self.editor.send_facts(markup.words, find_warning(markup, entries))
        self._latest.run(lambda: self._set_plan(session, revision, plan_edit(markup, entries, self._prices)))

    def _act(self, action: str) -> None:
        session = self._session
        if session is None:
            return
        if action == "close":
            self._leave()
            self._on_show(False)  # noqa: FBT003  the callback's own form
        elif action == "preview" and self._plan.content:
            content = self._plan.content
            self.editor.send_preview(self._planned, (content, read_facts(content).mime))
        elif action == "edit_result" and session.result is not None:
            self.open(make_cards(session.result, show_line(session.result.id).lower())[0])
        elif action == "allow":
            self._on_allow()

    def _leave(self) -> None:
        with self._lock:
            if self._session is None:
                return
            # Megabytes, which are in the library or in the fetcher's memory.
            self._session.original = None
            self._session = None
            self._plan, self._planned = EditOrder(Order(problem=LOADING)), ""
            self.editor.show("Generate", {"revision": ""}, disabled=True)
            self.editor.leave()

    def _submit(self, values: Mapping[str, object]) -> None:
        with self._lock:
            session, plan, revision = self._session, self._plan, self._planned
        if session is None or values.get("revision") != revision or plan.order.problem:
            self.editor.send_status(OUTDATED)
            return
        self.editor.send_status(SENDING, is_busy=True)
        is_sent = self._send(plan.order, lambda tasks, status: self._finish(session, revision, tasks, status))
        if not is_sent:
            self.editor.send_status(IN_PROGRESS)

    # In other threads.

    def _load(self, session: _Session) -> None:
        try:
            image = self._find_image(session.card)
            # Fetched here, where closing the panel cancels it.
            session.original = Markup(dataclasses.replace(image, data=self._fetch(image)))
        except SeedreamError as error:
            session.problem = Status.of_error(error).text
        with self._lock:
            if self._session is session:
                self._show(session)
                self._plan_soon(session)

    def _set_plan(self, session: _Session, revision: str, plan: EditOrder) -> None:
        with self._lock:
            if self._session is not session or session.revision != revision:
                return
            self._plan, self._planned = plan, revision
            self.refresh()

    def _finish(self, session: _Session, revision: str, tasks: Sequence[Task], status: Status) -> None:
        """Shows the result beside the original, if its editor is still open."""
        task = next((task for task in tasks if task.good_images), None)
        if self._session is not session:
            return
        self.editor.send_status(status.text, is_error=status.is_error)
        if task is None:
            return
        session.result = task
        try:
            image = self._find_image(make_cards(task, task.id)[0])
            content = self._fetch(image)
            facts = read_facts(content)
        except SeedreamError as error:
            self.editor.send_status(f"{status.text} {Status.of_error(error).text}", is_error=True)
            return
        text = f"{status.text} {_describe_file(content)}"
        with self._lock:
            if self._session is session:
                shown = {"text": text, "revision": revision, "prompt": show_line(task.prompt, MOST_LABEL)}
                self.editor.send_result(shown, (content, facts.mime))

    def _find_image(self, card: Card) -> TaskImage:
        """The image of a card, one with layers composed."""
        if card.tile.layers:
            return self._compose(card.task)
        if card.tile.image is None:
            raise SeedreamError("There is no image to edit.")
        return card.tile.image

    def _fetch(self, image: TaskImage) -> bytes:
        return image.data if image.data is not None else self._fetcher.fetch(image, stop=self._stop)

    def _describe_original(self) -> str:
        original = self._session.original if self._session else None
        return _describe_file(original.clean) if original else ""


class _Latest:
    """Runs work in a thread; what has not begun when the next one comes never does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def run(self, work: Callable[[], None]) -> None:
        """Runs work after what is running, in place of what is waiting."""
        with self._lock:
            if self._is_closed:
                return
            self._next = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Begins nothing more."""
        with self._lock:
            self._is_closed, self._next = True, None
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            join_all([thread], SECONDS_TO_END)

    def _work(self) -> None:
        while True:
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._thread = None
                    return
            try:
                work()
            except BaseException:
                with self._lock:
                    self._thread = None  # so that the next work runs
                raise


def _describe_file(content: bytes) -> str:
    """Size, format, and megabytes of an image file; empty without one."""
    if not content:
        return ""
    facts = read_facts(content)
    megabytes = len(content) / 1e6
    size = f"{megabytes:.1f} MB" if megabytes >= 0.1 else f"{len(content) / 1000:.0f} kB"  # noqa: PLR2004  one digit
    file_format = facts.mime.partition("/")[2].upper()
    return f"{facts.width}×{facts.height} · {file_format} · {size}"  # noqa: RUF001  the sign typographers use


def _shrink(content: bytes) -> tuple[bytes, str] | None:
    if not content:
        return None
    thumbnail = make_thumbnail(content, THUMBNAIL)
    return thumbnail.data, thumbnail.mime
