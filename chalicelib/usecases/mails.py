"""The texts of the mails we send: plain text, one person each, nothing that need not be there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.support import SupportAccess
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

{advice} Of the same kind there is no other mail within the hour.
"""

_ADVICE: Final = """\
If you know why, do nothing. Otherwise look at the audit log (GET /v1/audit) for who did it and
from where, end the sessions of whom you do not trust, and change passwords."""

# Whoever changed the log is not to be found in it, and was not one of the company's people.
_ADVICE_OF_THE_LOG: Final = """\
Nobody of your company can do that by the platform. See which entries it is about (`./ispbilling
audit verify`, or GET /v1/audit/verification), keep a copy of what it says, and ask who runs the
platform: they were told too."""

_ADVICE_OF_GATEWAYS: Final[Mapping[Anomaly, str]] = {
    Anomaly.NOTICES_REFUSED: """\
Nothing was recorded of them. If you changed the gateway's secrets lately, see that they are those of
the vendor's; otherwise somebody tries: make another callback address (POST .../rotate).""",
    Anomaly.NOTICE_PARKED: """\
Look at it (GET /v1/parked-notices), and assign it to a subscriber or dismiss it.""",
    Anomaly.PAID_TWICE: """\
The money is credit of the subscriber, and pays the next invoice unless you give it back.""",
    Anomaly.CHARGED_BACK: """\
What it paid is open again (GET /v1/chargebacks). Answer the case at the gateway if you contest it;
if it is won, the money is taken in again.""",
}

_WHAT: Final[Mapping[Anomaly, str]] = {
    Anomaly.ACCOUNT_LOG_INS: "more than 20 wrong passwords for one account within an hour",
    Anomaly.TENANT_LOG_INS: "more than 100 wrong passwords for your accounts within an hour",
    Anomaly.SUSPENSIONS: "more than 50 subscriptions were suspended within an hour",
    Anomaly.REFUNDS: "more than 20 refunds, reversals and write-offs within an hour",
    Anomaly.ERASURES: "more than 10 subscribers were erased within an hour",
    Anomaly.EXPORT_NETWORK: "an export was asked for or fetched from a network not seen before",
    Anomaly.AUDIT_BROKEN: "the audit log was found changed, by the check of its chain",
    Anomaly.NOTICES_REFUSED: "more than 50 messages to a payment gateway's address were not believed "
    "within an hour",
    Anomaly.NOTICE_PARKED: "a payment gateway told of money that nothing is known of: it waits for you",
    Anomaly.CHARGED_BACK: "a payer's bank took a payment back through a gateway",
    Anomaly.PAID_TWICE: "an invoice that was settled already was paid once more through a gateway",
}


def _advice_of(kind: Anomaly) -> str:
    return _ADVICE_OF_THE_LOG if kind is Anomaly.AUDIT_BROKEN else _ADVICE_OF_GATEWAYS.get(kind, _ADVICE)


def anomaly_mail(*, to: str, name: str, company: str, kind: Anomaly, at: datetime) -> Mail:
    """Return the mail that tells an owner of an anomaly; it quotes nothing that a stranger wrote."""
    text = _ANOMALY.format(
        name=name,
        company=company,
        time=f"{at.astimezone(UTC):%Y-%m-%d %H:%M}",
        what=_WHAT[kind],
        advice=_advice_of(kind),
    )
    return Mail(to=to, subject="Out of the ordinary at ISP Billing", text=text)


_SECOND_FACTOR_ON = """\
Hello {name},

from now on, signing in at {company} asks for a code of your authenticator besides your password.
All your other sessions were ended. If it was not you, ask for a new password at once, and tell
who runs {company}.
"""

_FACTOR_OFF = """\
Hello {name},

{what} at {company} was taken off. From now on, signing in asks for {asked}. All your other
sessions were ended. If it was not you, ask for a new password at once, and tell who runs {company}.
"""

_PASSKEY_ADDED = """\
Hello {name},

a passkey was added to your account at {company}: it signs in without your password, and counts as
second factor with it. All your other sessions were ended. If it was not you, take it off at once,
ask for a new password, and tell who runs {company}.
"""

_PASSKEY_COPIED = """\
Hello {name},

a passkey of {whose} at {company} was used, and refused: its device counts every use, and this one
counted less than one before. Somebody may have copied it. Take the passkey off, and look at the
audit log for what was done with it.
"""

_FACTOR_TAKEN_OFF = """\
Hello {name},

{by} took off the second factor of {whose} at {company}, and ended their sessions. From now on,
signing in asks them for the password alone, until they put another one on. If nobody asked for
this, disable the account at once, and tell who runs {company}.
"""

_RECOVERY_USED = """\
Hello {name},

a recovery code of yours was used at {company}; {left} are left. If it was not you, ask for a new
password at once, and make new recovery codes.
"""

_RECOVERY_RENEWED = """\
Hello {name},

you have new recovery codes at {company}; the ones before are worthless. If it was not you, ask for
a new password at once, and tell who runs {company}.
"""

_CODES_TRIED = """\
Hello {name},

somebody who knows your password at {company} entered several wrong codes. If it was not you, ask
for a new password at once: nobody gets in without a code, and whoever it is must not go on trying.
"""


def second_factor_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells somebody that their authenticator was put on."""
    text = _SECOND_FACTOR_ON.format(name=name, company=company)
    return Mail(to=to, subject="Signing in asks for a code now", text=text)


def factor_off_mail(*, to: str, name: str, company: str, passkey: bool, left: bool) -> Mail:
    """Return the mail that tells somebody that their authenticator, or a passkey, was taken off.

    ``left`` says whether there is another second factor.
    """
    what = "a passkey of yours" if passkey else "your authenticator"
    asked = "your password and your other second factor" if left else "your password alone, and for no code"
    text = _FACTOR_OFF.format(name=name, what=what, company=company, asked=asked)
    subject = "A passkey was taken off" if passkey else "Signing in asks for no code any more"
    return Mail(to=to, subject=subject, text=text)


def passkey_added_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells somebody that they have another passkey."""
    return Mail(to=to, subject="A passkey was added", text=_PASSKEY_ADDED.format(name=name, company=company))


def passkey_copied_mail(*, to: str, name: str, company: str, whose: str) -> Mail:
    """Return the mail that tells a person, or an owner, that a passkey may have been copied."""
    text = _PASSKEY_COPIED.format(name=name, company=company, whose=whose)
    return Mail(to=to, subject="A passkey may have been copied", text=text)


def factor_taken_off_mail(*, to: str, name: str, company: str, whose: str, by: str) -> Mail:
    """Return the mail that tells a person, or an owner, that somebody took off the person's second factor."""
    text = _FACTOR_TAKEN_OFF.format(name=name, company=company, whose=whose, by=by)
    return Mail(to=to, subject="A second factor was taken off", text=text)


def recovery_used_mail(*, to: str, name: str, company: str, left: int) -> Mail:
    """Return the mail that tells somebody that a recovery code of theirs was used."""
    text = _RECOVERY_USED.format(name=name, company=company, left=left)
    return Mail(to=to, subject="A recovery code was used", text=text)


def recovery_renewed_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells somebody that they have new recovery codes."""
    text = _RECOVERY_RENEWED.format(name=name, company=company)
    return Mail(to=to, subject="You have new recovery codes", text=text)


def codes_tried_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells somebody that their password is known to who has no code."""
    text = _CODES_TRIED.format(name=name, company=company)
    return Mail(to=to, subject="Somebody knows your password", text=text)


_NEW_DEVICE = """\
Hello {name},

somebody signed in to {company} with your password from where you did not sign in lately:
{family}, network {network}, {at}.

If it was you, do nothing. If not, ask for a new password at once: that ends all your sessions.
"""


def new_device_mail(*, to: str, name: str, company: str, family: str, network: str, at: datetime) -> Mail:
    """Return the mail that tells somebody that they signed in from a device that is not known."""
    text = _NEW_DEVICE.format(
        name=name,
        company=company,
        family=family,
        network=network or "unknown",
        at=f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return Mail(to=to, subject="Signed in from a new device", text=text)


_SUPPORT_ENTERED = """\
Hello {name},

platform support ({operator}) entered {company} at {opened} UTC:

    who:    {person}
    why:    {reason}
    until:  {until} UTC, or sooner
    may:    {may}

National and tax ids are masked for them, and they can take nothing away as a file. Whatever they
look at or change is in your audit log (GET /v1/audit) under {access_id}. If you do not want it,
end it: DELETE /v1/support-accesses/{access_id}
"""

_MAY: Final = {
    False: "see settings, staff, subscribers, packages, invoices, payments, books and the audit log",
    True: "see all that, and change subscribers and their service, as your own support may",
}


def support_entered_mail(*, to: str, name: str, company: str, operator: str, access: SupportAccess) -> Mail:
    """Return the mail that tells an owner that platform support is in the company."""
    text = _SUPPORT_ENTERED.format(
        name=name,
        operator=operator,
        company=company,
        opened=f"{access.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}",
        person=access.name,
        reason=access.reason,
        until=f"{access.until.astimezone(UTC):%Y-%m-%d %H:%M}",
        may=_MAY[access.write],
        access_id=access.access_id,
    )
    return Mail(to=to, subject="Platform support entered your company", text=text)
