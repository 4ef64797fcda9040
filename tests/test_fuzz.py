"""Random damage to everything foreign: answers, archives, images, and what a server does with a connection.

Each run tries 2,000 cases, and 10,000 in continuous integration, with a seed of its own, which a failure prints;
`SEEDREAM_FUZZ_SEED` repeats it, with the number of the case.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import secrets
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from seedream_nb import (
    ImageError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    SeedreamClient,
    SeedreamError,
    Timeouts,
    UsageError,
)
from seedream_nb.client.at_most_once import is_safe_to_resend
from seedream_nb.images.saved_files import read_provenance
from seedream_nb.images.thumbnails import make_thumbnail
from seedream_nb.library import Library
from seedream_nb.protocol.responses import read_page, read_task
from seedream_nb.protocol.status_errors import read_answer
from tests.library.tasks import task_of
from tests.protocol.samples import ID, RECORD, RESPONSE, STATUS_FORM
from tests.raw_server import RawServer, head
from tests.sample_images import noise, plain
from tests.servers import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scripted_server import Received

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SEEDREAM_FUZZ_SEED") or secrets.randbelow(2**32))
# All cases in continuous integration, and where a seed repeats them; elsewhere a fifth, which differs from run to run.
SHARE = 1 if {"CI", "SEEDREAM_FUZZ_SEED"} & set(os.environ) else 5
ANSWERS, IMAGES, ARCHIVES, EXCHANGES = 5_000 // SHARE, 3_000 // SHARE, 1_000 // SHARE, 1_000 // SHARE
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    1e309,
    2**70,
    "",
    "\u202e\u0000",
    "x" * 20_000,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "\ud800",
    float("nan"),
)


@contextlib.contextmanager
def case(kind: str, number: int) -> Iterator[random.Random]:
    """One case; whatever it raises is reported with what repeats it."""
    try:
        yield random.Random(f"{SEED}-{kind}-{number}")  # noqa: S311  test data, not cryptography
    except Exception as error:
        raise AssertionError(f"{kind} case {number} of SEEDREAM_FUZZ_SEED={SEED}: {error!r}") from error


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes of which some are changed, lost, doubled, or cut off."""
    result = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(result) + 1)
        length = rng.choice((1, 2, 4, 64))
        change = rng.randrange(4)
        if change == 0:
            result[place : place + length] = rng.randbytes(length)
        elif change == 1:
            del result[place : place + length]
        elif change == 2:
            result[place:place] = result[place : place + length * 16]
        else:
            result[place : place + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)).to_bytes(
                4, rng.choice(("big", "little"))
            )
    return bytes(result)


def mutated(value: object, rng: random.Random) -> object:
    """JSON in which some values are something else, and some names are missing."""
    if rng.random() < 0.08:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {name: mutated(item, rng) for name, item in value.items() if rng.random() > 0.04}
    if isinstance(value, list):
        return [mutated(item, rng) for item in value for _ in range(rng.choice((1, 1, 1, 0, 3)))]
    return value


def test_answers_are_tasks_or_errors_of_ours() -> None:
    samples = (RECORD, RESPONSE, STATUS_FORM, {"items": [RECORD, RESPONSE], "count": 2})
    for number in range(ANSWERS):
        with case("answer", number) as rng:
            text = json.dumps(mutated(rng.choice(samples), rng))
            if rng.random() < 0.3:
                text = damaged(text.encode(), rng).decode("utf-8", "replace")
            with contextlib.suppress(SeedreamError):
                answer = read_answer(rng.choice((200, 200, 200, 400, 403, 429, 500, 504)), text)
                for task in (read_task(answer, ID), *read_page(answer).tasks):
                    json.dumps(task.to_dict(), allow_nan=False)


def test_images_are_thumbnails_or_errors_of_ours() -> None:
    samples = [noise(96, 64, 1), plain(60, 40), *(plain(60, 40, image_format=kind) for kind in ("JPEG", "WEBP"))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(IMAGES):
            with case("image", number) as rng:
                content = damaged(rng.choice(samples), rng)
                with contextlib.suppress(ImageError):
                    thumbnail = make_thumbnail(content, 48)
                    assert max(thumbnail.width, thumbnail.height) <= 48
                with contextlib.suppress(ImageError):
                    read_provenance(content)


def test_archives_add_nothing_that_breaks_a_library(tmp_path: Path) -> None:
    with Library(tmp_path / "source") as source:
        for number in range(3):
            task = task_of(number)
            source.keep([task])
            source.keep_image(task.images[0], noise(32, 32, number))
        source.export(tmp_path / "good.zip")
    good = (tmp_path / "good.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "good.zip") as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    target = tmp_path / "bad.zip"
    with Library(tmp_path / "target") as library:
        for number in range(ARCHIVES):
            with case("archive", number) as rng:
                if rng.random() < 0.5:
                    target.write_bytes(damaged(good, rng))
                else:
                    changed = rng.choice(sorted(files))
                    with zipfile.ZipFile(target, "w") as written:
                        for name, content in files.items():
                            written.writestr(name, damaged(content, rng) if name == changed else content)
                with contextlib.suppress(UsageError):
                    library.import_from(target)
        assert library.verify().is_sound
        assert len(library) <= 3 + ARCHIVES


def test_a_paid_request_is_sent_once_whatever_the_server_does() -> None:
    """An error that says that nothing was paid is only raised for an answer that says so."""
    answers: list[list[bytes]] = []

    def script(_received: Received) -> Iterator[bytes]:
        yield from answers[-1]

    with (
        RawServer(script) as server,
        SeedreamClient(
            TOKEN,
            server.url,
            timeouts=Timeouts(connect=2, read=2, generate=2),
            retries=RetryPolicy(tries=1),
            library="off",
        ) as client,
    ):
        for number in range(EXCHANGES):
            with case("exchange", number) as rng:
                status = rng.choice((200, 200, 200, 100, 102, 103, 204, 302, 307, 400, 401, 403, 408, 429, 500, 503))
                body = json.dumps(mutated({"task_id": ID, **rng.choice(({}, RESPONSE, RECORD))}, rng)).encode()
                length = len(body) if rng.random() < 0.7 else rng.choice((0, 1, len(body) + 9, -1))
                lines = [f"Content-Length: {length}", *rng.sample(
                    ("Location: //[", "Content-Encoding: gzip", "Transfer-Encoding: chunked", "Retry-After: 1e9"),
                    rng.choice((0, 0, 0, 1, 2)),
                )]  # fmt: skip
                answer = head(status, *lines) + body
                answers.append([damaged(answer, rng) if rng.random() < 0.4 else answer])
                before = len(server.received)
                error: SeedreamError | None = None
                try:
                    client.generate("a cat")
                except SeedreamError as problem:
                    error = problem
                assert len(server.received) == before + 1
                assert TOKEN not in str(error)
                if isinstance(error, RateLimitedError):
                    assert is_safe_to_resend(error)
                elif error is not None and not isinstance(error, OutcomeUnknownError):
                    assert re.match(rb"HTTP/1\.\S* [24]\d\d", answers[-1][0])
