"""Choices of people: each is an item of its own, beside a copy of the newest one.

- ``<tenant>#CONSENT#<staff or subscriber id>`` / ``NEWEST`` and ``CHOICE#<id>``, in the tenants table.
- ``<tenant>#NOTED#chose`` / the same id: written with the first choice, so that who chose is found.
- ``CONSENT#<hash of the visitor's token>`` / the same, in the ephemeral table, whose TTL takes them away.
  A visitor without a record is one who agreed to nothing, so that losing the table allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.consent_texts import Category
from chalicelib.domain.consents import PROOF_LIFE, Consent, Means, SubjectKind
from chalicelib.domain.errors import Busy
from chalicelib.domain.policies import shipped_policies
from chalicelib.ports.identity import Tokens
from chalicelib.ports.services import Clock, Ids
from chalicelib.ports.store import Write
from chalicelib.store import keys
from chalicelib.store.acting import OfPlatform, OfTenant
from chalicelib.store.base import (
    Database,
    EphemeralItem,
    Item,
    ModelWrite,
    TenantsItem,
    from_iso,
    put,
    put_new,
    to_iso,
)
from chalicelib.usecases.consents import PublicSite

NEWEST: Final = "NEWEST"
CHOICE: Final = "CHOICE#"
CHOSE: Final = "chose"


class ConsentItem(TenantsItem):
    """A choice of staff or of a subscriber; ``choice`` is its JSON."""

    consent_id = UnicodeAttribute()
    choice = UnicodeAttribute()


class ChooserItem(TenantsItem):
    """``<tenant>#NOTED#chose`` / staff or subscriber id; its key says it all."""


class VisitorConsentItem(EphemeralItem):
    """A visitor's choice."""

    consent_id = UnicodeAttribute()
    choice = UnicodeAttribute()
    ttl = NumberAttribute()


class DynamoConsents(OfTenant):
    """Choices of a tenant's staff and subscribers."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def newest(self, *, subject_id: str) -> Consent | None:
        """Return what somebody chose last, or None."""
        try:
            found = ConsentItem.get(keys.consents(self._tenant_id, subject_id), NEWEST, consistent_read=True)
        except DoesNotExist:
            return None
        return _decoded(found.choice)

    def history(self, *, subject_id: str, limit: int) -> tuple[Consent, ...]:
        """Return their choices, newest first."""
        found = ConsentItem.query(
            keys.consents(self._tenant_id, subject_id),
            scan_index_forward=False,
            consistent_read=True,
            limit=limit + 1,
        )
        return _newest_first(_decoded(one.choice) for one in found)

    def choosers(self) -> Iterator[str]:
        """Yield who ever chose, by identifier."""
        for item in ChooserItem.query(keys.noted(self._tenant_id, CHOSE), consistent_read=True):
            yield str(item.sk)

    def append(self, *, subject_id: str, consent: Consent) -> Sequence[ModelWrite]:
        """Describe a choice; refused with Busy where another was made since its ``previous``."""
        pk, choice = keys.consents(self._tenant_id, subject_id), _encoded(consent)
        newest, made = (
            ConsentItem(pk, sk, consent_id=consent.consent_id, choice=choice)
            for sk in (NEWEST, _sort(consent))
        )
        writes = _writes(newest, made, consent, of=ConsentItem.consent_id)
        if consent.previous is not None:
            return writes
        chose = ChooserItem(keys.noted(self._tenant_id, CHOSE), subject_id)
        return [*writes, put(chose, condition=None, refused=Busy("the note has no condition"))]


class DynamoVisitorConsents(OfPlatform):
    """Choices of visitors; the subject is the hash of their token."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def newest(self, *, subject_id: str) -> Consent | None:
        """Return what a visitor chose last; None for none, and for one whose time is over."""
        try:
            found = VisitorConsentItem.get(_visitor(subject_id), NEWEST, consistent_read=True)
        except DoesNotExist:
            return None
        consent = _decoded(found.choice)
        return consent if self._clock.now() < consent.at + PROOF_LIFE else None

    def history(self, *, subject_id: str, limit: int) -> tuple[Consent, ...]:
        """Return their choices, newest first, but for those whose time is over."""
        found = VisitorConsentItem.query(
            _visitor(subject_id),
            scan_index_forward=False,
            consistent_read=True,
            limit=limit + 1,
        )
        now = self._clock.now()
        return _newest_first(one for one in map(_choice_of, found) if now < one.at + PROOF_LIFE)

    def append(self, *, subject_id: str, consent: Consent) -> Sequence[ModelWrite]:
        """Describe a choice; refused with Busy where another was made since its ``previous``."""
        pk, ttl, choice = _visitor(subject_id), int((consent.at + PROOF_LIFE).timestamp()), _encoded(consent)
        newest, made = (
            VisitorConsentItem(pk, sk, consent_id=consent.consent_id, choice=choice, ttl=ttl)
            for sk in (NEWEST, _sort(consent))
        )
        return _writes(newest, made, consent, of=VisitorConsentItem.consent_id)

    def commit(self, *writes: Write) -> None:
        """Make all writes in one transaction."""
        self._database.commit([write for write in writes if isinstance(write, ModelWrite)])


def public_site(*, database: Database, clock: Clock, ids: Ids, tokens: Tokens) -> PublicSite:
    """Wire what the public pages work with, with the policies of this version of the product."""
    consents = DynamoVisitorConsents(database=database, clock=clock)
    return PublicSite(consents=consents, tokens=tokens, ids=ids, policies=shipped_policies())


def _visitor(subject_id: str) -> str:
    return f"CONSENT#{subject_id}"


def _newest_first(found: Iterable[Consent]) -> tuple[Consent, ...]:
    """Return each choice once: the newest's copy sorts before all, even of its millisecond."""
    return tuple({one.consent_id: one for one in found}.values())


def _sort(consent: Consent) -> str:
    return f"{CHOICE}{consent.consent_id}"


def _writes(newest: Item, made: Item, consent: Consent, *, of: UnicodeAttribute) -> Sequence[ModelWrite]:
    busy = Busy("another choice was made at the same time: try again")
    unmoved = of.does_not_exist() if consent.previous is None else of == consent.previous
    return [put(newest, condition=unmoved, refused=busy), put_new(made, refused=busy)]


def _encoded(consent: Consent) -> str:
    choice = {
        "id": consent.consent_id,
        "kind": consent.kind.value,
        "agreed": sorted(consent.agreed),
        "text": consent.text,
        "at": to_iso(consent.at),
        "how": consent.how.value,
        "gpc": consent.gpc,
        "browser": consent.browser,
        "previous": consent.previous,
    }
    return orjson.dumps(choice).decode()


def _choice_of(item: VisitorConsentItem) -> Consent:
    return _decoded(item.choice)


def _decoded(choice: str) -> Consent:
    stored = orjson.loads(choice)
    at: datetime = from_iso(stored["at"])
    return Consent(
        consent_id=stored["id"],
        kind=SubjectKind(stored["kind"]),
        agreed=frozenset(Category(one) for one in stored["agreed"]),
        text=stored["text"],
        at=at,
        how=Means(stored["how"]),
        gpc=stored["gpc"],
        browser=stored["browser"],
        previous=stored["previous"],
    )
