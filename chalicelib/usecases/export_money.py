"""The rows of an export's tables about money, each kind from the repository that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Final

from chalicelib.domain import export_money as tables
from chalicelib.domain.export_records import record_row
from chalicelib.domain.export_tables import Row
from chalicelib.domain.funds import Fund, FundKind
from chalicelib.domain.ledger import months_between
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.reconciliation import Line, LineResult, Resolution, Settlement
from chalicelib.ports.funds import ExpenseQuery, FundQuery
from chalicelib.usecases.export_source import Reader, Source
from chalicelib.usecases.ledger import first_month, month_days
from chalicelib.usecases.paging import ITEMS_PER_READ, each

# -- the books -------------------------------------------------------------------------------


def _company_journals(source: Source) -> Iterator[Row]:
    store, kind = source.store, DocumentKind.COMPANY_JOURNAL
    for year in store.invoices.series_years(kind=kind.value):
        read = partial(store.documents.by_number, kind=kind, fiscal_year=year, newest_first=False)
        for one in each(read=read):
            more = {"fund_id": one.account_id, "fund_kind": one.account_code}
            yield record_row(records=tables.COMPANY_JOURNALS, one=one, more=more)


def _months(source: Source) -> list[date]:
    """Return the months that can hold postings, the first of each."""
    first, today = first_month(store=source.store), source.tenant.local_date(at=source.at)
    return [] if first is None else list(months_between(first=min(first, today), last=today))


def _ledger_days(source: Source) -> Iterator[Row]:
    for month in _months(source):
        for day in month_days(store=source.store, month=month):
            for account, turnover in sorted(day.turnover.items()):
                more = {
                    "account": account,
                    "currency": source.currency,
                    "debit": turnover.debit,
                    "credit": turnover.credit,
                }
                yield record_row(records=tables.LEDGER_DAYS, one=day, more=more)


def _closed_months(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.ledger.closings):
        yield record_row(records=tables.CLOSED_MONTHS, one=one)


def _billing_runs(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.runs.list):
        yield record_row(records=tables.BILLING_RUNS, one=one)


def _quarantined(source: Source) -> Iterator[Row]:
    for run in each(read=source.store.runs.list):
        if run.quarantined:
            for one in each(read=partial(source.store.runs.quarantined, on=run.on)):
                more = {"run_id": run.run_id, "on": run.on}
                yield record_row(records=tables.QUARANTINED, one=one, more=more)


# -- funds and the field ---------------------------------------------------------------------


def _every_fund(source: Source) -> Iterator[Fund]:
    yield from each(read=partial(source.store.funds.list, query=FundQuery(archived=True)))


def _funds(source: Source) -> Iterator[Row]:
    for fund in _every_fund(source):
        yield record_row(records=tables.FUNDS, one=fund)


def _fund_movements(source: Source) -> Iterator[Row]:
    for fund in _every_fund(source):
        read = partial(source.store.funds.movements, fund_id=fund.fund_id, newest_first=False)
        for one in each(read=read):
            yield record_row(records=tables.FUND_MOVEMENTS, one=one, more={"currency": fund.currency})


def _hand_overs(source: Source) -> Iterator[Row]:
    for one in each(read=partial(source.store.hand_overs.list, staff_id=None, state=None)):
        yield record_row(records=tables.HAND_OVERS, one=one)


def _till_closings(source: Source) -> Iterator[Row]:
    for fund in _every_fund(source):
        if fund.kind is FundKind.OFFICE:
            for one in each(read=partial(source.store.till_closings.of_fund, fund_id=fund.fund_id)):
                yield record_row(records=tables.TILL_CLOSINGS, one=one)


def _field_receipts(source: Source) -> Iterator[Row]:
    for fund in _every_fund(source):
        if fund.kind is FundKind.COLLECTOR:
            for one in each(read=partial(source.store.field_receipts.of_fund, fund_id=fund.fund_id)):
                more = {
                    "fund_id": fund.fund_id,
                    "currency": one.amount.currency,
                    "amount": one.amount.amount,
                }
                yield record_row(records=tables.FIELD_RECEIPTS, one=one, more=more)


def _expenses(source: Source) -> Iterator[Row]:
    everything = ExpenseQuery(first=date(1900, 1, 1), last=date(9999, 12, 31))
    for one in each(read=partial(source.store.expenses.list, query=everything)):
        yield record_row(records=tables.EXPENSES, one=one)


# -- dealers and vouchers --------------------------------------------------------------------


def _dealers(source: Source) -> Iterator[Row]:
    for one in each(read=partial(source.store.dealers.list, archived=True)):
        yield record_row(records=tables.DEALERS, one=one)


def _dealer_prices(source: Source) -> Iterator[Row]:
    for dealer in each(read=partial(source.store.dealers.list, archived=True)):
        for one in each(read=partial(source.store.dealers.prices, dealer_id=dealer.dealer_id)):
            more = {"dealer_id": dealer.dealer_id, "currency": dealer.currency}
            yield record_row(records=tables.DEALER_PRICES, one=one, more=more)


def _dealer_sales(source: Source) -> Iterator[Row]:
    for month in _months(source):
        for one in source.store.dealers.totals(month=month):
            more = {"month": f"{month:%Y-%m}", "currency": source.currency}
            yield record_row(records=tables.DEALER_SALES, one=one, more=more)


def _voucher_batches(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.vouchers.batches):
        yield record_row(records=tables.VOUCHER_BATCHES, one=one)


def _vouchers(source: Source) -> Iterator[Row]:
    for batch in each(read=source.store.vouchers.batches):
        read = partial(source.store.vouchers.vouchers, batch_id=batch.batch_id, state=None)
        for one in each(read=read):
            more = {"serial": batch.serial(number=one.number), "currency": batch.currency}
            yield record_row(records=tables.VOUCHERS, one=one, more=more)


# -- gateways and banks ----------------------------------------------------------------------


def _gateways(source: Source) -> Iterator[Row]:
    for one in source.store.gateways.all():
        more = {
            "gateway": one.kind,
            "live": one.credentials.live,
            "settings": one.credentials.settings,
        }
        yield record_row(records=tables.GATEWAYS, one=one, more=more)


def _collections(source: Source) -> Iterator[Row]:
    for one in each(read=partial(source.store.collections.in_state, state=None, at=source.at)):
        more = {
            "subscriber_id": one.account_id,
            "currency": one.amount.currency,
            "amount": one.amount.amount,
        }
        yield record_row(records=tables.COLLECTIONS, one=one, more=more)


def _parked_notices(source: Source) -> Iterator[Row]:
    for one in each(read=partial(source.store.parked_notices.list, state=None)):
        more = {
            "subscriber_id": one.account_id,
            "currency": one.amount.currency if one.amount else source.currency,
            "amount": one.amount.amount if one.amount else None,
        }
        yield record_row(records=tables.PARKED_NOTICES, one=one, more=more)


def _gateway_refunds(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.money.gateway_refunds.list):
        yield record_row(records=tables.GATEWAY_REFUNDS, one=one)


def _chargebacks(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.money.chargebacks.list):
        yield record_row(records=tables.CHARGEBACKS, one=one)


def _settlements(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.money.settlements.list):
        yield record_row(records=tables.SETTLEMENTS, one=one)


def _settlement_lines(source: Source) -> Iterator[Row]:
    for settlement in each(read=source.store.money.settlements.list):
        for result in LineResult:
            for line, resolution in _lines(source, settlement, result):
                more = {
                    "settlement_id": settlement.settlement_id,
                    "currency": settlement.currency,
                    "resolution": resolution.kind if resolution else None,
                    "resolved_by": resolution.by if resolution else None,
                    "resolved_at": resolution.at if resolution else None,
                    "resolved_document_id": resolution.document_id if resolution else None,
                    "resolution_note": resolution.note if resolution else None,
                }
                yield record_row(records=tables.SETTLEMENT_LINES, one=line, more=more)


def _lines(
    source: Source, settlement: Settlement, result: LineResult
) -> Iterator[tuple[Line, Resolution | None]]:
    read = partial(
        source.store.money.settlements.lines,
        settlement_id=settlement.settlement_id,
        result=result,
        limit=ITEMS_PER_READ,
    )
    first = 1
    while some := read(first=first):
        yield from some
        first = some[-1][0].number + 1


# -- the platform's own bills ----------------------------------------------------------------


def _plan_invoices(source: Source) -> Iterator[Row]:
    operator, enrolment = source.operator(), source.store.plans.standing().enrolment
    if operator is not None and enrolment is not None:
        for one in each(read=partial(operator.invoices.of_account, account_id=enrolment.account_id)):
            yield record_row(records=tables.PLAN_INVOICES, one=one)


def _plan_documents(source: Source) -> Iterator[Row]:
    operator, enrolment = source.operator(), source.store.plans.standing().enrolment
    if operator is not None and enrolment is not None:
        for one in each(read=partial(operator.documents.of_account, account_id=enrolment.account_id)):
            yield record_row(records=tables.PLAN_DOCUMENTS, one=one)


MONEY_READERS: Final[tuple[Reader, ...]] = (
    (tables.COMPANY_JOURNALS, _company_journals),
    (tables.LEDGER_DAYS, _ledger_days),
    (tables.CLOSED_MONTHS, _closed_months),
    (tables.BILLING_RUNS, _billing_runs),
    (tables.QUARANTINED, _quarantined),
    (tables.FUNDS, _funds),
    (tables.FUND_MOVEMENTS, _fund_movements),
    (tables.HAND_OVERS, _hand_overs),
    (tables.TILL_CLOSINGS, _till_closings),
    (tables.FIELD_RECEIPTS, _field_receipts),
    (tables.EXPENSES, _expenses),
    (tables.DEALERS, _dealers),
    (tables.DEALER_PRICES, _dealer_prices),
    (tables.DEALER_SALES, _dealer_sales),
    (tables.VOUCHER_BATCHES, _voucher_batches),
    (tables.VOUCHERS, _vouchers),
    (tables.GATEWAYS, _gateways),
    (tables.COLLECTIONS, _collections),
    (tables.PARKED_NOTICES, _parked_notices),
    (tables.GATEWAY_REFUNDS, _gateway_refunds),
    (tables.CHARGEBACKS, _chargebacks),
    (tables.SETTLEMENTS, _settlements),
    (tables.SETTLEMENT_LINES, _settlement_lines),
    (tables.PLAN_INVOICES, _plan_invoices),
    (tables.PLAN_DOCUMENTS, _plan_documents),
)
