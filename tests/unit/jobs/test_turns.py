"""Jobs that one worker at a time does: handed on, looked at again, given up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from chalicelib.domain.jobs import JobTaken
from chalicelib.jobs.sqs import RECEIVES_MAX
from chalicelib.jobs.turns import LOOK_AGAIN_SECONDS, LOOKS_MAX, JobKind, each_job

NAMES = {"tenant_id": "ten_1", "export_id": "exp_1"}


@dataclass
class Jobs:
    """A queue, and a worker whose turn ends as the test says."""

    outcome: bool | Exception = True
    sent: list[tuple[Mapping[str, object], int]] = field(default_factory=list)
    worked: list[dict[str, str]] = field(default_factory=list)
    given_up: list[dict[str, str]] = field(default_factory=list)

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        self.sent.append((message, delay_seconds))

    def work(self, **names: str) -> bool:
        self.worked.append(names)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def give_up(self, **names: str) -> None:
        self.given_up.append(names)

    def deliver(self, message: Mapping[str, object], *, receives: int = 1) -> list[object]:
        attributes = {"ApproximateReceiveCount": str(receives)}
        record = {"messageId": "m", "body": json.dumps(message), "attributes": attributes}
        answer = each_job({"Records": [record]}, JobKind("export", self, self.work, self.give_up))
        return list(answer["batchItemFailures"])


def test_a_finished_job_is_done_with() -> None:
    jobs = Jobs()

    assert jobs.deliver(NAMES) == []
    assert (jobs.worked, jobs.sent) == ([NAMES], [])


def test_an_unfinished_job_is_handed_on_at_once() -> None:
    jobs = Jobs(outcome=False)

    jobs.deliver({**NAMES, "looks": 3})

    assert jobs.sent == [(NAMES, 0)]


def test_a_job_that_another_worker_has_is_looked_at_again_so_often_and_no_more() -> None:
    jobs = Jobs(outcome=JobTaken("another worker"))

    jobs.deliver(NAMES)
    while len(jobs.worked) <= len(jobs.sent):
        jobs.deliver(jobs.sent[-1][0])

    assert jobs.sent == [({**NAMES, "looks": n}, LOOK_AGAIN_SECONDS) for n in range(1, LOOKS_MAX + 1)]


@pytest.mark.parametrize(("receives", "told"), [(RECEIVES_MAX - 1, []), (RECEIVES_MAX, [NAMES])])
def test_a_job_that_failed_for_the_last_time_is_given_up(receives: int, told: list[object]) -> None:
    jobs = Jobs(outcome=RuntimeError("the worker broke"))

    assert jobs.deliver(NAMES, receives=receives) == [{"itemIdentifier": "m"}]
    assert jobs.given_up == told
