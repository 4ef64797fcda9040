"""Why: the object that a user holds. It shows tasks in any front end, and gives them back to Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from seedream_nb.errors import UsageError
from seedream_nb.gallery.budget import LoadedPicture, plan_side
from seedream_nb.gallery.compose import compose, needed_images
from seedream_nb.gallery.html import spell_html
from seedream_nb.gallery.options import GalleryOptions
from seedream_nb.gallery.save import SaveReport, save_tasks
from seedream_nb.gallery.text import spell_text
from seedream_nb.images.fetch import ImageFetcher
from seedream_nb.images.load import load_all, source_of
from seedream_nb.images.thumbnails import make_thumbnail
from seedream_nb.models import Task, TaskStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from seedream_nb.gallery.budget import Loaded
    from seedream_nb.gallery.options import Embed
    from seedream_nb.gallery.page import Page
    from seedream_nb.images.load import Source
    from seedream_nb.models import TaskImage


class Gallery(Sequence[Task]):
    """A sequence of tasks that shows itself as a contact sheet.

    Pictures are fetched when the gallery is first shown, or by `load()`, and embedded as thumbnails, so that the saved
    notebook keeps showing them when links are dead. A slice or a filtered gallery shares what was fetched.

    Args:
        tasks: The tasks; one alone will do.
        columns: How many tiles stand side by side; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What is put into the output: `thumbnails`, `originals`, or `links` alone.
        limit: How many tiles are drawn at most; the rest is counted.
        max_bytes: How large the whole output may become; beyond it thumbnails shrink, then the rest is linked.
        fetcher: Fetches the pictures; a new `ImageFetcher` by default.

    Raises:
        UsageError: An option is out of range, or something else than tasks was given.

    Example:
        >>> from seedream_nb import Gallery, Task, TaskStatus
        >>> Gallery([Task("an-id", TaskStatus.PENDING, prompt="a white siamese cat")])
        1 task · 0 images · 1 pending
        1. ○ pending · an-id
           a white siamese cat
           Not started yet. Get it again in a moment.
    """

    def __init__(
        self,
        tasks: Iterable[Task] | Task,
        *,
        columns: int | None = None,
        thumbnail: int = 320,
        embed: Embed = "thumbnails",
        limit: int = 60,
        max_bytes: int = 2_000_000,
        fetcher: ImageFetcher | None = None,
    ) -> None:
        self._tasks = _check_tasks(tasks)
        self._options = GalleryOptions(columns, thumbnail, embed, limit, max_bytes)
        self._fetcher = fetcher or ImageFetcher()
        # Shared with the galleries made from this one; entries are only added, never changed.
        self._pictures: dict[Source, LoadedPicture] = {}

    @property
    def options(self) -> GalleryOptions:
        """How the gallery is drawn."""
        return self._options

    @property
    def images(self) -> tuple[TaskImage, ...]:
        """All pictures of all tasks, failed ones left out."""
        return tuple(image for task in self._tasks for image in task.good_images)

    @overload
    def __getitem__(self, place: int) -> Task: ...
    @overload
    def __getitem__(self, place: slice) -> Gallery: ...
    def __getitem__(self, place: int | slice) -> Task | Gallery:
        if isinstance(place, slice):
            return self._with_tasks(self._tasks[place])
        return self._tasks[place]

    def __len__(self) -> int:
        return len(self._tasks)

    def filter(
        self,
        predicate: Callable[[Task], bool] | None = None,
        *,
        prompt: str | None = None,
        model: str | None = None,
        status: TaskStatus | str | None = None,
        size: str | None = None,
    ) -> Gallery:
        """The tasks that meet all conditions given.

        Args:
            predicate: A function of a task.
            prompt: Text within the prompt of the task or of one of its images; case does not matter.
            model: Text within the model id; case does not matter.
            status: The state, as a `TaskStatus` or its word, such as `partially failed`.
            size: The size of the request or of an image, such as `2K` or `2048x2048`.

        Returns:
            A gallery of these tasks.

        Raises:
            UsageError: There is no such status.
        """
        wanted = None if status is None else _check_status(status)

        def fits(task: Task) -> bool:
            prompts = [task.prompt, *(image.prompt for image in task.images)]
            return (
                (predicate is None or predicate(task))
                and (prompt is None or any(prompt.casefold() in shown.casefold() for shown in prompts))
                and (model is None or model.casefold() in (task.model or "").casefold())
                and (wanted is None or task.status is wanted)
                and (size is None or size in {task.size, *(image.size for image in task.images)})
            )

        return self._with_tasks(task for task in self._tasks if fits(task))

    def to_dicts(self) -> list[dict[str, object]]:
        """The tasks as plain JSON-ready data, ready for a data frame.

        Returns:
            One dict for each task, as `Task.to_dict` makes it.
        """
        return [task.to_dict() for task in self._tasks]

    def load(self, *, on_progress: Callable[[int], None] | None = None) -> Gallery:
        """Fetches what is needed to show the gallery, so that showing it is instant.

        Args:
            on_progress: Called with 1 for each picture that is finished.

        Returns:
            The gallery itself.
        """
        self._load(on_progress)
        return self

    @property
    def unloaded(self) -> int:
        """How many pictures would have to be fetched to show the gallery."""
        return len({source_of(image) for image in self._missing_images()})

    def save(
        self, directory: str | os.PathLike[str], *, on_progress: Callable[[int], None] | None = None
    ) -> SaveReport:
        """Saves the original of every picture, and a JSON file with the whole record of every task.

        Files are named after prompt and task id. A file that is there already and holds the same picture is left
        alone; one that holds another picture is never overwritten.

        Args:
            directory: Where to; it is made if it is not there.
            on_progress: Called with 1 for each picture that is finished.

        Returns:
            What was saved and what could not be, and why.

        Raises:
            UsageError: The directory cannot be made or written to.
        """
        return save_tasks(self._tasks, directory, self._fetcher, on_progress=on_progress)

    def to_html(self) -> str:
        """The gallery as HTML, pictures embedded as the options say."""
        return spell_html(self._compose())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What front ends show: `text/html` and `text/plain` of the same page."""
        del include, exclude  # both forms are made from one page; IPython picks
        page = self._compose()
        return {"text/html": spell_html(page), "text/plain": spell_text(page)}

    def __repr__(self) -> str:
        # Without fetching: a repr must be quick, and may be asked for in a log.
        return spell_text(compose(self._tasks, self._options, {}, lambda _page: 0))

    def _with_tasks(self, tasks: Iterable[Task]) -> Gallery:
        gallery = Gallery(tasks, **dataclasses.asdict(self._options), fetcher=self._fetcher)
        gallery._pictures = self._pictures
        return gallery

    def _missing_images(self) -> list[TaskImage]:
        return [image for image in needed_images(self._tasks, self._options) if source_of(image) not in self._pictures]

    def _load(self, on_progress: Callable[[int], None] | None = None) -> Loaded:
        side = plan_side(self._options, len(needed_images(self._tasks, self._options)))

        def make_picture(_image: TaskImage, content: bytes) -> LoadedPicture:
            return LoadedPicture(make_thumbnail(content, side), content if self._options.embed == "originals" else None)

        results = load_all(self._missing_images(), make_picture, self._fetcher, on_progress=on_progress)
        # A failure is not kept: the next display tries again.
        self._pictures.update((source, found) for source, found in results.items() if isinstance(found, LoadedPicture))
        return {**self._pictures, **results}

    def _compose(self) -> Page:
        return compose(self._tasks, self._options, self._load(), _measure)


def _check_tasks(tasks: Iterable[Task] | Task) -> tuple[Task, ...]:
    given = tuple(tasks) if isinstance(tasks, Iterable) else (tasks,)
    for task in given:
        if not isinstance(task, Task):
            raise UsageError(
                f"A gallery shows tasks, not {type(task).__name__}.",
                hint="Ask for them first: Gallery(client.retrieve_batch(ids)).",
            )
    return given


def _check_status(status: TaskStatus | str) -> TaskStatus:
    try:
        return TaskStatus(status)
    except ValueError:
        words = ", ".join(known.value for known in TaskStatus)
        raise UsageError(f"There is no status {status!r}.", hint=f"Choose one of: {words}.") from None


def _measure(page: Page) -> int:
    return len(spell_html(page).encode()) + len(spell_text(page).encode())
