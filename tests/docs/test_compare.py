"""What the page on other tools says of the service's SDK is so."""

from __future__ import annotations

import contextlib
import importlib

import pytest

from seedream_nb import Sandbox


@pytest.mark.parametrize(("options", "paid"), [({}, 2), ({"max_retries": 0}, 1)], ids=["by default", "without retries"])
def test_the_sdk_pays_again_for_a_lost_answer(options: dict[str, int], paid: int) -> None:
    sdk = importlib.import_module("acedatacloud")
    with Sandbox(generation_seconds=0) as sandbox:
        before = len(sandbox.task_ids)
        sandbox.faults.add("drop", on="images", times=1, processed=True)
        client = sdk.AceDataCloud(sandbox.token, base_url=sandbox.url, **options)
        with contextlib.suppress(Exception):  # without retries, it raises an error
            client.seedream.generate(model="doubao-seedream-4-5-251128", prompt="a cat")
        client.close()
        assert len(sandbox.task_ids) - before == paid
