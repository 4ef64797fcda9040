"""HTML and text say the same, and say it every time."""

import hashlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskStatus
from seedream_nb.gallery.contents import EMBED_CHOICES
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.examples import examples
from tests.gallery.reading import assert_forms_agree, one_line, show
from tests.gallery.strategies import EXAMPLES, task_lists, tasks


@pytest.mark.slow
def test_examples_of_the_sandbox_say_the_same_in_both_forms(sandbox: Sandbox, client: SeedreamClient) -> None:
    large = "5404x3040"
    gallery = Gallery(client.retrieve_batch(sandbox.task_ids)).filter(lambda task: task.size != large)
    sheet = show(gallery)
    assert_forms_agree(sheet)
    assert len(sheet.tiles) > len(gallery) > 10
    assert {tile.task_id for tile in sheet.tiles} == {task.id for task in gallery}
    captions = {tile.prompt for tile in sheet.tiles}
    assert {one_line(image.prompt) for image in gallery.images} <= captions


@examples(80)
@given(task_lists)
def test_any_tasks_say_the_same_in_both_forms(some_tasks: list[Task]) -> None:
    fetcher = ImageFetcher(FetchLimits(tries=1))
    assert_forms_agree(show(Gallery(some_tasks, embed="links", fetcher=fetcher)))


words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=80)


@given(st.builds(Task, words, st.just(TaskStatus.FAILED), prompt=words, model=words, trace_id=words,
                 error=st.builds(ErrorDetail, words, words)))  # fmt: skip
def test_nothing_of_a_failed_task_is_kept_back(task: Task) -> None:
    (tile,) = show(Gallery(task)).tiles
    assert (tile.task_id, tile.prompt) == (one_line(task.id), one_line(task.prompt))
    assert (tile.facts, tile.trace_id) == (one_line(task.model or ""), one_line(task.trace_id or ""))
    assert task.error is not None
    assert one_line(task.error.message) in tile.problem
    assert one_line(task.error.code) in tile.problem


@examples(40)
@given(st.lists(tasks, max_size=3), st.sampled_from(EMBED_CHOICES))
def test_the_same_tasks_give_the_same_bytes(some_tasks: list[Task], embed: str) -> None:
    inline = [task for task in some_tasks if all(image.url is None for image in task.images)]
    first, second = (Gallery(inline, embed=embed)._repr_mimebundle_() for _ in range(2))  # type: ignore[arg-type]
    assert first == second


@pytest.mark.heavy
def test_another_process_gives_the_same_bytes() -> None:
    code = (
        "import hashlib; from seedream_nb import Gallery; from tests.gallery.strategies import EXAMPLES;"
        "print(hashlib.sha256(repr(Gallery(EXAMPLES)._repr_mimebundle_()).encode()).hexdigest())"
    )
    here = hashlib.sha256(repr(Gallery(EXAMPLES)._repr_mimebundle_()).encode()).hexdigest()
    root = __file__.rpartition("/tests/")[0]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == here


def test_the_header_sums_up_the_most_urgent_first() -> None:
    states = [TaskStatus.PENDING, TaskStatus.FAILED, TaskStatus.NOT_FOUND, TaskStatus.FAILED, TaskStatus.RUNNING]
    assert show(Gallery([Task("i", state) for state in states])).summary == (
        "5 tasks · 0 images · 2 failed · 1 not found · 1 running · 1 pending"
    )
    assert show(Gallery([])).summary == "0 tasks · 0 images"
    many = Gallery([Task("i", TaskStatus.FAILED)] * 1234)
    assert show(many).summary == "1,234 tasks · 0 images · 1,234 failed"
