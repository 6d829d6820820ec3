"""The tables of an export beside subscribers and documents: which of them somebody gets, and their rows.

What has no list of its own is read where it is named: prepaid lines with their accounts, late fees with
their invoices. All else is read by itself, so that a tenant without something pays one request for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.export_company import COMPANY_RECORDS, PREPAID_LINES
from chalicelib.domain.export_money import LATE_FEES, MONEY_RECORDS
from chalicelib.domain.export_records import Records, record_row
from chalicelib.domain.export_tables import Row
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.permissions import Permission
from chalicelib.usecases.export_company import COMPANY_READERS
from chalicelib.usecases.export_money import MONEY_READERS
from chalicelib.usecases.export_source import Source

EVERYTHING: Final = (*COMPANY_RECORDS, *MONEY_RECORDS)


@dataclass(frozen=True)
class TenantRecords:
    """The tables of one export; ``permissions`` are those of who asked for it."""

    source: Source
    permissions: frozenset[Permission]

    @cached_property
    def tables(self) -> tuple[Records, ...]:
        """The tables that who asked may see."""
        return tuple(one for one in EVERYTHING if one.permission in self.permissions)

    @cached_property
    def left_out(self) -> tuple[Records, ...]:
        """The others."""
        return tuple(one for one in EVERYTHING if one.permission not in self.permissions)

    def of_company(self) -> Iterator[tuple[Records, Iterator[Row]]]:
        """Yield each table with its rows, but for what accounts and invoices name."""
        for records, read in (*COMPANY_READERS, *MONEY_READERS):
            if records in self.tables:
                yield records, read(self.source)

    def of_account(self, *, account: Account) -> Iterator[tuple[Records, Row]]:
        """Yield the rows of what is filed under an account; prepaid lines take slots as subscriptions do."""
        if account.slots_used and PREPAID_LINES in self.tables:
            for one in self.source.store.prepaid.of_account(account_id=account.account_id):
                more = {"subscriber_id": account.account_id}
                yield PREPAID_LINES, record_row(records=PREPAID_LINES, one=one, more=more)

    def of_invoice(self, *, invoice: Invoice) -> Iterator[tuple[Records, Row]]:
        """Yield the rows of what is filed beside an invoice: the fees of the rules that it names."""
        for rule_id in invoice.fees if LATE_FEES in self.tables else ():
            one = self.source.store.late_fees.fee(invoice_id=invoice.invoice_id, rule_id=rule_id)
            if one is not None:
                more = {"subscriber_id": one.account_id, "currency": invoice.currency}
                yield LATE_FEES, record_row(records=LATE_FEES, one=one, more=more)
