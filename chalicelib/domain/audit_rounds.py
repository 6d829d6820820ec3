"""Rounds of verifying an audit chain: what is new every day, everything again every week.

A day's pass goes on where the one before ended, so it costs the day's entries. What is changed
behind it is found by the next round, which begins at the chain's beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from chalicelib.domain.audit_chain import Fault, Flaw, Position

ROUND_DAYS: Final = 7
# More faults than this are one: whoever looks sees them all.
TOLD_MAX: Final = 500
_MARK_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Round:
    """How far a chain is verified, by UTC dates.

    The next pass goes on after ``position`` (None: the chain's beginning). The round began on
    ``begun_on``; the chain's end was reached last on ``done_on``, and ``at_end`` says that nothing
    but what is new is left. ``clean`` is whether the round found no fault; ``told`` are marks of the
    faults that were told.
    """

    begun_on: date
    position: Position | None = None
    done_on: date | None = None
    at_end: bool = False
    clean: bool = True
    told: tuple[str, ...] = ()
    version: int = 0

    def due(self, *, on: date) -> bool:
        """Whether there is something to verify on a day; a day to come is none that a pass reached."""
        return self.done_on != on

    def on(self, *, day: date, full: bool = False) -> Round:
        """Return the round that a day's pass goes on with: a new one each week, or where asked for."""
        # Nothing signs a round. A day to come would put verifying off for ever, so it is not believed.
        lasted = day - self.begun_on
        over = lasted < timedelta(0) or (self.at_end and lasted >= timedelta(days=ROUND_DAYS))
        if not over and not full:
            return self
        # A fault that a whole round did not find is news when it comes again.
        told = () if self.clean else self.told
        return replace(self, begun_on=day, position=None, at_end=False, clean=True, told=told)

    def news(self, *, flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
        """Return the faults that were not told yet; none where enough were."""
        if len(self.told) >= TOLD_MAX:
            return ()
        return tuple(one for one in broken(flaws=flaws) if mark_of(flaw=one) not in self.told)

    def after(self, *, position: Position, ended: bool, flaws: Sequence[Flaw], day: date) -> Round:
        """Return the round after a piece, whose faults are told."""
        marks = [mark_of(flaw=one) for one in broken(flaws=flaws)]
        return replace(
            self,
            position=position,
            done_on=day if ended else self.done_on,
            at_end=ended,
            clean=self.clean and not marks,
            told=tuple(dict.fromkeys([*self.told, *marks]))[:TOLD_MAX],
        )


def first_round(*, tenant_id: str, on: date) -> Round:
    """Return the first round of a tenant's chain: of many tenants, not all are due anew on one day."""
    spread = int.from_bytes(sha256(tenant_id.encode()).digest()[:4], "big") % ROUND_DAYS
    return Round(begun_on=on - timedelta(days=spread))


def broken(*, flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
    """Return the faults that say that something was changed; waiting to be sealed has an alarm of its own."""
    return tuple(one for one in flaws if one.fault is not Fault.ENTRY_UNSEALED)


def mark_of(*, flaw: Flaw) -> str:
    """Return what tells one fault from another: a missing end is the same wherever the chain ends by now."""
    at_the_end = flaw.fault in {Fault.TRUNCATED, Fault.HEAD_DIFFERS}
    text = "end" if at_the_end else f"{flaw.fault}|{flaw.sequence}|{flaw.about}"
    return sha256(text.encode()).hexdigest()[:_MARK_CHARS]
