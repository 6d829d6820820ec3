"""Signing in to the portal with a code that was sent to the address or number on file.

Who asks is given a challenge, and must bring it with the code: a stranger who knows a login can
neither use up the tries of somebody else's code nor guess at it. The request looks nobody up; a
worker does, so that neither the answer nor its time tells whether there is somebody.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.contacts import code_key
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.portal import CODE_LIFE, AskedCodes, CodeNotValid, SentCode, login_key
from chalicelib.domain.subscribers import Subscriber
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.portal import Portal, open_portal, still_there
from chalicelib.usecases.portal_sessions import (
    Asking,
    begin,
    store_of,
    tell_of_password,
    with_password,
)
from chalicelib.usecases.sessions import LoggedIn
from chalicelib.usecases.throttle import Limit, client_of, reserve

PORTAL_CODE: Final = "portal-code"
CHOICE: Final = "portal-choice"
_HOUR: Final = 3600
# A client's own limits come first: one stranger cannot use up what somebody may be sent.
CODES_PER_CLIENT: Final = Limit("portal-codes", most=60, window_seconds=_HOUR)
CODES_PER_LOGIN: Final = Limit("portal-codes-login", most=4, window_seconds=_HOUR)
TRIES_PER_CLIENT: Final = Limit("portal-code-tries", most=100, window_seconds=900)


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """What the code is to be brought with, and until when it is good."""

    challenge: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """The code was right, and is that of several: the token says so, and is no session."""

    token: str
    accounts: Sequence[Subscriber]
    expires_at: datetime


def ask_code(*, portal: Portal, subdomain: str, login: str, asking: Asking) -> CodeAsked:
    """Have a code sent to whoever a login means, and return the challenge that goes with it.

    Raises PortalOff, or TooManyAttempts for the client.
    """
    identity, at = portal.identity, asking.at
    client = client_of(address=asking.address)
    reserve(identity=identity, limit=CODES_PER_CLIENT, key=client, at=at)
    key = f"{client}|{subdomain}|{login_key(login=login)}"
    reserve(identity=identity, limit=CODES_PER_LOGIN, key=key, at=at)
    asked = CodeAsked(identity.tokens.new(prefix="pch"), at + CODE_LIFE)
    store = store_of(portal=portal, subdomain=subdomain, at=at)
    if store is None:
        return asked
    challenge_hash = identity.tokens.hash(token=asked.challenge)
    portal.codes.begin(challenge_hash=challenge_hash, tenant_id=store.tenant_id, expires_at=asked.expires_at)
    portal.queue.send(
        message={
            "mail": PORTAL_CODE,
            "tenant_id": store.tenant_id,
            "person": store.portal.sealed_login(login=login, challenge_hash=challenge_hash),
            "challenge": challenge_hash,
            "expires_at": asked.expires_at.isoformat(),
            "request_id": asking.request_id,
        }
    )
    return asked


def use_code(
    *, portal: Portal, challenge: str, code: str, password: str | None, asking: Asking
) -> LoggedIn | AccountChoice:
    """Begin a session by a code, or let choose where it is that of several subscribers.

    With ``password`` that is set too, and all other sessions end. Raises CodeNotValid, InvalidValue,
    PortalOff, TooManyAttempts or Busy.
    """
    identity, at = portal.identity, asking.at
    reserve(identity=identity, limit=TRIES_PER_CLIENT, key=client_of(address=asking.address), at=at)
    challenge_hash = identity.tokens.hash(token=challenge)
    asked = portal.codes.tried(challenge_hash=challenge_hash, at=at)
    if asked is None:
        raise _not_valid()
    store = identity.stores.of(tenant_id=asked.tenant_id)
    sent = _right(asked, store.portal.code_digest(code=code, challenge_hash=challenge_hash))
    if sent is None:
        raise _not_valid()
    spent, tenant = portal.codes.spend(asked=asked, sent=sent), open_portal(store=store)
    live = [
        one
        for one in store.subscribers.many(subscriber_ids=sent.subscriber_ids)
        if still_there(portal=portal, store=store, tenant=tenant, subscriber=one, sent_to=sent.sent_to)
    ]
    if not live:
        raise _not_valid()
    if len(live) > 1:
        return _let_choose(portal, store, live, spent, sent_to=sent.sent_to, at=at)
    return _begin(portal, store, live[0], asking, spent=spent, password=password)


def _right(asked: AskedCodes, digest: str) -> SentCode | None:
    """Return the code that was sent, comparing with each."""
    found = [one for one in asked.sent if hmac.compare_digest(one.digest, digest)]
    return found[0] if found else None


def _let_choose(
    portal: Portal,
    store: TenantStore,
    live: Sequence[Subscriber],
    spent: Sequence[Write],
    *,
    sent_to: str,
    at: datetime,
) -> AccountChoice:
    choice = AccountChoice(portal.identity.tokens.new(prefix="pcc"), live, at + CODE_LIFE)
    issued = portal.identity.one_time_tokens.issue(
        token_hash=portal.identity.tokens.hash(token=choice.token),
        purpose=CHOICE,
        subject={
            "tenant_id": store.tenant_id,
            "subscribers": " ".join(one.subscriber_id for one in live),
            "sent_to": sent_to,
        },
        expires_at=choice.expires_at,
    )
    store.commit(issued, *spent)
    return choice


def choose_account(
    *, portal: Portal, token: str, username: str, password: str | None, asking: Asking
) -> LoggedIn:
    """Begin the session of one of those whom a code let choose; once.

    Raises TokenNotValid, InvalidValue, PortalOff, TooManyAttempts or Busy.
    """
    identity, at = portal.identity, asking.at
    reserve(identity=identity, limit=TRIES_PER_CLIENT, key=client_of(address=asking.address), at=at)
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=CHOICE, at=at)
    if subject is None:
        raise TokenNotValid("the token is not valid, or not any more", param="token")
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    offered = store.subscribers.many(subscriber_ids=subject["subscribers"].split())
    wanted, tenant, sent_to = code_key(code=username), open_portal(store=store), subject["sent_to"]
    chosen = [
        one
        for one in offered
        if code_key(code=one.code) == wanted
        and still_there(portal=portal, store=store, tenant=tenant, subscriber=one, sent_to=sent_to)
    ]
    if not chosen:
        raise InvalidValue("this is none of the accounts of the code", param="username")
    spent = [identity.one_time_tokens.spend(token_hash=token_hash, purpose=CHOICE)]
    return _begin(portal, store, chosen[0], asking, spent=spent, password=password)


def _begin(
    portal: Portal,
    store: TenantStore,
    subscriber: Subscriber,
    asking: Asking,
    *,
    spent: Sequence[Write],
    password: str | None,
) -> LoggedIn:
    tenant = open_portal(store=store)
    access = store.portal.access(subscriber_id=subscriber.subscriber_id)
    if password is None:
        return begin(portal=portal, store=store, access=access, asking=asking, by="code", change=spent)
    after = with_password(
        portal=portal, tenant=tenant, subscriber=subscriber, access=access, password=password
    )
    note = asking.note(action="portal.password_set", subscriber_id=subscriber.subscriber_id, by="code")
    change = [*spent, store.portal.save(before=access, after=after), store.note(note=note)]
    begun = begin(
        portal=portal, store=store, access=access, asking=asking, by="code", change=change, instead=True
    )
    tell_of_password(portal=portal, tenant=tenant, subscriber=subscriber)
    return begun


def _not_valid() -> CodeNotValid:
    return CodeNotValid("the code is not valid, or not any more", param="code")
