"""What images were made from, and what was made from them: by links, by bytes, and by what saved files say."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import (
    Gallery,
    Library,
    LibraryError,
    LibraryWarning,
    Sandbox,
    SeedreamClient,
    Task,
    TaskImage,
    UsageError,
    open_image,
)
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import write_provenance
from seedream_nb.library.lineage import MOST_CHILDREN, MOST_ENTRIES
from seedream_nb.library.records import add_sent_images
from seedream_nb.library.references import SentImage
from tests.library.tasks import name_of, record_of, task_of
from tests.sample_images import noise, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def client(sandbox: Sandbox, empty: Library) -> Iterator[SeedreamClient]:
    sandbox.settings.generation_seconds = 0
    with SeedreamClient(sandbox.token, sandbox.url, library=empty) as opened:
        yield opened


def link_of(number: int, place: int = 0) -> str:
    return f"https://images.example/{name_of(number)}-{place}.jpg"


def edit_of(number: int, *images: str, **others: Any) -> Task:
    """A task that was made from some links."""
    request = {"action": "edit", "prompt": "an edit", "image": list(images)}
    return task_of(number, "an edit", request=request, **others)


def places(images: Any) -> list[tuple[str, int]]:
    return [(image.task_id, image.index) for image in images]


def place_of(task: Task, index: int = 0) -> tuple[str, int]:
    return task.id, index


# By HTTP, as users have it.


def test_an_edit_knows_the_image_it_was_made_from(client: SeedreamClient) -> None:
    cat = client.generate("a cat", max_images=2, wait=True)
    winter = client.edit(cat.images[1], "in winter", wait=True)
    night = client.edit(winter.images[0], "at night", wait=True)
    assert places(winter.images[0].parents) == [place_of(cat, 1)]
    assert places(cat.images[1].children) == [place_of(winter)]
    assert cat.images[0].children == cat.images[0].parents == ()
    # An edit of an edit, and another branch from any step.
    branch = client.edit(night.images[0].parents[0], "in summer", wait=True)
    assert places(winter.images[0].children) == [place_of(night), place_of(branch)]


def test_bytes_and_saved_files_are_known_by_their_content(client: SeedreamClient, tmp_path: Path) -> None:
    cat = client.generate("a cat", size="1K", model="4.0", wait=True)
    original = client.fetcher.fetch(cat.images[0])
    saved = Gallery(cat, fetcher=client.fetcher).save(tmp_path).images[0]
    by_bytes = client.edit(original, "by its bytes", wait=True)
    by_file = client.edit(saved, "by a saved file", wait=True)
    drawn_on = write_provenance(plain(40, 30), Provenance(task_id=cat.id, index=0))
    by_copy = client.edit(drawn_on, "by a copy that was drawn on", wait=True)
    stranger = client.edit(plain(50, 40), "by any other image", wait=True)
    for task in (by_bytes, by_file, by_copy):
        assert places(task.images[0].parents) == [place_of(cat)]
    assert stranger.images[0].parents == ()
    assert places(cat.images[0].children) == [place_of(task) for task in (by_bytes, by_file, by_copy)]
    # What was saved says where it is from, and needs no id.
    assert places(open_image(saved).children) == []  # it is looked up in the default library
    assert places(client.cache.open().children(TaskImage("", data=original))) == places(cat.images[0].children)


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_each_way_of_sending_is_known(client: SeedreamClient, mode: Any) -> None:
    cat = client.generate("a cat", wait=True)
    original = client.fetcher.fetch(cat.images[0])
    edited = client.edit(original, "in winter", mode=mode, wait=True)
    library = client.cache.open()
    assert places(library.children(cat.images[0])) == [
        (task.id, 0) for task in [*library] if task.prompt == "in winter"
    ]
    if edited.id:
        assert places(edited.images[0].parents) == [place_of(cat)]
    # What the service has recorded stays what it is.
    assert {task.request.get("image") for task in library if task.prompt == "in winter"} == {edited.request["image"]}


def test_the_order_of_arrival_does_not_matter(client: SeedreamClient, sandbox: Sandbox) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library="off") as other:
        cat = other.generate("a cat", wait=True)
        original = other.fetcher.fetch(cat.images[0])
    edited = client.edit(original, "in winter", wait=True)
    assert edited.images[0].parents == ()
    kept = client.retrieve(cat.id)
    assert edited.images[0].parents == ()  # nobody has seen its bytes here
    client.fetcher.fetch(kept.images[0])
    assert places(edited.images[0].parents) == [place_of(cat)]
    assert places(kept.images[0].children) == [place_of(edited)]


def test_an_inline_result_is_a_parent(client: SeedreamClient) -> None:
    cat = client.generate("a cat", response_format="b64_json", wait=True)
    edited = client.edit(cat.images[0], "in winter", wait=True)
    assert places(edited.images[0].parents) == [place_of(cat)]
    assert places(cat.images[0].children) == [place_of(edited)]


def test_without_a_library_there_is_one_clear_error(sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 0
    with SeedreamClient(sandbox.token, sandbox.url, library="off") as client:
        image = client.generate("a cat", wait=True).images[0]
    with pytest.raises(LibraryError, match="The library of this image is turned off"):
        _parents = image.parents


def test_an_image_that_is_not_stored_has_no_known_relatives(empty: Library) -> None:
    assert empty.parents(TaskImage(name_of(1), url=link_of(1))) == []
    assert empty.children(name_of(1)) == []
    with pytest.raises(UsageError, match="is not in the library"):
        empty.tree(name_of(1))


# By what the records say.


def test_each_reference_has_its_parent_in_order(empty: Library) -> None:
    empty.keep(
        [task_of(1, images=3), task_of(2), edit_of(3, link_of(2), "https://elsewhere.example/a.jpg", link_of(1, 2))]
    )
    assert places(empty.parents(name_of(3))) == [(name_of(2), 0), (name_of(1), 2)]
    assert places(empty.children(name_of(1))) == [(name_of(3), 0)]
    (image,) = [image for image in empty.find(name_of(1))[name_of(1)].images if image.index == 2]
    assert places(image.children) == [(name_of(3), 0)]


def test_of_equal_images_the_oldest_is_the_parent(empty: Library) -> None:
    for number in (2, 1):
        task = task_of(number)
        empty.keep(task)
        empty.keep_image(task.images[0], plain(9, 9))
    empty.keep(edit_of(3, link_of(2)))
    assert places(empty.parents(name_of(3))) == [(name_of(1), 0)]
    assert places(empty.children(name_of(1))) == places(empty.children(name_of(2))) == [(name_of(3), 0)]


def test_removed_tasks_leave_no_trace(empty: Library) -> None:
    empty.keep([task_of(1), edit_of(2, link_of(1)), edit_of(3, link_of(2))])
    empty.remove(name_of(2))
    assert empty.parents(name_of(3)) == []
    assert empty.children(name_of(1)) == []
    empty.keep(edit_of(2, link_of(1)))
    assert places(empty.parents(name_of(3))) == [(name_of(2), 0)]


def test_an_archive_carries_it_to_another_machine(client: SeedreamClient, tmp_path: Path) -> None:
    cat = client.generate("a cat", wait=True)
    drawn_on = write_provenance(plain(40, 30), Provenance(task_id=cat.id, index=0))
    by_copy = client.edit(drawn_on, "by a copy", wait=True)
    by_link = client.edit(cat.images[0], "by its link", wait=True)
    by_bytes = client.edit(client.fetcher.fetch(cat.images[0]), "by its bytes", wait=True)
    client.cache.open().export(tmp_path / "all.zip")
    with Library(tmp_path / "other") as other:
        other.import_from(tmp_path / "all.zip")
        for task in (by_copy, by_link, by_bytes):
            assert places(other.parents(task)) == [place_of(cat)]
        assert len(other.children(cat.id)) == 3
        # The reference images came with it.
        with SeedreamClient("another-token", "https://api.example", library=other) as elsewhere:
            assert elsewhere.request_of(by_copy.id).image == (drawn_on,)


def forget_index(folder: Path) -> None:
    """Makes a library one that was written before lineage was indexed."""
    with closing(sqlite3.connect(folder / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM parents")
        connection.execute("DELETE FROM properties WHERE name = 'lineage'")


def test_an_older_library_is_indexed_on_first_use(empty: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedream_nb.library.lineage.PAGE", 3)
    empty.keep([task_of(0), *(edit_of(number, link_of(number - 1)) for number in range(1, 10))])
    empty.close()
    forget_index(empty.location)
    with Library(empty.location, read_only=True) as read_only:
        assert places(read_only.parents(name_of(9))) == [(name_of(8), 0)]
    # One that was killed after a page is continued by the next.
    with Library(empty.location) as library:
        assert library._lineage._index_page()
    with Library(empty.location) as library:
        assert all(places(library.parents(name_of(number))) == [(name_of(number - 1), 0)] for number in range(1, 10))
        assert not library._lineage._index_page()


def test_a_recovered_library_is_indexed_again(empty: Library) -> None:
    empty.keep([task_of(1), edit_of(2, link_of(1))])
    empty.close()
    path = empty.location / "library.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'children'").fetchone()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    with Library(empty.location) as library:
        with pytest.warns(LibraryWarning, match="was damaged"):
            library.verify()
        assert places(library.parents(name_of(2))) == [(name_of(1), 0)]


def histories(count: int) -> st.SearchStrategy[list[list[tuple[int, bool]]]]:
    """For each of some tasks, the earlier ones that it was made from, and whether by their bytes."""
    each = [st.lists(st.tuples(st.integers(0, number - 1), st.booleans()), max_size=3) for number in range(1, count)]
    return st.tuples(st.just([]), *each).map(list)


@given(histories(6), st.permutations([(kind, number) for kind in ("record", "original") for number in range(6)]))
def test_any_history_is_known_in_any_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, sent: list[list[tuple[int, bool]]], arrivals: list[tuple[str, int]]
) -> None:
    """Children and parents agree with what was sent, whatever is stored first, and on another machine, too."""
    numbers = range(len(sent))
    contents = [plain(8 + number, 6) for number in numbers]
    shown = "data:image/png;base64,…"
    tasks = [
        edit_of(number, *(shown if by_bytes else link_of(parent) for parent, by_bytes in parents))
        for number, parents in enumerate(sent)
    ]
    expected = [[name_of(parent) for parent in dict.fromkeys(parent for parent, _ in parents)] for parents in sent]
    folder = tmp_path_factory.mktemp("history")
    with Library(folder / "library") as library, Library(folder / "other") as other:
        for kind, number in arrivals:
            if kind == "original":
                library.keep_image(tasks[number].images[0], contents[number])
                continue
            library.keep(tasks[number])
            known = [(hashlib.sha256(contents[parent]).hexdigest(), by_bytes) for parent, by_bytes in sent[number]]
            with library._database.writing() as connection:  # as the ledger tells it
                images = [SentImage(digest=digest if by_bytes else "") for digest, by_bytes in known]
                add_sent_images(connection, name_of(number), images)
        library.export(folder / "all.zip")
        other.import_from(folder / "all.zip")
        for one in (library, other):
            assert [[image.task_id for image in one.parents(name_of(number))] for number in numbers] == expected
            for number in numbers:
                children = [name_of(child) for child in numbers if name_of(number) in expected[child]]
                assert [image.task_id for image in one.children(name_of(number))] == children


# Trees


def test_a_tree_shows_both_directions(empty: Library) -> None:
    empty.keep(
        [
            task_of(0x1, "a cat", images=2),
            task_of(0x2, "a dog"),
            edit_of(0x3, link_of(1, 1), link_of(2)),
            edit_of(0x4, link_of(3)),
            edit_of(0x5, link_of(4), link_of(3)),
        ]
    )
    tree = empty.tree(name_of(3))
    assert [(entry.task.prompt, entry.place, entry.level) for entry in tree.ancestors] == [
        ("a cat", 1, -1),
        ("a dog", 0, -1),
    ]
    assert [(entry.task.id, entry.level, entry.is_repeated) for entry in tree.descendants] == [
        (name_of(4), 1, False),
        (name_of(5), 2, False),
        (name_of(5), 1, True),
    ]
    assert repr(tree).splitlines()[:4] == [
        "Lineage of 00000000: 2 tasks before it, 2 tasks after it.",
        "Made from",
        "  00000000/2  a cat · SeeDream 4.0",
        "  00000000/1  a dog · SeeDream 4.0",
    ]
    bundle = tree._repr_mimebundle_()
    assert bundle["text/plain"] == repr(tree)
    assert bundle == empty.tree(name_of(3))._repr_mimebundle_()
    for line in repr(tree).splitlines()[2:4]:
        assert line.split("  ")[-1] in bundle["text/html"]


def test_foreign_text_does_no_harm_in_a_tree(empty: Library) -> None:
    empty.keep(task_of(1, "<script>alert(1)</script>\x1b[31m\u202e"))
    bundle = empty.tree(name_of(1))._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]
    assert "\u202e" not in bundle["text/plain"]


def test_circles_end(empty: Library) -> None:
    empty.keep([edit_of(1, link_of(3)), edit_of(2, link_of(1)), edit_of(3, link_of(2), link_of(3))])
    tree = empty.tree(name_of(1))
    assert [entry.task.id for entry in tree.descendants] == [name_of(2), name_of(3), name_of(1)]
    assert [entry.is_repeated for entry in tree.descendants] == [False, False, True]
    assert [entry.task.id for entry in tree.ancestors] == [name_of(3), name_of(2), name_of(1)]


def test_a_long_chain_is_cut_and_said(empty: Library) -> None:
    empty.keep([task_of(0), *(edit_of(number, link_of(number - 1)) for number in range(1, MOST_ENTRIES + 50))])
    tree = empty.tree(name_of(0))
    assert len(tree.descendants) == MOST_ENTRIES
    assert "and 1 more" in repr(tree)


def test_thousands_of_children_are_bounded_and_said(empty: Library) -> None:
    empty.keep([task_of(0), *(edit_of(number, link_of(0)) for number in range(1, 2001))])
    tree = empty.tree(name_of(0))
    assert len(tree.descendants) == MOST_CHILDREN
    assert f"{2000 - MOST_CHILDREN:,} more tasks were made from it" in repr(tree)
    children = empty.children(name_of(0))
    assert places(children) == [(name_of(number), 0) for number in range(1, 2001)]
    assert all(earlier.task_id < later.task_id for earlier, later in itertools.pairwise(children))


def test_the_record_of_the_service_is_not_changed(empty: Library) -> None:
    request = {"prompt": "an edit", "image": ["data:image/png;base64,…", link_of(1)]}
    record = record_of(2, request=request)
    empty.keep([task_of(1), task_of(2, request=request)])
    found = empty.find(name_of(2))[name_of(2)]
    assert (found.raw, found.request) == (record, request)


# Reference images that were sent


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def keep_others(library: Library) -> None:
    for number in range(2, 6):
        library.keep_image(task_of(number).images[0], noise(64, 64, seed=number))


def test_sent_images_make_room_for_others_and_are_not_missed(tmp_path: Path) -> None:
    sent = noise(64, 64, seed=1)
    with Library(tmp_path / "library", budget=3 * len(sent)) as library:
        library.keep_sent(sent)
        library.keep(task_of(1, request={"prompt": "an edit", "image": "data:image/jpeg;base64,…"}))
        with library._database.writing() as connection:
            add_sent_images(connection, name_of(1), [SentImage(digest=digest_of(sent))])
        with pytest.warns(LibraryWarning, match="exceeded its budget"):
            keep_others(library)
        assert library.find_content(digest_of(sent)) is None
        assert library.verify().is_sound
        # Its checksum is still known, for whoever has the file.
        assert library.portable_request(name_of(1))["image"] == [{"sha256": digest_of(sent)}]
        with SeedreamClient("a-token", "https://api.example", library=library) as client:
            with pytest.raises(UsageError, match="The reference image of 00000000 is not kept on this machine"):
                client.request_of(name_of(1))
            assert client.request_of(name_of(1), image=sent).image == sent


def test_a_result_that_was_sent_before_stays(tmp_path: Path) -> None:
    content = noise(64, 64, seed=1)
    inline = TaskImage(name_of(1), data=content)
    with Library(tmp_path / "library", budget=2 * len(content)) as library:
        library.keep_sent(content)
        library.keep(dataclasses.replace(task_of(1), images=(inline,), raw={}))
        with pytest.warns(LibraryWarning, match="exceeded its budget"):
            keep_others(library)
        assert library.original(library.find(name_of(1))[name_of(1)].images[0]) == content
        assert library.verify().is_sound


def test_removing_a_task_removes_what_was_sent_with_it_alone(client: SeedreamClient) -> None:
    library = client.cache.open()
    shared, own = plain(30, 20), plain(20, 30)
    first = client.edit([shared, own], "first", wait=True)
    client.edit(shared, "second", wait=True)
    library.remove(first)
    assert library.find_content(digest_of(own)) is None
    assert library.find_content(digest_of(shared)) == shared
