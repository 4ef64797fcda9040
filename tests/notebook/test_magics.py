"""The magic in a real IPython shell, against a real server."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from IPython.core.completer import provisionalcompleter

from seedream_nb import Sandbox, Task, TaskStatus
from seedream_nb.client.settings import BASE_URL_NAME, TOKEN_NAME, Settings, resolve_settings
from seedream_nb.core.errors import (
    InvalidTaskIdError,
    InvalidTokenError,
    MissingTokenError,
    ServerError,
    TaskNotFoundError,
)
from seedream_nb.notebook import session
from tests.notebook.running import UNKNOWN, run, run_gallery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
OTHER_CAT = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that the environment points to, as it would to the live service."""
    with Sandbox() as sandbox:
        monkeypatch.setenv(TOKEN_NAME, sandbox.token)
        monkeypatch.setenv(BASE_URL_NAME, sandbox.url)
        yield sandbox


@pytest.mark.usefixtures("sandbox")
class TestGet:
    def test_the_gallery_is_the_value_of_the_cell(self, shell: InteractiveShell) -> None:
        gallery = run_gallery(shell, f"%seedream get {CAT}")
        assert [task.prompt for task in gallery] == ["a white siamese cat"]
        assert shell.user_ns["_"] is gallery

    def test_it_can_be_assigned(self, shell: InteractiveShell) -> None:
        run(shell, f"g = %seedream get {CAT}")
        assert shell.user_ns["g"][0].id == CAT

    def test_python_variables_expand(self, shell: InteractiveShell) -> None:
        shell.user_ns |= {"ids": [CAT, OTHER_CAT, CAT], "task_id": OTHER_CAT}
        gallery = run_gallery(shell, "%seedream get {ids} $task_id")
        assert [task.id for task in gallery] == [CAT, OTHER_CAT, CAT, OTHER_CAT]

    def test_variables_of_a_function_expand_where_it_calls_the_magic(self, shell: InteractiveShell) -> None:
        run(
            shell,
            f"def show(ids):\n    return get_ipython().run_line_magic('seedream', 'get {{ids}}')\ng = show(['{CAT}'])",
        )
        assert [task.id for task in shell.user_ns["g"]] == [CAT]

    def test_a_cell_holds_ids_with_comments(self, shell: InteractiveShell) -> None:
        gallery = run_gallery(shell, f"%%seedream get --columns 2 --out cats\n{CAT}, # one\n\n{OTHER_CAT}")
        assert [task.id for task in gallery] == [CAT, OTHER_CAT]
        assert gallery.options.columns == 2
        assert shell.user_ns["cats"] is gallery

    def test_json_gives_the_records(self, shell: InteractiveShell) -> None:
        records = run(shell, f"%seedream get {CAT} {UNKNOWN} --json")
        assert isinstance(records, dict)
        assert records[CAT]["request"]["prompt"] == "a white siamese cat"
        assert records[UNKNOWN] == {}

    def test_save_keeps_the_originals(self, shell: InteractiveShell, tmp_path: Path) -> None:
        run(shell, f"%seedream get {CAT} --save {tmp_path / 'out'}")
        image, record = sorted((tmp_path / "out").iterdir())
        assert image.name == "a-white-siamese-cat-84d1544a-1.jpg"
        assert image.read_bytes().startswith(b"\xff\xd8")
        assert json.loads(record.read_bytes())["record"]["id"] == CAT

    def test_images_are_embedded_before_the_cell_ends(self, shell: InteractiveShell, sandbox: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream get {CAT}")
        sandbox.stop()
        assert "data:image/jpeg;base64," in gallery.to_html()

    def test_an_unknown_id_among_others_is_a_tile(self, shell: InteractiveShell) -> None:
        gallery = run_gallery(shell, f"%seedream get {CAT} {UNKNOWN}")
        assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED, TaskStatus.NOT_FOUND]

    def test_only_unknown_ids_fail_the_cell(self, shell: InteractiveShell) -> None:
        with pytest.raises(TaskNotFoundError, match=UNKNOWN):
            run(shell, f"%seedream get {UNKNOWN}")

    def test_a_mistyped_id_is_never_sent(self, shell: InteractiveShell, sandbox: Sandbox) -> None:
        with pytest.raises(InvalidTaskIdError):
            run(shell, f"%seedream get {CAT} {CAT[:-1]}")
        assert len(sandbox.requests) == 0

    def test_a_semicolon_suppresses_the_output(
        self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(shell, f"%seedream get {CAT};")
        assert "siamese" not in capsys.readouterr().out


@pytest.mark.heavy
def test_what_was_read_before_a_failure_is_shown(
    shell: InteractiveShell, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [sandbox.add_task(f"number {number}", size="64x64") for number in range(50)]
    bad = sandbox.add_task("the one that fails")
    shell.user_ns["ids"] = [*good, bad]
    with sandbox.faults.during("server_error", on="tasks", match=bad), pytest.raises(ServerError) as caught:
        run(shell, "%seedream get {ids} --embed links --out rescued")
    assert f"Could not retrieve 1 task: {bad}." in caught.value.message
    assert [task.id for task in caught.value.partial] == good
    assert len(shell.user_ns["rescued"]) == 50
    assert "50 tasks" in capsys.readouterr().out


class TestErrors:
    @pytest.mark.parametrize("line", ["%seedream get abc", "%seedream gte", "%seedream get '"])
    def test_an_expected_error_is_one_block_and_fails_the_cell(
        self, shell: InteractiveShell, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = shell.run_cell(line)
        shown = capsys.readouterr().out
        assert not result.success
        assert "Traceback" not in shown
        assert "→" in shown
        assert len(shown.splitlines()) <= 3

    def test_without_a_token_the_hint_names_the_alternatives(self, shell: InteractiveShell) -> None:
        with pytest.raises(MissingTokenError) as caught:
            run(shell, f"%seedream get {CAT}")
        for way in ("token=", TOKEN_NAME, ".env", "%seedream sandbox", "https://platform.acedata.cloud"):
            assert way in (caught.value.hint or "")

    def test_a_rejected_token_says_where_to_get_one(
        self, shell: InteractiveShell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(TOKEN_NAME, "expired-token")
        monkeypatch.setenv(BASE_URL_NAME, sandbox.url)
        with pytest.raises(InvalidTokenError, match="sign in and acquire the service"):
            run(shell, f"%seedream get {CAT}")


class TestSandboxCommand:
    def test_it_needs_no_token_and_lists_what_it_holds(self, shell: InteractiveShell) -> None:
        run(shell, "%seedream sandbox")
        assert CAT in str(run(shell, "%seedream sandbox status"))
        assert run_gallery(shell, f"%seedream get {CAT}")[0].status is TaskStatus.SUCCEEDED

    def test_starting_twice_reuses_the_sandbox(self, shell: InteractiveShell) -> None:
        run(shell, "%seedream sandbox")
        before = str(run(shell, "%seedream config"))
        run(shell, "%seedream sandbox start")
        assert str(run(shell, "%seedream config")) == before

    def test_stopping_switches_back_to_the_service(self, shell: InteractiveShell) -> None:
        run(shell, "%seedream sandbox")
        assert "https://api.acedata.cloud" in str(run(shell, "%seedream sandbox stop"))
        assert "not running" in str(run(shell, "%seedream sandbox status"))
        assert "not running" in str(run(shell, "%seedream sandbox stop"))
        with pytest.raises(MissingTokenError):
            run(shell, f"%seedream get {CAT}")

    def test_tab_completes_its_ids(self, shell: InteractiveShell) -> None:
        run(shell, "%seedream sandbox")
        assert complete(shell, "%seedream get 84d1") == [CAT]


class TestConfigAndLogin:
    def test_config_never_shows_the_token(self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(TOKEN_NAME, "very-secret-token")
        shown = str(run(shell, "%seedream config"))
        assert "set (from the environment)" in shown
        assert "https://api.acedata.cloud (from default)" in shown
        assert "very-secret-token" not in shown

    def test_a_changed_environment_is_noticed(
        self, shell: InteractiveShell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_gallery(shell, f"%seedream get {CAT}")
        monkeypatch.setenv(TOKEN_NAME, "wrong-token")
        with pytest.raises(InvalidTokenError):
            run(shell, f"%seedream get {CAT}")
        assert len(sandbox.requests.of_kind("tasks")) == 2

    def test_a_changed_dotenv_file_is_noticed(self, shell: InteractiveShell, tmp_path: Path) -> None:
        for url in ("https://one.example", "https://two.example"):
            (tmp_path / "work" / ".env").write_text(f"{BASE_URL_NAME}={url}\n", encoding="utf-8")
            assert f"service   {url} (from " in str(run(shell, "%seedream config"))

    @pytest.mark.usefixtures("sandbox")
    def test_settings_are_read_once_per_command(self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
        read: list[Settings] = []

        def resolve() -> Settings:
            read.append(resolve_settings())
            return read[-1]

        monkeypatch.setattr(session, "resolve_settings", resolve)
        run(shell, f"%seedream get {CAT} {OTHER_CAT}")
        assert len(read) == 1

    def test_login_keeps_a_token_for_this_kernel_and_leaves_the_sandbox(
        self, shell: InteractiveShell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(TOKEN_NAME)
        monkeypatch.setattr("getpass.getpass", lambda _question: f" {sandbox.token}\n")
        run(shell, "%seedream sandbox")
        shown = str(run(shell, "%seedream login"))
        assert sandbox.url in shown
        assert sandbox.token not in shown
        assert "not running" in str(run(shell, "%seedream sandbox status"))
        assert run_gallery(shell, f"%seedream get {CAT}")[0].id == CAT

    def test_an_empty_token_changes_nothing(self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("getpass.getpass", lambda _question: "")
        run(shell, "%seedream sandbox")
        with pytest.raises(MissingTokenError, match="nothing changed"):
            run(shell, "%seedream login")
        assert CAT in str(run(shell, "%seedream sandbox status"))


def complete(shell: InteractiveShell, line: str) -> list[str]:
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(line, len(line))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "%seedream ",
            [
                *("generate", "edit", "remake", "run", "get", "wait", "resume", "watch", "history", "last"),
                *("explore", "library", "spend", "sandbox", "login", "config", "help"),
            ],
        ),
        ("%seedream library se", ["search"]),
        ("%seedream library search --ra", ["--rating"]),
        ("%seedream s", ["spend", "sandbox"]),
        ("%%seedream ge", ["generate", "get"]),
        ("g = %seedream get --co", ["--columns"]),
        ("%seedream get --embed t", ["thumbnails"]),
        ("%seedream sandbox st", ["start", "stop", "status"]),
        ("%seedream get --columns ", []),
        ("%seedream nonsense ", []),
    ],
)
def test_tab_completes_commands_options_and_choices(shell: InteractiveShell, line: str, expected: list[str]) -> None:
    assert complete(shell, line) == expected


def test_other_lines_complete_as_usual(shell: InteractiveShell) -> None:
    shell.Completer.use_jedi = False  # it reads half of the standard library first
    assert "isinstance" in complete(shell, "isinst")


def formatted(shell: InteractiveShell, value: object) -> dict[str, str]:
    assert shell.display_formatter is not None
    shown: dict[str, str] = shell.display_formatter.format(value)[0]
    return shown


def test_a_task_or_an_image_is_shown_as_a_gallery(shell: InteractiveShell, service: Sandbox) -> None:
    task_id = service.add_task("a cat", size="64x64")
    gallery = run_gallery(shell, f"%seedream get {task_id}")
    for value in (gallery[0], gallery.images[0]):
        shown = formatted(shell, value)
        assert "data:image/jpeg;base64," in shown["text/html"]
        assert shown["text/plain"].startswith("1 task \u00b7 1 image")


def test_unloading_reverts_everything(shell: InteractiveShell) -> None:
    earlier = set(threading.enumerate())
    run(shell, "%seedream sandbox")
    shell.run_line_magic("unload_ext", "seedream_nb")
    assert "seedream" not in shell.magics_manager.magics["line"]
    assert not [thread for thread in set(threading.enumerate()) - earlier if thread.name.startswith("seedream")]
    assert complete(shell, "%seedream s") != ["spend", "sandbox"]
    assert "text/html" not in formatted(shell, Task.not_found("an-id"))
    shell.run_line_magic("load_ext", "seedream_nb")


def test_loading_twice_is_harmless(shell: InteractiveShell) -> None:
    shell.run_line_magic("reload_ext", "seedream_nb")
    assert complete(shell, "%seedream s") == ["spend", "sandbox"]
