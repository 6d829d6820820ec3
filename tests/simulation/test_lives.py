"""Whatever happens to a subscription, its days are paid once, each at the price of where it stood."""

from __future__ import annotations

import pytest

from tests.examples import FACTOR
from tests.simulation.lives import Life

LIVES = 60


@pytest.mark.parametrize("seed", range(LIVES * FACTOR))
def test_a_life_costs_what_its_days_cost(seed: int) -> None:
    life = Life(seed)

    life.live()

    assert all(one.finished for one in life.books.account.subscriptions), life.happened
    assert abs(life.books.net - life.cost) <= life.rounded, life.happened
