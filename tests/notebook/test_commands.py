from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import GalleryOptions
from seedream_nb.notebook.arguments import Presentation
from seedream_nb.notebook.commands import COMMANDS, HelpArguments, parse
from seedream_nb.notebook.queries import GetArguments
from seedream_nb.notebook.services import SandboxArguments

ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def test_get_reads_ids_and_options() -> None:
    line = f"get {ID} --columns 4 --thumbnail 200 --embed links --limit 7 --max-bytes 50000 --save out --json --out g"
    changes = {"columns": 4, "thumbnail": 200, "embed": "links", "limit": 7, "max_bytes": 50_000}
    options = GalleryOptions(columns=4, thumbnail=200, embed="links", limit=7, max_bytes=50_000)
    assert parse(line) == GetArguments((ID,), Presentation(options, changes, save="out", as_json=True, out="g"))


def test_ids_of_line_and_cell_come_in_order() -> None:
    other = ID.replace("8", "9", 1)
    assert parse(f"get {ID} # this one", f"{other}, {ID}\n# done") == GetArguments((ID, other, ID))


@pytest.mark.parametrize("path", [r"C:\My_images\new", r'r"C:\My images\new"'])
def test_a_backslash_is_an_ordinary_character_outside_quotes_and_in_a_raw_string(path: str) -> None:
    parsed = parse(f"get {ID} --save {path}")
    assert isinstance(parsed, GetArguments)
    assert parsed.presentation.save == path.removeprefix("r").strip('"')


@pytest.mark.parametrize("line", ["sandbox", "sandbox start", "sandbox;", "sandbox  ; "])
def test_a_trailing_semicolon_is_no_argument(line: str) -> None:
    assert parse(line) == SandboxArguments("start")


@pytest.mark.parametrize("line", ["", "   ", "-h", "--help", "help"])
def test_help_lists_every_command(line: str) -> None:
    parsed = parse(line)
    assert isinstance(parsed, HelpArguments)
    assert all(name in parsed.text for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    by_option, by_command = parse(f"{name} --help"), parse(f"help {name}")
    assert by_option == by_command
    assert isinstance(by_option, HelpArguments)
    assert by_option.text.startswith(f"usage: %seedream {name}")


@pytest.mark.parametrize("name", ["generate", "edit"])
def test_the_help_tells_how_prompts_are_written(name: str) -> None:
    parsed = parse(f"help {name}")
    assert isinstance(parsed, HelpArguments)
    for syntax in ("{prompts}, $prompts", r'"a \"red\" cat"', "{{ and }}", "# a comment", "---"):
        assert syntax in parsed.text


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("gte x", "Unknown command 'gte'", "Did you mean %seedream get?"),
        ("Sandbox", "Unknown command 'Sandbox'", "Did you mean %seedream sandbox?"),
        ("generate a cat -- takes 3", "There is a space between -- and takes", "Write --takes, or quote"),
        ("generate a cat -- ar 16:9", "There is a space between -- and ar", "Write --ar, or quote"),
        ("make a cat", "Unknown command 'make'", "Did you mean %seedream generate?"),
        ("edit a.png, b.png blue", "A comma follows the image a.png", "put them in braces"),
        ("run rows name=cats", "name=… is written like an argument", "Write --name instead of name="),
        ("xyzzy", "Unknown command 'xyzzy'", "Available commands: generate"),
        ("history 5", "unrecognized arguments: 5", "Did you mean --limit 5?"),
        ("generate a cat \u2014model 4.5", "\u2014model begins with a dash", "Write --model, or quote"),
        ("generate a cat \u2013ar=16:9", "\u2013ar=16:9 begins with a dash", "Write --ar, or quote"),
        ("rate 5", "Unknown command 'rate'", "Did you mean %seedream library rate?"),
        ("generate cat --format jpg", "--format must be jpeg or png, not 'jpg'", "Did you mean jpeg?"),
        (ID, "is a task id, not a command", f"%seedream get {ID}"),
        (f"get {ID} --column 3", "%seedream get has no option --column.", "Did you mean --columns?"),
        (f"get {ID} --columns three", "--columns must be a whole number, not 'three'", "--help"),
        (f"get {ID} --columns 0", "columns must be a whole number from 1 to 24", ""),
        (f"get {ID} --limit 0", "limit must be a whole number from 1 to 10,000", ""),
        (f"get {ID} --thumbnail 5", "thumbnail must be a whole number from 32 to 2,048", ""),
        (f"get {ID} --embed all", "--embed must be thumbnails, links or originals, not 'all'", "--help"),
        (f"get {ID} --out 2nd", "'2nd' is not a valid variable name", "--out"),
        (f"get '{ID}", "Unclosed quotation mark", "Close it"),
        ("sandbox pause", "action must be start, stop or status, not 'pause'", "--help"),
        ("get", "Missing task id", "%seedream get"),
    ],
)
def test_each_mistake_has_a_message_and_a_hint(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_body_is_rejected_where_it_would_be_ignored() -> None:
    with pytest.raises(UsageError, match="does not take a cell body"):
        parse("sandbox", "something")


lines = st.text() | st.builds(" ".join, st.tuples(st.sampled_from([*COMMANDS]), st.text()))


@given(lines, st.none() | st.text())
def test_any_text_is_parsed_or_rejected(line: str, cell: str | None) -> None:
    try:
        parse(line, cell)
    except UsageError as error:
        assert error.message  # noqa: PT017  either outcome is fine, a sentence is a must
