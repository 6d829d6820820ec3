"""Signing in by a passkey alone: subdomain and email say who, and the device who verified its user.

Neither the challenge nor the refusal tells whether there is such an account, or whether it has
passkeys: everybody is offered as many credentials, decoys where there are no others, and each step
costs the same round trips and the same check of a signature.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.devices import device_of
from chalicelib.domain.passkeys import SentPasskey, WrongPasskey, offered_ids
from chalicelib.domain.second_factor import SecondFactor
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.challenges import CHALLENGE_LIFE, Asked, Challenge, Purpose, give_challenge
from chalicelib.usecases.factors import use_passkey
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import (
    FAILURES,
    LOG_INS,
    LoggedIn,
    WrongCredentials,
    begin_session,
    find_person,
)
from chalicelib.usecases.throttle import client_of, give_back, reserve

# Looked up where nobody has the address.
NOBODY: Final = f"stf_{'0' * 26}"


def ask_log_in(
    *, identity: Identity, subdomain: str, email: str, address: str, at: datetime
) -> tuple[Challenge, tuple[str, ...]]:
    """Give out a challenge, with identifiers of credentials that may answer it; raises TooManyAttempts."""
    reserve(identity=identity, limit=LOG_INS, key=client_of(address=address), at=at)
    tenant_id, member = find_person(identity=identity, subdomain=subdomain, email=email, at=at)
    if not tenant_id:
        # That there is no such subdomain is no secret (usecases/sessions.py).
        seed = sha256(f"{subdomain}|{normal_email(email=email)}".encode()).hexdigest()
        unknown = Challenge(identity.tokens.new(prefix="wch"), at + CHALLENGE_LIFE)
        return unknown, offered_ids(passkeys=(), seed=seed)
    store = identity.stores.of(tenant_id=tenant_id)
    factor = _factor(store, member, at)
    challenge = give_challenge(identity=identity, store=store, asked=_asked(store, factor, email), at=at)
    seed = store.second_factors.decoy_seed(email=email)
    return challenge, offered_ids(passkeys=factor.passkeys, seed=seed)


def log_in_with_passkey(
    *,
    identity: Identity,
    subdomain: str,
    email: str,
    sent: SentPasskey,
    address: str,
    at: datetime,
    request_id: str = "",
    user_agent: str = "",
) -> LoggedIn:
    """Start a session by a passkey's answer; raises WrongCredentials, TooManyAttempts or Busy.

    Failures are counted together with wrong passwords of the account from the client.
    """
    client = client_of(address=address)
    reserve(identity=identity, limit=LOG_INS, key=client, at=at)
    key = f"{client}|{subdomain}|{normal_email(email=email)}"
    reserve(identity=identity, limit=FAILURES, key=key, at=at)
    refused = WrongCredentials("subdomain, email and passkey do not belong together")
    tenant_id, member = find_person(identity=identity, subdomain=subdomain, email=email, at=at)
    if not tenant_id:
        raise refused
    store = identity.stores.of(tenant_id=tenant_id)
    factor = _factor(store, member, at)
    try:
        used = use_passkey(
            identity=identity,
            store=store,
            before=factor,
            sent=sent,
            asked=_asked(store, factor, email),
            at=at,
            request_id=request_id,
        )
    except (WrongPasskey, TokenNotValid):  # or a copy's answer was sent twice at once
        raise refused from None
    if member is None or member.disabled or not member.email_verified:
        raise refused
    give_back(identity=identity, limit=FAILURES, key=key, at=at)
    writes = [store.staff.unmoved(member=member), *used.kept(store=store)]
    device = device_of(user_agent=user_agent, address=address)
    try:
        return begin_session(
            identity=identity,
            store=store,
            member=member,
            at=at,
            change=writes,
            device=device,
            second_factor=True,
        )
    except TokenNotValid:  # the same answer was sent twice at once
        raise refused from None


def _factor(store: TenantStore, member: StaffMember | None, at: datetime) -> SecondFactor:
    """Return the person's second factor; an empty one where there is none, or nobody."""
    staff_id = NOBODY if member is None else member.staff_id
    found = store.second_factors.find(staff_id=staff_id)
    return found or SecondFactor(staff_id=staff_id, secret="", created_at=at)


def _asked(store: TenantStore, factor: SecondFactor, email: str) -> Asked:
    """Return what a challenge is for: the address that was named, too.

    All addresses that are nobody's have one person. Where a challenge for one were good for another,
    its answer would be looked into there and nowhere else, and the time would tell that both are none.
    """
    return Asked(Purpose.LOG_IN, factor.staff_id, store.second_factors.decoy_seed(email=email))
