"""The texts of the mails we send: plain text, one person each, nothing that need not be there."""

from __future__ import annotations

from chalicelib.ports.services import Mail

_VERIFY = """\
Hello {name},

somebody, probably you, signed up {company} at ISP Billing with the subdomain
{subdomain}. To confirm this mailbox, enter this code and the password that you chose at
{address}

    {token}

It works once and within {hours} hours. After that the subdomain is free again.
Programs send both with POST /v1/signups/verify.

If it was not you, do nothing: nobody gets in without this code.
"""


def verification_mail(
    *, to: str, name: str, company: str, subdomain: str, address: str, token: str, hours: int
) -> Mail:
    """Return the mail that confirms an owner's mailbox; ``address`` is where the code is entered."""
    text = _VERIFY.format(
        name=name, company=company, subdomain=subdomain, address=address, token=token, hours=hours
    )
    return Mail(to=to, subject="Confirm your address", text=text)
