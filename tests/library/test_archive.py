"""An export is imported unchanged except for private data, and a foreign archive spoils nothing."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import random
import shutil
import tracemalloc
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import read_mapping
from seedream_nb.library import Library, records
from seedream_nb.library.archive import MANIFEST, FolderArchive, ZipArchive
from seedream_nb.library.files import digest_of
from seedream_nb.library.importing import Imported
from seedream_nb.library.marks import Marks
from seedream_nb.protocol.responses import read_task
from tests.examples import examples
from tests.library.conftest import CAT, EDIT, EVERY, INLINE, KITE, LONG_AGO, ORIGINALS, REFUSED, ROOF
from tests.library.tasks import task_of
from tests.sample_images import noise, plain

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Sandbox, SeedreamClient
    from seedream_nb.core.models import Task
    from tests.library.conftest import Filled

PRIVATE = ("api_id", "application_id", "credential_id", "user_id", "trace_id", "callback_url", "_id")
FORMS = ("export", "export.zip")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def unpacked(place: Path) -> dict[str, bytes]:
    """The files of an export, by name."""
    if place.is_dir():
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if not path.is_dir()}
    with zipfile.ZipFile(place) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def pack(place: Path, files: dict[str, bytes]) -> Path:
    """A zip, or a folder, with these files."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as opened:
            for name, content in files.items():
                opened.writestr(name, content)
        return place
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def manifest(**changes: object) -> dict[str, bytes]:
    return {MANIFEST: json.dumps({"format": "seedream-library", "version": 1, **changes}).encode()}


def record_of(task_id: str, *links: str) -> dict[str, Any]:
    data = [{"prompt": "a foreign heron", "image_url": link} for link in links]
    return {"id": task_id, "finished_at": 2.0, "created_at": 1.0, "response": {"success": True, "data": data}}


def foreign(task_id: str = "a-task", original: bytes | None = None, **changes: object) -> dict[str, bytes]:
    """An export of one task with one image, with something changed."""
    content = plain() if original is None else original
    digest = digest_of(content)
    link = f"https://x.example/{digest}.png"
    document: dict[str, Any] = {
        "task_id": task_id,
        "record": record_of(task_id, link),
        "request": None,
        "marks": {"tags": ["bird"], "rating": 4, "note": "grey"},
        "pictures": [{"link": link, "digest": digest}],
    }
    return {
        **manifest(),
        "tasks/a-task.json": json.dumps({**document, **changes}).encode(),
        f"originals/{digest}.png": content,
    }


def facts_of(task: Task) -> dict[str, Any]:
    """What an export preserves of a task."""
    facts = dataclasses.asdict(task) | {"raw": None, "trace_id": None, "library": None}
    for image in facts["images"]:
        image |= {"raw": None, "library": None}
    return facts


# Round trips.


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_library_is_imported_unchanged(filled: Filled, empty: Library, tmp_path: Path, form: str) -> None:
    library = filled.library
    library.tag([CAT, ROOF], "favourite", "猫")
    library.rate(KITE, 5)
    library.note(INLINE, "by the sea")
    exported = library.export(tmp_path / form)
    assert (exported.tasks, exported.originals, exported.missing) == (len(EVERY), ORIGINALS, 0)
    assert exported.size == sum(map(len, filled.originals().values()))
    assert str(exported).startswith("6 tasks and 6 originals (")
    assert str(exported).endswith(f"in {tmp_path / form}")
    assert empty.import_from(tmp_path / form) == Imported(tasks=len(EVERY), improved=0, known=0, originals=ORIGINALS)
    theirs, ours = library.find(EVERY), empty.find(EVERY)
    for task_id in EVERY:
        assert facts_of(ours[task_id]) == facts_of(theirs[task_id])
        assert empty.marks(task_id) == library.marks(task_id)
        for image, other in zip(theirs[task_id].good_images, ours[task_id].good_images, strict=True):
            assert empty.original(other) == library.original(image) != None  # noqa: E711  all three
    for words in ("siamese", "暹罗", "favourite", "sea harbour"):
        assert [task.id for task in empty.search(words)] == [task.id for task in library.search(words)] != []
    assert [task.id for task in empty] == [task.id for task in library]
    assert empty.verify().is_sound


@pytest.mark.parametrize("form", FORMS)
def test_an_export_does_not_identify_the_user(
    sandbox: Sandbox, client: SeedreamClient, empty: Library, tmp_path: Path, form: str
) -> None:
    task_id = sandbox.add_task("a stork", request={"callback_url": "https://me.example/secret"})
    task = client.retrieve(task_id)
    empty.keep(task)
    secrets = [
        str(value) for key, value in {**task.raw, **read_mapping(task.raw["response"])}.items() if key in PRIVATE
    ]
    assert len(secrets) > 4
    empty.note(task_id, f"asked by {task.raw['user_id']}")
    empty.export(tmp_path / form)
    text = b"\n".join(unpacked(tmp_path / form).values()).decode()
    assert task_id in text
    assert [secret for secret in (*secrets, "me.example") if secret in text] == []
    assert [key for key in PRIVATE if f'"{key}"' in text] == []


def test_an_export_consists_of_plain_files(filled: Filled, tmp_path: Path) -> None:
    filled.library.export(tmp_path / "export", [KITE])
    files = unpacked(tmp_path / "export")
    assert json.loads(files.pop(MANIFEST)) == {"format": "seedream-library", "version": 1, "tasks": 1, "originals": 1}
    document = json.loads(files.pop(f"tasks/{KITE}.json"))
    assert document["task_id"] == document["record"]["id"] == KITE
    assert document["marks"] == {"tags": [], "rating": None, "note": ""}
    ((name, content),) = files.items()
    assert name == f"originals/{digest_of(content)}.png"
    assert content == filled.original_of(KITE)


def test_the_same_library_gives_the_same_zip(filled: Filled, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        filled.library.export(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_reference_image_of_an_edit_is_exported_too(filled: Filled, empty: Library, tmp_path: Path) -> None:
    filled.library.export(tmp_path / "e.zip", EDIT)
    assert empty.import_from(tmp_path / "e.zip").originals == 2
    kite = filled.library.find([KITE])[KITE].images[0]
    assert empty.original(dataclasses.replace(kite, task_id="")) == filled.original_of(KITE)


def test_missing_originals_are_counted(filled: Filled, empty: Library, tmp_path: Path) -> None:
    filled.path_of(CAT).write_bytes(b"damaged")
    filled.library.prune(larger=len(filled.original_of(KITE) or b"") - 1)
    exported = filled.library.export(tmp_path / "e.zip")
    kept = len(unpacked(tmp_path / "e.zip")) - len(EVERY) - 1
    assert (exported.originals, exported.missing) == (kept, ORIGINALS - kept)
    assert f"{ORIGINALS - kept} originals not stored" in str(exported)
    assert empty.import_from(tmp_path / "e.zip").tasks == len(EVERY)


def test_ids_that_are_not_valid_file_names(empty: Library, tmp_path: Path) -> None:
    odd = ["../../etc/passwd", "con", "a/b", "ü" * 150, "x" * 190]
    for number, task_id in enumerate(odd):
        pack(tmp_path / "p.zip", foreign(task_id, noise(20, 20, number)))
        assert empty.import_from(tmp_path / "p.zip").tasks == 1
    empty.export(tmp_path / "out")
    assert len(list((tmp_path / "out" / "tasks").iterdir())) == len(odd)
    with Library(tmp_path / "other") as other:
        other.import_from(tmp_path / "out")
        assert sorted(task.id for task in other) == sorted(odd)


# Export targets.


@pytest.mark.parametrize("form", FORMS)
def test_only_an_earlier_export_is_replaced(filled: Filled, tmp_path: Path, form: str) -> None:
    target = tmp_path / form
    filled.library.export(target)
    filled.library.export(target, KITE)
    assert len(unpacked(target)) == 3
    files = {**unpacked(target), "my-thesis.txt": b"years of work"}
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    pack(target, files)
    with pytest.raises(UsageError, match="is not an export"):
        filled.library.export(target)
    assert unpacked(target) == files
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_existing_file_or_folder_is_left_alone(filled: Filled, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "file.zip").write_text("text")
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "file.zip", "folder.zip", "link"):
        with pytest.raises(UsageError, match="already exists"):
            filled.library.export(tmp_path / name)
    assert (tmp_path / "file").read_text() == (tmp_path / "file.zip").read_text() == "text"
    (tmp_path / "empty-folder").mkdir()
    assert filled.library.export(tmp_path / "empty-folder").tasks == len(EVERY)


def test_an_unwritable_target_is_reported(filled: Filled, tmp_path: Path) -> None:
    for place in (tmp_path / "no" / "such" / "folder", tmp_path / "no" / "e.zip", "bad\0name", "~nobody-here/x"):
        with pytest.raises(UsageError):
            filled.library.export(place)


def test_a_failed_export_leaves_the_earlier_one(filled: Filled, tmp_path: Path) -> None:
    filled.library.export(tmp_path / "e.zip")
    before = (tmp_path / "e.zip").read_bytes()
    with pytest.raises(UsageError, match="unknown"):
        filled.library.export(tmp_path / "e.zip", ["unknown"])
    assert (tmp_path / "e.zip").read_bytes() == before


def test_an_export_misses_no_task_of_which_another_kernel_learns_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks are ordered by the time of their creation, or else by that of storing them."""
    monkeypatch.setattr(records, "PAGE", 10)
    write = FolderArchive.write
    with Library(tmp_path / "library") as mine, Library(tmp_path / "library") as theirs:
        mine.keep([task_of(number, created_at=None) for number in range(30)])

        def keep_and_write(archive: FolderArchive, name: str, content: bytes) -> None:
            theirs.keep([task_of(number) for number in range(30)])
            write(archive, name, content)

        monkeypatch.setattr(FolderArchive, "write", keep_and_write)
        assert mine.export(tmp_path / "export").tasks == 30
    assert len(list((tmp_path / "export" / "tasks").iterdir())) == 30


# Merging.


def test_known_tasks_stay_and_marks_are_merged(filled: Filled, tmp_path: Path) -> None:
    library = filled.library
    library.export(tmp_path / "e.zip")
    library.tag(CAT, "mine")
    library.rate(CAT, 2)
    library.note(CAT, "my note")
    with Library(tmp_path / "other") as other:
        other.import_from(tmp_path / "e.zip")
        other.tag([CAT, KITE], "theirs", "MINE")
        other.rate([CAT, KITE], 5)
        other.note([CAT, KITE], "their note")
        other.export(tmp_path / "back.zip")
    before = library.find([CAT])[CAT]
    for _again in range(2):
        assert str(library.import_from(tmp_path / "back.zip")) == "0 new tasks and 0 new originals; 6 already known."
        assert library.marks(CAT) == Marks(("mine", "theirs"), 2, "my note\ntheir note")
        assert library.marks(KITE) == Marks(("mine", "theirs"), 5, "their note")
    assert library.find([CAT])[CAT].raw == before.raw
    assert [task.id for task in library.search("their note theirs")] == [CAT, KITE]


def test_a_known_record_keeps_its_text_and_links_and_gets_only_the_images_it_lacks(
    filled: Filled, tmp_path: Path
) -> None:
    library = filled.library
    library.rate(CAT, 5)
    before = library.find([CAT])[CAT]
    links = [f"https://x.example/{number}.jpg" for number in range(4)]
    pack(tmp_path / "p.zip", foreign(CAT, record=record_of(CAT, *links[:1])))
    assert library.import_from(tmp_path / "p.zip").known == 1
    assert library.find([CAT])[CAT] == before
    content = plain(color="#00ff00")
    pictures = [{"link": link, "digest": digest_of(content)} for link in links]
    files = foreign(CAT, content, record=record_of(CAT, *links[:3]), pictures=pictures)
    assert library.import_from(pack(tmp_path / "q.zip", files)).improved == 1
    after = library.find([CAT])[CAT]
    assert after.images[:2] == before.images
    assert [image.url for image in after.images[2:]] == links[2:3]
    assert dataclasses.replace(after, images=before.images) == before
    assert [filled.original_of(CAT, place) for place in range(3)] == [
        *(library.original(image) for image in before.images),
        content,
    ]
    assert [task.id for task in library.search("siamese")] == [CAT]
    assert library.import_from(tmp_path / "q.zip").known == 1
    assert library.find([CAT])[CAT] == after


def test_a_missing_inline_image_is_added_to_a_known_record(filled: Filled, tmp_path: Path) -> None:
    library, content = filled.library, plain(color="#0000ff")
    before = library.find([INLINE])[INLINE]
    data = [{"prompt": "mine, too"}, {"b64_json": f"kept-in-library:{digest_of(content)}"}]
    record = {"id": INLINE, "finished_at": 2.0, "response": {"success": True, "data": data}}
    report = library.import_from(pack(tmp_path / "p.zip", foreign(INLINE, content, record=record, pictures=[])))
    assert (report.improved, report.originals) == (1, 1)
    after = library.find([INLINE])[INLINE]
    assert (after.images[0], after.images[1].data) == (before.images[0], content)
    assert library.verify().is_sound


def test_a_failed_record_gets_no_images(filled: Filled, tmp_path: Path) -> None:
    before = filled.library.find([REFUSED])
    files = foreign(REFUSED, record=record_of(REFUSED, "https://x.example/a.jpg"))
    assert filled.library.import_from(pack(tmp_path / "p.zip", files)).known == 1
    assert filled.library.find([REFUSED]) == before


@pytest.mark.parametrize("is_known_before", [True, False])
def test_a_foreign_image_is_never_found_by_place_alone(
    empty: Library,
    tmp_path: Path,
    is_known_before: bool,  # noqa: FBT001  both orders
) -> None:
    """Neither for a record that was here first, nor for one that the service returns later."""
    mine = read_task(record_of("a-task", "https://mine.example/a.png"), "")
    if is_known_before:
        empty.keep(mine)
    assert empty.import_from(pack(tmp_path / "p.zip", foreign())).originals == (0 if is_known_before else 1)
    empty.keep(dataclasses.replace(mine, raw={**mine.raw, "trace_id": "later"}))
    (image,) = empty.find(["a-task"])["a-task"].images
    assert image.url == "https://mine.example/a.png"
    assert empty.original(image) is None
    empty.keep_image(image, noise(50, 50))
    assert empty.original(image) == noise(50, 50)
    empty.remove("a-task")
    assert list(empty.location.glob("originals/??/*")) == []


def test_an_import_restores_my_own_image_under_its_place(filled: Filled, tmp_path: Path) -> None:
    """So that the service's next link for it leads to it as before."""
    library = filled.library
    library.export(tmp_path / "e.zip")
    image = library.find([KITE])[KITE].images[0]
    content = library.original(image)
    library.prune(larger=0)
    library.import_from(tmp_path / "e.zip")
    assert library.original(dataclasses.replace(image, url="https://renewed.example/kite.png")) == content != None  # noqa: E711  both


def test_originals_are_added_to_a_known_task(filled: Filled, tmp_path: Path) -> None:
    library = filled.library
    library.export(tmp_path / "e.zip")
    before = {task_id: filled.original_of(task_id) for task_id in (CAT, INLINE)}
    library.prune(larger=0)
    filled.path_of(INLINE).unlink()
    library.verify()
    report = library.import_from(tmp_path / "e.zip")
    assert (report.known, report.originals) == (len(EVERY), ORIGINALS)
    assert {task_id: filled.original_of(task_id) for task_id in before} == before
    assert library.verify().is_sound


def test_an_archive_cannot_replace_the_image_behind_a_known_link(filled: Filled, tmp_path: Path) -> None:
    before = filled.original_of(KITE)
    link = filled.library.find([KITE])[KITE].images[0].url or ""
    other = plain(color="#ff0000")
    pack(
        tmp_path / "p.zip",
        foreign("x", other, record=record_of("x", link), pictures=[{"link": link, "digest": digest_of(other)}]),
    )
    assert filled.library.import_from(tmp_path / "p.zip").originals == 0
    assert filled.original_of(KITE) == before


# Foreign archives.


@pytest.mark.parametrize("form", FORMS)
def test_a_valid_foreign_archive_is_imported(empty: Library, tmp_path: Path, form: str) -> None:
    """Ensures that each rejection below has one reason only."""
    assert empty.import_from(pack(tmp_path / form, foreign())) == Imported(1, 0, 0, 1)
    assert empty.marks("a-task") == Marks(("bird",), 4, "grey")
    assert empty.original(empty.find(["a-task"])["a-task"].images[0]) == plain()


def test_anything_but_an_export_is_rejected(empty: Library, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    places = {
        "nothing there": tmp_path / "nothing.zip",
        "no zip": tmp_path / "text.zip",
        "an empty folder": tmp_path,
        "another zip": pack(tmp_path / "other.zip", {"a.txt": b"text"}),
        "another format": pack(tmp_path / "format.zip", foreign() | manifest(format="else")),
        "no version": pack(tmp_path / "version.zip", foreign() | manifest(version="1")),
        "a later version": pack(tmp_path / "later.zip", foreign() | manifest(version=2)),
        "no JSON": pack(tmp_path / "json.zip", {**foreign(), MANIFEST: b"{"}),
    }
    for what, place in places.items():
        with pytest.raises(UsageError) as caught:
            empty.import_from(place)
        assert str(place) in caught.value.message, what
        assert "\n" not in caught.value.message
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"record": []}, "not a task"),
        ({"record": {"unknown": 1}}, "not a task"),
        ({"task_id": 7}, "not a task"),
        ({"task_id": "", "record": {"success": True, "data": [{"url": "https://x.example/a.jpg"}]}}, "not a task"),
        ({"record": record_of("x" * 201, "https://x.example/a.jpg")}, "not a task"),
        ({"request": "text"}, "not a task"),
        ({"record": {"id": "a-task", "created_at": 1.0}}, "not finished"),
        ({"record": {"id": "a-task", "deep": json.loads("[" * 60 + "]" * 60)}}, "nested too deeply"),
    ],
)
def test_a_file_without_a_finished_task_is_skipped(
    empty: Library, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    report = empty.import_from(pack(tmp_path / "p.zip", foreign(**changes)))  # type: ignore[arg-type]
    assert report == Imported(0, 0, 0, 0, ((reason, 1),))
    assert str(report).endswith(f"\n1 file skipped: 1 {reason}.")
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"{", "not JSON"), (b"\xff\xfe\x00", "not JSON"), (b"[" * 200_000, "not JSON"), (b" " * 8_000_001, "too large")],
)
def test_a_file_that_is_not_json_is_skipped(empty: Library, tmp_path: Path, content: bytes, reason: str) -> None:
    report = empty.import_from(pack(tmp_path / "p.zip", {**foreign(), "tasks/b.json": content}))
    assert (report.tasks, report.skipped) == (1, ((reason, 1),))


def test_altered_images_and_other_files_are_skipped(empty: Library, tmp_path: Path) -> None:
    page = b"<html>not an image</html>"
    report = empty.import_from(pack(tmp_path / "page.zip", foreign("page", page)))
    assert (report.tasks, report.originals, report.skipped) == (1, 0, (("not an image", 1),))
    files = foreign("altered")
    name = next(name for name in files if name.startswith("originals/"))
    report = empty.import_from(pack(tmp_path / "altered.zip", {**files, name: plain(color="#000000")}))
    assert (report.tasks, report.originals, report.skipped) == (1, 0, (("altered", 1),))
    assert list(empty.location.glob("originals/??/*")) == []


def test_fake_inline_images_do_not_replace_a_record(filled: Filled, tmp_path: Path) -> None:
    fakes = [b"not an image %d" % number for number in range(3)]
    data = [{"b64_json": f"kept-in-library:{digest_of(fake)}"} for fake in fakes]
    record = {"id": CAT, "finished_at": 2.0, "response": {"success": True, "data": data}}
    files = foreign(CAT, record=record, pictures=[])
    files |= {f"originals/{digest_of(fake)}.png": fake for fake in fakes}
    before = filled.library.find([CAT])
    report = filled.library.import_from(pack(tmp_path / "p.zip", files))
    assert (report.known, report.originals, report.skipped) == (1, 0, (("not an image", 3),))
    assert filled.library.find([CAT]) == before


@pytest.mark.parametrize("form", FORMS)
def test_paths_outside_the_archive_are_never_followed(empty: Library, tmp_path: Path, form: str) -> None:
    evil = ["../escaped.txt", "/absolute.txt", "tasks/../../x.json", "originals/../../y.png", "tasks\\..\\z.json"]
    files = foreign()
    if form.endswith(".zip"):
        files |= dict.fromkeys(evil, files["tasks/a-task.json"])
    before = set(tmp_path.rglob("*"))
    place = pack(tmp_path / form, files)
    if place.is_dir():
        secret = tmp_path / "secret.json"
        secret.write_bytes(foreign("stolen")["tasks/a-task.json"])
        (place / "tasks" / "b.json").symlink_to(secret)
        os.mkfifo(place / "tasks" / "c.json")
    report = empty.import_from(place)
    assert (report.tasks, len(empty)) == (1, 1)
    assert report.skipped == ((("not a regular file", 2),) if place.is_dir() else ())
    outside = set(tmp_path.rglob("*")) - before
    assert {path.relative_to(tmp_path).parts[0] for path in outside} <= {form, "empty", "secret.json"}


def test_a_zip_bomb_uses_little_memory(empty: Library, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        for name, content in foreign().items():
            opened.writestr(name, content)
        for name in ("tasks/bomb.json", f"originals/{'0' * 64}.png"):
            opened.writestr(name, bytes(80_000_000))
    tracemalloc.start()
    try:
        assert empty.import_from(bomb).skipped == (("too large", 1),)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_an_oversized_original_is_skipped(empty: Library, tmp_path: Path) -> None:
    files = foreign()
    name = next(name for name in files if name.startswith("originals/"))
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        for part in files:
            opened.writestr(part, bytes(50 * 1024 * 1024 + 1) if part == name else files[part])
    assert empty.import_from(tmp_path / "p.zip").skipped == (("too large", 1),)


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_rejected_as_a_whole(
    empty: Library, tmp_path: Path
) -> None:
    files = foreign()
    record = files["tasks/a-task.json"]
    files |= {f"tasks/{number}.json": record + b" " * 7_900_000 for number in range(5)}
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    with pytest.raises(UsageError, match=r"p\.zip .* unpacks to 39\.5 MB, .*; nothing was imported\.") as caught:
        empty.import_from(tmp_path / "p.zip")
    assert "\n" not in caught.value.message
    assert len(empty) == 0
    assert list(empty.location.glob("originals/??/*")) == []


def test_each_original_is_unpacked_a_few_times_at_most(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many links and records lead to it, whether it is wanted or not."""
    content = plain()
    digest = digest_of(content)
    links = [f"https://x.example/{number}.jpg" for number in range(50)]
    unwanted = {"id": REFUSED, "finished_at": 2.0, "response": {"data": [{"b64_json": f"kept-in-library:{digest}"}]}}
    document = {"task_id": REFUSED, "record": unwanted, "request": None}
    pictures = [{"link": link, "digest": digest} for link in links]
    files = foreign("z", content, record=record_of("z", *links), pictures=pictures)
    files["tasks/z.json"] = files.pop("tasks/a-task.json")
    files |= {f"tasks/a{number}.json": json.dumps(document).encode() for number in range(50)}
    unpacked_names: list[str] = []
    read = ZipArchive.read

    def count_and_read(archive: ZipArchive, name: str) -> bytes:
        unpacked_names.append(name)
        return read(archive, name)

    monkeypatch.setattr(ZipArchive, "read", count_and_read)
    report = filled.library.import_from(pack(tmp_path / "p.zip", files))
    assert (report.tasks, report.known, report.originals) == (1, 50, 1)
    assert 1 <= unpacked_names.count(f"originals/{digest}.png") <= 3
    images = filled.library.find(["z"])["z"].images
    assert [filled.library.original(image) for image in images] == [content] * len(links)


def test_unsupported_compression_is_skipped(empty: Library, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as opened:
        for name, content in foreign().items():
            method = zipfile.ZIP_LZMA if name.startswith("originals/") else zipfile.ZIP_STORED
            opened.writestr(name, content, method)
    assert empty.import_from(tmp_path / "p.zip").skipped == (("compressed in an unsupported way", 1),)


def test_invalid_marks_are_ignored(empty: Library, tmp_path: Path) -> None:
    marks = {"tags": ["good", "", 7, "x" * 101, None], "rating": 9, "note": ["no text"]}
    assert empty.import_from(pack(tmp_path / "p.zip", foreign(marks=marks))).tasks == 1
    assert empty.marks("a-task") == Marks(("good",), None, "")


def test_a_link_that_the_record_does_not_reference_is_ignored(empty: Library, tmp_path: Path) -> None:
    content = plain()
    pictures = [{"link": "https://bank.example/logo.png", "digest": digest_of(content)}]
    assert empty.import_from(pack(tmp_path / "p.zip", foreign(pictures=pictures))).originals == 0


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON, record=JSON, marks=JSON, pictures=JSON, request=JSON)
def test_any_json_is_imported_or_skipped(
    *,
    empty: Library,
    tmp_path: Path,
    document: object,
    record: Any,
    marks: object,
    pictures: object,
    request: object,
) -> None:
    files = foreign(record=record, marks=marks, pictures=pictures, request=request)
    mixed = {**record_of("mixed", "https://x.example/a.jpg"), **record} if isinstance(record, dict) else record
    files["tasks/b.json"] = json.dumps(document).encode()
    files["tasks/c.json"] = json.dumps({"task_id": "c", "record": mixed, "marks": marks, "pictures": pictures}).encode()
    report = empty.import_from(pack(tmp_path / "p.zip", files))
    assert report.tasks + report.known + report.improved + sum(n for _why, n in report.skipped) >= 3
    assert all(task.id for task in empty)
    assert empty.verify().is_sound


@settings(examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_a_damaged_zip_is_imported_in_part_or_rejected(empty: Library, tmp_path: Path, seed: int, cut: float) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in foreign().items():
            opened.writestr(name, content)
    damaged = bytearray(buffer.getvalue())
    chance = random.Random(seed)  # noqa: S311  no secret
    for _change in range(chance.randrange(1, 6)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    path = tmp_path / "p.zip"
    path.write_bytes(damaged[: int(len(damaged) * cut)] if chance.random() < 0.3 else damaged)
    with suppress(UsageError):
        empty.import_from(path)
    originals = {path.read_bytes() for path in empty.location.glob("originals/??/*")}
    assert originals <= {plain()}
    assert empty.verify().is_sound


def test_memory_holds_one_original_at_a_time(empty: Library, tmp_path: Path) -> None:
    contents = [noise(700, 700, seed) for seed in range(12)]
    most = 3 * max(map(len, contents)) + 1_000_000
    assert most < sum(map(len, contents)) / 2
    for number, content in enumerate(contents):
        empty.import_from(pack(tmp_path / "one.zip", foreign(f"task-{number}", content)))
    tracemalloc.start()
    try:
        assert empty.export(tmp_path / "all.zip").originals == len(contents)
        with Library(tmp_path / "other") as other:
            assert other.import_from(tmp_path / "all.zip").originals == len(contents)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_times_survive(filled: Filled, empty: Library, tmp_path: Path) -> None:
    filled.library.export(tmp_path / "e")
    empty.import_from(tmp_path / "e")
    created = empty.find([ROOF])[ROOF].created_at
    assert created is not None
    assert created.timestamp() == LONG_AGO
    assert [
        task.id for task in empty.search(since=created, until=filled.library.find([REFUSED])[REFUSED].created_at)
    ] == [*(INLINE, ROOF)]
