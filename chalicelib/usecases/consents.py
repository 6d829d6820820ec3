"""Making and showing choices: of visitors, of staff, of subscribers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chalicelib.domain.consent_cookies import VisitorChoice
from chalicelib.domain.consent_texts import Category, current_text
from chalicelib.domain.consents import (
    HISTORY_SHOWN_MAX,
    Consent,
    Means,
    Standing,
    SubjectKind,
    check_choice,
    says_the_same,
    standing_of,
)
from chalicelib.domain.policies import Library
from chalicelib.ports.consents import VisitorConsents
from chalicelib.ports.identity import Tokens
from chalicelib.ports.services import Ids
from chalicelib.ports.store import AuditNote, TenantStore, Write

VISITOR_TOKEN = "vis"  # noqa: S105 - the prefix of one


@dataclass(frozen=True, slots=True)
class PublicSite:
    """What visitors' choices are kept with, and the platform's policies: wired together once."""

    consents: VisitorConsents
    tokens: Tokens
    ids: Ids
    policies: Library


@dataclass(frozen=True, slots=True)
class Answered:
    """A choice as it is made: to which text, how, from what kind of browser, with the signal or without."""

    agreed: Collection[Category]
    text: str
    how: Means
    gpc: bool
    browser: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody chose last, what that allows now, and all that they chose, newest first."""

    consent: Consent | None
    standing: Standing
    history: tuple[Consent, ...] = ()


def choose_as_visitor(*, site: PublicSite, known: VisitorChoice | None, answered: Answered) -> VisitorChoice:
    """Return what the visitor's cookie is to hold; a record is kept of what is, or was, agreed to.

    Raises ConsentNotOffered, ConsentTextOutdated or Busy. Who never agreed to anything leaves no record;
    who takes everything back leaves one, and a cookie that does not find it any more.
    """
    agreed = check_choice(kind=SubjectKind.VISITOR, agreed=answered.agreed, text=answered.text)
    token = known.token if known else None
    before = site.consents.newest(subject_id=site.tokens.hash(token=token)) if token else None
    if agreed and (token is None or before is None):
        token = site.tokens.new(prefix=VISITOR_TOKEN)
    if token is not None and (agreed or before is not None):
        subject_id = site.tokens.hash(token=token)
        if not says_the_same(before=before, agreed=agreed, gpc=answered.gpc, at=answered.at):
            consent = _consent(SubjectKind.VISITOR, site.ids, answered, agreed, before)
            site.consents.commit(*site.consents.append(subject_id=subject_id, consent=consent))
    return VisitorChoice(
        text=answered.text,
        on=answered.at.astimezone(UTC).date(),
        agreed=agreed,
        gpc=answered.gpc,
        token=token if agreed else None,
    )


def show_to_visitor(*, site: PublicSite, known: VisitorChoice | None, at: datetime, gpc: bool) -> Shown:
    """Return a visitor's record; what it allows is nothing where there is none."""
    if known is None or known.token is None:
        return Shown(None, standing_of(consent=None, at=at, gpc=gpc))
    subject_id = site.tokens.hash(token=known.token)
    history = site.consents.history(subject_id=subject_id, limit=HISTORY_SHOWN_MAX)
    newest = history[0] if history else None
    return Shown(newest, standing_of(consent=newest, at=at, gpc=gpc), history)


def visitor_allows(
    *, site: PublicSite, known: VisitorChoice | None, category: Category, at: datetime, gpc: bool
) -> bool:
    """Whether the record (not only the cookie) of a visitor allows a category now: one round trip."""
    if known is None or known.token is None:
        return False
    newest = site.consents.newest(subject_id=site.tokens.hash(token=known.token))
    return category in standing_of(consent=newest, at=at, gpc=gpc).allowed


def choose_as_person(
    *, store: TenantStore, ids: Ids, kind: SubjectKind, subject_id: str, answered: Answered, note: AuditNote
) -> Consent:
    """Record the choice of staff or of a subscriber; the same again is the record that there is.

    Raises ConsentNotOffered, ConsentTextOutdated or Busy.
    """
    agreed = check_choice(kind=kind, agreed=answered.agreed, text=answered.text)
    before = store.consents.newest(subject_id=subject_id)
    if before is not None and says_the_same(before=before, agreed=agreed, gpc=answered.gpc, at=answered.at):
        return before
    consent = _consent(kind, ids, answered, agreed, before)
    details = {"agreed": sorted(agreed), "text": consent.text, "how": consent.how.value}
    store.commit(
        *store.consents.append(subject_id=subject_id, consent=consent),
        store.note(note=replace(note, details=details)),
    )
    return consent


def withdrawal_writes(*, store: TenantStore, ids: Ids, subject_id: str, at: datetime) -> Sequence[Write]:
    """Describe that somebody takes back that activity is counted, as a privacy request asked.

    Nothing if they had not agreed. Refused with Busy where they choose at the same time.
    """
    before = store.consents.newest(subject_id=subject_id)
    if before is None or Category.ANALYTICS not in before.agreed:
        return []
    answered = Answered(before.agreed, current_text().version, Means.REQUEST, before.gpc, "", at)
    left = before.agreed - {Category.ANALYTICS}
    consent = _consent(before.kind, ids, answered, left, before)
    return store.consents.append(subject_id=subject_id, consent=consent)


def show_to_person(*, store: TenantStore, subject_id: str, at: datetime, gpc: bool) -> Shown:
    """Return the record of staff or of a subscriber."""
    history = store.consents.history(subject_id=subject_id, limit=HISTORY_SHOWN_MAX)
    newest = history[0] if history else None
    return Shown(newest, standing_of(consent=newest, at=at, gpc=gpc), history)


def person_allows(
    *, store: TenantStore, subject_id: str, category: Category, at: datetime, gpc: bool = False
) -> bool:
    """Whether a person's newest choice allows a category now: one round trip."""
    newest = store.consents.newest(subject_id=subject_id)
    return category in standing_of(consent=newest, at=at, gpc=gpc).allowed


def _consent(
    kind: SubjectKind, ids: Ids, answered: Answered, agreed: frozenset[Category], before: Consent | None
) -> Consent:
    return Consent(
        consent_id=ids.new(prefix="cns"),
        kind=kind,
        agreed=agreed,
        text=answered.text,
        at=answered.at,
        how=answered.how,
        gpc=answered.gpc,
        browser=answered.browser,
        previous=before.consent_id if before else None,
    )
