"""The sandbox's example tasks: those of the API documentation, one in each state, and some to look at.

They are constants, including ids and times, so that notebooks built on them give the same output everywhere.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from seedream_nb.sandbox.images import ImagePlan, ImageSpec, plan_items
from seedream_nb.sandbox.tasks import INPUT_REJECTED, OUTPUT_WITHHELD, ErrorDetail, SandboxTask


class Example(NamedTuple):
    """One entry of the list of example tasks."""

    id: str
    state: str
    prompt: str
    note: str


@dataclasses.dataclass(frozen=True)
class ExampleTask:
    """The definition of an example task.

    Attributes:
        id: The task id.
        note: What it is an example of.
        images: Its images, with the prompt of the request.
        created_at: Unix seconds.
        elapsed: Duration in seconds.
        model: Full model id.
        options: Further fields of the request.
        error: Set for a task that fails as a whole.
        ready_after_query: Seconds after the first query, for the pending task.
        trace_id: The documented one, if any.
    """

    id: str
    note: str
    images: ImagePlan
    created_at: float
    elapsed: float
    model: str = "doubao-seedream-4-0-250828"
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    error: ErrorDetail | None = None
    ready_after_query: float | None = None
    trace_id: str = ""

    def build(self) -> tuple[SandboxTask, dict[str, ImageSpec]]:
        """Return the task and the specs of its images by file name."""
        items, specs = plan_items(self.images, self.id)
        request = {"action": "generate", "model": self.model, "prompt": self.images.spec.prompt, "size": "2K"}
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


_LONG_PROMPT = (
    "A far planet seen from its innermost moon, painted like the cover of a science magazine of the seventies: "
    "in the foreground a dark ridge with a tiny lander, its windows the only warm light; beyond it the planet, "
    "banded in cream, rust and violet, with a broad ring system that throws a thin curved shadow; two small "
    "moons, one lit, one a black disc in front of the bands; behind everything a nebula in teal and magenta, "
    "dense with stars of many sizes, a few with faint diffraction spikes; calm, vast, a little lonely; fine "
    "grain, soft edges in the far distance, crisp edges up close, no text, no border, no people"
)

EXAMPLE_TASKS: Final[tuple[ExampleTask, ...]] = (
    ExampleTask(
        id="84d1544a-9043-4dde-a98b-e889dacd75f6",
        note="the API documentation's example",
        images=ImagePlan(
            ImageSpec("a white siamese cat", 2048, 2048), names=("6e5f9085-cc4a-4801-b77b-31550129ff19.jpg",)
        ),
        created_at=1766427547.107,
        elapsed=14.493,
        trace_id="176acf03-7ca7-4fc6-85db-e3724d4f59eb",
    ),
    ExampleTask(
        id="20068983-0cc9-4c6a-aeb6-9c6a3c668be0",
        note="the API documentation's second example: same prompt, different image",
        images=ImagePlan(ImageSpec("a white siamese cat", 2048, 2048, seed=7)),
        created_at=1766428103.482,
        elapsed=13.871,
    ),
    ExampleTask(
        id="5c0f6b1e-7d3a-4e92-8f41-2b9d60c7a3e5",
        note="a set of four images",
        images=ImagePlan(
            ImageSpec("One mountain valley through the four seasons: spring, summer, autumn and winter", 2048, 2048),
            count=4,
            captions=(
                "A mountain valley in spring, fresh green slopes in the morning",
                "A mountain valley in summer, deep blue under a high sun",
                "A mountain valley in autumn, golden slopes in the evening",
                "A mountain valley in winter, snow and ice under a pale sky",
            ),
        ),
        created_at=1766514002.25,
        elapsed=41.06,
        model="doubao-seedream-4-5-251128",
        options=_set_of(4),
    ),
    ExampleTask(
        id="e3a94d70-16bf-4c58-9d02-87f1b5c2e46a",
        note="partially failed: one of three images was withheld",
        images=ImagePlan(
            ImageSpec("Three posters for a harbour jazz festival at night, neon reflections on wet stone", 2048, 2048),
            count=3,
            withheld={1: OUTPUT_WITHHELD},
        ),
        created_at=1766601377.9,
        elapsed=33.4,
        options=_set_of(3),
    ),
    ExampleTask(
        id="b7215f8c-40de-4a6b-b3c9-f05e8d7a1924",
        note="failed: the service could not generate the image",
        images=ImagePlan(ImageSpec("A lighthouse on a cliff in a storm, oil painting", 2048, 2048)),
        created_at=1766688211.015,
        elapsed=61.2,
        error=ErrorDetail("api_error", "The image could not be generated. Please try again later."),
    ),
    ExampleTask(
        id="0d86c3f2-9b57-4f1e-a4d8-63e2b71f5c90",
        note="failed: moderation rejected the prompt",
        images=ImagePlan(ImageSpec("A forbidden scene that the moderation does not let through", 2048, 2048)),
        created_at=1766774940.66,
        elapsed=1.35,
        error=INPUT_REJECTED,
    ),
    ExampleTask(
        id="f19a7e45-c2d3-4b80-8e67-5a4c0b9d3f12",
        note="landscape: 16:9 at 4K",
        images=ImagePlan(ImageSpec("Misty mountains at dawn, ridge behind ridge, wide panorama", 5404, 3040)),
        created_at=1766861500.5,
        elapsed=24.8,
        model="doubao-seedream-4-5-251128",
        options={"size": "5404x3040"},
    ),
    ExampleTask(
        id="63b8d1c9-5e0f-4d27-9a3b-c84f7e216d05",
        note="portrait: 9:16",
        images=ImagePlan(ImageSpec("A city skyline at blue hour, lit windows mirrored in the water", 1536, 2730)),
        created_at=1766948033.71,
        elapsed=15.9,
        options={"size": "1536x2730"},
    ),
    ExampleTask(
        id="a5e07f34-8c61-4b9d-b2f7-190d3c6e58ab",
        note="PNG with a transparent background",
        images=ImagePlan(
            ImageSpec(
                "A bouquet of poppies and daisies in a vase, studio light",
                1536,
                1536,
                style="cutout",
                output_format="png",
            )
        ),
        created_at=1767034615.128,
        elapsed=19.3,
        model="doubao-seedream-5-0-pro-260628",
        options={"size": "1.5K", "output_format": "png", "background": "transparent"},
    ),
    ExampleTask(
        id="2fd4b690-a7e8-4351-8c1d-e96b05f8d73c",
        note="layer decomposition",
        images=ImagePlan(ImageSpec("A sailing boat in a quiet bay at sunset", 1536, 1024, style="layer", layers=3)),
        created_at=1767121298.4,
        elapsed=38.7,
        model="doubao-seedream-5-0-pro-260628",
        options={"size": "1536x1024", "layer_decomposition": True},
    ),
    ExampleTask(
        id="c8e13a5d-0f92-4764-b5a8-7d2c94e6f081",
        note="a prompt in Chinese",
        images=ImagePlan(ImageSpec("江南山水，清晨薄雾，远山如黛，水墨画风格", 2048, 2048)),  # noqa: RUF001 - Chinese has its own comma
        created_at=1767207843.933,
        elapsed=17.6,
        model="doubao-seedream-5-0-lite-260128",
    ),
    ExampleTask(
        id="97a2c6e0-d41b-4f85-a0e3-3b58f7d9c264",
        note="a very long prompt",
        images=ImagePlan(ImageSpec(_LONG_PROMPT, 2304, 1728)),
        created_at=1767294401.07,
        elapsed=22.1,
        model="doubao-seedream-4-5-251128",
        options={"size": "2304x1728"},
    ),
    ExampleTask(
        id="4be96d27-f83c-4a05-9e71-d0c5a2b8467f",
        note="a model that is no longer offered",
        images=ImagePlan(ImageSpec("A small sailing boat on a golden sea, quiet evening", 1024, 1024, seed=42)),
        created_at=1752570123.84,
        elapsed=6.2,
        model="doubao-seedream-3-0-t2i-250415",
        options={"size": "1024x1024", "seed": 42, "guidance_scale": 2.5},
    ),
    ExampleTask(
        id="d60b82f7-3a9e-4c14-b8d5-f27e91c04a3b",
        note="in progress: finishes two seconds after the first query",
        images=ImagePlan(ImageSpec("Snowy mountains under a night sky full of stars", 2048, 2048)),
        created_at=1767380987.5,
        elapsed=11.4,
        ready_after_query=2.0,
    ),
)
