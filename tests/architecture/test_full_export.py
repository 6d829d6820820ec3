"""A company's export has whatever the data map says is stored of it, or says why not."""

from __future__ import annotations

from dataclasses import fields

from chalicelib.domain import (
    activity,
    api_keys,
    breaches,
    chargebacks,
    consents,
    dealers,
    discounts,
    expenses,
    exports,
    field_receipts,
    funds,
    gateway_collections,
    hand_overs,
    imports,
    invitations,
    late_fees,
    ledger,
    packages,
    parked_notices,
    plans,
    policies,
    prepaid,
    privacy_requests,
    receipt_refunds,
    reconciliation,
    rehearsals,
    retention,
    roles,
    runs,
    staff,
    support,
    taxes,
    tenants,
    till_closings,
    usage,
    vouchers,
)
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.export_company import COMPANY_RECORDS
from chalicelib.domain.export_money import MONEY_RECORDS
from chalicelib.domain.export_tables import TABLES
from chalicelib.domain.export_words import WORDS, words_of
from chalicelib.domain.exports import EXPORTED
from chalicelib.ports.audit import AuditEntry
from chalicelib.ports.privacy import Erased
from chalicelib.usecases.export_company import COMPANY_READERS
from chalicelib.usecases.export_money import MONEY_READERS
from chalicelib.usecases.export_records import EVERYTHING

CREDENTIALS = "a credential, or what one is known by: nobody can read it, and nobody takes it along"
FINDS = "it only finds what a table has"
COUNTS = "a count or a position that is made anew of what tables have"
CHAIN = "a link over entries as they are stored, by which the platform shows that none was changed"
SOON_GONE = "on its way, and gone within days"

# What is stored of a company and in none of the tables beside subscribers and documents, and why.
ELSEWHERE = {
    "accounts.AccountItem": "the tables of subscribers and subscriptions",
    "subscribers.PersonItem": "the table of subscribers",
    "subscribers.SubscriberItem": "both of them in one read; never written",
    "subscribers.PastItem": "the table of subscriptions",
    "invoices.InvoiceItem": "the tables of invoices and their lines",
    "usage.UsageRecordItem": "added up in usage_periods; kept so that no report counts twice",
    "portal.PortalAccessItem": CREDENTIALS,
    "second_factors.SecondFactorItem": CREDENTIALS,
    "subscriber_search.DirectoryItem": FINDS,
    "roles.RoleNameItem": FINDS,
    "packages.PackageNameItem": FINDS,
    "funds.ChannelItem": FINDS,
    "hand_overs.OpenHandOverItem": FINDS,
    "vouchers.CodeItem": FINDS,
    "dealers.DealerCodeItem": FINDS,
    "gateways.CallbackItem": FINDS,
    "gateway_collections.CollectingItem": FINDS,
    "gateway_collections.ListedItem": FINDS,
    "settlements.SettledFileItem": FINDS,
    "settlements.SettledDayItem": FINDS,
    "settlements.SettledElsewhereItem": FINDS,
    "register.RegisterItem": FINDS,
    "register.SeriesItem": COUNTS,
    "billing_state.BillingStateItem": COUNTS,
    "vouchers.NextItem": COUNTS,
    "audit_rounds.RoundItem": COUNTS,
    "retention.ProgressItem": COUNTS,
    "outbox.OutboxItem": SOON_GONE,
    "receipt_mails.ReceiptMailItem": SOON_GONE,
    "imports.ReportPageItem": "rows of the company's own file that were not taken; gone within thirty days",
    "rehearsals.RehearsalResultItem": "what would be billed, which is computed of what tables have",
    "idempotency.IdempotencyItem": "answers once more; what they answered is in the tables",
    "gateway_collections.EventItem": "that a message came; what it told of is in the tables",
    "policy_states.PolicyToldItem": "that everybody of a state in policy_states was told",
    "audit_log.RecordItem": CHAIN,
    "audit_log.HeadItem": CHAIN,
    "audit_log.LateItem": CHAIN,
    "api_keys.FoundKeyItem": FINDS,
    "origins.OriginItem": FINDS,
    "tenants.ListedTenantItem": "the same as the table company, for the platform's lists",
    "tenants.SubdomainItem": "the same as the table company, for the platform's lists",
    "tenants.SignUpItem": "of who has not confirmed yet, and has no exports",
    "holds.HoldItem": "set by the operator, and its reason is the operator's",
    "purges.PurgeItem": "of the end of a company, which has no exports any more",
    "purges.CertificateItem": "of the end of a company, which has no exports any more",
    "wrapped_keys.WrappedKeyItem": CREDENTIALS,
    "tokens.OneTimeItem": CREDENTIALS,
    "portal_codes.AskedItem": CREDENTIALS,
    "portal_codes.NewestItem": CREDENTIALS,
    "support.OpenedItem": CREDENTIALS,
    "sessions.SessionItem": "a credential; a person's own copy of their data lists their sessions",
    "sessions.PersonItem": "as the sessions that it lists",
    "networks.NetworksItem": "digests that anomalies are told by; gone within ninety days",
    "tokens.AttemptsItem": "counts of attempts, gone within a day",
    "consents.VisitorConsentItem": "of visitors of the platform's pages, who are no company's",
}
# Accounts name their prepaid lines, and invoices their late fees.
READ_WITH_WHAT_NAMES_THEM = ("prepaid_lines", "late_fees")
# Fields of what tables are made of that have no column: credentials, what others say better, what is the
# operator's, and messages of gateways, which only those may read who decide on them.
NO_COLUMN = {
    "staff": {"password_hash"},
    "invitations": {"token_hash"},
    "api_keys": {"token_hash"},
    "voucher_batches": {"seed"},
    "support_accesses": {"tenant_id", "subdomain", "operator_id", "token_hash", "session_hash"},
    "support_entries": {"operator_id", "token_hash", "session_hash"},
    "billing_runs": {"shards"},
    "company": {"tax_groups"},
    "collections": {"account_id"},
    "parked_notices": {"account_id", "raw"},
    "late_fees": {"account_id"},
    "prepaid_lines": {"account_id", "slot"},
    "quarantined": {"slot"},
    "ledger_days": {"turnover"},
}
MADE_OF = {
    "activity": activity.Total,
    "api_keys": api_keys.ApiKey,
    "audit_entries": AuditEntry,
    "billing_runs": runs.BillingRun,
    "breaches": breaches.Breach,
    "chargebacks": chargebacks.Chargeback,
    "closed_months": ledger.Closing,
    "collections": gateway_collections.Collection,
    "company": tenants.Tenant,
    "consents": consents.Consent,
    "coupons": discounts.Coupon,
    "dealer_prices": dealers.DealerPrice,
    "dealer_sales": dealers.CommissionTotals,
    "dealers": dealers.Dealer,
    "erasures": Erased,
    "expenses": expenses.Expense,
    "exports": exports.ExportJob,
    "field_receipts": field_receipts.KeptReceipt,
    "fund_movements": funds.Movement,
    "funds": funds.Fund,
    "gateway_refunds": receipt_refunds.GatewayRefund,
    "hand_overs": hand_overs.HandOver,
    "imports": imports.ImportJob,
    "invitations": invitations.Invitation,
    "late_fee_rules": late_fees.LateFeeRule,
    "late_fees": late_fees.LateFee,
    "ledger_days": ledger.DayTotals,
    "packages": packages.Package,
    "parked_notices": parked_notices.ParkedNotice,
    "plans": plans.Enrolment,
    "plans_sold": plans.PlanTerms,
    "policy_states": policies.PolicyState,
    "prepaid_lines": prepaid.PrepaidLine,
    "privacy_requests": privacy_requests.PrivacyRequest,
    "quarantined": runs.QuarantinedSubscription,
    "reconnect_fees": late_fees.ReconnectFee,
    "rehearsals": rehearsals.RehearsalJob,
    "retention_reports": retention.Deleted,
    "roles": roles.CustomRole,
    "settlement_lines": reconciliation.Line,
    "settlements": reconciliation.Settlement,
    "staff": staff.StaffMember,
    "support_accesses": support.SupportAccess,
    "support_entries": support.SupportAccess,
    "tax_rows": taxes.TaxRow,
    "till_closings": till_closings.TillClosing,
    "usage_periods": usage.PeriodUse,
    "voucher_batches": vouchers.VoucherBatch,
    "vouchers": vouchers.Voucher,
}


def test_everything_that_is_stored_of_a_company_is_in_its_export_or_said_why_not() -> None:
    exported = {item for records in EVERYTHING for item in records.items}

    assert {one.model for one in ITEMS} == exported | set(ELSEWHERE)
    assert not exported & set(ELSEWHERE)


def test_every_field_of_what_is_exported_has_a_column_or_is_named() -> None:
    tables = {records.name: set(records.table.columns) for records in EVERYTHING}

    for name, made_of in MADE_OF.items():
        missing = {one.name for one in fields(made_of)} - tables[name]
        assert missing == NO_COLUMN.get(name, set()), name


def test_every_table_is_read_once_and_has_a_name_of_its_own() -> None:
    read = [records.name for records, _ in (*COMPANY_READERS, *MONEY_READERS)]
    names = [records.name for records in EVERYTHING]

    assert sorted([*read, *READ_WITH_WHAT_NAMES_THEM]) == sorted(names)
    assert len({*names, *(table.name for table in TABLES)}) == len(names) + len(TABLES)


def test_every_column_is_explained_and_nothing_else_is() -> None:
    tables = [*TABLES, *(records.table for records in EVERYTHING)]
    columns = {(table.name, column) for table in tables for column in table.columns}

    assert all(words_of(table=table, column=column) for table, column in columns)
    assert set(WORDS) <= {f"{table}.{column}" for table, column in columns} | {one for _, one in columns}


def test_what_tables_need_is_what_exports_remember_of_who_asked() -> None:
    assert {records.permission for records in (*COMPANY_RECORDS, *MONEY_RECORDS)} == EXPORTED
