"""The sandbox's example tasks: those of the API documentation, one in each state, and some to look at.

They are constants, including ids and times, so that notebooks built on them give the same output everywhere.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from seedream_nb.protocol.sizes import parse_size, pixels_of_preset
from seedream_nb.sandbox.images import ImagePlan, ImageSpec, plan_items
from seedream_nb.sandbox.tasks import INPUT_REJECTED, OUTPUT_WITHHELD, ErrorDetail, Item, SandboxTask


class Example(NamedTuple):
    """One entry of the list of example tasks."""

    id: str
    state: str
    prompt: str
    note: str


@dataclasses.dataclass(frozen=True)
class ExampleTask:
    """The definition of an example task: its images, times in seconds, and the options of its request."""

    id: str
    note: str
    images: ImagePlan
    created_at: float
    elapsed: float
    model: str
    size: str
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    error: ErrorDetail | None = None
    ready_after_query: float | None = None
    trace_id: str = ""

    @functools.cached_property
    def _plan(self) -> tuple[tuple[Item, ...], dict[str, ImageSpec]]:
        return plan_items(self.images, self.id)

    def build(self) -> tuple[SandboxTask, dict[str, ImageSpec]]:
        """Return the task and the specs of its images by file name."""
        items, specs = self._plan
        request = {"action": "generate", "model": self.model, "prompt": self.images.spec.prompt, "size": self.size}
        task = SandboxTask(
            id=self.id,
            request={**request, **self.options},
            items=() if self.error else items,
            created_at=self.created_at,
            finished_at=round(self.created_at + 0.3 + self.elapsed, 3),
            ready_at=-math.inf if self.ready_after_query is None else math.inf,
            ready_after_query=self.ready_after_query,
            error=self.error,
            shows_usage=False,
            trace_id=self.trace_id,
        )
        return task, {} if self.error else specs


def _set_of(count: int) -> dict[str, object]:
    return {
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": count},
    }


_TABLE = """\
84d1544a-9043-4dde-a98b-e889dacd75f6 1766427547.107 14.493 doubao-seedream-4-0-250828 2K
the API documentation's example
a white siamese cat

20068983-0cc9-4c6a-aeb6-9c6a3c668be0 1766428103.482 13.871 doubao-seedream-4-0-250828 2K
the API documentation's second example: same prompt, different image
a white siamese cat

5c0f6b1e-7d3a-4e92-8f41-2b9d60c7a3e5 1766514002.25 41.06 doubao-seedream-4-5-251128 2K
a set of four images
One mountain valley through the four seasons: spring, summer, autumn and winter

e3a94d70-16bf-4c58-9d02-87f1b5c2e46a 1766601377.9 33.4 doubao-seedream-4-0-250828 2K
partially failed: one of three images was withheld
Three posters for a harbour jazz festival at night, neon reflections on wet stone

b7215f8c-40de-4a6b-b3c9-f05e8d7a1924 1766688211.015 61.2 doubao-seedream-4-0-250828 2K
failed: the service could not generate the image
A lighthouse on a cliff in a storm, oil painting

0d86c3f2-9b57-4f1e-a4d8-63e2b71f5c90 1766774940.66 1.35 doubao-seedream-4-0-250828 2K
failed: moderation rejected the prompt
A forbidden scene that the moderation does not let through

f19a7e45-c2d3-4b80-8e67-5a4c0b9d3f12 1766861500.5 24.8 doubao-seedream-4-5-251128 5404x3040
landscape: 16:9 at 4K
Misty mountains at dawn, ridge behind ridge, wide panorama

63b8d1c9-5e0f-4d27-9a3b-c84f7e216d05 1766948033.71 15.9 doubao-seedream-4-0-250828 1536x2730
portrait: 9:16
A city skyline at blue hour, lit windows mirrored in the water

a5e07f34-8c61-4b9d-b2f7-190d3c6e58ab 1767034615.128 19.3 doubao-seedream-5-0-pro-260628 1.5K
PNG with a transparent background
A bouquet of poppies and daisies in a vase, studio light

2fd4b690-a7e8-4351-8c1d-e96b05f8d73c 1767121298.4 38.7 doubao-seedream-5-0-pro-260628 1536x1024
layer decomposition
A sailing boat in a quiet bay at sunset

c8e13a5d-0f92-4764-b5a8-7d2c94e6f081 1767207843.933 17.6 doubao-seedream-5-0-lite-260128 2K
a prompt in Chinese
江南山水，清晨薄雾，远山如黛，水墨画风格

97a2c6e0-d41b-4f85-a0e3-3b58f7d9c264 1767294401.07 22.1 doubao-seedream-4-5-251128 2304x1728
a very long prompt
A far planet seen from its innermost moon, painted like the cover of a science magazine of the seventies: in the
foreground a dark ridge with a tiny lander, its windows the only warm light; beyond it the planet, banded in cream,
rust and violet, with a broad ring system that throws a thin curved shadow; two small moons, one lit, one a black
disc in front of the bands; behind everything a nebula in teal and magenta, dense with stars of many sizes, a few
with faint diffraction spikes; calm, vast, a little lonely; fine grain, soft edges in the far distance, crisp edges
up close, no text, no border, no people

4be96d27-f83c-4a05-9e71-d0c5a2b8467f 1752570123.84 6.2 doubao-seedream-3-0-t2i-250415 1024x1024
a model that is no longer offered
A small sailing boat on a golden sea, quiet evening

d60b82f7-3a9e-4c14-b8d5-f27e91c04a3b 1767380987.5 11.4 doubao-seedream-4-0-250828 2K
in progress: finishes two seconds after the first query
Snowy mountains under a night sky full of stars
"""  # noqa: RUF001 - Chinese has its own comma
"""For each example its id, creation time (Unix seconds), duration (seconds), model and size; its note; its prompt."""

_MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    "84d1544a": {
        "plan": {"names": ("6e5f9085-cc4a-4801-b77b-31550129ff19.jpg",)},
        "trace_id": "176acf03-7ca7-4fc6-85db-e3724d4f59eb",
    },
    "20068983": {"spec": {"seed": 7}},
    "5c0f6b1e": {
        "plan": {
            "count": 4,
            "captions": (
                "A mountain valley in spring, fresh green slopes in the morning",
                "A mountain valley in summer, deep blue under a high sun",
                "A mountain valley in autumn, golden slopes in the evening",
                "A mountain valley in winter, snow and ice under a pale sky",
            ),
        },
        "options": _set_of(4),
    },
    "e3a94d70": {"plan": {"count": 3, "withheld": {1: OUTPUT_WITHHELD}}, "options": _set_of(3)},
    "b7215f8c": {"error": ErrorDetail("api_error", "The image could not be generated. Please try again later.")},
    "0d86c3f2": {"error": INPUT_REJECTED},
    "a5e07f34": {
        "spec": {"style": "cutout", "output_format": "png"},
        "options": {"output_format": "png", "background": "transparent"},
    },
    "2fd4b690": {"spec": {"style": "layer", "layers": 3}, "options": {"layer_decomposition": True}},
    "4be96d27": {"spec": {"seed": 42}, "options": {"seed": 42, "guidance_scale": 2.5}},
    "d60b82f7": {"ready_after_query": 2.0},
}
"""What else an example consists of, by the first part of its id: of its `spec`, its `plan`, and itself."""


def _example(text: str) -> ExampleTask:
    facts, note, *lines = text.splitlines()
    task_id, created_at, elapsed, model, size = facts.split()
    more = dict(_MORE.get(task_id.partition("-")[0], {}))
    width, height = parse_size(size) or pixels_of_preset(size)
    spec = ImageSpec(" ".join(lines), width, height, **more.pop("spec", {}))
    plan = ImagePlan(spec, **more.pop("plan", {}))
    return ExampleTask(task_id, note, plan, float(created_at), float(elapsed), model, size, **more)


EXAMPLE_TASKS: Final = tuple(_example(text) for text in _TABLE.split("\n\n"))
