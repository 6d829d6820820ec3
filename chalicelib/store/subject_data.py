"""Everything that is filed under a person: read to be shown to them, and taken away.

An account's items lie in one partition. They are read as they are stored and named by the data map,
so that what is added to an account is shown too; an architecture test asks of every model of the map
whether it is here, or where else a person's copy has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute

from chalicelib.crypto.keyring import CiphertextRejected, TenantKeys
from chalicelib.domain.audit_ids import written_at
from chalicelib.domain.breaches import Touched
from chalicelib.domain.data_map import Category, Stored
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.errors import Busy
from chalicelib.domain.kept_answers import without_person
from chalicelib.ports.audit import AuditEntry
from chalicelib.ports.privacy import StoredItem
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL, AccountItem
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit_log import DynamoAuditLog
from chalicelib.store.base import ModelWrite, TenantsItem, delete, nullable, update
from chalicelib.store.consents import CHOSE, ChooserItem, ConsentItem
from chalicelib.store.consumer_numbers import ConsumerItem, ConsumerNumberItem
from chalicelib.store.coupons import RedeemedItem
from chalicelib.store.gateway_collections import CollectingItem, CollectionItem
from chalicelib.store.gateway_refunds import GatewayRefundItem
from chalicelib.store.idempotency import IdempotencyItem
from chalicelib.store.invoices import InvoiceItem, year_family
from chalicelib.store.late_fees import LateFeeItem
from chalicelib.store.parked_notices import ParkedItem
from chalicelib.store.policy_states import PolicyStateItem
from chalicelib.store.portal import PortalAccessItem
from chalicelib.store.posting import DocumentItem
from chalicelib.store.prepaid import PrepaidItem
from chalicelib.store.shards import SHARDS
from chalicelib.store.subscribers import PastItem, PersonItem
from chalicelib.store.usage import UsageItem, UsageRecordItem

# The kinds of an account's items by the beginnings of their sort keys, the longest first.
MODELS: Final[Mapping[str, type[TenantsItem]]] = {
    keys.PERSON: PersonItem,
    keys.ACCOUNT: AccountItem,
    keys.PAST_SUBSCRIPTIONS: PastItem,
    keys.PORTAL_ACCESS: PortalAccessItem,
    "USE#": UsageItem,
    "USR#": UsageRecordItem,
    "CPN#": RedeemedItem,
    "PREPAID#": PrepaidItem,
    "LATEFEE#": LateFeeItem,
    "COL#": CollectionItem,
    "COLLECTING#": CollectingItem,
    "CONSUMER": ConsumerItem,
    "INV#": InvoiceItem,
    "DOC#": DocumentItem,
}
# Sealed attributes whose ciphertext is bound to a shorter name than their own.
_PLACES: Final = {"recipient": "who"}
_UNREADABLE: Final = "unreadable, to everybody: its key is destroyed"
_NOT_SHOWN: Final = "kept, and shown to nobody"
_STORED: Final = {one.model: one for one in ITEMS}
ITEMS_PER_READ: Final = 200


class DynamoSubjectData(OfTenant):
    """Everything that is filed under one tenant's people."""

    def __init__(
        self, *, tenant_id: str, tenant_keys: TenantKeys, audit: Callable[[], DynamoAuditLog]
    ) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._audit = audit

    # -- showing ---------------------------------------------------------------------------

    def items(self, *, account_id: str) -> Iterator[StoredItem]:
        """Yield every item of an account, in the order of keys, then what gateways told about it."""
        for raw in self._raw(account_id):
            model = _model_of(raw["sk"]["S"])
            if model is None:
                yield StoredItem("an item", raw["sk"]["S"], _unknown(raw))
            else:
                yield self._shown(model.from_raw_data(raw), _STORED[_name_of(model)])
        for item in (*self._parked(account_id), *self._refunds(account_id)):
            yield self._shown(item, _STORED[_name_of(type(item))])

    def entries_about(self, *, subject_id: str, since: datetime) -> Iterator[AuditEntry]:
        """Yield audit entries whose object is the person's or of their account, and those by them."""
        about = _about(subject_id)
        yield from self._audit().entries(
            since=since, fits=lambda object_id, actor_id: about(object_id) or actor_id == subject_id
        )

    def touched(self, *, since: datetime, before: datetime) -> Iterator[Touched]:
        """Yield who did what to which object in a window, of the audit log, oldest first."""
        for entry_id, actor_id, action, object_id in self._audit().touched(since=since, before=before):
            yield Touched(written_at(entry_id=entry_id), actor_id, action, object_id)

    def _shown(self, item: TenantsItem, stored: Stored) -> StoredItem:
        values: dict[str, object] = {}
        for name, attribute in type(item).get_attributes().items():
            value = None if name in {"pk", "sk"} else getattr(item, name)
            if value is None:
                continue
            if stored.attributes[name].category is Category.CREDENTIALS:
                value = _NOT_SHOWN if name == "password_hash" else value
            elif isinstance(attribute, BinaryAttribute):
                value = self._opened(item, name, value)
            elif isinstance(value, str) and value[:1] in {"[", "{"}:
                value = orjson.loads(value)
            values[name] = value
        return StoredItem(stored.words, str(item.sk), values)

    def _opened(self, item: TenantsItem, name: str, sealed: bytes) -> object:
        year = getattr(item, "fiscal_year", None)
        family = OPERATIONAL if year is None else year_family(int(year))
        place = f"tenants|{item.pk}|{item.sk}|{_PLACES.get(name, name)}"
        try:
            plain = self._keys.open(family=family, place=place, sealed=sealed)
        except CiphertextRejected:
            return _UNREADABLE
        try:
            return orjson.loads(plain)
        except orjson.JSONDecodeError:
            return plain.decode()

    def _raw(self, account_id: str) -> Iterator[dict[str, Any]]:
        yield from _raw_items(keys.account(self._tenant_id, account_id))

    def _parked(self, account_id: str) -> Iterator[ParkedItem]:
        """Yield what gateways told about an account and nobody could place at once; there is little of it."""
        for item in ParkedItem.query(keys.parked_notices(self._tenant_id), consistent_read=True):
            if nullable(item.account_id) == account_id:
                yield item

    def _refunds(self, account_id: str) -> Iterator[GatewayRefundItem]:
        """Yield the refunds of an account that gateways were asked for."""
        of_account = GatewayRefundItem.sk.startswith(f"rfd_{account_id.removeprefix('sbr_')}-")
        pk = keys.gateway_refunds(self._tenant_id)
        yield from GatewayRefundItem.query(pk, of_account, consistent_read=True)

    # -- taking away -----------------------------------------------------------------------

    def erase_items(self, *, account_id: str) -> Iterator[ModelWrite]:
        """Yield the writes that take away what an erasure takes of an account's items beside the person.

        The volume of data used goes, but for periods that are still to be billed; so do the words of
        fees and of gateways, the number by which banks pay, and every choice about consent. Repeating
        it yields nothing.
        """
        for raw in self._raw(account_id):
            model, pk, sk = _model_of(raw["sk"]["S"]), raw["pk"]["S"], raw["sk"]["S"]
            if model in {UsageRecordItem, PortalAccessItem}:
                assert model is not None
                yield delete(model(pk, sk))
            elif model is ConsumerItem:
                # Whose it is goes first: without the number of the account it would not be found again.
                number = ConsumerItem.from_raw_data(raw).number
                yield delete(ConsumerNumberItem(keys.consumer_numbers(self._tenant_id), number))
                yield delete(ConsumerItem(pk, sk))
            elif model is UsageItem and _closed(UsageItem.from_raw_data(raw)):
                yield delete(UsageItem(pk, sk))
            elif model in {LateFeeItem, CollectionItem} and "re" in raw:
                assert model is not None
                there, gone = model.pk.exists(), Busy("the item is gone meanwhile")
                words = LateFeeItem.reason if model is LateFeeItem else CollectionItem.reason
                yield update(model(pk, sk), actions=[words.remove()], condition=there, refused=gone)
        for refund in self._refunds(account_id):
            if nullable(refund.reason) is not None:
                there, gone = GatewayRefundItem.pk.exists(), Busy("the refund is gone meanwhile")
                named = GatewayRefundItem(refund.pk, refund.sk)
                words = GatewayRefundItem.reason
                yield update(named, actions=[words.remove()], condition=there, refused=gone)
        yield from self._erase_parked(account_id)
        yield from self.erase_choices(subject_id=account_id)

    def erase_choices(self, *, subject_id: str) -> Iterator[ModelWrite]:
        """Yield the writes that take away what a person agreed to, and of which policies they were told."""
        for choice in ConsentItem.query(keys.consents(self._tenant_id, subject_id), consistent_read=True):
            yield delete(ConsentItem(choice.pk, choice.sk))
        noted = keys.noted(self._tenant_id, CHOSE)
        for note in ChooserItem.query(noted, ChooserItem.sk == subject_id, consistent_read=True):
            yield delete(ChooserItem(note.pk, note.sk))
        states = keys.policy_states(self._tenant_id, subject_id)
        for state in PolicyStateItem.query(states, consistent_read=True):
            yield delete(PolicyStateItem(state.pk, state.sk))

    def _erase_parked(self, account_id: str) -> Iterator[ModelWrite]:
        for item in self._parked(account_id):
            place = f"tenants|{item.pk}|{item.sk}|told"
            reference, vendor_id, *words_told = orjson.loads(
                self._keys.open(family=OPERATIONAL, place=place, sealed=item.told)
            )
            if any(words_told):
                left = orjson.dumps([reference, vendor_id, "", ""])
                sealed = self._keys.seal(family=OPERATIONAL, place=place, plain=left)
                there, gone = ParkedItem.pk.exists(), Busy("the notice is gone meanwhile")
                emptied = [ParkedItem.told.set(sealed)]
                yield update(ParkedItem(item.pk, item.sk), actions=emptied, condition=there, refused=gone)

    def erase_entries(self, *, subject_id: str, since: datetime) -> Iterator[ModelWrite]:
        """Yield the writes that take a person out of the audit entries about them and by them."""
        yield from self._audit().without_person(since=since, about=_about(subject_id), actor_id=subject_id)

    def erase_answers(self, *, subject_id: str) -> Iterator[ModelWrite]:
        """Yield the writes that empty personal fields of answers kept for idempotency keys."""
        ulid = subject_id.rpartition("_")[2]
        for shard in range(SHARDS):
            pk = keys.idempotency(self._tenant_id, shard)
            for item in IdempotencyItem.query(pk, consistent_read=True, page_size=ITEMS_PER_READ):
                place = f"tenants|{pk}|{item.sk}|answer"
                # What cannot be read names nobody to anybody, and must not stand in the way of the rest.
                with suppress(CiphertextRejected):
                    plain = self._keys.open(family=OPERATIONAL, place=place, sealed=item.answer)
                    answer = orjson.loads(plain) if ulid.encode() in plain else None
                    left = without_person(answer=answer)
                    if left != answer:
                        yield self._emptied(item, place, left)

    def _emptied(self, item: IdempotencyItem, place: str, left: object) -> ModelWrite:
        sealed = self._keys.seal(family=OPERATIONAL, place=place, plain=orjson.dumps(left))
        return update(
            IdempotencyItem(item.pk, item.sk),
            actions=[IdempotencyItem.answer.set(sealed)],
            condition=IdempotencyItem.pk.exists(),
            refused=Busy("the kept answer is gone meanwhile"),
        )


def _about(subject_id: str) -> Callable[[str], bool]:
    """Return what tells whether an identifier is the person's, or of what is filed under them."""
    ulid = subject_id.rpartition("_")[2]
    return lambda object_id: ulid in object_id


def _model_of(sort: str) -> type[TenantsItem] | None:
    return next((model for start, model in MODELS.items() if sort.startswith(start)), None)


def _name_of(model: type[TenantsItem]) -> str:
    return f"{model.__module__.rpartition('.')[2]}.{model.__name__}"


def _closed(use: UsageItem) -> bool:
    """Whether a period of use is closed, or none that a run is to close."""
    return nullable(use.carried_out_mib) is not None or nullable(use.filed_on) is None


def _unknown(raw: Mapping[str, Any]) -> dict[str, object]:
    """Return what of an item of no known kind can be shown."""
    return {
        name: next(iter(value.values()))
        for name, value in raw.items()
        if name not in {"pk", "sk"} and "B" not in value
    }


def _raw_items(pk: str) -> Iterator[dict[str, Any]]:
    start: Any = None
    while True:
        answer: Any = TenantsItem._get_connection().query(  # noqa: SLF001 - raw items
            pk, consistent_read=True, exclusive_start_key=start, limit=ITEMS_PER_READ
        )
        yield from answer["Items"]
        start = answer.get("LastEvaluatedKey")
        if start is None:
            return
