"""The tables of an export about money: the books, funds, the field, dealers, vouchers, gateways."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import Table, columns
from chalicelib.domain.permissions import Permission

P = Permission

COMPANY_JOURNALS: Final = Records(
    Table(
        "company_journals",
        columns(
            text="document_id number fund_id fund_kind issued_on currency amount:amount reason:text "
            "about:text reference:text note:text postings:json"
        ),
    ),
    P.LEDGER_READ,
    ("posting.DocumentItem",),
    "entries of the company's own, which moved funds",
)
LEDGER_DAYS: Final = Records(
    Table("ledger_days", columns(text="on by_run account:text currency debit:amount credit:amount")),
    P.LEDGER_READ,
    (),
    "what was posted on a day to each account of the ledger, by the billing run or by other documents",
)
CLOSED_MONTHS: Final = Records(
    Table(
        "closed_months",
        columns(text="month currency rows:json closed_at closed_by opened_at opened_by reason:text version"),
    ),
    P.LEDGER_READ,
    ("ledger.ClosingItem",),
    "months of the books that were closed, with the balances that they were closed with",
)
FUNDS: Final = Records(
    Table(
        "funds",
        columns(
            text="fund_id kind name:text channel:text owner_id account:text currency balance:amount "
            "movements entries idle_since archived version"
        ),
    ),
    P.FUNDS_READ,
    ("funds.FundItem",),
    "the company's money that a person, the office or a dealer holds",
)
FUND_MOVEMENTS: Final = Records(
    Table(
        "fund_movements",
        columns(
            text="fund_id sequence on currency amount:amount balance:amount reason:text about:text actor_id "
            "at"
        ),
    ),
    P.FUNDS_READ,
    ("funds.MovementItem",),
    "what moved a fund, and its balance after it",
)
HAND_OVERS: Final = Records(
    Table(
        "hand_overs",
        columns(
            text="hand_over_id staff_id currency offered:amount offered_at state counted:amount counted_by "
            "office_fund_id ended_at reason:text document_id version"
        ),
    ),
    P.FUNDS_READ,
    ("hand_overs.HandOverItem",),
    "cash on its way from collectors to the office",
)
TILL_CLOSINGS: Final = Records(
    Table(
        "till_closings",
        columns(
            text="closing_id fund_id on currency expected:amount counted:amount closed_by closed_at "
            "reason:text document_id"
        ),
    ),
    P.FUNDS_READ,
    ("till_closings.TillClosingItem",),
    "counts of office funds at the end of a day",
)
FIELD_RECEIPTS: Final = Records(
    Table(
        "field_receipts",
        columns(text="receipt_id:text fund_id subscriber_id currency amount:amount taken_at document_id"),
    ),
    P.FUNDS_READ,
    ("field_receipts.FieldReceiptItem",),
    "receipts that collectors' devices made, and the documents that they became",
)
EXPENSES: Final = Records(
    Table(
        "expenses",
        columns(
            text="expense_id on category:text currency amount:amount fund_id payee:text reference:text "
            "note:text document_id payment_id reversed_by recorded_by version"
        ),
    ),
    P.EXPENSES_READ,
    ("expenses.ExpenseItem",),
    "what the company spent",
)
DEALERS: Final = Records(
    Table(
        "dealers",
        columns(
            text="dealer_id code:text name:text currency parent_id level commission:json override:json "
            "fund_id children prices archived created_at version"
        ),
    ),
    P.DEALERS_READ,
    ("dealers.DealerItem",),
    "dealers; their wallets are funds",
)
DEALER_PRICES: Final = Records(
    Table("dealer_prices", columns(text="dealer_id package_id starts_on currency price:amount")),
    P.DEALERS_READ,
    ("dealers.DealerPriceItem",),
    "what dealers pay for packages",
)
DEALER_SALES: Final = Records(
    Table(
        "dealer_sales",
        columns(
            text="month dealer_id currency sales retail:amount commission:amount override:amount refunds "
            "refunded_retail:amount refunded_commission:amount refunded_override:amount"
        ),
    ),
    P.DEALERS_READ,
    ("dealers.DealerSalesItem",),
    "what dealers sold and earned in a month, and what was taken back",
)
VOUCHER_BATCHES: Final = Records(
    Table(
        "voucher_batches",
        columns(
            text="batch_id number count currency amount:amount package_id expires_on created_by created_at "
            "dealer_id:text note:text state version attempt made updated_at finished_at failure:json "
            "voided_at redeemed redeemed_amount:amount voided sold_amount:amount"
        ),
    ),
    P.VOUCHERS_READ,
    ("vouchers.BatchItem",),
    "batches of vouchers",
)
VOUCHERS: Final = Records(
    Table(
        "vouchers",
        columns(text="batch_id number serial state subscriber_id at currency amount:amount document_id"),
    ),
    P.VOUCHERS_READ,
    ("vouchers.VoucherItem",),
    "vouchers by their serial numbers; nobody can read their codes, the platform neither",
)
GATEWAYS: Final = Records(
    Table("gateways", columns(text="gateway enabled live settings:json version")),
    P.GATEWAYS_READ,
    ("gateways.GatewayItem",),
    "payment gateways that were set up, without their secrets",
)
COLLECTIONS: Final = Records(
    Table(
        "collections",
        columns(
            text="collection_id subscriber_id reference gateway currency amount:amount state created_at "
            "created_by:text expires_at invoice_id vendor_id:text captures:json fee:amount reason:text "
            "asked_at version"
        ),
    ),
    P.PAYMENTS_READ,
    ("gateway_collections.CollectionItem",),
    "attempts to collect an amount through a gateway",
)
PARKED_NOTICES: Final = Records(
    Table(
        "parked_notices",
        columns(
            text="notice_id gateway reason:text status reference:text vendor_id:text currency amount:amount "
            "arrived_at subscriber_id collection_id state resolved_by resolved_at receipt_id "
            "why:text"
        ),
    ),
    P.GATEWAYS_READ,
    ("parked_notices.ParkedItem",),
    "what gateways told of and nobody could place at once",
)
GATEWAY_REFUNDS: Final = Records(
    Table(
        "gateway_refunds",
        columns(
            text="refund_id receipt_id channel:text currency amount:amount begun_at state vendor_id:text "
            "reason:text told version"
        ),
    ),
    P.PAYMENTS_READ,
    ("gateway_refunds.GatewayRefundItem",),
    "refunds that gateways were asked for",
)
CHARGEBACKS: Final = Records(
    Table(
        "chargebacks",
        columns(
            text="channel:text case_id:text receipt_id currency amount:amount journal_id debit_note_id won_by"
        ),
    ),
    P.LEDGER_READ,
    ("chargebacks.ChargebackItem",),
    "payments that payers' banks took back",
)
SETTLEMENTS: Final = Records(
    Table(
        "settlements",
        columns(
            text="settlement_id channel:text on currency file_name:text size_bytes profile:json state "
            "created_by created_at sha256 totals:json failure:json finished_at version"
        ),
    ),
    P.SETTLEMENTS_READ,
    ("settlements.SettlementItem",),
    "files of gateways and banks that were compared with the payments",
)
SETTLEMENT_LINES: Final = Records(
    Table(
        "settlement_lines",
        columns(
            text="settlement_id result number row reference:text vendor_id:text currency amount:amount "
            "fee:amount document_id ours:amount problem:text resolution resolved_by resolved_at "
            "resolved_document_id resolution_note:text"
        ),
    ),
    P.SETTLEMENTS_READ,
    ("settlements.LinesItem", "settlements.ResolutionItem"),
    "the lines of those files and the payments that they lack, and how differences were resolved",
)
LATE_FEES: Final = Records(
    Table(
        "late_fees",
        columns(text="subscriber_id invoice_id rule_id currency amount:amount on state reason:text"),
    ),
    P.INVOICES_READ,
    ("late_fees.LateFeeItem",),
    "late fees, charged or waived",
)
BILLING_RUNS: Final = Records(
    Table(
        "billing_runs",
        columns(
            text="run_id on state started_at completed_at currency invoices total:amount skipped:json "
            "quarantined ledger:json"
        ),
    ),
    P.BILLING_READ,
    ("runs.RunItem", "runs.ShardItem"),
    "billing runs and what they came to",
)
QUARANTINED: Final = Records(
    Table(
        "quarantined", columns(text="run_id on account_id subscription_id code:text message:text at of_usage")
    ),
    P.BILLING_READ,
    ("quarantine.QuarantineItem",),
    "what billing runs set aside",
)
# The platform's bills to the company, as the platform has them in its own books.
PLAN_INVOICES: Final = Records(
    Table(
        "plan_invoices",
        columns(
            text="invoice_id number kind state issued_on due_on period:json currency net:amount tax:amount "
            "total:amount paid:amount credited:amount written_off:amount lines:json recipient:json"
        ),
    ),
    P.TENANT_READ,
    (),
    "the platform's invoices to the company",
)
PLAN_DOCUMENTS: Final = Records(
    Table(
        "plan_documents",
        columns(
            text="document_id number kind issued_on currency amount:amount channel:text reason:text "
            "about:text reference:text settled:json reversed_by"
        ),
    ),
    P.TENANT_READ,
    (),
    "the platform's receipts, refunds and credit notes to the company",
)

MONEY_RECORDS: Final = (
    COMPANY_JOURNALS, LEDGER_DAYS, CLOSED_MONTHS, FUNDS, FUND_MOVEMENTS, HAND_OVERS, TILL_CLOSINGS,
    FIELD_RECEIPTS, EXPENSES, DEALERS, DEALER_PRICES, DEALER_SALES, VOUCHER_BATCHES, VOUCHERS, GATEWAYS,
    COLLECTIONS, PARKED_NOTICES, GATEWAY_REFUNDS, CHARGEBACKS, SETTLEMENTS, SETTLEMENT_LINES, LATE_FEES,
    BILLING_RUNS, QUARANTINED, PLAN_INVOICES, PLAN_DOCUMENTS,
)  # fmt: skip
