"""The texts of the mails we send: plain text, one person each, nothing that need not be there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from chalicelib.domain.anomalies import Anomaly
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


_INVITE = """\
Hello,

{company} invites you to work with them at ISP Billing, subdomain {subdomain}, as {role}.
To accept, enter this code with your name and a password of your choice:

    {token}

It works once and within {hours} hours.

If you do not know {company}, do nothing: nobody gets in without this code.
"""


def invitation_mail(*, to: str, company: str, subdomain: str, role: str, token: str, hours: int) -> Mail:
    """Return the mail that invites somebody to work for a tenant."""
    text = _INVITE.format(company=company, subdomain=subdomain, role=role, token=token, hours=hours)
    return Mail(to=to, subject="You are invited", text=text)


_RESET = """\
Hello {name},

somebody, probably you, asked for a new password at {company}. To choose one, enter this code:

    {token}

It works once and within {minutes} minutes. If it was not you, do nothing: your password stays.
"""

_NOTICE = """\
Hello {name},

your password at {company} was changed, and all other sessions were ended. If it was not you,
ask for a new password at once, and tell who runs {company}.
"""


def reset_mail(*, to: str, name: str, company: str, token: str, minutes: int) -> Mail:
    """Return the mail with the code for a new password."""
    text = _RESET.format(name=name, company=company, token=token, minutes=minutes)
    return Mail(to=to, subject="Choose a new password", text=text)


def password_changed_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells somebody that their password was changed."""
    return Mail(
        to=to,
        subject="Your password was changed",
        text=_NOTICE.format(name=name, company=company),
    )


_ANOMALY = """\
Hello {name},

something out of the ordinary was seen at {company} at {time} UTC:

    {what}

If you know why, do nothing. Otherwise look at the audit log (GET /v1/audit) for who did it and
from where, end the sessions of whom you do not trust, and change passwords. Of the same kind
there is no other mail within the hour.
"""

_WHAT: Final[Mapping[Anomaly, str]] = {
    Anomaly.ACCOUNT_LOG_INS: "more than 20 wrong passwords for one account within an hour",
    Anomaly.TENANT_LOG_INS: "more than 100 wrong passwords for your accounts within an hour",
    Anomaly.SUSPENSIONS: "more than 50 subscriptions were suspended within an hour",
    Anomaly.REFUNDS: "more than 20 refunds, reversals and write-offs within an hour",
    Anomaly.EXPORT_NETWORK: "an export was asked for or fetched from a network not seen before",
    Anomaly.AUDIT_BROKEN: "the audit log was found changed, by the check of its chain",
}


def anomaly_mail(*, to: str, name: str, company: str, kind: Anomaly, at: datetime) -> Mail:
    """Return the mail that tells an owner of an anomaly; it quotes nothing that a stranger wrote."""
    text = _ANOMALY.format(
        name=name, company=company, time=f"{at.astimezone(UTC):%Y-%m-%d %H:%M}", what=_WHAT[kind]
    )
    return Mail(to=to, subject="Out of the ordinary at ISP Billing", text=text)
