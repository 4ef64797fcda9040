"""Why: the service as plain Python, usable without any notebook: ask for pictures and tasks, get `Task`s.

The client is the door to the rooms below it, and holds no rule of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedream_nb.answers import means_unknown_task
from seedream_nb.batches import CHUNK_SIZE, check_id, retrieve_batch
from seedream_nb.config import resolve_settings
from seedream_nb.errors import SeedreamError
from seedream_nb.generation import DEFAULT_MODEL, GenerationOptions
from seedream_nb.history import PAGE_SIZE, History, build_filters
from seedream_nb.models import Task
from seedream_nb.submission import ImageStream, prepare, submit
from seedream_nb.transport import Transport
from seedream_nb.waiting import Pace, Waiting
from seedream_nb.wire import read_task

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Literal

    from seedream_nb.config import Settings
    from seedream_nb.connections import Timeouts
    from seedream_nb.references import Reference
    from seedream_nb.submission import Mode
    from seedream_nb.transport import RetryPolicy

TASKS_PATH = "/seedream/tasks"
WAIT_SECONDS = 600.0


class SeedreamClient:
    """Talks to the SeeDream API of Ace Data Cloud.

    Settings come from the arguments, then the environment (`ACEDATACLOUD_API_TOKEN`, `ACEDATACLOUD_API_BASE_URL`),
    then a `.env` file in the working directory or above. A client can be shared between threads, used as a context
    manager and pickled; a pickle holds the token, so treat it like one.

    Args:
        token: The API token.
        base_url: The API's address, `https://api.acedata.cloud` by default.
        settings: Settings that were resolved before, instead of token and base URL.
        timeouts: How long to wait for a connection and for an answer.
        retries: How to repeat what is safe to repeat; what costs money is repeated only if it never arrived.

    Raises:
        SettingsError: The token or the base URL is unusable. That no token is set at all is told by the first call.

    Example:
        >>> from seedream_nb import Sandbox, SeedreamClient
        >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6").prompt
        'a white siamese cat'
    """

    def __init__(
        self,
        token: str | None = None,
        base_url: str | None = None,
        *,
        settings: Settings | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        settings = settings or resolve_settings(token, base_url)
        self._transport = Transport(settings, timeouts=timeouts, retries=retries)

    @property
    def settings(self) -> Settings:
        """Where requests go and whether a token is set; its repr never shows the token."""
        return self._transport.settings

    def retrieve(self, task_id: str) -> Task:
        """Asks for one task. Free of charge.

        Args:
            task_id: The task's id.

        Returns:
            The task in whatever state it is: `Task.raise_for_status()` turns a bad one into an error. A task that the
            service does not know has the status `not found`.

        Raises:
            InvalidTaskIdError: The id is empty or no text; nothing was sent.
            SeedreamError: What the service answered, or that no answer came.
        """
        task_id = check_id(task_id)
        try:
            answer = self._ask({"action": "retrieve", "id": task_id})
        except SeedreamError as error:
            if means_unknown_task(error):
                return Task.not_found(task_id)
            raise
        return read_task(answer, task_id)

    def retrieve_batch(
        self,
        task_ids: Iterable[str],
        *,
        chunk_size: int = CHUNK_SIZE,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Task]:
        """Asks for many tasks, in few requests over parallel connections. Free of charge.

        Args:
            task_ids: The ids, repeats allowed; a repeated id travels once.
            chunk_size: How many ids go into one request; a request refused as too large is halved and sent again.
            on_progress: Called in this thread with the number of distinct ids that were dealt with since the last call.

        Returns:
            One task for every id in the order asked, repeats included; unknown ids give tasks of status `not found`.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
            SeedreamError: Some ids could not be asked for. Its `partial` holds the tasks of all the others in the
                order asked, its `failed_ids` the ids that are missing.

        Example:
            >>> from seedream_nb import Sandbox
            >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     tasks = client.retrieve_batch(["84d1544a-9043-4dde-a98b-e889dacd75f6", "unknown"])
            >>> [task.status.value for task in tasks]
            ['succeeded', 'not found']
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        asked = [check_id(task_id) for task_id in ([task_ids] if isinstance(task_ids, str) else task_ids)]
        return retrieve_batch(self._ask, asked, chunk_size, on_progress)

    def generate(
        self,
        prompt: str = "",
        *,
        model: str = DEFAULT_MODEL,
        size: str | None = None,
        image: Reference | Iterable[Reference] | None = None,
        max_images: int | None = None,
        output_format: Literal["jpeg", "png"] | None = None,
        watermark: bool | None = None,
        web_search: bool = False,
        optimize_prompt: Literal["standard", "fast"] | None = None,
        response_format: Literal["url", "b64_json"] | None = None,
        layers: bool = False,
        background: Literal["transparent", "opaque"] | None = None,
        seed: int | None = None,
        guidance_scale: float | None = None,
        callback_url: str | None = None,
        extra: Mapping[str, object] | None = None,
        mode: Mode = "async",
        wait: bool = False,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        strict: bool = True,
    ) -> Task:
        """Makes a picture, or a set of pictures. Costs money, and is never sent twice by itself.

        Args:
            prompt: What the picture shows; may be left out when a picture is taken apart into layers.
            model: The full model id.
            size: A preset such as `2K`, or `<width>x<height>`.
            image: Reference images, one or several: links, data URIs, bytes, paths, Pillow images, images of earlier
                tasks. Any makes the call an edit. Local ones have 10 MB each at most.
            max_images: The most images of a set, 1 to 15; None makes a single image.
            output_format: `jpeg` or `png`.
            watermark: Whether the service marks the picture; it does when left out.
            web_search: Whether the model may search the web.
            optimize_prompt: `standard` or `fast`.
            response_format: `url`, or `b64_json` for images within the answer.
            layers: Whether to take the picture apart into layers.
            background: `transparent` or `opaque`.
            seed: For models of the third generation.
            guidance_scale: For models of the third generation.
            callback_url: A public address that gets the result.
            extra: Further fields, sent as they are.
            mode: `async` answers at once with a pending task; `sync` holds the connection until it is finished;
                `stream` too, and images come one by one (see `stream`).
            wait: Whether to wait until the task is finished.
            timeout: Seconds to wait at most, with `wait`.
            pace: How often is asked meanwhile.
            strict: Whether to refuse, before anything is sent, what a known model does not accept.

        Returns:
            The task: pending, or finished in one way or another.

        Raises:
            UsageError: It would be refused; nothing was sent.
            OutcomeUnknownError: No clear answer came. The task may exist; its `sent_at` says from when on to look in
                the `history`.
            InterruptedRequest: An interrupt came after the request had left; it carries the same.
            WaitTimeoutError: It is not finished in time; its `failed_ids` holds the id.
            InterruptedWait: An interrupt came while waiting; its `open_ids` holds the id.
            SeedreamError: What the service answered, or that it could not be reached; nothing was paid for.

        Warns:
            UnknownModelWarning: The model is not in the table; the request is sent all the same.

        Example:
            >>> from seedream_nb import Sandbox
            >>> with Sandbox(generation_seconds=0) as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     task = client.generate("a white siamese cat", size="2K", wait=True)
            >>> task.status.value, task.images[0].size
            ('succeeded', '2048x2048')
        """
        options = GenerationOptions(
            model=model,
            size=size,
            max_images=max_images,
            output_format=output_format,
            watermark=watermark,
            web_search=web_search,
            optimize_prompt=optimize_prompt,
            response_format=response_format,
            layers=layers,
            background=background,
            seed=seed,
            guidance_scale=guidance_scale,
            callback_url=callback_url,
            extra=extra or {},
        )
        body = prepare(prompt, options, image=image, mode=mode, strict=strict)
        if mode == "stream":
            return ImageStream(self._transport, body).finish()
        task = submit(self._transport, body)
        return self.wait(task, timeout=timeout, pace=pace)[0] if wait else task

    def edit(self, image: Reference | Iterable[Reference], prompt: str, **options: Any) -> Task:
        """Changes a picture as the prompt says. Costs money.

        Args:
            image: The picture, or several; as for `generate`.
            prompt: What to change.
            **options: All others of `generate`.

        Returns:
            The task, as `generate` does.

        Raises:
            SeedreamError: As for `generate`.
        """
        return self.generate(prompt, image=image, **options)

    def stream(
        self,
        prompt: str,
        *,
        image: Reference | Iterable[Reference] | None = None,
        strict: bool = True,
        **options: Any,
    ) -> ImageStream:
        """Makes pictures and hands out each as soon as it has come. Costs money once the first is asked for.

        Args:
            prompt: What the pictures show.
            image: As for `generate`.
            strict: As for `generate`.
            **options: Those of `generate` that say how pictures are made, see `GenerationOptions`.

        Returns:
            An iterator of `TaskImage`s, failed ones with their `error`. Its `task` holds all that has come so far.

        Raises:
            UsageError: It would be refused; nothing was sent.

        Example:
            >>> from seedream_nb import Sandbox
            >>> with Sandbox(generation_seconds=0) as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     images = client.stream("a cat in four seasons", max_images=4)
            ...     print(*(image.index for image in images), images.task.status)
            0 1 2 3 succeeded
        """
        body = prepare(prompt, GenerationOptions(**options), image=image, mode="stream", strict=strict)
        return ImageStream(self._transport, body)

    def wait(
        self,
        tasks: Iterable[str | Task] | str | Task,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
    ) -> list[Task]:
        """Waits until tasks are finished, with one question for all of them at a time. Free of charge.

        Args:
            tasks: Ids, or tasks; repeats allowed.
            timeout: Seconds after which is given up; None for never.
            pace: How often is asked: at first after 2 s, later every 10 s, while nothing finishes.

        Returns:
            The finished tasks in the order asked, repeats included, whether they succeeded or not; unknown ids give
            tasks of status `not found`.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
            WaitTimeoutError: Some are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids that are still open.
            InterruptedWait: An interrupt came; its `tasks` and `open_ids` hold the same.
            SeedreamError: What every further question would meet as well; a single failed one is passed over.
        """
        return self.iter_wait(tasks, timeout=timeout, pace=pace).finish()

    def iter_wait(
        self,
        tasks: Iterable[str | Task] | str | Task,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
    ) -> Waiting:
        """Waits as `wait` does, and hands out each task as soon as it is finished.

        Args:
            tasks: As for `wait`.
            timeout: As for `wait`.
            pace: As for `wait`.
            stop: Ends the wait quietly when another thread sets it.

        Returns:
            An iterable of tasks that also tells, at any moment, what is known of all of them.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was sent.
        """
        return Waiting(tasks, self._retrieve_once, timeout=timeout, pace=pace or Pace(), stop=stop)

    def history(
        self,
        limit: int | None = None,
        *,
        offset: int = 0,
        created_after: datetime | float | None = None,
        created_before: datetime | float | None = None,
        application_id: str | None = None,
        user_id: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> History:
        """The account's tasks, newest first. Free of charge; pages are asked for as far as someone looks.

        Args:
            limit: How many at most; None for all.
            offset: How many of the newest are passed over.
            created_after: Only tasks since this time: a datetime (local when it has no zone) or Unix seconds.
            created_before: Only tasks until this time.
            application_id: Only tasks of this application.
            user_id: Only tasks of this user.
            page_size: How many are asked for at once.

        Returns:
            An iterable of tasks that can be indexed, sliced, and gone through again without a further question.

        Raises:
            UsageError: An argument is out of range; nothing was sent.
        """
        filters = build_filters(
            created_after=created_after, created_before=created_before, application_id=application_id, user_id=user_id
        )
        return History(self._ask, filters, limit=limit, offset=offset, page_size=page_size)

    def close(self) -> None:
        """Closes the connections. The client stays usable and opens new ones when needed."""
        self._transport.close()

    def __enter__(self) -> SeedreamClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SeedreamClient({self.settings!r})"

    def _ask(self, body: Mapping[str, object], stop: threading.Event | None = None) -> object:
        return self._transport.ask(TASKS_PATH, body, stop=stop)

    def _retrieve_once(self, task_ids: Sequence[str]) -> list[Task]:
        """As `retrieve_batch` without a second try: whoever waits asks again anyway."""
        return retrieve_batch(
            lambda body, stop: self._transport.ask(TASKS_PATH, body, stop=stop, tries=1), task_ids, CHUNK_SIZE
        )
