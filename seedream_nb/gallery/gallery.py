"""The gallery: shows tasks in any front end, gives them back to Python, and shares them as files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.gallery.contact_sheet import draw_sheet, plan_contents, write_sheet
from seedream_nb.gallery.contents import Contents, GalleryOptions, read_before, read_tasks
from seedream_nb.gallery.embedding import ImageStore
from seedream_nb.gallery.export import export_page
from seedream_nb.gallery.file_names import DEFAULT_NAME
from seedream_nb.gallery.page import compose, lay_out_contents
from seedream_nb.gallery.rendering import render, render_text
from seedream_nb.gallery.save import SaveReport, save_tasks
from seedream_nb.gallery.tiles import FETCHING, NOT_FETCHED
from seedream_nb.images.layers import compose_layers
from seedream_nb.library import LibraryCache, LibraryFetcher, library_of
from seedream_nb.protocol.capabilities import matches_model

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from PIL.Image import Image as PillowImage

    from seedream_nb.core.models import TaskImage
    from seedream_nb.core.task_ids import AnyTasks
    from seedream_nb.gallery.contents import AnyImages, Embed, Table
    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.gallery.datasets import DatasetReport
    from seedream_nb.gallery.embedding import Loaded
    from seedream_nb.gallery.page import Layout, Page
    from seedream_nb.images.conversion import ImageFormat
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.library import Library

    Progress = Callable[[int], None] | None


class Gallery(Sequence[Task]):
    """A sequence of tasks that displays itself as a contact sheet.

    Images are fetched when the gallery is first shown, or by `load()`, and embedded as thumbnails, so that a saved
    notebook keeps showing them when their links are dead. A slice or a filtered gallery shares the loaded images.

    Args:
        tasks: Tasks, images, or collections of these, such as other galleries or a panel's selection. Of a task whose
            images are given, only these images are shown.
        columns: The number of tiles in a row; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What the output contains: `thumbnails`, `originals`, or only `links`.
        limit: The most tiles to show; the rest is counted.
        max_bytes: The largest size of the whole output; beyond it thumbnails shrink, then the rest is linked.
        options: All of these at once, instead of each.
        table: The rows and columns of the tasks, row by row; without one, tiles flow.
        before: Images that are shown before the tasks, such as the reference images of an edit. They are not part of
            the sequence.
        note: What the header line says after its counts, such as `4 kept from Nov 22, 2 new`.
        library: Where images are looked up and stored: a `Library`, its folder, or `off`. By default the library that
            the tasks come from (`Task.library`): that of the client that read them, or the one that found them. Tasks
            that name none, such as those created by hand, use the default library.
        fetcher: Fetches the images instead, such as `client.fetcher`.

    Raises:
        UsageError: An option is out of range, something is neither a task nor an image, the number of tasks is not the
            number of places in the table, or the tasks come from different libraries and neither `library` nor
            `fetcher` is given.

    Example:
        >>> from seedream_nb import Gallery, Task, TaskStatus
        >>> Gallery([Task("an-id", TaskStatus.PENDING, prompt="a white siamese cat")])
        1 task · 0 images · 1 pending
        1. ○ pending · an-id
           a white siamese cat
           In progress. Run `%seedream wait ID`.
    """

    def __init__(
        self,
        tasks: AnyTasks,
        *,
        columns: int | None = None,
        thumbnail: int = 320,
        embed: Embed = "thumbnails",
        limit: int = 60,
        max_bytes: int = 2_000_000,
        options: GalleryOptions | None = None,
        table: Table | None = None,
        before: AnyImages = (),
        note: str = "",
        library: Library | str | os.PathLike[str] | None = None,
        fetcher: ImageFetcher | None = None,
    ) -> None:
        self._contents = Contents(read_tasks(tasks), read_before(before), table, note)
        self._options = options or GalleryOptions(columns, thumbnail, embed, limit, max_bytes)
        if fetcher is None and library is not None:
            fetcher = LibraryFetcher(LibraryCache(library))
        self._given_fetcher = fetcher
        self._library = library_of(self._contents.tasks) if fetcher is None else None
        self._fetcher = fetcher or LibraryFetcher(LibraryCache(self._library))
        # Shared with the galleries made from this one.
        self._images = ImageStore()

    @property
    def options(self) -> GalleryOptions:
        """How the gallery is rendered."""
        return self._options

    @property
    def images(self) -> tuple[TaskImage, ...]:
        """All images of all tasks, except failed ones."""
        return tuple(image for task in self._contents.tasks for image in task.good_images)

    @property
    def table(self) -> Table | None:
        """The rows and columns of the tasks, if any."""
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
        """Selects the tasks that meet all given conditions.

        Args:
            predicate: A function of a task.
            prompt: Text within the prompt of the task or of one of its images; case does not matter.
            model: A full model id, a short name such as `4.5`, or a part of the id.
            status: The status, as a `TaskStatus` or its text, such as `partially failed`.
            size: The size of the request or of an image, such as `2K` or `2048x2048`.

        Returns:
            A gallery of these tasks.

        Raises:
            UsageError: The status does not exist.

        Example:
            >>> study = Gallery([task, client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6")])
            >>> len(study.filter(model="lite")), len(study.filter(lambda task: task.size == "4K"))
            (1, 0)
        """
        wanted = None if status is None else _read_status(status)

        def matches(task: Task) -> bool:
            prompts = [task.prompt, *(image.prompt for image in task.images)]
            return (
                (predicate is None or predicate(task))
                and (prompt is None or any(prompt.casefold() in shown.casefold() for shown in prompts))
                and (model is None or matches_model(model, task.model or ""))
                and (wanted is None or task.status is wanted)
                and (size is None or size in {task.size, *(image.size for image in task.images)})
            )

        return self._part(tuple(filter(matches, self._contents.tasks)))

    def renew(self, tasks: AnyTasks, *, note: str | None = None) -> Gallery:
        """Replaces the tasks with newer ones while they are in progress; loaded images are shared.

        Args:
            tasks: The tasks, as many as before where the gallery has a table.
            note: What the header line says after its counts; None for what it said.

        Returns:
            A gallery with the same options, table, and images before.

        Raises:
            UsageError: Something is not a task, or the number of tasks does not match the table.

        Example:
            >>> tasks = [client.generate("a dog"), client.generate("a fox")]
            >>> gallery = Gallery(tasks)
            >>> gallery.renew(client.wait(tasks))
            2 tasks · 2 images
            ...
        """
        contents = dataclasses.replace(self._contents, tasks=read_tasks(tasks))
        return self._made_with(contents if note is None else dataclasses.replace(contents, note=note), self._options)

    def with_options(self, **changes: Any) -> Gallery:
        """Changes how the gallery is rendered.

        Args:
            **changes: Any of `columns`, `thumbnail`, `embed`, `limit`, and `max_bytes`.

        Returns:
            A gallery of the same tasks that shares the loaded images; larger thumbnails are loaded again.

        Raises:
            UsageError: An option does not exist, or a value is out of range.

        Example:
            >>> gallery.with_options(columns=3, thumbnail=480).options.columns
            3
        """
        names = [field.name for field in dataclasses.fields(GalleryOptions)]
        for name in changes:
            if name not in names:
                raise UsageError(f"{name!r} is not an option of a gallery.", hint=f"Choose from: {', '.join(names)}.")
        return self._made_with(self._contents, dataclasses.replace(self._options, **changes))

    def to_dicts(self) -> list[dict[str, object]]:
        """The tasks as plain JSON-ready data, such as for a data frame; see `Task.to_dict`.

        Example:
            >>> gallery.to_dicts()[0]["prompt"]
            'a white siamese cat'
        """
        return [task.to_dict() for task in self._contents.tasks]

    def load(self, *, again: bool = True, on_progress: Progress = None, stop: threading.Event | None = None) -> Gallery:
        """Loads all images that are needed, so that the gallery shows instantly.

        Args:
            again: Whether to retry images that could not be loaded before.
            on_progress: Called with 1 for each image that is finished.
            stop: Cancels what is still being loaded when another thread sets it. An event of its own for each call, as
                it is set at the end.

        Returns:
            The gallery itself.

        Example:
            >>> gallery.unloaded, gallery.load().unloaded
            (1, 0)
        """
        self._images.load(
            self._layout.needed, self._options, self._fetcher, again=again, on_progress=on_progress, stop=stop
        )
        return self

    @property
    def unloaded(self) -> int:
        """The number of images that must be loaded to show the gallery."""
        return len(self._images.missing(self._layout.needed, self._options))

    def save(
        self,
        directory: str | os.PathLike[str],
        *,
        name: str = DEFAULT_NAME,
        images: AnyImages | None = None,
        on_progress: Progress = None,
    ) -> SaveReport:
        """Saves the original of every image, and a JSON file with the full record of every task.

        By default, files are named after prompt, task id, and number; layers are numbered from the bottom and have
        their names, and the record has their positions. An existing file with the same image is left alone; one with
        another image is never overwritten.

        Args:
            directory: The target directory; it is created if needed.
            name: The template of the file names, without an ending. Its fields are `index` (the place among all saved
                images, from 1), `prompt`, `id`, `model`, `size`, `seed`, `date`, `number` (of an image in its task;
                of a layer from the bottom), and `layer` (its name). `{prompt:40}` takes at most 40 characters,
                `{index:03}` is padded with zeros, and `{date:%Y%m%d}` is a date in your time zone. What is not known
                is left out. Files that would have the same name are numbered: `cat`, `cat-2`.
            images: Only these images, such as `gallery[0]`, `gallery.images[:3]` or a panel's selection, with the
                records of their tasks.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            What was saved, and what was not and why. `report.images` has one entry for each image, in the order of the
            gallery; a failed one keeps its place.

        Raises:
            UsageError: The template is invalid, an image is not in the gallery, or the directory looks like a file,
                cannot be created, or cannot be written to.

        Example:
            >>> gallery.save("seedream_results", name="{index:03}-{prompt:40}-{id:8}")
            1 image and 1 record in seedream_results
            >>> gallery.save("seedream_results", name="{index:03}-{prompt:40}-{id:8}").paths[0].name
            '001-a-white-siamese-cat-9d65fd01.jpg'
        """
        return save_tasks(
            self._contents.tasks, directory, self._fetcher, name=name, images=images, on_progress=on_progress
        )

    def export_dataset(
        self,
        target: str | os.PathLike[str],
        *,
        format: DatasetFormat = "imagefolder",  # noqa: A002  the word that people use for it
        part_size: int = 500,
        image_format: ImageFormat | None = None,
        max_side: int | None = None,
        with_images: bool = True,
        overwrite: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        client: object = None,
        on_progress: Progress = None,
    ) -> DatasetReport:
        """Writes all images, with prompt, model, size, seed, and marks, as a dataset that the usual libraries read.

        Originals come from the library, others from their links. An export that was stopped is continued by the same
        call; what is complete is not written again, and further images at the end are added. Other files in the folder
        are never touched.

        Args:
            target: A folder, or an address that fsspec knows, such as `s3://bucket/folder`.
            format: `imagefolder` (image files, and `metadata.jsonl`), `webdataset` (tar files), or `parquet`.
            part_size: The most images in a folder, or in a tar or Parquet file.
            image_format: `jpeg`, `png`, or `webp`; None keeps the bytes of each image exactly.
            max_side: The most pixels of width and height; larger images are scaled down.
            with_images: Whether images are written; without them (Parquet only), there are only their paths or links.
            overwrite: Whether another export at the same place is replaced; otherwise that is an error.
            storage_options: What fsspec needs for the address, such as keys, and the endpoint of a bucket.
            client: A `dask.distributed.Client` whose workers write the parts, or the address of its scheduler, such as
                `tcp://10.0.0.1:8786`. They need access to the target, and no token.
            on_progress: Called with the number of images that have just been finished.

        Returns:
            What the dataset consists of.

        Raises:
            UsageError: An option is not valid, there are no images, a package is missing, or the target holds
                something else or cannot be written.
            ExportIncompleteError: Some images could not be read or downloaded, or the disk is full.
            ConnectionFailedError: The target cannot be reached.

        Example:
            >>> gallery.export_dataset("siamese-cats")
            1 image (..., imagefolder) in .../siamese-cats
        """
        # Imported here: most galleries are never exported.
        from seedream_nb.gallery.datasets import export_dataset  # noqa: PLC0415  see above

        cache = self._fetcher.cache if isinstance(self._fetcher, LibraryFetcher) else LibraryCache("off")
        return export_dataset(
            cache.dataset_items(self._contents.tasks),
            target,
            format=format,
            part_size=part_size,
            image_format=image_format,
            max_side=max_side,
            with_images=with_images,
            overwrite=overwrite,
            storage_options=storage_options,
            client=client,
            on_progress=on_progress,
        )

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
            >>> layered = Gallery(client.generate(image=image, layers=True, model="5.0-pro", wait=True))
            >>> layered.compose().save("poster.png")
        """
        return compose_layers(self._contents.tasks[place], self._fetcher)

    def export(self, path: str | os.PathLike[str], *, title: str | None = None, on_progress: Progress = None) -> Path:
        """Writes one self-contained page that opens from a file, offline, in any browser.

        It has all tasks, with thumbnails and a detail view of each image (1024 px, full prompt, model, size, seed, task
        id, times, state), but neither account nor trace ids, so that it can be shared. The same tasks and images give
        the same file. A hundred detailed images take about 25 MB.

        Args:
            path: The file to write, ending in `.html`. An existing one is replaced once the new one is complete.
            title: The heading of the page.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The path of the file.

        Raises:
            UsageError: The file has another ending or cannot be written.

        Example:
            >>> gallery.export("page.html", title="Siamese cats").name
            'page.html'
        """
        contents = self._mark(len(self))
        return export_page(contents, path, self._fetcher, title=title, on_progress=on_progress)

    @overload
    def contact_sheet(
        self,
        path: None = None,
        *,
        title: str | None = None,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Progress = None,
    ) -> PillowImage: ...
    @overload
    def contact_sheet(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Progress = None,
    ) -> Path: ...
    def contact_sheet(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        title: str | None = None,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Progress = None,
    ) -> PillowImage | Path:
        """Draws all images in even tiles on white, as one image; or writes them, as a PDF of A4 pages, PNG, or JPEG.

        A PDF has a title, the dates of the images, and page numbers. Its text can be searched and copied in any script;
        fonts that are installed on this machine are embedded, and a character that none of them has becomes an empty
        square. Images are numbered as `save` numbers them (`{index}`). A table keeps its rows and columns.

        Args:
            path: The file to write, ending in `.pdf`, `.png`, or `.jpg`; an existing one is replaced. None returns an
                image.
            title: The heading. Without one, a PDF has that of exported pages, and an image has none.
            columns: The number of images in a row; by default that of the gallery, or the best fit. A table on paper
                has its own.
            thumbnail: The long side of an image in pixels; by default that of the gallery. On paper, at 200 dpi, it is
                the smallest: images grow until the pages are filled, and `columns` takes precedence.
            captions: Whether prompt, model, size, seed, and id are shown below each image.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The image in mode `RGB`; with a path, the path.

        Raises:
            UsageError: There are no images, an option is out of range, one image would have more than 60 million
                pixels (a PDF has no such limit), or the file has another ending or cannot be written.

        Example:
            >>> gallery.contact_sheet(columns=1).mode
            'RGB'
            >>> gallery.contact_sheet("sheet.pdf", title="Siamese cats").name
            'sheet.pdf'
        """
        options = dataclasses.replace(
            self._options,
            columns=self._options.columns if columns is None else columns,
            thumbnail=self._options.thumbnail if thumbnail is None else thumbnail,
        )
        plan = plan_contents(self._contents, options, captions=captions, title=title)
        if path is None:
            return draw_sheet(plan, self._fetcher, on_progress)
        return write_sheet(plan, path, self._fetcher, on_progress)

    def to_html(self) -> str:
        """The gallery as HTML, with images embedded as the options say.

        Example:
            >>> "data:image/jpeg;base64," in gallery.to_html()
            True
        """
        return self._repr_mimebundle_()["text/html"]

    def live_bundle(self) -> dict[str, str]:
        """What front ends show while the gallery is still filling; made to be called every few seconds.

        Tiles in progress show their state, with a quiet pulse in the place of the image; a set has all its places from
        the start. There is no summary, because callers show a progress line of their own. Nothing is fetched: images
        that are not loaded yet pulse as well, until `load` has finished in this thread or another.

        Returns:
            `text/html` and `text/plain` of the same page.

        Example:
            >>> sorted(Gallery(client.generate("a dog")).live_bundle())
            ['text/html', 'text/plain']
        """
        return self._render_loaded(lay_out_contents(self._contents, self._options, is_live=True, absent=FETCHING))

    def partial_bundle(self, *, is_loading: bool = False) -> dict[str, str]:
        """What front ends show before all images are loaded, without fetching more.

        It has the summary and the tiles of the finished gallery, so that nothing moves when that takes its place.

        Args:
            is_loading: Whether `load` runs meanwhile: places of missing images pulse. Otherwise they say that the image
                was not fetched.

        Returns:
            `text/html` and `text/plain` of the same page.

        Example:
            >>> print(gallery.partial_bundle(is_loading=True)["text/plain"].splitlines()[0])
            1 task · 1 image · 1 fetching
        """
        absent = FETCHING if is_loading else NOT_FETCHED
        return self._render_loaded(lay_out_contents(self._mark(), self._options, absent=absent))

    def headed_bundle(self, summary: str, notes: Sequence[str] = ()) -> dict[str, str]:
        """What front ends show for something that has this gallery, such as a run, with that one's own header.

        Args:
            summary: The header line instead of the counts.
            notes: What follows it, each on a line.

        Returns:
            `text/html` and `text/plain` of the same page.

        Example:
            >>> print(gallery.headed_bundle("My cats")["text/plain"].splitlines()[0])
            My cats
        """
        layout = dataclasses.replace(lay_out_contents(self._mark(), self._options), heading=(summary, *notes))
        return _render_within_limit(layout, self._images.load(layout.needed, self._options, self._fetcher))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What front ends show: `text/html` and `text/plain` of the same page."""
        del include, exclude  # IPython picks
        layout = lay_out_contents(self._mark(), self._options)
        return _render_within_limit(layout, self._images.load(layout.needed, self._options, self._fetcher))

    def __repr__(self) -> str:
        # A repr must be quick, even in a log, so nothing is fetched for it.
        return render_text(compose(self._layout, {}, lambda _page: 0))

    def _render_loaded(self, layout: Layout) -> dict[str, str]:
        return _render_within_limit(layout, self._images.find(layout.needed, self._options))

    def _mark(self, count: int | None = None) -> Contents:
        """What it shows, with the marks of the first tasks as the library has them now, by default of those shown."""
        tasks = self._contents.tasks[: self._options.limit if count is None else count]
        marks = self._fetcher.cache.marks_of(tasks) if isinstance(self._fetcher, LibraryFetcher) else {}
        return dataclasses.replace(self._contents, marks=marks)

    def _part(self, tasks: tuple[Task, ...]) -> Gallery:
        """Some of the tasks, without the table, which no longer fits."""
        return self._made_with(dataclasses.replace(self._contents, tasks=tasks, table=None, note=""), self._options)

    def _made_with(self, contents: Contents, options: GalleryOptions) -> Gallery:
        gallery = Gallery(
            contents.tasks,
            options=options,
            table=contents.table,
            before=contents.before,
            note=contents.note,
            fetcher=self._given_fetcher,
        )
        gallery._images = self._images
        if gallery._library == self._library:
            gallery._fetcher = self._fetcher
        return gallery

    @cached_property
    def _layout(self) -> Layout:
        return lay_out_contents(self._contents, self._options)


def _render_within_limit(layout: Layout, loaded: Loaded) -> dict[str, str]:
    """Renders a gallery; what is measured to fit is what is shown, so a page that fits at once is rendered once."""
    forms: dict[str, str] = {}

    def measure(page: Page) -> int:
        forms.update(render(page))
        return sum(len(form.encode()) for form in forms.values())

    compose(layout, loaded, measure)
    return forms


def _read_status(status: TaskStatus | str) -> TaskStatus:
    try:
        return TaskStatus(status)
    except ValueError:
        choices = ", ".join(known.value for known in TaskStatus)
        raise UsageError(f"{status!r} is not a valid status.", hint=f"Choose one of: {choices}.") from None
