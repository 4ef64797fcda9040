"""What the sandbox received, for tests that count requests and for the user who wonders what was sent.

The token is never kept, only whether one was there.
"""

import collections
import dataclasses
import threading
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class LoggedRequest:
    """One request that was received.

    Attributes:
        kind: `tasks` and `images` for the two API paths, `downloads` for image files, `other` for the rest.
        method: HTTP method.
        path: Path without the query.
        action: The body's `action`; `retrieve` when a task query names none; empty elsewhere.
        ids: The task ids that were asked for, as sent.
        received_at: Unix seconds.
        status: The HTTP status answered; 0 when the connection was closed without an answer.
        has_authorization: True when an `Authorization` header came along.
        fault: The kind of the fault that was applied, empty when there was none.
    """

    kind: str
    method: str
    path: str
    action: str
    ids: tuple[str, ...]
    received_at: float
    status: int
    has_authorization: bool
    fault: str = ""


class RequestLog:
    """The latest requests, oldest first; iterable, indexable, safe to use from several threads.

    Args:
        capacity: How many requests are kept.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._requests: collections.deque[LoggedRequest] = collections.deque(maxlen=capacity)

    def add(self, request: LoggedRequest) -> None:
        """Keep a request."""
        with self._lock:
            self._requests.append(request)

    def of_kind(self, kind: str) -> list[LoggedRequest]:
        """Return the requests of one kind: `tasks`, `images`, `downloads` or `other`."""
        return [request for request in self if request.kind == kind]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> LoggedRequest:
        with self._lock:
            return self._requests[index]

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._lock:
            return iter(list(self._requests))
