"""Privacy requests from outside: by who has no session, and proves an address by a code that goes there.

Nobody is looked up while they ask, and the mail goes to whatever address is named, so that neither the
answer, its time nor the mail tells whether there is somebody. Nothing is kept until the code comes
back; the time to answer runs from the asking all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.contacts import mailbox_of, normal_email
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.emails import check_email
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.privacy_requests import Channel, Proof, RequestKind, check_purposes, check_words
from chalicelib.domain.tenants import check_subdomain
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.services import JobQueue
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.privacy_mails import CONFIRMATION_LIFE, confirmation_mail
from chalicelib.usecases.privacy_requests import Asked, Asker, Desk, Standing, ask
from chalicelib.usecases.throttle import Limit, client_of, reserve, within

PRIVACY_CODE: Final = "privacy-code"
CONFIRMATION_PAGE: Final = "/privacy/request/confirm"
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
ASKED_PER_CLIENT: Final = Limit("privacy-asked", most=10, window_seconds=_HOUR)
# Of the mails in the name of one ISP, which one address must not use up for the others.
ASKED_PER_CLIENT_A_DAY: Final = Limit("privacy-asked-day", most=20, window_seconds=_DAY)
TRIES_PER_CLIENT: Final = Limit("privacy-tries", most=60, window_seconds=_HOUR)
# What strangers can have written to one mailbox in the name of one ISP, so that none can use up what is
# left for another; in whatever ISPs' names; and in the name of one ISP to everybody.
MAILS_PER_ISP_AND_MAILBOX: Final = Limit("privacy-isp-mailbox", most=3, window_seconds=_DAY)
MAILS_PER_MAILBOX: Final = Limit("privacy-mailbox", most=12, window_seconds=_DAY)
MAILS_PER_TENANT: Final = Limit("privacy-tenant", most=200, window_seconds=_DAY)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks from outside: the network address, when, and under which request's identifier."""

    address: str
    at: datetime
    request_id: str = ""


def ask_from_outside(
    *, identity: Identity, queue: JobQueue, subdomain: str, email: str, asked: Asked, visitor: Visitor
) -> None:
    """Have a code sent to an address that somebody asks from; raises InvalidValue or TooManyAttempts.

    ``subdomain`` is the ISP's, or the operator's for what the platform itself is the controller of.
    """
    if not subdomain:
        raise InvalidValue("nobody operates this platform: say of which ISP it is asked", param="subdomain")
    if asked.kind is RequestKind.CORRECTION and not asked.text.strip():
        raise InvalidValue("say what is wrong, and what is right", param="text")
    client, at = client_of(address=visitor.address), visitor.at
    check_subdomain(subdomain=subdomain)
    check_purposes(kind=asked.kind, purposes=asked.purposes)
    to, text = check_email(email=email), check_words(text=asked.text, param="text")
    for limit in (ASKED_PER_CLIENT, ASKED_PER_CLIENT_A_DAY):
        reserve(identity=identity, limit=limit, key=client, at=at)
    found = identity.registry.locate(subdomain=subdomain, at=at)
    if found is None or not may(state=found.state, capability=Capability.RIGHTS):
        return
    store = identity.stores.of(tenant_id=found.tenant_id)
    marker = identity.ids.new(prefix="pcm")
    queue.send(
        message={
            "mail": PRIVACY_CODE,
            "tenant_id": found.tenant_id,
            "marker": marker,
            "person": store.privacy.sealed(text=to, token_hash=marker),
            "words": store.privacy.sealed(text=text, token_hash=marker),
            "kind": asked.kind.value,
            "purposes": " ".join(one.name for one in asked.purposes),
            "asked_at": at.isoformat(),
        }
    )


def send_confirmation(*, identity: Identity, message: dict[str, str], at: datetime) -> bool:
    """Send the code of an asking; return whether it was sent. Raises MailNotSent never: it is asked again."""
    store = identity.stores.of(tenant_id=message["tenant_id"])
    if not may(state=store.profile().state, capability=Capability.RIGHTS):
        return False
    marker = message["marker"]
    to = store.privacy.opened(sealed=message["person"], token_hash=marker)
    text = store.privacy.opened(sealed=message["words"], token_hash=marker)
    mailbox = mailbox_of(email=to)
    for limit, key in (
        (MAILS_PER_ISP_AND_MAILBOX, f"{store.tenant_id}|{mailbox}"),
        (MAILS_PER_MAILBOX, mailbox),
        (MAILS_PER_TENANT, store.tenant_id),
    ):
        if not within(identity=identity, limit=limit, key=key, at=at):
            return False
    token = identity.tokens.new(prefix="pcf")
    token_hash = identity.tokens.hash(token=token)
    issued = identity.one_time_tokens.issue(
        token_hash=token_hash,
        purpose=PRIVACY_CODE,
        subject={
            "tenant_id": store.tenant_id,
            "person": store.privacy.sealed(text=to, token_hash=token_hash),
            "words": store.privacy.sealed(text=text, token_hash=token_hash),
            **{name: message[name] for name in ("kind", "purposes", "asked_at")},
        },
        expires_at=at + CONFIRMATION_LIFE,
    )
    store.commit(issued)
    kind, page = RequestKind(message["kind"]), f"{identity.pages_url}{CONFIRMATION_PAGE}"
    mail = confirmation_mail(to=to, company=store.known_profile.company, kind=kind, token=token, page=page)
    return tell(identity=identity, mail=mail)


def confirm(*, identity: Identity, desk: Desk, token: str, request_id: str, visitor: Visitor) -> Standing:
    """Take a request in whose code came back: it is the subscriber's or colleague's who has the address.

    What is returned is for staff but for its identifier and clock: whoever has the mailbox learns no more.
    Where nobody has it, or several subscribers do, staff find out who asks. Raises TokenNotValid,
    RequestOpenAlready, TooManyAttempts and kinds of InvalidValue.
    """
    at = visitor.at
    reserve(identity=identity, limit=TRIES_PER_CLIENT, key=client_of(address=visitor.address), at=at)
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=PRIVACY_CODE, at=at)
    if subject is None:
        raise TokenNotValid("the code is not valid, or not any more", param="token")
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    if not may(state=store.profile().state, capability=Capability.RIGHTS):
        raise TokenNotValid("the code is not valid, or not any more", param="token")
    email = store.privacy.opened(sealed=subject["person"], token_hash=token_hash)
    text = store.privacy.opened(sealed=subject["words"], token_hash=token_hash)
    subject_id = _who(store, email)
    asker = Asker(
        subject_id=subject_id,
        channel=Channel.MAIL,
        proof=Proof.CODE if subject_id else Proof.NONE,
        address=email,
    )
    purposes = tuple(Purpose[name] for name in subject["purposes"].split())
    note = AuditNote(
        subject_id or "visitor",
        "privacy.requested",
        request_id,
        at,
        visitor.request_id,
        address=visitor.address,
    )
    return ask(
        store=store,
        desk=desk,
        asker=asker,
        asked=Asked(RequestKind(subject["kind"]), text, {}, purposes),
        request_id=request_id,
        at=datetime.fromisoformat(subject["asked_at"]),
        note=note,
        also=(identity.one_time_tokens.spend(token_hash=token_hash, purpose=PRIVACY_CODE),),
    )


def _who(store: TenantStore, email: str) -> str:
    """Return the one subscriber, or else the colleague, whose address it is; an empty text for nobody."""
    found = store.portal.candidates(login=email)
    if len(found) == 1:
        subscriber = store.subscribers.get(subscriber_id=found[0])
        if normal_email(email=subscriber.contact.email) == normal_email(email=email):
            return found[0]
    if found:
        return ""
    member = store.staff.find_by_email(email=email)
    return member.staff_id if member is not None else ""
