"""One's second factor changed: what goes into the transaction, whatever the factor.

Each change is made by who shows the password and, where there is one, the second factor as it
was; it ends one's other sessions, which began under other conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.second_factor import (
    RECOVERY_CODES,
    LastSecondFactor,
    SecondFactor,
    typed_code,
)
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.challenges import Asked, Purpose
from chalicelib.usecases.factors import FactorUsed, Shown, use_factor
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import commit_ending
from chalicelib.usecases.staff import ask_password


@dataclass(frozen=True, slots=True)
class Again:
    """Who is signed in, shown once more: the password, and the second factor where there is one."""

    password: str
    shown: Shown
    address: str


def shown_again(
    *, identity: Identity, store: TenantStore, session: Session, again: Again, at: datetime
) -> tuple[StaffMember, FactorUsed | None]:
    """Return who is signed in, and their second factor as it is after it was shown, if there is one.

    Raises WrongPassword, SecondFactorNeeded, WrongCode, WrongPasskey or TooManyAttempts.
    """
    who = session.principal
    member = ask_password(identity=identity, store=store, principal=who, password=again.password, at=at)
    if not member.second_factor:
        return member, None
    used = use_factor(
        identity=identity,
        store=store,
        member=member,
        shown=again.shown,
        asked=Asked(Purpose.SHOWN_AGAIN, member.staff_id, session.session_id),
        address=again.address,
        at=at,
    )
    return member, used


def new_recovery_codes(*, identity: Identity) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return recovery codes, and the digests that are kept of them."""
    codes = tuple(identity.authenticator.new_recovery_code() for _ in range(RECOVERY_CODES))
    return codes, frozenset(identity.tokens.hash(token=typed_code(text=one)) for one in codes)


def with_recovery(*, identity: Identity, factor: SecondFactor) -> tuple[SecondFactor, tuple[str, ...]]:
    """Return the factor with recovery codes, and those to be shown: none where there were some before."""
    if factor.recovery:
        return factor, ()
    codes, digests = new_recovery_codes(identity=identity)
    return replace(factor, recovery=digests), codes


def commit_change(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    member: StaffMember,
    before: SecondFactor | None,
    after: SecondFactor,
    note: AuditNote,
    spent: Sequence[Write] = (),
) -> None:
    """Make a change of one's second factor, and end one's other sessions.

    Raises LastSecondFactor where none would be left and the company asks for one, or Busy.
    """
    writes: list[Write] = [*spent, store.note(note=note)]
    if after.on:
        writes.append(store.second_factors.save(before=before, after=after))
    else:
        assert before is not None, "what is not there is not taken off"
        writes += [store.second_factors.remove(before=before), *_none_asked_for(store)]
    writes += store.staff.change(before=member, after=replace(member, second_factor=after.on))
    if session.held and after.on:
        writes.append(identity.sessions.release(session=session))
    commit_ending(
        sessions=identity.sessions,
        store=store,
        staff_ids=(member.staff_id,),
        writes=writes,
        but=session.session_id,
    )


def _none_asked_for(store: TenantStore) -> list[Write]:
    """Describe that the company goes on asking for no second factor, or raise LastSecondFactor."""
    tenant = store.profile()
    if tenant.mfa_required:
        raise LastSecondFactor("your company asks for a second factor: put another one on first")
    return [store.profile_unmoved(tenant=tenant)]
