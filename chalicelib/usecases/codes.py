"""Checking a code: of the authenticator, or for recovery. Each is good for one use.

Who tries codes knows the password already. An authenticator's code has six digits, so they are
counted for the account too, from wherever they come; a recovery code cannot be guessed and is
not, so that the person always gets in with one. The count belongs to the password: who changes
it shuts out whoever knew it, and begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.second_factor import (
    SecondFactor,
    SecondFactorOff,
    WrongCode,
    of_authenticator,
    typed_code,
)
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import TooManyAttempts
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import codes_tried_mail, recovery_used_mail
from chalicelib.usecases.sessions import password_mark
from chalicelib.usecases.throttle import Limit, client_of, counted, give_back, reserve

WRONG_CODES: Final = Limit("wrong-code", most=10, window_seconds=900)
# Three of a million codes are right at a time: one in 11,000 for who uses an hour up.
WRONG_CODES_PER_ACCOUNT: Final = Limit("wrong-code-account", most=30, window_seconds=3600)
# The person is told once in the window, at this many.
TOLD_AFTER: Final = 5


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """A code that was right, and the write that uses it up; ``left`` recovery codes, if it was one."""

    after: SecondFactor
    write: Write
    left: int | None = None


def use_code(
    *, identity: Identity, store: TenantStore, member: StaffMember, code: str, address: str, at: datetime
) -> CodeUsed:
    """Check a code of a person with a second factor, and describe using it up.

    Raises WrongCode, SecondFactorOff or TooManyAttempts.
    """
    before = store.second_factors.find(staff_id=member.staff_id)
    if before is None or not before.confirmed:
        raise SecondFactorOff("there is no second factor")
    typed = typed_code(text=code)
    key = f"{client_of(address=address)}|{store.tenant_id}|{member.staff_id}"
    reserve(identity=identity, limit=WRONG_CODES, key=key, at=at)
    if of_authenticator(code=typed):
        after = _of_authenticator(
            identity=identity, store=store, member=member, before=before, code=typed, at=at
        )
        left = None
    else:
        after = before.without(digest=identity.tokens.hash(token=typed))
        left = len(after.recovery)
    give_back(identity=identity, limit=WRONG_CODES, key=key, at=at)
    return CodeUsed(after, store.second_factors.save(before=before, after=after), left)


def _of_authenticator(
    *,
    identity: Identity,
    store: TenantStore,
    member: StaffMember,
    before: SecondFactor,
    code: str,
    at: datetime,
) -> SecondFactor:
    limit, key = WRONG_CODES_PER_ACCOUNT, f"{member.staff_id}|{password_mark(member=member)}"
    tried = counted(identity=identity, limit=limit, key=key, at=at)
    if tried > limit.most:
        raise TooManyAttempts(retry_after=limit.window_seconds - int(at.timestamp()) % limit.window_seconds)
    step = identity.authenticator.step_of(secret=before.secret, code=code, at=at)
    if step is None or step <= before.last_step:
        if tried == TOLD_AFTER:
            company = store.profile().company
            tell(
                identity=identity,
                mail=codes_tried_mail(to=member.email, name=member.name, company=company),
            )
        raise WrongCode
    give_back(identity=identity, limit=limit, key=key, at=at)
    return before.stepped(step=step)


def tell_of_recovery(*, identity: Identity, store: TenantStore, member: StaffMember, used: CodeUsed) -> None:
    """Mail the person where the code was one for recovery; call it after the commit."""
    if used.left is None:
        return
    company = store.profile().company
    mail = recovery_used_mail(to=member.email, name=member.name, company=company, left=used.left)
    tell(identity=identity, mail=mail)
