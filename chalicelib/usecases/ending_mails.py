"""The texts of the mails about the end of an account: to its owners, one person each."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.purging import Certificate
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Mail

_NOTICE: Final = """\
Hello {name},

the account of {company} at ISP Billing, subdomain {subdomain}, has ended. On {purge_at} ({zone}),
{left}, its data is deleted for good: subscribers, packages, staff, files, keys.

Until then you can sign in as an owner and

    look at everything,
    export it:      POST /v1/exports
    bring it back:  POST /v1/tenant/recovery

which is one call, and everything is as it was. Nobody else can sign in, nothing is billed, and
programs and the portal are off.

Invoices, payments and the books are kept for as long as tax law asks for it, and nobody signs in to
them.
"""

_RECOVERED: Final = """\
Hello {name},

{company} is back at ISP Billing: everything is as it was before its account ended, and nothing will be
deleted. Staff sign in again, keys of programs and the portal are on, and bills are made at the next
billing hour.

If it was not you or another owner, ask for a new password at once.
"""

_PURGED: Final = """\
Hello {name},

the data of your company ({tenant_id}) at ISP Billing was deleted on {at} UTC. This is the certificate;
its SHA-256 is {digest}.

{text}

HMAC-SHA-256 under a key that the platform keeps: {mac}

This is the last mail about it: your address was deleted too.
"""


def notice_mail(*, to: str, name: str, tenant: Tenant, purge_at: datetime, days: int) -> Mail:
    """Return the mail that tells an owner when the data of the company is deleted."""
    left = "tomorrow" if days == 1 else f"in {days} days"
    local = purge_at.astimezone(ZoneInfo(tenant.time_zone))
    text = _NOTICE.format(
        name=name,
        company=tenant.company,
        subdomain=tenant.subdomain,
        purge_at=f"{local:%Y-%m-%d %H:%M}",
        zone=tenant.time_zone,
        left=left,
    )
    return Mail(to=to, subject=f"Your company's data is deleted {left}", text=text)


def recovered_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells an owner that the company's account is back."""
    return Mail(
        to=to, subject="Your company's account is back", text=_RECOVERED.format(name=name, company=company)
    )


def purged_mail(*, to: str, name: str, certificate: Certificate) -> Mail:
    """Return the mail that brings an owner the certificate of deletion."""
    text = _PURGED.format(
        name=name,
        tenant_id=certificate.tenant_id,
        at=f"{certificate.issued_at:%Y-%m-%d %H:%M}",
        digest=certificate.digest,
        text=certificate.text,
        mac=certificate.mac,
    )
    return Mail(to=to, subject="Your company's data is deleted", text=text)
