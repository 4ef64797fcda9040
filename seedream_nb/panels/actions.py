"""The panel's actions, without any widget: each is work for a thread, and what to do with its result."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from seedream_nb.client.references import read_references
from seedream_nb.core.errors import OutcomeUnknownError, SeedreamError, UsageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.task_ids import read_task_ids
from seedream_nb.core.text import count_of, read_since
from seedream_nb.panels.generate_settings import find_reference_problem
from seedream_nb.panels.history_source import PAGE, HistorySource
from seedream_nb.panels.jobs import Status
from seedream_nb.panels.library_source import LibrarySource
from seedream_nb.panels.saving import compose_image, save_cards
from seedream_nb.panels.state import FEW
from seedream_nb.protocol.capabilities import MAX_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.polling import Pace
    from seedream_nb.client.references import Reference
    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.jobs import Jobs
    from seedream_nb.panels.orders import Order
    from seedream_nb.panels.state import ExplorerState, Part

SECONDS_BETWEEN_LOOKS = 2.0  # at a library that others write to
MOST_COMPOSED = MAX_IMAGES - 1  # composed images of a selection; no request takes more references
SAVE_DIRECTORY = "seedream_results"  # unless the user names another one


class Actions:
    """What the panel can do.

    Args:
        state: What the panel shows.
        jobs: Runs the work.
        client: Sends the requests.
        fetcher: Fetches originals.
        pace: The polling interval; None for the client's own.

    Attributes:
        is_outcome_unknown: Whether the last images may have been paid for without a result. Nothing more is generated
            until the user decides so.
    """

    def __init__(
        self,
        state: ExplorerState,
        jobs: Jobs,
        client: SeedreamClient,
        fetcher: ImageFetcher,
        *,
        pace: Pace | None = None,
    ) -> None:
        self.is_outcome_unknown = False
        self._state = state
        self._jobs = jobs
        self._client = client
        self._fetcher = fetcher
        self._pace = pace
        self._library: LibrarySource | None = None
        self._history: HistorySource | None = None
        self._pages = itertools.count()
        self._composing = threading.Lock()
        self._saving = threading.Lock()
        self._save_numbers = itertools.count()
        state.subscribe(self._follow_selection)

    def get(self, text: str) -> None:
        """Adds the tasks whose ids occur in a text."""
        self._jobs.run("get", lambda: self._retrieve(text), self._show_retrieved, "Fetching tasks…")

    def show_tasks(self) -> None:
        """Shows the panel's own tasks."""
        self._state.open()

    def show_library(self) -> None:
        """Shows the whole library on this machine."""
        if self._library is None:
            self._jobs.run("library", self.open_library, self._show_library, "Opening the library…")
        else:
            self._show_library(self._library)

    def open_library(self) -> LibrarySource:
        """The whole library as a source, with what was written to it meanwhile."""
        if self._library is None:
            self._library = LibrarySource(self._client.cache.open(), self._show_progress)
            self._jobs.repeat("watch", SECONDS_BETWEEN_LOOKS, self._look_at_library)
        return self._library

    def show_history(self, since: str | None = None) -> None:
        """Shows the account's history, page by page as it comes into view.

        Args:
            since: Empty, or as `seedream_nb.core.text.read_since` reads it; None shows what was shown before.
        """
        if self._history is not None and since is None:
            self._state.open(self._history)
        else:
            self._jobs.run("history", lambda: self._open_history(since or ""), self._show_history, "Loading history…")

    def generate(
        self, order: Order, finished: Callable[[Sequence[Task], Status], None] = lambda _tasks, _status: None
    ) -> bool:
        """Sends exactly these requests. Costs money.

        Args:
            order: The requests.
            finished: Called with their tasks and what became of them, in any thread.

        Returns:
            Whether they are being sent; not while others are.
        """

        def work() -> tuple[Sequence[Task], Status]:
            try:
                batch = self._generate(order)
            except SeedreamError as error:
                return (), Status.of_error(error)
            return batch.tasks, _summarize_batch(batch)

        def done(result: tuple[Sequence[Task], Status]) -> Status:
            finished(*result)
            return result[1]

        return self._jobs.run("generate", work, done, "Sending requests…")

    def save(self, keys: Sequence[str] | None, folder: str, show: Callable[[Status], None]) -> None:
        """Saves exactly the images of some cards, with the records of their tasks.

        Args:
            keys: The cards; None for those that are selected now. Composed images are saved as they are shown.
            folder: The folder; it is created if needed.
            show: Called with what became of it, in any thread.
        """
        cards = self._state.selected_cards() if keys is None else iter(self._state.find(keys))

        def work() -> Status:
            # One after the other, so that none is lost when the next one is clicked.
            with self._saving:
                try:
                    return save_cards(cards, folder, self._fetcher)
                except SeedreamError as error:
                    return Status.of_error(error)

        def done(status: Status) -> Status:
            show(status)
            return status

        self._jobs.run(f"save {next(self._save_numbers)}", work, done, "Saving originals…")

    def follow(self) -> None:
        """Polls all tasks in progress until they are finished."""
        if self._ids_in_progress():
            self._jobs.run("follow", self._wait, lambda _result: None, "Waiting for tasks in progress…")

    def read_files(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """The valid ones of uploaded reference images, as they are sent; the status line names the others."""
        return tuple(found for name, content in files.items() for found in self.read_references([content], name))

    def read_references(self, images: Sequence[Reference], name: str = "") -> tuple[str, ...]:
        """Reference images as they are sent; none, and an error in the status line, when one is invalid."""
        try:
            found = read_references(images)
            problem = next(filter(None, map(find_reference_problem, found)), "")
        except UsageError as error:
            found, problem = (), error.message
        if problem:
            self._state.set_status(Status(": ".join(filter(None, (name, problem))), is_error=True))
        return () if problem else found

    def _follow_selection(self, part: Part) -> None:
        """Composes the layers of selected images, for use in Python and as references."""
        if part not in {"selected", "images"}:
            return
        if len(self._state.selection) > FEW:
            return  # composed when they are read
        layered = [card for card in self._state.selected_cards() if card.tile.layers]
        for card in layered[:MOST_COMPOSED]:
            if self._state.composed_image(card) is None:
                self._compose(card)
        if len(layered) > MOST_COMPOSED:
            self._state.set_status(Status(f"Only the first {MOST_COMPOSED} selected images with layers are composed."))

    def _compose(self, card: Card) -> None:
        def work() -> TaskImage | None:
            # One at a time, because each takes a hundred megabytes while it is composed.
            with self._composing:
                is_wanted = self._state.is_selected(card) and not self._jobs.stop.is_set()
                return compose_image(card.task, self._fetcher) if is_wanted else None

        def done(image: TaskImage | None) -> None:
            if image is not None:
                self._state.set_composed(card, image)

        self._jobs.run(f"compose {card.key}", work, done, f"Composing the layers of {card.tile.task_id}…")

    def _retrieve(self, text: str) -> list[Task]:
        task_ids = read_task_ids(text)
        try:
            return self._client.retrieve_batch(task_ids)
        except SeedreamError as error:
            # Tasks that arrived before the error are shown.
            self._state.put(error.partial)
            raise

    def _show_retrieved(self, tasks: Sequence[Task]) -> Status:
        self._state.open()
        self._state.put(tasks)
        unknown = sum(task.status is TaskStatus.NOT_FOUND for task in tasks)
        if unknown == len(tasks):
            return Status("None of these task IDs was found.", is_error=True)
        self.follow()
        return self._count_tasks(f"{count_of(unknown, 'ID')} not found." if unknown else "")

    def _show_library(self, source: LibrarySource) -> Status:
        self._state.open(source)
        return Status()

    def _show_progress(self, done: int, count: int) -> None:
        if count > FEW:
            self._state.set_status(Status(f"Reading the library: {done:,} of {count:,} tasks…", is_busy=True))

    def _look_at_library(self) -> None:
        if self._library is not None and self._state.source is self._library and self._library.has_changed():
            self._state.refresh(self._library.renew)

    def show_marks(self) -> None:
        """Shows marks that were changed here, in filters and orders, too."""
        is_library = self._library is not None and self._state.source is self._library
        self._state.refresh(self._library.renew if self._library is not None and is_library else lambda: None)

    def _open_history(self, since: str) -> HistorySource:
        created_after = (
            read_since(since, datetime.now(timezone.utc).astimezone(self._state.zone)) if since.strip() else None
        )
        source = HistorySource(lambda: self._load_pages(source, created_after))
        self._load_page(source, 0, created_after)
        return source

    def _show_history(self, source: HistorySource) -> Status:
        self._history = source
        self._state.open(source)
        self.follow()
        return Status() if source.total else Status("The history is empty.")

    def _load_pages(self, source: HistorySource, created_after: datetime | None) -> None:
        """Loads what the source wants, in a thread."""

        def work() -> None:
            try:
                while (offset := source.next_page()) is not None and not self._jobs.stop.is_set():
                    self._load_page(source, offset, created_after)
            except Exception:
                source.fail()
                raise
            self.follow()

        self._jobs.run(f"page {next(self._pages)}", work, lambda _result: None, "Loading history…")

    def _load_page(self, source: HistorySource, offset: int, created_after: datetime | None) -> None:
        page = self._client.history(PAGE, offset=offset, created_after=created_after, page_size=PAGE)
        tasks = list(page)
        self._state.refresh(lambda: source.insert(offset, tasks, page.total))

    def _generate(self, order: Order) -> GenerationBatch:
        # Here, where no other batch runs: the second click of a double click may come before or after the first ended.
        if self.is_outcome_unknown:
            raise UsageError("Nothing was sent: the outcome of the last request is unknown.")
        batch = self._client.generate_all(order.requests, pace=self._pace, stop=self._jobs.stop)
        is_revealed = False
        try:
            for _news in batch.updates():
                tasks = batch.tasks
                sent = [task for task in tasks if task.id]
                self._state.put(sent)
                # Once, because the user may have scrolled on meanwhile.
                if sent and not is_revealed:
                    is_revealed = True
                    self._state.reveal(sent)
                finished = sum(task.status.is_final for task in tasks)
                status = Status(f"{finished} of {count_of(len(tasks), 'request')} finished…", is_busy=True)
                self._state.set_status(status)
        finally:
            # Also after an error. A rejected request has no id; the status line reports it.
            self._state.put(task for task in batch.tasks if task.id)
            self.is_outcome_unknown = any(isinstance(one, OutcomeUnknownError) for one in batch.failures.values())
        return batch

    def _wait(self) -> None:
        while in_progress := self._ids_in_progress():
            waiting = self._client.iter_wait(in_progress, pace=self._pace, stop=self._jobs.stop)
            for news in waiting.updates():
                if news:
                    self._state.put(news, only_known=True)
                polled = {task.id for task in waiting.tasks}
                if added := [task_id for task_id in self._ids_in_progress() if task_id not in polled]:
                    waiting.add(added)
            if self._jobs.stop.is_set() or set(self._ids_in_progress()) >= set(in_progress):
                return

    def _ids_in_progress(self) -> list[str]:
        return [task.id for task in self._state.pending]

    def _count_tasks(self, note: str = "") -> Status:
        tasks = self._state.collection.tasks
        return Status(" ".join(filter(None, (f"{count_of(len(tasks), 'task')}.", note))))


def _summarize_batch(batch: GenerationBatch) -> Status:
    tasks = batch.tasks
    generated = f"{count_of(sum(len(task.good_images) for task in tasks), 'image')} generated."
    errors = [
        batch.failures.get(place) or _find_error(task) for place, task in enumerate(tasks) if not task.good_images
    ]
    if not errors:
        return Status(generated)
    # What may have been paid for without a result comes first.
    error = next((one for one in errors if isinstance(one, OutcomeUnknownError)), errors[0])
    count = f"{generated} {len(errors)} of {len(tasks)} requests failed:" if len(tasks) > 1 else ""
    return Status.of_error(error, count)


def _find_error(task: Task) -> SeedreamError:
    """Why a task has no image."""
    try:
        task.raise_for_status()
    except SeedreamError as error:
        return error
    return SeedreamError("The task returned no image.")
