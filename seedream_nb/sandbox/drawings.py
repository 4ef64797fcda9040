"""What is to be painted for a task, turned into the task's items and the recipes of their pictures.

Example tasks, tasks added by tests and generated ones all pass through here, so they cannot differ in kind.
"""

import dataclasses
from collections.abc import Mapping

from seedream_nb.sandbox.pictures import OutputFormat, PictureStyle, Recipe
from seedream_nb.sandbox.tasks import ErrorDetail, Item, stable_id


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The pictures of one task.

    Attributes:
        prompt: What they are painted from.
        width: Of each, in pixels.
        height: Of each, in pixels.
        pictures: How many; a picture taken apart into layers counts once.
        captions: Prompts of the single pictures, where they differ.
        withheld: The error that takes the place of a picture, by position.
        style: How they are painted.
        output_format: `jpeg` or `png`; named in the items when set, JPEG otherwise.
        seed: Another picture of the same prompt.
        sources: For edits and layers.
        layers: How many layers are wanted above the base image.
        names: File names of the first pictures, where they are given.
    """

    prompt: str
    width: int
    height: int
    pictures: int = 1
    captions: tuple[str, ...] = ()
    withheld: Mapping[int, ErrorDetail] = dataclasses.field(default_factory=dict)
    style: PictureStyle = "scene"
    output_format: OutputFormat | None = None
    seed: int | None = None
    sources: tuple[bytes | Recipe, ...] = ()
    layers: int = 0
    names: tuple[str, ...] = ()


def lay_out(drawing: Drawing, task_id: str) -> tuple[tuple[Item, ...], dict[str, Recipe]]:
    """Return the items of a task and the recipes of its pictures by file name."""
    items: list[Item] = []
    recipes: dict[str, Recipe] = {}
    size = f"{drawing.width}x{drawing.height}"
    for index in range(drawing.pictures):
        caption = drawing.captions[index] if index < len(drawing.captions) else drawing.prompt
        if index in drawing.withheld:
            items.append(Item(caption, size, error=drawing.withheld[index]))
            continue
        recipe = Recipe(
            prompt=caption,
            width=drawing.width,
            height=drawing.height,
            index=index,
            style=drawing.style,
            output_format=drawing.output_format or "jpeg",
            seed=drawing.seed,
            sources=drawing.sources,
            layers=drawing.layers,
        )
        given = drawing.names[index] if index < len(drawing.names) else ""
        name = given or f"{stable_id('picture', task_id, index)}.{recipe.extension}"
        recipes[name] = recipe
        items.append(
            Item(caption, size, name, output_format=drawing.output_format, is_layered=drawing.style == "layer")
        )
    return tuple(items), recipes
