"""Runs: the requests of a table, each row paid for once, whatever becomes of the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from seedream_nb.core.models import Task
    from seedream_nb.gallery import Gallery
    from seedream_nb.library.dataset_items import DatasetItem


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run at one moment.

    Attributes:
        name: The run's name.
        rows: The rows of its table.
        requests: Their requests: one for each row and take.
        done: The requests that are finished and have images.
        failed: Those that failed, or were rejected by moderation.
        in_progress: Those that are at the service.
        unclear: Those whose answer was lost, and whose outcome is not known yet.
        unsent: Those that were not sent.
        bought_before: Those that were paid for before this `Run` was opened.
        earlier: The rows that are no longer in the table, whose images are kept.
        images: The images of the table's rows.
        cost: What these cost, in US dollars: as reported, or else as estimated; 0 for a sandbox.
        estimate_left: What unsent requests may cost, in US dollars; None if the price is unknown, or for a sandbox.
        seconds_left: Seconds until all is finished, as far as can be told; None if nothing is left.
        per_minute: How many requests finish in a minute at the moment; None while it is not running here.
        changed_at: When anything changed last.
        is_running: Whether this or another kernel sends its requests at the moment.
    """

    name: str
    rows: int
    requests: int
    done: int
    failed: int
    in_progress: int
    unclear: int
    unsent: int
    bought_before: int
    earlier: int
    images: int
    cost: float
    estimate_left: float | None
    seconds_left: float | None
    per_minute: float | None
    changed_at: datetime
    is_running: bool


@dataclass(frozen=True)
class RunFailure:
    """Why a request of a run has no image.

    Attributes:
        row: The row's place in the table, from 1.
        take: Which take of the row, from 1.
        prompt: Its prompt.
        message: What the service or the client says.
        task_id: The id of its task; empty if there is none.
    """

    row: int
    take: int
    prompt: str
    message: str
    task_id: str = ""


class Run:
    """A table of requests with a name, each paid for once. Create it with `SeedreamClient.run`.

    Its state is in the library, so that another kernel continues where this one stopped.

    Attributes:
        name: Its name.
        announcement: What finishing it sends, costs, and takes, as of when it was opened.
    """

    name: str
    announcement: str

    @property
    def summary(self) -> RunSummary:
        """What is known of it now."""
        raise NotImplementedError

    def finish(self) -> Gallery:
        """Sends what is missing and waits, with progress; returns the gallery of the table's images."""
        raise NotImplementedError

    def start(self) -> Run:
        """Sends what is missing in the background."""
        raise NotImplementedError

    def updates(self) -> Iterator[RunSummary]:
        """As `finish`, and yields what is known whenever that changes."""
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        """Whether this kernel sends its requests at the moment."""
        raise NotImplementedError

    def stop(self) -> None:
        """Sends nothing more, and returns when all that was sent is recorded."""
        raise NotImplementedError

    def retry(self) -> Gallery:
        """Sends the failed requests again, as `finish` does."""
        raise NotImplementedError

    @property
    def frame(self) -> Any:
        """The table's columns, joined with what became of each row."""
        raise NotImplementedError

    @property
    def earlier(self) -> Any:
        """As `frame`, of the rows that are no longer in the table."""
        raise NotImplementedError

    @property
    def gallery(self) -> Gallery:
        """The tasks of the table's rows, in order."""
        raise NotImplementedError

    @property
    def failures(self) -> list[RunFailure]:
        """Why requests failed, in the order of the table."""
        raise NotImplementedError

    @property
    def newest(self) -> list[Task]:
        """The tasks that finished last, the newest first; at most 12."""
        raise NotImplementedError

    def items(self) -> Iterator[DatasetItem]:
        """One item for each good image, in the order of the table."""
        raise NotImplementedError

    def export(self, target: str, format: str = "imagefolder", **options: Any) -> Any:  # noqa: A002  its public name
        """Exports the images as a dataset; see `Gallery.export_dataset`."""
        raise NotImplementedError

    def remove(self) -> None:
        """Removes the run's file; tasks and images stay in the library."""
        raise NotImplementedError
