"""Answering privacy requests: a file, a correction, an erasure, purposes that are given up, or words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.erasure import MoneyUnderWay, check_erasable, kept_until
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.gateway_collections import UNDER_WAY
from chalicelib.domain.objections import decided
from chalicelib.domain.privacy_requests import (
    FILED_KINDS,
    PURPOSED_KINDS,
    Notice,
    PrivacyRequest,
    RequestKind,
    RequestState,
    check_words,
    closed,
    require_answerable,
    require_words,
)
from chalicelib.domain.staff import Principal, StaffMember, check_staff_name, is_staff, not_erased
from chalicelib.ports.identity import Sessions
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.consents import withdrawal_writes
from chalicelib.usecases.paging import each
from chalicelib.usecases.privacy_requests import (
    Desk,
    Standing,
    checked_changes,
    saved,
    send_notices,
    send_work,
)
from chalicelib.usecases.roles import require_manages
from chalicelib.usecases.sessions import commit_ending
from chalicelib.usecases.staff_erasure import commit_leaving, require_left
from chalicelib.usecases.subscribers import profile_writes, require_not_erased

# A subscriber begins 50 collections a day at most, and one is under way for three days at most.
COLLECTIONS_LOOKED_AT: Final = 150
REFUNDS_PER_READ: Final = 100


class NotCorrectedHere(InvalidValue):
    """Of who works for the ISP the name alone is corrected; the address is what they sign in with."""

    code = "not_corrected_here"


@dataclass(frozen=True, slots=True)
class Completion:
    """How staff answers: in words where there is nothing else to do, and with what is really corrected.

    ``despite_debt`` erases who owes money; then the words say why.
    """

    words: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    despite_debt: bool = False


@dataclass(frozen=True, slots=True)
class Answering:
    """A request to be answered: with which store, queues and sessions, when and by whom.

    ``portal_sessions`` are subscribers', ``sessions`` staff's.
    """

    store: TenantStore
    desk: Desk
    sessions: Sessions
    portal_sessions: Sessions
    principal: Principal
    request: PrivacyRequest
    completion: Completion
    at: datetime
    note: AuditNote

    @property
    def of_subscriber(self) -> bool:
        """Whether it is known to be a subscriber's."""
        return self.request.subject_id.startswith("sbr_")

    @property
    def of_staff(self) -> bool:
        """Whether it is known to be of who works, or worked, for the ISP."""
        return is_staff(identifier=self.request.subject_id)


def complete(
    *,
    store: TenantStore,
    desk: Desk,
    sessions: Sessions,
    portal_sessions: Sessions,
    principal: Principal,
    request_id: str,
    completion: Completion,
    at: datetime,
    note: AuditNote,
) -> Standing:
    """Answer a request by its kind.

    A file and an erasure are begun: a worker ends them. What the platform cannot do by itself (the address
    of staff, or who nobody knows) is done by hand and answered in words. Raises NotFound, RequestClosed,
    IdentityNotProven, RequestInWork, InvalidValue and its kinds, StaleVersion; for a deletion
    SubscriberInService, OwesMoney, HasCredit, OnHold and MoneyUnderWay, of staff LastOwner, StillEmployed and
    HoldsCash; for what is about staff RightsExceeded.
    """
    changes = checked_changes(changes=completion.changes)
    completion = replace(completion, changes=changes)
    request = store.privacy.get(request_id=request_id)
    require_answerable(request=request)
    asked = Answering(store, desk, sessions, portal_sessions, principal, request, completion, at, note)
    kind = request.kind
    if kind in FILED_KINDS and request.subject_id:
        return _begin_file(asked)
    if kind in PURPOSED_KINDS and request.subject_id:
        return _answer_purposes(asked)
    if kind is RequestKind.CORRECTION and asked.of_subscriber:
        return _correct(asked)
    if kind is RequestKind.DELETION and asked.of_subscriber:
        return _begin_erasure(asked)
    if kind is RequestKind.CORRECTION and asked.of_staff and (changes or request.words.changes):
        return _correct_staff(asked)
    if kind is RequestKind.DELETION and asked.of_staff:
        return _begin_staff_erasure(asked)
    return _answer_in_words(asked)


def _begin_file(asked: Answering) -> Standing:
    after = _begun(asked)
    standing = saved(store=asked.store, before=asked.request, after=after, at=asked.at, note=asked.note)
    send_work(store=asked.store, desk=asked.desk, request_id=after.request_id)
    return standing


def _begun(asked: Answering) -> PrivacyRequest:
    begun = asked.request.step(
        at=asked.at, by=asked.note.actor_id, what="begun", words=asked.completion.words.strip()
    )
    return replace(begun, state=RequestState.IN_WORK, failure=None)


def _answer_purposes(asked: Answering) -> Standing:
    """Stop what stops, and name the ground of what goes on; where all goes on, the request is refused."""
    store, request = asked.store, asked.request
    found = decided(purposes=request.purposes)
    stopped = [one.purpose.value for one in found if one.stopped]
    goes_on = [one.purpose.value for one in found if not one.stopped]
    said = check_words(text=asked.completion.words, param="words")
    words = replace(request.words, reason=said)
    asked = replace(asked, request=replace(request, words=words))
    if not stopped:
        return _close(asked, Notice.REFUSED, state=RequestState.REFUSED, stopped=stopped, goes_on=goes_on)
    ids, subject_id = asked.desk.ids, request.subject_id
    writes = withdrawal_writes(store=store, ids=ids, subject_id=subject_id, at=asked.at)
    return _close(asked, Notice.NOTED, *writes, stopped=stopped, goes_on=goes_on)


def _correct(asked: Answering) -> Standing:
    """Change what the request says, or what staff says instead; what was is in the audit entry of it."""
    store, request = asked.store, asked.request
    given = asked.completion.changes or request.words.changes
    if not given:
        raise InvalidValue("say what is to be corrected", param="changes")
    changes = checked_changes(changes=given)
    before = store.subscribers.get(subscriber_id=request.subject_id)
    require_not_erased(store=store, subscriber=before)
    after = replace(before, contact=replace(before.contact, **changes))
    why = {"request": request.request_id}
    note = replace(asked.note, action="subscriber.changed", object_id=before.subscriber_id, details=why)
    writes = profile_writes(store=store, before=before, after=after, note=note)
    if "email" in changes and not request.words.address:
        # The address of before is told: whoever got into an account may want the mails elsewhere.
        words = replace(request.words, address=before.contact.email)
        asked = replace(asked, request=replace(request, words=words))
    return _close(asked, Notice.CORRECTED, *writes, fields=sorted(changes))


def _begin_erasure(asked: Answering) -> Standing:
    """Take the subscriber out of lists and portal at once, and have a worker erase the rest."""
    store, request, at = asked.store, asked.request, asked.at
    read = store.subscribing(subscriber_id=request.subject_id)
    subscriber, despite_debt = read.subscriber, asked.completion.despite_debt
    if despite_debt:
        require_words(text=asked.completion.words, param="words")
    today = read.tenant.local_date(at=at)
    # Whoever sets a hold meanwhile changes the settings that were read.
    hold = "everything" if store.privacy.held() else ""
    check_erasable(subscriber=subscriber, today=today, despite_debt=despite_debt, hold=hold)
    _require_no_money_under_way(asked)
    words = replace(request.words, address=subscriber.contact.email or request.words.address)
    after = replace(_begun(asked), despite_debt=despite_debt, words=words)
    # Money that comes meanwhile changes the account that was read, as archiving does by itself.
    account = subscriber.account
    off: Sequence[Write] = (
        store.subscribers.change_account(before=account, after=account)
        if subscriber.archived
        else [store.plans.counted(more=-1, of=subscriber.subscriber_id)]
    )
    erased = Erased(subscriber.subscriber_id, request.request_id, at)
    told = {"kind": request.kind.value, "despite_debt": despite_debt}
    writes: Sequence[Write] = [
        *store.subscribers.change_profile(before=subscriber, after=replace(subscriber, archived=True)),
        *off,
        *store.privacy.change(before=request, after=after),
        store.privacy.note_erasure(erased=erased),
        store.profile_unmoved(tenant=read.tenant),
        store.note(note=replace(asked.note, object_id=request.request_id, details=told)),
    ]
    commit_ending(
        sessions=asked.portal_sessions, store=store, staff_ids=(subscriber.subscriber_id,), writes=writes
    )
    send_work(store=store, desk=asked.desk, request_id=request.request_id)
    return Standing(after, today)


# -- of staff --------------------------------------------------------------------------------


def require_may_hold(*, store: TenantStore, principal: Principal, request: PrivacyRequest) -> None:
    """Raise RightsExceeded where a request is a colleague's who may do more: their file is theirs to get."""
    if is_staff(identifier=request.subject_id) and request.subject_id != principal.actor_id:
        _manageable(store, principal, request.subject_id)


def _manageable(store: TenantStore, principal: Principal, staff_id: str) -> StaffMember:
    """Return a colleague; raise NotFound, or RightsExceeded for who may do more."""
    member = store.staff.get(staff_id=staff_id)
    require_manages(store=store, principal=principal, member=member)
    return member


def _managed(asked: Answering) -> StaffMember:
    """Return whom the request is about; raise NotFound, or RightsExceeded for who may do more."""
    return _manageable(asked.store, asked.principal, asked.request.subject_id)


def _correct_staff(asked: Answering) -> Standing:
    """Change the name on the person's record; before and after are in the audit entry of it."""
    store, given = asked.store, asked.completion.changes or asked.request.words.changes
    if others := sorted(set(given) - {"name"}):
        raise NotCorrectedHere(
            "of who works here only the name is corrected: invite a new address, and say so in words",
            param=f"changes.{others[0]}",
        )
    before = _managed(asked)
    not_erased(member=before)
    after = replace(before, name=check_staff_name(name=given["name"], param="changes.name"))
    note = replace(
        asked.note,
        action="staff.changed",
        object_id=before.staff_id,
        details={"changed": ["name"], "request": asked.request.request_id},
        personal={"name": [before.name, after.name]},
    )
    writes = [*store.staff.change(before=before, after=after), store.note(note=note)]
    return _close(asked, Notice.CORRECTED, *writes, fields=["name"])


def _begin_staff_erasure(asked: Answering) -> Standing:
    """Make the record of who left nobody's at once, and have a worker take away the rest."""
    store, at, request = asked.store, asked.at, asked.request
    member = _managed(asked)
    tenant = store.profile()
    today = tenant.local_date(at=at)
    told = replace(asked.note, object_id=request.request_id, details={"kind": request.kind.value})
    if member.erased:  # begun before, and its worker failed
        standing = saved(store=store, before=request, after=_begun(asked), at=at, note=asked.note)
        send_work(store=store, desk=asked.desk, request_id=request.request_id)
        return standing
    # As for subscribers: whoever sets a hold meanwhile changes the settings that were read.
    require_left(store=store, member=member, hold="everything" if store.privacy.held() else "")
    after = replace(
        _begun(asked),
        words=replace(request.words, address=member.email),
        stays_until=kept_until(issued_on=today, start_month=tenant.fiscal_year_start_month),
    )
    writes = [
        *store.privacy.change(before=request, after=after),
        store.privacy.note_erasure(erased=Erased(member.staff_id, request.request_id, at)),
        store.profile_unmoved(tenant=tenant),
        store.note(note=told),
        store.note(
            note=replace(
                asked.note,
                action="staff.erased",
                object_id=member.staff_id,
                details={"request": request.request_id},
            )
        ),
    ]
    commit_leaving(store=store, sessions=asked.sessions, member=member, writes=writes)
    send_work(store=store, desk=asked.desk, request_id=request.request_id)
    return Standing(after, today)


def _require_no_money_under_way(asked: Answering) -> None:
    """Raise MoneyUnderWay where money may yet become credit of somebody who is nobody then."""
    store, account_id = asked.store, asked.request.subject_id
    newest = store.collections.of_account(account_id=account_id, limit=COLLECTIONS_LOOKED_AT, after=None)
    collecting = any(one.state_at(at=asked.at) in UNDER_WAY for one in newest.items)
    if collecting or any(_refunds_of(store, account_id)):
        raise MoneyUnderWay("a payment gateway is at a payment or a refund of the subscriber: wait for it")


def _refunds_of(store: TenantStore, account_id: str) -> Iterator[str]:
    """Yield the identifiers of an account's refunds that gateways are at, of all of the tenant's."""
    mine = f"rfd_{account_id.removeprefix('sbr_')}-"
    for one in each(read=store.money.gateway_refunds.pending, limit=REFUNDS_PER_READ):
        if one.refund_id.startswith(mine):
            yield one.refund_id


def _answer_in_words(asked: Answering) -> Standing:
    words = require_words(text=asked.completion.words, param="words")
    request = replace(asked.request, words=replace(asked.request.words, reason=words))
    return _close(replace(asked, request=request), Notice.ANSWERED)


def _close(
    asked: Answering,
    notice: Notice,
    *writes: Write,
    state: RequestState = RequestState.DONE,
    **details: object,
) -> Standing:
    """End a request with what is written for it in one transaction, and tell the person."""
    store, request = asked.store, asked.request
    after = closed(
        request=request,
        state=state,
        at=asked.at,
        by=asked.note.actor_id,
        what=state.value,
        words=asked.completion.words.strip(),
        notice=notice,
    )
    told = {"kind": request.kind.value, **details}
    store.commit(
        *store.privacy.change(before=request, after=after),
        *writes,
        store.note(note=replace(asked.note, object_id=request.request_id, details=told)),
    )
    send_notices(store=store, desk=asked.desk, request_id=request.request_id)
    return Standing(after, store.profile().local_date(at=asked.at))
