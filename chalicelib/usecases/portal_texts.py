"""The texts of the portal's mails and SMS: one person each, nothing that need not be there."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.emails import has_link
from chalicelib.ports.services import Mail

_CODE: Final = """\
Hello,

your code for signing in to the customer portal of {company} is

    {code}

It works once and within {minutes} minutes. If you did not ask for it, do nothing, and tell it to
nobody: {company} never asks for it.
"""

_ACTIVATION: Final = """\
Hello{name},

{company} opened its customer portal to you, subdomain {subdomain}. Your user name is {username}.
To choose a password, enter this code:

    {token}

It works once and within {hours} hours. If you are no customer of {company}, do nothing.
"""

_CHANGED: Final = """\
Hello{name},

your password for the customer portal of {company} was set or changed, and all other sessions were
ended. If it was not you, sign in with a code and choose another one, and tell {company}.
"""


def code_mail(*, to: str, company: str, code: str, minutes: int) -> Mail:
    """Return the mail with a code for signing in."""
    text = _CODE.format(company=company, code=code, minutes=minutes)
    return Mail(to=to, subject="Your code for signing in", text=text)


def code_text(*, company: str, code: str, minutes: int) -> str:
    """Return the SMS with a code for signing in."""
    return f"{code} is your code for {company}, good for {minutes} minutes. Tell it to nobody."


def activation_mail(
    *, to: str, name: str, company: str, subdomain: str, username: str, token: str, hours: int
) -> Mail:
    """Return the mail with which a subscriber chooses a password."""
    text = _ACTIVATION.format(
        name=_called(name), company=company, subdomain=subdomain, username=username, token=token, hours=hours
    )
    return Mail(to=to, subject="Your customer portal", text=text)


def activation_text(*, company: str, username: str, token: str, hours: int) -> str:
    """Return the SMS with which a subscriber chooses a password."""
    way = f"user name {username}, code to choose a password within {hours} hours:"
    return f"{company}, customer portal: {way} {token}"


def portal_password_mail(*, to: str, name: str, company: str) -> Mail:
    """Return the mail that tells a subscriber that their password was set or changed."""
    text = _CHANGED.format(name=_called(name), company=company)
    return Mail(to=to, subject="Your portal password was changed", text=text)


def _called(name: str) -> str:
    """Return a name as it follows a greeting; none that would be a link of the ISP's in our mail."""
    return f" {name}" if name and not has_link(text=name) else ""
