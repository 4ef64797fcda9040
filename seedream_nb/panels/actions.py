"""Why: what a click does, without any widget: each action is some work for a thread, and what to do with its result."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from seedream_nb.client.references import read_references
from seedream_nb.core.errors import LibraryError, OutcomeUnknownError, SeedreamError, UsageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.task_ids import read_task_ids
from seedream_nb.core.text import count_of
from seedream_nb.core.times import read_since
from seedream_nb.gallery import Gallery
from seedream_nb.panels.composing import compose_image
from seedream_nb.panels.jobs import Status
from seedream_nb.panels.make_settings import find_reference_problem, plan
from seedream_nb.protocol.capabilities import MAX_IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.polling import Pace
    from seedream_nb.client.references import Reference
    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery import SaveReport
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.jobs import Jobs
    from seedream_nb.panels.make_settings import MakeSettings
    from seedream_nb.panels.state import ExplorerState, Part

PAGE = 24  # tasks of the history that one click brings
MOST_COMPOSED = MAX_IMAGES - 1  # pictures in layers of a selection; no request takes more references
SAVE_DIRECTORY = "seedream_results"


class Actions:
    """What the panel can do.

    Args:
        state: What is shown.
        jobs: Where work is done.
        client: Whom to ask.
        fetcher: Fetches originals.
        pace: How often is asked for tasks that are not finished; None for the client's own pace.
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
        self._state = state
        self._jobs = jobs
        self._client = client
        self._fetcher = fetcher
        self._pace = pace
        self._history: Iterator[Task] | None = None
        self._since = ""
        self._searched = ""
        self._found = 0
        self._composing = threading.Lock()
        state.watch(self._follow_selection)

    def get(self, text: str) -> None:
        """Adds the tasks whose ids stand in a text."""
        self._jobs.run("get", lambda: self._retrieve(text), self._take, "Retrieving tasks …")

    def show_history(self, since: str) -> None:
        """Adds the next tasks of the history.

        Args:
            since: From when on; as `seedream_nb.core.times.read_since` reads it, or empty.
        """
        self._jobs.run("history", lambda: self._read_history(since), self._take_page, "Reading the history …")

    def search_library(self, text: str) -> None:
        """Adds the next tasks of the library on this machine.

        Args:
            text: Words of their prompts, as `Library.search` reads them; empty for all.
        """
        self._jobs.run("library", lambda: self._search_library(text), self._take_found, "Looking in the library …")

    def make(self, settings: MakeSettings) -> None:
        """Makes pictures, as the settings say. Costs money."""
        self._jobs.run("make", lambda: self._make(settings), self._end_make, "Sending …")

    def save(self, keys: Sequence[str]) -> None:
        """Saves the originals of some cards, with their records."""
        tasks = {id(card.task): card.task for card in self._state.find(keys)}
        gallery = Gallery(tasks.values(), fetcher=self._fetcher)
        self._jobs.run("save", lambda: gallery.save(SAVE_DIRECTORY), _say_saved, "Saving originals …")

    def follow(self) -> None:
        """Waits for all tasks that are not finished."""
        if self._open_ids():
            self._jobs.run("follow", self._wait, lambda _result: None, "Waiting for open tasks …")

    def read_files(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Checks uploaded reference images.

        Args:
            files: Contents by file name.

        Returns:
            What travels for each that is good; the status line names the others.
        """
        return tuple(found for name, content in files.items() for found in self.read_references([content], name))

    def read_references(self, images: Sequence[Reference], name: str = "") -> tuple[str, ...]:
        """Checks images that are to be references.

        Args:
            images: Such as the selected ones.
            name: What to call them in the status line.

        Returns:
            What travels for each; none, with a word in the status line, when one cannot be used.
        """
        try:
            found = read_references(images)
            problem = next(filter(None, map(find_reference_problem, found)), "")
        except UsageError as error:
            found, problem = (), error.message
        if problem:
            self._state.say(Status(": ".join(filter(None, (name, problem))), is_error=True))
        return () if problem else found

    def _follow_selection(self, part: Part) -> None:
        """Puts the layers of selected pictures together, so that these can be had in Python and as references."""
        if part not in {"selected", "images"}:
            return
        layered = [card for card in self._state.find(self._state.selected) if card.tile.layers]
        for card in layered[:MOST_COMPOSED]:
            if not self._state.has_composed(card):
                self._compose(card)
        if len(layered) > MOST_COMPOSED:
            self._state.say(Status(f"Of a selection, {MOST_COMPOSED} composed pictures are put together, not more."))

    def _compose(self, card: Card) -> None:
        def work() -> TaskImage | None:
            # One after the other: each takes a hundred megabytes while it is put together.
            with self._composing:
                is_wanted = card.key in self._state.selected and not self._jobs.stop.is_set()
                return compose_image(card.task, self._fetcher) if is_wanted else None

        def done(image: TaskImage | None) -> None:
            if image is not None:
                self._state.keep_composed(card, image)

        self._jobs.run(f"compose {card.key}", work, done, f"Putting the layers of {card.tile.task_id} together …")

    def _retrieve(self, text: str) -> list[Task]:
        task_ids = read_task_ids(text)
        try:
            return self._client.retrieve_batch(task_ids)
        except SeedreamError as error:
            # What was read all the same is shown before the error is.
            self._state.put(error.partial)
            raise

    def _take(self, tasks: Sequence[Task]) -> Status | None:
        self._state.put(tasks)
        unknown = sum(task.status is TaskStatus.NOT_FOUND for task in tasks)
        if unknown == len(tasks):
            return Status("The service knows none of these ids.", is_error=True)
        self.follow()
        return self._say_counts(f"{count_of(unknown, 'id')} not known to the service." if unknown else "")

    def _read_history(self, since: str) -> list[Task]:
        if self._history is None or since != self._since:
            created_after = read_since(since, datetime.now(timezone.utc).astimezone()) if since.strip() else None
            self._history = iter(self._client.history(created_after=created_after, page_size=PAGE))
            self._since = since
        return list(itertools.islice(self._history, PAGE))

    def _take_page(self, tasks: Sequence[Task]) -> Status | None:
        if not tasks:
            self._history = None
            return Status(
                "The history has no older tasks." if self._state.collection.tasks else "The history is empty."
            )
        self._state.put(tasks)
        self.follow()
        return self._say_counts()

    def _search_library(self, text: str) -> list[Task]:
        library = self._client.cache.library
        if library is None:
            raise LibraryError(
                "The library is turned off.", hint="The environment variable SEEDREAM_LIBRARY does that."
            )
        if text != self._searched:
            self._searched, self._found = text, 0
        tasks = library.search(text, limit=PAGE, offset=self._found)
        self._found += len(tasks)
        return tasks

    def _take_found(self, tasks: Sequence[Task]) -> Status | None:
        if tasks:
            self._state.put(tasks)
            return self._say_counts()
        older, self._found = self._found, 0
        return Status("The library holds no older ones that fit." if older else "The library holds nothing that fits.")

    def _make(self, settings: MakeSettings) -> GenerationBatch:
        making = self._client.generate_all(plan(settings).requests, pace=self._pace, stop=self._jobs.stop)
        try:
            for _news in making.updates():
                tasks = making.tasks
                self._state.put(task for task in tasks if task.id)
                finished = sum(task.status.is_final for task in tasks)
                self._state.say(Status(f"{finished} of {count_of(len(tasks), 'request')} finished …", is_busy=True))
        finally:
            # Also what was known when it failed; a refused request has no id, and is told of by the status line.
            self._state.put(task for task in making.tasks if task.id)
        return making

    def _end_make(self, making: GenerationBatch) -> Status | None:
        tasks = making.tasks
        made = f"{count_of(sum(len(task.good_images) for task in tasks), 'picture')} made."
        errors = [
            making.failures.get(place) or _find_error(task) for place, task in enumerate(tasks) if not task.good_images
        ]
        if not errors:
            return Status(made)
        # What may have been paid for without a result comes before all else.
        error = next((one for one in errors if isinstance(one, OutcomeUnknownError)), errors[0])
        count = f"{made} {len(errors)} of {len(tasks)} requests failed:" if len(tasks) > 1 else ""
        return Status(" ".join(filter(None, (count, error.message, error.hint))), is_error=True)

    def _wait(self) -> None:
        while open_ids := self._open_ids():
            waiting = self._client.iter_wait(open_ids, pace=self._pace, stop=self._jobs.stop)
            for news in waiting.updates():
                if news:
                    self._state.put(news)
                waited_for = {task.id for task in waiting.tasks}
                if added := [task_id for task_id in self._open_ids() if task_id not in waited_for]:
                    waiting.add(added)
            if self._jobs.stop.is_set() or set(self._open_ids()) >= set(open_ids):
                return

    def _open_ids(self) -> list[str]:
        return [
            task.id
            for task in self._state.collection.tasks
            if task.id and task.status in {TaskStatus.PENDING, TaskStatus.RUNNING}
        ]

    def _say_counts(self, note: str = "") -> Status:
        tasks = self._state.collection.tasks
        return Status(" ".join(filter(None, (f"{count_of(len(tasks), 'task')}.", note))))


def _find_error(task: Task) -> SeedreamError:
    """Why a task has no picture."""
    try:
        task.raise_for_status()
    except SeedreamError as error:
        return error
    return SeedreamError("No picture came of it.")


def _say_saved(report: SaveReport) -> Status:
    return Status(str(report).splitlines()[0] if str(report) else "Saved.")
