"""A real kernel: a failed cell fails the run, and a progress bar leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nbclient.exceptions import CellExecutionError

if TYPE_CHECKING:
    from tests.notebook.kernels import Kernel, Runner

pytestmark = pytest.mark.slow

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def test_a_gallery_is_html_and_text_that_a_saved_notebook_keeps(runner: Runner) -> None:
    _, cell = runner.execute("%load_ext seedream_nb\n%seedream sandbox", f"%seedream get {CAT}")
    (output,) = cell.outputs
    assert output.output_type == "execute_result"
    assert set(output.data) == {"text/html", "text/plain"}
    assert "data:image/jpeg;base64," in output.data["text/html"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("%seedream get 84d15", "InvalidTaskIdError"),
        ("%seedream gte", "UsageError"),
        ("%seedream get 00000000-0000-4000-8000-000000000000", "TaskNotFoundError"),
        ("%seedream login", "UsageError"),
    ],
)
def test_an_error_fails_an_unattended_run(runner: Runner, source: str, name: str) -> None:
    with pytest.raises(CellExecutionError) as caught:
        runner.execute("%load_ext seedream_nb\n%seedream sandbox", source)
    assert caught.value.ename == name
    assert "Traceback" not in caught.value.traceback


def test_a_front_end_learns_the_type_of_each_completion(kernel: Kernel) -> None:
    kernel.run("%load_ext seedream_nb\nfrom PIL import Image\nphoto = Image.new('RGB', (30, 40))")
    assert kernel.complete("%seedream edit ph") == {"photo": "image:\N{NO-BREAK SPACE}30\u00d740"}
    assert kernel.complete("%seedream generate a cat --size 16") == {"16:9": "size:\N{NO-BREAK SPACE}2560\u00d71440"}
    assert kernel.complete("%seedream get --columns ") == {}


SLOW_SANDBOX = """
%load_ext seedream_nb
%seedream sandbox
sandbox = get_ipython().magics_manager.registry["SeedreamMagics"]._session.sandbox
fault = sandbox.faults.add("latency", on="downloads", seconds=1)
"""
SLOW_BAR = """
import functools
from seedream_nb.notebook import front_end
front_end.PROGRESS_DELAY = front_end.PROGRESS_INTERVAL = 0
seen = []
show = getattr(front_end.CellOutput.show, "__wrapped__", front_end.CellOutput.show)
@functools.wraps(show)
def show_and_note(self, bundle):
    seen.append(bundle["text/plain"])
    show(self, bundle)
front_end.CellOutput.show = show_and_note
"""


def test_a_progress_bar_leaves_nothing_behind(runner: Runner) -> None:
    *_, bare, assigned, seen = runner.execute(
        SLOW_SANDBOX,
        SLOW_BAR,
        f"# the cat\n%seedream get {CAT} --thumbnail 64",
        f"g = %seedream get {CAT} --thumbnail 65",
        "print(len(seen), seen[0])",
    )
    assert [output.output_type for output in bare.outputs] == ["execute_result"]
    assert assigned.outputs == []
    assert "1 image · 1 fetching" in seen.outputs[0].text


def test_what_was_printed_before_a_progress_bar_stays(runner: Runner) -> None:
    *_, cell = runner.execute(
        SLOW_SANDBOX,
        SLOW_BAR,
        f"print('before')\ng = %seedream get {CAT} --thumbnail 64\nprint('after')",
    )
    texts = [output.text for output in cell.outputs if output.output_type == "stream"]
    displays = [output.data for output in cell.outputs if output.output_type == "display_data"]
    assert "".join(texts) == "before\nafter\n"
    assert displays == [{}]
