"""The code of a click means the same requests, whether the magic or Python runs it."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from seedream_nb import GenerationOptions, GenerationRequest, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.client.sweeps import plan_sweep
from seedream_nb.notebook.commands import parse
from seedream_nb.notebook.generate import GenerateArguments
from seedream_nb.notebook.queries import GetArguments
from seedream_nb.panels.code import generate_code, get_code, python_code
from seedream_nb.panels.generate_settings import GenerateSettings, plan
from seedream_nb.protocol.capabilities import MODELS, find_model
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from tests.gallery import strategies
from tests.sample_images import plain

IDS = tuple(f"84d1544a-9043-4dde-a98b-e889dacd75{number:02x}" for number in range(30))

ODD_PROMPTS = (
    "a cat\n---\na dog",
    "a cat\n  -----  \n",
    "---",
    "-- a dash\n--",
    '"quoted" and \'quoted\' and """three"""',
    "back\\slash\\",
    ">>> a prompt\n... of another kind",
    "first\n>>> second",
    "In [1]: x",
    "{a} costs $5 and 100%",
    "%%seedream get x\n%seedream\n!ls\n?",
    "\n\n  indented\n    more\n\n\nend",
    "tab\there",
    "\ufeffmark",
    "line\u2028separator",
    "\u202etrojan",
    "a\r\nb\rc",
    "ends with ;",
    "# no comment",
    "a cat\n  # and a comment",
    "#hashtag",
    "{{a}} costs $$5 or $$$a or $b.c }",
    '["a cat", "a dog"]',
    "(f'a cat')",
)
prompts = strategies.texts | st.sampled_from(ODD_PROMPTS)
models = st.sampled_from([*MODELS, *(model.short_name for model in MODELS.values())]) | st.sampled_from(
    [
        "new-model",
        "two words",
        "it's",
        '"',
        "{name}",
        "$HOME",
        "-model",
        "--size",
        "ends;",
        "a\nb",
        "ends\\",
        "?",
        "",
        "é",
    ]
)
links = st.sampled_from(
    [
        "https://x.example/a.jpg",
        "https://x.example/a.jpg?x=1&y=%22#z",
        "HTTP://x.example/ü.jpg",
        "https://x.example/a b.jpg",
        "https://x.example/{a}$b.jpg",
        "https://x.example/'\"",
        "https://x.example/a.jpg;",
        "https://x.example/\n!ls",
    ]
)
any_settings = st.builds(
    GenerateSettings,
    prompt=prompts,
    model=models,
    size=st.sampled_from([None, "2K", "2048x1536", "a size", "--yes"]),
    max_images=st.none() | st.integers(1, 15),
    takes=st.integers(1, 8),
    output_format=st.sampled_from([None, "jpeg", "png"]),
    watermark=st.sampled_from([None, True, False]),
    references=st.lists(links, max_size=3).map(tuple),
)


def requests_of(settings: GenerateSettings) -> list[GenerationRequest]:
    return [_with_links(request) for request in plan(settings).requests]


def _with_links(request: GenerationRequest) -> GenerationRequest:
    images = request.image if isinstance(request.image, tuple) else (request.image,) if request.image else ()
    return dataclasses.replace(request, image=tuple(str(image).strip() for image in images))


def magic_of(code: str) -> tuple[str, str | None]:
    """The line and the body that IPython hands to the magic."""
    (statement,) = ast.parse(TransformerManager().transform_cell(code)).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert isinstance(statement.value.func, ast.Attribute)
    name, *arguments = [ast.literal_eval(argument) for argument in statement.value.args]
    if statement.value.func.attr == "run_line_magic":
        magic, _, line = f"{name} {arguments[0]}".partition(" ")
        assert magic == "seedream"
        return line, None
    assert (statement.value.func.attr, name) == ("run_cell_magic", "seedream")
    return arguments[0], arguments[1]


def requests_of_the_magic(code: str) -> list[GenerationRequest]:
    line, body = magic_of(code)
    assert "$" not in line
    assert "{" not in line
    parsed = parse(line, body)
    assert isinstance(parsed, GenerateArguments)
    sweep = plan_sweep(
        parsed.prompts, parsed.options, dict(parsed.varied), image=tuple(map(str, parsed.images)), count=parsed.takes
    )
    assert parsed == GenerateArguments(parsed.prompts, parsed.options, parsed.varied, parsed.images, parsed.takes)
    return [_with_links(request) for request in sweep.requests]


class Recorder:
    """A client that records its requests."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []

    def generate(self, prompt: str, *, image: Any = None, wait: bool = False, **options: Any) -> None:
        images = tuple(image) if isinstance(image, list) else (image,) if image else ()
        self.requests.append(_with_links(GenerationRequest(prompt, GenerationOptions(**options), images)))
        self.waits = wait

    def wait(self, tasks: list[None]) -> None:
        assert len(tasks) == len(self.requests)
        self.waits = True


def requests_of_python(code: str) -> list[GenerationRequest]:
    ast.parse(code, mode="eval")
    recorder = Recorder()
    eval(code, {"client": recorder, "__builtins__": {"range": range}})  # noqa: S307  the subject of the test
    assert recorder.waits
    return recorder.requests


def assert_equivalent(settings: GenerateSettings) -> None:
    code = generate_code(settings)
    read = requests_of_the_magic if code.startswith("%%") else requests_of_python
    assert read(code) == requests_of(settings)


@given(any_settings)
def test_the_code_does_what_a_click_does(settings: GenerateSettings) -> None:
    assert_equivalent(settings)


@pytest.mark.parametrize("prompt", ODD_PROMPTS)
def test_an_odd_prompt_stays_unchanged(prompt: str) -> None:
    assert_equivalent(GenerateSettings(prompt))


@pytest.mark.parametrize("unseen", list("\r\x00\x1b\u2028\u202e\u2066\ufeff"))
def test_the_code_has_no_invisible_characters(unseen: str) -> None:
    assert unseen not in generate_code(GenerateSettings(f"a{unseen}b"))


@pytest.mark.parametrize("words", [{"size": "2K;"}, {"references": ("https://x.example/a.jpg;",)}, {"model": "a;"}])
def test_no_word_ends_with_a_semicolon(words: dict[str, Any]) -> None:
    assert_equivalent(GenerateSettings("a", **words))


@given(any_settings)
def test_python_does_the_same(settings: GenerateSettings) -> None:
    code = python_code(settings)
    code.encode()
    assert requests_of_python(code) == requests_of(settings)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        'a "cat"\nasleep',
        "100% for $5",
        "一只猫 👩\u200d🎨",
        "- a list\n- of things",
        "tab\there",
        "%magic ?",
        "a;",
    ],
)
def test_ordinary_prompts_become_a_cell(prompt: str) -> None:
    assert (
        generate_code(GenerateSettings(prompt, "4.5", "2K")) == f"%%seedream generate --model 4.5 --size 2K\n{prompt}"
    )


def test_braces_are_doubled_so_that_they_are_no_variables() -> None:
    assert generate_code(GenerateSettings("{a} costs $5 or $b")).endswith("\n{{a}} costs $5 or $$b")


def test_all_settings_fit_into_a_cell() -> None:
    image = TaskImage("i", url="https://x.example/b.jpg")
    settings = GenerateSettings(
        "a cat", DEFAULT_MODEL, "2K", 4, 2, "png", watermark=False, references=("https://x.example/a.jpg", image)
    )
    assert generate_code(settings) == (
        "%%seedream generate --model 5.0-lite --size 2K --format png --max-images 4 --takes 2 "
        "--image https://x.example/a.jpg https://x.example/b.jpg --no-watermark\na cat"
    )


def test_python_is_readable() -> None:
    assert python_code(GenerateSettings("a cat")) == f"client.generate('a cat', model='{DEFAULT_MODEL}', wait=True)"
    assert python_code(GenerateSettings("a white siamese cat", "4.5", "2048x1536", 4)) == (
        "client.generate(\n"
        "    'a white siamese cat',\n"
        "    model='doubao-seedream-4-5-251128',\n"
        "    size='2048x1536',\n"
        "    max_images=4,\n"
        "    wait=True,\n"
        ")"
    )


def test_python_runs_unchanged(sandbox: Sandbox, client: SeedreamClient) -> None:
    sandbox.settings.generation_seconds = 0
    settings = GenerateSettings("a cat\n---\na dog", size="2K", takes=2, watermark=False)
    code = generate_code(settings)
    tasks = eval(code, {"client": client})  # noqa: S307  the subject of the test
    assert [(task.prompt, task.status, task.request["watermark"]) for task in tasks] == [
        ("a cat\n---\na dog", TaskStatus.SUCCEEDED, False)
    ] * 2


def test_a_reference_without_a_link_is_a_variable() -> None:
    inline = TaskImage("i", url="https://x.example/a.jpg", data=plain())
    for reference in (plain(), "data:image/png;base64,AAAA", inline):
        settings = GenerateSettings("a cat", references=("https://x.example/a.jpg", reference))
        code = generate_code(settings)
        comment, *rest = code.splitlines()
        assert comment == "# First set reference_2 to a path, bytes, or an image."
        with pytest.raises(NameError, match="reference_2"):
            eval("\n".join(rest), {"client": Recorder()})  # noqa: S307  the subject of the test
        assert "AAAA" not in code


def test_files_and_tasks_become_paths_and_links() -> None:
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url="https://x.example/a.jpg"),))
    code = generate_code(GenerateSettings("a cat", references=(Path("a") / "b.png", "it's.png", task)))
    assert f"image=[{str(Path('a') / 'b.png')!r}, \"it's.png\", 'https://x.example/a.jpg']" in code


# Tasks


@given(st.lists(st.sampled_from(IDS) | st.sampled_from(IDS).map(str.upper), min_size=1, max_size=30))
def test_the_code_gets_these_tasks(task_ids: list[str]) -> None:
    parsed = parse(*magic_of(get_code(task_ids)))
    assert isinstance(parsed, GetArguments)
    assert list(parsed.task_ids) == [task_id.lower() for task_id in task_ids]


def test_a_few_ids_fit_on_a_line_and_many_need_a_cell() -> None:
    assert get_code(IDS[:3]) == f"%seedream get {IDS[0]} {IDS[1]} {IDS[2]}"
    assert get_code(IDS[:4]) == "\n".join(("%%seedream get", *IDS[:4]))
    assert get_code([]) == ""


@given(st.lists(strategies.texts, min_size=1, max_size=3))
def test_malformed_ids_never_become_code(task_ids: list[str]) -> None:
    (statement,) = ast.parse(get_code([*task_ids, IDS[0]])).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert ast.unparse(statement.value.func) == "client.retrieve_batch"
    assert ast.literal_eval(statement.value.args[0]) == [*task_ids, IDS[0]]


def test_the_magic_accepts_the_short_names_of_models() -> None:
    for model in MODELS:
        code = generate_code(GenerateSettings("a cat", model))
        assert len(code) < 60
        assert requests_of_the_magic(code)[0].options.model == model == find_model(MODELS[model].short_name)
