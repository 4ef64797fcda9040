"""The tasks, records, and searches of this scene."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from seedream_nb.protocol.responses import read_task
from tests.benchmarks.gallery.scene import Job
from tests.benchmarks.library.prompts import PHRASE, RARE_MODEL, RARE_WORD, make_prompt
from tests.benchmarks.records import BEGIN, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedream_nb import Task

SHOWN = 100  # tasks in a cell
MANY_SHOWN = 1000
IDS = 10_000  # ids in a large retrieval
FEW_IDS = 2000
BATCH = 50  # ids per batch request
THREADS = 4  # concurrent batch requests
RECORDS = 100_000  # records in the library to search
FILES = 10_000  # of these as JSON files for the loop, whose time is multiplied accordingly
FIRST_PAGE = 24
ADDED = 200  # records added one at a time
LIBRARY_SIZES = (0, 1000, RECORDS)  # records in the libraries they are added to
SECONDS_APART = 60  # between the creation of two tasks


@dataclass(frozen=True)
class ShowJob(Job):
    """The input of a contender that shows images.

    Attributes:
        store: A folder in which the contender may store anything.
        cells: The number of times the same cell runs.
    """

    store: str
    cells: int


@dataclass(frozen=True)
class Search:
    """A search.

    Attributes:
        label: The name in the report.
        text: The query for the library.
        words: What the loop looks for in a prompt: all of these.
        model: Only tasks of this model, by its full id.
        since: Only tasks created at this time or later, in Unix seconds.
    """

    label: str
    text: str
    words: tuple[str, ...]
    model: str | None = None
    since: float | None = None

    @property
    def since_time(self) -> datetime | None:
        return None if self.since is None else datetime.fromtimestamp(self.since, timezone.utc)


def creation_time(number: int) -> float:
    """The creation of a task, in Unix seconds."""
    return BEGIN + number * SECONDS_APART


SEARCHES = (
    Search("A rare word", RARE_WORD, (RARE_WORD,)),
    Search("A frequent word", "light", ("light",)),
    Search("Two Chinese characters", "暹罗", ("暹罗",)),
    Search("Two frequent Chinese characters", "光线", ("光线",)),
    Search("A phrase", f'"{PHRASE}"', (PHRASE,)),
    Search("A prefix", "wat", ("wat",)),
    Search("A frequent word of one model", "light", ("light",), model="doubao-seedream-4-5-251128"),
    Search("A frequent word of a rare model", "light", ("light",), model=RARE_MODEL),
    Search("A frequent word since a date", "light", ("light",), since=creation_time(RECORDS * 9 // 10)),
    Search("All tasks of a rare model", "", (), model=RARE_MODEL),
    Search("All tasks since a date", "", (), since=creation_time(RECORDS * 9 // 10)),
)


def make_records(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Records for the library, as the service returns them."""
    for number in numbers:
        prompt, model = make_prompt(number)
        link = f"https://platform.cdn.acedata.cloud/seedream/{number}.jpg"
        record = make_record(number, prompt, model, "2048x2048", link)
        record["created_at"] = creation_time(number)
        yield record


def make_tasks(numbers: Sequence[int]) -> Iterator[Task]:
    """The same records as tasks."""
    return (read_task(record, record["id"]) for record in make_records(numbers))
