"""What was spent, as the ledger records it: sums by day, model, notebook, or tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.core.errors import UsageError
from seedream_nb.library.schema import COUNTED

if TYPE_CHECKING:
    from datetime import datetime
    from sqlite3 import Connection

Grouping = Literal["day", "model", "notebook", "tag"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)
_NAMES: dict[Grouping, str] = {
    "day": "date(sent_at, 'unixepoch', 'localtime')",
    "model": "json_extract(body, '$.model')",
    "notebook": "nullif(notebook, '')",
    "tag": "tag",
}
_REPORTED = "coalesce(cost, credits * :credit)"


@dataclass(frozen=True)
class Spending:
    """What some requests have cost, in US dollars.

    Attributes:
        name: What they have in common: the day as `2026-11-28`, the full model id, the notebook, or the tag; None if
            that is unknown, or for all requests.
        requests: The number of requests.
        images: The number of images; of a set that is not finished, the maximum.
        estimated: The sum of the estimates, of requests for which the service has reported no charge.
        reported: The sum of the charges that the service has reported.
        unknown: The number of requests without either; they are not part of the sums.
    """

    name: str | None
    requests: int
    images: int
    estimated: float
    reported: float
    unknown: int

    @property
    def total(self) -> float:
        """Both sums together."""
        return self.estimated + self.reported


def sum_spending(
    connection: Connection,
    by: Grouping | None,
    since: datetime | None,
    *,
    service: str | None,
    sandbox: str,
    credit: float,
) -> list[Spending]:
    """The sums, days in order, all others the most expensive first; a single one without a grouping.

    A task with several tags counts for each of them. Requests that failed, were rejected, or did not arrive cost
    nothing and are left out, and so is what sandboxes were sent, except for `service`.
    """
    if by is not None and by not in GROUPINGS:
        raise UsageError(f"Can't group spending by {by!r}.", hint=f"Use one of {', '.join(GROUPINGS)}.")
    values = {
        "credit": credit,
        "since": 0 if since is None else since.timestamp(),
        "sandbox": sandbox,
        "service": service or "",
    }
    # Keys of tasks are in lower case.
    tagged = "(SELECT DISTINCT tag, task FROM tags) AS tags"  # several images of a task may have a tag
    tags = f"LEFT JOIN {tagged} ON tags.task = lower(purchases.task)" if by == "tag" else ""
    statement = f"""
        SELECT {_NAMES[by] if by else "NULL"} AS name, count(*), total(images),
            total(CASE WHEN {_REPORTED} IS NULL THEN estimate END), total({_REPORTED}),
            total({_REPORTED} IS NULL AND estimate IS NULL)
        FROM purchases {tags}
        WHERE sent_at >= :since AND state IN {COUNTED} AND (account <> :sandbox OR service = :service)
        GROUP BY name
    """  # noqa: S608  our own words
    rows = [
        Spending(name, requests, int(images), estimated, reported, int(unknown))
        for name, requests, images, estimated, reported, unknown in connection.execute(statement, values)
    ]
    return sorted(rows, key=lambda row: row.name or "" if by == "day" else (-row.total, row.name or ""))
