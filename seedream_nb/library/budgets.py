"""Budgets: limits of what paid requests may cost, checked against the ledger when a request is claimed.

Several kernels and threads share the ledger, so that together they stay within a budget.
"""

from __future__ import annotations

import math
import os
import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seedream_nb.core.errors import BudgetExceededError, SettingsError, UsageError, shorten
from seedream_nb.library.location import OFF
from seedream_nb.library.schema import COUNTED, QUARTER
from seedream_nb.protocol.prices import format_dollars

if TYPE_CHECKING:
    from sqlite3 import Connection

    from seedream_nb.protocol.prices import Estimate

BUDGET_NAME = "SEEDREAM_BUDGET"
PRICES_NAME = "SEEDREAM_PRICES"

_OPTION = "--budget, in Python budget=…"
_BUDGET = re.compile(r"\$?\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(?:(?:/|per|an?)\s*(day|week|month))?", re.IGNORECASE)
_HINT = "Write US dollars, alone or for a period: 2.00, 20/day, 50/week, or 100/month."
_TOLERANCE = 1e-6  # dollars; sums of fractions are not exact


@dataclass(frozen=True)
class Budget:
    """A limit in US dollars.

    Attributes:
        dollars: The limit.
        period: `day`, `week`, or `month`, by the calendar: all that the ledger records in it counts. Empty: only
            requests that were sent under this budget count.
        source: How the user sets it.
        key: What marks the requests that were sent under it.
        is_shared: Whether requests count whose mark ends in the last part of the key: those that several clients, each
            with a budget of its own, send under this one.
    """

    dollars: float
    period: str = ""
    source: str = _OPTION
    key: str = ""
    is_shared: bool = False

    def __str__(self) -> str:
        return f"budget of {format_dollars(self.dollars)}{f' a {self.period}' if self.period else ''}"

    def begin(self, now: datetime) -> float:
        """When its period began, in Unix seconds."""
        day = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        if self.period == "week":
            day -= timedelta(days=day.weekday())
        elif self.period == "month":
            day = day.replace(day=1)
        return day.timestamp()

    def spent(self, connection: Connection, service: str, sandbox: str, credit: float) -> float:
        """US dollars that count so far.

        Args:
            connection: A connection to the ledger.
            service: The base URL that counts in any case.
            sandbox: The account of sandboxes, see `Ledger.account_of`; what other sandboxes were sent does not count.
            credit: A credit in US dollars.
        """
        if not self.period:
            # A budget within it has a key that continues with a dot; a slash follows the dot.
            mine, values = "spender >= ? AND spender < ?", [self.key, f"{self.key}/"]
            if self.is_shared:
                own = self.key.rpartition(".")[2]
                mine, values = "spender IS NOT NULL AND (spender = ? OR spender GLOB ?)", [own, f"*.{own}"]
            statement = (
                "SELECT total(coalesce(cost, credits * ?, estimate)) FROM purchases"  # noqa: S608  our own words
                f" WHERE {mine} AND state IN {COUNTED}"
            )
            return float(connection.execute(statement, (credit, *values)).fetchone()[0])
        statement = (
            "SELECT total(dollars + credits * ?) FROM spending WHERE quarter >= ? AND (account <> ? OR service = ?)"
        )
        quarter = self.begin(datetime.now().astimezone()) // QUARTER
        return float(connection.execute(statement, (credit, quarter, sandbox, service)).fetchone()[0])


@dataclass(frozen=True)
class Budgets:
    """The budgets that hold for a request.

    Attributes:
        held: The budgets, the widest first.
        credit: A credit in US dollars, for what the service has reported in credits.
    """

    held: tuple[Budget, ...] = ()
    credit: float = 0.0

    @property
    def spender(self) -> str | None:
        """What marks a request that is sent under them."""
        return next((budget.key for budget in reversed(self.held) if budget.key), None)

    def check(self, connection: Connection, service: str, sandbox: str, estimate: Estimate, model: str) -> None:
        """Raises if a request that is already counted in the ledger, within the same transaction, exceeds a budget."""
        for budget in self.held:
            if estimate.dollars is None:
                raise BudgetExceededError(
                    f"The price of this request is unknown, so it can't be sent under the {budget}.",
                    hint=f'It was not sent. Write a price list with a price for "{model}", and name it in '
                    f"{PRICES_NAME}; help(seedream_nb.protocol.prices) shows the format.",
                )
            spent = budget.spent(connection, service, sandbox, self.credit)
            if spent > budget.dollars + _TOLERANCE:
                left = max(0.0, budget.dollars - (spent - estimate.dollars))
                at_most = "up to " if estimate.images > 1 else ""
                raise BudgetExceededError(
                    f"This request costs {at_most}about {format_dollars(estimate.dollars)}, and {format_dollars(left)} "
                    f"of the {budget} is left.",
                    hint=f"It was not sent. To send it, raise the budget ({budget.source}).",
                )


def parse_budget(given: float | str, source: str = _OPTION) -> Budget | None:
    """Reads a budget.

    Args:
        given: US dollars, or text: dollars, alone or for a period; `off` for none.
        source: How the user sets it.

    Raises:
        UsageError: It is not a budget.

    Example:
        >>> str(parse_budget(2)), str(parse_budget("20/day"))
        ('budget of $2.00', 'budget of $20.00 a day')
    """
    text = str(given).strip()
    if text.lower() == OFF:
        return None
    if isinstance(given, float) and math.isfinite(given):
        text = f"{given:.6f}"
    match = None if isinstance(given, bool) else _BUDGET.fullmatch(text)
    if match is None:
        raise UsageError(f"{shorten(text)!r} is not a budget.", hint=f"{_HINT} Nothing was sent.")
    period = (match[2] or "").lower()
    return Budget(float(match[1]), period, source, "" if period else uuid.uuid4().hex)


def budget_within(outer: Budget | None, given: float | str) -> Budget | None:
    """Reads a budget that holds in addition to another one, for some of its requests."""
    budget = parse_budget(given)
    if budget is None or outer is None or not budget.key or not outer.key:
        return budget
    return replace(budget, key=f"{outer.key}.{budget.key}")


def shared_budget_within(outer: Budget | None, given: float | str, key: str) -> Budget | None:
    """Reads a budget that several clients share, in addition to the budget of each.

    Args:
        outer: The budget of this client.
        given: As for `parse_budget`.
        key: What marks the requests that any of them sends under it.
    """
    budget = parse_budget(given)
    if budget is None or budget.period:
        return budget
    return replace(budget, key=f"{outer.key}.{key}" if outer is not None and outer.key else key, is_shared=True)


def budget_of_environment() -> Budget | None:
    """The budget of the environment variable `SEEDREAM_BUDGET`, which is for a period.

    Raises:
        SettingsError: It is not a budget.
    """
    text = os.environ.get(BUDGET_NAME, "").strip()
    if not text:
        return None
    try:
        budget = parse_budget(text, BUDGET_NAME)
    except UsageError as error:
        raise SettingsError(f"{BUDGET_NAME}: {error.message}", hint=error.hint) from None
    if budget is not None and not budget.period:
        raise SettingsError(
            f"{BUDGET_NAME} needs a period: {text} a day, a week, or a month?",
            hint=f"Write {BUDGET_NAME}={budget.dollars:g}/day, /week, or /month. Nothing was sent.",
        )
    return budget
