"""What is saved gives the same request back: any options of any model, from image files, records, and the library."""

from __future__ import annotations

import hashlib
import json
import random
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from seedream_nb import Gallery, GenerationOptions, Library, SeedreamClient, Task
from seedream_nb.client.references import read_references
from seedream_nb.images.saved_files import read_provenance
from seedream_nb.library.records import add_sent_images
from seedream_nb.library.references import SentImage
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.recorded_request import DELIVERY, references_of, to_portable
from seedream_nb.protocol.request_body import build_body
from seedream_nb.protocol.responses import read_task
from tests.library.tasks import CREATED, name_of
from tests.sample_images import plain

if TYPE_CHECKING:
    from pathlib import Path

WORDS = (
    "a cat",
    "暹罗猫",
    "قطة",
    "🐈",
    '"quoted"',
    "{braces}",
    "$5",
    "\n",
    "\t",
    "\\",
    "<b>",
    "'",
    "—",
    "e\u0301",
    "---",
    "# a",
)
IMAGES = {kind: plain(8, 6, image_format=kind) for kind in ("JPEG", "PNG")}
SENT = [plain(8 + number, 6) for number in range(3)]  # reference images that were files


def body_of(number: int) -> dict[str, Any]:
    """One of any number of requests, each with other options."""
    chance = random.Random(number)  # noqa: S311  no secret
    options = GenerationOptions(
        model=chance.choice([*MODELS, "doubao-seedream-3-0-t2i-250415", "a-model-of-tomorrow"]),
        size=chance.choice([None, "1K", "2K", "4K", "2048x1536", "16:9", "square", "auto"]),
        max_images=chance.choice([None, None, 1, 4, 15]),
        output_format=chance.choice([None, "jpeg", "png"]),
        watermark=chance.choice([None, True, False]),
        web_search=chance.random() < 0.3,
        optimize_prompt=chance.choice([None, "standard", "fast"]),
        response_format=chance.choice([None, "url", "b64_json"]),
        layers=chance.random() < 0.2,
        background=chance.choice([None, "transparent", "opaque"]),
        seed=chance.choice([None, 0, -1, 2**31 - 1]),
        guidance_scale=chance.choice([None, 5, 2.5]),
        callback_url=chance.choice([None, "https://my.example/secret"]),
        extra=chance.choice(
            [{}, {}, {"style": "calm", "safety": 0}, {"watermark": 1}, {"nested": {"list": [1, None, "x"]}}]
        ),
    )
    prompt = f"{number} " + " ".join(chance.choices(WORDS, k=chance.randrange(30)))
    links = [f"https://x.example/{number}-{place}.jpg?a=1&b=2" for place in range(chance.randrange(3))]
    images = [*links, *read_references(chance.sample(SENT, chance.randrange(3)) or None)]
    chance.shuffle(images)
    return build_body(prompt, options, images)


def task_of(number: int, body: dict[str, Any]) -> Task:
    """The task as the service records it, with its own words and without the data of reference images."""
    image = body.get("image")
    images = image if isinstance(image, list) else [] if image is None else [image]
    shown = [one if one.startswith("http") else f"{one.partition(',')[0]},…" for one in images]
    request = {"action": "edit" if shown else "generate", **body, "async": True}
    if shown:
        request["image"] = shown if isinstance(image, list) else shown[0]
    content = b64encode(IMAGES["PNG" if number % 2 else "JPEG"]).decode()
    record = {
        "id": name_of(number),
        "created_at": CREATED + number,
        "finished_at": CREATED + number + 1,
        "user_id": "user-of-the-account",
        "trace_id": f"trace-{number}-of-the-call",
        "request": request,
        "response": {"success": True, "data": [{"prompt": body["prompt"], "size": "8x6", "b64_json": content}]},
    }
    return read_task(record, "")


def sent_of(body: dict[str, Any]) -> list[SentImage]:
    """What the ledger knows of a request's reference images."""
    return [SentImage(digest=digest) for _link, digest in references_of(to_portable(body))]


def order_of(body: dict[str, Any]) -> str:
    """What a body orders, however it is sent."""
    return json.dumps({name: value for name, value in body.items() if name not in DELIVERY}, sort_keys=True)


@pytest.mark.parametrize("count", [60, pytest.param(10 * settings().max_examples, marks=pytest.mark.slow)])
def test_files_give_equal_bodies(count: int, tmp_path: Path) -> None:
    bodies = [body_of(number) for number in range(count)]
    assert len(set(map(order_of, bodies))) == count
    tasks = [task_of(number, body) for number, body in enumerate(bodies)]
    with (
        Library(tmp_path / "library") as library,
        SeedreamClient("a-token", "https://api.example", library=library) as client,
    ):
        for content in SENT:
            library.keep_sent(content)
        # The ledger knows which images were sent. Each of its transactions waits for the disk, so most are told.
        recorded = [number for number in range(count) if number % 20 == 0]
        planned_bodies = client.purchases().plan([bodies[number] for number in recorded], client.prices)
        for planned, task in zip(planned_bodies, [tasks[number] for number in recorded], strict=True):
            assert planned.begin(lambda _seconds: None) is None
            planned.answered(task)
            planned.release()
        library.keep(tasks)
        with library._database.writing() as connection:
            for number in sorted(set(range(count)) - set(recorded)):
                add_sent_images(connection, name_of(number), sent_of(bodies[number]))
        report = Gallery(tasks, fetcher=client.fetcher).save(tmp_path / "saved")
        assert len(report.paths) == len(report.records) == count
        for number, body in enumerate(bodies):
            for what in (report.paths[number], report.records[number], tasks[number].id):
                found = client.request_of(what)
                again = build_body(found.prompt, found.options, read_references(found.image))
                assert order_of(again) == order_of(body)
    # Nothing of the account, and no data, is in the files.
    for path in (*report.paths, *report.records):
        content = path.read_bytes()
        assert b"of-the-account" not in content
        assert b"my.example" not in content
        assert b64encode(SENT[0])[:40] not in content
        assert len(content) < 40_000
    provenance = read_provenance(report.paths[0].read_bytes())
    assert provenance is not None
    assert provenance.request is not None


def test_a_request_that_does_not_fit_into_a_jpeg_is_left_out(tmp_path: Path) -> None:
    link = "https://x.example/" + "a" * 30_000
    task = task_of(0, build_body("a cat", GenerationOptions(), [link, f"{link}b", f"{link}c"]))
    (path,) = Gallery(task).save(tmp_path).paths
    provenance = read_provenance(path.read_bytes())
    assert provenance is not None
    assert (provenance.prompt, provenance.request) == ("a cat", None)
    # Its record has it.
    with SeedreamClient("a-token", "https://api.example", library="off") as client:
        assert client.request_of(path).image == (link, f"{link}b", f"{link}c")


def test_a_png_takes_all_of_it(tmp_path: Path) -> None:
    link = "https://x.example/" + "a" * 30_000
    task = task_of(1, build_body("a cat", GenerationOptions(), [link, f"{link}b", f"{link}c"]))
    report = Gallery(task).save(tmp_path)
    report.records[0].unlink()
    with SeedreamClient("a-token", "https://api.example", library="off") as client:
        assert client.request_of(report.paths[0]).image == (link, f"{link}b", f"{link}c")


def test_checksums_of_references_are_those_of_their_content(tmp_path: Path) -> None:
    with Library(tmp_path / "library") as library:
        library.keep_sent(SENT[0])
        assert library.find_content(hashlib.sha256(SENT[0]).hexdigest()) == SENT[0]
