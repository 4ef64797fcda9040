"""Where the library is, and on what kind of file system."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from seedream_nb.core.errors import LibraryError, SettingsError
from seedream_nb.library import Library, opening
from seedream_nb.library.location import resolve_location
from seedream_nb.library.opening import is_shared
from tests.library.tasks import task_of


def test_an_argument_beats_the_environment_which_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "env"))
    assert resolve_location(tmp_path / "own") == tmp_path / "own"
    assert resolve_location() == tmp_path / "env"
    assert resolve_location("") == tmp_path / "env"
    monkeypatch.delenv("SEEDREAM_LIBRARY")
    usual = resolve_location()
    assert usual is not None
    assert (usual.is_absolute(), usual.name, usual.parent.name) == (True, "library", "seedream_nb")


def test_paths_are_expanded_as_in_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_location(" ~/images ") == Path.home() / "images"
    assert resolve_location("here") == Path.cwd() / "here"
    monkeypatch.setenv("SEEDREAM_LIBRARY", "there")
    assert resolve_location() == Path.cwd() / "there"


@pytest.mark.parametrize("word", ["off", "OFF", " Off "])
def test_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_location(word) is None
    monkeypatch.setenv("SEEDREAM_LIBRARY", word)
    assert resolve_location() is None
    monkeypatch.setenv("SEEDREAM_LIBRARY", "here")
    assert resolve_location("off") is None
    with pytest.raises(LibraryError, match="turned off"):
        Library(word)


@pytest.mark.parametrize("text", ["~nobody-of-this-name/x", "a\0b", "\ud800"])
def test_invalid_folder_names_are_rejected(text: str) -> None:
    with pytest.raises(SettingsError, match="cannot be used"):
        resolve_location(text)


@pytest.mark.parametrize("name", ["with space", "ünïcödé 字", "a?b#c%20d&mode=ro", "it's"])
def test_any_valid_folder_name_works(tmp_path: Path, name: str) -> None:
    with Library(tmp_path / name) as library:
        library.keep(task_of())
    assert (tmp_path / name / "library.sqlite").is_file()
    with Library(tmp_path / name, read_only=True) as library:
        assert len(library) == 1


MOUNTS = r"""
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/local xfs rw 0 0
//box/share /mnt/my\040share cifs rw 0 0
sshfs /mnt/remote fuse.sshfs rw 0 0
disk /mnt/windows fuseblk rw 0 0
host /mnt/host virtiofs rw 0 0
old /mnt/over nfs rw 0 0
new /mnt/over tmpfs rw 0 0
odd

"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/var/x", False),
        ("/home/me/library", True),
        ("/home", True),
        ("/homes/me", False),
        ("/home/local/me", False),
        ("/mnt/my share/x", True),
        ("/mnt/remote", True),
        ("/mnt/windows", False),
        ("/mnt/host/x", True),
        ("/mnt/over/x", False),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="these are its paths")
def test_which_folders_other_machines_may_write_to(tmp_path: Path, folder: str, expected: bool) -> None:  # noqa: FBT001  a table's column
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert is_shared(Path(folder), mounts) == expected


def test_an_unknown_file_system_counts_as_local(tmp_path: Path) -> None:
    assert not is_shared(tmp_path, tmp_path / "no-such-file")
    assert is_shared(Path(r"\\server\share\library"), tmp_path / "no-such-file")


def mode_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize(("kind", "mode"), [("ext4", "wal"), ("nfs4", "delete")])
def test_a_log_is_used_only_on_local_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nx {tmp_path} {kind} rw 0 0\n", encoding="utf-8")
    monkeypatch.setattr(opening, "is_shared", lambda folder: is_shared(folder, mounts))
    for start in ("new", "known"):
        with Library(tmp_path / "library") as library:
            library.keep(task_of(prompt=start, images=1 if start == "new" else 2))
            assert [task.prompt for task in library] == [start]
    assert mode_of(tmp_path / "library") == mode


def test_a_library_moved_to_a_shared_folder_stops_using_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library(tmp_path / "library") as library:
        library.keep(task_of())
    assert mode_of(tmp_path / "library") == "wal"
    monkeypatch.setattr(opening, "is_shared", lambda _folder: True)
    with Library(tmp_path / "library") as library:
        assert len(library) == 1
    assert mode_of(tmp_path / "library") == "delete"


def test_the_budget_is_an_argument_or_the_environments_or_five_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def budget_of(budget: int | None = None) -> int:
        with Library(tmp_path / "library", budget=budget) as library:
            return library.info().budget

    assert budget_of() == 5_000_000_000
    monkeypatch.setenv("SEEDREAM_LIBRARY_BUDGET", " 20 GB ")
    assert budget_of() == 20_000_000_000
    assert budget_of(7) == 7
    monkeypatch.setenv("SEEDREAM_LIBRARY_BUDGET", "lots")
    with pytest.raises(SettingsError, match="SEEDREAM_LIBRARY_BUDGET: 'lots' is not a valid size"):
        budget_of()
