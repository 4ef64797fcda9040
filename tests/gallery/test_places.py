"""A request that was rejected, failed, or came without usage keeps its place in everything that lists requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from seedream_nb import Gallery, GenerationBatch, GenerationRequest, Library, Pace, Sandbox, SeedreamClient, sum_usage
from seedream_nb.protocol.request_body import GenerationOptions
from tests.gallery.reading import show

if TYPE_CHECKING:
    from pathlib import Path

PROMPTS = ["a cat", "something forbidden", "a dog", "lost on the way", "a fox", "never sent"]
SMALL = GenerationOptions(model="4.0", size="960x960")


@pytest.fixture(params=["async", "sync"])
def batch(sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> GenerationBatch:
    """A finished batch: with mode `sync`, the forbidden one is rejected at once; the last was never sent."""
    sandbox.settings.generation_seconds = 0
    client = SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library")
    sandbox.faults.add("drop", on="images", match="lost on the way", processed=False)
    sandbox.faults.add("error", on="images", match="never sent", code="used_up")
    batch = client.generate_all(
        [GenerationRequest(prompt, SMALL) for prompt in PROMPTS], mode=request.param, pace=Pace(0.02, 0.05)
    )
    batch.finish()
    return batch


STATUSES = ["succeeded", "failed", "succeeded", "failed", "succeeded", "failed"]


def test_in_the_batch(batch: GenerationBatch) -> None:
    assert [task.prompt for task in batch.tasks] == PROMPTS
    assert [task.status.value for task in batch.tasks] == STATUSES
    assert {3, 5} <= set(batch.failures) <= {1, 3, 5}


def test_in_the_gallery_and_its_records(batch: GenerationBatch) -> None:
    gallery = Gallery(batch.tasks, embed="links", library="off")
    assert [tile.prompt for tile in show(gallery).tiles] == PROMPTS
    records = gallery.to_dicts()
    assert [record["prompt"] for record in records] == PROMPTS
    assert [record["usage"] is None for record in records] == [status == "failed" for status in STATUSES]
    frame = pd.json_normalize(records)
    assert list(frame["usage.generated_images"].fillna(0)) == [1, 0, 1, 0, 1, 0]
    assert sum_usage(batch.tasks).generated_images == 3


def test_in_a_data_frame(batch: GenerationBatch, tmp_path: Path) -> None:
    frame = Library(tmp_path / "library").to_frame(batch.tasks)
    assert list(frame["prompt"]) == PROMPTS
    assert list(frame["status"]) == STATUSES
    assert list(frame["link"].isna()) == [status == "failed" for status in STATUSES]


def test_in_saved_files(batch: GenerationBatch, tmp_path: Path) -> None:
    report = Gallery(batch.tasks).save(tmp_path / "saved")
    assert [image.place for image in report.images] == list(range(len(PROMPTS)))
    assert [image.task_id for image in report.images] == [task.id for task in batch.tasks]
    assert [image.path is None for image in report.images] == [status == "failed" for status in STATUSES]
