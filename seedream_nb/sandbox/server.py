"""The sandbox: an HTTP server with its own thread and event loop.

It has its own loop because a Jupyter kernel needs the main thread's while cells run.
"""

import asyncio
import concurrent.futures
import functools
import os
import socket
import threading
import time
from pathlib import Path

from tornado import httpserver

from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.redaction import SANDBOX_TOKEN
from seedream_nb.sandbox.examples import EXAMPLE_TASKS, Example
from seedream_nb.sandbox.faults import Faults
from seedream_nb.sandbox.handlers import IMAGE_FILES_PATH, Backend, RequestLog, build_application, is_loopback
from seedream_nb.sandbox.images import ImagePlan, ImageSpec, ImageStore, OutputFormat, plan_items
from seedream_nb.sandbox.service import SandboxService, SandboxSettings
from seedream_nb.sandbox.tasks import (
    APPLICATION_ID,
    NEVER,
    USER_ID,
    ErrorDetail,
    PendingForm,
    ResponseForm,
    SandboxTask,
    TaskStore,
    stable_id,
)

_MAX_BODY = 256 * 1024 * 1024


class SandboxError(SeedreamError):
    """The sandbox cannot start; the message says why, the hint what to do instead."""


class Sandbox:
    """A local server with the API of the SeeDream service; it paints its own images and needs no account.

    It listens from `start` to `stop`, or within a `with` block; its tasks live as long as the object.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        token: The only token to accept.
        latency: Seconds added to every response and image download.
        generation_seconds: How long one image takes to generate.
        balance: Number of images that can be generated; None for no limit.
        allow_remote: Must be True to listen on anything but loopback addresses.
        public_url: Base URL of the image links, if clients reach the server under another one.
        image_cache: Folder in which painted images are kept for other sandboxes and processes; nothing in it is ever
            deleted. When None, the folder named by the environment variable `SEEDREAM_SANDBOX_CACHE`, or none.

    Attributes:
        token: As given.
        settings: Latency, generation time, balance and limits, which can be changed at any time; see
            `SandboxSettings`.
        requests: The received requests, see `RequestLog`.
        faults: Fault injection, see `Faults`.

    Raises:
        SandboxError: `host` is not a loopback address and `allow_remote` is False.

    Example:
        >>> import requests
        >>> with Sandbox(generation_seconds=0) as sandbox:
        ...     answer = requests.post(
        ...         f"{sandbox.url}/seedream/tasks",
        ...         json={"id": "84d1544a-9043-4dde-a98b-e889dacd75f6"},
        ...         headers={"authorization": f"Bearer {sandbox.token}"},
        ...     ).json()
        >>> answer["response"]["data"][0]["prompt"]
        'a white siamese cat'
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = SANDBOX_TOKEN,
        latency: float = 0.0,
        generation_seconds: float = 0.3,
        balance: int | None = None,
        allow_remote: bool = False,
        public_url: str | None = None,
        image_cache: str | Path | None = None,
    ) -> None:
        if not allow_remote and not is_loopback(host):
            raise SandboxError(
                f"The sandbox listens only on loopback addresses (127.0.0.1, ::1, localhost), not on {host}.",
                hint="To accept remote clients, pass allow_remote=True (--allow-remote on the command line).",
            )
        self.token = token
        self.settings = SandboxSettings(latency, generation_seconds, balance)
        self.requests = RequestLog()
        self.faults = Faults()
        self._host = host
        self._port = port
        self._public_url = public_url
        self._store = TaskStore(time.time)
        folder = image_cache or os.environ.get("SEEDREAM_SANDBOX_CACHE")
        self._images = ImageStore(Path(folder).expanduser() if folder else None)
        self._service = SandboxService(token=token, store=self._store, images=self._images, settings=self.settings)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._request_stop: functools.partial[asyncio.Handle] | None = None
        self._backend: Backend | None = None
        self._added = 0
        self._notes: dict[str, str] = {}
        for example in EXAMPLE_TASKS:
            task, specs = example.build()
            self._notes[task.id] = example.note
            self._keep(task, specs)

    # Running

    def start(self) -> "Sandbox":
        """Starts to listen, and returns the sandbox; does nothing if it is running.

        Raises:
            SandboxError: The address is unavailable, for example because the port is in use.

        Example:
            >>> sandbox = Sandbox().start()
            >>> sandbox.url
            'http://127.0.0.1:...'
        """
        with self._lock:
            if self._thread is not None:
                return self
            try:
                family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
                listener = socket.create_server((self._host, self._port), family=family, backlog=128)
            except OSError as error:
                raise SandboxError(
                    f"The sandbox cannot listen on {self._host}:{self._port}: {error.strerror or error}.",
                    hint="Choose another port, or 0 for any free one.",
                ) from error
            listener.settimeout(0)
            self._port = listener.getsockname()[1]
            self._service.image_base_url = (self._public_url or self.url).rstrip("/") + IMAGE_FILES_PATH
            ready = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(listener, ready)), name="seedream-sandbox", daemon=True
            )
            self._thread.start()
            ready.wait()
            return self

    def stop(self) -> None:
        """Stops listening, closes all connections, and ends all threads; does nothing if it is not running.

        Example:
            >>> sandbox = Sandbox().start()
            >>> sandbox.stop()
            >>> sandbox.running
            False
        """
        with self._lock:
            if self._thread is None or self._request_stop is None:
                return
            self._request_stop()
            self._thread.join()
            self._thread = self._request_stop = self._backend = None

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        with (
            concurrent.futures.ThreadPoolExecutor(4, "seedream-sandbox-api") as responding,
            concurrent.futures.ThreadPoolExecutor(4, "seedream-sandbox-painter") as painting,
        ):
            stopping = asyncio.Event()
            self._request_stop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stopping.set)
            self._backend = Backend(self._service, self.faults, self.requests, responding, painting)
            application = build_application(self._backend)
            server = httpserver.HTTPServer(application, max_buffer_size=_MAX_BODY, max_body_size=_MAX_BODY)
            server.add_socket(listener)
            ready.set()
            await stopping.wait()
            server.stop()
            await server.close_all_connections()
            # A handler that still waits would otherwise hand its next step to an executor that has ended.
            handlers = asyncio.all_tasks() - {asyncio.current_task()}
            for handler in handlers:
                handler.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)
            for executor in (responding, painting):
                executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self.running else 'stopped'}>"

    @property
    def running(self) -> bool:
        """Whether the sandbox listens."""
        return self._thread is not None

    @property
    def url(self) -> str:
        """Base URL for clients on this machine, such as `http://127.0.0.1:45123`."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - only recognised
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @property
    def open_requests(self) -> int:
        """Number of requests without a response yet."""
        return self._backend.open_requests if self._backend else 0

    # Tasks

    @property
    def examples(self) -> list[Example]:
        """The example tasks: id, current state, prompt, note.

        Example:
            >>> sandbox.examples[0].state, sandbox.examples[0].prompt
            ('succeeded', 'a white siamese cat')
        """
        now = time.time()
        tasks = [task for task in self._store.snapshot() if task.id in self._notes]
        return [Example(task.id, task.state(now), task.prompt, self._notes[task.id]) for task in tasks]

    @property
    def task_ids(self) -> list[str]:
        """The ids of all tasks, in order of creation."""
        return [task.id for task in self._store.snapshot()]

    def add_task(
        self,
        prompt: str = "a white siamese cat",
        *,
        task_id: str | None = None,
        model: str = "doubao-seedream-4-0-250828",
        size: str = "2048x2048",
        images: int = 1,
        output_format: OutputFormat | None = None,
        ready_in: float | None = 0.0,
        error: tuple[str, str] | None = None,
        image_errors: dict[int, tuple[str, str]] | None = None,
        form: ResponseForm = "record",
        pending_form: PendingForm = "null",
        in_base64: bool = False,
        created_at: float | None = None,
        application_id: str = APPLICATION_ID,
        user_id: str = USER_ID,
        request: dict[str, object] | None = None,
    ) -> str:
        """Adds a task without a request; fast enough for thousands, as images are painted only when they are fetched.

        Args:
            prompt: Of the request and of each image.
            task_id: Its id; None for one that depends only on the number of tasks added before.
            model: Full model id.
            size: `<width>x<height>` in pixels.
            images: Number of images.
            output_format: `jpeg` or `png`, named in the response when given; JPEG otherwise.
            ready_in: Seconds from now until it is finished; None for never.
            error: Code and message of a task that fails as a whole.
            image_errors: Code and message by position, for images that fail.
            form: Which documented form `retrieve` answers with (wire contract, One task).
            pending_form: How the record looks until the task is finished.
            in_base64: Whether to send the images inline, as base64.
            created_at: When it was created, in Unix seconds; None for now.
            application_id: For the history filter.
            user_id: For the history filter.
            request: Further fields of the record's `request`.

        Returns:
            The task's id.

        Example:
            >>> task_id = sandbox.add_task("a cat in the snow", images=4, image_errors={2: ("api_error", "It failed.")})
            >>> client.retrieve(task_id).status.value
            'partially failed'
        """
        now = time.time()
        with self._lock:
            self._added += 1
            task_id = task_id or stable_id("added", self._added)
        width, height = (int(side) for side in size.split("x"))
        withheld = {index: ErrorDetail(*detail) for index, detail in (image_errors or {}).items()}
        spec = ImageSpec(prompt, width, height, output_format=output_format)
        items, specs = plan_items(ImagePlan(spec, images, withheld=withheld), task_id)
        ready_at = NEVER if ready_in is None else now + ready_in
        created_at = round(now if created_at is None else created_at, 3)
        self._keep(
            SandboxTask(
                id=task_id,
                request={"action": "generate", "model": model, "prompt": prompt, "size": size, **(request or {})},
                items=() if error else items,
                created_at=created_at,
                finished_at=created_at if ready_in is None else round(created_at + ready_in, 3),
                ready_at=ready_at,
                error=ErrorDetail(*error) if error else None,
                form=form,
                pending_form=pending_form,
                in_base64=in_base64,
                application_id=application_id,
                user_id=user_id,
            ),
            {} if error else specs,
        )
        return task_id

    def _keep(self, task: SandboxTask, specs: dict[str, ImageSpec]) -> None:
        for name, spec in specs.items():
            self._images.add(name, spec, task.id)
        self._store.add(task)
