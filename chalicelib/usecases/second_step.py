"""The second step of signing in: the password was right, and now a code or a passkey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.devices import device_of
from chalicelib.domain.errors import NotFound
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.passkeys import Passkey
from chalicelib.domain.second_factor import SecondFactorOff
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.challenges import Asked, Challenge, Purpose, give_challenge
from chalicelib.usecases.factors import Shown, tell_of_recovery, use_factor
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import FACTOR_ASKED, LoggedIn, begin_session, password_mark
from chalicelib.usecases.throttle import Limit, client_of, reserve

SECOND_STEPS: Final = Limit("second-step", most=100, window_seconds=900)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A first step that was right, and whose it is."""

    token_hash: str
    store: TenantStore
    member: StaffMember

    @property
    def asked(self) -> Asked:
        """What a passkey's challenge of this attempt is for."""
        return Asked(Purpose.SECOND_STEP, self.member.staff_id, self.token_hash)


def ask_passkey(
    *, identity: Identity, token: str, address: str, at: datetime
) -> tuple[Challenge, tuple[Passkey, ...]]:
    """Give out a challenge for the person's passkeys, by the token of the first step.

    Raises TokenNotValid or TooManyAttempts. Who has no passkeys gets a challenge that none answers.
    """
    attempt = _attempt(identity, token, address, at)
    factor = attempt.store.second_factors.find(staff_id=attempt.member.staff_id)
    challenge = give_challenge(identity=identity, store=attempt.store, asked=attempt.asked, at=at)
    return challenge, factor.passkeys if factor else ()


def complete_log_in(
    *,
    identity: Identity,
    token: str,
    shown: Shown,
    address: str,
    at: datetime,
    request_id: str = "",
    user_agent: str = "",
) -> LoggedIn:
    """Start a session by the token of the first step and a second factor; both are used up with it.

    What is wrong leaves the token as it is. Raises TokenNotValid, WrongCode, WrongPasskey,
    SecondFactorNeeded, TooManyAttempts or Busy.
    """
    attempt = _attempt(identity, token, address, at)
    store, member = attempt.store, attempt.member
    try:
        used = use_factor(
            identity=identity,
            store=store,
            member=member,
            shown=shown,
            asked=attempt.asked,
            address=address,
            at=at,
            request_id=request_id,
        )
    except SecondFactorOff:
        raise _refused() from None
    writes = [
        store.staff.unmoved(member=member),
        identity.one_time_tokens.spend(token_hash=attempt.token_hash, purpose=FACTOR_ASKED),
        *used.kept(store=store),
    ]
    if used.left is not None:
        note = AuditNote(member.staff_id, "recovery_code.used", member.staff_id, at, request_id)
        writes.append(store.note(note=note))
    device = device_of(user_agent=user_agent, address=address)
    begun = begin_session(
        identity=identity,
        store=store,
        member=member,
        at=at,
        change=writes,
        device=device,
        second_factor=True,
    )
    tell_of_recovery(identity=identity, store=store, member=member, used=used)
    return begun


def _attempt(identity: Identity, token: str, address: str, at: datetime) -> _Attempt:
    reserve(identity=identity, limit=SECOND_STEPS, key=client_of(address=address), at=at)
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=FACTOR_ASKED, at=at)
    if subject is None:
        raise _refused()
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    member = _member(store, subject["staff_id"])
    # Of another password than the one that was entered, nobody knows whether it was.
    if member is None or password_mark(member=member) != subject["password"]:
        raise _refused()
    return _Attempt(token_hash, store, member)


def _refused() -> TokenNotValid:
    return TokenNotValid("the token is not valid, or not any more", param="token")


def _member(store: TenantStore, staff_id: str) -> StaffMember | None:
    try:
        tenant, member = store.profile_and_staff(staff_id=staff_id)
    except NotFound:
        return None
    let_in = may(state=tenant.state, capability=Capability.SIGN_IN)
    return member if let_in and not member.disabled else None
