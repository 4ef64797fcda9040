"""A gallery uses the library that its tasks come from, and neither opens nor creates any other."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, GenerationRequest, Library, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.library import LibraryFetcher
from seedream_nb.library.location import resolve_location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Read = Callable[[SeedreamClient, list[str]], Iterable[Task]]

MODEL, SIZE = "4.0", "1024x1024"  # the smallest image that is generated
SMALL = "128x96"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "of-the-team"
    usual = resolve_location()
    assert usual is not None
    assert not usual.exists(), "the usual library was created"


@pytest.fixture
def at_library(sandbox: Sandbox, folder: Path) -> Iterator[SeedreamClient]:
    with SeedreamClient(sandbox.token, sandbox.url, library=Library(folder)) as client:
        yield client


def generate(client: SeedreamClient, _ids: list[str]) -> Iterable[Task]:
    return client.generate_all([GenerationRequest("a cat"), GenerationRequest("a dog")]).finish()


READS: dict[str, Read] = {
    "retrieve": lambda client, ids: [client.retrieve(task_id) for task_id in ids],
    "retrieve_batch": lambda client, ids: client.retrieve_batch(ids),
    "stored": lambda client, ids: [*client.retrieve_batch(ids), *client.retrieve_batch(ids)][2:],
    "wait": lambda client, ids: client.wait(ids),
    "history": lambda client, _ids: client.history(2),
    "generate": lambda client, _ids: [client.generate("a cat", model=MODEL, size=SIZE, wait=True)],
    "sync": lambda client, _ids: [client.generate("a cat", model=MODEL, size=SIZE, mode="sync")],
    "stream": lambda client, _ids: [client.generate("a cat", model=MODEL, size=SIZE, mode="stream")],
    "generate_all": generate,
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_images_of_a_client_are_stored_in_its_library(
    sandbox: Sandbox, at_library: SeedreamClient, folder: Path, read: Read
) -> None:
    tasks = list(read(at_library, [sandbox.add_task(prompt, size=SMALL) for prompt in ("a cat", "a dog")]))
    assert {task.library for task in tasks} == {str(folder)}
    Gallery(tasks).to_html()
    library = at_library.cache.library
    assert library is not None
    assert all(library.original(image) for task in tasks for image in task.images)


def test_what_a_library_finds_is_shown_from_it_without_the_service(
    sandbox: Sandbox, at_library: SeedreamClient, folder: Path
) -> None:
    Gallery(at_library.retrieve_batch([sandbox.add_task("a cat", size=SMALL)])).load()
    fetched = len(sandbox.requests.of_kind("downloads"))
    with Library(folder) as library:
        for tasks in (library.search("cat"), list(library), pickle.loads(pickle.dumps(list(library)))):  # noqa: S301  our own
            assert "data:image/jpeg" in Gallery(tasks).to_html()
            assert Gallery(tasks).compose().size == (128, 96)
    assert len(sandbox.requests.of_kind("downloads")) == fetched


def test_parts_and_renewed_galleries_use_it_too(sandbox: Sandbox, at_library: SeedreamClient, folder: Path) -> None:
    ids = [sandbox.add_task(prompt, size=SMALL) for prompt in ("a cat", "a dog")]
    gallery = Gallery(at_library.retrieve_batch(ids))
    gallery[:1].with_options(thumbnail=64).load()
    Gallery([]).renew(at_library.retrieve_batch(ids[1:])).load()
    assert Library(folder).info().originals == 2


def test_a_client_without_a_library_leaves_its_galleries_without_one(
    sandbox: Sandbox, client: SeedreamClient, folder: Path
) -> None:
    task = client.retrieve(sandbox.add_task(size=SMALL))
    assert task.library == "off"
    assert "data:image/jpeg" in Gallery(task).to_html()
    assert Gallery(task).compose().size == (128, 96)
    assert not folder.exists()


def test_the_options_of_an_open_library_hold(sandbox: Sandbox, at_library: SeedreamClient, folder: Path) -> None:
    at_library.retrieve(sandbox.add_task("a cat", size=SMALL))
    with Library(folder, read_only=True) as library:
        Gallery(library.search("cat")).load()
        assert library.info().originals == 0


def test_a_library_or_a_fetcher_that_is_given_comes_first(
    sandbox: Sandbox, at_library: SeedreamClient, folder: Path, tmp_path: Path
) -> None:
    tasks = at_library.retrieve_batch([sandbox.add_task(size=SMALL)])
    Gallery(tasks, library="off").load()
    Gallery(tasks, library=tmp_path / "other")[:].load()
    assert (Library(tmp_path / "other").info().originals, Library(folder).info().originals) == (1, 0)
    Gallery(tasks, fetcher=at_library.fetcher).load()
    assert Library(folder).info().originals == 1


def test_tasks_of_different_libraries_need_a_choice(
    sandbox: Sandbox, client: SeedreamClient, at_library: SeedreamClient, folder: Path
) -> None:
    task_id = sandbox.add_task(size=SMALL)
    tasks = [at_library.retrieve(task_id), client.retrieve(task_id), Task.not_found("an-id")]
    with pytest.raises(UsageError, match=f"different libraries: {folder}, off"):
        Gallery(tasks)
    assert "data:image/jpeg" in Gallery(tasks, library=folder).to_html()


def test_tasks_made_by_hand_use_the_usual_library() -> None:
    gallery = Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url="https://x.example/a"),)))
    assert isinstance(gallery._fetcher, LibraryFetcher)
    assert gallery._fetcher.cache.location == str(resolve_location())


def test_where_the_library_lies_is_told_to_nobody(sandbox: Sandbox, at_library: SeedreamClient, folder: Path) -> None:
    task = at_library.retrieve(sandbox.add_task(size=SMALL))
    gallery = Gallery(task)
    for told in (repr(task), str(task.to_dict()), gallery.to_html(), repr(gallery)):
        assert str(folder) not in told


def test_marks_are_shown_as_they_are_now(sandbox: Sandbox, at_library: SeedreamClient, tmp_path: Path) -> None:
    task = at_library.retrieve(sandbox.add_task("a cat", size=SMALL, images=2))
    library = at_library.cache.open()
    gallery = Gallery(task).load()
    assert 'class="seedream-marks"' not in gallery.to_html()
    library.rate(task.images[1], 4)
    library.tag(task.images[1], "<to print>")
    library.note(task.images[1], "for nobody else")
    library.reject(task.images[0])
    bundle = gallery._repr_mimebundle_()
    assert [line.strip() for line in bundle["text/plain"].splitlines() if "★" in line or "⊘" in line] == [
        "⊘ rejected",
        "★★★★ · #<to print>",
    ]
    assert '<div class="seedream-marks"><span>⊘ rejected</span></div>' in bundle["text/html"]
    assert 'role="img" aria-label="4 of 5 stars">★★★★</span> · <span>#&lt;to print&gt;</span>' in bundle["text/html"]
    page = gallery.export(tmp_path / "page.html").read_text("utf-8")
    assert page.count('<p class="marks">') == 2
    assert "<dt>Rating</dt><dd>★★★★</dd><dt>Tags</dt><dd>&lt;to print&gt;</dd>" in page
    assert "for nobody else" not in bundle["text/html"] + page
    library.rate(task, None)
    assert "★" not in gallery.to_html()
