"""Tasks are given by ids, the first characters of ids, variables, and expressions, wherever a command takes tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from seedream_nb import Explorer, Gallery, Library, Task, TaskStatus
from seedream_nb.core.errors import InvalidTaskIdError, UsageError
from seedream_nb.notebook.commands import parse
from seedream_nb.notebook.template import no_variables
from tests.notebook.running import SMALL, paid, run, run_gallery
from tests.panels.support import keys_of

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"  # an example of the sandbox
TWINS = ("84d1544a-0000-4000-8000-000000000001", "84d1544a-0000-4000-8000-000000000002")


@pytest.fixture
def study(shell: InteractiveShell, service: Sandbox) -> Gallery:
    """A gallery of three finished tasks in the variable of this name; the second has two images."""
    ids = [service.add_task(name, size="64x64", images=1 + (name == "b")) for name in "abc"]
    return run_gallery(shell, f"%seedream get {' '.join(ids)} --embed links --out study")


def ids_of(value: object) -> list[str]:
    assert isinstance(value, (Gallery, tuple, list)), value
    return [task.id for task in value]


def library_of(shell: InteractiveShell) -> Library:
    library = shell.magics_manager.registry["SeedreamMagics"]._session.client.cache.library
    assert isinstance(library, Library)
    return library


def marked(shell: InteractiveShell, tag: str) -> list[str]:
    return sorted(ids_of(library_of(shell).search(tags=tag)))


class TestBeginnings:
    @pytest.mark.usefixtures("service")
    def test_an_example_of_the_sandbox_is_known(self, shell: InteractiveShell) -> None:
        for word in (CAT[:8], CAT[:8].upper(), CAT[:20], f'"{CAT[:8]}"', "{short}"):
            shell.user_ns["short"] = CAT[:8]
            assert ids_of(run(shell, f"%seedream get {word} --embed links")) == [CAT]

    def test_what_a_caption_shows_is_enough_everywhere(self, shell: InteractiveShell, study: Gallery) -> None:
        short = " ".join(task.id[:8] for task in study)
        for command in ("get", "wait", "library show"):
            assert ids_of(run(shell, f"%seedream {command} {short} --embed links")) == ids_of(study)
        for command in ("tag x", "untag y", "rate 4", "note fine"):
            run(shell, f"%seedream library {command} {short}")
        assert marked(shell, "x") == sorted(ids_of(study))
        panel = run(shell, f"%seedream explore {short}")
        assert isinstance(panel, Explorer)
        assert ids_of(panel.tasks) == ids_of(study)
        panel.close()
        assert "1 task" in repr(run(shell, f"%seedream library export some.zip {study[0].id[:8]}"))
        assert "Removed 3 tasks" in repr(run(shell, f"%seedream library remove {short} --yes"))

    def test_the_body_of_a_cell(self, shell: InteractiveShell, study: Gallery) -> None:
        body = "\n".join(f"{task.id[:8]}  # {task.prompt}" for task in study)
        assert ids_of(run(shell, f"%%seedream get --embed links\n{body}\nstudy[0]")) == [*ids_of(study), study[0].id]

    def test_a_task_in_progress_is_known_although_it_is_not_stored(
        self, shell: InteractiveShell, service: Sandbox
    ) -> None:
        task_id = service.add_task("slow", size="64x64", ready_in=3600)
        run(shell, f"%seedream get {task_id}")
        assert ids_of(run(shell, f"%seedream get {task_id[:8]}")) == [task_id]

    def test_several_are_listed_and_nothing_is_sent(self, shell: InteractiveShell, service: Sandbox) -> None:
        for task_id in TWINS:
            service.add_task(f"cat {task_id[-1]}", task_id=task_id, size="64x64")
        run(shell, f"%seedream get {' '.join(TWINS)} --embed links")
        service.requests.clear()
        with pytest.raises(InvalidTaskIdError, match="'84d1544a' is the beginning of several task ids") as caught:
            run(shell, "%seedream library tag x 84d1544a")
        assert CAT in caught.value.message  # known to this kernel alone
        assert all(f"{task_id} (cat {task_id[-1]}, " in caught.value.message for task_id in TWINS)
        assert ids_of(run(shell, f"%seedream get {CAT[:10]} --embed links")) == [CAT]
        assert not marked(shell, "x")

    @pytest.mark.parametrize("command", ["get", "wait", "watch", "explore", "library show", "library tag x"])
    def test_none_says_where_it_was_looked_for(self, shell: InteractiveShell, service: Sandbox, command: str) -> None:
        with pytest.raises(InvalidTaskIdError) as caught:
            run(shell, f"%seedream {command} abcdef01")
        place = "this kernel or the library"
        assert caught.value.message == f"'abcdef01' is not the beginning of a task id known to {place}."
        assert len(service.requests) == 0

    def test_without_a_library_the_kernel_knows_what_it_has_shown(
        self, shell: InteractiveShell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
        with pytest.raises(InvalidTaskIdError, match=r"known to this kernel \(the library is turned off\)"):
            run(shell, f"%seedream get {CAT[:8]}")
        run(shell, f"%seedream get {CAT} --embed links")
        assert ids_of(run(shell, f"%seedream get {CAT[:8]} --embed links")) == [CAT]

    def test_a_read_only_library_is_looked_up(
        self, shell: InteractiveShell, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task_id = sandbox.add_task("a cat", size="64x64")
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
        run(shell, f"%seedream get {task_id} --embed links")
        run(shell, "%reload_ext seedream_nb")
        with Library(tmp_path / "library", read_only=True) as library:
            assert ids_of(run(shell, f"%seedream get {task_id[:8]} --embed links")) == [task_id]
            assert library.is_read_only

    def test_a_beginning_alone_is_not_a_command(self) -> None:
        with pytest.raises(UsageError, match="is a task id, not a command") as caught:
            parse(CAT[:8])
        assert caught.value.hint == f"Did you mean %seedream get {CAT[:8]}?"


class TestExpressions:
    @pytest.mark.parametrize(
        ("words", "places"),
        [
            ("study", [0, 1, 2]),
            ("{study}", [0, 1, 2]),
            ("$study", [0, 1, 2]),
            ("study[1]", [1]),
            ("study[-1] study[0]", [2, 0]),
            ("study[:2]", [0, 1]),
            ("study[1].images", [1, 1]),
            ("study[1].images[1]", [1]),
            ("study[0].id", [0]),
            ("study[0],study[2]", [0, 2]),
            ("nested", [0, 2, 1]),
            ("table['b']", [1]),
            ("series", [0, 1, 2]),
            ("{series[1:]}", [1, 2]),
            ("{[task.id for task in study if task.prompt != 'b']}", [0, 2]),
            ("{(task for task in study)}", [0, 1, 2]),
        ],
    )
    def test_whatever_holds_tasks_is_taken(
        self, shell: InteractiveShell, study: Gallery, words: str, places: list[int]
    ) -> None:
        shell.user_ns["nested"] = [study[0], [study[2:], (study[1].images[0],)]]
        shell.user_ns["table"] = {task.prompt: task for task in study}
        shell.user_ns["series"] = pd.Series(ids_of(study))
        expected = [study[place].id for place in places]
        assert ids_of(run(shell, f"%seedream get {words} --embed links")) == expected
        run(shell, f"%seedream library tag x {words}")
        assert marked(shell, "x") == sorted(set(expected))

    def test_the_sentences_of_the_issue(self, shell: InteractiveShell, study: Gallery, service: Sandbox) -> None:
        panel = run(shell, "%seedream explore study --out panel")
        assert isinstance(panel, Explorer)
        assert ids_of(panel.tasks) == ids_of(study)
        panel._state.select(keys_of(panel)[1:3])  # both images of b
        run(shell, "%seedream library rate 4 study[2]")
        run(shell, "%seedream library tag x panel.selected")
        assert ids_of(library_of(shell).search(rating=4)) == [study[2].id]
        assert marked(shell, "x") == [study[1].id]
        chosen = run(shell, "from seedream_nb import Gallery\nGallery(panel.selected[1])")
        assert isinstance(chosen, Gallery)
        assert [task.images for task in chosen] == [(study[1].images[1],)]
        assert ids_of(run(shell, "%seedream wait study --embed links")) == ids_of(study)
        panel.close()
        assert paid(service) == 0

    def test_tasks_in_progress_are_waited_for_and_watched(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = service.add_task("slow", size="64x64", ready_in=0.2)
        run(shell, f"%seedream get {task_id} --out pending")
        (task,) = run_gallery(shell, "%seedream wait pending --embed links")
        assert task.status is TaskStatus.SUCCEEDED

    def test_an_empty_selection_never_means_the_last_result(self, shell: InteractiveShell, study: Gallery) -> None:
        shell.user_ns.update(nothing=(), empty=Gallery([]))
        for words in ("nothing", "{nothing}", "empty", "{''}"):
            for command in ("library tag x", "library remove --yes", "wait", "explore", "get"):
                with pytest.raises(UsageError, match=" is empty"):
                    run(shell, f"%seedream {command} {words}")
        assert not marked(shell, "x")
        assert all(task in library_of(shell) for task in study)

    def test_a_task_without_an_id_is_named(self, shell: InteractiveShell, study: Gallery, service: Sandbox) -> None:
        shell.user_ns["mixed"] = [study[0], Task("", TaskStatus.FAILED, prompt="too long")]
        service.requests.clear()
        for command in ("get", "library rate 4", "library export some.zip"):
            with pytest.raises(UsageError, match=r"^Task 2 of 2 \(too long\) has no task id"):
                run(shell, f"%seedream {command} mixed")
        assert len(service.requests) == 0
        panel = run(shell, "%seedream explore mixed")
        assert isinstance(panel, Explorer)
        assert [task.prompt for task in panel.tasks] == ["a", "too long"]
        panel.close()

    @pytest.mark.parametrize(
        ("word", "message", "hint"),
        [
            ("studdy", "'studdy' is neither a task id nor a variable.", "Did you mean study? Nothing was sent."),
            ("studdy[0].id", "'studdy' is neither a task id nor a variable.", "Did you mean study? Nothing was sent."),
            ("qqqqq", "'qqqqq' is neither a task id nor a variable.", None),
            ("study[7]", "study[7] raised IndexError: ", None),
            ("study[0].nothing", "study[0].nothing raised AttributeError: ", None),
            ("study[0].status.value", "Not a task id: 'succeeded' contains", None),
            ("number", "number is an int, which is not a task.", None),
            ("[number,study]", "[number,study] contains an int, which is not a task.", None),
            ("study.filter()", "study.filter() looks like a call, which needs braces.", None),
            ("study.filter(model='4.5', size='2K')", "study.filter(model='4.5', looks like a call", None),
            ("study[0].to_dict(", "study[0].to_dict( looks like a call", None),
            ("print", "print is a builtin_function_or_method, which is not a task.", None),
            ("not-an-id", "Not a task id: 'not-an-id' contains", None),
            (CAT[:7], "Not a task id: '84d1544' is too short;", None),
            ("{ids}", "There is no variable named ids.", None),
        ],
    )
    @pytest.mark.usefixtures("study")
    def test_anything_else_is_one_sentence(
        self, shell: InteractiveShell, service: Sandbox, word: str, message: str, hint: str | None
    ) -> None:
        shell.user_ns["number"] = 3
        service.requests.clear()
        with pytest.raises(UsageError) as caught:
            run(shell, f"%seedream get {word}")
        assert caught.value.message.startswith(message)
        assert hint is None or caught.value.hint == hint
        assert len(service.requests) == 0

    def test_what_looks_like_an_id_is_one_and_a_variable_is_never_parsed(
        self, shell: InteractiveShell, study: Gallery
    ) -> None:
        shell.user_ns.update(deadbeef=study, text="study[0]")
        with pytest.raises(InvalidTaskIdError, match="'deadbeef' is not the beginning of a task id"):
            run(shell, "%seedream get deadbeef")
        with pytest.raises(InvalidTaskIdError, match=r"Not a task id: 'study' contains"):
            run(shell, "%seedream get {text}")


class TestImages:
    def test_galleries_and_selections_are_reference_images(self, shell: InteractiveShell, study: Gallery) -> None:
        links = [image.url for image in study.images]
        for words in ("study", "study[0] study[1].images study[2]", "{study.images}"):
            edited = run_gallery(shell, f'%seedream edit study[0] "a hat" {SMALL} --image {words} --embed links')
            assert edited[0].request["image"] == [links[0], *links]

    @pytest.mark.parametrize("command", ['edit nothing "a hat"', 'generate "a hat" --image nothing'])
    def test_an_empty_selection_is_not_paid_for(self, shell: InteractiveShell, service: Sandbox, command: str) -> None:
        shell.user_ns["nothing"] = ()
        with pytest.raises(UsageError, match="nothing: The list of reference images is empty"):
            run(shell, f"%seedream {command}")
        assert paid(service) == 0


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("rate study[0] 4", "%seedream library rate STARS [ID ...]"),
        ('note study[0] "for the cover"', '%seedream library note "NOTE" [ID ...]'),
        ("tag study[0] calendar", "%seedream library tag TAG [ID ...]"),
    ],
)
def test_tasks_before_the_mark_are_rejected_with_the_order(line: str, order: str) -> None:
    with pytest.raises(InvalidTaskIdError) as caught:
        parse(f"library {line}", evaluate=no_variables)
    assert str(caught.value.hint).startswith(f"Write {order}. ")
