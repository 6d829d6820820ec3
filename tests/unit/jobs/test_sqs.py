"""The boundary of queue workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.jobs.sqs import RECEIVES_MAX, each_message


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


def test_a_message_that_fails_for_the_last_time_is_told_of() -> None:
    told: list[object] = []

    def handle(_message: dict[str, Any]) -> None:
        raise RuntimeError("the worker broke")

    def gave_up(message: dict[str, Any]) -> None:
        told.append(message)
        raise RuntimeError("and this broke too")

    for receives in (1, RECEIVES_MAX - 1, RECEIVES_MAX):
        sent = event('{"n": 1}')
        sent["Records"][0]["attributes"] = {"ApproximateReceiveCount": str(receives)}
        answer = each_message(sent, handle, gave_up=gave_up)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}

    assert told == [{"n": 1}]


def test_every_queue_gives_up_after_as_many_receives() -> None:
    template = json.loads((Path(__file__).parents[3] / ".chalice" / "resources.json").read_text())
    queues = [one for one in template["Resources"].values() if one["Type"] == "AWS::SQS::Queue"]

    counts = [
        one["Properties"]["RedrivePolicy"]["maxReceiveCount"]
        for one in queues
        if "RedrivePolicy" in one["Properties"]
    ]

    assert counts == [RECEIVES_MAX] * 4
