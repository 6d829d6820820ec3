"""Whether somebody's data may be processed for a purpose: what other features ask before they do."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Basis, Purpose
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.errors import Conflict
from chalicelib.ports.store import TenantStore

# What is done for it is done by consent alone, so that nothing is kept that the data map could show.
BY_CONSENT: Final = Purpose.ANALYSIS


class NotObjectable(Conflict):
    """A contract or law asks for the processing: it cannot be objected to, nor its consent withdrawn."""

    code = "not_objectable"


def may_process(*, store: TenantStore, subject_id: str, purpose: Purpose) -> bool:
    """Whether a person's data may be processed for a purpose; not where they objected to it."""
    return purpose not in store.privacy.objections(subject_id=subject_id)


def objectable() -> frozenset[Purpose]:
    """Return the purposes for which something is processed by consent or legitimate interest."""
    free = {Basis.INTEREST, Basis.CONSENT}
    by_interest = frozenset(
        handling.purpose for one in ITEMS for handling in one.attributes.values() if handling.basis in free
    )
    return by_interest | {BY_CONSENT}


def require_objectable(*, purposes: tuple[Purpose, ...]) -> None:
    """Raise NotObjectable where one of the purposes rests on contract or law alone."""
    for purpose in purposes:
        if purpose not in objectable():
            raise NotObjectable(f"contract or law asks for this: {purpose.value}; refuse it, saying so")
