"""Passwords of subscribers: set by an activation that staff have sent, or changed by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.passwords import normal_password
from chalicelib.domain.portal import NEW_ISP, CannotBeReached, TextsOff
from chalicelib.domain.staff import Principal
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.portal import Portal, open_portal, still_there
from chalicelib.usecases.portal_sending import ACTIVATION, MAIL, sms_number, sms_on
from chalicelib.usecases.portal_sessions import Asking, begin, tell_of_password, with_password
from chalicelib.usecases.sessions import LoggedIn, commit_ending
from chalicelib.usecases.staff import PASSWORDS_ASKED, WrongPassword
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve

# Each costs Argon2.
ACTIVATIONS: Final = Limit("portal-activation", most=30, window_seconds=900)
_DAY: Final = 24 * 3600
# What an ISP may have mailed to whomever it says are its customers.
ACTIVATIONS_SENT: Final = Limit("portal-activations-sent", most=10_000, window_seconds=_DAY)
ACTIVATIONS_SENT_WHILE_NEW: Final = Limit("portal-activations-sent", most=500, window_seconds=_DAY)


def ask_activation(
    *, portal: Portal, store: TenantStore, subscriber_id: str, channel: str, note: AuditNote
) -> None:
    """Have a subscriber sent the code with which they choose a password, by mail or sms.

    Raises NotFound, SubscriberArchived, PortalOff, TextsOff, CannotBeReached or TooManyAttempts.
    """
    tenant, subscriber = open_portal(store=store), store.subscribers.get(subscriber_id=subscriber_id)
    if subscriber.archived:
        raise SubscriberArchived("the subscriber is archived: unarchive it first")
    if channel == MAIL and not subscriber.contact.email:
        raise CannotBeReached("there is no email address on file", param="channel")
    if channel != MAIL and not sms_on(portal=portal, tenant=tenant):
        raise TextsOff("no SMS are sent: see portal_sms of the settings", param="channel")
    if channel != MAIL and sms_number(portal=portal, tenant=tenant, subscriber=subscriber) is None:
        raise CannotBeReached("there is no number on file that SMS go to", param="channel")
    new = note.at < tenant.created_at + NEW_ISP
    limit = ACTIVATIONS_SENT_WHILE_NEW if new else ACTIVATIONS_SENT
    reserve(identity=portal.identity, limit=limit, key=store.tenant_id, at=note.at)
    store.commit(store.note(note=replace(note, details={"channel": channel})))
    portal.queue.send(
        message={
            "mail": ACTIVATION,
            "tenant_id": store.tenant_id,
            "person": subscriber_id,
            "channel": channel,
            "request_id": note.request_id,
        }
    )


def activate(*, portal: Portal, token: str, password: str, asking: Asking) -> None:
    """Set a password by the code of an activation, once, and end all sessions; it signs nobody in.

    Raises TokenNotValid, InvalidValue, PortalOff, TooManyAttempts or Busy.
    """
    identity = portal.identity
    reserve(identity=identity, limit=ACTIVATIONS, key=client_of(address=asking.address), at=asking.at)
    token_hash = identity.tokens.hash(token=token)
    refused = TokenNotValid("the token is not valid, or not any more", param="token")
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=ACTIVATION, at=asking.at)
    if subject is None:
        raise refused
    store, subscriber_id = identity.stores.of(tenant_id=subject["tenant_id"]), subject["subscriber_id"]
    tenant = open_portal(store=store)
    try:
        subscriber = store.subscribers.get(subscriber_id=subscriber_id)
    except NotFound:
        raise refused from None
    before = store.portal.access(subscriber_id=subscriber_id)
    # A password that was set since makes older codes worthless.
    same = str(before.version) == subject["version"]
    sent_to = subject["sent_to"]
    if not same or not still_there(
        portal=portal, store=store, tenant=tenant, subscriber=subscriber, sent_to=sent_to
    ):
        raise refused
    after = with_password(
        portal=portal, tenant=tenant, subscriber=subscriber, access=before, password=password
    )
    writes = [
        identity.one_time_tokens.spend(token_hash=token_hash, purpose=ACTIVATION),
        store.portal.served(subscriber_id=subscriber_id),
        store.portal.save(before=before, after=after),
        store.note(
            note=asking.note(action="portal.password_set", subscriber_id=subscriber_id, by="activation")
        ),
    ]
    try:
        commit_ending(sessions=portal.sessions, store=store, staff_ids=(subscriber_id,), writes=writes)
    except StaleVersion as error:
        raise Busy("the account was changed just now: try again") from error
    tell_of_password(portal=portal, tenant=tenant, subscriber=subscriber)


def change_own_password(
    *,
    portal: Portal,
    store: TenantStore,
    principal: Principal,
    current: str | None,
    password: str,
    asking: Asking,
) -> LoggedIn:
    """Set or change one's own password; one new session takes the place of all the others.

    ``current`` is the password that there is, if there is one. Raises WrongPassword, InvalidValue,
    PortalOff, TooManyAttempts or Busy.
    """
    tenant = open_portal(store=store)
    subscriber = store.subscribers.get(subscriber_id=principal.actor_id)
    before = store.portal.access(subscriber_id=principal.actor_id)
    if before.password_hash:
        _ask_password(portal, principal, before.password_hash, current or "", asking)
    after = with_password(
        portal=portal, tenant=tenant, subscriber=subscriber, access=before, password=password
    )
    note = asking.note(action="portal.password_set", subscriber_id=principal.actor_id, by="self")
    change = [store.portal.save(before=before, after=after), store.note(note=note)]
    begun = begin(
        portal=portal, store=store, access=before, asking=asking, by="password", change=change, instead=True
    )
    tell_of_password(portal=portal, tenant=tenant, subscriber=subscriber)
    return begun


def _ask_password(portal: Portal, principal: Principal, stored: str, current: str, asking: Asking) -> None:
    key = f"{principal.tenant_id}|{principal.actor_id}"
    reserve(identity=portal.identity, limit=PASSWORDS_ASKED, key=key, at=asking.at)
    right = portal.identity.passwords.matches(password=normal_password(password=current), stored=stored)
    if not right:
        raise WrongPassword("this is not your password", param="current")
    give_back(identity=portal.identity, limit=PASSWORDS_ASKED, key=key, at=asking.at)
