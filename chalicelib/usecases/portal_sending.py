"""Sends codes and activations of the portal: what the worker of the mail queue does.

By SMS where the ISP switched that on and there is a number that SMS go to, within limits that
bound its cost; else by mail; where there is neither, not at all, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.portal import (
    ACTIVATION_LIFE,
    CODE_LIFE,
    NEW_ISP,
    AskedCodes,
    SentCode,
)
from chalicelib.domain.processors import SMS as BY_SMS
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import TextMessage, TextNotSent
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.identity import tell
from chalicelib.usecases.portal import Portal
from chalicelib.usecases.portal_texts import activation_mail, activation_text, code_mail, code_text
from chalicelib.usecases.throttle import Limit, within

ACTIVATION: Final = "portal-activation"
CODE: Final = "portal-code"
MAIL: Final = "mail"
SMS: Final = "sms"
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
MAILS_PER_MAILBOX: Final = Limit("portal-mail", most=10, window_seconds=_HOUR)
# What can be made to cost the operator a day: for a number, an ISP, one that has just signed up
# (which any stranger may), and all of them together. Codes, which anybody asks for, and
# activations, which staff do, are counted apart but for the last, so that staff can still help.
SMS_PER_NUMBER: Final = Limit("portal-sms-number", most=5, window_seconds=_DAY)
SMS_PER_TENANT: Final = Limit("portal-sms-tenant", most=500, window_seconds=_DAY)
SMS_WHILE_NEW: Final = Limit("portal-sms-new", most=50, window_seconds=_DAY)
SMS_PER_PLATFORM: Final = Limit("portal-sms-platform", most=10_000, window_seconds=_DAY)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where something is sent: ``channel`` is mail or sms, ``address`` in its normal form."""

    channel: str
    address: str


def send_code(
    *,
    portal: Portal,
    tenant_id: str,
    sealed_login: str,
    challenge_hash: str,
    expires_at: datetime,
    at: datetime,
    request_id: str = "",
) -> bool:
    """Send a code to each address or number of whoever a login means; return whether any was sent.

    One code to one address or number, whoever of the subscribers has it; it lets in those alone.
    """
    store = portal.identity.stores.of(tenant_id=tenant_id)
    tenant = store.profile()
    if not _open(tenant) or at >= expires_at:
        return False
    login = store.portal.opened_login(sealed=sealed_login, challenge_hash=challenge_hash)
    people = store.subscribers.many(subscriber_ids=store.portal.candidates(login=login))
    found, codes, sent = _destinations(portal, tenant, people, login, at), {}, []
    for where, those in found.items():
        codes[where] = portal.identity.tokens.code()
        digest = store.portal.code_digest(code=codes[where], challenge_hash=challenge_hash)
        ids = tuple(one.subscriber_id for one in those)
        sent.append(SentCode(digest, store.portal.sent_to(address=where.address), ids))
    if not sent:
        return False
    asked = AskedCodes(tenant_id, challenge_hash, tuple(sent))
    told = [
        AuditNote(who, "portal.code_sent", who, at, request_id) for one in sent for who in one.subscriber_ids
    ]
    writes = portal.codes.sent(asked=asked, expires_at=expires_at)
    store.commit(*writes, *(store.note(note=note) for note in told))
    delivered = [_deliver_code(portal, tenant, where, found[where][0], code) for where, code in codes.items()]
    return any(delivered)


def _open(tenant: Tenant) -> bool:
    return tenant.portal and may(state=tenant.state, capability=Capability.PORTAL)


def _destinations(
    portal: Portal, tenant: Tenant, people: Sequence[Subscriber], login: str, at: datetime
) -> Mapping[Destination, Sequence[Subscriber]]:
    """Return where to send to, and who of them is reached there; each is counted once.

    Who signs in with an address is sent a mail, others an SMS where that is possible.
    """
    allowed: dict[Destination, bool] = {}
    found: dict[Destination, list[Subscriber]] = {}
    for one in people:
        for where in _ways(portal, tenant, one, login):
            if where not in allowed:
                allowed[where] = _within_limits(portal, tenant, where, at, sending=CODE)
            if allowed[where]:
                found.setdefault(where, []).append(one)
                break
    return found


def _ways(portal: Portal, tenant: Tenant, subscriber: Subscriber, login: str) -> list[Destination]:
    """Return where somebody is reached who signs in so, the best first; user names may have an @ too."""
    email = normal_email(email=subscriber.contact.email)
    by_mail = [Destination(MAIL, email)] if email else []
    if by_mail and normal_email(email=login) == email:
        return by_mail
    number = sms_number(portal=portal, tenant=tenant, subscriber=subscriber)
    return by_mail if number is None else [Destination(SMS, number), *by_mail]


def sms_on(*, portal: Portal, tenant: Tenant) -> bool:
    """Whether an ISP sends SMS: the register of third parties says by which of its settings."""
    return BY_SMS.on(tenant=tenant) and portal.texter.configured


def sms_number(*, portal: Portal, tenant: Tenant, subscriber: Subscriber) -> str | None:
    """Return the number to which SMS for a subscriber go (E.164), or None where none do."""
    if not (sms_on(portal=portal, tenant=tenant) and subscriber.contact.phone):
        return None
    return portal.numbers.for_sms(text=subscriber.contact.phone, country=tenant.country)


def _within_limits(portal: Portal, tenant: Tenant, where: Destination, at: datetime, *, sending: str) -> bool:
    key = f"{sending}|{tenant.tenant_id}"

    def allowed(limit: Limit, counted: str) -> bool:
        return within(identity=portal.identity, limit=limit, key=counted, at=at)

    if where.channel == MAIL:
        return allowed(MAILS_PER_MAILBOX, f"{key}|{where.address}")
    of_tenant = SMS_WHILE_NEW if at < tenant.created_at + NEW_ISP else SMS_PER_TENANT
    return (
        allowed(SMS_PER_NUMBER, f"{key}|{where.address}")
        and allowed(of_tenant, key)
        and allowed(SMS_PER_PLATFORM, "")
    )


def _deliver_code(
    portal: Portal, tenant: Tenant, where: Destination, subscriber: Subscriber, code: str
) -> bool:
    minutes = CODE_LIFE // timedelta(minutes=1)
    if where.channel == SMS:
        return _text(portal, where.address, code_text(company=tenant.company, code=code, minutes=minutes))
    mail = code_mail(to=subscriber.contact.email, company=tenant.company, code=code, minutes=minutes)
    return tell(identity=portal.identity, mail=mail)


def _text(portal: Portal, number: str, text: str) -> bool:
    with suppress(TextNotSent):
        portal.texter.send(message=TextMessage(number, text))
        return True
    return False


def send_activation(
    *, portal: Portal, tenant_id: str, subscriber_id: str, channel: str, at: datetime
) -> bool:
    """Send the code with which a subscriber chooses a password; return whether it was sent."""
    store = portal.identity.stores.of(tenant_id=tenant_id)
    tenant, subscriber = store.profile(), store.subscribers.get(subscriber_id=subscriber_id)
    where = [one for one in _ways(portal, tenant, subscriber, login="") if one.channel == channel]
    if not _open(tenant) or subscriber.archived or not where:
        return False
    if not _within_limits(portal, tenant, where[0], at, sending=ACTIVATION):
        return False
    token = _activation(portal, store, subscriber_id, where[0], at)
    hours = ACTIVATION_LIFE // timedelta(hours=1)
    if channel == SMS:
        text = activation_text(company=tenant.company, username=subscriber.code, token=token, hours=hours)
        return _text(portal, where[0].address, text)
    mail = activation_mail(
        to=subscriber.contact.email,
        name=subscriber.contact.name,
        company=tenant.company,
        subdomain=tenant.subdomain,
        username=subscriber.code,
        token=token,
        hours=hours,
    )
    return tell(identity=portal.identity, mail=mail)


def _activation(
    portal: Portal, store: TenantStore, subscriber_id: str, where: Destination, at: datetime
) -> str:
    """Store a token with which the password may be set as long as nobody sets it otherwise."""
    token = portal.identity.tokens.new(prefix="pac")
    access = store.portal.access(subscriber_id=subscriber_id)
    issued = portal.identity.one_time_tokens.issue(
        token_hash=portal.identity.tokens.hash(token=token),
        purpose=ACTIVATION,
        subject={
            "tenant_id": store.tenant_id,
            "subscriber_id": subscriber_id,
            "version": str(access.version),
            "sent_to": store.portal.sent_to(address=where.address),
        },
        expires_at=at + ACTIVATION_LIFE,
    )
    store.commit(issued)
    return token
