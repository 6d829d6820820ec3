"""Where the Telco sample is missing, tests are skipped; on CI they fail instead."""

from __future__ import annotations

import pytest

from tests import sample


@pytest.mark.parametrize(
    ("environment", "may"), [({}, True), ({"CI": ""}, True), ({"CI": "false"}, True), ({"CI": "true"}, False)]
)
def test_on_ci_the_sample_may_not_be_missing(environment: dict[str, str], *, may: bool) -> None:
    assert sample.may_be_missing(environment) is may
