"""A run keeps the lines it has made: what it makes of them equals what is made anew each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import bill_account
from chalicelib.domain.accounts import Account, Discount
from chalicelib.domain.catalogue import LINES_KEPT_MAX, Catalogue
from chalicelib.domain.packages import BundlePart, Package, Phase
from chalicelib.domain.taxes import NO_TAX_PROFILE, TaxExemption, TaxProfile
from chalicelib.store.invoices import LineEncoder, encode_lines
from tests.bench.books import BILL_DAY, bench_account, bench_packages, bench_tenant

TENANT = bench_tenant(tenant_id="ten_1")
SERVICE, ADDON = bench_packages(tenant=TENANT)
PARTS = (BundlePart("Line", 2, "internet"), BundlePart("TV", 1, None))
EXEMPT = TaxProfile("PK-SD", (TaxExemption("gst", "C-1", BILL_DAY),))
LATER = TaxProfile("PK-SD", (TaxExemption("gst", "C-1", BILL_DAY + timedelta(days=40)),))


def catalogue(package: Package) -> Catalogue:
    return Catalogue(
        packages={package.package_id: package, ADDON.package_id: ADDON},
        tax_groups={group.code: group for group in TENANT.tax_groups},
    )


packages = st.builds(
    replace,
    st.just(SERVICE),
    phases=st.sampled_from([(), (Phase("Trial", 1, 0), Phase("Intro", 2, 99_900))]),
    bundle=st.sampled_from([(), PARTS]),
    tax_group=st.sampled_from(["internet", None]),
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Accounts that differ in little, so that many of their lines are equal."""
    account = bench_account(index=draw(st.integers(0, 2)), on=BILL_DAY, full=True)
    service, addon = account.subscriptions
    begun = draw(st.sampled_from([BILL_DAY, date(2026, 10, 1), date(2026, 9, 17)]))
    service = replace(
        service,
        starts_on=begun,
        billed_to=begun,
        price_override=draw(st.sampled_from([None, 90_000, 120_000])),
        quantity=draw(st.sampled_from([1, 3])),
        discounts=draw(st.sampled_from([(), (Discount("HALF", share=500_000, periods=1),)])),
        ends_on=draw(st.sampled_from([None, date(2026, 11, 12)])),
    )
    profile = draw(st.sampled_from([NO_TAX_PROFILE, TaxProfile("PK-SD"), EXEMPT, LATER]))
    return replace(account, subscriptions=(service, addon), tax=profile)


@given(package=packages, billed=st.lists(accounts(), min_size=2, max_size=8))
def test_kept_lines_are_those_that_would_be_made(package: Package, billed: list[Account]) -> None:
    shared, encoder = catalogue(package), LineEncoder()

    for account in billed:
        again, anew = (
            bill_account(account=account, slots=[1, 2], on=BILL_DAY, catalogue=one, charges_max=48)
            for one in (shared, catalogue(package))
        )
        assert again == anew
        for invoice in again.invoices:
            assert encoder.encode(invoice.lines) == encode_lines(invoice.lines)


def test_no_more_lines_are_kept_than_so_many() -> None:
    kept = catalogue(SERVICE)
    (line,) = (
        bill_account(
            account=bench_account(index=1, on=BILL_DAY),
            slots=[1],
            on=BILL_DAY,
            catalogue=kept,
            charges_max=48,
        )
        .invoices[0]
        .lines
    )

    for number in range(3 * LINES_KEPT_MAX):
        kept.keep_line(key=(number,), line=line)

    assert len(kept._lines) <= LINES_KEPT_MAX
    assert kept.kept_line(key=(3 * LINES_KEPT_MAX - 1,)) is line
