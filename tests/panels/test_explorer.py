"""The panel without a front end: the tests set and click its controls as a browser would."""

from __future__ import annotations

import dataclasses
import json
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets import Widget
from ipywidgets.widgets import widget as ipywidgets_module
from PIL import Image

from seedream_nb import Explorer, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, explore
from seedream_nb.core.errors import UsageError
from seedream_nb.panels.relatives import MOST_SHOWN
from tests.gallery.reading import parse
from tests.panels.support import QUICKLY, describe_shown, join_jobs, keys_of, layered
from tests.sample_images import plain
from tests.scripted_server import Answer, ScriptedServer
from tests.servers import client_to, finish_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Wait = Callable[[Callable[[], bool]], None]

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
OTHER_CAT = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"
SEASONS = "5c0f6b1e-7d3a-4e92-8f41-2b9d60c7a3e5"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MODIFIED = datetime(2026, 11, 22, tzinfo=timezone.utc)


def shown_prompts(panel: Explorer) -> list[str]:
    return [str(card["prompt"]) for card in describe_shown(panel)]


def send(panel: Explorer, kind_of_message: str, **content: object) -> None:
    """Sends a message about the first card, as the front end would."""
    keys = keys_of(panel)[:1]
    panel.grid._handle_custom_msg({"type": kind_of_message, "keys": keys, **content}, [])


def click(panel: Explorer, number: int) -> None:
    """Clicks the Generate button as a browser that shows the label with this number."""
    button = panel.generate_form.button
    button._handle_custom_msg({"type": "submit", "number": number, "values": button.read()}, [])


def record_messages(panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The messages to the grid's front end from now on."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(panel.grid, "send", lambda content, _buffers=None: sent.append(content))
    return sent


def problems_of(panel: Explorer) -> str:
    """What the fields of the Generate form say is wrong with them."""
    return " ".join(filter(None, (field._problem.value for field in panel.generate_form._marked.values())))


def is_idle(panel: Explorer) -> bool:
    return "seedream-status-busy" not in panel.status_line.value and not panel.get_form.button.disabled


class TestOpening:
    def test_it_opens_with_ids_tasks_or_a_gallery(self, client: SeedreamClient) -> None:
        gallery = Gallery(client.retrieve_batch([CAT, SEASONS]))
        several: list[list[Task | str] | Gallery] = [[CAT, SEASONS], list(gallery), gallery, [CAT, gallery[1]]]
        for given in several:
            panel = explore(client, given)
            assert [task.id for task in panel.tasks] == [CAT, SEASONS]
            assert len(keys_of(panel)) == 5
            panel.close()

    def test_it_needs_nothing(self, panel: Explorer) -> None:
        assert (panel.tasks, panel.selected, keys_of(panel)) == ((), (), [])

    def test_something_else_is_rejected(self, panel: Explorer) -> None:
        with pytest.raises(UsageError, match="A task id must be text, not 1"):
            panel.add([1])  # type: ignore[list-item]  # the subject of the test

    def test_ids_images_and_collections_of_them_are_retrieved(self, panel: Explorer, client: SeedreamClient) -> None:
        seasons = client.retrieve(SEASONS)
        panel.add(client.retrieve(CAT))
        panel.add([CAT[:8], [Gallery(client.retrieve(OTHER_CAT))], seasons.images[2]])
        assert [task.id for task in panel.tasks] == [CAT, OTHER_CAT, SEASONS]
        assert panel.tasks[2].images == seasons.images
        panel.add(Gallery(seasons).images)
        assert len(panel.tasks) == 3

    def test_the_form_takes_what_a_caption_shows(self, panel: Explorer, sandbox: Sandbox, wait_until: Wait) -> None:
        panel.client.retrieve(CAT)
        panel.get_form.text.value = CAT[:8]
        panel.get_form.button.click()
        wait_until(lambda: len(panel.tasks) == 1)
        requests = len(sandbox.requests)
        panel.get_form.text.value = "abcdef01"
        panel.get_form.button.click()
        wait_until(lambda: "abcdef01&#x27; is not the beginning of a task id" in panel.status_line.value)
        assert len(sandbox.requests) == requests


class TestGetting:
    def test_pasted_ids_become_tiles(self, panel: Explorer, wait_until: Wait) -> None:
        panel.get_form.text.value = f"{CAT};\n{OTHER_CAT}, {UNKNOWN}"
        panel.get_form.button.click()
        wait_until(lambda: len(panel.tasks) == 3 and is_idle(panel))
        assert "1 ID not found." in panel.status_line.value

    @pytest.mark.parametrize("text", ["", "abc", UNKNOWN])
    def test_an_error_is_reported_and_the_button_works_again(
        self, panel: Explorer, wait_until: Wait, text: str
    ) -> None:
        panel.get_form.text.value = text
        panel.get_form.button.click()
        wait_until(lambda: "seedream-status-error" in panel.status_line.value and is_idle(panel))

    def test_an_error_of_the_service_is_reported_and_does_not_persist(
        self, panel: Explorer, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        panel.get_form.text.value = CAT
        with sandbox.faults.during("error", on="tasks", code="invalid_token"):
            panel.get_form.button.click()
            wait_until(lambda: "seedream-status-error" in panel.status_line.value and is_idle(panel))
        panel.get_form.button.click()
        wait_until(lambda: len(panel.tasks) == 1)

    def test_running_tasks_are_polled_until_they_finish(
        self, panel: Explorer, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        panel.add(panel.client.retrieve(sandbox.add_task("a fox", ready_in=None)))
        assert panel.tasks[0].status is TaskStatus.PENDING
        finish_tasks(sandbox)
        wait_until(lambda: panel.tasks[0].status is TaskStatus.SUCCEEDED)
        assert len(panel.tasks) == 1

    def test_tasks_added_during_polling_are_polled_too(
        self, panel: Explorer, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        slow, quick = sandbox.add_task("a slow fox", ready_in=60), sandbox.add_task("a quick fox", ready_in=0.2)
        panel.add(panel.client.retrieve(slow))
        panel.add(panel.client.retrieve(quick))
        wait_until(lambda: panel.tasks[1].status is TaskStatus.SUCCEEDED)
        assert panel.tasks[0].status is TaskStatus.PENDING

    def test_the_history_is_loaded_page_by_page_as_it_comes_into_view(
        self, panel: Explorer, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        for number in range(120):
            sandbox.add_task(f"number {number}")
        panel.tabs.value = "History"
        wait_until(lambda: len(panel.tasks) == 50 and is_idle(panel))
        numbers = panel._state.arrangement.numbers
        place = next(place for place, number in enumerate(numbers) if number < 0)
        panel._state.want(numbers[place + 55 : place + 60])
        wait_until(lambda: len(panel.tasks) == 84 and is_idle(panel))
        pages = [request for request in sandbox.requests if request.action == "retrieve_batch" and not request.ids]
        assert len(pages) == 2
        panel.filter = "number 1"
        assert "among the 84 of 134 tasks loaded" in panel._state.arrangement.note
        panel.tabs.value = "Get"
        assert panel.tasks == ()


class TestFiltering:
    def test_python_and_the_form_share_the_filter(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        panel.filter = "cat"
        assert shown_prompts(panel) == ["a white siamese cat"]
        assert panel.filter_bar.text.value == "cat"
        panel.filter_bar.text.value = "valley"
        assert panel.filter == "valley"
        assert len(describe_shown(panel)) == 4

    def test_existing_values_are_offered(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        labels = [label for label, _value in panel.filter_bar.model.options]
        assert labels[0] == "All"
        assert "SeeDream 4.0 (1)" in labels
        panel.filter_bar.model.value = "doubao-seedream-4-0-250828"
        assert shown_prompts(panel) == ["a white siamese cat"]

    def test_added_tasks_are_filtered(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.filter = "cat"
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        assert len(describe_shown(panel)) == 1
        assert len(panel.tasks) == 2


class TestSelecting:
    def test_a_selection_in_the_grid_is_available_as_images(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        seen: list[int] = []
        panel.observe(lambda change: seen.append(len(change["new"])), "selected")
        keys = keys_of(panel)
        panel._state.select([keys[2], keys[0]])
        assert [image.task_id for image in panel.selected] == [SEASONS, CAT]
        assert seen == [2]

    def test_an_unknown_key_selects_nothing(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve(CAT))
        panel._state.select(["no such key"])
        assert panel.selected == ()
        assert len(panel._state.selection) == 0


class TestGenerating:
    def test_a_generated_image_joins_the_grid(self, panel: Explorer, sandbox: Sandbox, wait_until: Wait) -> None:
        panel.generate_form.prompt.value = "a red fox"
        assert panel.generate_form.button.description == "Generate: 1 request to the sandbox"
        panel.generate_form.button.click()
        wait_until(lambda: "generated" in panel.status_line.value)
        assert [task.prompt for task in panel.tasks] == ["a red fox"]
        assert len(sandbox.requests.of_kind("images")) == 1

    def test_invalid_settings_cannot_be_sent(self, panel: Explorer) -> None:
        assert panel.generate_form.button.disabled
        panel.generate_form.prompt.value = "a red fox"
        assert not panel.generate_form.button.disabled
        panel.generate_form.size.value = "17x4"
        assert panel.generate_form.button.disabled
        assert "pixels" in problems_of(panel)

    def test_only_accepted_values_are_offered(self, panel: Explorer) -> None:
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.model.value = "doubao-seedream-4-5-251128"
        assert panel.generate_form.size.options[:3] == ("2K", "4K", "1:1")
        for size in panel.generate_form.size.options:
            panel.generate_form.size.value = size
            assert not problems_of(panel)
        assert panel.generate_form.output_format.disabled

    def test_a_ratio_is_sent_as_the_size_that_the_button_says(
        self, panel: Explorer, client: SeedreamClient, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.size.value = "16:9"
        assert panel.generate_form.button.description == "Generate: 1 request to the sandbox · 16:9 → 2560x1440"
        panel.generate_form.button.click()
        wait_until(lambda: "generated" in panel.status_line.value)
        assert client.retrieve(sandbox.task_ids[-1]).request["size"] == "2560x1440"

    def test_it_shows_how_many_requests_a_click_sends(self, panel: Explorer) -> None:
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.takes.value = "3"
        panel.generate_form.max_images.value = "4"
        assert (
            panel.generate_form.button.description == "Generate: 3 requests (3 takes) to the sandbox, up to 12 images"
        )

    @pytest.mark.parametrize("typed", ["12", "0", "", "abc", "-1", "1.5", "9" * 5000])
    def test_a_number_out_of_range_is_rejected_where_it_is_typed(
        self, panel: Explorer, sandbox: Sandbox, typed: str
    ) -> None:
        form = panel.generate_form
        form.prompt.value = "a red fox"
        form.takes.value = typed
        assert form.takes.value == typed
        assert (form.button.description, form.button.disabled) == ("Generate", True)
        assert form.announcement.value == "Correct the marked field."
        assert "Takes must be a whole number from 1 to 8" in problems_of(panel)
        form.button.click()
        join_jobs()
        assert len(sandbox.requests.of_kind("images")) == 0
        form.takes.value = "2"
        assert problems_of(panel) == ""
        assert not form.button.disabled

    def test_a_click_sends_what_the_button_said(self, panel: Explorer, sandbox: Sandbox) -> None:
        form = panel.generate_form
        form.prompt.value, form.takes.value = "a red fox", "2"
        shown = form.button.number
        form.takes.value = "3"
        click(panel, shown)
        join_jobs()
        assert len(sandbox.requests.of_kind("images")) == 0
        assert "Nothing was sent by this click" in panel.status_line.value
        click(panel, form.button.number)
        join_jobs()
        assert len(sandbox.requests.of_kind("images")) == 3

    def test_a_second_click_on_the_same_words_sends_nothing(self, panel: Explorer, sandbox: Sandbox) -> None:
        panel.generate_form.prompt.value = "a red fox"
        shown = panel.generate_form.button.number
        for _ in range(3):
            click(panel, shown)
            join_jobs()
        assert len(sandbox.requests.of_kind("images")) == 1

    @pytest.mark.parametrize("content", [None, {}, {"type": "submit"}, {"type": "submit", "number": "1", "values": {}}])
    def test_a_strange_message_sends_nothing(self, panel: Explorer, sandbox: Sandbox, content: object) -> None:
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.button._handle_custom_msg(content, [])
        join_jobs()
        assert len(sandbox.requests.of_kind("images")) == 0

    def test_a_model_without_sets_shows_one_image_per_set(self, panel: Explorer) -> None:
        panel.generate_form.max_images.value = "4"
        panel.generate_form.model.value = "doubao-seedream-5-0-pro-260628"
        assert (panel.generate_form.max_images.value, panel.generate_form.max_images.disabled) == ("1", True)

    def test_a_rejection_is_reported_and_the_form_works_again(self, panel: Explorer, wait_until: Wait) -> None:
        panel.generate_form.prompt.value = "a forbidden fox"
        panel.generate_form.button.click()
        wait_until(lambda: "seedream-status-error" in panel.status_line.value)
        wait_until(lambda: not panel.generate_form.button.disabled)
        assert panel.tasks[0].status is TaskStatus.FAILED

    def test_an_exhausted_balance_keeps_the_generated_images(
        self, panel: Explorer, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        sandbox.settings.balance = 1
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.takes.value = "2"
        panel.generate_form.button.click()
        wait_until(lambda: "1 image generated. 1 of 2 requests failed:" in panel.status_line.value)
        assert "balance" in panel.status_line.value
        assert [task.status for task in panel.tasks] == [TaskStatus.SUCCEEDED]

    @pytest.mark.parametrize("is_over", [True, False])
    def test_an_unclear_outcome_is_not_paid_for_twice_by_a_double_click(self, *, is_over: bool) -> None:
        with ScriptedServer(Answer(manner="drop")) as server, client_to(server) as client:
            panel = explore(client)
            form = panel.generate_form
            form.prompt.value = "a red fox"

            def click_twice() -> None:
                form.button.click()
                if is_over:  # before the second click arrives
                    join_jobs()
                form.button.click()
                join_jobs()

            click_twice()
            assert len(server.received) == 1
            assert (form.button.description, form.button.disabled) == ("Outcome unknown", True)
            assert "may have been paid for" in form.announcement.value
            form.prompt.value = "a white fox"
            assert form.button.disabled
            form.allow.click()
            assert (form.button.description, form.button.disabled) == (
                "Generate: 1 paid request, about $0.04 (prices of 2026-08)",
                False,
            )
            click_twice()
            assert len(server.received) == 2
            panel.close()

    def test_the_settings_of_an_image_fill_the_form(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.generate("a red fox", model="4.5", size="4K", wait=True, pace=QUICKLY))
        send(panel, "action", action="use_settings")
        form = panel.generate_form
        assert (form.prompt.value, form.model.value, form.size.value) == (
            "a red fox",
            "doubao-seedream-4-5-251128",
            "4K",
        )
        assert panel.tabs.value == "Generate"

    def test_selected_images_become_references(self, panel: Explorer, sandbox: Sandbox, wait_until: Wait) -> None:
        panel.add(panel.client.retrieve(CAT))
        panel._state.select(keys_of(panel)[:1])
        panel.generate_form.use_selection.click()
        assert panel.generate_form.reference_count.value == "1 reference"
        panel.generate_form.prompt.value = "make it night"
        panel.generate_form.button.click()
        wait_until(lambda: "generated" in panel.status_line.value)
        cat, night = panel.tasks
        assert night.request["image"] == cat.images[0].url
        assert len(sandbox.requests.of_kind("images")) == 1

    def test_an_upload_that_is_image_error_is_named(self, panel: Explorer) -> None:
        file = {"name": "notes.txt", "type": "text/plain", "size": 2, "content": b"hi", "last_modified": MODIFIED}
        panel.generate_form.upload.value = (file,)
        assert "notes.txt" in panel.status_line.value
        assert panel.generate_form.references == ()


class TestDetails:
    @pytest.fixture
    def sent(self, panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """The messages to the grid's front end."""
        return record_messages(panel, monkeypatch)

    def test_they_are_sent_when_needed_and_when_the_task_changes(
        self, panel: Explorer, client: SeedreamClient, sent: list[dict[str, Any]]
    ) -> None:
        task = client.retrieve(CAT)
        panel.add(task)
        panel.grid.opened = keys_of(panel)[0]
        send(panel, "details")
        assert (sent[-1]["type"], sent[-1]["key"]) == ("details", panel.grid.opened)
        assert dict(sent[-1]["pairs"])["Task ID"] == CAT
        panel.add(dataclasses.replace(task, elapsed=1234.5))
        assert dict(sent[-1]["pairs"])["Duration"] == "1,234.5 s"
        panel.grid.opened = ""
        panel.add(task)
        assert len(sent) == 2

    def test_what_concerns_only_the_account_is_not_saved_with_the_notebook(
        self, panel: Explorer, sandbox: Sandbox, client: SeedreamClient, sent: list[dict[str, Any]]
    ) -> None:
        private = {"Trace ID": "a-trace-id", "Callback url": "https://hooks.example/key"}
        task = client.retrieve(sandbox.add_task("a cat", request={"callback_url": private["Callback url"]}))
        panel.add(dataclasses.replace(task, trace_id=private["Trace ID"]))
        panel.grid.opened = keys_of(panel)[0]
        send(panel, "details")
        panel.add(panel.tasks)
        saved = json.dumps(Widget.get_manager_state(), default=str)
        assert panel.grid.opened in saved
        assert not [text for text in private.values() if text in saved]
        assert sent
        for message in sent:
            assert dict(message["pairs"]).items() >= private.items()


class TestLibrary:
    @pytest.fixture
    def client(self, sandbox: Sandbox, tmp_path: Path) -> Iterator[SeedreamClient]:
        with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as opened:
            yield opened

    def test_the_whole_library_is_shown_without_a_request(
        self, panel: Explorer, client: SeedreamClient, sandbox: Sandbox, wait_until: Wait
    ) -> None:
        client.retrieve_batch([sandbox.add_task(f"a cat, number {number}") for number in range(30)])
        client.retrieve(sandbox.add_task("a dog"))
        requests = len(sandbox.requests)
        panel.tabs.value = "Library"
        wait_until(lambda: len(panel.tasks) == 31 and is_idle(panel))
        panel.filter = "cat"
        assert len(describe_shown(panel)) == 30
        assert len(sandbox.requests) == requests

    def test_a_panel_that_opens_with_the_library_has_its_tasks(self, client: SeedreamClient, sandbox: Sandbox) -> None:
        client.retrieve(sandbox.add_task("a dog"))
        panel = explore(client, source="library")
        assert [task.prompt for task in panel.tasks] == ["a dog"]
        assert panel.tabs.value == "Library"
        panel.close()


def test_a_disabled_library_is_reported(panel: Explorer, wait_until: Wait) -> None:
    panel.tabs.value = "Library"
    wait_until(lambda: "turned off" in panel.status_line.value and is_idle(panel))


def test_a_long_prompt_is_copied_whole(panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = "a cat by the window, " * 200 + "the end"
    panel.add(Task("an-id", TaskStatus.SUCCEEDED, prompt=prompt))
    sent = record_messages(panel, monkeypatch)
    send(panel, "action", action="copy_prompt")
    assert sent == [{"type": "copy", "text": prompt}]


class TestSaving:
    @pytest.fixture
    def sent(self, panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """The messages to the grid's front end."""
        return record_messages(panel, monkeypatch)

    def save(self, panel: Explorer, folder: str, *places: int) -> None:
        keys = [keys_of(panel)[place] for place in places]
        panel.grid._handle_custom_msg({"type": "save", "keys": keys, "folder": folder, "ticket": "7"}, [])
        join_jobs()

    def test_exactly_the_chosen_images_are_written(
        self, panel: Explorer, client: SeedreamClient, sent: list[dict[str, Any]]
    ) -> None:
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        self.save(panel, "cats", 0, 2, 4)
        numbers = [path.stem.rpartition("-")[2] for path in Path("cats").glob("*valley*.jpg")]
        assert sorted(numbers) == ["2", "4"]
        assert len([*Path("cats").glob("*.jpg")]) == 3
        assert (sent[-1]["text"], sent[-1]["is_error"]) == ("Saved 3 images in cats.", False)
        assert sent[-1]["ticket"] == "7"

    def test_the_file_of_one_image_is_named(
        self, panel: Explorer, client: SeedreamClient, sent: list[dict[str, Any]]
    ) -> None:
        panel.add(client.retrieve(SEASONS))
        self.save(panel, "one", 1)
        (image,) = Path("one").glob("*.jpg")
        assert sent[-1]["text"] == f"Saved {image}."
        assert f"Saved {image}." in panel.status_line.value

    def test_a_composed_image_is_saved_as_it_is_shown(self, panel: Explorer) -> None:
        panel.add(layered("an-id", "white", "red"))
        self.save(panel, "boat", 0)
        (image,) = Path("boat").glob("*.png")
        with Image.open(image) as opened:
            assert opened.convert("RGB").getpixel((0, 0)) == (255, 0, 0)

    def test_no_click_is_lost_while_another_is_saved(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve(SEASONS))
        for key in keys_of(panel):
            panel.grid._handle_custom_msg({"type": "save", "keys": [key], "folder": "all"}, [])
        join_jobs()
        assert len([*Path("all").glob("*.jpg")]) == 4

    @pytest.mark.parametrize("folder", ["", "  ", "a-file", "sheet.pdf"])
    def test_an_impossible_folder_is_reported(
        self, panel: Explorer, client: SeedreamClient, sent: list[dict[str, Any]], folder: str
    ) -> None:
        Path("a-file").touch()
        panel.add(client.retrieve(CAT))
        self.save(panel, folder, 0)
        assert sent[-1]["is_error"]
        assert [path.name for path in Path().iterdir()] == ["a-file"]

    def test_a_tile_without_an_image_is_reported(
        self, panel: Explorer, client: SeedreamClient, sent: list[dict[str, Any]]
    ) -> None:
        panel.add([client.retrieve(CAT), Task("an-id", TaskStatus.FAILED, prompt="a dog")])
        self.save(panel, "some", 0, 1)
        assert sent[-1]["text"].endswith(" 1 selected tile has no image.")
        self.save(panel, "none", 1)
        assert sent[-1]["text"].startswith("Nothing was saved")

    def test_the_folder_is_remembered(self, panel: Explorer, client: SeedreamClient) -> None:
        assert panel.grid.folder == "seedream_results"
        panel.add(client.retrieve(CAT))
        self.save(panel, "cats", 0)
        other = explore(client)
        assert other.grid.folder == "cats"
        other.close()


class TestShowingResults:
    def test_a_new_image_is_brought_into_view_although_a_filter_hid_it(
        self, panel: Explorer, client: SeedreamClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = record_messages(panel, monkeypatch)
        panel.add(client.retrieve(CAT))
        panel.filter = "cat"
        panel.generate_form.prompt.value = "a red fox"
        panel.generate_form.button.click()
        join_jobs()
        assert [message["key"] for message in sent if message["type"] == "reveal"] == [f"{panel.tasks[1].id}/0"]
        assert (panel.filter, len(describe_shown(panel))) == ("", 2)

    def test_a_filter_that_does_not_hide_it_stays(self, panel: Explorer, client: SeedreamClient) -> None:
        panel.add(client.retrieve_batch([CAT, SEASONS]))
        panel.filter = "cat"
        panel.generate_form.prompt.value = "another cat"
        panel.generate_form.button.click()
        join_jobs()
        assert (panel.filter, len(describe_shown(panel))) == ("cat", 2)


@pytest.mark.parametrize("name", ["Asia/Tokyo", "Nowhere/Special", "../../etc/passwd", ""])
def test_days_are_those_of_the_browser(panel: Explorer, client: SeedreamClient, name: str) -> None:
    panel.add(client.retrieve(CAT))
    panel.grid._handle_custom_msg({"type": "time_zone", "name": name}, [])
    assert str(panel._state.zone) == ("Asia/Tokyo" if name == "Asia/Tokyo" else "None")
    assert len(describe_shown(panel)) == 1


def test_the_code_of_what_is_shown_or_selected(panel: Explorer, client: SeedreamClient) -> None:
    panel.add(client.retrieve_batch([CAT, SEASONS]))
    assert CAT in panel.show_code()
    assert SEASONS in panel.show_code()
    panel._state.select(keys_of(panel)[:1])
    assert panel.show_code() == f"%seedream get {CAT}"
    panel.tabs.value = "Generate"
    panel.generate_form.prompt.value = "a red fox"
    panel.footer.copy.click()
    assert panel.footer.code.value.startswith("%%seedream generate")
    assert panel.footer.code.value.endswith("a red fox")


def test_the_close_button_closes(client: SeedreamClient) -> None:
    before = len(ipywidgets_module._instances)
    panel = explore(client, [CAT])
    panel.footer.close_button.click()
    assert len(ipywidgets_module._instances) == before


def test_other_front_ends_get_a_gallery(panel: Explorer, client: SeedreamClient) -> None:
    panel.add(client.retrieve(CAT))
    bundle = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "data:image/jpeg;base64," in bundle["text/html"]
    assert "a white siamese cat" in bundle["text/plain"]


def test_marimo_gets_the_grid_and_from_a_closed_panel_a_gallery(panel: Explorer, client: SeedreamClient) -> None:
    panel.add(client.retrieve(CAT))
    assert panel._display_() is panel.grid
    assert not panel.grid.can_generate
    panel.close()
    assert "a white siamese cat" in repr(panel._display_())


def test_a_converted_notebook_shows_the_gallery_alone(panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("seedream_nb.panels.explorer.display", lambda data, **_: shown.append(data))
    monkeypatch.setattr("seedream_nb.panels.static_output.display", lambda data, **_: shown.append(data))
    panel._ipython_display_()
    widget, static = shown
    assert "application/vnd.jupyter.widget-view+json" in widget
    # Without the state of the widget, nbconvert shows the text instead.
    assert widget["text/plain"] == ""
    assert "seedream-static" in static["text/html"]
    assert "Explorer" not in static["text/plain"]


def test_prompts_are_never_typeset_as_mathematics(panel: Explorer) -> None:
    panel.add(Task("a-task", TaskStatus.FAILED, prompt="costs $5 for kids and $10 for adults"))
    for widget in (panel, panel.grid):
        assert {"mathjax_ignore", "tex2jax_ignore"} <= set(widget._dom_classes)
    assert parse(panel._repr_mimebundle_()["text/html"]).text_for_mathjax() == ""


def test_closing_leaves_nothing(client: SeedreamClient) -> None:
    before, earlier = len(ipywidgets_module._instances), set(threading.enumerate())
    for _ in range(5):
        panel = explore(client, [CAT])
        send(panel, "load", kind="thumbnail")
        assert len(ipywidgets_module._instances) > before
        panel.close()
        panel.close()
    assert len(ipywidgets_module._instances) == before
    ours = [thread.name for thread in set(threading.enumerate()) - earlier if thread.name.startswith("seedream")]
    assert [name for name in ours if "sandbox" not in name] == []


def test_the_number_of_widgets_does_not_depend_on_the_number_of_images(client: SeedreamClient) -> None:
    counts = []
    for ids in ([CAT], [CAT, SEASONS, OTHER_CAT]):
        before = len(ipywidgets_module._instances)
        panel = explore(client, ids)
        counts.append(len(ipywidgets_module._instances) - before)
        panel.close()
    assert counts[0] == counts[1]


class TestRelatives:
    @pytest.fixture
    def client(self, sandbox: Sandbox, tmp_path: Path) -> Iterator[SeedreamClient]:
        sandbox.settings.generation_seconds = 0
        with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as opened:
            yield opened

    @pytest.fixture
    def sent(self, panel: Explorer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """The messages to the grid's front end."""
        return record_messages(panel, monkeypatch)

    @pytest.fixture
    def line(self, client: SeedreamClient) -> list[Task]:
        """A cat, an edit of it, and two edits of that; the cat is not in the panel."""
        size = "1024x1024"
        cat = client.generate("a cat", model="4.0", size=size, wait=True)
        winter = client.edit(cat.images[0], "in winter", model="4.0", size=size, wait=True)
        night = client.edit(winter.images[0], "at night", model="4.0", size=size, wait=True)
        fog = client.edit(winter.images[0], "in fog", model="4.0", size=size, wait=True)
        return [cat, winter, night, fog]

    def open(self, panel: Explorer, task: Task) -> None:
        (card,) = panel._state.cards_of(task.id)
        panel.grid.opened = card.key
        send(panel, "details", keys=[card.key])
        join_jobs()

    def test_parents_and_children_follow_the_details(
        self, panel: Explorer, line: list[Task], sent: list[dict[str, Any]]
    ) -> None:
        panel.add(line[1])
        self.open(panel, line[1])
        first, second = [message for message in sent if message["type"] == "details"]
        assert "relatives" not in first
        found = second["relatives"]
        assert [one["prompt"] for one in found["parents"]] == ["a cat"]
        assert [one["prompt"] for one in found["children"]] == ["at night", "in fog"]
        assert all(one["source"].startswith("data:image/") for one in (*found["parents"], *found["children"]))
        assert (found["more_parents"], found["more_children"]) == (0, 0)
        assert second["pairs"] == first["pairs"]

    def test_a_new_child_appears(
        self, panel: Explorer, line: list[Task], sent: list[dict[str, Any]], client: SeedreamClient
    ) -> None:
        panel.add(line[3])
        self.open(panel, line[3])
        child = client.edit(line[3].images[0], "in snow", model="4.0", size="1024x1024", wait=True)
        panel.add(child)
        join_jobs()
        assert [one["prompt"] for one in sent[-1]["relatives"]["children"]] == ["in snow"]

    def test_a_relative_opens_its_card(self, panel: Explorer, line: list[Task]) -> None:
        panel.add(line[1])
        send(panel, "relative", task_id=line[2].id, place=0)
        assert panel.grid.opened == panel._state.cards_of(line[2].id)[0].key
        assert [task.prompt for task in panel.tasks] == ["in winter", "at night"]
        hostile: list[dict[str, object]] = [
            {},
            {"task_id": 5, "place": 0},
            {"task_id": line[0].id, "place": True},
            {"task_id": line[0].id, "place": 7},
            {"task_id": "x", "place": 0},
        ]
        for content in hostile:
            send(panel, "relative", **content)
        assert panel.grid.opened == panel._state.cards_of(line[2].id)[0].key

    def test_thousands_of_children_are_bounded_and_said(
        self, panel: Explorer, client: SeedreamClient, line: list[Task], sent: list[dict[str, Any]]
    ) -> None:
        library = client.cache.open()
        edits = []
        request: dict[str, object] = {"prompt": "an edit", "image": line[3].images[0].url}
        for number in range(1000):
            task_id = f"{number:08x}-0000-4000-8000-000000000000"
            images = (TaskImage(task_id, data=plain(8, 6)),)
            edits.append(dataclasses.replace(line[3], id=task_id, request=request, raw={}, images=images))
        library.keep(edits)
        panel.add(line[3])
        self.open(panel, line[3])
        found = sent[-1]["relatives"]
        assert len(found["children"]) == MOST_SHOWN
        assert found["more_children"] == 1000 - MOST_SHOWN
        assert len(json.dumps(found)) < 100_000
