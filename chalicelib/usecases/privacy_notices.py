"""The mails of privacy requests, and changes of a request that do not mind what others change meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from chalicelib.domain.erasure import without_words
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.privacy_requests import Notice, PrivacyRequest, Told
from chalicelib.ports.services import Mail, Mailer, MailNotSent
from chalicelib.ports.store import AuditNote, Stores, TenantStore
from chalicelib.usecases.privacy_mails import request_mail

ADDRESS_TRIED_FOR: Final = timedelta(days=3)
# Who began to mail what waits with a request has this long; then it is lost, and another begins. A message
# comes again after two minutes at the earliest.
TELLING_FOR: Final = timedelta(minutes=1)
TRIES_MAX: Final = 5


def change_request(
    *,
    store: TenantStore,
    request_id: str,
    change: Callable[[PrivacyRequest], PrivacyRequest | None],
    note: AuditNote | None = None,
) -> PrivacyRequest | None:
    """Change a request as it is now, with its audit entry; return it as it was changed.

    ``change`` may be asked again where somebody else was faster, and returns None where nothing is to be
    changed any more. Raises NotFound, Busy where others are faster each time, and what ``change`` raises.
    """
    for _ in range(TRIES_MAX):
        before = store.privacy.get(request_id=request_id)
        after = change(before)
        if after is None:
            return None
        notes = [store.note(note=note)] if note else []
        with suppress(StaleVersion):
            store.commit(*store.privacy.change(before=before, after=after), *notes)
            return after
    raise Busy("the request changes again and again")


def send_notice(*, stores: Stores, mailer: Mailer, tenant_id: str, request_id: str, at: datetime) -> None:
    """Send the mails that wait with a request, and keep what they said.

    One worker at a time does so, and goes on with what comes to wait meanwhile. What is left of an
    erasure's request is taken away with its last mail. Raises MailNotSent: the message comes again.
    """
    store = stores.of(tenant_id=tenant_id)
    if not may(state=store.profile().state, capability=Capability.RIGHTS):
        return  # the hour's pass asks for it again where the company is back

    def begun(before: PrivacyRequest) -> PrivacyRequest | None:
        since = before.words.telling_since
        if not before.to_tell or (since is not None and at - since < TELLING_FOR):
            return None
        return _telling(before, at)

    request = change_request(store=store, request_id=request_id, change=begun)
    while request is not None and request.to_tell:
        told = _mailed(store, mailer, request, at)
        request = _noted(store, request, told)


def _telling(request: PrivacyRequest, since: datetime | None) -> PrivacyRequest:
    return replace(request, words=replace(request.words, telling_since=since), version=request.version + 1)


def _mailed(store: TenantStore, mailer: Mailer, request: PrivacyRequest, at: datetime) -> tuple[Told, ...]:
    company, told = store.known_profile.company, []
    try:
        for notice, to in product(request.to_tell, _addresses_of(store, request)):
            mail = request_mail(to=to, company=company, request=request, notice=notice)
            went = to if to and _sent(mailer, mail, request, at) else ""
            told.append(Told(at, notice.value, went, mail.subject, mail.text))
    except MailNotSent:
        change_request(
            store=store, request_id=request.request_id, change=lambda before: _telling(before, None)
        )
        raise
    return tuple(told)


def _noted(store: TenantStore, sent: PrivacyRequest, told: tuple[Told, ...]) -> PrivacyRequest | None:
    """Keep what was mailed; what came to wait meanwhile is behind it and stays."""

    def noted(before: PrivacyRequest) -> PrivacyRequest:
        left = before.to_tell[len(sent.to_tell) :]
        words = before.words
        words = replace(words, told=(*words.told, *told), telling_since=words.telling_since if left else None)
        after = replace(before, to_tell=left, words=words, version=before.version + 1)
        ended = {Notice.ERASED, Notice.STAFF_ERASED} & set(sent.to_tell)
        return without_words(request=after) if ended else after

    return change_request(store=store, request_id=sent.request_id, change=noted)


def _sent(mailer: Mailer, mail: Mail, request: PrivacyRequest, at: datetime) -> bool:
    """Send a mail; give up on an address that takes none for days, which then was told nothing."""
    try:
        mailer.send(mail=mail)
    except MailNotSent:
        if at - request.history[-1].at < ADDRESS_TRIED_FOR:
            raise
        return False
    return True


def _addresses_of(store: TenantStore, request: PrivacyRequest) -> tuple[str, ...]:
    """Return where the person of a request is written to: one place at least, which may be an empty text."""
    first, on_file = _address_of(store, request), request.words.on_file
    return (first, on_file) if on_file and on_file != first else (first,)


def _address_of(store: TenantStore, request: PrivacyRequest) -> str:
    """Return where the person of a request is written to, or an empty text."""
    if request.words.address:
        return request.words.address
    with suppress(NotFound):
        if request.subject_id.startswith("sbr_"):
            return store.subscribers.get(subscriber_id=request.subject_id).contact.email
        if request.subject_id:
            return store.staff.get(staff_id=request.subject_id).email
    return ""
