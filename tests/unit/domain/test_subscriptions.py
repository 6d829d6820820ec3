"""Subscribing and changing: every day of service is billed once, in time, and no other day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from chalicelib.domain.account_bills import bill_account
from chalicelib.domain.accounts import (
    SLOT_MAX,
    SUBSCRIPTIONS_PER_ACCOUNT_MAX,
    InvalidTransition,
    Subscription,
    TooManySubscriptions,
    summary_status,
)
from chalicelib.domain.billing import next_bill_date
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import PRICE_MINOR_MAX, InvalidPrice, PackageArchived, PackageState
from chalicelib.domain.periods import BillingTiming, InvalidAnchor
from chalicelib.domain.subscriptions import (
    BillingBehind,
    EndOutOfRange,
    StartOutOfRange,
    check_start,
    halt,
    move,
    resume,
    subscribe,
    terminate,
    unserved_days,
)
from tests.unit.domain.selling import ACCOUNT, CATALOGUE, DAY, PACKAGE, TODAY, State, active

# -- subscribing ----------------------------------------------------------------------------


def test_a_subscription_begins_active_with_a_whole_first_period() -> None:
    subscription = subscribe(account=ACCOUNT, package=PACKAGE, starts_on=date(2026, 11, 24))

    assert subscription == Subscription(
        slot=1,
        package_id=PACKAGE.package_id,
        state=State.ACTIVE,
        starts_on=date(2026, 11, 24),
        anchor_day=24,
        cycle=PACKAGE.cycle,
        timing=PACKAGE.timing,
        billed_to=date(2026, 11, 24),
    )


def test_what_cannot_be_sold_is_refused() -> None:
    archived = replace(PACKAGE, state=PackageState.ARCHIVED)
    dollars = replace(PACKAGE, price=Money(1, "USD"))
    with pytest.raises(PackageArchived):
        subscribe(account=ACCOUNT, package=archived, starts_on=TODAY)
    with pytest.raises(CurrencyMismatch):
        subscribe(account=ACCOUNT, package=dollars, starts_on=TODAY)
    with pytest.raises(InvalidAnchor):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, anchor_day=32)
    with pytest.raises(CurrencyMismatch):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, price_override=Money(1, "USD"))


@pytest.mark.parametrize("amount", [-1, PRICE_MINOR_MAX + 1])
def test_an_absurd_price_is_refused(amount: int) -> None:
    with pytest.raises(InvalidPrice):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, price_override=Money(amount, "PKR"))


def test_an_account_holds_so_many_subscriptions_and_never_uses_a_slot_again() -> None:
    account = ACCOUNT
    for _ in range(SUBSCRIPTIONS_PER_ACCOUNT_MAX):
        subscription = subscribe(account=account, package=PACKAGE, starts_on=TODAY)
        account = account.with_subscription(subscription=subscription)

    assert [sub.slot for sub in account.subscriptions] == list(range(1, 21))
    with pytest.raises(TooManySubscriptions):
        subscribe(account=account, package=PACKAGE, starts_on=TODAY)

    last = account.subscriptions[-1]
    unbilled = terminate(subscription=last, ends_on=TODAY + DAY, today=TODAY)
    with pytest.raises(TooManySubscriptions):
        account.with_subscription(subscription=unbilled).next_slot()
    finished = replace(unbilled, billed_to=TODAY + DAY)
    assert account.with_subscription(subscription=finished).next_slot() == 21


def test_the_slots_of_an_account_are_those_that_no_other_document_takes() -> None:
    finished = terminate(subscription=active(slot=SLOT_MAX), ends_on=date(2026, 11, 1), today=TODAY)
    assert finished.finished

    with pytest.raises(TooManySubscriptions, match="199"):
        replace(ACCOUNT, subscriptions=(finished,)).next_slot()


@pytest.mark.parametrize(
    "starts_on", [date(1, 1, 1), date(2025, 11, 8), date(2027, 11, 12), date(9999, 12, 31)]
)
def test_a_start_out_of_a_year_or_so_is_refused(starts_on: date) -> None:
    with pytest.raises(StartOutOfRange):
        check_start(starts_on=starts_on, today=TODAY)


@pytest.mark.parametrize("starts_on", [date(2025, 11, 9), TODAY, date(2027, 11, 11)])
def test_a_start_within_a_year_or_so_is_fine(starts_on: date) -> None:
    check_start(starts_on=starts_on, today=TODAY)


# -- changing -------------------------------------------------------------------------------


def test_a_paused_month_paid_in_advance_is_billed_again_from_the_day_of_return() -> None:
    paid = active(billed_to=date(2026, 12, 1))
    paused = halt(subscription=paid, to=State.PAUSED, on=TODAY)

    back = resume(subscription=paused, on=date(2027, 1, 20))

    assert next_bill_date(subscription=paused) is None
    assert back == replace(paid, billed_to=date(2027, 1, 20))


def test_days_before_a_pause_in_arrears_are_billed_at_once_and_then_it_can_resume() -> None:
    served = active(timing=BillingTiming.ARREARS)
    paused = halt(subscription=served, to=State.PAUSED, on=TODAY)

    assert next_bill_date(subscription=paused) == TODAY
    with pytest.raises(BillingBehind):
        resume(subscription=paused, on=TODAY + DAY)
    back = resume(subscription=replace(paused, billed_to=TODAY), on=date(2026, 12, 5))
    assert back == replace(served, billed_to=date(2026, 12, 5))


def test_a_pause_taken_back_the_same_day_changes_nothing() -> None:
    served = active(timing=BillingTiming.ARREARS)

    assert resume(subscription=halt(subscription=served, to=State.PAUSED, on=TODAY), on=TODAY) == served


def test_a_pending_subscription_is_billed_from_its_activation() -> None:
    pending = replace(active(), state=State.PENDING)

    assert next_bill_date(subscription=pending) is None
    assert resume(subscription=pending, on=TODAY).billed_to == TODAY


def test_a_future_start_is_kept_when_it_is_activated_before() -> None:
    pending = replace(active(starts_on=date(2026, 12, 1), billed_to=date(2026, 12, 1)), state=State.PENDING)

    assert resume(subscription=pending, on=TODAY).billed_to == date(2026, 12, 1)


def test_what_ends_while_paused_is_not_billed_for_the_pause() -> None:
    paused = halt(subscription=active(billed_to=date(2026, 11, 5)), to=State.PAUSED, on=date(2026, 11, 5))

    ended = terminate(subscription=paused, ends_on=TODAY, today=TODAY)

    assert ended.state is State.TERMINATED
    assert next_bill_date(subscription=ended) is None


def test_what_ends_before_it_was_activated_is_never_billed() -> None:
    pending = replace(active(), state=State.PENDING)

    ended = terminate(subscription=pending, ends_on=TODAY, today=TODAY)

    assert next_bill_date(subscription=ended) is None


def test_an_end_in_the_middle_cuts_the_last_period() -> None:
    ended = terminate(subscription=active(), ends_on=TODAY, today=TODAY)
    account = replace(ACCOUNT, subscriptions=(ended,))

    bill = bill_account(account=account, slots=[1], on=TODAY, catalogue=CATALOGUE, charges_max=48)

    assert [(line.billed_days, line.net) for invoice in bill.invoices for line in invoice.lines] == [(9, 930)]


def test_an_end_before_the_start_of_a_future_subscription_takes_it_back() -> None:
    future = active(starts_on=date(2026, 12, 1), billed_to=date(2026, 12, 1))

    ended = move(subscription=future, to=State.TERMINATED, today=TODAY)

    assert ended.ends_on == date(2026, 12, 1)
    assert next_bill_date(subscription=ended) is None


def test_an_end_that_has_not_come_is_withdrawn_and_service_was_never_interrupted() -> None:
    paid = active(billed_to=date(2026, 12, 1))
    ended = move(subscription=paid, to=State.TERMINATED, today=TODAY, ends_on=date(2026, 11, 20))

    assert ended.overbilled_days == 11
    assert move(subscription=ended, to=State.ACTIVE, today=date(2026, 11, 19)) == paid
    with pytest.raises(InvalidTransition):
        move(subscription=ended, to=State.ACTIVE, today=date(2026, 11, 20))


def test_an_end_that_has_not_come_is_moved() -> None:
    ended = move(subscription=active(), to=State.TERMINATED, today=TODAY, ends_on=date(2026, 11, 20))

    moved = move(subscription=ended, to=State.TERMINATED, today=TODAY + DAY, ends_on=date(2027, 1, 5))

    assert moved == replace(ended, ends_on=date(2027, 1, 5))
    assert move(subscription=moved, to=State.TERMINATED, today=TODAY + DAY).ends_on == TODAY + DAY
    with pytest.raises(InvalidTransition):
        move(subscription=ended, to=State.TERMINATED, today=date(2026, 11, 20), ends_on=date(2027, 1, 5))


def test_a_withdrawn_end_of_a_suspended_one_is_a_resumption() -> None:
    suspended = halt(subscription=active(billed_to=TODAY), to=State.SUSPENDED, on=TODAY)
    ended = terminate(subscription=suspended, ends_on=date(2026, 12, 1), today=TODAY)

    back = resume(subscription=ended, on=date(2026, 11, 20))

    assert back == active(billed_to=date(2026, 11, 20))


def test_a_paused_one_ends_today_or_before_and_not_later() -> None:
    paused = halt(subscription=active(billed_to=date(2026, 12, 1)), to=State.PAUSED, on=TODAY)

    with pytest.raises(InvalidTransition) as refused:
        terminate(subscription=paused, ends_on=TODAY + DAY, today=TODAY)

    assert refused.value.param == "ends_on"
    assert terminate(subscription=paused, ends_on=TODAY, today=TODAY).ends_on == TODAY


def test_a_withdrawn_end_of_a_pending_one_is_its_activation() -> None:
    pending = replace(active(), state=State.PENDING)
    ended = terminate(subscription=pending, ends_on=date(2026, 12, 1), today=TODAY)

    assert (ended.finished, ended.overbilled_days) == (True, 0)
    assert resume(subscription=ended, on=date(2026, 11, 20)) == active(billed_to=date(2026, 11, 20))


def test_days_billed_and_not_served_are_counted() -> None:
    paused = halt(subscription=active(billed_to=date(2026, 12, 1)), to=State.PAUSED, on=TODAY)

    assert paused.overbilled_days == 21
    assert unserved_days(subscription=paused, on=date(2026, 11, 13)) == 3
    assert unserved_days(subscription=paused, on=date(2026, 12, 13)) == 21


@pytest.mark.parametrize("ends_on", [date(2026, 10, 31), date(2027, 11, 12), date(9999, 1, 1)])
def test_an_end_before_the_start_or_far_ahead_is_refused(ends_on: date) -> None:
    with pytest.raises(EndOutOfRange):
        terminate(subscription=active(), ends_on=ends_on, today=TODAY)


def test_an_end_belongs_to_a_termination() -> None:
    with pytest.raises(InvalidValue):
        move(subscription=active(), to=State.PAUSED, today=TODAY, ends_on=TODAY)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.TERMINATED, State.ACTIVE),
        (State.TERMINATED, State.TERMINATED),
        (State.PENDING, State.PAUSED),
        (State.PAUSED, State.SUSPENDED),
        (State.ACTIVE, State.ACTIVE),
        (State.ACTIVE, State.PENDING),
    ],
)
def test_a_change_that_the_state_does_not_allow_is_refused(state: State, to: State) -> None:
    with pytest.raises(InvalidTransition):
        move(subscription=replace(active(), state=state), to=to, today=TODAY)


def test_the_liveliest_subscription_is_the_status() -> None:
    terminated, paused = (
        replace(active(), state=State.TERMINATED),
        replace(active(), state=State.PAUSED, slot=2),
    )

    assert summary_status(account=ACCOUNT) == "new"
    assert summary_status(account=replace(ACCOUNT, subscriptions=(terminated,))) == "terminated"
    assert summary_status(account=replace(ACCOUNT, subscriptions=(terminated, paused))) == "paused"
