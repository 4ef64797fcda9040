"""The prompts of a line or a cell: those that its words say, or none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import escape_variables
from seedream_nb.notebook.commands import parse
from seedream_nb.notebook.generate import GenerateArguments
from seedream_nb.notebook.run import RunArguments

if TYPE_CHECKING:
    from collections.abc import Iterable

SAYING = 'He said "hi, all", it\'s {x} $x --yes\n---\n# \\n "a", "b"'
CATS = ["a cat", "two dogs, asleep", "a cat"]


def read(line: str, cell: str | None = None, **names: object) -> GenerateArguments:
    parsed = parse(f"generate {line}", cell, lambda expression: eval(expression, dict(names)))  # noqa: S307  as in a cell
    assert isinstance(parsed, GenerateArguments)
    return parsed


def prompts(line: str, cell: str | None = None, **names: object) -> tuple[str, ...]:
    return read(line, cell, **names).prompts


@pytest.mark.parametrize(
    "collection",
    [
        CATS,
        tuple(CATS),
        pd.Series(CATS, index=[5, 3, 1]),
        pd.Index(CATS),
        np.array(CATS),
        np.array(CATS, dtype=object),
        dict(enumerate(CATS)).values(),
        iter(CATS),
        (cat for cat in CATS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_element_of_a_list_is_a_prompt(collection: Iterable[str]) -> None:
    assert prompts("{cats} --yes", cats=collection) == tuple(CATS)


@pytest.mark.parametrize(
    ("line", "cell"), [("{x}", None), ("$x", None), ("", "{x}"), ("", "\n  $x \n"), ("{[x]}", None)]
)
def test_a_saying_is_one_prompt(line: str, cell: str | None) -> None:
    assert read(line, cell, x=SAYING) == GenerateArguments((SAYING,))


@pytest.mark.parametrize(
    ("line", "cell", "expected"),
    [
        ("{cats}", None, ("a cat", "two dogs, asleep", "a cat")),
        ("", "a fox\n---\n{cats}\n---\n{x}", ("a fox", *CATS, SAYING)),
        ("a  cat   {c} or\tso", None, ("a  cat   red or\tso",)),
        ("{c} {c}", None, ("red red",)),
        ("{c}, {c}!", None, ("red, red!",)),
        ("{n} cats", None, ("3 cats",)),
        ('" a cat "', None, (" a cat ",)),
        ('"cat" "dog"', None, ("cat", "dog")),
        ('"--yes"', None, ("--yes",)),
        ("a cat #hashtag", None, ("a cat #hashtag",)),
        ('"a cat # not a comment"', None, ("a cat # not a comment",)),
        ('"cats"', None, ("cats",)),
        ('{"cats"}', None, ("cats",)),
        ("", '{"cats"}', ("cats",)),
        ("c n", None, ("c n",)),
        ("c and n", None, ("c and n",)),
        ("c, n", None, ("c, n",)),
        ("c in n", None, ("c in n",)),
        ("c(missing)", None, ("c(missing)",)),
        ("n", None, ("n",)),
        ("missing", None, ("missing",)),
        ("same", None, ("same",)),
        ("records", None, ("records",)),
        ("E=mc2, speed = 3 and name=cat", None, ("E=mc2, speed = 3 and name=cat",)),
        ("", "E = mc2", ("E = mc2",)),
        ("", "a cat {'--size'} 4K", ("a cat --size 4K",)),
        ("", "a cat --asleep, size=2K", ("a cat --asleep, size=2K",)),
        ('"a cat, size=2K"', None, ("a cat, size=2K",)),
        ("a cat -- asleep - or not", None, ("a cat -- asleep - or not",)),
        ("it's a cat's life", None, ("it's a cat's life",)),
        ("", "a {c} cat\n  {{c}} for $$c or $5\n", ("a red cat\n  {c} for $c or $5",)),
        ("", '"a cat"', ('"a cat"',)),
        ("", "“Hello”", ("“Hello”",)),
        ("", "# a comment\na cat\n  # another\n#\n#ff0000 #hashtag\n# ---\n", ("a cat\n#ff0000 #hashtag",)),
        ("", "{heading}\na cat", ("# a heading\na cat",)),
        ("", "# {missing}\na cat", ("a cat",)),
    ],
)
def test_what_is_typed_is_the_prompt(line: str, cell: str | None, expected: tuple[str, ...]) -> None:
    assert (
        prompts(line, cell, cats=CATS, x=SAYING, c="red", n=3, heading="# a heading", same="same", records={"a": 1})
        == expected
    )


@pytest.mark.parametrize(
    ("line", "cell", "message", "hint"),
    [
        ("{['a', ' ']}", None, "Prompt 2 is empty.", "leave it out"),
        ("{['a', 'b', 2.5]}", None, "Prompt 3 is a float, not text.", "string"),
        ("{[None]}", None, "The prompt is None, not text.", "string"),
        ("{[]}", None, "The list of prompts is empty.", ""),
        ("{''}", None, "The prompt is empty.", ""),
        ("{3}", None, "The prompt is an int, not text.", ""),
        ("{b'a'}", None, "The prompt is bytes, not text.", ""),
        ("{dict(a='b')}", None, "The prompt is a dict, not text.", ""),
        ("{table}", None, "The prompt is a DataFrame, not text.", ""),
        ("{cats} asleep", None, "{cats} is a list and can't be part of a text.", "let it stand alone"),
        ("", "{cats} asleep", "{cats} is a list and can't be part of a text.", "let it stand alone"),
        ("{cats} {cats}", None, "{cats} is a list and can't be part of a text.", ""),
        ("{(1 / 0 for _ in cats)}", None, "raised ZeroDivisionError", ""),
        ('"a cat" ""', None, "Prompt 2 is empty.", ""),
        ('a sign saying "OPEN" at night', None, "unclear", "'a sign saying \"OPEN\" at night'"),
        ('{c} "cat"', None, "unclear where the prompt begins", "'{c} \"cat\"'"),
        ("“a cat”", None, "typographic quotation mark “", "'“a cat”'"),
        ("['a cat'] cat", None, "is a Python list", "{['a cat'] cat}"),
        ("('a','b')", None, "is a Python list", "{('a','b')}"),
        ("", '["a cat", "two dogs"]', "is a Python list", '{["a cat", "two dogs"]}'),
        ('["a cat", "two dogs"]', None, "is a Python list", '{["a cat", "two dogs"]}'),
        ('["a cat"] --model 4.0', None, '["a cat"] is a Python list', '{["a cat"]}'),
        ("[f'a {x} cat' for x in cats]", None, "is a Python list", "{[f'a {x} cat' for x in cats]}"),
        ("$[f'a {x} cat' for x in cats]", None, "is a Python list", "{[f'a {x} cat' for x in cats]}"),
        ("", "[f'a {x} cat' for x in cats]", "is a Python list", "{[f'a {x} cat' for x in cats]}"),
        ("$['a']", None, "is a Python list", "{['a']}"),
        ("", "$['a', 'b']", "is a Python list", "{['a', 'b']}"),
        ("[“a cat”, “two dogs”]", None, "is a Python list", "put it in braces"),
        ("", 'f"a {c} cat"', "is a Python string", "without quotation marks"),
        ("c", None, "c is also the name of a variable", "Write {c} for its value, or {'c'} for the text"),
        ("", "c\n---\na dog", "c is also the name of a variable", "{'c'}"),
        ("cats --model 4.0", None, "cats is also the name of a variable", "{'cats'}"),
        ("*cats", None, "*cats is also the name of a variable", "Write {cats} for its value"),
        ("table", None, "table is also the name of a variable", "{'table'}"),
        ("lazy", None, "lazy is also the name of a variable", "{'lazy'}"),
        ("cats[0]", None, "cats[0] is also a Python expression", "Write {cats[0]} for its value, or {'cats[0]'}"),
        ('table["a"]', None, 'table["a"] is also a Python expression', "{'table[\"a\"]'}"),
        ("c.upper()", None, "is also a Python expression", "{c.upper()}"),
        ("", "print(c)", "is also a Python expression", "{print(c)}"),
        ("c + c --model 4.0", None, "c + c is also a Python expression", "{c + c}"),
        ("[c]", None, "is also a Python expression", "{[c]}"),
        ("(c)", None, "(c) is also the name of a variable", "{'(c)'}"),
        ("[x.upper() for x in cats]", None, "is also a Python expression", "{[x.upper() for x in cats]}"),
        ("a cat # for Tom", None, "whether the text after # is a comment", "quote the whole prompt: 'a cat # for Tom'"),
        ('"a cat" # for Tom', None, "whether the text after # is a comment", "on its own line above"),
        ("# a cat", None, "whether the text after # is a comment", "on its own line above"),
        ('prompt="a cat"', None, "prompt=… is written like an argument", "before the options"),
        ('"a cat", size="2K"', None, "size=… is written like an argument", "Write --size instead of size="),
        ("a cat, max_images=3", None, "max_images=… is written like an argument", "Write --max-images instead"),
        ("a cat, size = 2K", None, "size=… is written like an argument", "Write --size instead of size="),
        ("", "a cat --ar 16:9", "--ar in the cell's body would be part of the prompt", "Use --size with a ratio"),
        (
            "",
            "a cat\n--takes 3",
            "--takes in the cell's body",
            "%%seedream generate --takes. To send it as text, put it into a variable: $text",
        ),
        ("", 'prompt = "a cat"\nsize = "2K"', "is Python code, and a cell's body is text", "$text"),
        ("", "for x in cats:\n    x", "is Python code", "alone"),
        ("a cat (n=3)", None, "n=… is written like an argument", "Use --takes N"),
        ("", "a {missing} cat", "There is no variable named missing.", "{{missing}}"),
        ("", "# a cat\n#\n", "There is no prompt, only 2 comment lines.", "body"),
        ("{c}", "a cat", "another in the cell's body", "Keep one"),
    ],
)
def test_an_unclear_prompt_is_rejected(line: str, cell: str | None, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompts(line, cell, cats=CATS, c="red", table=pd.DataFrame({"a": ["b"]}), lazy=iter(CATS))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_the_hint_for_a_mixture_can_be_typed() -> None:
    with pytest.raises(UsageError) as caught:
        prompts('a {c} sign saying "OPEN" and "it\'s" \\n', c="red")
    hint = caught.value.hint or ""
    quoted = hint.removeprefix("Quote the whole prompt, such as ").removesuffix("; nothing was sent.")
    assert prompts(quoted, c="red") == ('a red sign saying "OPEN" and "it\'s" \\n',)


def test_a_template_may_be_the_name_of_a_column_and_of_a_variable() -> None:
    parsed = parse("run rows --name pets", "animal", {"animal": "a cat"}.__getitem__)
    assert isinstance(parsed, RunArguments)
    assert parsed.prompt == "animal"


@pytest.mark.parametrize("cell", ['prompt = "a {animal}"', '["a {animal}"]', "a {animal} --ar 16:9"])
def test_a_template_has_no_code_and_no_options(cell: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse("run rows --name pets", cell)
    assert "a variable: $text" in (caught.value.hint or "")


def test_comment_lines_are_counted() -> None:
    assert read("", "# one\na cat\n# two").comments == 2


def test_a_list_gives_several_values_of_an_option() -> None:
    parsed = read("cat --size {sizes} 1K --seed {range(3)} --model={'4.5'}", sizes=np.array(["2K", "4K"]))
    assert dict(parsed.varied) == {"size": ("2K", "4K", "1K"), "seed": (0, 1, 2), "model": ("4.5",)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--takes {True}", "--takes must be a whole number, not True"),
        ("--size {[]}", "--size: the list is empty"),
        ("--field note={nan}", "{nan} is a float and can't be part of a text."),
        ("--a\0 99\0 --b\x000\0", "has no option --a"),
        ("--takes {[1, 2]}", "--takes must be one value, not a list"),
        ("--out {['a']}", "--out must be one value, not a list"),
        ("--takes {2.5}", "--takes must be a whole number, not 2.5"),
        ("--seed {'x'}", "--seed must be a whole number, not 'x'"),
        ("--timeout {None}", "--timeout must be a number, not None"),
        ("--save {print}", "--save must be text, not a builtin_function_or_method"),
        ("--format {['png', 'gif']}", "--format must be jpeg or png, not 'gif'"),
        ("--yes={'x'}", "--yes: ignored explicit argument"),
    ],
)
def test_a_value_that_an_option_cannot_take_is_rejected(options: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompts(f"cat {options}", nan=float("nan"))
    assert message in caught.value.message
    assert "\0" not in caught.value.message


anything = st.text(min_size=1) | st.text("ab'\"`,;{}$#-= \t\n\\[]()\0", min_size=1)
texts = anything.filter(str.strip)


@given(
    texts, st.sampled_from([("{x}", None), ("$x", None), ('"{x}"', None), ("", "{x}"), ("", " $x\n"), ("{[x]}", None)])
)
def test_any_text_in_a_variable_is_one_prompt(text: str, place: tuple[str, str | None]) -> None:
    assert read(*place, x=text) == GenerateArguments((text,))


@given(st.lists(texts, min_size=1), st.sampled_from([("{x}", None), ("", "{x}")]))
def test_any_texts_in_a_list_are_one_prompt_each(some: list[str], place: tuple[str, str | None]) -> None:
    assert prompts(*place, x=some) == tuple(some)


@given(anything)
def test_any_text_in_an_option_is_its_value(text: str) -> None:
    parsed = read("cat --callback-url={x} --field {'note=' + x} --model {x} {x}", x=text)
    assert parsed.options.callback_url == text
    assert parsed.varied == (("model", (text, text)),)
    assert parsed.prompts == ("cat",)
    assert list(parsed.options.extra) == ["note"]


@given(st.text("ab'\"{}-,\n\\ []", max_size=30) | st.text())
def test_any_line_is_its_own_words_or_rejected(line: str) -> None:
    try:
        parsed = read(line)
    except (UsageError, AssertionError):  # or the help
        return
    typed = line.strip().removesuffix(";").strip()
    if parsed == GenerateArguments((typed,)):
        return  # as it stands
    # Otherwise it has quoted texts, braces or options; each word is in one prompt, in order.
    assert any(sign in typed for sign in "'\"{}$-")
    joined = "\n".join(parsed.prompts)
    if not any(sign in typed for sign in "'\"\\-$"):
        assert joined == typed.replace("{{", "{").replace("}}", "}")
    assert len(parsed.prompts) <= 1 + max(typed.count("'"), typed.count('"'))


@given(st.lists(st.text("ab \"'\\{}", min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_any_quoted_texts_are_one_prompt_each(some: list[str]) -> None:
    line = ", ".join(repr(escape_variables(text)) for text in some)
    assert prompts(line) == tuple(some)
