"""Arbitrary tasks, of the kinds that a service, or whoever stands in for it, might send.

They are few and small: to draw one takes longer than most tests need for it, and each field is drawn by itself.
"""

from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Task, TaskImage, TaskStatus
from tests.sample_images import plain, translucent

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></details></figure></div><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "<!-- ", "--><b>bold</b>", "<![CDATA[", "]]>", "<?php",
    "&lt;script&gt;", "&#x3c;i&#x3e;", "&amp", "&#0;",
    "\x1b[31mred\x1b[0m\x07", "\x00", "\x9b2J",
    "\u202egnp.exe", "\u2066isolated", "\ud800", "\udfff half", "\ufeff", "\uffff",
    "line\nline\r\nline\u2028line\u0085line", "1. ✓ succeeded · forged",
    "\t tabbed \t", " ", "\n", "江南山水", "قطة بيضاء", "👩\u200d🎨 paints", "e\u0301",
    "$x^2$ \\(y\\)", "{{ 7 * 7 }}", "%s %d {0}",
    "x" * 3000, "\n" * 2500 + "end", "字" * 2100,
)  # fmt: skip
LINKS = (
    "https://images.example/a.jpg",
    "https://images.example/b.png?x=1&y=%22<>'\"",
    "HTTPS://IMAGES.EXAMPLE/C.JPG",
    "http://images.example/ü/字.jpg",
    "javascript:alert(1)",
    "JaVaScRiPt://images.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml,<svg onload='alert(1)'/>",
    "vbscript:x",
    "file:///etc/passwd",
    "//images.example/a.jpg",
    "https://",
    "https:///a.jpg",
    "http://[",
    "http://127.0.0.1:1/a.jpg",
    "http://localhost:1/a.jpg",
    "http://127.0.0.1:1/a b.jpg",
    'http://127.0.0.1:1/"onload=x',
    "http://127.0.0.1:1/\n<b>",
    "",
    "a.jpg",
)
IMAGES = (plain(), translucent(), b"", b"<html>no image</html>", plain()[:60])
SIZES = ("2048x2048", "2K", "4096x2304", "1x100000", "999999x1", "0x0", "auto", "<b>x</b>", "x" * 900)

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=60),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map(" ".join),
)
maybe_texts = st.none() | texts
errors = st.builds(ErrorDetail, texts | st.just("OutputImageSensitiveContentDetected"), texts)
images = st.builds(
    TaskImage,
    texts,
    st.integers(0, 20),
    url=st.none() | st.sampled_from(LINKS),
    data=st.none() | st.sampled_from(IMAGES),
    prompt=texts,
    model=maybe_texts,
    size=st.none() | st.sampled_from(SIZES) | texts,
    output_format=st.sampled_from(("jpeg", "png", None)) | texts,
    seed=st.none() | st.integers(),
    z_index=st.none() | st.integers(-1, 17),
    name=maybe_texts,
    error=st.none() | errors,
)
tasks = st.builds(
    Task,
    texts,
    st.sampled_from(TaskStatus),
    st.lists(images, max_size=3).map(tuple),
    prompt=texts,
    model=maybe_texts,
    size=st.none() | st.sampled_from(SIZES) | texts,
    error=st.none() | errors,
    trace_id=maybe_texts,
)
task_lists = st.lists(tasks, max_size=3)


def task_with(content: bytes, prompt: str = "a cat", task_id: str = "12345678-abcd", **raw: object) -> Task:
    image = TaskImage(task_id, data=content, prompt=prompt)
    return Task(task_id, TaskStatus.SUCCEEDED, (image,), prompt=prompt, raw=raw or {"id": task_id})


EXAMPLES = [
    Task("id-1", TaskStatus.SUCCEEDED, (TaskImage("id-1", data=plain()),), prompt="a cat", model="m", size="2K"),
    Task("id-2", TaskStatus.FAILED, prompt="a dog", error=ErrorDetail("code", "message"), trace_id="trace"),
    Task.not_found("id-3"),
]
