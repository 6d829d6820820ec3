"""What becomes of each partition and model at a purge: the data map's rules as the store keeps to them.

Everything that is not named in ``KEPT`` goes. A test compares that with the data map, and the
partitions with ``store.keys``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chalicelib.store import keys

# Models of which items stay for tax law or as audit log, and the attributes that go nevertheless.
KEPT: Final[Mapping[str, tuple[str, ...]]] = {
    "accounts.AccountItem": ("recipient", "subscriptions"),
    "invoices.InvoiceItem": (),
    "posting.DocumentItem": (),
    "late_fees.LateFeeItem": ("reason",),
    "funds.FundItem": (),
    "funds.ChannelItem": (),
    "funds.MovementItem": (),
    "field_receipts.FieldReceiptItem": (),
    "till_closings.TillClosingItem": ("reason",),
    "hand_overs.HandOverItem": ("reason",),
    "hand_overs.OpenHandOverItem": (),
    "expenses.ExpenseItem": (),
    "chargebacks.ChargebackItem": (),
    "gateway_refunds.GatewayRefundItem": ("reason",),
    "settlements.SettlementItem": (),
    "settlements.ResolutionItem": ("note",),
    "settlements.SettledFileItem": (),
    "settlements.SettledDayItem": (),
    "settlements.SettledElsewhereItem": (),
    "vouchers.BatchItem": (
        "attempt", "failure", "finished_at", "made", "note", "seed", "state", "terms", "updated_at",
        "version", "voided_at",
    ),
    "dealers.DealerSalesItem": (),
    "register.SeriesItem": (),
    "register.RegisterItem": (),
    "billing_state.BillingStateItem": (),
    "ledger.ClosingItem": (),
    "runs.RunItem": (),
    "runs.ShardItem": (),
    "quarantine.QuarantineItem": (),
    "retention.ReportItem": (),
    "audit.AuditItem": ("access", "personal"),
    "audit_log.RecordItem": (),
    "audit_log.HeadItem": (),
    "audit_log.LateItem": (),
    "audit_rounds.RoundItem": (),
    "support.AccessItem": ("told",),
    "holds.HoldItem": (),
    "privacy.PrivacyRequestItem": ("asked",),
    "privacy.ErasedItem": (),
    "breaches.BreachItem": ("told",),
}  # fmt: skip
# Partitions that go as a whole.
GONE: Final[Mapping[str, Callable[[str], str]]] = {
    "packages": keys.packages,
    "names of packages": keys.package_names,
    "editions of packages": keys.package_editions,
    "coupons": keys.coupons,
    "roles": keys.roles,
    "keys of programs": keys.api_keys,
    "second factors": keys.second_factors,
    "invitations": keys.invitations,
    "plans": keys.plans,
    "endings of prepaid lines": keys.endings,
    "rules of late fees": keys.late_fees,
    "closings of use": keys.usage_closings,
    "payment gateways": keys.gateways,
    "consumer numbers": keys.consumer_numbers,
    "parked notices": keys.parked_notices,
    "refunds under way": keys.pending_refunds,
    "events for the network": keys.outbox,
    "receipts to mail": keys.receipt_mails,
    "dealers": keys.dealers,
    "policies that staff were told of": keys.policies_told,
    "activity": keys.activity,
    "privacy requests that wait": keys.privacy_due,
    "whose privacy requests are": keys.privacy_owners,
    "privacy requests that are open": keys.privacy_open,
}
# Partitions that go as a whole, of which there are several: by shard, or by what is in others.
GONE_IN_PARTS: Final = (
    keys.jobs, keys.idempotency, keys.due, keys.collections, keys.gateway_events, keys.vouchers,
    keys.voucher_codes, keys.dealer_prices, keys.consents, keys.policy_states, keys.noted,
)  # fmt: skip
# Partitions that stay as a whole, until the law does not ask for them any more.
STAYING: Final = (
    keys.series, keys.closings, keys.billing, keys.runs, keys.audit_verified, keys.audit_chain,
    keys.expenses, keys.chargebacks, keys.settled_files, keys.settled_days, keys.settled_elsewhere,
)  # fmt: skip
# Partitions that stay but for some of their items, or of their items' attributes.
STAYING_IN_PART: Final = (
    keys.hand_overs, keys.gateway_refunds, keys.voucher_batches, keys.retention, keys.funds,
    keys.settlements, keys.support_accesses, keys.support_entries, keys.privacy_requests, keys.breaches,
)  # fmt: skip
# Partitions of which something stays, and that are found by what is in others.
OTHERS: Final = (
    keys.tenant, keys.account, keys.directory, keys.blind, keys.staff, keys.register, keys.ledger, keys.run,
    keys.audit, keys.wrapped_keys, keys.holds, keys.settlement_lines, keys.dealer_sales, keys.erased,
)  # fmt: skip
