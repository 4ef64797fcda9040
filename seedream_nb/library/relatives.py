"""The parents and children of an image, in the library that it comes from: what `TaskImage.parents` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.library.library import Library
from seedream_nb.library.location import OFF, TURN_ON_HINT, resolve_location

if TYPE_CHECKING:
    from seedream_nb.core.models import TaskImage


def find_parents(image: TaskImage) -> tuple[TaskImage, ...]:
    """The images that an image was made from; none if it is not stored."""
    library = _library_of(image)
    return () if library is None else tuple(library.parents(image))


def find_children(image: TaskImage) -> tuple[TaskImage, ...]:
    """The images that were made from an image; none if it is not stored."""
    library = _library_of(image)
    return () if library is None else tuple(library.children(image))


def _library_of(image: TaskImage) -> Library | None:
    """The library of an image; None if nothing was ever stored there."""
    location = resolve_location(image.library)
    if location is None:
        whose = "The library of this image" if image.library == OFF else "The library"
        raise LibraryError(f"{whose} is turned off, so its parents and children are not known.", hint=TURN_ON_HINT)
    opened = Library.opened_at(Path(location))
    if opened is not None or not Path(location).is_dir():
        return opened
    return Library(location)
