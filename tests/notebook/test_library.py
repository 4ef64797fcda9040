"""`%seedream library`: search, mark, maintain, export and import, without any service."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, TaskStatus
from seedream_nb.core.errors import InvalidTaskIdError, LibraryError, NetworkError, TaskNotFoundError, UsageError
from seedream_nb.notebook.commands import HelpArguments, parse
from tests.notebook.running import SMALL, UNKNOWN, offered, run, run_gallery, seen, without_options

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


def add(service: Sandbox, prompt: str, **details: object) -> str:
    return service.add_task(prompt, size="64x64", **details)  # type: ignore[arg-type]  # as the sandbox takes them


def prompts(gallery: Gallery) -> list[str]:
    return [task.prompt for task in gallery]


def questions(service: Sandbox) -> int:
    return len(service.requests.of_kind("tasks"))


def downloads(service: Sandbox) -> int:
    return len(service.requests.of_kind("downloads"))


def test_another_library_takes_effect_at_once(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / name))
        assert str(tmp_path / name) in str(run(shell, "%seedream library"))


class TestGet:
    def test_stored_tasks_need_no_request(self, shell: InteractiveShell, service: Sandbox) -> None:
        ids = [add(service, "a cat"), add(service, "a dog")]
        first = seen(run_gallery(shell, f"%seedream get {' '.join(ids)}"))
        asked, fetched = questions(service), downloads(service)
        again = seen(run_gallery(shell, f"%seedream get {' '.join(ids)}"))
        assert again == first
        assert (questions(service), downloads(service)) == (asked, fetched)

    def test_refresh_queries_the_service(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = add(service, "a cat")
        run(shell, f"%seedream get {task_id}")
        asked = questions(service)
        run(shell, f"%seedream get {task_id} --refresh")
        assert questions(service) == asked + 1

    def test_an_unfinished_task_is_requested_again(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = add(service, "slow", ready_in=3600)
        run(shell, f"%seedream get {task_id}")
        asked = questions(service)
        run(shell, f"%seedream get {task_id}")
        assert questions(service) == asked + 1

    def test_offline_stored_tasks_are_shown_and_the_others_named(
        self, shell: InteractiveShell, service: Sandbox
    ) -> None:
        kept, missing = add(service, "a cat"), add(service, "a dog")
        first = seen(run_gallery(shell, f"%seedream get {kept}"))
        with (
            service.faults.during("drop", on="tasks"),
            pytest.raises(NetworkError, match=f"is offline. Could not retrieve 1 task: {missing}"),
        ):
            run(shell, f"%seedream get {kept} {missing}")
        gallery = shell.user_ns["_"]
        assert prompts(gallery) == ["a cat"]
        assert seen(gallery).tiles == first.tiles

    def test_generated_tasks_are_stored_with_their_images(self, shell: InteractiveShell, service: Sandbox) -> None:
        made = run_gallery(shell, f'%seedream generate "a cat" {SMALL}')
        asked, fetched = questions(service), downloads(service)
        again = run_gallery(shell, f"%seedream get {made[0].id}")
        assert again[0].images == made[0].images
        assert all(tile.embedded for tile in seen(again).tiles)
        assert (questions(service), downloads(service)) == (asked, fetched)


class TestInfoAndSearch:
    def test_info(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"%seedream get {add(service, 'a cat')}")
        text = repr(run(shell, "%seedream library"))
        assert "tasks      1 (" in text
        assert "originals  1 (" in text
        assert "of at most 5 GB" in text
        assert "temporary; deleted with the sandbox" in text

    def test_config_shows_the_location(
        self, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "kept"))
        assert f"library   {tmp_path / 'kept'}" in repr(run(shell, "%seedream config"))
        monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
        assert "library   off (from SEEDREAM_LIBRARY)" in repr(run(shell, "%seedream config"))

    def test_config_says_why_a_loopback_address_has_none(
        self, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", "http://127.0.0.1:9")
        why = "library   off for a service at a loopback address; set SEEDREAM_LIBRARY to a directory to turn it on"
        assert why in repr(run(shell, "%seedream config")).splitlines()
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "kept"))
        assert f"library   {tmp_path / 'kept'}" in repr(run(shell, "%seedream config")).splitlines()

    def test_search_finds_words_of_prompts(self, shell: InteractiveShell, service: Sandbox) -> None:
        ids = [add(service, "a white siamese cat"), add(service, "a dog"), add(service, "花园里的暹罗猫")]
        run(shell, f"%seedream get {' '.join(ids)} --embed links")
        asked = questions(service)
        assert prompts(run_gallery(shell, "%seedream library search siam --embed links")) == ["a white siamese cat"]
        assert prompts(run_gallery(shell, "%seedream library search 暹罗 --embed links")) == ["花园里的暹罗猫"]
        found = run_gallery(shell, '%seedream library search "white siamese" --out found --embed links')
        assert prompts(found) == ["a white siamese cat"]
        assert shell.user_ns["found"] is found
        assert questions(service) == asked

    def test_search_by_model_state_and_number(self, shell: InteractiveShell, service: Sandbox) -> None:
        ids = [
            add(service, "a cat", model="doubao-seedream-4-0-250828"),
            add(service, "a cat and a dog", model="doubao-seedream-4-5-251128"),
            add(service, "no cat", error=("api_error", "no")),
        ]
        run(shell, f"%seedream get {' '.join(ids)} --embed links")
        search = "%seedream library search cat --embed links"
        assert prompts(run_gallery(shell, f"{search} --model 4.5")) == ["a cat and a dog"]
        assert [task.status for task in run_gallery(shell, f"{search} --failed")] == [TaskStatus.FAILED]
        assert len(run_gallery(shell, f"{search} --limit 2")) == 2
        assert len(run_gallery(shell, f"{search} --since 1h")) == 3

    def test_no_matches_give_a_notice_and_an_empty_variable(self, shell: InteractiveShell, service: Sandbox) -> None:
        assert repr(run(shell, "%seedream library search cat")) == "The library is empty."
        run(shell, f"%seedream get {add(service, 'a dog')} --out found --embed links")
        assert repr(run(shell, "%seedream library search cat --out found")) == "No matches among 1 task."
        assert list(shell.user_ns["found"]) == []

    def test_show_returns_the_newest_or_the_given_ids(self, shell: InteractiveShell, service: Sandbox) -> None:
        old, new = add(service, "old", created_at=1_700_000_000), add(service, "new")
        run(shell, f"%seedream get {old} {new} --embed links")
        assert prompts(run_gallery(shell, "%seedream library show --embed links")) == ["new", "old"]
        assert prompts(run_gallery(shell, "%seedream library show --limit 1 --embed links")) == ["new"]
        named = run_gallery(shell, f"%seedream library show {old} {UNKNOWN} --embed links")
        assert [task.status for task in named] == [TaskStatus.SUCCEEDED, TaskStatus.NOT_FOUND]
        with pytest.raises(TaskNotFoundError, match="not found in the library"):
            run(shell, f"%seedream library show {UNKNOWN}")


class TestMarking:
    @pytest.fixture
    def cat(self, shell: InteractiveShell, service: Sandbox) -> str:
        dog, cat = add(service, "a dog"), add(service, "a cat")
        run(shell, f"%seedream get {dog} --embed links")
        run(shell, f"%seedream get {cat} --embed links")
        return cat

    def test_tags(self, shell: InteractiveShell, cat: str) -> None:
        assert repr(run(shell, f"%seedream library tag winter {cat}")) == "Tagged 1 task with 'winter'."
        assert prompts(run_gallery(shell, "%seedream library search --tag winter --embed links")) == ["a cat"]
        assert repr(run(shell, f"%seedream library untag winter {cat}")) == "Removed the tag 'winter' from 1 task."
        assert "No matches" in repr(run(shell, "%seedream library search --tag winter --embed links"))

    def test_without_ids_it_marks_the_last_result(self, shell: InteractiveShell, cat: str) -> None:
        run(shell, "%seedream library tag best")
        assert [task.id for task in run_gallery(shell, "%seedream library search --tag best --embed links")] == [cat]

    def test_ratings(self, shell: InteractiveShell, cat: str) -> None:
        assert repr(run(shell, f"%seedream library rate 4 {cat}")) == "Rated 1 task ★★★★."
        assert prompts(run_gallery(shell, "%seedream library search --rating 4 --embed links")) == ["a cat"]
        assert "No matches" in repr(run(shell, "%seedream library search --rating 5"))
        assert repr(run(shell, f"%seedream library rate 0 {cat}")) == "Removed the rating of 1 task."
        assert "No matches" in repr(run(shell, "%seedream library search --rating 1"))

    def test_notes_are_found(self, shell: InteractiveShell, cat: str) -> None:
        run(shell, f'%seedream library note "for the calendar" {cat}')
        assert prompts(run_gallery(shell, "%seedream library search calendar --embed links")) == ["a cat"]

    def test_single_images(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = add(service, "a set", images=2)
        run(shell, f"%seedream get {task_id} --embed links --out shots")
        assert repr(run(shell, "%seedream library rate 5 shots.images[1]")) == "Rated 1 image ★★★★★."
        assert (
            repr(run(shell, f"%seedream library tag x shots.images {task_id}"))
            == "Tagged 1 task and 2 images with 'x'."
        )
        found = run_gallery(shell, "%seedream library search --rating 5 --embed links")
        assert [image.index for image in found.images] == [1]
        # What a result shows is what is marked.
        assert repr(run(shell, "%seedream library reject")) == "Rejected 1 task."
        shown = run_gallery(shell, "%seedream library search --no-rejected --embed links")
        assert [image.index for image in shown.images] == [0]
        rejected = run_gallery(shell, "%seedream library search --rejected --embed links")
        assert [image.index for image in rejected.images] == [1]
        assert repr(run(shell, f"%seedream library unreject {task_id}")) == "Removed the rejection of 1 task."

    def test_the_best_come_first(self, shell: InteractiveShell, cat: str) -> None:
        run(shell, f"%seedream library rate 3 {cat}")
        run(shell, "%seedream library search dog --embed links")
        run(shell, "%seedream library rate 5")
        found = run_gallery(shell, "%seedream library search --sort rating --embed links")
        assert prompts(found) == ["a dog", "a cat"]

    def test_all_tags(self, shell: InteractiveShell, cat: str) -> None:
        assert repr(run(shell, "%seedream library tags")) == "The library has no tags."
        run(shell, f'%seedream library tag "to print" {cat}')
        assert repr(run(shell, "%seedream library tags")) == "to print  1 task"

    def test_collections(self, shell: InteractiveShell, cat: str) -> None:
        assert "--save-search NAME" in repr(run(shell, "%seedream library collections"))
        run(shell, f"%seedream library tag winter {cat}")
        saved = '%seedream library search cat --tag winter --sort rating --save-search "best cats" --embed links'
        assert prompts(run_gallery(shell, saved)) == ["a cat"]
        assert repr(run(shell, "%seedream library collections")) == "best cats  cat --sort rating --tag winter"
        search = '%seedream library search --collection "best cats" --embed links'
        assert prompts(run_gallery(shell, search)) == ["a cat"]
        assert without_options(offered(shell, "%seedream library search --collection ")) == {
            '"best cats"': "collection"
        }
        removed = run(shell, '%seedream library collections --remove "best cats"')
        assert repr(removed) == "Removed the collection 'best cats'; its images stay."
        with pytest.raises(UsageError, match="There is no collection 'best cats'"):
            run(shell, search)

    def test_nothing_to_mark(self, shell: InteractiveShell, service: Sandbox) -> None:
        del service
        with pytest.raises(UsageError, match="no result in this kernel"):
            run(shell, "%seedream library tag winter")

    def test_a_task_outside_the_library_cannot_be_marked(self, shell: InteractiveShell, cat: str) -> None:
        del cat
        with pytest.raises(UsageError, match=UNKNOWN):
            run(shell, f"%seedream library tag winter {UNKNOWN}")


class TestMaintenance:
    def answer(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
        asked: list[str] = []

        def reply(question: str = "") -> str:
            asked.append(question)
            return answer

        monkeypatch.setattr(builtins, "input", reply)
        return asked

    @pytest.mark.parametrize(("answer", "left"), [("n", 1), ("", 1), ("y", 0), ("Yes", 0)])
    def test_remove_prompts_and_reports_the_freed_space(
        self, shell: InteractiveShell, service: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
    ) -> None:
        task_id = add(service, "a cat")
        run(shell, f"%seedream get {task_id}")
        asked = self.answer(monkeypatch, answer)
        said = repr(run(shell, f"%seedream library remove {task_id}"))
        (question,) = asked
        assert question.startswith("Remove 1 task and 1 original from this machine? This frees ")
        assert ("freed" in said) is (left == 0)
        assert f"tasks      {left} (" in repr(run(shell, "%seedream library"))

    def test_an_unattended_run_needs_yes(
        self, shell: InteractiveShell, service: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task_id = add(service, "a cat")
        run(shell, f"%seedream get {task_id}")

        def nobody(_question: str = "") -> str:
            raise EOFError

        monkeypatch.setattr(builtins, "input", nobody)
        with pytest.raises(UsageError, match="--yes"):
            run(shell, f"%seedream library remove {task_id}")
        assert "Removed" in repr(run(shell, f"%seedream library remove {task_id} --yes"))

    def test_prune_keeps_marked_tasks(self, shell: InteractiveShell, service: Sandbox) -> None:
        ids = [add(service, prompt, created_at=1_700_000_000) for prompt in ("old", "old but good")] + [
            add(service, "new")
        ]
        run(shell, f"%seedream get {' '.join(ids)} --embed links")
        run(shell, f"%seedream library tag good {ids[1]}")
        assert "1 task" in repr(run(shell, "%seedream library prune --older 30d --yes"))
        assert prompts(run_gallery(shell, "%seedream library show --embed links")) == ["new", "old but good"]
        assert repr(run(shell, "%seedream library prune --older 30d --yes")) == "Nothing to remove."

    def test_prune_removes_large_originals_but_no_records(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = service.add_task("large", size="1024x1024")
        run(shell, f"%seedream get {task_id}")
        run(shell, "%seedream library prune --larger 1kb --yes")
        text = repr(run(shell, "%seedream library"))
        assert "tasks      1 (" in text
        assert "originals  0 (" in text

    def test_verify(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"%seedream get {add(service, 'a cat')}")
        assert repr(run(shell, "%seedream library verify")) == "No problems found: 1 record and 1 original are intact."


class TestExportAndImport:
    @pytest.mark.parametrize("name", ["kept", "kept.zip"])
    def test_export_and_import(self, shell: InteractiveShell, service: Sandbox, name: str) -> None:
        task_id = add(service, "a cat")
        run(shell, f"%seedream get {task_id}")
        run(shell, f"%seedream library tag winter {task_id}")
        assert "1 task" in repr(run(shell, f"%seedream library export {name}"))
        run(shell, f"%seedream library remove {task_id} --yes")
        assert repr(run(shell, "%seedream library show")) == "The library is empty."
        assert repr(run(shell, f"%seedream library import {name}")) == "1 new task and 1 new original."
        fetched = downloads(service)
        gallery = run_gallery(shell, "%seedream library search --tag winter")
        assert all(tile.embedded for tile in seen(gallery).tiles)
        assert downloads(service) == fetched

    def test_existing_files_are_not_overwritten(
        self, shell: InteractiveShell, service: Sandbox, tmp_path: Path
    ) -> None:
        run(shell, f"%seedream get {add(service, 'a cat')}")
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("mine")
        with pytest.raises(UsageError):
            run(shell, f"%seedream library export {tmp_path / 'mine'}")
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


class TestOff:
    def test_it_says_so(self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
        with pytest.raises(LibraryError, match="turned off"):
            run(shell, "%seedream library")


class TestLine:
    def test_a_typo_gets_a_suggestion(self) -> None:
        with pytest.raises(UsageError, match="'library serach'") as caught:
            parse("library serach cat")
        assert caught.value.hint == "Did you mean %seedream library search?"

    @pytest.mark.parametrize(
        "line",
        [
            "library search --limit 0",
            "library search --rating 6",
            "library rate six",
            "library rate 6",
            "library prune",
            "library prune --larger lots",
            "library prune --older someday",
            "library remove",
            "library export",
            "library tag",
        ],
    )
    def test_a_mistake_has_a_one_line_message(self, line: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse(line)
        assert caught.value.hint
        assert "\n" not in caught.value.message

    def test_the_message_names_what_is_required_alone(self) -> None:
        with pytest.raises(UsageError, match=r"required: TARGET\."):
            parse("library export")

    def test_the_message_names_an_invalid_id(self) -> None:
        with pytest.raises(InvalidTaskIdError, match="'winter'"):
            parse("library remove winter")

    def test_help_lists_its_commands(self) -> None:
        parsed = parse("library --help")
        assert isinstance(parsed, HelpArguments)
        assert all(word in parsed.text for word in ("search", "prune", "import"))
        parsed = parse("library search --help")
        assert isinstance(parsed, HelpArguments)
        assert "--model" in parsed.text
