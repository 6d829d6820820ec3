"""Rehearsing one account, the dates of a rehearsal, and the comparison with a run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import AccountBill, Quarantine, bill_account
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.jobs import JobState
from chalicelib.domain.rehearsals import (
    CHANGES_SHOWN_MAX,
    NothingToRehearse,
    RehearsalBook,
    RehearsalJob,
    RehearsedCharge,
    compare,
    rehearse_account,
    rehearsed_dates,
)
from tests.bench.books import BILL_DAY, bench_account, bench_catalogue, bench_tenant

TENANT = bench_tenant(tenant_id="ten_1")
PACKAGE = bench_catalogue(tenant=TENANT)
CATALOGUE = Catalogue(
    packages={PACKAGE.package_id: PACKAGE},
    tax_groups={group.code: group for group in TENANT.tax_groups},
)


def test_the_dates_go_from_the_first_open_one_through_the_last() -> None:
    found = rehearsed_dates(completed_through=date(2026, 10, 30), through=date(2026, 11, 2))

    assert found == [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2)]


@pytest.mark.parametrize(
    "through", [date(2026, 10, 30), date(2026, 1, 1), date(2027, 12, 5), date(9999, 12, 31)]
)
def test_a_date_that_is_billed_or_too_far_ahead_is_refused(through: date) -> None:
    with pytest.raises(NothingToRehearse) as refused:
        rehearsed_dates(completed_through=date(2026, 10, 30), through=through)

    assert refused.value.param == "through"


def test_four_hundred_days_are_rehearsed() -> None:
    on = date(2026, 10, 30)

    assert len(rehearsed_dates(completed_through=on, through=on + timedelta(days=400))) == 400


def test_an_account_moves_on_from_date_to_date() -> None:
    account = bench_account(index=1, on=BILL_DAY)
    looks = [(BILL_DAY, [1]), (date(2026, 11, 2), [1]), (date(2026, 12, 1), [1])]

    found = list(rehearse_account(account=account, looks=looks, catalogue=CATALOGUE, charges_max=48))

    assert [(on, len(bill.invoices)) for on, bill in found] == [
        (BILL_DAY, 1),
        (date(2026, 11, 2), 0),
        (date(2026, 12, 1), 1),
    ]
    alone = bill_account(account=account, slots=[1], on=BILL_DAY, catalogue=CATALOGUE, charges_max=48)
    assert found[0][1].invoices == alone.invoices


def test_a_bill_that_one_batch_does_not_hold_goes_on_as_a_run_does() -> None:
    account = bench_account(index=1, on=date(2025, 11, 1))

    found = list(
        rehearse_account(account=account, looks=[(BILL_DAY, [1])], catalogue=CATALOGUE, charges_max=5)
    )

    assert [len(bill.invoices) for _, bill in found] == [5, 5, 3]


charges = st.dictionaries(
    st.sampled_from([f"sbn_{number}" for number in range(8)]),
    st.builds(RehearsedCharge, st.sampled_from(["pkg_a", "pkg_b"]), st.integers(-5, 5)),
)


@given(before=charges, now=charges)
def test_the_changes_lead_from_what_was_to_what_is(
    before: dict[str, RehearsedCharge], now: dict[str, RehearsedCharge]
) -> None:
    found = compare(run_on=BILL_DAY, before=before, now=now)

    assert found.now.count == found.before.count + found.new.count - found.gone.count
    assert found.now.net == found.before.net + found.new.net - found.gone.net + found.changed.net
    assert {one.subscription_id for one in found.changes} == {
        key for key in {*before, *now} if before.get(key) != now.get(key)
    }


def test_a_long_list_of_changes_is_cut_and_its_sums_are_not() -> None:
    now = {f"sbn_{number:04d}": RehearsedCharge("pkg_a", 1) for number in range(CHANGES_SHOWN_MAX + 7)}

    found = compare(run_on=BILL_DAY, before={}, now=now)

    assert (len(found.changes), found.changes_left_off) == (CHANGES_SHOWN_MAX, 7)
    assert (found.new.count, found.new.net) == (CHANGES_SHOWN_MAX + 7, CHANGES_SHOWN_MAX + 7)


def test_a_job_whose_worker_was_lost_is_seen_as_failed() -> None:
    begun = datetime(2026, 11, 1, tzinfo=UTC)
    job = RehearsalJob("rhs_1", BILL_DAY, JobState.RUNNING, "stf_1", begun, started_at=begun)

    assert job.as_of(at=begun + timedelta(minutes=29)).state is JobState.RUNNING
    lost = job.as_of(at=begun + timedelta(minutes=30))
    assert lost.state is JobState.FAILED
    assert lost.failure is not None
    assert lost.failure.code == "rehearsal_lost"


def test_pending_charges_that_would_be_set_aside_are_no_subscription() -> None:
    book = RehearsalBook()
    for on in (BILL_DAY, date(2026, 11, 2)):
        bill = AccountBill(quarantined=[Quarantine(slot, "catalogue_mismatch", "gone") for slot in (0, 1)])
        book.add(account_id="sbr_1", on=on, bill=bill)

    found = book.close(dates=[BILL_DAY], currency="PKR", before=None).quarantined

    assert [(one.on, one.subscription_id) for one in found] == [(BILL_DAY, None), (BILL_DAY, "sbn_1-1")]
