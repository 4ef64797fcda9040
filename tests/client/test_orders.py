"""Orders that a program gets wrong: each is rejected with one sentence, and nothing is paid for."""

from collections.abc import Callable
from typing import Any

import pytest

from seedream_nb import GenerationRequest, Sandbox, SeedreamClient
from seedream_nb.core.errors import UsageError

Order = Callable[[Any], object]

WRONG: dict[str, tuple[Order, str]] = {
    "several prompts at once": (lambda client: client.generate(["a cat", "a dog"]), "prompt must be text"),
    "a missing value of a table": (lambda client: client.generate(float("nan")), "prompt must be text"),
    "a switch as text": (lambda client: client.generate("a cat", web_search="no"), "web_search must be True or False"),
    "a switch as a number": (lambda client: client.generate("a cat", layers=0), "layers must be True or False"),
    "an edit without an image": (lambda client: client.edit(None, "blue"), "There is no image to edit"),
    "an edit of an empty result": (lambda client: client.edit([], "blue"), "reference images is empty"),
    "references of an empty result": (lambda client: client.generate("a cat", image=[]), "reference images is empty"),
    "a timeout as text": (lambda client: client.generate("a cat", wait=True, timeout="60"), "timeout must be a number"),
    "a missing timeout": (lambda client: client.generate_all(["a cat"], timeout=float("nan")), "must be a number"),
    "a text whose letters are prompts": (lambda client: client.generate_all("a cat"), "takes a list of requests"),
    "a single request": (lambda client: client.generate_all(GenerationRequest("a cat")), "takes a list of requests"),
    "a row of a table": (
        lambda client: client.generate_all(["a cat", {"prompt": "a dog"}]),
        "Request 2 of 2: a dict is not a request",
    ),
}


@pytest.mark.parametrize(("order", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_order_is_not_sent(client: SeedreamClient, sandbox: Sandbox, order: Order, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        order(client)
    assert not sandbox.requests.of_kind("images")


def test_a_list_of_texts_is_one_request_each(client: SeedreamClient, sandbox: Sandbox) -> None:
    prompts = ["a cat", 'a sign saying "OPEN", at night', "a cat"]
    tasks = client.generate_all(prompts).finish()
    assert [task.prompt for task in tasks] == prompts
    assert len(sandbox.requests.of_kind("images")) == len(prompts)
