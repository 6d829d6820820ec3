"""Exports of a tenant's data: what is asked for, what was made, and what its manifest says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Conflict
from chalicelib.domain.export_tables import SCHEMA_VERSION
from chalicelib.domain.invoices import Invoice, Posting
from chalicelib.domain.jobs import FILES_KEPT_DAYS, JobFailure, JobState
from chalicelib.domain.permissions import Permission
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant

P = Permission

EXPORTS_AT_ONCE_MAX: Final = 3
INVOICE_SUMS: Final = ("count", "net", "tax", "total", "paid", "credited", "written_off", "open")
# An export that gives no sign of life for this long has lost its worker. A worker ends within 15
# minutes of beginning, and the message of one that died comes again after 16, in the end to the
# dead letters. An export that was never begun may wait behind many others.
EXPORT_LOST_AFTER: Final[Mapping[JobState, timedelta]] = {
    JobState.QUEUED: timedelta(hours=2),
    JobState.RUNNING: timedelta(minutes=30),
}
EXPORT_LOST: Final = JobFailure("export_lost", "its worker was lost on our side: ask for another export")


# What tables of an export need, beside the right to make one; a test compares it with the tables.
EXPORTED: Final = frozenset(
    {
        P.TENANT_READ, P.STAFF_READ, P.KEYS_READ, P.SUBSCRIBERS_READ, P.PACKAGES_READ, P.INVOICES_READ,
        P.PAYMENTS_READ, P.FUNDS_READ, P.EXPENSES_READ, P.GATEWAYS_READ, P.DEALERS_READ, P.VOUCHERS_READ,
        P.BILLING_READ, P.SETTLEMENTS_READ, P.LEDGER_READ, P.IMPORTS_READ, P.EXPORTS_READ, P.AUDIT_READ,
        P.PRIVACY_READ,
    }
)  # fmt: skip


class ExportNotReady(Conflict):
    """The export is not made yet, or could not be made."""

    code = "export_not_ready"


class TooManyExports(Conflict):
    """As many exports are being made as one tenant may have at once."""

    code = "too_many_exports"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export. ``version`` counts every change and guards each; ``attempt`` counts its makings.

    ``counts`` are the rows of each table of a finished export, ``sha256`` is the archive's.
    ``updated_at`` is the last sign of life: when a worker began. ``permissions`` are those of EXPORTED
    that who asked had: tables that need another are left out, and who lacks one may not download it.
    """

    export_id: str
    state: JobState
    created_by: str
    created_at: datetime
    version: int = 1
    attempt: int = 0
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    size_bytes: int = 0
    sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: JobFailure | None = None
    permissions: frozenset[Permission] = frozenset()

    @property
    def expires_at(self) -> datetime | None:
        """When the archive is deleted; None while there is none."""
        if self.state is not JobState.SUCCEEDED or self.finished_at is None:
            return None
        return self.finished_at + timedelta(days=FILES_KEPT_DAYS)

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED}

    def as_of(self, *, at: datetime) -> ExportJob:
        """Return the export as it stands: it failed where its worker gave no sign of life for too long.

        Nobody is left to write that down, so it is seen by looking. Should a worker come to it
        after all, it is made, and seen as such.
        """
        if self.finished:
            return self
        ends = (self.updated_at or self.started_at or self.created_at) + EXPORT_LOST_AFTER[self.state]
        if at < ends:
            return self
        return replace(self, state=JobState.FAILED, finished_at=ends, failure=EXPORT_LOST)


def archive_key(*, tenant_id: str, export_id: str, attempt: int) -> str:
    """Return where an attempt's archive is kept: two workers never write one object."""
    return f"exports/{tenant_id}/{export_id}-{attempt}.zip"


def archive_name(*, job: ExportJob) -> str:
    """Return the name under which an archive is downloaded."""
    return f"isp-billing-{job.created_at:%Y-%m-%d}-{job.export_id[-8:].lower()}.zip"


@dataclass(slots=True)
class ExportSums:
    """Sums per currency of what went into an export, in minor units."""

    invoices: dict[str, dict[str, int]] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    documents: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    postings: dict[str, dict[str, int]] = field(default_factory=dict)
    ledger: dict[str, dict[str, int]] = field(default_factory=dict)

    def add_postings(self, *, currency: str, postings: Iterable[Posting]) -> None:
        """Count what a document posts to the accounts of the ledger."""
        sums = self.postings.setdefault(currency, {})
        for posting in postings:
            sums[posting.account] = sums.get(posting.account, 0) + posting.amount

    def add_turnover(self, *, currency: str, account: str, net: int) -> None:
        """Count what the ledger says was posted to an account, debits less credits."""
        sums = self.ledger.setdefault(currency, {})
        sums[account] = sums.get(account, 0) + net

    def add_document(self, *, document: Document) -> None:
        """Count a credit note, receipt, refund or journal."""
        kinds = self.documents.setdefault(document.currency, {})
        sums = kinds.setdefault(document.kind.value, {"count": 0, "amount": 0})
        sums["count"] += 1
        sums["amount"] += document.amount
        self.add_postings(currency=document.currency, postings=document.postings)

    def add_invoice(self, *, invoice: Invoice) -> None:
        """Count an invoice."""
        sums = self.invoices.setdefault(invoice.currency, dict.fromkeys(INVOICE_SUMS, 0))
        sums["count"] += 1
        sums["net"] += invoice.net
        sums["tax"] += invoice.tax
        sums["total"] += invoice.total
        sums["paid"] += invoice.paid
        sums["credited"] += invoice.credited
        sums["written_off"] += invoice.written_off
        sums["open"] += invoice.open_amount
        self.add_postings(currency=invoice.currency, postings=invoice.postings)

    def add_balance(self, *, subscriber: Subscriber) -> None:
        """Count what a subscriber owes."""
        account = subscriber.account
        self.balances[account.currency] = self.balances.get(account.currency, 0) + account.balance


def manifest_head(
    *,
    tenant: Tenant,
    job: ExportJob,
    generated_at: datetime,
    counts: Mapping[str, int],
    sums: ExportSums,
    totals: Mapping[str, object],
    left_out: Mapping[str, str],
) -> dict[str, object]:
    """Return the manifest but for its files; amounts are in minor units of their currency.

    ``totals`` are the sums of amounts by table, currency and column, ``left_out`` the tables that who
    asked may not see, with the permission that each needs.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "export_id": job.export_id,
        "generated_at": generated_at.isoformat().replace("+00:00", "Z"),
        "tenant": {
            "tenant_id": tenant.tenant_id,
            "company": tenant.company,
            "subdomain": tenant.subdomain,
            "country": tenant.country,
            "currency": tenant.currency,
            "time_zone": tenant.time_zone,
        },
        "counts": dict(counts),
        "left_out": dict(left_out),
        "totals": totals,
        "sums": {
            currency: {
                "invoices": sums.invoices.get(currency, dict.fromkeys(INVOICE_SUMS, 0)),
                "documents": sums.documents.get(currency, {}),
                "balances": sums.balances.get(currency, 0),
                # Without the ledger the company's own journals are left out too, and nothing adds up.
                "postings": _standing(sums.postings.get(currency, {}) if currency in sums.ledger else {}),
                "ledger": _standing(sums.ledger.get(currency, {})),
            }
            for currency in sorted({*sums.invoices, *sums.documents, *sums.balances, *sums.ledger})
        },
    }


def _standing(balances: Mapping[str, int]) -> dict[str, int]:
    """Return balances by account, in the order of names, without those that came to nothing."""
    return {account: balance for account, balance in sorted(balances.items()) if balance}


README_TEXT = """\
An export of ISP Billing.

Each table is here twice, with the same rows: as JSON Lines (.jsonl, one JSON object a line)
and as CSV (.csv, comma separated, quoted where needed). All files are UTF-8.

Amounts: in JSON Lines whole minor units (paisa, cents) of the row's currency; in CSV decimals
in the currency's own digits. Dates are ISO 8601; a period's end is exclusive.

CSV and spreadsheets: a text that begins with = + - @, a tab, a line break, or an apostrophe
has one apostrophe put before it, so that a spreadsheet program never runs it as a formula.
To have the text back, take exactly one leading apostrophe away. JSON Lines is unchanged.

schema.json: what each table is, and what each of its columns holds. Columns of the kind json
hold values of several parts: in CSV they are JSON text. Instants are in UTC.

manifest.json: for each file its rows, bytes and SHA-256 (of the plain file), and for each
currency the sums of the invoices and debit notes (what is settled and what is open, too), of
the documents by kind, and of what subscribers owe. Documents are credit notes, receipts,
refunds and journals of subscribers. Invoices are overdue or not as of the day of the export.

Control totals: "totals" are the sums of every column of amounts, by table and currency.
"postings" is what all documents of the export (invoices, documents, company journals) post to
each account of the ledger, and "ledger" what the ledger itself says: both are the same, unless
something was posted while the export was made. "left_out" names the tables that are not here
because who asked for the export may not see them, with the permission that each needs.

Not here are credentials (passwords, second factors, keys, secrets of gateways, the codes of
vouchers), which nobody can read, and what only finds or counts other things again.
"""
