"""What becomes of an objection to a purpose (article 21 GDPR), or of a consent to it that is taken back.

Each purpose either stops, or goes on for a ground that the person is told: there is no third. What is
done for legitimate interest goes on where the grounds for it outweigh an objection; a test compares
both tables with the data map, so that no purpose is without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.data_map import Basis, Purpose
from chalicelib.domain.errors import Conflict
from chalicelib.domain.privacy_requests import PURPOSED_KINDS, PrivacyRequest, Proof, RequestState

# Done by consent alone, and each event asks for the newest choice: taking it back stops it at once.
STOPS: Final = frozenset({Purpose.ANALYSIS})


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a purpose goes on in spite of an objection, and on which legal basis."""

    basis: Basis
    words: str


def _contract(what: str) -> Ground:
    words = f"without it {what}. It ends with the contract, and deletion can be asked for then"
    return Ground(Basis.CONTRACT, words)


GROUNDS: Final[Mapping[Purpose, Ground]] = {
    Purpose.ACCOUNT: _contract("there is no account to sign in with"),
    Purpose.SERVICE: _contract("the service cannot be given"),
    Purpose.BILLING: _contract("what was agreed cannot be charged and paid"),
    Purpose.SECURITY: Ground(
        Basis.INTEREST,
        "the log of who did what and from where, known devices and networks, counts of attempts and backups "
        "are how misuse of accounts, the person's own among them, is noticed, stopped and made good. It "
        "outweighs an objection, for whoever misuses an account would object too. It is seen by few, and "
        "gone after the times that the privacy page names",
    ),
    Purpose.LAW: Ground(Basis.LAW, "law asks for it, and for as long as the privacy page names"),
}


class MustStop(Conflict):
    """What is done by consent alone stops when its person says so: that is not refused."""

    code = "must_stop"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answered request came to for one purpose: it stopped, or goes on for a ground."""

    purpose: Purpose
    ground: Ground | None

    @property
    def stopped(self) -> bool:
        """Whether nothing is processed for the purpose any more."""
        return self.ground is None


def outcomes(*, request: PrivacyRequest) -> tuple[Outcome, ...]:
    """Return what an answered objection or withdrawal came to; nothing for any other request.

    Nothing either where it ended without it being known who asks.
    """
    if request.kind not in PURPOSED_KINDS or not request.subject_id or request.proof is Proof.NONE:
        return ()
    if request.state not in {RequestState.DONE, RequestState.REFUSED}:
        return ()
    return decided(purposes=request.purposes)


def decided(*, purposes: Sequence[Purpose]) -> tuple[Outcome, ...]:
    """Return what becomes of each purpose."""
    return tuple(Outcome(one, None if one in STOPS else GROUNDS[one]) for one in purposes)


def require_refusable(*, request: PrivacyRequest) -> None:
    """Raise MustStop where it is known who asks, and something stops because they do."""
    known = request.subject_id and request.proof is not Proof.NONE
    stopping = [one.value for one in request.purposes if one in STOPS]
    if known and stopping:
        raise MustStop(f"this is done by consent alone, and stops: {', '.join(stopping)}; complete it")
