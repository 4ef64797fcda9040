"""The commands `generate` and `edit`.

An unclear line is an error, never another prompt; money is announced before it is spent, and no result is lost.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import threading
import warnings
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from seedream_nb.client.generation_batch import NOTHING_SENT
from seedream_nb.client.preparation import complete_prompt
from seedream_nb.client.sweeps import describe_cost, describe_kept, plan_sweep
from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    BudgetExceededError,
    Interrupted,
    InterruptedWait,
    OutcomeUnknownError,
    SeedreamError,
    SettingsError,
    UsageError,
    WaitTimeoutError,
    shorten,
)
from seedream_nb.gallery import Table
from seedream_nb.gallery.contents import label_parts
from seedream_nb.images.markup import Markup
from seedream_nb.library.budgets import parse_budget
from seedream_nb.notebook.arguments import (
    WAIT_SECONDS,
    Presentation,
    read_polling,
    read_presentation,
)
from seedream_nb.notebook.follow import follow_in_cell
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.generate_options import MOST_UNCONFIRMED
from seedream_nb.notebook.live import open_live_display
from seedream_nb.notebook.prompts import read_prompts
from seedream_nb.notebook.reference_words import read_image_words, to_image, to_image_word
from seedream_nb.notebook.results import make_gallery, present, with_next_step
from seedream_nb.notebook.template import insert_text
from seedream_nb.protocol.request_body import GenerationOptions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.sweeps import Sweep
    from seedream_nb.core.models import Task
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.line import Word
    from seedream_nb.notebook.session import Session

MOST_TAKES = 100
SECONDS_TO_ANSWER = 15.0  # after an interrupt, for requests that were already sent

# Failures that fail the cell even if most requests succeeded.
_UNSETTLED = (OutcomeUnknownError, AuthenticationError, BalanceUsedUpError, BudgetExceededError, SettingsError)
_VARIED = ("model", "size", "output_format", "optimize_prompt", "background", "seed", "guidance_scale")
# Failures after which the same cell continues, as far as the ledger knows what was sent.
_CONTINUED = (Interrupted, WaitTimeoutError, OutcomeUnknownError)
_SIGNS = ("x", "X", "*", "\u00d7", ":")  # between the sides of a size
_SIGN_AND_SIDE = re.compile(r"[xX*\u00d7:][0-9.]*")
_SHARED = ("max_images", "watermark", "web_search", "layers", "response_format", "callback_url")


@dataclass(frozen=True)
class GenerateArguments:
    """`%seedream generate` and `%seedream edit`.

    Attributes:
        prompts: The prompts; a layer decomposition may have an empty one.
        options: What all requests share.
        varied: Options with the values to try.
        images: Reference images: a typed link, file or Python expression as text; the value of a variable as a path or
            any other object.
        takes: How many results of each combination there are in the end.
        stream: Whether images arrive one by one over an open connection.
        wait: Whether to wait until all tasks are finished.
        timeout: Seconds after which to stop waiting.
        interval: Seconds between polls; None for the default intervals.
        again: Whether to pay for every request, whatever was paid for before.
        budget: The most that the command may cost, as for `SeedreamClient.generate`; None for no limit of its own.
        confirmed: Whether the user confirmed many paid requests.
        dry_run: Whether to list the requests without sending them.
        strict: Whether to reject what a known model does not accept.
        comments: How many lines of the cell's body were left out of the prompts.
        presentation: How the tasks are presented.
    """

    prompts: tuple[str, ...]
    options: GenerationOptions = field(default_factory=GenerationOptions)
    varied: tuple[tuple[str, tuple[object, ...]], ...] = ()
    images: tuple[object, ...] = ()
    takes: int = 1
    stream: bool = False
    wait: bool = True
    timeout: float = WAIT_SECONDS
    interval: float | None = None
    again: bool = False
    budget: str | None = None
    confirmed: bool = False
    dry_run: bool = False
    strict: bool = True
    comments: int = 0
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Generates images: one, or a table of all combinations.

        Raises:
            UsageError: A request is invalid, or many paid requests are not confirmed; nothing was sent.
            SeedreamError: There is no result, or the outcome of a request is unknown; what is known was shown.
            InterruptedWait: The user interrupted it; the error names the next step.
        """
        if self.comments:
            front_end.show(Notice(describe_comments(self.comments)))
        references = read_image_words(self.images, front_end, strict=self.strict)
        sweep = plan_sweep(self.prompts, self.options, dict(self.varied), image=references or None, count=self.takes)
        stop = threading.Event()
        with _warnings_as_notices(front_end):
            batch = self._prepare(sweep, session, stop)
        new = len(sweep.requests) - len(batch.kept)
        announcement = describe_cost(sweep, session.prices, kept=batch.kept)
        if self.dry_run:
            markups = tuple(one for one in references if isinstance(one, Markup))
            text = f"{announcement}. Nothing was sent.\n{_list_requests(sweep, markups)}"
            return DryRun(text, markups, layers=self.options.layers) if markups else Notice(text)
        if new > MOST_UNCONFIRMED and not self.confirmed:
            raise UsageError(
                f"This would send {announcement}; nothing was sent.",
                hint=f"Add --yes to confirm more than {MOST_UNCONFIRMED} requests.",
            )
        gallery = make_gallery(
            batch.tasks,
            self.presentation,
            session,
            table=Table(sweep.rows, sweep.columns) if sweep.axes else None,
            before=[to_image(one, layers=self.options.layers) for one in references],
        )
        live = open_live_display(front_end)
        gallery, failure = follow_in_cell(
            batch, stop, gallery, live, heading=announcement, seconds_to_answer=SECONDS_TO_ANSWER
        )
        failure = failure or _find_failure(batch)
        new = sum(
            index not in batch.kept and bool(task.id or task.good_images) for index, task in enumerate(batch.tasks)
        )
        today = datetime.now().astimezone().date()
        note = describe_kept(batch.kept.values(), new, len(batch.tasks), today)
        gallery = gallery.renew(gallery, note=note)
        # In a loop, an equal request is meant as another take, unless it failed.
        session.takes.update(batch.takes)
        if batch.is_recorded and session.reuses and not self.again and isinstance(failure, _CONTINUED):
            failure.hint = "Run the cell again to continue: what was sent is not paid for again."
        return present(gallery, self.presentation, session, front_end, failure=failure)

    def _prepare(self, sweep: Sweep, session: Session, stop: threading.Event) -> GenerationBatch:
        try:
            return session.client.generate_all(
                sweep.requests,
                mode="stream" if self.stream else "async",
                wait=self.wait,
                timeout=self.timeout,
                pace=session.choose_pace(self.interval),
                strict=self.strict,
                reuse=session.reuses and not self.again,
                earlier_takes=session.takes,
                budget=self.budget,
                stop=stop,
            )
        except UsageError as error:
            error.hint = (error.hint or "").replace("strict=False", "--no-check") or None
            raise
        except KeyboardInterrupt:
            # Reference images are downloaded, to know whether the same request was paid for before.
            raise InterruptedWait(NOTHING_SENT) from None


@dataclass(frozen=True)
class DryRun:
    """What would be sent, with the images that were drawn on.

    Attributes:
        text: What it would cost, and the requests.
        markups: The images.
        layers: Whether they would be decomposed into layers.
    """

    text: str
    markups: tuple[Markup, ...]
    layers: bool

    def __repr__(self) -> str:
        return "\n".join([self.text, *(f"  + {one.describe(layers=self.layers)}" for one in self.markups)])

    def _repr_mimebundle_(self, **_kwargs: object) -> dict[str, str]:
        images = "".join(f"<div>{one.render_html(layers=self.layers)}</div>" for one in self.markups)
        page = f'<div class="mathjax_ignore"><pre>{html.escape(repr(self))}</pre>{images}</div>'
        return {"text/plain": repr(self), "text/html": page}


@contextlib.contextmanager
def _warnings_as_notices(front_end: FrontEnd) -> Iterator[None]:
    """Shows warnings in the cell; Python would name a line within IPython, and the end of the cell would wipe them."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for message in dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught):
        front_end.show(Notice(message))


def _list_requests(sweep: Sweep, markups: Sequence[Markup]) -> str:
    lines = []
    for place, request in enumerate(sweep.requests):
        row, column = sweep.rows[place // len(sweep.columns)], sweep.columns[place % len(sweep.columns)]
        parts = [" ".join(part.split()) for part in (*label_parts(row), *label_parts(column)) if part.strip()]
        prompt = complete_prompt(request.prompt, request.options, markups)
        lines.append(f"  {place + 1}. {' · '.join(parts) or ' '.join(prompt.split())}")
    return "\n".join(lines)


def _find_failure(batch: GenerationBatch) -> SeedreamError | None:
    """Why the cell fails: there is no result, or the user has to look into one; other failures are tiles."""
    tasks = batch.tasks
    failures = list(batch.failures.values())
    if any(task.good_images or not task.status.is_final for task in tasks):
        failures = [failure for failure in failures if isinstance(failure, _UNSETTLED)]
    elif not failures:
        return _error_of(tasks[0])
    if not failures:
        return None
    # A request that may have been paid for comes first.
    first = with_next_step(next((one for one in failures if isinstance(one, OutcomeUnknownError)), failures[0]))
    if len(tasks) > 1:
        counts = f"{len(failures)} of {len(tasks)} requests failed."
        first.message = " ".join(filter(None, [counts, first.message, batch.describe_unsent()]))
    return first


def _error_of(task: Task) -> SeedreamError | None:
    try:
        task.raise_for_status()
    except SeedreamError as error:
        return error
    return None


def describe_comments(count: int) -> str:
    """What was left out of the prompt, and how to send it."""
    lines = "1 line that begins" if count == 1 else f"{count} lines that begin"
    return f'Left out of the prompt: {lines} with "# ". To send such a line, put it into a variable: {{line}}.'


def read_generate(parsed: argparse.Namespace) -> GenerateArguments:
    """Reads the arguments of `%seedream generate`."""
    return _read(parsed, "generate", parsed.image)


def read_edit(parsed: argparse.Namespace) -> GenerateArguments:
    """Reads the arguments of `%seedream edit`.

    Raises:
        UsageError: It is unclear what they mean; the message says why.
    """
    image = parsed.edited
    if image.source.endswith(",") and not image.is_quoted:
        raise UsageError(
            f"A comma follows the image {shorten(image.source.rstrip(','))}, and it is unclear what the prompt is.",
            hint="To edit several images, put them in braces: {[first, second]}; nothing was sent.",
        )
    return _read(parsed, "edit", [parsed.edited, *parsed.image])


def read_remade(parsed: argparse.Namespace) -> tuple[GenerateArguments, dict[str, object]]:
    """Reads the arguments of `%seedream remake`: how to send it, and the options that were given."""
    parsed.prompt = []
    arguments = _read(parsed, "remake", parsed.image, optional=True)
    shared = {name: getattr(parsed, name) for name in _SHARED}
    changes = {name: value for name, value in shared.items() if value is not None and value is not False}
    if parsed.watermark is False:
        changes["watermark"] = False
    if arguments.options.extra:
        changes["extra"] = arguments.options.extra
    # One value of an option changes it; several are compared.
    single = {name: values[0] for name, values in arguments.varied if len(values) == 1}
    varied = tuple((name, values) for name, values in arguments.varied if len(values) > 1)
    return replace(arguments, varied=varied), {**changes, **single}


def _read(
    parsed: argparse.Namespace, command: str, images: Sequence[Word], *, optional: bool = False
) -> GenerateArguments:
    if not 1 <= parsed.takes <= MOST_TAKES:
        raise UsageError(
            f"--takes must be between 1 and {MOST_TAKES}, not {parsed.takes}.", hint="Use a whole number in this range."
        )
    if parsed.stream and not parsed.wait:
        raise UsageError("--stream always waits for its images.", hint="Remove --stream or --no-wait.")
    if parsed.stream and parsed.callback_url:
        raise UsageError("--stream does not support callbacks.", hint="Remove --stream or --callback-url.")
    timeout, interval = read_polling(parsed)
    if parsed.budget is not None:
        parse_budget(parsed.budget)
    is_optional = optional or (parsed.layers and bool(images))
    parsed.size = parsed.size and _join_sides(parsed.size)
    shared = {name: getattr(parsed, name) for name in _SHARED}
    return GenerateArguments(
        prompts=read_prompts(parsed.prompt, parsed.body, command, optional=is_optional),
        options=GenerationOptions(**shared, extra=_read_fields(parsed.field)),
        varied=tuple((name, tuple(getattr(parsed, name))) for name in _VARIED if getattr(parsed, name)),
        images=tuple(map(to_image_word, images)),
        takes=parsed.takes,
        stream=parsed.stream,
        wait=parsed.wait,
        timeout=timeout,
        interval=interval,
        again=parsed.again,
        budget=parsed.budget,
        confirmed=parsed.yes,
        dry_run=parsed.dry_run,
        strict=not parsed.no_check,
        comments=parsed.body.comments,
        presentation=read_presentation(parsed),
    )


def _join_sides(words: Sequence[object]) -> list[object]:
    """Joins what spaces separate in one size, such as `2048 x 1536`: never several sizes, each of them paid for."""
    joined: list[object] = []
    for word in words:
        last = joined[-1] if joined else None
        if isinstance(last, str) and isinstance(word, str) and (last[-1:] in _SIGNS or _SIGN_AND_SIDE.fullmatch(word)):
            joined[-1] = last + word
        else:
            joined.append(word)
    return joined


def _read_fields(words: Sequence[Word]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in map(_read_field, words):
        if name in fields:
            raise UsageError(f"The field {name} is given twice.", hint="Keep one; nothing was sent.")
        fields[name] = value
    return fields


def _read_field(word: Word) -> tuple[str, object]:
    text = insert_text(word.value, word.source)
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"{text!r} is not a field.", hint="Write a name and a value: --field safety=3.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        if value.startswith(("'", '"')) and not word.is_data:
            raise UsageError(
                f"The value of the field {name.strip()} begins with a quotation mark, but is not valid JSON.",
                hint=f'Quote the field as a whole: --field "{name.strip()}=some text".',
            ) from None
        return name.strip(), value
