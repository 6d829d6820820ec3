"""What is written about a breach: to the authority, to the people, and to who is to tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chalicelib.domain.breaches import Affected, Breach, Risk
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Mail

_TO_FILL: Final = "[to be filled in]"

_AUTHORITY: Final = """\
Notification of a breach of personal data (article 33 GDPR)

1. Controller: {company}, {country}. Person to ask: {fill}
2. Register: {breach_id}. Noticed on {noticed} UTC; this notification is sent {when}.
3. What happened: {what}
   From {began} UTC to {ended} UTC.
4. Kinds of data: {categories}
5. People affected: {people}
6. Likely consequences, the risk being {risk}: {fill}
7. What was done, and is being done, about it and against its effects:
{history}
8. Were the people told: {persons_told}
{late}"""

_LATE: Final = "9. This notification comes after 72 hours, because: {fill}\n"

_PERSONS: Final = """\
Hello,

on {noticed} UTC {company} found that personal data of yours may have been seen, taken or changed
by somebody who was not meant to, between {began} UTC and {ended} UTC.

What happened: {what}

Data that it is about: {categories}

What it may mean for you: {fill}

What we did: {fill}

What you can do: choose a new password for the customer portal, and do not believe calls or mails
that know your name and ask for a code or a payment. Ask us: {fill}

{company}
"""


def authority_text(*, breach: Breach, tenant: Tenant, affected: Affected, at: datetime) -> str:
    """Return the notification to the authority, with what the register does not know to be filled in."""
    steps = [f"   {_time(one.at)} UTC {one.what}: {one.words}".rstrip(" :") for one in breach.history]
    told = breach.persons_told_at
    return _AUTHORITY.format(
        company=tenant.company,
        country=tenant.country,
        breach_id=breach.breach_id,
        noticed=_time(breach.noticed_at),
        when="within 72 hours" if at <= breach.tell_by else "after more than 72 hours",
        what=breach.what,
        began=_time(breach.began_at),
        ended=_time(breach.ended_at),
        categories=_categories(breach),
        people=_people(affected),
        risk={Risk.NONE: "none", Risk.SOME: "some", Risk.HIGH: "high"}[breach.risk],
        history="\n".join(steps),
        persons_told=f"yes, on {_time(told)} UTC" if told else "not yet",
        late=_LATE.format(fill=_TO_FILL) if at > breach.tell_by else "",
        fill=_TO_FILL,
    )


def persons_text(*, breach: Breach, tenant: Tenant) -> str:
    """Return what the people affected are told, with what the register does not know to be filled in."""
    return _PERSONS.format(
        company=tenant.company,
        noticed=_time(breach.noticed_at),
        began=_time(breach.began_at),
        ended=_time(breach.ended_at),
        what=breach.what,
        categories=_categories(breach),
        fill=_TO_FILL,
    )


_REMIND: Final = """\
Hello {name},

a breach of personal data at {company} is in the register, {breach_id}. The authority is to be told by
{tell_by} UTC ({left}), unless it is no risk to anybody. The text is made:
GET /v1/breaches/{breach_id}/notices
"""


def reminder_mail(*, to: str, name: str, company: str, breach: Breach, at: datetime) -> Mail:
    """Return the mail that reminds who is to tell the authority."""
    left = breach.hours_left(at=at)
    text = _REMIND.format(
        name=name,
        company=company,
        breach_id=breach.breach_id,
        tell_by=_time(breach.tell_by),
        left=f"{left} hours are left" if left >= 0 else "the 72 hours are over",
    )
    return Mail(to=to, subject="Tell the authority of a breach", text=text)


def _people(affected: Affected) -> str:
    if affected.everybody:
        return "all subscribers, for their data was taken as a whole"
    rest = "" if affected.complete else ", and more: the log of the time is longer than what was looked at"
    return f"{len(affected.people)}{rest}"


def _categories(breach: Breach) -> str:
    return "; ".join(one.value for one in breach.categories)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
