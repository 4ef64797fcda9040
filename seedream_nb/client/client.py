"""The service as plain Python, usable without a notebook: `SeedreamClient` generates images and retrieves tasks."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from seedream_nb.client.batches import CHUNK_SIZE, retrieve_batch
from seedream_nb.client.generation_batch import GenerationBatch
from seedream_nb.client.history import PAGE_SIZE, History, build_filters
from seedream_nb.client.polling import Waiting, check_timeout, choose_pace
from seedream_nb.client.preparation import prepare, prepare_all
from seedream_nb.client.purchases import Purchases
from seedream_nb.client.rate_gate import pause_until_any
from seedream_nb.client.remake import IncompleteRequestWarning, find_request
from seedream_nb.client.settings import resolve_per_second, resolve_prices, resolve_settings
from seedream_nb.client.submission import ImageStream, follow
from seedream_nb.client.transport import Transport
from seedream_nb.core.errors import Interrupted, LibraryWarning, NetworkError, SeedreamError, UsageError
from seedream_nb.core.models import Task
from seedream_nb.core.providers import provide
from seedream_nb.core.task_ids import read_ids, read_tasks_or_ids
from seedream_nb.images.fetch import FetchLimits
from seedream_nb.library import LibraryCache, LibraryFetcher
from seedream_nb.library.budgets import budget_of_environment, budget_within, parse_budget
from seedream_nb.protocol.recorded_request import change_options
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions
from seedream_nb.protocol.responses import read_task
from seedream_nb.protocol.status_errors import means_unknown_task

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Literal

    from seedream_nb.client.batches import Store
    from seedream_nb.client.http import Timeouts
    from seedream_nb.client.polling import Pace
    from seedream_nb.client.preparation import GenerationRequest, Mode
    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.client.references import Reference
    from seedream_nb.client.remake import Remakable
    from seedream_nb.client.settings import Settings
    from seedream_nb.client.transport import RetryPolicy
    from seedream_nb.core.models import TaskImage
    from seedream_nb.core.task_ids import AnyTasks
    from seedream_nb.library import Library
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.ledger import Purchase
    from seedream_nb.protocol.prices import PriceList
    from seedream_nb.runs.run import Run, RunSummary

TASKS_PATH = "/seedream/tasks"
WAIT_SECONDS = 600.0
SECONDS_FOR_REFERENCES = 20.0  # to download one whose content identifies a request


class SeedreamClient:
    """A client of the SeeDream API of Ace Data Cloud.

    Settings come from the arguments, then the environment (`ACEDATACLOUD_API_TOKEN`, `ACEDATACLOUD_API_BASE_URL`),
    then a `.env` file in the working directory or above. A client can be shared between threads, used as a context
    manager and pickled; a pickle holds the token, so keep it as safe.

    Args:
        token: The API token.
        base_url: The base URL of the API, `https://api.acedata.cloud` by default.
        settings: Resolved settings, instead of token and base URL.
        timeouts: How long to wait for a connection and for an answer.
        retries: How often to retry. A paid request is retried only if it certainly did not arrive.
        library: Where tasks and images are stored: a `Library`, its folder, or `off`. By default the folder in the
            environment variable `SEEDREAM_LIBRARY`, or else the usual place for a user's data. Without either, nothing
            of a service at a loopback address, such as a sandbox, is stored.
        settling_time: Seconds after which a task that the service has accepted is certainly in its history, 15 by
            default or by the environment variable `SEEDREAM_SETTLING_TIME`.
        budget: The most that may be spent, in US dollars: a number for all that this client sends from now on, copies
            of it in other processes included; or text such as `20/day`, `50/week` or `100/month` for all that the
            library records in the period; or `off`. By default that of the environment variable `SEEDREAM_BUDGET`. A
            request that would exceed it raises a `BudgetExceededError` and is not sent. Costs are estimates, see
            `prices`, unless the service reports them.
        per_second: Maximum number of requests in any second, for all clients of this account in this process; the last
            number given counts. By default that of the environment variable `SEEDREAM_PER_SECOND`, or else 60, or no
            limit for a loopback address such as a sandbox. How many requests may be in flight is learned from the
            service's answers.

    Raises:
        SettingsError: The token, the base URL or the rate is unusable. A missing token is reported by the first call.

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
        library: Library | str | os.PathLike[str] | None = None,
        settling_time: float | None = None,
        budget: float | str | None = None,
        per_second: float | None = None,
    ) -> None:
        settings = settings or resolve_settings(token, base_url)
        per_second = resolve_per_second(per_second)
        self._transport = Transport(settings, timeouts=timeouts, retries=retries, per_second=per_second)
        self._cache = LibraryCache.for_service(settings.base_url, library)
        self._settling_time = settling_time
        self._reads_budget = budget is None
        self._budget = None if budget is None else parse_budget(budget)

    @property
    def settings(self) -> Settings:
        """The base URL, and whether a token is set; its repr never shows the token."""
        return self._transport.settings

    @property
    def cache(self) -> LibraryCache:
        """The library as this client uses it: it stores the tasks that pass through, and never fails the work.

        Its `library` is None when that is turned off.
        """
        return self._cache

    @property
    def fetcher(self) -> LibraryFetcher:
        """Loads images from the library, and downloads what is missing there."""
        return LibraryFetcher(self._cache)

    @property
    def prices(self) -> PriceList:
        """What images cost, as an estimate: the list in the file of `SEEDREAM_PRICES`, or else this package's.

        Raises:
            SettingsError: The file is not a price list.
        """
        return resolve_prices()

    @property
    def budget(self) -> Budget | None:
        """The budget in force, if any: the client's own, or else, unless for a sandbox, that of the environment.

        Raises:
            SettingsError: The environment's is not a budget.
        """
        if not self._reads_budget or self.settings.is_sandbox:
            return self._budget
        return budget_of_environment()

    def budget_left(self) -> float | None:
        """What is left of the budget in force, in US dollars; None without a budget. Contacts no server.

        Raises:
            LibraryError: There is no library that records what was spent.

        Example:
            >>> SeedreamClient(sandbox.token, sandbox.url, library="images", budget=2.50).budget_left()
            2.5
        """
        budget = self.budget
        if budget is None:
            return None
        spent = self._cache.open().ledger.spent(budget, self.settings.base_url, self.prices.credit)
        return max(0.0, budget.dollars - spent)

    # Free of charge

    def retrieve(self, task_id: str | Task | TaskImage, *, refresh: bool = False) -> Task:
        """Retrieves one task, from the library or else from the service. Free of charge.

        Args:
            task_id: The task's id, or its first 8 or more characters where the id is known to this client or its
                library; or a task or one of its images.
            refresh: Whether to query the service in any case. Tasks in the library are finished and do not change.

        Returns:
            The task in whatever state it is: `Task.raise_for_status()` turns a failure into an error. An unknown id
            gives a task of status `not found`.

        Raises:
            InvalidTaskIdError: The id is empty or not text, or its beginning fits no known id or several; nothing was
                sent.
            SeedreamError: What the service answered, or that no answer came.

        Example:
            >>> client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6").prompt
            'a white siamese cat'
        """
        ids = read_ids(task_id, self._cache.lookup)
        if len(ids) != 1:
            raise UsageError(f"retrieve takes one task, not {len(ids)}.", hint="Use retrieve_batch. Nothing was sent.")
        (task_id,) = ids
        cached = {} if refresh else self._cache.find([task_id])
        if task_id in cached:
            return cached[task_id]
        try:
            answer = self._query({"action": "retrieve", "id": task_id})
        except SeedreamError as error:
            if means_unknown_task(error):
                return Task.not_found(task_id)
            raise
        (task,) = self._store([read_task(answer, task_id)])
        return task

    def retrieve_batch(
        self,
        task_ids: AnyTasks,
        *,
        refresh: bool = False,
        chunk_size: int = CHUNK_SIZE,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Task]:
        """Retrieves many tasks: cached ones from the library, the others with few parallel batch requests. Free.

        Args:
            task_ids: Ids as for `retrieve`, tasks, images, or collections of these, such as a gallery; repeats allowed.
                A repeated id is sent once.
            refresh: Whether to query the service for cached tasks, too.
            chunk_size: Number of ids in one request; a request rejected as too large is halved and sent again.
            on_progress: Called in this thread with the number of distinct ids processed since the last call.

        Returns:
            One task for every id in the given order, repeats included; unknown ids give tasks of status `not found`.

        Raises:
            InvalidTaskIdError: As for `retrieve`; the message says which. Nothing was sent.
            SeedreamError: Some ids could not be queried. Its `partial` holds the tasks of all others in the given
                order, its `failed_ids` the missing ids.

        Example:
            >>> tasks = client.retrieve_batch(["84d1544a-9043-4dde-a98b-e889dacd75f6", "unknown"])
            >>> [task.status.value for task in tasks]
            ['succeeded', 'not found']
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        ids = read_ids(task_ids, self._cache.lookup)
        cached = {} if refresh else self._cache.find(ids)
        if cached and on_progress:
            on_progress(len(cached))
        return retrieve_batch(self._query, ids, chunk_size, on_progress, known=cached, store=self._store)

    def wait(
        self,
        tasks: AnyTasks,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
    ) -> list[Task]:
        """Waits until tasks are finished, polled with one batch request per interval. Free of charge.

        Args:
            tasks: Ids, tasks, images, or collections of these, as for `retrieve_batch`; repeats allowed.
            timeout: Maximum seconds to wait; None for no limit.
            pace: How often to poll: by default after 2 s, then less and less often, down to every 10 s, while nothing
                finishes.
            interval: Poll at this fixed interval in seconds instead.

        Returns:
            The finished tasks in the given order, repeats included, succeeded or not; unknown ids give tasks of status
            `not found`.

        Raises:
            UsageError: Both pace and interval are given, or the interval is not a positive number; nothing was sent.
            InvalidTaskIdError: As for `retrieve_batch`; nothing was sent.
            WaitTimeoutError: Some tasks are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids still in progress.
            InterruptedWait: An interrupt came; its `tasks` and `open_ids` hold the same.
            SeedreamError: Every further poll would fail like this; a single failed poll is ignored.

        Example:
            >>> started = client.generate("a white siamese cat")
            >>> [task.status.value for task in client.wait([started, "84d1544a-9043-4dde-a98b-e889dacd75f6"])]
            ['succeeded', 'succeeded']
        """
        return self.iter_wait(tasks, timeout=timeout, pace=pace, interval=interval).finish()

    def iter_wait(
        self,
        tasks: AnyTasks,
        *,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
        stop: threading.Event | None = None,
    ) -> Waiting:
        """Waits as `wait` does, and yields each task as soon as it is finished.

        Args:
            tasks: As for `wait`.
            timeout: As for `wait`.
            pace: As for `wait`.
            interval: As for `wait`.
            stop: Ends the wait quietly when another thread sets it.

        Returns:
            An iterable of tasks that also says, at any moment, what is known of all of them.

        Raises:
            UsageError: As for `wait`.
            InvalidTaskIdError: As for `retrieve_batch`; nothing was sent.

        Example:
            >>> started = [client.generate(prompt) for prompt in ("a cat", "a dog")]
            >>> for task in client.iter_wait(started):
            ...     print(task.status)
            succeeded
            succeeded
        """
        pace, timeout = choose_pace(pace, interval), check_timeout(timeout)
        given = read_tasks_or_ids(tasks, self._cache.lookup)
        cached = self._cache.find([item for item in given if isinstance(item, str)])
        known = [cached.get(item, item) if isinstance(item, str) else item for item in given]
        retrieve = partial(self._retrieve_once, stop=stop)
        return Waiting(known, retrieve, timeout=timeout, pace=pace, stop=stop, lookup=self._cache.lookup)

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
        """The account's tasks, newest first. Free of charge; pages are fetched when they are needed.

        Args:
            limit: Maximum number of tasks; None for all.
            offset: Number of newest tasks to skip.
            created_after: Only tasks since this time: a datetime (local if it has no time zone) or Unix seconds.
            created_before: Only tasks until this time.
            application_id: Only tasks of this application.
            user_id: Only tasks of this user.
            page_size: Number of tasks in one request.

        Returns:
            An iterable of tasks that can be indexed, sliced, and iterated over again without a further request.

        Raises:
            UsageError: An argument is out of range; nothing was sent.

        Example:
            >>> client.history(limit=10)[0].prompt
            'a white siamese cat'
            >>> client.history(created_after=task.created_at).total
            1
        """
        filters = build_filters(
            created_after=created_after, created_before=created_before, application_id=application_id, user_id=user_id
        )
        return History(self._query, filters, limit=limit, offset=offset, page_size=page_size, store=self._store)

    def unfinished(self) -> list[Purchase]:
        """The paid requests that this library knows and whose task is in progress or unclear. Contacts no server.

        Returns:
            The requests, the oldest first, of this and of earlier kernels; see `recover`.

        Example:
            >>> started = client.generate("a white siamese cat", size="4K")
            >>> [purchase.task_id == started.id for purchase in client.unfinished()]
            [True]
        """
        return self.purchases().unfinished()

    def recover(self, purchase: Purchase) -> Task | None:
        """Determines the outcome of a paid request whose answer was lost, from the account's history. Free of charge.

        Args:
            purchase: One of `unfinished`.

        Returns:
            Its task, finished or not; None if the request did not arrive, so that it was not paid for.

        Raises:
            SeedreamError: The history cannot be read, or it is that of another account.

        Example:
            >>> for purchase in client.unfinished():
            ...     task = client.recover(purchase)
        """
        purchases = self.purchases()
        settled = purchases.settle(purchase, time.sleep)
        return purchases.task_of(settled) if settled.task_id else None

    # Paid

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
        reuse: bool = False,
        budget: float | str | None = None,
    ) -> Task:
        """Generates an image, or a set of images. Paid; the request reaches the service at most once.

        Args:
            prompt: What the image shows; may be omitted for a layer decomposition.
            model: The full model id, or a short name such as `4.5` or `lite`.
            size: A preset such as `2K`; `<width>x<height>`; a ratio such as `16:9`; or `square`, `portrait`,
                `landscape` or `wide`. A ratio becomes the nearest size that the model accepts.
            image: Reference images, one or several: links, data URIs, bytes, paths, Pillow images, images of earlier
                tasks, markups. Any makes the call an edit. Local ones may have up to 10 MB each.
            max_images: Maximum number of images in a set, 1 to 15; None generates a single image.
            output_format: `jpeg` or `png`.
            watermark: Whether to watermark the image; the service's default is yes.
            web_search: Whether the model may search the web.
            optimize_prompt: `standard` or `fast`.
            response_format: `url`, or `b64_json` for inline images.
            layers: Whether to decompose the image into layers.
            background: `transparent` or `opaque`.
            seed: For third-generation models only; the others ignore it, so it is rejected for them.
            guidance_scale: As `seed`.
            callback_url: A public address that receives the result.
            extra: Further fields, sent unchanged.
            mode: `async` returns a pending task at once; `sync` holds the connection until it is finished; `stream`
                too, with images arriving one by one (see `stream`).
            wait: Whether to wait until the task is finished.
            timeout: Maximum seconds to wait, with `wait`.
            pace: How often to poll meanwhile, see `wait`.
            interval: Poll at this fixed interval in seconds instead.
            strict: Whether to reject, before anything is sent, what a known model does not accept.
            reuse: Whether to return the task of an equal request that was paid for before, as far as this machine's
                library knows it, instead of paying again.
            budget: The most that this call may cost, in US dollars, in addition to the client's budget.

        Returns:
            The task: pending, or finished, succeeded or not.

        Raises:
            UsageError: The request was rejected before anything was sent.
            BudgetExceededError: It would exceed a budget; nothing was sent.
            OutcomeUnknownError: No clear answer came. The task may exist; `sent_at` says from when on to look in the
                `history`.
            InterruptedRequest: An interrupt came after the request was sent; it carries the same.
            WaitTimeoutError: The task is not finished in time; `failed_ids` holds its id.
            InterruptedWait: An interrupt came while waiting; `open_ids` holds the id.
            SeedreamError: What the service answered, or that it could not be reached; nothing was paid for.

        Warns:
            UnknownModelWarning: The model is unknown; the request is sent anyway.
            MarkupWarning: As for `edit`.

        Example:
            >>> task = client.generate("a white siamese cat", size="2K", wait=True)
            >>> task.status.value, task.images[0].size
            ('succeeded', '2048x2048')
        """
        pace, timeout = choose_pace(pace, interval), check_timeout(timeout)
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
        (planned,) = self._plan([body], reuse=reuse, budget=budget)
        request = ImageStream(self._transport, planned, store=self._store, library=self._cache.location)
        try:
            task = request.finish()
            return self.wait(task, timeout=timeout, pace=pace)[0] if wait and mode != "stream" else task
        except Interrupted:
            raise
        except (KeyboardInterrupt, SystemExit) as interrupt:
            raise request.add_task(interrupt) from None

    def edit(self, image: Reference | Iterable[Reference], prompt: str = "", **options: Any) -> Task:
        """Edits an image as the prompt says. Paid.

        Args:
            image: The image, or several; as for `generate`. Of a `Markup`, the marked copy is sent; with `layers`, the
                clean image, and the coordinates of its boxes are added to the prompt.
            prompt: What to change; may be omitted for a layer decomposition.
            **options: All others of `generate`.

        Returns:
            The task, as for `generate`.

        Raises:
            UsageError: There is no image; nothing was sent.
            SeedreamError: As for `generate`.

        Warns:
            MarkupWarning: The prompt names a shape that is not drawn; the request is sent anyway.

        Example:
            >>> from PIL import Image
            >>> room = Markup(Image.new("RGB", (400, 300))).box(40, 150, 200, 260, color="red")
            >>> client.edit(room, f"Put a sofa {room.words[1]}. Remove the box.", wait=True).prompt
            'Put a sofa in the red box 1. Remove the box.'
        """
        if image is None:
            raise UsageError("There is no image to edit.", hint="Pass an image; nothing was sent.")
        return self.generate(prompt, image=image, **options)

    def request_of(self, what: Remakable, *, image: Reference | Iterable[Reference] | None = None) -> GenerationRequest:
        """The complete request behind a saved image or a stored task, to look at, to change, or to send. Sends nothing.

        Args:
            what: A saved JPEG or PNG file, the JSON file beside it, a task id or its first 8 or more characters, a
                task, or an image.
            image: Reference images to use instead of those of the request.

        Returns:
            The request without the way of sending, for `generate_all`. Reference images are links, or the bytes that
            the library has kept.

        Raises:
            UsageError: There is no request, or a reference image is not kept on this machine.
            ImageError: The file can't be read.
            InvalidTaskIdError: The beginning of an id fits no known task, or several.

        Warns:
            IncompleteRequestWarning: The file is of an earlier version, and has prompt, model, size and seed only.

        Example:
            >>> saved = gallery.save("cats").paths[0]
            >>> client.request_of(saved).prompt
            'a white siamese cat'
        """
        found = find_request(what, self._cache)
        for note in found.notes:
            warnings.warn(note, IncompleteRequestWarning, stacklevel=2)
        return found.to_request(self._cache, image)

    def remake(
        self,
        what: Remakable,
        prompt: str | None = None,
        *,
        image: Reference | Iterable[Reference] | None = None,
        **options: Any,
    ) -> Task:
        """Sends the request behind a saved image or a stored task again, as it was or changed. Paid, like `generate`.

        Args:
            what: As for `request_of`.
            prompt: A prompt to use instead.
            image: Reference images to use instead.
            **options: All others of `generate`: those of the request are changed by them, and the others, such as
                `wait`, `reuse` and `budget`, say how it is sent. With `reuse=True`, an equal request that was paid for
                before gives its task; by default another one is paid for.

        Returns:
            The task, as for `generate`.

        Raises:
            UsageError: As for `request_of`; nothing was sent.
            SeedreamError: As for `generate`.

        Example:
            >>> saved = gallery.save("cats").paths[0]
            >>> client.remake(saved, size="4K", wait=True).images[0].size
            '4096x4096'
        """
        request = self.request_of(what, image=image)
        names = {item.name for item in dataclasses.fields(GenerationOptions)}
        changes = {name: value for name, value in options.items() if name in names}
        changed = change_options(request.options, changes)
        return self.generate(
            request.prompt if prompt is None else prompt,
            image=request.image,
            **{name: getattr(changed, name) for name in names},
            **{name: value for name, value in options.items() if name not in names},
        )

    def stream(
        self,
        prompt: str,
        *,
        image: Reference | Iterable[Reference] | None = None,
        strict: bool = True,
        budget: float | str | None = None,
        **options: Any,
    ) -> ImageStream:
        """Generates images and yields each as soon as it arrives. Paid once the first is requested.

        Args:
            prompt: What the images show.
            image: As for `generate`.
            strict: As for `generate`.
            budget: As for `generate`.
            **options: The fields of `GenerationOptions`.

        Returns:
            An iterator of `TaskImage`s, failed ones with their `error`. Its `task` holds all that has arrived so far.

        Raises:
            UsageError: The request was rejected; nothing was sent.

        Example:
            >>> images = client.stream("a cat in four seasons", max_images=4)
            >>> print(*(image.index for image in images), images.task.status)
            0 1 2 3 succeeded
        """
        body = prepare(prompt, GenerationOptions(**options), image=image, mode="stream", strict=strict)
        (planned,) = self._plan([body], budget=budget)
        return ImageStream(self._transport, planned, store=self._store, library=self._cache.location)

    def generate_all(
        self,
        requests: Iterable[GenerationRequest | str],
        *,
        mode: Mode = "async",
        wait: bool = True,
        in_flight: int = 4,
        timeout: float | None = WAIT_SECONDS,
        pace: Pace | None = None,
        interval: float | None = None,
        strict: bool = True,
        reuse: bool = False,
        earlier_takes: Mapping[str, int] | None = None,
        budget: float | str | None = None,
        stop: threading.Event | None = None,
    ) -> GenerationBatch:
        """Generates the images of many requests, a few in flight. Each is paid, and sent at most once.

        All requests are checked here. Nothing is sent before you call `finish`, or iterate over `updates()`, and
        nothing more once that has ended, for whatever reason. A failure does not affect the other requests, unless
        every further one would meet it too, such as a rejected token, a used-up balance or an exceeded budget: then no
        more are sent.

        Args:
            requests: The requests; text is a prompt with the default options.
            mode: As for `generate`; with `stream`, images are seen as they arrive.
            wait: Whether to wait until the tasks are finished; otherwise they are only started.
            in_flight: Maximum number of tasks in progress at a time; without `wait`, of unanswered requests.
            timeout: Maximum seconds to wait after the last request was sent; None for no limit.
            pace: How often to poll meanwhile, see `wait`.
            interval: Poll at this fixed interval in seconds instead.
            strict: As for `generate`, for each request.
            reuse: As for `generate`. Equal requests are several takes: three of them mean three tasks in all.
            earlier_takes: With `reuse`, the sum of `GenerationBatch.takes` of earlier calls that this one continues, so
                that an equal request is another take.
            budget: The most that this call may cost, in US dollars, in addition to the client's budget.
            stop: Ends it quietly when another thread sets it.

        Returns:
            The batch; call its `finish`, or iterate over its `updates()`. It says, at any moment, what is known of each
            task.

        Raises:
            UsageError: A request was rejected; the message says which. Nothing was sent.

        Warns:
            UnknownModelWarning: As for `generate`.

        Example:
            >>> requests = [GenerationRequest(f"a {animal}") for animal in ("cat", "dog", "fox")]
            >>> [task.status.value for task in client.generate_all(requests, in_flight=2).finish()]
            ['succeeded', 'succeeded', 'succeeded']
        """
        if in_flight < 1:
            raise UsageError(f"in_flight must be at least 1, not {in_flight}.", hint="Nothing was sent.")
        pace, timeout = choose_pace(pace, interval), check_timeout(timeout)
        planned = self._plan(
            prepare_all(requests, mode=mode, strict=strict), reuse=reuse, earlier_takes=earlier_takes, budget=budget
        )
        return self._open_batch(planned, wait=wait, in_flight=in_flight, timeout=timeout, pace=pace, stop=stop)

    def run(
        self,
        table: object = None,
        *,
        name: str,
        prompt: str | None = None,
        model: str | None = None,
        size: str | None = None,
        image: object = None,
        max_images: int | str | None = None,
        output_format: str | None = None,
        watermark: bool | str | None = None,
        web_search: bool | str | None = None,
        optimize_prompt: str | None = None,
        response_format: Literal["url", "b64_json"] | None = None,
        layers: bool | str | None = None,
        background: str | None = None,
        seed: int | str | None = None,
        guidance_scale: float | str | None = None,
        callback_url: str | None = None,
        extra: Mapping[str, object] | None = None,
        takes: int = 1,
        in_flight: int | None = None,
        budget: float | str | None = None,
        pace: Pace | None = None,
        interval: float | None = None,
        strict: bool = True,
        originals: bool = True,
    ) -> Run:
        """Opens a run: the requests of a table, each paid for once. Sends nothing until `Run.finish` or `Run.start`.

        Rows are known by their content. Running a table again pays for what is missing; a changed row is a new one, and
        the images of the old one stay. It needs a library.

        Args:
            table: A data frame (pandas, Polars, or any other), a list of dicts, a generator of dicts, or the path of a
                CSV, JSON lines, or Parquet file; None for the run of this name as it is.
            name: Its name: up to 64 letters, digits, spaces, and the characters `-`, `_`, and `.`; case does not
                matter.
            prompt: A column, or a template over columns such as `a {color} {product}`; None for the column `prompt`.
            model: As for `generate`; here and below, the name of a column takes the values of that column. Options that
                are not given are the columns of their names, if there are such.
            size: As for `generate`.
            image: As for `generate`; columns can hold links, paths, or images.
            max_images: As for `generate`.
            output_format: As for `generate`.
            watermark: As for `generate`.
            web_search: As for `generate`.
            optimize_prompt: As for `generate`.
            response_format: As for `generate`; not a column.
            layers: As for `generate`.
            background: As for `generate`.
            seed: As for `generate`.
            guidance_scale: As for `generate`.
            callback_url: As for `generate`; not a column.
            extra: As for `generate`; not a column.
            takes: How many images to request of each row.
            in_flight: Maximum number of tasks in progress at a time, 10 by default; remembered with the run.
            budget: The most that this run may cost, in US dollars, in all kernels together, in addition to the client's
                budget; or text such as `20/day`, or `off`. Remembered with the run.
            pace: How often to poll, see `wait`; by default as often as the time that its tasks take suggests.
            interval: Poll at this fixed interval in seconds instead.
            strict: As for `generate`, for each row.
            originals: Whether to download the images as they are finished, as far as the library has room.

        Returns:
            The run; its `announcement` says what finishing it costs.

        Raises:
            UsageError: Some rows can't be sent: the message names them all. Or there is no run of this name.
            LibraryError: There is no library that can be written.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> run.announcement
            '2 images in the sandbox; ...'
            >>> len(run.finish().images)
            2
        """
        return provide("open_run")(  # type: ignore[no-any-return]  # as named
            self,
            table,
            name,
            prompt=prompt,
            image=image,
            takes=takes,
            in_flight=in_flight,
            budget=budget,
            pace=None if pace is None and interval is None else choose_pace(pace, interval),
            strict=strict,
            originals=originals,
            options={
                "model": model,
                "size": size,
                "max_images": max_images,
                "output_format": output_format,
                "watermark": watermark,
                "web_search": web_search,
                "optimize_prompt": optimize_prompt,
                "response_format": response_format,
                "layers": layers,
                "background": background,
                "seed": seed,
                "guidance_scale": guidance_scale,
                "callback_url": callback_url,
                "extra": extra,
            },
        )

    def runs(self) -> list[RunSummary]:
        """What is known of the runs in this client's library, those that changed last first. Contacts no server.

        Raises:
            LibraryError: There is no library that can be written.

        Example:
            >>> run = client.run([{"color": "black"}], name="cats", prompt="a {color} cat")
            >>> [(run.name, run.unsent) for run in client.runs()]
            [('cats', 1)]
        """
        return provide("list_runs")(self)  # type: ignore[no-any-return]  # as named

    def close(self) -> None:
        """Closes the connections and the library. The client stays usable and opens them again when needed.

        Example:
            >>> with SeedreamClient(sandbox.token, sandbox.url) as another:
            ...     task = another.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6")
            >>> another.close()  # which the end of `with` has done
        """
        self._transport.close()
        self._cache.close()

    def __enter__(self) -> SeedreamClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"

    def _store(self, tasks: Iterable[Task]) -> list[Task]:
        """Stores tasks, and returns them: whatever becomes of the library, none is lost."""
        given = list(tasks)
        try:
            stored = self._cache.store(given)
        except Exception as problem:  # noqa: BLE001  a paid result is worth more than any of them
            # Where warnings are errors, they would take the result with them.
            with contextlib.suppress(Warning):
                warnings.warn(f"Can't store in the library: {type(problem).__name__}.", LibraryWarning, stacklevel=3)
            return given
        return stored if len(stored) == len(given) else given

    def _plan(
        self,
        bodies: Sequence[Mapping[str, object]],
        *,
        reuse: bool = False,
        earlier_takes: Mapping[str, int] | None = None,
        budget: float | str | None = None,
    ) -> list[PaidRequest]:
        """Writes down paid requests before they are sent; `budget` is that of the call."""
        outer = self.budget
        inner = None if budget is None else budget_within(outer, budget)
        budgets = [*filter(None, [outer, inner])]
        return self.purchases().plan(bodies, self.prices, budgets=budgets, reuse=reuse, earlier_takes=earlier_takes)

    def purchases(self) -> Purchases:
        """This client's view of the library's ledger of paid requests, for one call."""
        return Purchases(
            self._cache,
            self.settings,
            self._read_history,
            LibraryFetcher(self._cache, FetchLimits(seconds=SECONDS_FOR_REFERENCES)),
            settling_time=self._settling_time,
        )

    def open_batch(self, in_flight: int, pace: Pace, stop: threading.Event) -> GenerationBatch:
        """Opens a batch without requests, which `GenerationBatch.add` adds."""
        return self._open_batch([], wait=True, in_flight=in_flight, timeout=None, pace=pace, stop=stop)

    def _open_batch(
        self,
        requests: Sequence[PaidRequest],
        *,
        wait: bool,
        in_flight: int,
        timeout: float | None,
        pace: Pace,
        stop: threading.Event | None,
    ) -> GenerationBatch:
        location = self._cache.location
        return GenerationBatch(
            requests,
            lambda request, pause, ticket: follow(
                self._transport, request, store=self._store, library=location, pause=pause, ticket=ticket
            ),
            partial(self._retrieve_once, stop=stop, store=list),
            wait=wait,
            in_flight=in_flight,
            timeout=timeout,
            pace=pace,
            stop=stop,
            gate=self._transport.gate,
            store=self._store,
        )

    def _read_history(self, since: float) -> list[Task]:
        """All of the account's tasks since a time in Unix seconds; raises if some are missing."""
        history = self.history(created_after=since)
        tasks = list(history)
        if len(tasks) < history.total:
            raise NetworkError(f"Only {len(tasks)} of {history.total} tasks of the account's history can be read.")
        return tasks

    def _query(self, body: Mapping[str, object], stop: threading.Event | None = None) -> object:
        return self._transport.query(TASKS_PATH, body, pause=stop.wait if stop else time.sleep)

    def _retrieve_once(
        self, task_ids: Sequence[str], stop: threading.Event | None = None, store: Store | None = None
    ) -> list[Task]:
        """As `retrieve_batch`, without retries: the next poll is the retry."""

        def query(body: Mapping[str, object], ended: threading.Event) -> object:
            pause = pause_until_any(ended, stop) if stop else ended.wait
            return self._transport.query(TASKS_PATH, body, pause=pause, tries=1)

        return retrieve_batch(query, task_ids, CHUNK_SIZE, store=store or self._store)
