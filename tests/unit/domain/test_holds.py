"""What ends by itself while it is held: what is moved on, and by how much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.data_map import HELD
from chalicelib.domain.holds import COPY_RENEWED, ENDS_SOON, MOVED_ON, copy_due, moved_on

NOW = datetime(2041, 5, 15, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize("left", [MOMENT, timedelta(days=1), ENDS_SOON - MOMENT])
def test_what_ends_soon_is_moved_on_and_never_shortened(left: timedelta) -> None:
    later = moved_on(ends_at=NOW + left, at=NOW)

    assert later == NOW + MOVED_ON
    assert later > NOW + left


@pytest.mark.parametrize("left", [ENDS_SOON, MOVED_ON * 3, timedelta(), -MOMENT])
def test_what_ends_late_or_has_ended_stays_as_it_is(left: timedelta) -> None:
    assert moved_on(ends_at=NOW + left, at=NOW) is None


def test_a_copy_is_renewed_at_half_of_its_life() -> None:
    assert timedelta(days=HELD.days) == COPY_RENEWED * 2
    assert not copy_due(made_at=NOW, at=NOW + COPY_RENEWED - MOMENT)
    assert copy_due(made_at=NOW, at=NOW + COPY_RENEWED)
