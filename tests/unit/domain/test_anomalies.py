"""Networks that are known, and those that are news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.anomalies import NETWORK_KNOWN_FOR, NETWORKS_MAX, network_of, with_network

NOW = datetime(2041, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.250", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_is_known_by_its_network(address: str, network: str) -> None:
    assert network_of(address=address) == network


def test_the_first_network_is_no_news_and_another_is_once() -> None:
    known, first = with_network(known={}, network="a", at=NOW)
    known, again = with_network(known=known, network="a", at=NOW)
    known, other = with_network(known=known, network="b", at=NOW)
    known, known_by_now = with_network(known=known, network="b", at=NOW)

    assert (first, again, other, known_by_now) == (False, False, True, False)
    assert set(known) == {"a", "b"}


def test_a_network_that_was_long_unseen_is_news_again() -> None:
    known = {"a": NOW - NETWORK_KNOWN_FOR, "b": NOW - timedelta(days=1)}

    assert with_network(known=known, network="a", at=NOW) == ({"a": NOW, "b": known["b"]}, True)


def test_the_longest_unseen_are_forgotten() -> None:
    known = {str(number): NOW - timedelta(hours=number) for number in range(NETWORKS_MAX)}

    kept, news = with_network(known=known, network="new", at=NOW)

    assert news
    assert len(kept) == NETWORKS_MAX
    assert str(NETWORKS_MAX - 1) not in kept
