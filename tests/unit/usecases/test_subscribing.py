"""Subscriptions through their use cases, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from chalicelib.domain.accounts import InvalidTransition
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import (
    InvalidPrice,
    PackageArchived,
)
from chalicelib.domain.periods import BillingTiming
from chalicelib.domain.subscriptions import StartOutOfRange
from chalicelib.domain.taxes import TaxGroup, TaxRateMissing, TaxRow
from chalicelib.usecases.packages import (
    archive_package,
)
from chalicelib.usecases.subscriptions import (
    UnknownPackage,
    get_subscription,
)
from tests.unit.usecases.isp import AT, NOTE, TODAY, Isp, State


@pytest.fixture
def isp() -> Isp:
    return Isp()


def test_without_a_start_it_begins_today_where_the_tenant_is(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())

    assert (held.subscription.starts_on, held.subscription.anchor_day) == (TODAY, 10)
    assert get_subscription(store=isp.store, subscription_id=held.subscription_id) == held


def test_what_cannot_be_sold_leaves_nothing(isp: Isp) -> None:
    subscriber, package, other = isp.subscriber(), isp.package(), isp.package()
    archive_package(store=isp.store, package_id=other.package_id, if_match=None, note=NOTE)
    before = isp.stored()

    with pytest.raises(PackageArchived):
        isp.subscribe(subscriber, other)
    with pytest.raises(UnknownPackage):
        isp.subscribe(subscriber, replace(package, package_id="pkg_none"))
    with pytest.raises(NotFound):
        isp.subscribe(replace(subscriber, subscriber_id="sbr_none"), package)
    with pytest.raises(StartOutOfRange):
        isp.subscribe(subscriber, package, starts_on=date(9999, 12, 31))
    with pytest.raises(InvalidPrice):
        isp.subscribe(subscriber, package, price_override=Money(-1, "PKR"))
    with pytest.raises(CurrencyMismatch):
        isp.subscribe(subscriber, package, price_override=Money(1, "USD"))

    assert isp.stored() == before


def test_state_and_price_change_together_and_the_audit_tells(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())

    after = isp.change(held, state=State.PAUSED, price_override=Money(99, "PKR"))

    assert after.account.version == held.account.version + 1
    assert after == get_subscription(store=isp.store, subscription_id=held.subscription_id)
    assert isp.memory.notes[-1].details == {
        "state": ["active", "paused"],
        "paused_on": [None, "2026-11-10"],
        "price_override": [None, 99],
    }


def test_what_is_already_so_is_not_written(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())
    before = isp.stored()

    assert isp.change(held, price_override=None) == held
    assert isp.stored() == before


def test_a_stale_or_impossible_change_leaves_the_subscription(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())
    paused = isp.change(held, state=State.PAUSED)
    before = isp.stored()

    with pytest.raises(StaleVersion):
        isp.change(held, state=State.ACTIVE)
    with pytest.raises(InvalidTransition):
        isp.change(paused, state=State.SUSPENDED)
    with pytest.raises(CurrencyMismatch):
        isp.change(paused, state=State.ACTIVE, price_override=Money(1, "USD"))

    assert isp.stored() == before


def test_days_billed_and_not_served_are_told(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())
    account = held.account
    paid = replace(held.subscription, billed_to=date(2026, 12, 10))
    isp.memory.commit(
        *isp.memory.subscribers.change_account(
            before=account, after=account.with_subscription(subscription=paid)
        )
    )
    read = get_subscription(store=isp.store, subscription_id=held.subscription_id)

    paused = isp.change(read, state=State.PAUSED)
    assert paused.subscription.overbilled_days == 30
    assert isp.memory.notes[-1].details["overbilled_days"] == [0, 30]

    isp.change(paused, at=AT + timedelta(days=3), state=State.ACTIVE)
    assert isp.memory.notes[-1].details["unserved_days"] == 3


def test_an_end_is_announced_moved_and_withdrawn(isp: Isp) -> None:
    held = isp.subscribe(isp.subscriber(), isp.package())

    ended = isp.change(held, state=State.TERMINATED, ends_on=date(2026, 11, 20))
    moved = isp.change(ended, ends_on=date(2026, 12, 5))
    back = isp.change(moved, state=State.ACTIVE)

    assert moved.subscription.ends_on == date(2026, 12, 5)
    assert back.subscription == held.subscription
    assert isp.memory.notes[-1].details == {
        "state": ["terminated", "active"],
        "ends_on": ["2026-12-05", None],
    }


def test_a_first_bill_without_a_tax_rate_is_refused_when_selling(isp: Isp) -> None:
    """Given a group whose first rate is in force from 1 December: in arrears a bill may be after it."""
    group = TaxGroup("internet", "Internet", (TaxRow(date(2026, 12, 1), ()),))
    isp.memory.tenant = replace(isp.memory.tenant, tax_groups=(group,))
    subscriber, taxed = isp.subscriber(), isp.package(tax_group="internet")
    arrears = isp.package(tax_group="internet", timing=BillingTiming.ARREARS)

    with pytest.raises(TaxRateMissing) as refused:
        isp.subscribe(subscriber, taxed)

    assert (refused.value.code, refused.value.param) == ("tax_rate_missing", "starts_on")
    with pytest.raises(TaxRateMissing):
        isp.subscribe(subscriber, arrears, anchor_day=20)
    isp.subscribe(subscriber, taxed, starts_on=date(2026, 12, 1))
    isp.subscribe(subscriber, arrears)
    isp.subscribe(subscriber, taxed, state=State.PENDING)


@pytest.mark.parametrize("subscription_id", ["", "sbn_", "sbn_x-1", "sbr_00000000000000000000000001-1"])
def test_what_is_no_identifier_names_nothing(isp: Isp, subscription_id: str) -> None:
    with pytest.raises(NotFound):
        get_subscription(store=isp.store, subscription_id=subscription_id)
