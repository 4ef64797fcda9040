"""Why: the object that a user holds. It shows tasks in any front end, and gives them back to Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task
from seedream_nb.gallery.compose import compose, lay_out_contents, needed_tiles
from seedream_nb.gallery.contents import Contents, read_before, read_tasks
from seedream_nb.gallery.filtering import task_filter
from seedream_nb.gallery.html import render_html
from seedream_nb.gallery.loading import ImageStore
from seedream_nb.gallery.options import GalleryOptions
from seedream_nb.gallery.save import SaveReport, save_tasks
from seedream_nb.gallery.shareable import Shareable
from seedream_nb.gallery.spelling import measure, spell
from seedream_nb.gallery.text import render_text
from seedream_nb.images.layers import compose_layers
from seedream_nb.library import LibraryCache, LibraryFetcher, library_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from PIL.Image import Image as PillowImage

    from seedream_nb.core.models import TaskImage, TaskStatus
    from seedream_nb.gallery.compose import Layout
    from seedream_nb.gallery.options import Embed
    from seedream_nb.gallery.page import Page
    from seedream_nb.gallery.table import Table
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.library import Library


class Gallery(Shareable, Sequence[Task]):
    """A sequence of tasks that shows itself as a contact sheet.

    Images are fetched when the gallery is first shown, or by `load()`, and embedded as thumbnails, so that the saved
    notebook keeps showing them when links are dead. A slice or a filtered gallery shares what was fetched.

    Args:
        tasks: The tasks; one alone will do.
        columns: How many tiles stand side by side; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What is put into the output: `thumbnails`, `originals`, or `links` alone.
        limit: How many tiles are drawn at most; the rest is counted.
        max_bytes: How large the whole output may become; beyond it thumbnails shrink, then the rest is linked.
        table: The rows and columns in which the tasks stand, row by row; without one, tiles flow.
        before: Images that are shown before the tasks, such as the reference images of an edit. They are no part of
            the sequence.
        library: Where images are looked up and stored: a `Library`, its folder, or `off`. By default the library that
            the tasks come from (`Task.library`): that of the client that read them, or the one that they were found in.
            Tasks that name none, such as those made by hand, use the usual library.
        fetcher: Fetches the images instead, such as `client.fetcher`.

    Raises:
        UsageError: An option is out of range, something else than tasks was given, the table has not as many places as
            there are tasks, or the tasks come from different libraries and neither `library` nor `fetcher` is given.

    Example:
        >>> from seedream_nb import Gallery, Task, TaskStatus
        >>> Gallery([Task("an-id", TaskStatus.PENDING, prompt="a white siamese cat")])
        1 task · 0 images · 1 pending
        1. ○ pending · an-id
           a white siamese cat
           Sent, but not finished; wait for it by its id.
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
        table: Table | None = None,
        before: Iterable[TaskImage] | TaskImage = (),
        library: Library | str | os.PathLike[str] | None = None,
        fetcher: ImageFetcher | None = None,
    ) -> None:
        self._contents = Contents(read_tasks(tasks), read_before(before), table)
        self._options = GalleryOptions(columns, thumbnail, embed, limit, max_bytes)
        if fetcher is None and library is not None:
            fetcher = LibraryFetcher(LibraryCache(library))
        self._given_fetcher = fetcher
        self._library = library_of(self._contents.tasks) if fetcher is None else None
        self._fetcher = fetcher or LibraryFetcher(LibraryCache(self._library))
        # Shared with the galleries made from this one.
        self._images = ImageStore()

    @property
    def options(self) -> GalleryOptions:
        """How the gallery is drawn."""
        return self._options

    @property
    def images(self) -> tuple[TaskImage, ...]:
        """All images of all tasks, failed ones left out."""
        return tuple(image for task in self._contents.tasks for image in task.good_images)

    @property
    def table(self) -> Table | None:
        """The rows and columns in which the tasks stand, if any."""
        return self._contents.table

    @property
    def before(self) -> tuple[TaskImage, ...]:
        """The images that are shown before the tasks."""
        return self._contents.before

    @overload
    def __getitem__(self, place: int) -> Task: ...
    @overload
    def __getitem__(self, place: slice) -> Gallery: ...
    def __getitem__(self, place: int | slice) -> Task | Gallery:
        if isinstance(place, slice):
            return self._part(self._contents.tasks[place])
        return self._contents.tasks[place]

    def __len__(self) -> int:
        return len(self._contents.tasks)

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
        fits = task_filter(predicate, prompt=prompt, model=model, status=status, size=size)
        return self._part(tuple(task for task in self._contents.tasks if fits(task)))

    def renew(self, tasks: Iterable[Task] | Task) -> Gallery:
        """The same gallery with newer tasks, while these are being made.

        It shares what was fetched: an image is fetched and made small once, however often the gallery is renewed.

        Args:
            tasks: The tasks, as many as before where the gallery has a table.

        Returns:
            A gallery with the same options, table and images before.

        Raises:
            UsageError: Something else than tasks was given, or the table has not as many places.

        Example:
            >>> for tasks in rounds_of_answers:  # doctest: +SKIP
            ...     gallery = gallery.renew(tasks).load()
            ...     handle.update(gallery.live_bundle(), raw=True)
        """
        return self._made_with(self._contents.with_tasks(tasks), self._options)

    def with_options(self, **changes: Any) -> Gallery:
        """The same gallery, drawn in another way.

        Args:
            **changes: Any of `columns`, `thumbnail`, `embed`, `limit` and `max_bytes`.

        Returns:
            A gallery of the same tasks that shares what was fetched; larger thumbnails are fetched anew.

        Raises:
            UsageError: There is no such option, or a value is out of range.
        """
        names = [field.name for field in dataclasses.fields(GalleryOptions)]
        for name in changes:
            if name not in names:
                raise UsageError(f"A gallery has no option {name!r}.", hint=f"Choose one of: {', '.join(names)}.")
        return self._made_with(self._contents, dataclasses.replace(self._options, **changes))

    def to_dicts(self) -> list[dict[str, object]]:
        """The tasks as plain JSON-ready data, ready for a data frame.

        Returns:
            One dict for each task, as `Task.to_dict` makes it.
        """
        return [task.to_dict() for task in self._contents.tasks]

    def load(self, *, again: bool = True, on_progress: Callable[[int], None] | None = None) -> Gallery:
        """Fetches what is needed to show the gallery, so that showing it is instant.

        Args:
            again: Whether to try again what could not be fetched before.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The gallery itself.
        """
        self._images.load(self._needed_tiles, self._options, self._fetcher, again=again, on_progress=on_progress)
        return self

    @property
    def unloaded(self) -> int:
        """How many images would have to be fetched to show the gallery."""
        return len(self._images.missing(self._needed_tiles, self._options))

    def save(
        self, directory: str | os.PathLike[str], *, on_progress: Callable[[int], None] | None = None
    ) -> SaveReport:
        """Saves the original of every image, and a JSON file with the whole record of every task.

        Files are named after prompt and task id. A file that is there already and holds the same image is left
        alone; one that holds another image is never overwritten.

        Args:
            directory: Where to; it is made if it is not there.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            What was saved and what could not be, and why.

        Raises:
            UsageError: The directory cannot be made or written to.
        """
        return save_tasks(self._contents.tasks, directory, self._fetcher, on_progress=on_progress)

    def compose(self, place: int = 0) -> PillowImage:
        """Composes the layers of a task at full size; without layers, returns its only image.

        Args:
            place: The place of the task in the gallery, from 0.

        Returns:
            The image in mode `RGB`, or `RGBA` where it has transparent parts.

        Raises:
            UsageError: The task has several images and no layers, so one must be chosen.
            ImageError: A layer is missing or broken; the message names it.
            TaskError: The task has no image, as `Task.raise_for_status` says.

        Example:
            >>> gallery = Gallery(client.retrieve(task_id))  # doctest: +SKIP
            >>> gallery.compose().save("poster.png")  # doctest: +SKIP
        """
        return compose_layers(self._contents.tasks[place], self._fetcher)

    def to_html(self) -> str:
        """The gallery as HTML, images embedded as the options say."""
        return render_html(self._compose())

    def live_bundle(self) -> dict[str, str]:
        """What front ends show while the gallery is still filling; to be asked for every few seconds.

        Tiles of unfinished tasks say only that, with a quiet pulse where the image will be; a set has all its places
        from the start. There is no summary, as whoever renews it counts in a line of their own. Nothing is fetched for
        it: images that are not here yet pulse as well, until `load` has fetched them, in this thread or in another.

        Returns:
            `text/html` and `text/plain` of the same page.
        """
        layout = lay_out_contents(self._contents, self._options, is_live=True)
        return spell(compose(layout, self._images.find(needed_tiles(layout), self._options), measure))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What front ends show: `text/html` and `text/plain` of the same page."""
        del include, exclude  # both forms are made from one page; IPython picks
        return spell(self._compose())

    def __repr__(self) -> str:
        # Without fetching: a repr must be quick, and may be asked for in a log.
        return render_text(compose(self._layout, {}, lambda _page: 0))

    def _part(self, tasks: tuple[Task, ...]) -> Gallery:
        """Some of the tasks; what is left of a table is none."""
        return self._made_with(dataclasses.replace(self._contents, tasks=tasks, table=None), self._options)

    def _made_with(self, contents: Contents, options: GalleryOptions) -> Gallery:
        gallery = Gallery(
            contents.tasks,
            **dataclasses.asdict(options),
            table=contents.table,
            before=contents.before,
            fetcher=self._given_fetcher,
        )
        gallery._images = self._images
        if gallery._library == self._library:
            gallery._fetcher = self._fetcher
        return gallery

    @cached_property
    def _layout(self) -> Layout:
        return lay_out_contents(self._contents, self._options)

    @cached_property
    def _needed_tiles(self) -> tuple[Tile, ...]:
        return needed_tiles(self._layout)

    def _compose(self) -> Page:
        return compose(self._layout, self._images.load(self._needed_tiles, self._options, self._fetcher), measure)
