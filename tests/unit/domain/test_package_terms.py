"""Editions by date, phases in order, bundles that sum to their price, and terms that are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Discount
from chalicelib.domain.billing import charge_lines, next_period
from chalicelib.domain.catalogue import Catalogue, CatalogueMismatch
from chalicelib.domain.contacts import Contact
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.export_tables import subscription_rows
from chalicelib.domain.money import Money
from chalicelib.domain.package_terms import (
    PACKAGE_EDITIONS_MAX,
    InvalidMove,
    TooManyEditions,
    check_terms,
    move_existing,
    next_edition,
)
from chalicelib.domain.packages import PRICE_MINOR_MAX, BundlePart, Package, Phase, RefundPolicy
from chalicelib.domain.subscribers import Subscriber
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, TODAY, active

OPEN = TODAY + DAY

prices = st.integers(0, PRICE_MINOR_MAX)
phases = st.lists(
    st.builds(Phase, name=st.just("x"), periods=st.integers(1, 60), price=prices), max_size=5
).map(tuple)


def charges(package: Package, periods: int) -> list[int]:
    """Return the nets of the first periods of a subscription."""
    catalogue, subscription = Catalogue({package.package_id: package}, {}), active()
    nets = []
    for _ in range(periods):
        period = next_period(subscription=subscription)
        assert period is not None
        lines = charge_lines(account=ACCOUNT, subscription=subscription, period=period, catalogue=catalogue)
        nets.append(sum(line.net for line in lines))
        subscription = replace(subscription, billed_to=period.end)
    return nets


@given(phases)
def test_phases_come_one_after_another_and_then_the_price(phases: tuple[Phase, ...]) -> None:
    phased = replace(PACKAGE, phases=phases)
    expected = [phase.price for phase in phases for _ in range(phase.periods)]

    check_terms(package=phased, tax_groups=set())
    assert charges(phased, len(expected) + 2) == [*expected, 3_100, 3_100]


parts = st.lists(st.integers(1, 1_000), min_size=2, max_size=10)


@given(parts, prices, st.integers(0, 10**6), st.integers(1, 27))
def test_the_parts_of_a_bundle_are_its_price_whatever_is_taken_off(
    weights: list[int], price: int, share: int, start: int
) -> None:
    bundle = tuple(BundlePart(f"part {n}", weight, None) for n, weight in enumerate(weights))
    package = replace(PACKAGE, price=Money(price, "PKR"), bundle=bundle)
    whole = replace(package, bundle=())
    begun = date(2026, 11, start)
    subscription = active(starts_on=begun, billed_to=begun, discounts=(Discount("X", share=share),))
    period = next_period(subscription=subscription)
    assert period is not None

    def lines(one: Package) -> Any:
        catalogue = Catalogue({one.package_id: one}, {})
        return charge_lines(account=ACCOUNT, subscription=subscription, period=period, catalogue=catalogue)

    (single,), split = lines(whole), lines(package)
    check_terms(package=package, tax_groups=set())
    assert [line.description for line in split] == [part.name for part in bundle]
    for name in ("net", "discount", "unit_price"):
        assert sum(getattr(line, name) for line in split) == getattr(single, name)
    assert all(line.net >= 0 for line in split)


# -- editions --------------------------------------------------------------------------------

moves = st.none() | st.dates(date(2026, 1, 1), date(2028, 12, 31))


@given(
    st.lists(moves, min_size=1, max_size=8), st.integers(1, 8), st.dates(date(2026, 1, 1), date(2029, 1, 1))
)
def test_the_newest_edition_that_took_existing_ones_along_by_a_date_bills_its_period(
    moved: list[date | None], sold: int, on: date
) -> None:
    editions = [replace(PACKAGE, edition=n + 1, moves_existing_on=day) for n, day in enumerate(moved)]
    sold = min(sold, len(editions))
    catalogue = Catalogue(
        {PACKAGE.package_id: editions[-1]},
        {},
        {(one.package_id, one.edition): one for one in editions[:-1]},
    )

    found = catalogue.package(package_id=PACKAGE.package_id, edition=sold, on=on)

    later = [
        one.edition
        for one in editions[sold:]
        if one.moves_existing_on is not None and one.moves_existing_on <= on
    ]
    assert found.edition == max(later, default=sold)


def test_what_was_sold_after_the_catalogue_was_read_is_not_billed_by_an_older_edition() -> None:
    catalogue = Catalogue({PACKAGE.package_id: PACKAGE}, {})
    with pytest.raises(CatalogueMismatch):
        catalogue.package(package_id=PACKAGE.package_id, edition=2, on=TODAY)


@pytest.mark.parametrize(
    "change",
    [
        {"price": Money(0, "PKR")},
        {"tax_group": "x"},
        {"phases": (Phase("Trial", 1, 0),)},
        {"bundle": (BundlePart("a", 1, None), BundlePart("b", 1, None))},
        {"activation_fee": 1},
        {"deposit": 1},
        {"pause_share": 1},
        {"refund": RefundPolicy.FULL},
    ],
)
def test_each_term_makes_an_edition_that_moves_nobody(change: dict[str, Any]) -> None:
    before = replace(PACKAGE, edition=4, moves_existing_on=TODAY)
    after = next_edition(before=before, after=replace(before, **change))
    assert (after.edition, after.moves_existing_on) == (5, None)


def test_name_speeds_and_state_make_none() -> None:
    changed = replace(PACKAGE, name="x", download_kbps=1, upload_kbps=1)
    assert next_edition(before=PACKAGE, after=changed) == changed


def test_editions_have_a_named_limit() -> None:
    last = replace(PACKAGE, edition=PACKAGE_EDITIONS_MAX)
    with pytest.raises(TooManyEditions):
        next_edition(before=last, after=replace(last, deposit=5))


def test_existing_ones_move_on_open_dates_only_and_never_back() -> None:
    second = replace(PACKAGE, edition=2)
    assert move_existing(package=second, on=OPEN, first_open=OPEN).moves_existing_on == OPEN
    waiting = replace(second, moves_existing_on=OPEN)
    assert move_existing(package=waiting, on=None, first_open=OPEN).moves_existing_on is None
    done = replace(second, moves_existing_on=TODAY)
    assert move_existing(package=done, on=TODAY, first_open=OPEN) == done

    for package, on in (
        (PACKAGE, OPEN),
        (second, TODAY),
        (second, OPEN + timedelta(days=732)),
        (second, date(9999, 12, 31)),
        (done, OPEN),
        (done, None),
    ):
        with pytest.raises(InvalidMove):
            move_existing(package=package, on=on, first_open=OPEN)


@pytest.mark.parametrize(
    "change",
    [
        {"phases": (Phase("x", 1, 0),) * 6},
        {"phases": (Phase("x", 0, 0),)},
        {"phases": (Phase("x", 61, 0),)},
        {"phases": (Phase("x", 1, -1),)},
        {"phases": (Phase(" ", 1, 1),)},
        {"phases": (Phase("a\u202eb", 1, 1),)},
        {"bundle": (BundlePart("a", 1, None),)},
        {"bundle": (BundlePart("a", 1, None),) * 11},
        {"bundle": (BundlePart("a", 0, None),) * 2},
        {"bundle": (BundlePart("a", 1_001, None),) * 2},
        {"bundle": (BundlePart("a", 1, "luxury"),) * 2},
        {"activation_fee": -1},
        {"deposit": PRICE_MINOR_MAX + 1},
        {"pause_share": 1_000_001},
        {"valid_minutes": 60},
        {"top_up_mib": 1},
    ],
)
def test_terms_beyond_reason_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        check_terms(package=replace(PACKAGE, **change), tax_groups={"internet"})


def test_an_export_tells_the_price_that_a_subscription_is_billed() -> None:
    older = replace(PACKAGE, price=Money(100, "PKR"))
    newest = replace(PACKAGE, edition=2, price=Money(900, "PKR"), moves_existing_on=OPEN)
    catalogue = Catalogue({PACKAGE.package_id: newest}, {}, {(PACKAGE.package_id, 1): older})
    account = ACCOUNT.with_subscription(subscription=active())
    subscriber = Subscriber(
        subscriber_id=account.account_id,
        code=account.code,
        area="",
        contact=Contact(),
        account=account,
        archived=False,
        created_at=PACKAGE.created_at,
    )

    def price(today: date) -> object:
        (row,) = subscription_rows(subscriber=subscriber, catalogue=catalogue, today=today)
        return row["price"]

    assert (price(TODAY), price(OPEN)) == (100, 900)
