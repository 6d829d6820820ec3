"""Privacy requests in DynamoDB, by identifier; by deadline while they wait; and by person.

- ``<tenant>#PRV`` / request id: the request. What of it is personal is sealed in one attribute.
- ``<tenant>#PRVDUE`` / ``<deadline>#<request id>``: open, or with a mail to be sent.
- ``<tenant>#PRVOF`` / ``<subject id>#<request id>``: whose it is.
- ``<tenant>#PRVOPEN`` / ``<subject id>#<kind>``: a person has one open request of a kind.
- ``<tenant>#ERASED`` / subject id, in the table of keys: the erasure ledger. It is not in the table
  that it is about, so that restoring that one does not lose it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any, Final

import orjson
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.holds import HeldCategory, held
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.jobs import JobFailure
from chalicelib.domain.privacy_refusals import OPEN_ALREADY, RequestOpenAlready
from chalicelib.domain.privacy_requests import (
    Channel,
    Happening,
    Kept,
    MadeFile,
    Notice,
    PrivacyRequest,
    Proof,
    RequestKind,
    RequestState,
    Told,
    Words,
)
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    KeysItem,
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.holds import held_categories
from chalicelib.store.paging import query_page
from chalicelib.usecases.paging import each

OWN_LISTED_MAX: Final = 50
# What is left to be read of a request whose words were taken away.
_NOTHING: Final[dict[str, Any]] = {
    "words": {"told": []}, "history": [], "kept": [], "kept_count": 0, "purposes": [], "file": None,
    "failure": None,
}  # fmt: skip


class PrivacyRequestItem(TenantsItem):
    """``<tenant>#PRV`` / request id."""

    kind = UnicodeAttribute()
    subject_id = UnicodeAttribute(null=True)
    channel = UnicodeAttribute()
    state = UnicodeAttribute()
    received_at = UnicodeAttribute()
    received_on = UnicodeAttribute()
    due_on = UnicodeAttribute()
    proof = UnicodeAttribute()
    extended = BooleanAttribute()
    version = NumberAttribute()
    attempt = NumberAttribute()
    closed_at = UnicodeAttribute(null=True)
    to_tell = UnicodeAttribute(null=True)
    reminded = UnicodeAttribute(null=True)
    despite_debt = BooleanAttribute(null=True)
    # None once the request is past its time.
    asked = BinaryAttribute(null=True, legacy_encoding=False)


class DueItem(TenantsItem):
    """``<tenant>#PRVDUE`` / ``<deadline>#<request id>``; its key says it all."""


class OwnItem(TenantsItem):
    """``<tenant>#PRVOF`` / ``<subject id>#<request id>``; its key says it all."""


class OpenItem(TenantsItem):
    """``<tenant>#PRVOPEN`` / ``<subject id>#<kind>``; its key says it all."""


class ErasedItem(KeysItem):
    """``<tenant>#ERASED`` / subject id."""

    request_id = UnicodeAttribute()
    begun_at = UnicodeAttribute()
    done_at = UnicodeAttribute(null=True)


class DynamoPrivacy(OfTenant):
    """A tenant's privacy requests, and its erasure ledger."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._pk = keys.privacy_requests(tenant_id)

    # -- reading ---------------------------------------------------------------------------

    def get(self, *, request_id: str) -> PrivacyRequest:
        """Return the request, or raise NotFound."""
        if not is_id(value=request_id, prefix="prq"):
            raise _absent()
        try:
            return self._request(PrivacyRequestItem.get(self._pk, request_id, consistent_read=True))
        except DoesNotExist:
            raise _absent() from None

    def list(self, *, state: RequestState | None, limit: int, after: str | None) -> Page[PrivacyRequest]:
        """Return a page of all requests, or of those of a state, the newest first."""
        page = query_page(
            PrivacyRequestItem,
            self._pk,
            limit=limit,
            after=after,
            where=None if state is None else lambda item: item.state == state.value,
            newest_first=True,
        )
        return Page(tuple(map(self._request, page.items)), page.after)

    def list_waiting(self, *, limit: int, after: str | None) -> Page[PrivacyRequest]:
        """Return a page of the requests that wait, those due first first: two round trips."""
        page = query_page(DueItem, keys.privacy_due(self._tenant_id), limit=limit, after=after)
        return Page(self._those([str(one.sk).partition("#")[2] for one in page.items]), page.after)

    def of_subject(self, *, subject_id: str) -> tuple[PrivacyRequest, ...]:
        """Return the newest requests of a person, the newest first: two round trips."""
        return self._own_page(subject_id=subject_id, limit=OWN_LISTED_MAX, after=None).items

    def each_of(self, *, subject_id: str) -> Iterator[PrivacyRequest]:
        """Yield every request of a person, the newest first."""
        return each(read=partial(self._own_page, subject_id=subject_id), limit=OWN_LISTED_MAX)

    def _own_page(self, *, subject_id: str, limit: int, after: str | None) -> Page[PrivacyRequest]:
        page = query_page(
            OwnItem,
            keys.privacy_owners(self._tenant_id),
            limit=limit,
            after=after,
            sort=OwnItem.sk.startswith(f"{subject_id}#"),
            newest_first=True,
        )
        return Page(self._those([str(one.sk).partition("#")[2] for one in page.items]), page.after)

    def _those(self, request_ids: Sequence[str]) -> tuple[PrivacyRequest, ...]:
        wanted = [(self._pk, one) for one in request_ids]
        found = {str(one.sk): one for one in PrivacyRequestItem.batch_get(wanted, consistent_read=True)}
        return tuple(self._request(found[one]) for one in request_ids if one in found)

    # -- changes ---------------------------------------------------------------------------

    def add(self, *, request: PrivacyRequest) -> Sequence[ModelWrite]:
        """Describe adding a request; refused with RequestOpenAlready."""
        taken = Busy("the request's identifier was taken")
        return [put_new(self._item(request), refused=taken), *self._filed(None, request)]

    def change(self, *, before: PrivacyRequest, after: PrivacyRequest) -> Sequence[ModelWrite]:
        """Describe a change; refused with StaleVersion."""
        assert after.version > before.version, "every change counts the version up"
        unmoved = PrivacyRequestItem.version == before.version
        stale = StaleVersion("the request changed since it was read")
        return [put(self._item(after), condition=unmoved, refused=stale), *self._filed(before, after)]

    def _filed(self, before: PrivacyRequest | None, after: PrivacyRequest) -> Iterator[ModelWrite]:
        """Describe filing a request under its deadline while it waits, and under its person."""
        due = keys.privacy_due(self._tenant_id)
        yield from _refiled(DueItem, due, _due_key(before) if before else None, _due_key(after))
        yield from self._filed_as_open(before, after)
        if after.subject_id and (before is None or before.subject_id != after.subject_id):
            own = OwnItem(keys.privacy_owners(self._tenant_id), f"{after.subject_id}#{after.request_id}")
            yield put(own, condition=None, refused=_moved())

    def _filed_as_open(self, before: PrivacyRequest | None, after: PrivacyRequest) -> Iterator[ModelWrite]:
        """Describe that a person has an open request of a kind; who asks has but one, even at one instant.

        Whose request staff find out may have one of the kind already: then there are two.
        """
        pk = keys.privacy_open(self._tenant_id)
        now = _open_key(after)
        if before is not None:
            yield from _refiled(OpenItem, pk, _open_key(before), now)
        elif now:
            yield put_new(OpenItem(pk, now), refused=RequestOpenAlready(OPEN_ALREADY))

    # -- what queues carry -----------------------------------------------------------------

    def sealed(self, *, text: str, token_hash: str) -> str:
        """Return a text as a queue or a token's subject may carry it."""
        place = self._carried(token_hash)
        return b64encode(self._keys.seal(family=OPERATIONAL, place=place, plain=text.encode())).decode()

    def opened(self, *, sealed: str, token_hash: str) -> str:
        """Read what ``sealed`` wrote."""
        place = self._carried(token_hash)
        return self._keys.open(family=OPERATIONAL, place=place, sealed=b64decode(sealed)).decode()

    def _carried(self, token_hash: str) -> str:
        return f"queue|{self._tenant_id}|privacy|{token_hash}"

    # -- the erasure ledger ----------------------------------------------------------------

    def held(self) -> bool:
        """Whether a legal hold keeps all that there is of the tenant."""
        holds = held_categories(tenant_id=self._tenant_id)
        return held(holds=holds, category=HeldCategory.EVERYTHING)

    def is_erased(self, *, subject_id: str) -> bool:
        """Whether the erasure ledger has a person: the erasure was begun."""
        try:
            ErasedItem.get(keys.erased(self._tenant_id), subject_id, consistent_read=True)
        except DoesNotExist:
            return False
        return True

    def erasures(self) -> Iterator[Erased]:
        """Yield the erasure ledger."""
        for item in ErasedItem.query(keys.erased(self._tenant_id), consistent_read=True):
            done = nullable(item.done_at)
            yield Erased(item.sk, item.request_id, from_iso(item.begun_at), from_iso(done) if done else None)

    def note_erasure(self, *, erased: Erased) -> ModelWrite:
        """Describe keeping an entry of the erasure ledger."""
        item = ErasedItem(
            keys.erased(self._tenant_id),
            erased.subject_id,
            request_id=erased.request_id,
            begun_at=to_iso(erased.begun_at),
            done_at=to_iso(erased.done_at) if erased.done_at else None,
        )
        return put(item, condition=None, refused=Busy("the erasure ledger changed meanwhile"))

    # -- codec -----------------------------------------------------------------------------

    def _item(self, request: PrivacyRequest) -> PrivacyRequestItem:
        place = _place(self._pk, request.request_id)
        return PrivacyRequestItem(
            self._pk,
            request.request_id,
            kind=request.kind.value,
            subject_id=request.subject_id or None,
            channel=request.channel.value,
            state=request.state.value,
            received_at=to_iso(request.received_at),
            received_on=request.received_on.isoformat(),
            due_on=request.due_on.isoformat(),
            proof=request.proof.value,
            extended=request.extended,
            version=request.version,
            attempt=request.attempt,
            closed_at=to_iso(request.closed_at) if request.closed_at else None,
            to_tell=" ".join(one.value for one in request.to_tell) or None,
            reminded=" ".join(map(str, request.reminded)) or None,
            despite_debt=request.despite_debt or None,
            asked=self._keys.seal(family=OPERATIONAL, place=place, plain=_encoded(request)),
        )

    def _request(self, item: PrivacyRequestItem) -> PrivacyRequest:
        place = _place(self._pk, str(item.sk))
        sealed = nullable(item.asked)
        asked = _NOTHING
        if sealed is not None:
            asked = orjson.loads(self._keys.open(family=OPERATIONAL, place=place, sealed=sealed))
        closed, made, failure = nullable(item.closed_at), asked["file"], asked["failure"]
        stays = asked.get("stays_until")
        return PrivacyRequest(
            request_id=item.sk,
            kind=RequestKind(item.kind),
            subject_id=nullable(item.subject_id) or "",
            channel=Channel(item.channel),
            state=RequestState(item.state),
            received_at=from_iso(item.received_at),
            received_on=date.fromisoformat(item.received_on),
            due_on=date.fromisoformat(item.due_on),
            proof=Proof(item.proof),
            extended=bool(item.extended),
            version=int(item.version),
            attempt=int(item.attempt),
            closed_at=from_iso(closed) if closed else None,
            purposes=tuple(map(Purpose, asked["purposes"])),
            to_tell=tuple(map(Notice, (nullable(item.to_tell) or "").split())),
            reminded=tuple(map(int, (nullable(item.reminded) or "").split())),
            file=MadeFile(**{**made, "made_at": from_iso(made["made_at"])}) if made else None,
            failure=JobFailure(**failure) if failure else None,
            despite_debt=bool(nullable(item.despite_debt)),
            words=_words(asked["words"]),
            history=tuple(
                Happening(from_iso(at), by, what, words) for at, by, what, words in asked["history"]
            ),
            kept=tuple(Kept(one, number, date.fromisoformat(until)) for one, number, until in asked["kept"]),
            stays_until=date.fromisoformat(stays) if stays else None,
            kept_count=asked["kept_count"],
        )


def _refiled(model: type[TenantsItem], pk: str, was: str | None, now: str | None) -> Iterator[ModelWrite]:
    """Describe filing under another key; under none where it is None."""
    if was and was != now:
        yield delete(model(pk, was))
    if now and was != now:
        yield put(model(pk, now), condition=None, refused=_moved())


def _moved() -> Busy:
    return Busy("the request changed meanwhile")


def _open_key(request: PrivacyRequest) -> str | None:
    return f"{request.subject_id}#{request.kind.value}" if request.open and request.subject_id else None


def _due_key(request: PrivacyRequest) -> str | None:
    if not request.open and not request.to_tell:
        return None
    return f"{request.due_on.isoformat()}#{request.request_id}"


def _encoded(request: PrivacyRequest) -> bytes:
    return orjson.dumps(
        {
            "words": asdict(request.words),
            "history": [[to_iso(one.at), one.by, one.what, one.words] for one in request.history],
            "kept": [[one.document_id, one.number, one.until] for one in request.kept],
            "stays_until": request.stays_until,
            "kept_count": request.kept_count,
            "purposes": [one.value for one in request.purposes],
            "file": asdict(request.file) if request.file else None,
            "failure": asdict(request.failure) if request.failure else None,
        }
    )


def _words(stored: dict[str, Any]) -> Words:
    told = tuple(Told(**{**one, "at": from_iso(one["at"])}) for one in stored["told"])
    since = stored.get("telling_since")
    return Words(**{**stored, "told": told, "telling_since": from_iso(since) if since else None})


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|asked"


def _absent() -> NotFound:
    return NotFound("no such request", param="privacy_request_id")
