"""Billing runs: the planner that starts them and the worker that bills a shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.jobs.sqs import each_message


def plan_billing(services: Services, event: Mapping[str, Any]) -> None:
    """Start the runs of tenants whose local billing hour has come."""
    raise NotImplementedError


def work_billing(services: Services, event: Mapping[str, Any]) -> dict[str, Any]:
    """Bill the shard that each message names."""
    return each_message(event, lambda message: _bill(services, message))


def _bill(services: Services, message: Mapping[str, Any]) -> None:
    raise NotImplementedError
