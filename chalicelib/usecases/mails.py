"""The texts of the mails we send: plain text, one person each, nothing that need not be there."""

from __future__ import annotations

from chalicelib.ports.services import Mail

_VERIFY = """\
Hello {name},

somebody, probably you, signed up {company} at ISP Billing with the subdomain
{subdomain}. To confirm this address, enter this code:

    {token}

It works once and for {hours} hours. After that the sign-up is forgotten and the
subdomain is free again.

If it was not you, do nothing.
"""


def verification_mail(*, to: str, name: str, company: str, subdomain: str, token: str, hours: int) -> Mail:
    """Return the mail that confirms an owner's address."""
    text = _VERIFY.format(name=name, company=company, subdomain=subdomain, token=token, hours=hours)
    return Mail(to=to, subject="Confirm your address", text=text)
