"""Downloads one image: one deadline for everything, redirects by hand, and no body that nobody needs.

No credentials go along: no token, no cookies, and no passwords from links or a `.netrc` file.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection

from seedream_nb.core.errors import ImageError, shorten
from seedream_nb.core.foreign import is_loopback

if TYPE_CHECKING:
    from seedream_nb.images.fetch import FetchLimits

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds without a single byte
CHUNK_BYTES = 256 * 1024
DEAD_LINK_STATUSES = frozenset({401, 403, 404, 410})
BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
FIRST_PAUSE = 0.2  # seconds before the second retry; the first one follows at once
POLLING_INTERVAL = 0.2  # seconds between two looks at whether a download is canceled
THREAD_NAME = "seedream-download"
HEADERS = {"Accept": "image/*", "User-Agent": "seedream_nb"}


class Connections:
    """The connections to all hosts, without cookies and without passwords of a `.netrc` file; shared between threads.

    Args:
        most_idle: How many stay open for each host.
    """

    def __init__(self, most_idle: int) -> None:
        # Only for its pools: it knows about proxies, and their passwords.
        self._adapter = HTTPAdapter(pool_maxsize=most_idle)
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """Sends one request, and returns the head of its answer."""
        return self._manager_for(url).urlopen(
            "GET",
            url,
            headers=HEADERS,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
            redirect=False,
            retries=False,
            preload_content=False,
        )

    def _manager_for(self, url: str) -> urllib3.PoolManager:
        # A proxy from the environment cannot reach this machine's loopback addresses.
        proxy = "" if is_loopback(url) else select_proxy(url, get_environ_proxies(url)) or ""
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = self._open(proxy)
            return self._managers[proxy]

    def _open(self, proxy: str) -> urllib3.PoolManager:
        manager: urllib3.PoolManager = self._adapter.poolmanager
        if proxy:
            manager = self._adapter.proxy_manager_for(proxy if "://" in proxy else f"http://{proxy}")
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
        manager.connection_pool_kw["ca_cert_dir" if os.path.isdir(bundle) else "ca_certs"] = bundle  # noqa: PTH112  as urllib3 wants it
        manager.pool_classes_by_scheme = {
            scheme: _with_watched_connections(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }
        return manager


class Download:
    """A download in a thread of its own, which its caller can leave at any moment.

    Nothing else bounds all of it: a name lookup cannot be interrupted, and a socket's timeout begins anew with each
    byte.

    Args:
        url: The address, as `read_address` returns it.
        limits: Its limits.
        connections: The connections to use.
    """

    def __init__(self, url: str, limits: FetchLimits, connections: Connections) -> None:
        self._url = url
        self._limits = limits
        self._connections = connections
        self._connection: HTTPConnection | None = None
        self._abandoned = threading.Event()
        self._outcome: bytes | ImageError | None = None

    def wait(self, stop: threading.Event) -> bytes:
        """Downloads the image.

        Args:
            stop: Cancels the download.

        Returns:
            The bytes.

        Raises:
            ImageError: There is no image, or it did not arrive in time.
        """
        deadline = time.monotonic() + self._limits.seconds
        thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        try:
            thread.start()
            while thread.is_alive():
                thread.join(max(0.0, min(POLLING_INTERVAL, deadline - time.monotonic())))
                if thread.is_alive() and stop.is_set():
                    raise canceled()
                if thread.is_alive() and time.monotonic() >= deadline:
                    raise ImageError(
                        f"The image did not arrive within {self._limits.seconds:g} s.",
                        hint="Show the image again to retry.",
                    )
        finally:
            if thread.is_alive():
                self._abandon()
        if not isinstance(self._outcome, bytes):
            raise self._outcome or canceled()
        return self._outcome

    def watch(self, connection: HTTPConnection) -> None:
        """Remembers the connection that the thread uses; ends an abandoned download."""
        self._connection = connection
        if self._abandoned.is_set():
            raise canceled()

    def _abandon(self) -> None:
        """Ends the thread, as soon as a name lookup or the attempt to connect is over."""
        self._abandoned.set()
        connected = getattr(self._connection, "sock", None)
        # Within TLS within TLS, the socket is wrapped. The methods of TLS sockets are not made for two threads.
        connected = getattr(connected, "socket", connected)
        if isinstance(connected, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def _run(self) -> None:
        _thread.download = self
        try:
            self._outcome = self._retry()
        except ImageError as error:
            self._outcome = error
        except Exception as problem:  # noqa: BLE001  foreign input in many hands; nobody else would see it in a thread
            self._outcome = _describe(problem, urlsplit(self._url).hostname or "")

    def _retry(self) -> bytes:
        for attempt in range(self._limits.tries - 1):
            try:
                return self._follow()
            except ImageError as error:
                if error.status_code not in BUSY_STATUSES:
                    raise
            except urllib3.exceptions.HTTPError:
                pass
            self._abandoned.wait(FIRST_PAUSE * attempt)
        return self._follow()

    def _follow(self) -> bytes:
        url = self._url
        for _ in range(self._limits.redirects + 1):
            with contextlib.closing(self._connections.get(url)) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECT_STATUSES or location is None:
                    return self._read(response)
            # Headers are read as Latin-1, but links are UTF-8.
            address = read_address(location.encode("latin-1", "replace").decode("utf-8", "replace"), url)
            if address is None:
                raise ImageError("The link redirects to an address that is not http(s).")
            url = address
        raise ImageError("The link has too many redirects.")

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        status_code = response.status
        if status_code in DEAD_LINK_STATUSES:
            raise ImageError(f"The link no longer works (HTTP {status_code}).", status_code=status_code)
        if not 200 <= status_code < 300:  # noqa: PLR2004  success statuses
            raise ImageError(f"The image host answered HTTP {status_code}.", status_code=status_code)
        content = bytearray()
        # read1 returns what has arrived; read would wait for more, also when nobody waits for this any longer.
        while chunk := response.read1(CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > self._limits.image_bytes:
                raise ImageError(f"The image is larger than {self._limits.image_bytes / 1024**2:g} MB.")
            if self._abandoned.is_set():
                raise canceled()
        return bytes(content)


_thread = threading.local()  # `download`: what the current thread downloads


class _WatchedConnection(HTTPConnection):
    """A connection that the download of its thread can shut down."""

    def connect(self) -> None:
        _thread.download.watch(self)
        super().connect()
        _thread.download.watch(self)

    def request(self, *arguments: Any, **options: Any) -> None:
        _thread.download.watch(self)
        super().request(*arguments, **options)


def _with_watched_connections(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
    connection = type("WatchedConnection", (_WatchedConnection, pool.ConnectionCls), {})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection})


def read_address(url: str, base: str = "") -> str | None:
    """Reads a link, which may be relative to the one that redirected there.

    Returns:
        The absolute address, normalized, and without password and fragment; None when it is not http(s).
    """
    try:
        absolute = urljoin(base, url)
        is_web = urlsplit(absolute).scheme in {"http", "https"} and bool(urlsplit(absolute).hostname)
        parts = urllib3.util.parse_url(absolute)
    except ValueError:
        return None
    return parts._replace(auth=None, fragment=None).url if is_web and parts.host else None


def _describe(problem: Exception, host: str) -> ImageError:
    # A timeout may be inside another error, such as that of a proxy.
    what = f"{host} did not answer in time." if "timed out" in repr(problem) else f"The connection to {host} failed."
    return ImageError(shorten(what), hint="Show the image again to retry.")


def canceled() -> ImageError:
    """The failure of a download that nobody waits for any longer."""
    return ImageError("The download was canceled.")
