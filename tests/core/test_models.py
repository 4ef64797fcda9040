import dataclasses
import json
from datetime import datetime, timezone

import pytest

from seedream_nb.core.errors import (
    MAX_MESSAGE_LENGTH,
    ModerationError,
    SeedreamError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskNotFoundError,
)
from seedream_nb.core.models import BoundingBox, ErrorDetail, Task, TaskImage, TaskStatus

GOOD = TaskImage("an-id", url="https://x.example/a.jpg")
BAD = TaskImage("an-id", index=1, error=ErrorDetail("api_error", "the painter fell asleep"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (TaskStatus.NOT_FOUND, TaskNotFoundError),
        (TaskStatus.PENDING, TaskNotFinishedError),
        (TaskStatus.RUNNING, TaskNotFinishedError),
        (TaskStatus.FAILED, TaskFailedError),
        (TaskStatus.PARTIALLY_FAILED, TaskFailedError),
    ],
)
def test_every_state_without_a_whole_result_is_an_error_on_demand(
    status: TaskStatus, kind: type[SeedreamError]
) -> None:
    task = Task("an-id", status, trace_id="a-trace")
    with pytest.raises(kind, match="an-id") as caught:
        task.raise_for_status()
    assert type(caught.value) is kind
    assert caught.value.hint
    assert caught.value.partial == (task,)


def test_a_succeeded_task_is_no_error() -> None:
    Task("an-id", TaskStatus.SUCCEEDED).raise_for_status()


@pytest.mark.parametrize(
    "code", ["InputTextSensitiveContentDetected", "OutputImageSensitiveContentDetected", "InputImageRiskDetection"]
)
def test_moderation_is_recognized(code: str) -> None:
    with pytest.raises(ModerationError, match="too wild") as caught:
        Task("an-id", TaskStatus.FAILED, error=ErrorDetail(code, "too wild"), trace_id="t").raise_for_status()
    assert (caught.value.code, caught.value.trace_id) == (code, "t")


def test_a_failed_image_gives_the_reason_when_the_task_has_none() -> None:
    task = Task("an-id", TaskStatus.PARTIALLY_FAILED, images=(GOOD, BAD))
    assert task.good_images == (GOOD,)
    with pytest.raises(TaskFailedError, match="failed in part: the painter fell asleep") as caught:
        task.raise_for_status()
    assert caught.value.code == "api_error"


def test_a_long_reason_is_cut_in_the_message() -> None:
    with pytest.raises(TaskFailedError) as caught:
        Task("an-id", TaskStatus.FAILED, error=ErrorDetail(message="long " * 1000)).raise_for_status()
    assert len(caught.value.message) < MAX_MESSAGE_LENGTH + 50


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (ErrorDetail("a_code", "words"), "a_code: words"),
        (ErrorDetail("a_code"), "a_code"),
        (ErrorDetail(message="words"), "words"),
        (ErrorDetail(), "no reason given"),
    ],
)
def test_an_error_detail_reads_well_whatever_it_holds(detail: ErrorDetail, text: str) -> None:
    assert str(detail) == text


def test_a_task_as_plain_data_names_everything_but_the_bytes() -> None:
    inline = TaskImage("an-id", data=b"12345", bounding_box=BoundingBox((0, 0, 10, 20), None), raw={"b64_json": "…"})
    task = Task(
        "an-id",
        TaskStatus.PARTIALLY_FAILED,
        images=(inline, BAD),
        request={"prompt": "a cat"},
        created_at=datetime(2025, 12, 22, 18, 19, 7, tzinfo=timezone.utc),
        raw={"id": "an-id"},
    )
    plain = json.loads(json.dumps(task.to_dict()))
    names = {item.name for item in dataclasses.fields(Task)}
    assert set(plain) == names - {"raw", "library"}
    assert plain["status"] == "partially failed"
    assert plain["created_at"] == "2025-12-22T18:19:07+00:00"
    assert plain["finished_at"] is None
    assert plain["request"] == {"prompt": "a cat"}
    assert plain["images"][0]["inline_bytes"] == 5
    assert plain["images"][0]["bounding_box"]["absolute"] == [0, 0, 10, 20]
    assert plain["images"][1]["error"] == {"code": "api_error", "message": "the painter fell asleep"}
    assert set(plain["images"][0]) == {item.name for item in dataclasses.fields(TaskImage)} - {
        "raw",
        "data",
        "library",
    } | {"inline_bytes"}


def test_tasks_are_frozen_and_can_be_kept_in_sets() -> None:
    task = Task("an-id", TaskStatus.SUCCEEDED, images=(GOOD,), request={"a": 1}, raw={"b": 2})
    assert len({task, dataclasses.replace(task, raw={"b": 3})}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.id = "another"  # type: ignore[misc]


def test_only_ended_states_are_final() -> None:
    assert [status.value for status in TaskStatus if status.is_final] == ["succeeded", "partially failed", "failed"]
    assert f"{TaskStatus.PARTIALLY_FAILED}" == "partially failed"
