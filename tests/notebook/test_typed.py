"""What is typed is what is paid for, over HTTP: the accepted requests are counted and their bodies compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from tests.examples import examples
from tests.notebook.running import SMALL, as_data_uri, make_image, paid, paid_bodies, paid_prompts, run, run_gallery

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

CATS = ["a cat on a mat, asleep", 'two "dogs"', "a cat on a mat, asleep"]
SAYING = 'He said "it\'s --yes", {x} $x \\n\n---\n# \\'
OPTIONS = f"{SMALL} --no-wait --embed links"


@pytest.mark.parametrize("word", ["{cats}", "$cats", "{tuple(cats)}", "{series}", "{array}", "{(cat for cat in cats)}"])
def test_a_list_is_one_prompt_each(shell: InteractiveShell, service: Sandbox, word: str) -> None:
    shell.user_ns |= {"cats": CATS, "series": pd.Series(CATS), "array": np.array(CATS)}
    gallery = run_gallery(shell, f"%seedream generate {word} {OPTIONS}")
    assert [task.prompt for task in gallery] == CATS
    assert paid_prompts(service) == sorted(CATS)
    assert paid(service) == 3


@pytest.mark.parametrize(
    "code",
    [
        f"%seedream generate {{saying}} {OPTIONS}",
        f"%seedream generate $saying {OPTIONS}",
        f'%seedream generate "{{saying}}" {OPTIONS}',
        f"%%seedream generate {OPTIONS}\n{{saying}}",
    ],
)
def test_a_saying_is_one_prompt(shell: InteractiveShell, service: Sandbox, code: str) -> None:
    shell.user_ns["saying"] = SAYING
    run(shell, code)
    assert paid_prompts(service) == [SAYING]
    assert paid(service) == 1


@pytest.mark.parametrize(
    ("code", "prompt"),
    [
        ('%seedream generate f"a {c} cat" OPTIONS', "a red cat"),
        (r'%seedream generate "a sign: \"SAFE HARBOUR\" at night" OPTIONS', 'a sign: "SAFE HARBOUR" at night'),
        ("%seedream generate it's a {c} cat OPTIONS", "it's a red cat"),
        ("%%seedream generate OPTIONS\na {c} cat in {{braces}} for $5", "a red cat in {braces} for $5"),
        ("%%seedream generate OPTIONS\n# a heading\na {c} cat\n#ff0000", "a red cat\n#ff0000"),
        ('%seedream generate "--yes" OPTIONS', "--yes"),
    ],
)
def test_one_prompt_as_typed(shell: InteractiveShell, service: Sandbox, code: str, prompt: str) -> None:
    shell.user_ns["c"] = "red"
    run(shell, code.replace("OPTIONS", OPTIONS))
    sent = {"model": "doubao-seedream-4-0-250828", "prompt": prompt, "size": "960x960"}
    assert paid_bodies(service) == [{"action": "generate", "async": True, **sent}]
    assert paid(service) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("%seedream generate {missing}", "There is no variable named missing."),
        ("%%seedream generate\na {missing} cat", "There is no variable named missing."),
        ("%seedream generate a {cats} cat", "{cats} is a list and can't be part of a text."),
        ("%seedream generate {['a', '']}", "Prompt 2 is empty."),
        ("%seedream generate {['a', 2.5]}", "Prompt 2 is a float, not text."),
        ("%seedream generate {1 / 0}", "{1 / 0} raised ZeroDivisionError: division by zero."),
        ("%seedream generate ['a cat', 'two dogs']", "['a cat', 'two dogs'] is a Python list"),
        ("%seedream generate $[f'a {c} cat' for c in cats]", "$[f'a {c} cat' for c in cats] is a Python list"),
        ("%seedream generate “a cat”", "The prompt begins with the typographic quotation mark “."),
        ('%seedream generate a sign saying "OPEN"', "It is unclear where the prompt begins and ends."),
        ("%seedream generate a cat --image {path}", "missing: --yes.png: The reference image can't be read from"),
        ("%seedream edit {None} make it night", "Image 1: The reference image has the unsupported type None"),
        ("%seedream edit cats[3:] make it night", "cats[3:]: The list of reference images is empty."),
        ('%seedream generate --field note="my text" cat', "The value of the field note begins"),
        ("%seedream edit {code} make it night", "open('x'): The reference image can't be read from"),
    ],
)
def test_an_unclear_order_sends_nothing(shell: InteractiveShell, service: Sandbox, code: str, message: str) -> None:
    shell.user_ns |= {"cats": CATS, "path": "missing: --yes.png", "code": "open('x')"}
    with pytest.raises(UsageError) as caught:
        run(shell, code)
    assert message in caught.value.message
    assert len(service.requests) == 0


def test_variables_of_a_loop_and_a_function(shell: InteractiveShell, service: Sandbox) -> None:
    code = f"""
        def generate(name, names):
            %seedream generate a {{name}} {OPTIONS}
            for name in names:
                %seedream generate {{name}} {OPTIONS}

        for name in ["cat", "dog"]:
            generate(name, [name.upper()])
    """
    run(shell, code)
    assert paid_prompts(service) == ["CAT", "DOG", "a cat", "a dog"]
    assert paid(service) == 4


def test_left_out_comments_are_announced(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, f"%%seedream generate {OPTIONS}\n# one\na cat\n# two")
    assert 'Left out of the prompt: 2 lines that begin with "# ".' in capsys.readouterr().out
    assert paid_prompts(service) == ["a cat"]


def test_values_are_data_in_every_option(shell: InteractiveShell, service: Sandbox) -> None:
    Path("a photo, --yes.png").write_bytes(make_image())
    shell.user_ns |= {"folder": "my images, --yes", "photo": "a photo, --yes.png", "note": "note=it's {x} --yes"}
    shell.user_ns["sizes"] = np.array(["960x960", "1024x1024"])
    line = '%seedream edit {photo} "make it night" --model 4.0 --size {sizes} --save {folder} --field {note} --out $out'
    run(shell, "out = 'made'")
    run(shell, line)
    assert {body["size"] for body in paid_bodies(service)} == {"960x960", "1024x1024"}
    assert {body["note"] for body in paid_bodies(service)} == {"it's {x} --yes"}
    assert len(shell.user_ns["made"].before) == 1
    assert len(list(Path("my images, --yes").iterdir())) >= 2
    assert paid(service) == 2


@pytest.mark.parametrize("word", ["{photos}", "$photos", "{photos[0]} {photos[1]}", "{(photo for photo in photos)}"])
def test_objects_are_images(shell: InteractiveShell, service: Sandbox, word: str) -> None:
    shell.user_ns["photos"] = [make_image("red"), as_data_uri(make_image("blue"))]
    gallery = run_gallery(shell, f"%seedream generate a cat --image {word} {OPTIONS}")
    assert [image.data for image in gallery.before] == [make_image("red"), make_image("blue")]
    assert paid(service) == 1


def test_a_gallery_is_its_images(shell: InteractiveShell, service: Sandbox) -> None:
    made = run_gallery(shell, f'made = %seedream generate "a cat" "a dog" {SMALL}\nmade')
    edited = run_gallery(shell, f"%seedream edit {{made}} join them {OPTIONS}")
    assert [image.url for image in edited.before] == [image.url for image in made.images]
    assert paid(service) == 3


@pytest.mark.parametrize("text", ["calendar, --yes", 'a "quoted" tag', "{x}", "it's"])
def test_marks_are_data(shell: InteractiveShell, service: Sandbox, text: str) -> None:
    shell.user_ns["text"] = text
    run(shell, f"%seedream generate a cat {SMALL}")
    run(shell, "%seedream library tag {text}")
    run(shell, "%seedream library note {text}")
    assert len(run_gallery(shell, "%seedream library search --tag {text}")) == 1
    assert len(run_gallery(shell, "%seedream library search {text}")) == 1
    library = shell.magics_manager.registry["SeedreamMagics"]._session.client.cache.open()
    marks = library.marks(service.task_ids[-1])
    assert (marks.tags, marks.note) == ((text,), text)


@given(st.text(min_size=1).filter(str.strip) | st.text("'\"{}$-,;\\ \n", min_size=1).filter(str.strip))
@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_arrives_byte_for_byte(shell: InteractiveShell, service: Sandbox, text: str) -> None:
    service.requests.clear()
    shell.user_ns["text"] = text
    shell.run_cell(f"%seedream generate {{text}} {OPTIONS} --again", silent=True).raise_error()
    assert paid(service) == 1
    assert paid_prompts(service) == [text]
