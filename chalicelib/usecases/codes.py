"""Checking a code: of the authenticator, or for recovery. Each is good for one use.

Who tries codes knows the password already. An authenticator's code has six digits, so they are
counted for the account too, from wherever they come; a recovery code cannot be guessed and is
not, so that the person always gets in with one. The count belongs to the password: who changes
it shuts out whoever knew it, and begins anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib.domain.second_factor import SecondFactor, WrongCode, of_authenticator, typed_code
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import TooManyAttempts
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import codes_tried_mail
from chalicelib.usecases.sessions import password_mark
from chalicelib.usecases.throttle import Limit, counted, give_back

# Three of a million codes are right at a time: one in 11,000 for who uses an hour up.
WRONG_CODES_PER_ACCOUNT: Final = Limit("wrong-code-account", most=30, window_seconds=3600)
# The person is told once in the window, at this many.
TOLD_AFTER: Final = 5


def use_code(
    *,
    identity: Identity,
    store: TenantStore,
    member: StaffMember,
    before: SecondFactor,
    code: str,
    at: datetime,
) -> tuple[SecondFactor, int | None]:
    """Check a code of a person with a second factor; return what is left of it.

    With a recovery code that is the factor, and how many more there are; else None. Raises WrongCode or
    TooManyAttempts.
    """
    typed = typed_code(text=code)
    if of_authenticator(code=typed):
        used = _of_authenticator(
            identity=identity, store=store, member=member, before=before, code=typed, at=at
        )
        return used, None
    after = before.without(digest=identity.tokens.hash(token=typed))
    return after, len(after.recovery)


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
    step = None  # who has passkeys alone, or did not confirm the authenticator, has no codes
    if before.confirmed:
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
