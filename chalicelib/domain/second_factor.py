"""A second factor of signing in: codes of an authenticator (RFC 6238), passkeys, and recovery codes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, DomainError, InvalidValue, NotFound
from chalicelib.domain.passkeys import PASSKEYS_MAX, Passkey, PasskeyThere, TooManyPasskeys

RECOVERY_CODES: Final = 10
CODE_DIGITS: Final = 6
CODE_SECONDS: Final = 30
# A clock may be one step behind or ahead (RFC 6238, 5.2).
CODE_SKEW_STEPS: Final = 1
CODE_CHARS_MAX: Final = 40


class WrongCode(InvalidValue):
    """The code is wrong, too old, or was used already: all answer alike."""

    code = "wrong_code"

    def __init__(self) -> None:
        super().__init__("this is not a code that can be used now", param="code")


class SecondFactorOn(Conflict):
    """There is a second factor already: take it off first."""

    code = "second_factor_on"


class SecondFactorOff(Conflict):
    """There is no second factor, or it was not confirmed."""

    code = "second_factor_off"


class SecondFactorNeeded(InvalidValue):
    """A second factor is on, and this asks for it once more."""

    code = "second_factor_needed"

    def __init__(self) -> None:
        super().__init__("give a code, or the answer of a passkey, and not both", param="code")


PUT_ONE_ON: Final = (
    "your company asks for a second factor: put one on (POST /v1/me/second-factor for an "
    "authenticator, POST /v1/me/passkey-options for a passkey), and this session goes on"
)


class SecondFactorRequired(DomainError):
    """A second factor is asked for: by the company of people who have none, or by what is done."""

    code = "second_factor_required"

    def __init__(self, message: str = PUT_ONE_ON) -> None:
        super().__init__(message)


class LastSecondFactor(Conflict):
    """The company asks for a second factor, so the last one stays."""

    code = "last_second_factor"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What a person's codes and passkeys are checked against.

    The authenticator is in force once it is ``confirmed``, a passkey at once. ``last_step`` is the time
    step of the last code taken: no code of it or before is taken again. ``recovery`` are the digests of
    the recovery codes that are left.
    """

    staff_id: str
    secret: str = field(repr=False)
    created_at: datetime
    last_step: int = 0
    recovery: frozenset[str] = frozenset()
    confirmed: bool = False
    version: int = 1
    passkeys: tuple[Passkey, ...] = ()

    @property
    def on(self) -> bool:
        """Whether signing in asks for it."""
        return self.confirmed or bool(self.passkeys)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What signing in takes: ``authenticator``, ``passkey``, ``recovery_code``."""
        has = {
            "authenticator": self.confirmed,
            "passkey": bool(self.passkeys),
            "recovery_code": bool(self.recovery),
        }
        return tuple(name for name, there in has.items() if there)

    def passkey(self, *, passkey_id: str) -> Passkey:
        """Return a passkey, or raise NotFound."""
        found = next((one for one in self.passkeys if one.passkey_id == passkey_id), None)
        if found is None:
            raise NotFound("no such passkey", param="passkey_id")
        return found

    def with_passkey(self, *, passkey: Passkey) -> SecondFactor:
        """Return it with a passkey added, or raise TooManyPasskeys or PasskeyThere."""
        if passkey.credential_id in {one.credential_id for one in self.passkeys}:
            raise PasskeyThere("you have this passkey already")
        if len(self.passkeys) >= PASSKEYS_MAX:
            raise TooManyPasskeys(f"a person has at most {PASSKEYS_MAX} passkeys: take one off first")
        return replace(self, passkeys=(*self.passkeys, passkey))

    def changed(self, *, passkey: Passkey) -> SecondFactor:
        """Return it with a passkey put in the place of the one of its identifier."""
        same = passkey.passkey_id
        return replace(
            self, passkeys=tuple(passkey if one.passkey_id == same else one for one in self.passkeys)
        )

    def without_passkey(self, *, passkey_id: str) -> SecondFactor:
        """Return it without a passkey, or raise NotFound."""
        gone = self.passkey(passkey_id=passkey_id)
        return replace(self, passkeys=tuple(one for one in self.passkeys if one != gone))

    def without_authenticator(self) -> SecondFactor:
        """Return it without the authenticator."""
        return replace(self, secret="", last_step=0, confirmed=False)

    def stepped(self, *, step: int) -> SecondFactor:
        """Return it after a code of a time step was taken, or raise WrongCode for one used up."""
        if step <= self.last_step:
            raise WrongCode
        return replace(self, last_step=step)

    def without(self, *, digest: str) -> SecondFactor:
        """Return it after a recovery code was taken, or raise WrongCode where there is none such."""
        if digest not in self.recovery:
            raise WrongCode
        return replace(self, recovery=self.recovery - {digest})


def typed_code(*, text: str) -> str:
    """Return a code as it is compared: people type blanks, hyphens and capitals."""
    return "".join(char for char in text.casefold() if char.isascii() and char.isalnum())


def of_authenticator(*, code: str) -> bool:
    """Whether a code, as it is compared, has the form of an authenticator's."""
    return len(code) == CODE_DIGITS and code.isdecimal()
