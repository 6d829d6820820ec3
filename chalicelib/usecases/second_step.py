"""The second step of signing in: the password was right, and now a code."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib.domain.devices import device_of
from chalicelib.domain.errors import NotFound
from chalicelib.domain.second_factor import SecondFactorOff
from chalicelib.domain.staff import StaffMember
from chalicelib.domain.tenants import TenantState
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.codes import tell_of_recovery, use_code
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import CODE_ASKED, LoggedIn, begin_session, password_mark
from chalicelib.usecases.throttle import Limit, client_of, reserve

SECOND_STEPS: Final = Limit("second-step", most=100, window_seconds=900)


def complete_log_in(
    *,
    identity: Identity,
    token: str,
    code: str,
    address: str,
    at: datetime,
    request_id: str = "",
    user_agent: str = "",
) -> LoggedIn:
    """Start a session by the token of the first step and a code; both are used up with it.

    A wrong code leaves the token as it is. Raises TokenNotValid, WrongCode, TooManyAttempts or Busy.
    """
    reserve(identity=identity, limit=SECOND_STEPS, key=client_of(address=address), at=at)
    refused = TokenNotValid("the token is not valid, or not any more", param="token")
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=CODE_ASKED, at=at)
    if subject is None:
        raise refused
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    member = _member(store, subject["staff_id"])
    # Of another password than the one that was entered, nobody knows whether it was.
    if member is None or password_mark(member=member) != subject["password"]:
        raise refused
    try:
        used = use_code(identity=identity, store=store, member=member, code=code, address=address, at=at)
    except SecondFactorOff:
        raise refused from None
    writes = [
        store.staff.unmoved(member=member),
        identity.one_time_tokens.spend(token_hash=token_hash, purpose=CODE_ASKED),
        used.write,
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


def _member(store: TenantStore, staff_id: str) -> StaffMember | None:
    try:
        tenant, member = store.profile_and_staff(staff_id=staff_id)
    except NotFound:
        return None
    return None if member.disabled or tenant.state is TenantState.CLOSED else member
