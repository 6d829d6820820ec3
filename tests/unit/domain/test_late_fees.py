"""Late fees: when one is charged, what of, and which unpaid fees keep from service."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Account, ChargeKind, PendingCharge
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState
from chalicelib.domain.late_fees import (
    InvalidLateFeeRule,
    LateFeeRule,
    MustPay,
    ReconnectFee,
    check_rule,
    late_charge,
    late_fee,
    must_pay_items,
    reconnect_charge,
    require_paid,
)
from chalicelib.domain.periods import Period

DUE = date(2026, 11, 8)
ULID = "01JD0000000000000000000000"
RULE = LateFeeRule("lfr_1", "Late fee", grace_days=5, active_from=date(2026, 7, 1), share=20_000)


def line(total: int, kind: ChargeKind = ChargeKind.RECURRING, key: str = "") -> InvoiceLine:
    trace = (f"c:{key}",) if key else ()
    return InvoiceLine("x", "", 0, Period.day(on=DUE), total, 1, 1, total, (), kind, trace=trace)


def invoice(*lines: InvoiceLine, paid: int = 0, fees: tuple[str, ...] = (), slot: int = 1) -> Invoice:
    return Invoice(
        invoice_id=f"inv_{ULID}-20261101-{slot}",
        account_id=f"sbr_{ULID}",
        account_code="C-1",
        number=f"INV-2027-00000{slot}",
        sequence=slot,
        series="INV#2027",
        state=InvoiceState.OPEN,
        currency="PKR",
        issued_on=date(2026, 11, 1),
        due_on=DUE,
        period=Period.day(on=DUE),
        lines=lines or (line(226_614),),
        postings=(),
        run_id="run",
        paid=paid,
        fees=fees,
    )


@pytest.mark.parametrize(
    ("on", "fee"),
    [
        (DUE, 0),
        (date(2026, 11, 13), 0),  # the last day of grace
        (date(2026, 11, 14), 4_532),  # 2 % of 2,266.14 is 45.3228
        (date(2027, 3, 1), 4_532),
    ],
)
def test_a_fee_is_charged_from_the_day_after_the_grace(on: date, fee: int) -> None:
    assert late_fee(rule=RULE, invoice=invoice(), on=on) == fee


def test_what_was_paid_is_not_charged_for() -> None:
    on = date(2026, 11, 14)
    assert late_fee(rule=RULE, invoice=invoice(paid=126_614), on=on) == 2_000
    assert late_fee(rule=RULE, invoice=invoice(paid=226_614), on=on) == 0


def test_a_cap_a_minimum_and_a_fixed_amount() -> None:
    on = date(2026, 11, 14)
    assert late_fee(rule=replace(RULE, cap=4_000), invoice=invoice(), on=on) == 4_000
    assert late_fee(rule=replace(RULE, share=0, amount=10_000), invoice=invoice(), on=on) == 10_000
    small = replace(RULE, minimum_open=100_001)
    assert late_fee(rule=small, invoice=invoice(paid=126_614), on=on) == 0


def test_once_for_an_invoice_and_never_retroactively_or_when_ended() -> None:
    on = date(2026, 11, 14)
    assert late_fee(rule=RULE, invoice=invoice(fees=("lfr_1",)), on=on) == 0
    assert late_fee(rule=RULE, invoice=invoice(fees=("lfr_2",)), on=on) == 4_532
    assert late_fee(rule=replace(RULE, active_from=DUE + timedelta(days=1)), invoice=invoice(), on=on) == 0
    assert late_fee(rule=replace(RULE, active=False), invoice=invoice(), on=on) == 0


def test_no_fee_on_fees() -> None:
    on = date(2026, 11, 14)
    both = invoice(line(100_000), line(5_000, ChargeKind.LATE_FEE), line(7_000, ChargeKind.RECONNECT_FEE))
    assert late_fee(rule=RULE, invoice=both, on=on) == 2_000
    assert late_fee(rule=RULE, invoice=invoice(line(5_000, ChargeKind.LATE_FEE)), on=on) == 0
    rounded = invoice(line(336_000, ChargeKind.LATE_FEE), line(4_000, ChargeKind.ROUNDING))
    assert late_fee(rule=RULE, invoice=rounded, on=on) == 0


@given(
    total=st.integers(0, 10**9),
    paid=st.integers(0, 10**9),
    share=st.integers(1, 1_000_000),
    cap=st.none() | st.integers(1, 10**6),
)
def test_a_share_is_never_more_than_what_is_open_or_the_cap(
    total: int, paid: int, share: int, cap: int | None
) -> None:
    bill = invoice(line(total), paid=min(total, paid))
    fee = late_fee(rule=replace(RULE, share=share, cap=cap), invoice=bill, on=DUE + timedelta(days=6))
    assert 0 <= fee <= bill.open_amount
    assert cap is None or fee <= cap


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)), st.integers(0, 365))
def test_the_dates_of_a_rule_mirror_each_other(due_on: date, grace: int) -> None:
    rule = replace(RULE, grace_days=grace)
    assert rule.due_on_before(on=rule.charged_on(due_on=due_on)) == due_on


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"share": 0}, "share_millionths"),
        ({"amount": 100}, "share_millionths"),
        ({"share": 1_010_000}, "share_millionths"),
        ({"share": -1}, "share_millionths"),
        ({"share": 0, "amount": -1}, "amount"),
        ({"share": 0, "amount": 10**14}, "amount"),
        ({"cap": 0}, "cap"),
        ({"grace_days": -1}, "grace_days"),
        ({"grace_days": 366}, "grace_days"),
        ({"name": " "}, "name"),
        ({"active_from": date(2026, 11, 19)}, "active_from"),
    ],
)
def test_a_wrong_rule_is_refused(wrong: dict[str, object], param: str) -> None:
    today = date(2026, 11, 20)
    rule = replace(RULE, **{"active_from": today, **wrong})  # type: ignore[arg-type]
    with pytest.raises(InvalidLateFeeRule) as refused:
        check_rule(rule=rule, today=today)
    assert refused.value.param == param


# -- must pay ------------------------------------------------------------------------------


def account(*charges: PendingCharge) -> Account:
    return Account(f"sbr_{ULID}", "C-1", "PKR", 0, 1, charges=charges)


def opened(*, charges: tuple[PendingCharge, ...] = (), invoices: tuple[Invoice, ...] = ()) -> list[int]:
    found = must_pay_items(
        account=account(*charges), invoices=invoices, optional={"lfr_soft"}, reconnect=True
    )
    return [item.open_amount for item in found]


def test_unpaid_fees_billed_or_not_keep_from_service() -> None:
    late = late_charge(rule=RULE, invoice=invoice(), fee=4_532, on=date(2026, 11, 14))
    billed = invoice(line(100_000), line(5_000, ChargeKind.LATE_FEE, f"late:lfr_1:{ULID}"))

    assert opened(charges=(late,), invoices=(billed,)) == [5_000, 4_532]
    assert opened(invoices=(invoice(),)) == []


def test_what_is_paid_of_an_invoice_counts_for_its_fees_first() -> None:
    lines = (line(100_000), line(5_000, ChargeKind.LATE_FEE), line(7_000, ChargeKind.RECONNECT_FEE))

    assert opened(invoices=(invoice(*lines, paid=4_000),)) == [1_000, 7_000]
    assert opened(invoices=(invoice(*lines, paid=6_000),)) == [6_000]
    assert opened(invoices=(invoice(*lines, paid=12_000),)) == []


def test_fees_of_a_rule_that_may_stay_unpaid_do_not() -> None:
    soft = replace(RULE, rule_id="lfr_soft")
    waiting = late_charge(rule=soft, invoice=invoice(), fee=100, on=DUE)
    billed = invoice(line(5_000, ChargeKind.LATE_FEE, waiting.key))

    assert opened(charges=(waiting,), invoices=(billed,)) == []


def test_restoring_asks_for_payment_or_a_reason() -> None:
    late = late_charge(rule=RULE, invoice=invoice(), fee=4_532, on=DUE)
    items = must_pay_items(account=account(late), invoices=(), optional=(), reconnect=True)

    with pytest.raises(MustPay, match="the next bill"):
        require_paid(items=items, override=" ")
    require_paid(items=items, override="outage of ours")
    require_paid(items=(), override=None)


def test_a_package_has_its_own_reconnect_fee_or_none() -> None:
    setting = ReconnectFee(50_000, (("pkg_free", 0), ("pkg_dear", 90_000)), "internet")

    def charged(package_id: str) -> int | None:
        found = reconnect_charge(setting=setting, package_id=package_id, slot=2, on=DUE, version=7)
        return None if found is None else found.unit_price

    assert [charged(one) for one in ("pkg_x", "pkg_free", "pkg_dear")] == [50_000, None, 90_000]
