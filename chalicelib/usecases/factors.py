"""A second factor shown: a code, or the answer of a passkey. What was shown is used up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Busy
from chalicelib.domain.passkeys import CounterWentBack, SentPasskey, WrongPasskey
from chalicelib.domain.second_factor import SecondFactor, SecondFactorNeeded, SecondFactorOff
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.challenges import Asked, answered_challenge
from chalicelib.usecases.codes import use_code
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import passkey_copied_mail, recovery_used_mail
from chalicelib.usecases.staff_lists import owners
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve, within

WRONG_FACTORS: Final = Limit("wrong-code", most=10, window_seconds=900)
# Each is written down; of one passkey a mail an hour is enough.
COPIES_TOLD: Final = Limit("passkey-copied", most=1, window_seconds=3600)


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows: a code of the authenticator or for recovery, or a passkey's answer."""

    code: str | None = None
    passkey: SentPasskey | None = None


@dataclass(frozen=True, slots=True)
class FactorUsed:
    """A second factor that was shown, as it is afterwards; ``left`` recovery codes, if it was one.

    ``spent`` goes into the transaction of what it was shown for, and so does ``kept``, or a change
    of ``after``.
    """

    after: SecondFactor
    left: int | None = None
    spent: tuple[Write, ...] = ()

    def kept(self, *, store: TenantStore) -> tuple[Write, ...]:
        """Describe using up what was shown, and nothing else."""
        refused = Busy("your second factor changed meanwhile: try again") if self.spent else None
        return (
            store.second_factors.save(before=self.after, after=self.after, refused=refused),
            *self.spent,
        )


def use_factor(
    *,
    identity: Identity,
    store: TenantStore,
    member: StaffMember,
    shown: Shown,
    asked: Asked,
    address: str,
    at: datetime,
    request_id: str = "",
) -> FactorUsed:
    """Check what a person with a second factor shows of it; ``asked`` is for what a passkey's challenge was.

    Raises SecondFactorOff, SecondFactorNeeded, WrongCode, WrongPasskey or TooManyAttempts.
    """
    before = store.second_factors.find(staff_id=member.staff_id)
    if before is None or not before.on:
        raise SecondFactorOff("there is no second factor")
    if (shown.code is None) == (shown.passkey is None):
        raise SecondFactorNeeded
    key = f"{client_of(address=address)}|{store.tenant_id}|{member.staff_id}"
    reserve(identity=identity, limit=WRONG_FACTORS, key=key, at=at)
    if shown.code is not None:
        after, left = use_code(
            identity=identity, store=store, member=member, before=before, code=shown.code, at=at
        )
        used = FactorUsed(after, left)
    else:
        assert shown.passkey is not None, "one of them is given"
        used = use_passkey(
            identity=identity,
            store=store,
            before=before,
            sent=shown.passkey,
            asked=asked,
            at=at,
            request_id=request_id,
        )
    give_back(identity=identity, limit=WRONG_FACTORS, key=key, at=at)
    return used


def use_passkey(
    *,
    identity: Identity,
    store: TenantStore,
    before: SecondFactor,
    sent: SentPasskey,
    asked: Asked,
    at: datetime,
    request_id: str = "",
) -> FactorUsed:
    """Check a passkey's answer to a challenge of ``asked``.

    The same is computed whether or not the passkey is one of the person's. Raises WrongPasskey; where
    the counter went back, the person and the owners are told.
    """
    challenge, spend = answered_challenge(identity=identity, store=store, asked=asked, sent=sent, at=at)
    known = next((one for one in before.passkeys if one.credential_id == sent.credential_id), None)
    # A browser may leave the handle out where the passkey was named to it.
    ours = sent.user_handle in {None, "", store.second_factors.handle(staff_id=before.staff_id)}
    public_key = known.public_key if known is not None and ours else None
    count = identity.passkeys.asserted(sent=sent, challenge=challenge, public_key=public_key)
    if known is None:
        raise WrongPasskey
    try:
        used = known.used(sign_count=count, at=at)
    except CounterWentBack:
        details = {"passkey_id": known.passkey_id, "sign_count": [known.sign_count, count]}
        note = AuditNote(asked.staff_id, "passkey.refused", asked.staff_id, at, request_id, details=details)
        store.commit(spend, store.note(note=note))
        if within(identity=identity, limit=COPIES_TOLD, key=known.passkey_id, at=at):
            _tell_of_copy(identity, store, asked.staff_id)
        raise
    return FactorUsed(before.changed(passkey=used), spent=(spend,))


def _tell_of_copy(identity: Identity, store: TenantStore, staff_id: str) -> None:
    """Mail the person and the owners that a passkey may have been copied."""
    company, member = store.profile().company, store.staff.get(staff_id=staff_id)
    told = {one.staff_id: one for one in (member, *owners(store=store))}
    for one in told.values():
        mail = passkey_copied_mail(to=one.email, name=one.name, company=company, whose=member.name)
        tell(identity=identity, mail=mail)


def tell_of_recovery(
    *, identity: Identity, store: TenantStore, member: StaffMember, used: FactorUsed
) -> None:
    """Mail the person where the code was one for recovery; call it after the commit."""
    if used.left is None:
        return
    company = store.profile().company
    mail = recovery_used_mail(to=member.email, name=member.name, company=company, left=used.left)
    tell(identity=identity, mail=mail)
