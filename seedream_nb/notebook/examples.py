"""Examples of each command: shown by its `--help` and on its page of the documentation, and run by the tests.

They run in their order after `%seedream sandbox`, without a token or any cost; see `ASSUMED` for what else they need.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a word in an example stands for.
ASSUMED: Final[Mapping[str, str]] = {
    "study": "`study` is the gallery of the cell before",
    "photo.jpg": "`photo.jpg` is a saved image in the working directory",
    "prompts.csv": "`prompts.csv` is a table with the columns `prompt`, `color` and `place`",
    "84d1544a": "`84d1544a` is the beginning of the id of a task in the sandbox",
}


class Example(NamedTuple):
    """A cell with the command.

    Attributes:
        purpose: What it is for, in one line.
        code: The cell.
        not_run: Why the tests do not run it; empty if they do.
    """

    purpose: str
    code: str
    not_run: str = ""


EXAMPLES: Final[Mapping[str, tuple[Example, ...]]] = {
    "generate": (
        Example("One image.", '%seedream generate "a white siamese cat on a windowsill"'),
        Example(
            "Compare models and sizes: a table of all combinations.",
            "%%seedream generate --model 5.0-lite 4.5 --size 2K 4K\na white siamese cat on a windowsill",
        ),
        Example(
            "Two images for each prompt of a list, with the gallery in a variable.",
            'prompts = ["a red kite", "a blue kite"]\nkites = %seedream generate {prompts} --takes 2',
        ),
        Example(
            "With a reference image; look first: nothing is sent.",
            '%seedream generate "this lighthouse at night" --image photo.jpg --dry-run',
        ),
    ),
    "edit": (
        Example("Edit an image file.", '%seedream edit photo.jpg "let it snow"'),
        Example(
            "Edit an image of an earlier result with another model.",
            "%%seedream edit study[0] --model 4.5 --size 2K\nturn it into a watercolor painting",
        ),
        Example(
            "Show the model where: send what is drawn on the image.",
            "from seedream_nb import Markup\n\n"
            'sketch = Markup("photo.jpg").box(10, 10, 40, 40, color="red")\n'
            '%seedream edit sketch "put a vase into the red box, and remove the box"',
        ),
    ),
    "remake": (
        Example("Show the request behind a task, with a cell to edit; nothing is sent.", "%seedream remake 84d1544a"),
        Example("Send it again with another size.", "%seedream remake 84d1544a --size 4K --again"),
        Example("The request behind a saved image.", "%seedream remake photo.jpg"),
    ),
    "run": (
        Example("An image for each row; the column prompt has the prompts.", "%seedream run prompts.csv --yes"),
        Example(
            "A template over the columns. Run the cell again to continue where it stopped.",
            "%%seedream run prompts.csv --name kites --model 4.5\na {color} kite over {place}",
        ),
        Example("Export the images of a run.", "%seedream run kites --export kites_dataset"),
        Example("List all runs.", "%seedream run"),
    ),
    "get": (
        Example("A task by the first characters of its id.", "%seedream get 84d1544a"),
        Example(
            "Several tasks, one under the other.",
            "%%seedream get --columns 1\n"
            "84d1544a-9043-4dde-a98b-e889dacd75f6  # a cat\n"
            "20068983-0cc9-4c6a-aeb6-9c6a3c668be0",
        ),
        Example("Show some tasks of a gallery, and save their originals.", "%seedream get study[0] --save originals"),
    ),
    "wait": (
        Example(
            "Send now and wait later.",
            'boats = %seedream generate "a boat" "a raft" --no-wait\n%seedream wait boats --timeout 120',
        ),
        Example("Wait for the unfinished tasks of the last result.", "%seedream wait"),
    ),
    "resume": (
        Example("Show what earlier kernels left unfinished.", "%seedream resume"),
        Example(
            "The same, for at most five minutes, with the gallery in a variable.",
            "%seedream resume --timeout 300 --out left",
        ),
    ),
    "watch": (
        Example(
            "Keep the notebook free while tasks finish.",
            '%seedream generate "a lake at dawn" --no-wait --out lake\n%seedream watch lake',
        ),
        Example("Stop watching; the tasks continue at the service.", "%seedream watch --stop"),
    ),
    "history": (
        Example("The newest tasks of the account.", "%seedream history"),
        Example("What failed since yesterday.", "%seedream history --since yesterday --failed"),
        Example("Up to 5 tasks of one model, in a variable.", "recent = %seedream history --limit 5 --model 4.5"),
    ),
    "last": (
        Example("The last result with larger thumbnails.", "%seedream last --thumbnail 480 --columns 2"),
        Example("Save the originals of the last result.", "%seedream last --save originals"),
    ),
    "explore": (
        Example("Browse the last result.", "%seedream explore --last"),
        Example("Browse everything on this machine.", "panel = %seedream explore --library"),
        Example("Browse the newest 50 tasks of the account.", "%seedream explore --history 50 --out panel"),
    ),
    "library": (Example("Where the library is, and what is in it.", "%seedream library"),),
    "library search": (
        Example("Find words in prompts, tags and notes.", "%seedream library search siamese cat"),
        Example("An exact phrase in tasks of the last 30 days.", '%seedream library search "siamese cat" --since 30d'),
        Example(
            "The best images, saved as a collection.",
            "%seedream library search --rating 4 --sort rating --save-search best",
        ),
    ),
    "library show": (
        Example("The newest stored tasks.", "%seedream library show --limit 12"),
        Example("One task, without a request.", "%seedream library show 84d1544a"),
    ),
    "library tag": (
        Example("Tag the images of the last result.", "%seedream library tag calendar"),
        Example("Tag one image.", "%seedream library tag calendar study[0].images[0]"),
    ),
    "library untag": (Example("Remove a tag from a task.", "%seedream library untag calendar 84d1544a"),),
    "library rate": (
        Example("Five stars for a task.", "%seedream library rate 5 study[0]"),
        Example("Remove the rating.", "%seedream library rate 0 study[0]"),
    ),
    "library note": (
        Example("Add a note to a task.", '%seedream library note "for the cover" 84d1544a'),
        Example("Remove the note.", '%seedream library note "" 84d1544a'),
    ),
    "library reject": (Example("Reject a task; --no-rejected hides it.", "%seedream library reject study[0]"),),
    "library unreject": (Example("Take that back.", "%seedream library unreject study[0]"),),
    "library tags": (Example("All tags with the number of their tasks.", "%seedream library tags"),),
    "library collections": (
        Example("All saved searches.", "%seedream library collections"),
        Example("Remove one; its images stay.", "%seedream library collections --remove best"),
    ),
    "library tree": (
        Example(
            "What an edited image was made from.",
            'snow = %seedream edit study[0] "let it snow"\n%seedream library tree snow[0]',
        ),
        Example("The same for the last result.", "%seedream library tree"),
    ),
    "library verify": (Example("Verify every record and original.", "%seedream library verify"),),
    "library export": (
        Example("Everything, in one file.", "%seedream library export everything.zip"),
        Example("Some tasks.", "%seedream library export cats.zip study"),
    ),
    "library import": (
        Example(
            "Take over what another library exported.",
            "%seedream library export for_the_team.zip study\n%seedream library import for_the_team.zip",
        ),
    ),
    "library remove": (Example("Remove a task without a confirmation.", "%seedream library remove 84d1544a --yes"),),
    "library prune": (
        Example("Remove what is older than 90 days and not marked.", "%seedream library prune --older 90d --yes"),
        Example(
            "Remove originals over 20 MB; their records and thumbnails stay.",
            "%seedream library prune --larger 20MB --yes",
        ),
    ),
    "spend": (
        Example("The last 30 days, by day.", "%seedream spend"),
        Example("The last week, by model.", "%seedream spend --since 7d --by model"),
    ),
    "sandbox": (
        Example("Try everything without a token.", "%seedream sandbox"),
        Example("List its example tasks.", "%seedream sandbox status"),
        Example(
            "Let images take 2 seconds, and the balance last for 20.", "%seedream sandbox --seconds 2 --balance 20"
        ),
        Example("Return to the live service.", "%seedream sandbox stop"),
    ),
    "login": (Example("Enter the token.", "%seedream login", not_run="it prompts for a token"),),
    "config": (
        Example("What is in use.", "%seedream config"),
        Example("In this kernel, pay again for cells that run again.", "%seedream config --reuse off"),
    ),
    "help": (
        Example("All commands.", "%seedream help"),
        Example("One command; the same as %seedream library search --help.", "%seedream help library search"),
        Example("What an error means, and what to do.", "%seedream help RateLimitedError"),
    ),
}


def name_assumed(command: str) -> str:
    """What the examples of a command assume, in one sentence; empty if that is nothing."""
    code = "\n".join(example.code for example in EXAMPLES[command])
    found = "; ".join(text for word, text in ASSUMED.items() if word in code)
    return f"Here, {found}." if found else ""


def format_examples(command: str) -> str:
    """The examples of a command as its help shows them."""
    cells = [f"# {example.purpose}\n{example.code}" for example in EXAMPLES[command]]
    assumed = textwrap.fill(name_assumed(command).replace("`", ""), 100)
    return textwrap.indent("\n\n".join(filter(None, [*cells, assumed])), "  ")
