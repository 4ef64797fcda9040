"""Why: a gallery is seen by people without a notebook: as one page, as one sheet, on paper."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, overload

from seedream_nb.gallery.contact_sheet import draw_sheet, plan_contents, write_sheet
from seedream_nb.gallery.export import export_page

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    from PIL.Image import Image

    from seedream_nb.gallery.contents import Contents
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.images.fetch import ImageFetcher


class Shareable:
    """What a `Gallery` becomes outside of a notebook."""

    _contents: Contents
    _options: GalleryOptions
    _fetcher: ImageFetcher

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Path:
        """Writes one page that needs nothing else: it opens from a file, offline, in any browser.

        All tasks are on it, with thumbnails and a detail view of each image (1024 px, whole prompt, model, size,
        seed, task id, time, state). Neither account nor trace ids are, so that it can be handed on. The same tasks and
        images give the same file. A hundred detailed images take about 25 MB.

        Args:
            path: Where to, ending in `.html`. A file that is there is replaced, once the new one is whole.
            title: What stands above the images.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The path of the file.

        Raises:
            UsageError: The file has another ending or cannot be written.

        Example:
            >>> gallery.export("page.html", title="Siamese cats")  # doctest: +SKIP
            PosixPath('page.html')
        """
        return export_page(self._contents, path, self._fetcher, title=title, on_progress=on_progress)

    @overload
    def contact_sheet(
        self,
        path: None = None,
        *,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Callable[[int], None] | None = None,
    ) -> Image: ...
    @overload
    def contact_sheet(
        self,
        path: str | os.PathLike[str],
        *,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Callable[[int], None] | None = None,
    ) -> Path: ...
    def contact_sheet(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        columns: int | None = None,
        thumbnail: int | None = None,
        captions: bool = True,
        on_progress: Callable[[int], None] | None = None,
    ) -> Image | Path:
        """Draws all images in even tiles on white, as one image; or writes them, as a PDF of A4 pages, PNG or JPEG.

        Captions are drawn in Pillow's own font, and in fonts of the system for scripts that it lacks; a character that
        no font has becomes an empty square.

        Args:
            path: Where to, ending in `.pdf`, `.png` or `.jpg`; a file that is there is replaced. None to get an image.
            columns: How many images stand side by side; by default as the gallery has it, or what looks best.
            thumbnail: The long side of an image in pixels, on paper at 200 dpi; by default as the gallery has it. On
                paper `columns`, where given, decide instead.
            captions: Whether prompt, model, size and seed stand below each image.
            on_progress: Called with 1 for each image that is finished.

        Returns:
            The image in mode `RGB`; with a path, that of the file.

        Raises:
            UsageError: There is no image, an option is out of range, one image would have more than 60 million
                pixels (a PDF has no such limit), or the file has another ending or cannot be written.

        Example:
            >>> gallery.contact_sheet().show()  # doctest: +SKIP
            >>> gallery.contact_sheet("sheet.pdf", columns=5)  # doctest: +SKIP
            PosixPath('sheet.pdf')
        """
        options = dataclasses.replace(
            self._options,
            columns=self._options.columns if columns is None else columns,
            thumbnail=self._options.thumbnail if thumbnail is None else thumbnail,
        )
        plan = plan_contents(self._contents, options, captions=captions)
        if path is None:
            return draw_sheet(plan, self._fetcher, on_progress)
        return write_sheet(plan, path, self._fetcher, on_progress)
