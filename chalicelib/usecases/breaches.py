"""The register of breaches: taken down, gone on with, closed, and whom they affect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.breaches import (
    Affected,
    AffectedPerson,
    Breach,
    Risk,
    Step,
    Touched,
    affected_by,
    check_breach,
    closed,
    reminder,
    stepped,
)
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.privacy_requests import Happening
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.services import Mail, Mailer, MailNotSent
from chalicelib.ports.store import AuditNote, Page, TenantStore
from chalicelib.usecases.breach_texts import authority_text, persons_text, reminder_mail
from chalicelib.usecases.reminders import remind_answerers

BREACHES_PER_READ: Final = 50
LOOKED_AT_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class AffectedPage:
    """A page of who is affected, and what holds for all of them."""

    page: Page[AffectedPerson]
    everybody: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class Notices:
    """The texts to the authority and to the people, filled as far as the register knows."""

    authority: str
    persons: str


def register_breach(*, store: TenantStore, breach: Breach, at: datetime, note: AuditNote) -> Breach:
    """Take a breach down; raises InvalidValue or CardNumberRefused."""
    checked = check_breach(breach=breach, at=at)
    made = replace(checked, history=(Happening(at, note.actor_id, "registered"),))
    store.commit(store.breaches.add(breach=made), store.note(note=_told(note, made)))
    return made


def go_on(
    *, store: TenantStore, breach_id: str, step: Step, words: str, at: datetime, note: AuditNote
) -> Breach:
    """Write a step of a breach down; raises NotFound, BreachClosed, InvalidValue or StaleVersion."""
    before = store.breaches.get(breach_id=breach_id)
    after = stepped(breach=before, step=step, words=words, at=at, by=note.actor_id)
    return _saved(store, before, after, note)


def assess(
    *, store: TenantStore, breach_id: str, risk: Risk, words: str, at: datetime, note: AuditNote
) -> Breach:
    """Say anew what the breach may do to people, and why; raises as ``go_on`` does."""
    before = store.breaches.get(breach_id=breach_id)
    after = stepped(breach=before, step=Step.NOTED, words=words, at=at, by=note.actor_id)
    return _saved(store, before, replace(after, risk=risk), note)


def close_breach(
    *, store: TenantStore, breach_id: str, lessons: str, at: datetime, note: AuditNote
) -> Breach:
    """Close a breach with what was learnt; raises NotFound, BreachClosed, InvalidValue or StaleVersion."""
    before = store.breaches.get(breach_id=breach_id)
    return _saved(store, before, closed(breach=before, lessons=lessons, at=at, by=note.actor_id), note)


def affected(*, store: TenantStore, breach_id: str, limit: int, after: str | None) -> AffectedPage:
    """Return a page of who is affected, by what the audit log has of the window; or raise NotFound.

    The log tells of changes, of identifying numbers that were shown, and of files that were taken; not of
    every look.
    """
    found = affected_of(store=store, breach=store.breaches.get(breach_id=breach_id))
    rest = [one for one in found.people if after is None or one.person_id > after]
    shown = tuple(rest[:limit])
    following = shown[-1].person_id if len(rest) > limit else None
    return AffectedPage(Page(shown, following), found.everybody, found.complete)


def affected_of(*, store: TenantStore, breach: Breach) -> Affected:
    """Return who is affected by a breach."""
    log = store.subject_data.touched(since=breach.began_at, before=breach.ended_at)
    return affected_by(breach=breach, log=_of_people(store, log))


def _of_people(store: TenantStore, log: Iterable[Touched]) -> Iterator[Touched]:
    """Yield the log with privacy requests as those whose they are: a request's file is all of a person."""
    known: dict[str, str] = {}
    for one in log:
        request_id = one.object_id
        if not request_id.startswith("prq_"):
            yield one
            continue
        if request_id not in known:
            with suppress(NotFound):
                known[request_id] = store.privacy.get(request_id=request_id).subject_id
        yield replace(one, object_id=known.get(request_id, ""))


def notices_of(*, store: TenantStore, breach_id: str, at: datetime) -> Notices:
    """Return the texts to be sent about a breach; or raise NotFound."""
    breach, tenant = store.breaches.get(breach_id=breach_id), store.profile()
    found = affected_of(store=store, breach=breach)
    return Notices(
        authority_text(breach=breach, tenant=tenant, affected=found, at=at),
        persons_text(breach=breach, tenant=tenant),
    )


def _told(note: AuditNote, breach: Breach) -> AuditNote:
    told = {"risk": breach.risk.value, "noticed_at": breach.noticed_at.isoformat()}
    return replace(note, object_id=breach.breach_id, details={**note.details, **told})


def _saved(store: TenantStore, before: Breach, after: Breach, note: AuditNote) -> Breach:
    store.commit(store.breaches.change(before=before, after=after), store.note(note=_told(note, after)))
    return after


# -- the hour's pass -------------------------------------------------------------------------


def remind_of_breaches(
    *, store: TenantStore, mailer: Mailer, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    """Remind of each authority that is still to be told; return whether there was time for all of it."""
    looked_at = 0
    after: str | None = None
    while looked_at < LOOKED_AT_MAX:
        page = store.breaches.list(limit=BREACHES_PER_READ, after=after)
        looked_at += len(page.items)
        for breach in page.items:
            if out_of_time():
                return False
            hours = reminder(breach=breach, at=at)
            if hours is not None:
                _remind(store, mailer, breach, hours, at)
        after = page.after
        if after is None:
            break
    return True


def _remind(store: TenantStore, mailer: Mailer, breach: Breach, hours: int, at: datetime) -> None:
    """Remind everybody who may answer, once: what is sent is noted first.

    Where no mail is taken that is noted no more, and the next hour tries again.
    """
    after = replace(breach, version=breach.version + 1, reminded=(*breach.reminded, hours))
    try:
        store.commit(store.breaches.change(before=breach, after=after))
    except StaleVersion:
        return
    company = store.known_profile.company

    def mail(member: StaffMember) -> Mail:
        return reminder_mail(to=member.email, name=member.name, company=company, breach=breach, at=at)

    try:
        remind_answerers(store=store, mailer=mailer, mail=mail)
    except MailNotSent:
        not_given = replace(breach, version=after.version + 1)
        with suppress(StaleVersion):
            store.commit(store.breaches.change(before=after, after=not_given))
