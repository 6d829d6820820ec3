"""Services and their add-ons, whatever is done to them in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Account, ChargeKind, PendingCharge, Subscription
from chalicelib.domain.errors import DomainError
from chalicelib.domain.packages import PackageKind
from chalicelib.domain.pending_charges import (
    ChargePending,
    Fee,
    TooManyCharges,
    sale_charges,
    with_charges,
)
from chalicelib.domain.subscription_families import move_family
from chalicelib.domain.subscriptions import subscribe
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, TODAY, State

ADDON = replace(PACKAGE, package_id="pkg_01JD0000000000000000000001", kind=PackageKind.ADDON)


def family() -> Account:
    """Return an account with a service in slot 1 and add-ons in 2 and 3, billed through today."""
    account = ACCOUNT
    for package in (PACKAGE, ADDON, ADDON):
        parent = account.subscription(slot=1)
        sold = subscribe(account=account, package=package, starts_on=TODAY - DAY, parent=parent)
        account = account.with_subscription(subscription=replace(sold, billed_to=TODAY + 30 * DAY))
    return account


def moved(account: Account, slot: int, to: State, day: int, ends: int | None = None) -> Account:
    """Return the account after a change, on a day from today."""
    today = TODAY + day * DAY
    ends_on = None if ends is None else today + ends * DAY
    for one in move_family(account=account, slot=slot, to=to, today=today, ends_on=ends_on):
        account = account.with_subscription(subscription=one)
    return account


def states(account: Account) -> list[str]:
    return [sub.state.value for sub in account.subscriptions]


def in_service(sub: Subscription, day: int) -> bool:
    on = TODAY + timedelta(days=day)
    if sub.paused_on is not None and sub.paused_on <= on:  # whatever came after
        return False
    return sub.ends_on is None or on < sub.ends_on


changes = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from([State.ACTIVE, State.PAUSED, State.SUSPENDED, State.TERMINATED]),
        st.integers(0, 5),
        st.none() | st.integers(-3, 60),
    ),
    max_size=12,
)


@given(changes)
def test_no_addon_is_in_service_without_its_service(
    changes: list[tuple[int, State, int, int | None]],
) -> None:
    account, day = family(), 0
    for slot, to, later, ends in changes:
        day += later
        try:
            account = moved(account, slot, to, day, ends if to is State.TERMINATED else None)
        except DomainError:
            continue
        service, *addons = account.subscriptions
        for addon in addons:
            for then in (day, day + 1, day + 30, day + 100):
                assert in_service(service, then) or not in_service(addon, then)


def test_what_went_with_its_service_comes_back_with_it_and_else_not() -> None:
    account = moved(family(), 3, State.PAUSED, 1)
    suspended = moved(account, 1, State.SUSPENDED, 2)
    assert states(suspended) == ["suspended", "suspended", "paused"]
    assert states(moved(suspended, 1, State.ACTIVE, 9)) == ["active", "active", "paused"]


def test_an_end_is_withdrawn_with_the_services_and_moved_with_it() -> None:
    account = moved(family(), 3, State.TERMINATED, 1, ends=2)
    ending = moved(account, 1, State.TERMINATED, 1, ends=10)
    assert [sub.ends_on for sub in ending.subscriptions] == [TODAY + d * DAY for d in (11, 11, 3)]
    later = moved(ending, 1, State.TERMINATED, 1, ends=20)
    assert [sub.ends_on for sub in later.subscriptions] == [TODAY + d * DAY for d in (21, 21, 3)]
    back = moved(later, 1, State.ACTIVE, 2)
    assert [sub.ends_on for sub in back.subscriptions] == [None, None, TODAY + 3 * DAY]


def test_a_service_without_addons_is_moved_alone() -> None:
    assert states(moved(family(), 2, State.PAUSED, 1)) == ["active", "paused", "active"]


# -- charges of a sale -----------------------------------------------------------------------


def charge(key: str) -> PendingCharge:
    return PendingCharge(key, ChargeKind.ONE_TIME, "x", 1, 1, None, TODAY)


def test_a_sale_charges_what_its_package_says_and_is_not_waived() -> None:
    package = replace(PACKAGE, activation_fee=500, deposit=900, tax_group="internet")
    sold = subscribe(account=ACCOUNT, package=package, starts_on=TODAY)

    both = sale_charges(subscription=sold, package=package)
    assert [(one.key, one.kind, one.unit_price, one.tax_group, one.on) for one in both] == [
        ("act:1", ChargeKind.ACTIVATION, 500, "internet", TODAY),
        ("dep:1", ChargeKind.DEPOSIT, 900, None, TODAY),
    ]
    one = sale_charges(subscription=sold, package=package, waived=[Fee.ACTIVATION])
    assert [left.key for left in one] == ["dep:1"]
    assert sale_charges(subscription=sold, package=PACKAGE) == ()


def test_an_account_holds_each_charge_once_and_not_too_many() -> None:
    account = with_charges(account=ACCOUNT, charges=[charge("a")])
    with pytest.raises(ChargePending):
        with_charges(account=account, charges=[charge("a")])
    with pytest.raises(TooManyCharges):
        with_charges(account=account, charges=[charge(str(n)) for n in range(40)])
    assert with_charges(account=account, charges=[]) is account
