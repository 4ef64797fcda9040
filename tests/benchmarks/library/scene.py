"""Why: all contenders of this scene work on the same tasks, and look for the same words."""

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

SHOWN = 100  # tasks of a cell
MANY_SHOWN = 1000
ASKED = 10_000  # ids of a large batch
FEW_ASKED = 2000
CHUNK = 50  # ids in a request
THREADS = 4  # that ask at the same time
KEPT = 100_000  # records of the library that is searched
LOOPED = 10_000  # of these as files, for the loop; it is charged with so many times more as there are records
FIRST_PAGE = 24
ADDED = 200  # records, one at a time
SIZES = (0, 1000, KEPT)  # records of the libraries that they are added to
SECONDS_APART = 60  # of the moments at which kept tasks were created


@dataclass(frozen=True)
class ShowJob(Job):
    """What a contender is told that shows pictures.

    Attributes:
        store: The folder in which it may keep what it likes.
        cells: How often the same cell runs.
    """

    store: str
    cells: int


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Attributes:
        label: Its name in the report.
        text: What the library is asked for.
        words: What the loop looks for in a prompt: all of these.
        model: Of this model alone, by its full id.
        since: Created at this moment or later, in Unix seconds.
    """

    label: str
    text: str
    words: tuple[str, ...]
    model: str | None = None
    since: float | None = None

    @property
    def since_time(self) -> datetime | None:
        return None if self.since is None else datetime.fromtimestamp(self.since, timezone.utc)


def moment(number: int) -> float:
    """When a kept task was created, in Unix seconds."""
    return BEGIN + number * SECONDS_APART


SEARCHES = (
    Search("a rare word", RARE_WORD, (RARE_WORD,)),
    Search("a frequent word", "light", ("light",)),
    Search("two Chinese characters", "暹罗", ("暹罗",)),
    Search("two frequent Chinese characters", "光线", ("光线",)),
    Search("a phrase", f'"{PHRASE}"', (PHRASE,)),
    Search("a beginning", "wat", ("wat",)),
    Search("a frequent word of one model", "light", ("light",), model="doubao-seedream-4-5-251128"),
    Search("a frequent word of a rare model", "light", ("light",), model=RARE_MODEL),
    Search("a frequent word since a date", "light", ("light",), since=moment(KEPT * 9 // 10)),
    Search("all of a rare model", "", (), model=RARE_MODEL),
    Search("all since a date", "", (), since=moment(KEPT * 9 // 10)),
)


def kept_records(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The records of the library that is searched, as the service answers them."""
    for number in numbers:
        prompt, model = make_prompt(number)
        link = f"https://platform.cdn.acedata.cloud/seedream/{number}.jpg"
        record = make_record(number, prompt, model, "2048x2048", link)
        record["created_at"] = moment(number)
        yield record


def kept_tasks(numbers: Sequence[int]) -> Iterator[Task]:
    """The same as tasks."""
    return (read_task(record, record["id"]) for record in kept_records(numbers))
