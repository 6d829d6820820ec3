"""A second factor of signing in: codes of an authenticator (RFC 6238), and recovery codes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue

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


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What a person's codes are checked against; in force once it is ``confirmed``.

    ``last_step`` is the time step of the last code taken: no code of it or before is taken again.
    ``recovery`` are the digests of the recovery codes that are left.
    """

    staff_id: str
    secret: str = field(repr=False)
    created_at: datetime
    last_step: int = 0
    recovery: frozenset[str] = frozenset()
    confirmed: bool = False
    version: int = 1

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
