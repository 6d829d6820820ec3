"""Policies as staff meet them: what is new, that it was seen, that it was accepted; and the mail about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.consent_texts import Category
from chalicelib.domain.policies import (
    Document,
    Library,
    Notice,
    PolicyVersion,
    acceptance_due,
    check_acceptance,
    notices,
    to_be_mailed,
)
from chalicelib.domain.staff import Role, StaffMember
from chalicelib.ports.consents import MailedAlready
from chalicelib.ports.services import Mail, Mailer, MailNotSent
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.consents import person_allows
from chalicelib.usecases.mails_of_policies import policy_mail
from chalicelib.usecases.staff_lists import everybody


def own_notices(*, store: TenantStore, library: Library, staff_id: str) -> tuple[Notice, ...]:
    """Return what a person is to be told of, until they say that they saw it, or accept it.

    An owner is told when what is not accepted stops them.
    """
    member, states = store.staff.get(staff_id=staff_id), store.policy_states.of_person(staff_id=staff_id)
    found = notices(library=library, joined_at=member.created_at, states=states)
    if member.role != Role.OWNER:
        return found
    return tuple(
        replace(
            one,
            stops_at=acceptance_due(
                known=library.versions[one.version.document], joined_at=member.created_at, states=states
            ),
        )
        for one in found
    )


def dismiss_notice(
    *, store: TenantStore, library: Library, staff_id: str, document: Document, version: str, note: AuditNote
) -> None:
    """Note that a person has seen a version, or raise NotFound."""
    seen = library.get(document=document, version=version)
    store.commit(
        store.policy_states.dismiss(staff_id=staff_id, version=seen, at=note.at),
        store.note(note=_about(note, seen)),
    )


def accept_policy(
    *, store: TenantStore, library: Library, staff_id: str, document: Document, version: str, note: AuditNote
) -> PolicyVersion:
    """Record that a person accepts a version; raise NotFound, NothingToAccept or VersionOutdated."""
    accepted = check_acceptance(library=library, document=document, version=version)
    store.commit(
        store.policy_states.accept(staff_id=staff_id, version=accepted, at=note.at),
        store.note(note=_about(note, accepted)),
    )
    return accepted


def _about(note: AuditNote, version: PolicyVersion) -> AuditNote:
    return replace(note, details={"document": version.document.value, "version": version.version})


# -- mail --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """How a tenant's pass went: mails that were sent, that were not taken, and whether it came to its end."""

    sent: int
    failed: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """What people are told with: by which mailer, at which address the pages are, at what time."""

    mailer: Mailer
    address: str
    at: datetime


def mail_notices(
    *, store: TenantStore, library: Library, telling: Telling, out_of_time: Callable[[], bool]
) -> Told:
    """Mail the staff of a tenant about new versions, each person once a version.

    The claim comes before the mail, so that whatever happens nobody is mailed twice: who is ended between
    the two leaves the notice in the console alone. A mail that the service did not take is claimed no more.
    """
    known, done = store.policy_states.told(), Counter[bool | None]()
    for version in (one for versions in library.versions.values() for one in versions):
        if (version.document, version.version) in known:
            continue
        failed = done[False]
        for member in everybody(store=store):
            if out_of_time():
                return Told(done[True], done[False], complete=False)
            done[_tell(store, telling, member, version)] += 1
        # Until it is in force somebody may still join who is to be told.
        if done[False] == failed and telling.at >= version.in_force_at:
            store.commit(store.policy_states.all_told(version=version, at=telling.at))
    return Told(done[True], done[False], complete=True)


def _tell(store: TenantStore, telling: Telling, member: StaffMember, version: PolicyVersion) -> bool | None:
    """Mail one person, if they are to be; return whether it was taken, or None where none was to be sent."""
    if member.disabled or not member.email_verified or telling.at < member.created_at:
        return None
    news = not version.significant and person_allows(
        store=store, subject_id=member.staff_id, category=Category.PRODUCT_MAIL, at=telling.at
    )
    if not to_be_mailed(version=version, joined_at=member.created_at, product_mail=news):
        return None
    try:
        store.commit(store.policy_states.claim_mail(staff_id=member.staff_id, version=version, at=telling.at))
    except MailedAlready:
        return None
    try:
        telling.mailer.send(mail=_mail(member, version, telling))
    except MailNotSent:
        store.commit(store.policy_states.give_up_mail(staff_id=member.staff_id, version=version))
        return False
    return True


def _mail(member: StaffMember, version: PolicyVersion, telling: Telling) -> Mail:
    return policy_mail(to=member.email, name=member.name, version=version, address=telling.address)
