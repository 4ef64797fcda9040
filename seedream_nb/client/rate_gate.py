"""One gate for all that a process sends to an account, so that its clients, threads, and batches share the limits.

The service's limits are known from one page only (10 tasks in flight, 60 requests a second; wire contract, Limits),
and other machines may use the same account. So the gate keeps a rate, and learns the rest from status 429:

- Per second: never more than the rate within any second. What comes in addition waits for its turn, first come, first
  served, since a rejected request costs a round trip and the service's patience.
- In flight: without a bound until the first 429, as a bound that nobody asked for would only slow down work. Then
  additive increase, multiplicative decrease: half of what was in flight, and 1/window more for each success, which is
  one more for each full round. These are the rules of TCP (Chiu and Jain, 1989): senders that know nothing of each
  other come to share a limit evenly, use nearly all of it, and follow it when it changes. A lower increase would take
  hours to find free room, as tasks take half a minute; a smaller decrease would be rejected again.
- Rejections of requests that were sent before the window was last reduced tell nothing new and do not reduce it again.
  A rejected request goes to the end of the queue, but before those that were never sent, and it uses up its attempts
  only while the service accepts no other and none of ours is in progress: a limit that is still being learned, and is
  used up by ourselves, fails nothing.
- After a 429, everything pauses for as long as the service asks, or for the usual backoff. Otherwise each request would
  find out for itself, and use up its attempts. A query only waits for the pause that it finds: polls are what tells
  that tasks are finished, so they need no room in the window and are not held up by further rejections.
- Room that nobody gives back for a minute, such as that of a loop that was never resumed, does not block others for
  good: one more request may try.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import is_loopback

if TYPE_CHECKING:
    from seedream_nb.client.settings import Secret, Settings
    from seedream_nb.client.transport import Pause

PER_SECOND = 60.0  # as documented (wire contract, Limits)
STUCK_AFTER = 60.0  # seconds in which nothing in flight has finished
STOP_IS_SEEN_WITHIN = 0.1  # seconds, during a pause
_SECONDS_BETWEEN_LOOKS = 0.05  # at whether there is room


class RateGate:
    """The limits of one account within this process. Safe to use from several threads.

    Args:
        per_second: Maximum number of requests in any second; infinite for no limit.
    """

    def __init__(self, per_second: float = math.inf) -> None:
        self.per_second = per_second
        self._lock = threading.Lock()
        self._turns = itertools.count()
        self._slots: deque[float] = deque()  # when the last requests were sent, or will be
        self._paused_until = -math.inf
        self._window = math.inf
        self._reduced_at = -math.inf
        self._accepted = 0  # paid requests
        self._moved_at = -math.inf  # when room was last taken or given back
        # Weak, so that what is forgotten, after whatever interrupt, holds no room.
        self._inside: weakref.WeakSet[Ticket] = weakref.WeakSet()
        self._waiting: weakref.WeakSet[Ticket] = weakref.WeakSet()

    @property
    def window(self) -> float:
        """Maximum number of paid requests and tasks in flight; infinite before the first 429."""
        return self._window

    @property
    def in_flight(self) -> int:
        """The number of paid requests and tasks in flight."""
        return len(self._inside)

    def reserve(self) -> Ticket | None:
        """A ticket for a paid request that has room already; None if it would have to wait."""
        ticket = Ticket(self, is_paid=True)
        with self._lock:
            now = time.monotonic()
            ticket.turn = next(self._turns)
            if self._seconds_until_room(ticket, now) > 0:
                return None
            self._admit(ticket, now)
        return ticket

    def wait(self, ticket: Ticket, pause: Pause, seconds: float = 0.0) -> bool:
        """Waits until a request may be sent; see `Ticket.wait`."""
        ticket.is_waiting = True
        begin = time.monotonic() + seconds
        if not ticket.is_paid:
            begin = max(begin, self._paused_until)
        slot: float | None = None
        ticket.turn = next(self._turns)
        try:
            while True:
                with self._lock:
                    now = time.monotonic()
                    remaining = max(begin - now, self._seconds_until_room(ticket, now))
                    if remaining <= 0:
                        slot = self._take_slot(now) if slot is None else slot
                        remaining = slot - now
                    else:
                        slot = None
                        if ticket.is_paid:
                            self._waiting.add(ticket)
                    if remaining <= 0:
                        self._admit(ticket, now)
                        ticket.is_waiting = False
                        return False
                if pause(remaining):
                    return True
        finally:
            self._waiting.discard(ticket)

    def enter(self, ticket: Ticket) -> None:
        """Counts a task that is in flight already."""
        with self._lock:
            self._admit(ticket, time.monotonic())
            ticket.is_accepted = True

    def accepted(self, ticket: Ticket) -> None:
        """Widens the window for a success."""
        if ticket.is_paid:
            with self._lock:
                ticket.is_accepted = True
                self._window += 1 / self._window
                self._accepted += 1

    def rejected(self, ticket: Ticket, seconds: float) -> bool:
        """Pauses everything for some seconds, and narrows the window; see `Ticket.rejected`."""
        with self._lock:
            now = time.monotonic()
            self._paused_until = max(self._paused_until, now + seconds)
            if ticket.is_paid and ticket.admitted_at > self._reduced_at:
                self._window = max(1.0, len(self._inside) / 2)
                self._reduced_at = now
            self._leave(ticket)
            before, ticket.accepted_before = ticket.accepted_before, self._accepted
            if not ticket.is_paid or before is None:
                return False
            return self._accepted > before or any(other.is_accepted for other in self._inside)

    def leave(self, ticket: Ticket) -> None:
        """Gives room back."""
        with self._lock:
            self._leave(ticket)

    # With the lock

    def _seconds_until_room(self, ticket: Ticket, now: float) -> float:
        """Seconds after which a request should look again; 0 if it may be sent."""
        if not ticket.is_paid:
            return 0.0
        if now < self._paused_until:
            return self._paused_until - now
        if ticket in self._inside or self._window == math.inf:
            return 0.0
        ahead = sum(other.turn < ticket.turn for other in self._waiting)
        is_stuck = not ahead and now - self._moved_at > STUCK_AFTER
        return 0.0 if is_stuck or len(self._inside) + ahead + 1 <= self._window else _SECONDS_BETWEEN_LOOKS

    def _take_slot(self, now: float) -> float:
        """When the next request may be sent, as far as the rate is concerned."""
        if self.per_second == math.inf:
            return now
        count = max(1, math.floor(self.per_second))
        while len(self._slots) > count:
            self._slots.popleft()
        is_full = len(self._slots) == count
        slot = max(now, self._slots.popleft() + count / self.per_second) if is_full else now
        self._slots.append(slot)
        return slot

    def _admit(self, ticket: Ticket, now: float) -> None:
        ticket.admitted_at = now
        if ticket.accepted_before is None:
            ticket.accepted_before = self._accepted
        self._waiting.discard(ticket)
        if ticket.is_paid and ticket not in self._inside:
            self._inside.add(ticket)
            self._moved_at = now

    def _leave(self, ticket: Ticket) -> None:
        if ticket in self._inside:
            self._inside.discard(ticket)
            self._moved_at = time.monotonic()


class Ticket:
    """One request at the gate: outside, or in flight, until it leaves or is forgotten.

    Args:
        gate: The gate.
        is_paid: Whether it needs room in the window, as its task will be in flight.

    Attributes:
        turn: Its place in the queue; it goes to the end after each rejection.
        admitted_at: When it was last let through.
        accepted_before: How many paid requests the service had accepted when it was first let through, or last
            rejected.
        is_accepted: Whether the service has accepted the request, so that its task is in progress while it is inside.
        is_waiting: Whether it waits, or has stopped waiting before it was let through: since then, nothing was sent.
    """

    def __init__(self, gate: RateGate, *, is_paid: bool = False) -> None:
        self.is_paid = is_paid
        self.turn = 0
        self.admitted_at = -math.inf
        self.accepted_before: int | None = None
        self.is_accepted = False
        self.is_waiting = False
        self._gate = gate

    def wait(self, pause: Pause, seconds: float = 0.0) -> bool:
        """Waits until the request may be sent, which it must be then.

        Args:
            pause: Waits; raises an error, or returns something true, when it must not be sent.
            seconds: How long to wait in any case, such as before a retry.

        Returns:
            True if it must not be sent.
        """
        return self._gate.wait(self, pause, seconds)

    def enter(self) -> None:
        """Counts a task that is in flight already."""
        self._gate.enter(self)

    def accepted(self) -> None:
        """Records that the service accepted the request."""
        self._gate.accepted(self)

    def rejected(self, seconds: float) -> bool:
        """Records that the service answered 429, so that everything pauses for some seconds; gives its room back.

        Returns:
            Whether the service has accepted another paid request since this one was last rejected, or first let
            through, or still works on one: then its turn will come, however often it is rejected.
        """
        return self._gate.rejected(self, seconds)

    def leave(self) -> None:
        """Gives its room back: nothing of it is in flight."""
        self._gate.leave(self)


def pause_until_any(*events: threading.Event) -> Pause:
    """A pause that any of some events ends; it returns whether one has."""

    def pause(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not any(event.is_set() for event in events):
            remaining = end - time.monotonic()
            if remaining <= 0:
                return False
            events[0].wait(min(remaining, STOP_IS_SEEN_WITHIN))
        return True

    return pause


_Key = tuple[str, "Secret | None"]
_lock = threading.Lock()
_gates: weakref.WeakValueDictionary[_Key, RateGate] = weakref.WeakValueDictionary()
_kept: list[RateGate] = []


def gate_of(settings: Settings, per_second: float | None = None) -> RateGate:
    """The gate of an account in this process.

    That of a loopback address lives as long as its clients: its port may be another server's next.

    Args:
        settings: The base URL and the token.
        per_second: The rate for all clients of the account from now on; None leaves it as it is, at first 60 for
            addresses that are not loopback.
    """
    key = (settings.base_url, settings.token)
    is_local = is_loopback(settings.base_url)
    with _lock:
        gate = _gates.get(key)
        if gate is None:
            gate = _gates[key] = RateGate(math.inf if is_local else PER_SECOND)
            if not is_local:
                _kept.append(gate)
        if per_second is not None:
            gate.per_second = per_second
    return gate


def _forget_all() -> None:
    """In a forked child, which must not use locks that its parent may hold."""
    global _lock  # noqa: PLW0603  see above
    _lock = threading.Lock()
    _gates.clear()
    _kept.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
