"""The life cycle of a tenant: when it passes from state to state, what each allows, and who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chalicelib.domain import data_map
from chalicelib.domain.errors import DomainError, InvalidValue
from chalicelib.domain.holds import HeldCategory, InvalidHold, check_hold, held
from chalicelib.domain.lifecycle import (
    ALLOWED,
    KEPT_FISCAL_YEARS,
    NOTICES,
    RECOVERY_LIFE,
    Accounts,
    CancelledAlready,
    Capability,
    EndingMoment,
    NotCancelled,
    NotConfirmed,
    Standing,
    cancelled,
    days_left,
    ending_at,
    ending_due,
    in_recovery,
    may,
    notice_due,
    postponed,
    postponed_by_order,
    purge_due,
    recovered,
    standing,
    states_with,
    untold,
    withdrawn,
    year_over,
)
from chalicelib.domain.purging import (
    Certificate,
    Deletion,
    DestroyedKey,
    Purge,
    PurgeStep,
    certificate_text,
    following,
)
from chalicelib.domain.tenants import Ending, Tenant, TenantState

AT = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TENANT = Tenant(
    tenant_id="ten_1",
    company="Lahore Net",
    subdomain="lahore-net",
    country="PK",
    currency="PKR",
    time_zone="Asia/Karachi",
    fiscal_year_start_month=7,
    state=TenantState.ACTIVE,
    created_at=AT - 400 * DAY,
)


def ended(at: datetime = AT) -> Tenant:
    """The tenant in recovery since an instant."""
    return cancelled(tenant=TENANT, moment=EndingMoment.NOW, confirm="lahore-net", at=at)


def ending_of(tenant: Tenant) -> Ending:
    assert tenant.ending is not None
    return tenant.ending


def test_an_account_that_ends_now_is_in_recovery_for_exactly_thirty_days() -> None:
    tenant = ended()

    assert tenant.state is TenantState.RECOVERY
    assert ending_of(tenant).purge_at == AT + timedelta(days=30)
    assert not purge_due(tenant=tenant, at=AT + 30 * DAY - timedelta(seconds=1))
    assert purge_due(tenant=tenant, at=AT + 30 * DAY)


@pytest.mark.parametrize(
    ("zone", "at", "ends_at"),
    [
        ("Asia/Karachi", AT, datetime(2041, 5, 31, 19, 0, tzinfo=UTC)),
        # There it is June already.
        ("Asia/Karachi", datetime(2041, 5, 31, 20, 0, tzinfo=UTC), datetime(2041, 6, 30, 19, tzinfo=UTC)),
        ("America/New_York", datetime(2041, 12, 5, tzinfo=UTC), datetime(2042, 1, 1, 5, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2041, 3, 3, tzinfo=UTC), datetime(2041, 3, 31, 22, tzinfo=UTC)),
    ],
)
def test_the_end_of_the_month_is_that_of_the_tenants_zone(zone: str, at: datetime, ends_at: datetime) -> None:
    tenant = replace(TENANT, time_zone=zone)

    assert ending_at(tenant=tenant, moment=EndingMoment.END_OF_MONTH, at=at) == ends_at


def test_until_its_end_a_cancelled_account_is_active_and_may_be_withdrawn() -> None:
    tenant = cancelled(tenant=TENANT, moment=EndingMoment.END_OF_MONTH, confirm="lahore-net", at=AT)
    ends_at = ending_of(tenant).ends_at

    assert (tenant.state, ending_of(tenant).purge_at) == (TenantState.ACTIVE, None)
    assert not ending_due(tenant=tenant, at=ends_at - timedelta(seconds=1))
    assert ending_due(tenant=tenant, at=ends_at)
    assert withdrawn(tenant=tenant) == TENANT


def test_thirty_days_count_from_when_recovery_begins_however_late() -> None:
    tenant = cancelled(tenant=TENANT, moment=EndingMoment.END_OF_MONTH, confirm="lahore-net", at=AT)
    late = ending_of(tenant).ends_at + 3 * DAY

    assert ending_of(in_recovery(tenant=tenant, at=late)).purge_at == late + RECOVERY_LIFE


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Asia/Karachi", datetime(2041, 6, 1, 19, tzinfo=UTC), 720),
        ("America/New_York", datetime(2041, 11, 1, 4, tzinfo=UTC), 721),  # clocks are set back on the 3rd
        ("America/New_York", datetime(2041, 3, 1, 5, tzinfo=UTC), 720),  # and forward on the 10th
    ],
)
def test_an_owner_has_all_of_the_thirtieth_day_by_the_clock_of_the_tenant(
    zone: str, at: datetime, hours: int
) -> None:
    tenant = replace(TENANT, time_zone=zone, ending=Ending(asked_at=at, ends_at=at))
    ended = in_recovery(tenant=tenant, at=at)
    last = (at.astimezone(ZoneInfo(zone)) + 30 * DAY - timedelta(seconds=1)).astimezone(UTC)

    assert ending_of(ended).purge_at == at + timedelta(hours=hours)
    assert recovered(tenant=ended, at=last).state is TenantState.ACTIVE
    assert days_left(purge_at=at + timedelta(hours=hours), at=at) == 30


def test_what_is_recovered_is_as_it_was_and_after_the_last_day_nothing_is() -> None:
    assert recovered(tenant=ended(), at=AT + 30 * DAY - timedelta(seconds=1)) == TENANT
    with pytest.raises(NotCancelled):
        recovered(tenant=ended(), at=AT + 30 * DAY)


@pytest.mark.parametrize(
    ("tenant", "confirm", "refused"),
    [
        (TENANT, "lahore", NotConfirmed),
        (TENANT, "", NotConfirmed),
        (ended(), "lahore-net", CancelledAlready),
        (replace(TENANT, state=TenantState.PURGED), "lahore-net", CancelledAlready),
    ],
)
def test_an_account_is_cancelled_once_by_who_types_its_name(
    tenant: Tenant, confirm: str, refused: type[DomainError]
) -> None:
    with pytest.raises(refused):
        cancelled(tenant=tenant, moment=EndingMoment.NOW, confirm=confirm, at=AT)
    with pytest.raises(NotCancelled):
        withdrawn(tenant=TENANT)
    with pytest.raises(NotCancelled):
        recovered(tenant=TENANT, at=AT)


def test_owners_are_told_at_thirty_fourteen_seven_and_one_day_each_once() -> None:
    ending, told = ending_of(ended()), []
    for hour in range(31 * 24):
        at = AT + timedelta(hours=hour)
        days = notice_due(ending=ending, at=at)
        if days is not None:
            told.append((days, at - AT))
            ending = replace(ending, told=days)

    assert [days for days, _ in told] == list(NOTICES)
    assert [after // DAY for _, after in told] == [0, 16, 23, 29]


def test_where_the_schedule_was_away_only_the_newest_notice_is_given() -> None:
    ending = replace(ending_of(ended()), told=30)

    assert notice_due(ending=ending, at=AT + 24 * DAY) == 7
    assert notice_due(ending=replace(ending, told=7), at=AT + 24 * DAY) is None
    assert notice_due(ending=ending, at=AT + 30 * DAY) is None  # the purge is due


def test_a_day_more_is_given_where_the_last_notice_was_not() -> None:
    told = replace(ending_of(ended()), told=7)

    assert not untold(ending=told, at=AT + 30 * DAY - timedelta(seconds=1))
    assert not untold(ending=replace(told, told=1), at=AT + 40 * DAY)
    assert untold(ending=told, at=AT + 40 * DAY)
    later = postponed(ending=told, at=AT + 40 * DAY)
    assert later.purge_at == AT + 41 * DAY
    assert notice_due(ending=later, at=AT + 40 * DAY) == 1
    assert not untold(ending=replace(later, told=1), at=AT + 41 * DAY)


def test_the_operator_gives_more_time_to_who_is_in_recovery() -> None:
    tenant = replace(ended(), ending=replace(ending_of(ended()), told=1))

    later = ending_of(postponed_by_order(tenant=tenant, days=7, at=AT + 29 * DAY))

    assert (later.purge_at, notice_due(ending=later, at=AT + 29 * DAY)) == (AT + 36 * DAY, 7)
    for days in (0, 31):
        with pytest.raises(InvalidValue):
            postponed_by_order(tenant=tenant, days=days, at=AT)
    with pytest.raises(NotCancelled):
        postponed_by_order(tenant=TENANT, days=7, at=AT)


def test_a_notice_whose_sender_died_is_due_again_after_a_while() -> None:
    ending = replace(ending_of(ended()), told=14, telling_since=AT + 16 * DAY)

    assert notice_due(ending=ending, at=AT + 16 * DAY + timedelta(minutes=14)) is None
    assert notice_due(ending=ending, at=AT + 16 * DAY + timedelta(minutes=15)) == 14


@pytest.mark.parametrize(
    ("left", "days"), [(timedelta(), 0), (-DAY, 0), (timedelta(seconds=1), 1), (DAY, 1), (30 * DAY, 30)]
)
def test_a_begun_day_counts_as_a_whole_one(left: timedelta, days: int) -> None:
    assert days_left(purge_at=AT + left, at=AT) == days


@pytest.mark.parametrize(
    ("tenant", "accounts", "where"),
    [
        (TENANT, Accounts(), Standing.ACTIVE),
        (TENANT, Accounts(trial_through=date(2041, 5, 15)), Standing.TRIAL),
        (TENANT, Accounts(trial_through=date(2041, 5, 14)), Standing.ACTIVE),
        (TENANT, Accounts(date(2041, 5, 20), date(2041, 5, 1)), Standing.PAST_DUE),
        (replace(TENANT, ending=Ending(AT, AT + DAY)), Accounts(None, date(2041, 5, 1)), Standing.CANCELLED),
        (ended(), Accounts(), Standing.RECOVERY),
        (replace(ended(), state=TenantState.PURGED), Accounts(), Standing.PURGED),
    ],
)
def test_a_standing_is_what_people_call_it(tenant: Tenant, accounts: Accounts, where: Standing) -> None:
    assert standing(tenant=tenant, accounts=accounts, today=date(2041, 5, 15)) is where


ROWS = {
    "unverified": "verify sign_in work",
    "trial": "sign_in work portal programs callbacks bill import export support seal keys rights retain end",
    "active": "the same",
    "past_due": "the same",
    "cancelled": "the same",
    "recovery": "sign_in export seal keys retain end",
    "purging": "seal end",
    "purged": "keys end books",
    "shredded": "",
}


def test_who_may_do_what_in_each_standing() -> None:
    """Trial, past due and cancelled are active in every respect; after that each allows less."""
    told = {one.value: {able.name.lower() for able in allowed} for one, allowed in ALLOWED.items()}

    rows = {name: ROWS["trial"] if row == "the same" else row for name, row in ROWS.items()}
    assert told == {name: set(row.split()) for name, row in rows.items()}
    assert {one.value for one in TenantState} <= set(rows)
    assert may(state=TenantState.RECOVERY, capability=Capability.EXPORT)
    assert not may(state=TenantState.RECOVERY, capability=Capability.BILL)
    assert states_with(capability=Capability.BILL) == {TenantState.ACTIVE}


def test_a_billing_year_is_over_seven_fiscal_years_later() -> None:
    assert not year_over(fiscal_year=2041, present=2048)
    assert year_over(fiscal_year=2041, present=2049)


def test_the_periods_are_those_of_the_data_map() -> None:
    assert timedelta(days=data_map.RECOVERY_DAYS) == RECOVERY_LIFE
    assert data_map.BILLING_YEARS == KEPT_FISCAL_YEARS


def test_a_hold_on_everything_holds_whatever_there_is() -> None:
    billing, everything = HeldCategory.BILLING, HeldCategory.EVERYTHING

    assert held(holds=[everything], category=billing)
    assert held(holds=[billing], category=billing)
    assert not held(holds=[billing], category=everything)
    assert not held(holds=[], category=HeldCategory.EVERYTHING)


@pytest.mark.parametrize(
    ("category", "reason"), [("everything", "  "), ("everything", "x" * 501), ("all", "why"), ("", "why")]
)
def test_a_hold_has_a_category_and_a_reason(category: str, reason: str) -> None:
    with pytest.raises(InvalidHold):
        check_hold(category=category, reason=reason)
    assert check_hold(category="billing", reason=" a lawsuit ") == (HeldCategory.BILLING, "a lawsuit")


def test_a_purge_goes_from_step_to_step_to_its_end() -> None:
    steps = [PurgeStep.STOP]
    while steps[-1] is not PurgeStep.DONE:
        steps.append(following(step=steps[-1]))

    assert steps == list(PurgeStep)
    assert steps.index(PurgeStep.COUNT) < steps.index(PurgeStep.FILES)
    assert steps.index(PurgeStep.RECORDS) < steps.index(PurgeStep.KEYS) < steps.index(PurgeStep.CERTIFY)


def test_a_certificate_says_what_there_was_what_stays_and_which_keys_are_gone() -> None:
    gone = (DestroyedKey("op#0001", "ab" * 32, AT),)
    work = Purge("ten_1", AT, counts={"subscribers": 3}, keys=gone)

    text = certificate_text(purge=work, deletion=Deletion.PURGE, kept_through=2048, at=AT + DAY)

    again = certificate_text(purge=work, deletion=Deletion.PURGE, kept_through=2048, at=AT + DAY)
    assert text == again
    for told in ('"subscribers": 3', "2048", "op#0001", "ab" * 32, "tax and accounting law", "ten_1"):
        assert told in text
    made = Certificate("ten_1", Deletion.PURGE, AT, text, "")
    assert made.digest != replace(made, text=f"{text} ").digest
