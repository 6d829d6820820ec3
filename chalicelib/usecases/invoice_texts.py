"""The mail with an invoice's summary: what is owed, by when, and where to pay it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.contacts import Contact
from chalicelib.domain.emails import has_link
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import format_minor
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Mail

_INVOICE: Final = """\
Hello{name},

invoice {number} of {company}

    to be paid:  {currency} {amount}
    by:          {due_on}
{pay}
If you are no customer of {company}, do nothing.
"""

_PAY: Final = """
To pay it, open this page (until {until}):

    {url}

It is for you alone: whoever has it sees the number and amount of the invoice.
"""


class Link(Protocol):
    """Where an invoice is paid, and until when."""

    @property
    def url(self) -> str:
        """The address."""

    @property
    def expires_at(self) -> datetime:
        """When it leads to nothing any more."""


def invoice_mail(*, to: Contact, tenant: Tenant, invoice: Invoice, link: Link | None) -> Mail:
    """Return the mail; without a link it only tells what is owed."""
    pay = ""
    if link is not None:
        until = link.expires_at.astimezone(ZoneInfo(tenant.time_zone)).date()
        pay = _PAY.format(url=link.url, until=until.isoformat())
    text = _INVOICE.format(
        name=f" {to.name}" if to.name and not has_link(text=to.name) else "",
        number=invoice.number,
        company=tenant.company,
        currency=invoice.currency,
        amount=format_minor(amount=invoice.open_amount, currency=invoice.currency),
        due_on=invoice.due_on.isoformat(),
        pay=pay,
    )
    return Mail(to=to.email, subject=f"Invoice {invoice.number}", text=text)
