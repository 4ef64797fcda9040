"""`%seedream run` as typed: tables, runs, templates over columns, and what is unclear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import UsageError
from seedream_nb.notebook.commands import HelpArguments, parse
from seedream_nb.notebook.front_end import FrontEnd
from seedream_nb.notebook.run import RunArguments
from seedream_nb.notebook.run_source import find_source

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

ROWS = [{"color": "red"}]
VARIABLES: dict[str, object] = {
    "df": ROWS,
    "study": {"rows": ROWS},
    "cats": ROWS,
    "number": 7,
    "place": Path("prompts.csv"),
    "style": "oil {paint}",
    "template": "a {color} cat",
    "file": "prompts.csv",
}


def evaluate(expression: str) -> object:
    return eval(expression, dict(VARIABLES))  # noqa: S307  a test's own expressions


def read(line: str, cell: str | None = None) -> RunArguments:
    arguments = parse(f"run {line}", cell, evaluate)
    assert isinstance(arguments, RunArguments)
    return arguments


@pytest.fixture
def front_end(plain_shell: InteractiveShell) -> FrontEnd:
    return FrontEnd(plain_shell, is_untouched=True, value_follows=False, namespace=VARIABLES)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.csv").write_text("color\nred\n", encoding="utf-8")
    Path("My prompts (2).csv").write_text("color\nred\n", encoding="utf-8")
    Path("Katze.tsv").write_text("color\nred\n", encoding="utf-8")
    Path("猫.csv").write_text("color\nred\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "prompt"),
    [
        ('--prompt "a {color} cat, {product name}"', "a {color} cat, {product name}"),
        ("--prompt='a {color} cat'", "a {color} cat"),
        ("--prompt caption", "caption"),
        ("--prompt {caption}", "{caption}"),
        ("--prompt={product name}", "{product name}"),
        ('--prompt "{{color}} is text, $5 is as well, $$style too"', "{{color}} is text, $5 is as well, $style too"),
        # A Python variable within the template is data: its braces are text.
        ('--prompt "a {color} cat in $style"', "a {color} cat in oil {{paint}}"),
        ("--prompt $template", "a {color} cat"),
        ('--prompt f"a {{color}} cat, {number}"', "a {color} cat, 7"),
        ("", None),
    ],
)
def test_braces_in_the_prompt_are_columns(typed: str, prompt: str | None) -> None:
    assert read(f"prompts.csv {typed} --model 4.5").prompt == prompt
    assert read(f"prompts.csv --model 4.5 {typed}").options == {"model": "4.5"}


def test_the_body_of_a_cell_is_the_template() -> None:
    arguments = read("prompts.csv --name cats", "# for the calendar\na {color} cat,\nin $style\n")
    assert arguments.prompt == "a {color} cat,\nin oil {{paint}}"
    assert arguments.comments == 1
    assert read("prompts.csv", "\n").prompt is None


def test_elsewhere_on_the_line_braces_are_variables() -> None:
    arguments = read("{df} --name {file} --prompt {color} --seed {number}")
    assert arguments.source is not None
    assert arguments.source.value is ROWS
    assert (arguments.name, arguments.prompt, arguments.options) == ("prompts.csv", "{color}", {"seed": "7"})


def test_options_are_values_or_columns() -> None:
    line = "df --name a --size format --seed 3 --no-watermark --image photo {file} --takes 2 --in-flight 32 --budget 5"
    arguments = read(line)
    images = ["photo", Path("prompts.csv")]
    assert arguments.options == {"size": "format", "seed": "3", "watermark": False, "image": images}
    assert arguments.limits == {"takes": 2, "in_flight": 32, "budget": "5"}


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("prompts.csv --prompt a {color} cat", None, r"unclear where the prompt ends\. .*--prompt 'a \{color\} cat'"),
        ('--prompt "a {color} cat" prompts.csv', None, "unclear where the prompt ends.*write the table first"),
        ("prompts.csv --prompt text", "a cat", "--prompt on the line and another in the cell's body"),
        ("prompts.csv", "a cat\n---\na dog", "2 prompts, and a run has one template"),
        ("prompts.csv --prompt $df", None, "The prompt is a list, not text"),
        ('prompts.csv --prompt " "', None, "The prompt is empty"),
        ("prompts.csv --prompt $color", None, "no variable named color"),
        ("prompts.csv other.csv", None, "unrecognized arguments: other.csv.*Quote what contains spaces"),
        ("prompts.csv --prompt x --yes # all of them", None, "contain comments.*on its own line"),
        ("cats --stop --remove", None, "--stop and --remove exclude each other"),
        ("cats --dry-run --export out", None, "--export and --dry-run exclude each other"),
        ("cats --format parquet", None, "--format is the format of --export.*--output-format"),
        ("cats --export out --format png", None, "--format must be imagefolder, webdataset or parquet"),
        ("cats --takes 0", None, "--takes must be between 1 and 100, not 0"),
        ("cats --in-flight 0", None, "--in-flight must be between 1 and 1,000, not 0"),
        ("cats --budget much", None, "'much' is not a budget"),
        ("--model 4.5", None, "--model needs a table or a run"),
        ("--yes", None, "--yes needs a table or a run"),
        ("--dry-run", None, "--dry-run needs a table or a run"),
        ("cats --promt x", None, "no option --promt. Did you mean --prompt?"),
        ("cats --backgroud", None, "Did you mean --background?"),
        ("cats -n 3", None, "Use --takes N for N images of each row"),
    ],
)
def test_what_is_unclear_is_rejected(line: str, cell: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(line, cell)


RUNS = ["product-photos", "cats"]


@pytest.mark.parametrize(
    ("line", "table", "name"),
    [
        ("prompts.csv", Path("prompts.csv"), "prompts"),
        ("{file} --name autumn", Path("prompts.csv"), "autumn"),
        ("place", Path("prompts.csv"), "prompts"),
        ('"My prompts (2).csv"', Path("My prompts (2).csv"), "My-prompts-2"),
        ("df --name autumn", ROWS, "autumn"),
        ('study["rows"] --name autumn', ROWS, "autumn"),
        ("{df * 2} --name autumn", [*ROWS, *ROWS], "autumn"),
        ("product-photos", None, "product-photos"),
        ("cats --name autumn", ROWS, "autumn"),
        # A variable would need a name, so this is the run.
        ("cats", None, "cats"),
        ('"cats"', None, "cats"),
        ("--name cats", None, "cats"),
    ],
)
def test_a_source_is_a_file_a_variable_or_a_run(front_end: FrontEnd, line: str, table: object, name: str) -> None:
    arguments = read(line)
    assert find_source(arguments.source, arguments.name, RUNS, front_end) == (table, name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("promts.csv", r"There is no file promts\.csv\. Did you mean prompts\.csv\?"),
        ("df", r"The run of df has no name\. Add a name"),
        ("猫.csv", r"The run of 猫\.csv has no name"),
        ("product-fotos", r"is not a run, a file, or a variable with a table\. Did you mean product-photos\?"),
        ("dff --name a", r"dff is neither a file nor a variable with a table\. Did you mean df\?"),
        ("number", "number is not a run, a file, or a variable"),
        ("{number}", "an int, not a table"),
        ("df.head(3)", "looks like a call, which needs braces"),
        ("df[7] --name a", r"df\[7\] raised IndexError"),
        ("--name dogs", "There is no run named dogs, and no table to begin it with"),
    ],
)
def test_what_is_no_source_is_rejected(front_end: FrontEnd, line: str, message: str) -> None:
    arguments = read(line)
    with pytest.raises(UsageError, match=message):
        find_source(arguments.source, arguments.name, RUNS, front_end)


def test_help_says_what_a_template_is() -> None:
    shown = parse("run --help")
    assert isinstance(shown, HelpArguments)
    assert '--prompt "a {color} {animal}"' in shown.text
    assert "--in-flight" in shown.text
    assert parse("run?") == shown
    assert "run" in parse("").text  # type: ignore[attr-defined]  # help, as above
