"""Why: the service as plain Python, usable without any notebook: ask for pictures and tasks, get `Task`s.

The client is the door to the rooms below it, and holds no rule of its own.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from seedream_nb.client.generation_batch import GenerationBatch
from seedream_nb.client.polling import choose_pace
from seedream_nb.client.queries import WAIT_SECONDS, QueryClient
from seedream_nb.client.submission import ImageStream, follow, prepare, prepare_all, submit
from seedream_nb.client.transport import Transport
from seedream_nb.core.errors import UsageError
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from seedream_nb.client.polling import Pace
    from seedream_nb.client.references import Reference
    from seedream_nb.client.submission import GenerationRequest, Mode
    from seedream_nb.core.models import Task


class SeedreamClient(QueryClient):
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
        library: Where tasks and pictures are kept: a `Library`, its folder, or `off`. By default the folder of the
            environment variable `SEEDREAM_LIBRARY`, or else the usual place for a user's data; of a server on this
            machine, such as a sandbox, nothing is kept unless a library is given.

    Raises:
        SettingsError: The token or the base URL is unusable. That no token is set at all is told by the first call.

    Example:
        >>> from seedream_nb import Sandbox, SeedreamClient
        >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6").prompt
        'a white siamese cat'
    """

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
        interval: float | None = None,
        strict: bool = True,
    ) -> Task:
        """Makes a picture, or a set of pictures. Costs money, and is never sent twice by itself.

        Args:
            prompt: What the picture shows; may be left out when a picture is taken apart into layers.
            model: The full model id, or a short name such as `4.5` or `lite`.
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
            pace: How often to poll meanwhile, see `wait`.
            interval: Poll at this fixed interval in seconds instead.
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
        pace = choose_pace(pace, interval)
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
            return ImageStream(self._transport, body, store=self.cache.store).finish()
        (task,) = self.cache.store([submit(self._transport, body)])
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
        return ImageStream(self._transport, body, store=self.cache.store)

    def generate_all(
        self,
        requests: Iterable[GenerationRequest],
        *,
        mode: Mode = "async",
        wait: bool = True,
        in_flight: int = 4,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
        strict: bool = True,
        stop: threading.Event | None = None,
    ) -> GenerationBatch:
        """Makes pictures of many requests, a few at a time. Each costs money, and is never sent twice by itself.

        All requests are checked here; nothing is sent before the result is gone through, and nothing more once that
        has ended, for whatever reason. One failure leaves the others standing; but after one that every further
        request would meet too, such as a refused token or a used-up balance, no more is sent.

        Args:
            requests: What is asked for.
            mode: As for `generate`; with `stream`, images are seen as they come.
            wait: Whether to wait until the tasks are finished; otherwise they are only started.
            in_flight: How many tasks may be open at the service at a time. Without `wait`, how many requests.
            timeout: Seconds after the last request was sent, after which waiting is given up; None for never.
            pace: How often to poll meanwhile, see `wait`.
            interval: Poll at this fixed interval in seconds instead.
            strict: As for `generate`, for each request.
            stop: Ends it quietly when another thread sets it.

        Returns:
            What to go through; it tells at any moment what is known of each task.

        Raises:
            UsageError: A request would be refused; the message says which. Nothing was sent.

        Warns:
            UnknownModelWarning: As for `generate`.

        Example:
            >>> from seedream_nb import GenerationRequest, Sandbox
            >>> requests = [GenerationRequest(f"a {animal}") for animal in ("cat", "dog", "fox")]
            >>> with Sandbox(generation_seconds=0) as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
            ...     [task.status.value for task in client.generate_all(requests, in_flight=2).finish()]
            ['succeeded', 'succeeded', 'succeeded']
        """
        if in_flight < 1:
            raise UsageError(f"in_flight is 1 or more, not {in_flight}.", hint="Nothing was sent.")
        pace = choose_pace(pace, interval)
        bodies = prepare_all(requests, mode=mode, strict=strict)
        retries = self._transport.retries
        # Tried again by `GenerationBatch`, which can be stopped in between.
        once = dataclasses.replace(retries, tries=1)
        transport = Transport(self.settings, timeouts=self._transport.timeouts, retries=once)
        return GenerationBatch(
            bodies,
            lambda body: follow(transport, body, store=self.cache.store),
            self._retrieve_once,
            wait=wait,
            in_flight=in_flight,
            timeout=timeout,
            pace=pace,
            retries=retries,
            stop=stop,
        )
