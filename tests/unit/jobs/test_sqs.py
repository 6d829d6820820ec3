"""The boundary of queue workers."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.jobs.sqs import each_message


def event(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m-{n}", "body": body} for n, body in enumerate(bodies)]}


def test_a_message_that_fails_is_given_back_and_the_others_are_done() -> None:
    done: list[int] = []

    def handle(message: dict[str, Any]) -> None:
        done.append(10 // message["n"])

    answer = each_message(event(*(json.dumps({"n": n}) for n in (1, 0, 5))), handle)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert done == [10, 2]


def test_what_is_no_json_object_is_given_back() -> None:
    handled: list[object] = []

    answer = each_message(event("{", "[]", '"x"', "{}"), handled.append)

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m-0", "m-1", "m-2"]
    assert handled == [{}]
