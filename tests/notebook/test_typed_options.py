"""What is typed as a model, a size or a seed is understood or rejected: the server sees only what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb import SeedreamClient
from seedream_nb.core.errors import UsageError
from seedream_nb.notebook.commands import COMMANDS
from seedream_nb.protocol.capabilities import MODELS
from tests.notebook.running import UNKNOWN, paid, run, run_gallery, seen
from tests.scripted_server import ScriptedServer, as_json
from tests.servers import TOKEN

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

PRO, LITE, V45, V40 = MODELS


EXAMPLES = 14  # tasks that a sandbox begins with


def bodies(service: Sandbox, *names: str) -> list[tuple[object, ...]]:
    """Some fields of the body of each paid request, as the service's own record has them."""
    with SeedreamClient(service.token, service.url) as client:
        tasks = client.retrieve_batch(service.task_ids[EXAMPLES:])
    assert len(tasks) == paid(service)
    return sorted((tuple(task.request.get(name) for name in names) for task in tasks), key=repr)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model 5.0", "Unknown model '5.0'. Did you mean 5.0-pro or 5.0-lite?"),
        ("--model 4.5pro", "Unknown model '4.5pro'. Did you mean 5.0-pro or 4.5?"),
        ("--model gpt-image-1", "Unknown model 'gpt-image-1'. Available models: 5.0-pro, 5.0-lite, 4.5, 4.0."),
        ("--model 4.5 4.6", "Request 2 of 2 (a cat): Unknown model '4.6'. Did you mean 4.5 or 4.0?"),
        ("--seed 42", "SeeDream 5.0 Lite ignores seed: only third-generation models use it."),
        ("--seed 1 2 --model 4.0", "Request 1 of 2 (a cat): SeeDream 4.0 ignores seed"),
        ("--guidance-scale 2.5", "SeeDream 5.0 Lite ignores guidance_scale"),
        ("--size 100:1", "SeeDream 5.0 Lite accepts 2K, 3K or 4K, or <width>x<height>, not '100:1'."),
        ("--size 2048 2048", "not '2048'"),
        ("--size 2K x 4K", "not '2Kx4K'"),
        ("--size portait", "not 'portait'"),
    ],
)
def test_what_is_not_understood_is_not_paid_for(
    shell: InteractiveShell, service: Sandbox, line: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f"%seedream generate a cat {line}")
    assert message in caught.value.message
    assert "Nothing was sent." in (caught.value.hint or "")
    assert "strict" not in (caught.value.hint or "")
    assert paid(service) == 0


def test_no_check_sends_anything(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(as_json({"task_id": UNKNOWN})) as server:
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", TOKEN)
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", server.url)
        for line in ("--model 5.0", "--model gpt-image-1", "--seed 42", "--size 100:1"):
            run(shell, f"%seedream generate a cat {line} --no-check --no-wait")
        sent = [(body["model"], body.get("seed"), body.get("size")) for body in (one.json for one in server.received)]
    assert sent == [("5.0", None, None), ("gpt-image-1", None, None), (LITE, 42, None), (LITE, None, "100:1")]


@pytest.mark.filterwarnings("default")
def test_a_full_id_is_sent_with_a_warning_and_takes_a_seed(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "doubao-seedream-3-0-t2i-250415"
    gallery = run_gallery(shell, f"%seedream generate a cat --model {model} --seed 42 --size 960x960")
    assert "UnknownModelWarning" in capsys.readouterr().out
    assert bodies(service, "model", "seed") == [(model, 42)]
    assert seen(gallery).tiles[0].facts.endswith("seed 42")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2k", "2K"),
        ("2048\u00d72048", "2048x2048"),
        ("2048*2048", "2048x2048"),
        ("2048X2048", "2048x2048"),
        ("2048 x 2048", "2048x2048"),
        ("2048 x2048", "2048x2048"),
        ("2048x 2048", "2048x2048"),
        ("'2048 x 2048'", "2048x2048"),
        ("16:9", "2560x1440"),
        ("16 : 9", "2560x1440"),
        ("3:2", "2496x1664"),
        ("21:9", "3024x1296"),
        ("portrait", "1728x2304"),
        ("Landscape", "2304x1728"),
        ("square", "2048x2048"),
        ("wide", "2560x1440"),
    ],
)
def test_a_size_is_understood_as_people_write_it(
    shell: InteractiveShell, service: Sandbox, typed: str, sent: str
) -> None:
    run(shell, f"%seedream generate a cat --size {typed} --no-wait")
    assert bodies(service, "size", "model") == [(sent, LITE)]


def test_several_sizes_stay_several(shell: InteractiveShell, service: Sandbox) -> None:
    run(shell, "%seedream generate a cat --size 2048 x 2048 16:9 3K --no-wait")
    assert bodies(service, "size") == [("2048x2048",), ("2560x1440",), ("3K",)]


def test_the_same_size_written_twice_is_paid_for_once(shell: InteractiveShell, service: Sandbox) -> None:
    run(shell, "%seedream generate a cat --size 16:9 wide 2560x1440 --no-wait")
    assert bodies(service, "size") == [("2560x1440",)]


def test_the_announcement_says_how_a_ratio_was_understood(shell: InteractiveShell, service: Sandbox) -> None:
    one = str(run(shell, "%seedream generate a cat --size 16:9 --dry-run"))
    assert one.startswith("1 request to the sandbox · 16:9 → 2560x1440. Nothing was sent.")
    several = str(run(shell, "%seedream generate a cat --size 16:9 portrait 2k --dry-run")).splitlines()
    assert several[0] == (
        "3 requests (3 sizes) to the sandbox · 16:9 → 2560x1440, portrait → 1728x2304. Nothing was sent."
    )
    assert [line.split(maxsplit=1)[1] for line in several[1:]] == [
        "16:9 · 2560\u00d71440",
        "portrait · 1728\u00d72304",
        "2K",
    ]
    assert paid(service) == 0


@pytest.mark.usefixtures("service")
def test_a_column_shows_the_ratio_and_its_size(shell: InteractiveShell) -> None:
    sheet = seen(run_gallery(shell, "%seedream generate a cat --size 16:9 9:16"))
    assert sheet.labels[1] == ["16:9 · 2560\u00d71440", "9:16 · 1440\u00d72560"]
    assert not any("\u00d7" in tile.facts for tile in sheet.tiles)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ("--modle 4.5", "%seedream generate has no option --modle.", "Did you mean --model?"),
        ("--Model 4.5", "%seedream generate has no option --Model.", "Did you mean --model?"),
        ("-model 4.5", "%seedream generate has no option -model.", "Did you mean --model?"),
        ("--max_images=4", "%seedream generate has no option --max_images.", "Did you mean --max-images?"),
        *(
            (
                option,
                f"%seedream generate has no option {option.split()[0]}.",
                "Use --takes N for N images of the prompt",
            )
            for option in ("--n 4", "-n 4", "--num-images 4", "--num_images 4", "--count 4")
        ),
        ("--negative-prompt dogs", "no option --negative-prompt.", "There is no negative prompt: say in the prompt"),
        ("--steps 30", "no option --steps.", "The API has no option for sampling."),
        ("--cfg 7", "no option --cfg.", "Only third-generation models take a guidance scale"),
        ("--width 2048 --height 1024", "no option --width.", "Use --size WIDTHxHEIGHT"),
        ("--ratio 16:9", "no option --ratio.", "Use --size with a ratio, such as --size 16:9."),
        ("--aspect-ratio 16:9", "no option --aspect-ratio.", "Use --size with a ratio"),
        ("--aspect-raito 16:9", "no option --aspect-raito.", "Use --size with a ratio"),
        ("--quality hd", "no option --quality.", "such as --size 4K."),
        ("--style anime", "no option --style.", "Describe the style in the prompt."),
        ("--zzz", "no option --zzz.", "Run %seedream generate --help for its options."),
        ("-ish", "no option -ish.", "Quote the text if a word of it begins with a hyphen."),
    ],
)
def test_an_unknown_option_is_answered_with_the_right_one(
    shell: InteractiveShell, service: Sandbox, options: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f"%seedream generate a cat {options}")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert paid(service) == 0


def test_the_advice_names_options_that_exist() -> None:
    parser = COMMANDS["generate"].make_parser()
    known = parser._option_string_actions
    assert not set(parser.advice) & set(known)
    named = {word.strip(".,:;") for advice in parser.advice.values() for word in advice.split() if word[0] == "-"}
    assert named <= set(known)


@pytest.mark.parametrize(
    ("cell", "message", "hint"),
    [
        (
            "%%seedream\na cat",
            "There is no command after %%seedream.",
            "To generate images, write %%seedream generate.",
        ),
        ("%%seedream a cat\non a mat", "Unknown command 'a'.", "To generate images, write %%seedream generate."),
        ("%%seedream genrate\na cat", "Unknown command 'genrate'.", "Did you mean %%seedream generate?"),
        ("%%seedream --size 2K\na cat", "Unknown command '--size'.", "To generate images, write %%seedream generate."),
        ("%seedream a cat", "Unknown command 'a'.", "To generate images, write %seedream generate."),
        ("%seedream gen a cat", "Unknown command 'gen'.", "Did you mean %seedream generate?"),
    ],
)
def test_a_prompt_without_a_command_is_not_sent(
    shell: InteractiveShell, service: Sandbox, cell: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, cell)
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint)
    assert paid(service) == 0


class TestHelp:
    @pytest.fixture
    def pager(self, shell: InteractiveShell) -> list[str]:
        """What IPython's help shows."""
        shown: list[str] = []
        shell.set_hook("show_in_pager", lambda _shell, data, **_: shown.append(data["text/plain"]), priority=0)
        return shown

    @pytest.mark.parametrize("line", ["%seedream?", "%%seedream?", "?%seedream", "%seedream ??", "?seedream"])
    def test_a_question_mark_shows_all_commands(self, shell: InteractiveShell, pager: list[str], line: str) -> None:
        shown = run(shell, line)
        text = "".join(pager) or str(shown)
        assert all(f"%seedream {command}" in text for command in COMMANDS)

    @pytest.mark.parametrize(
        "line",
        [
            "%seedream generate?",
            "%seedream generate ?",
            "%seedream generate??",
            "%%seedream generate?",
            "%%seedream generate?\na cat",
            "if True:\n    x = %seedream generate?\nx",
        ],
    )
    def test_a_question_about_a_command_shows_its_help(
        self, shell: InteractiveShell, service: Sandbox, pager: list[str], line: str
    ) -> None:
        shown = str(run(shell, line))
        assert "usage: %seedream generate" in shown
        assert all(option in shown for option in ("--model", "--size", "--max-images", "--dry-run"))
        assert not pager
        assert paid(service) == 0

    def test_the_help_of_a_part(self, shell: InteractiveShell) -> None:
        assert "--rating" in str(run(shell, "%seedream library search?"))

    @pytest.mark.parametrize(
        "line", ["%seedream generate {}", "x = %seedream generate {}", "x = 1\n%seedream generate {}"]
    )
    def test_a_prompt_may_end_with_a_question_mark(self, shell: InteractiveShell, service: Sandbox, line: str) -> None:
        run(shell, line.format("where is the cat?"))
        assert bodies(service, "prompt") == [("where is the cat?",)]

    def test_other_questions_are_ipythons(self, shell: InteractiveShell, pager: list[str]) -> None:
        run(shell, "seedream_other = 5\nseedream_other?")
        assert "int" in "".join(pager)

    def test_unloading_reverts_it(self, shell: InteractiveShell) -> None:
        manager = shell.input_transformer_manager
        with_ours = len(manager.token_transformers), len(manager.cleanup_transforms)
        shell.run_line_magic("unload_ext", "seedream_nb")
        assert (len(manager.token_transformers) + 2, len(manager.cleanup_transforms) + 1) == with_ours
        shell.run_line_magic("load_ext", "seedream_nb")
        assert (len(manager.token_transformers), len(manager.cleanup_transforms)) == with_ours


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--size 2K --size 4K", "--size is given twice. Write its values one after another: --size A B"),
        ("--image a.png --image b.png", "--image is given twice."),
        ("--takes 2 --takes 3", "--takes is given twice. Keep one"),
        ("--watermark --no-watermark", "Both --watermark and --no-watermark are given."),
        ("--field safety=1 --field safety=2", "The field safety is given twice."),
    ],
)
def test_no_repeated_option_is_ignored(shell: InteractiveShell, service: Sandbox, line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f"%seedream generate a cat {line}")
    assert message in str(caught.value)
    assert paid(service) == 0
