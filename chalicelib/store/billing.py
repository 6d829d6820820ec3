"""The billing run's books in DynamoDB: reads of what is due, and the batch transaction.

A batch is one TransactWriteItems: the number series (condition: the expected number), the
shard's progress (condition: its version), a page of the register, and for each account its
new invoices (put if absent) and the account (condition: its version). So numbers are
gapless, an invoice exists once, and a crash leaves nothing half done. Everything here is
DynamoDB JSON over ``store.wire``; the items are those of the models in ``store.invoices``,
``store.accounts`` and ``store.runs``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from chalicelib.crypto.keyring import CiphertextRejected, TenantKeys
from chalicelib.domain.account_bills import NewInvoice
from chalicelib.domain.accounts import Account
from chalicelib.domain.errors import Busy
from chalicelib.domain.invoices import settled_state
from chalicelib.domain.periods import buckets_of_run
from chalicelib.domain.runs import RunShard, ShardProgress
from chalicelib.domain.taxes import NO_TAX_PROFILE, TaxProfile
from chalicelib.ports.billing import (
    AccountRead,
    AccountsMoved,
    Batch,
    BatchEntry,
    DuePointer,
    NumbersMoved,
    ProgressMoved,
)
from chalicelib.ports.services import Clock, Ids
from chalicelib.ports.store import AuditNote
from chalicelib.store import accounts as account_codec
from chalicelib.store import invoices as invoice_codec
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit import audit_item
from chalicelib.store.base import CONTENDED, StoreUnavailable, to_iso
from chalicelib.store.register import SERIES_PREFIX, register_entry
from chalicelib.store.runs import SHARD_PREFIX, DynamoRuns, progress_values
from chalicelib.store.wire import BATCH_GET_KEYS_MAX, DynamoWire, Json, TransactionCancelled, batch_get

# Decoded tax profiles that one run holds; where there are more, it begins anew.
PROFILES_KEPT_MAX: Final = 1024
_SETS: Final = "SET #s=:s,b=:b,v=:w,ru=:r"
_NAMES: Final = {"#s": "s"}


class DynamoBillingBooks(OfTenant):
    """One tenant's books during a run."""

    def __init__(
        self,
        *,
        tenant_id: str,
        table: str,
        wire: DynamoWire,
        tenant_keys: TenantKeys,
        runs: DynamoRuns,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._tenant_id = tenant_id
        self._table = table
        self._wire = wire
        self._keys = tenant_keys
        self._runs = runs
        self._clock = clock
        self._ids = ids
        self._encoder = invoice_codec.LineEncoder()
        self._decoder = account_codec.SubscriptionsDecoder()
        self._profiles: dict[str, TaxProfile] = {}

    # -- reading ---------------------------------------------------------------------------

    def progress(self, *, on: date, shard: RunShard) -> ShardProgress:
        """Return the shard's progress, or raise NotFound."""
        return self._runs.progress(on=on, shard=shard)

    def due(self, *, on: date, shard: RunShard, after: str) -> Iterator[list[DuePointer]]:
        """Yield pages of the pointers after a position: bucket by bucket, in the order of the sort keys."""
        buckets = buckets_of_run(on=on)
        first, _, sort = after.partition("#")
        start = int(first) if first else 0
        for index in range(start, len(buckets)):
            for page in self._filed(buckets[index], shard, sort if index == start else ""):
                yield [_pointer(index, filed) for filed in page]

    def _filed(self, bucket: str, shard: RunShard, after: str) -> Iterator[list[str]]:
        """Yield a bucket's sort keys after one, in pages of up to 1 MB (about 12,000 keys)."""
        pk = keys.due(self._tenant_id, bucket)
        query: Json = {
            "TableName": self._table,
            "KeyConditionExpression": "pk=:p AND sk BETWEEN :l AND :h",
            "ExpressionAttributeValues": {
                ":p": {"S": pk},
                ":l": {"S": f"{shard.first:02x}"},
                ":h": {"S": f"{shard.last:02x}~"},
            },
            "ConsistentRead": True,
        }
        start: Json | None = {"pk": {"S": pk}, "sk": {"S": after}} if after else None
        while True:
            answer = self._wire.call("Query", {**query, "ExclusiveStartKey": start} if start else query)
            yield [item["sk"]["S"] for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def accounts(self, *, account_ids: Sequence[str]) -> Mapping[str, AccountRead]:
        """Return the accounts that exist."""
        wanted = [
            {"pk": {"S": keys.account(self._tenant_id, one)}, "sk": {"S": keys.ACCOUNT}}
            for one in account_ids
        ]
        found: dict[str, AccountRead] = {}
        for start in range(0, len(wanted), BATCH_GET_KEYS_MAX):
            items = batch_get(self._wire, table=self._table, keys=wanted[start : start + BATCH_GET_KEYS_MAX])
            for item in items:
                read = self._account(item)
                found[read.account.account_id] = read
        return found

    def _account(self, item: Json) -> AccountRead:
        pk, sealed, consolidated = item["pk"]["S"], item.get("who"), item.get("co")
        tax, charges, run = item.get("tx"), item.get("ch"), item.get("ru")
        run_on, run_total = account_codec.decode_run(run["S"]) if run else (None, 0)
        account = Account(
            f"sbr_{pk.rpartition('#')[2]}",
            item["c"]["S"],
            item["cur"]["S"],
            int(item["b"]["N"]),
            int(item["v"]["N"]),
            self._decoder.decode(item["s"]["S"]),
            _number(item, "cr"),
            _number(item, "dp"),
            self._profile(tax["S"]) if tax else NO_TAX_PROFILE,
            account_codec.decode_charges(charges["S"]) if charges else (),
            _number(item, "ls"),
            run_on,
            run_total,
            consolidated["BOOL"] if consolidated else None,
        )
        if sealed is None:
            return AccountRead(account, None)
        try:
            recipient = account_codec.open_recipient(keys=self._keys, pk=pk, sealed=b64decode(sealed["B"]))
        except CiphertextRejected:
            return AccountRead(account, None, unreadable=True)
        return AccountRead(account, recipient)

    def _profile(self, text: str) -> TaxProfile:
        """Return a decoded tax profile; most customers of a tenant have one of a few."""
        known = self._profiles.get(text)
        if known is None:
            if len(self._profiles) >= PROFILES_KEPT_MAX:
                self._profiles.clear()
            known = self._profiles[text] = account_codec.decode_tax(text)
        return known

    def next_number(self, *, fiscal_year: int) -> int:
        """Return the next number of the series."""
        answer = self._wire.call(
            "GetItem",
            {"TableName": self._table, "Key": self._series_key(fiscal_year), "ConsistentRead": True},
        )
        item = answer.get("Item")
        return int(item["n"]["N"]) if item else 1

    # -- the batch -------------------------------------------------------------------------

    def commit(self, *, batch: Batch) -> None:
        """Write the batch whole, or raise what moved."""
        actions: list[Json] = [self._progress(batch)]
        owners: list[str] = [""]
        count = 0
        register = bytearray()
        for entry in batch.entries:
            account = entry.read.account
            for invoice in entry.bill.invoices:
                actions.append(self._invoice(batch, entry, invoice, batch.first_number + count))
                day, slot = invoice.key
                register += register_entry(account_id=account.account_id, day=day, slot=slot)
                count += 1
            if entry.bill.invoices:
                actions.append(self._account_update(entry))
            actions += self._runs.quarantine_puts(on=batch.issued_on, table=self._table, entry=entry)
            owners += [account.account_id] * (len(actions) - len(owners))
        if count:
            actions += [
                self._series(batch, count),
                self._register(batch, bytes(register)),
                self._audit(batch, count),
            ]
        try:
            self._wire.call("TransactWriteItems", {"TransactItems": actions})
        except TransactionCancelled as cancelled:
            _raise_moved(cancelled.reasons, owners)

    def _progress(self, batch: Batch) -> Json:
        values = progress_values(batch.after, at=self._clock.now())
        return {
            "Update": {
                "TableName": self._table,
                "Key": {
                    "pk": {"S": keys.run(self._tenant_id, batch.issued_on)},
                    "sk": {"S": f"{SHARD_PREFIX}{batch.after.shard.key}"},
                },
                "UpdateExpression": "SET " + ",".join(f"#{name}=:{name}" for name in values),
                "ConditionExpression": "#version=:was",
                "ExpressionAttributeNames": {f"#{name}": name for name in values},
                "ExpressionAttributeValues": {
                    **{f":{name}": value for name, value in values.items()},
                    ":was": {"N": str(batch.before.version)},
                },
            }
        }

    def _series_key(self, fiscal_year: int) -> Json:
        return {
            "pk": {"S": keys.series(self._tenant_id)},
            "sk": {"S": f"{SERIES_PREFIX}{fiscal_year}"},
        }

    def _series(self, batch: Batch, count: int) -> Json:
        first = batch.first_number
        return {
            "Update": {
                "TableName": self._table,
                "Key": self._series_key(batch.fiscal_year),
                "UpdateExpression": "SET n=:after",
                "ConditionExpression": "n=:was" if first > 1 else "attribute_not_exists(n)",
                "ExpressionAttributeValues": {
                    ":after": {"N": str(first + count)},
                    **({":was": {"N": str(first)}} if first > 1 else {}),
                },
            }
        }

    def _register(self, batch: Batch, entries: bytes) -> Json:
        series = f"{SERIES_PREFIX}{batch.fiscal_year}"
        item = {
            "pk": {"S": keys.register(self._tenant_id, series)},
            "sk": {"S": f"{batch.first_number:09d}"},
            "e": {"B": b64encode(entries).decode()},
            "r": {"S": batch.run_id},
            "at": {"S": to_iso(self._clock.now())},
            "d": {"S": batch.due_on.isoformat()},
        }
        return {
            "Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        }

    def _audit(self, batch: Batch, count: int) -> Json:
        """One entry for the batch: which numbers a run gave, and what they come to."""
        net = sum([invoice.net for entry in batch.entries for invoice in entry.bill.invoices])
        tax = sum([invoice.tax for entry in batch.entries for invoice in entry.bill.invoices])
        at = self._clock.now()
        note = AuditNote(
            actor_id="system",
            action="invoices.issued",
            object_id=batch.run_id,
            at=at,
            details={"first": batch.first_number, "count": count, "net": net, "tax": tax},
        )
        item = audit_item(tenant_id=self._tenant_id, tenant_keys=lambda: self._keys, ids=self._ids, note=note)
        return {"Put": {"TableName": self._table, "Item": item.to_dynamodb_dict()}}

    def _invoice(self, batch: Batch, entry: BatchEntry, invoice: NewInvoice, number: int) -> Json:
        account = entry.read.account
        day, slot = invoice.key
        pk = keys.account(self._tenant_id, account.account_id)
        sk = keys.invoice(f"{day.year:04d}{day.month:02d}{day.day:02d}-{slot}")
        total, paid = invoice.total, invoice.from_credit
        item: Json = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "c": {"S": account.code},
            "fy": {"N": str(batch.fiscal_year)},
            "n": {"N": str(number)},
            "st": {"S": settled_state(total=total, paid=paid).value},
            "cur": {"S": account.currency},
            "t": {"N": str(total)},
            "i": {"S": batch.issued_on.isoformat()},
            "d": {"S": batch.due_on.isoformat()},
            "l": {"S": self._encoder.encode(invoice.lines)},
            "j": {"S": invoice_codec.encode_postings(invoice.postings)},
            "r": {"S": batch.run_id},
        }
        if paid:
            item["pd"] = {"N": str(paid)}
        plain = entry.read.recipient
        if plain is not None:
            place = invoice_codec.recipient_place(pk, sk)
            family = invoice_codec.year_family(batch.fiscal_year)
            item["who"] = {"B": b64encode(self._keys.seal(family=family, place=place, plain=plain)).decode()}
        return {
            "Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        }

    def _account_update(self, entry: BatchEntry) -> Json:
        account, after = entry.read.account, entry.bill.after
        assert after is not None, "a billed account has a state after the bill"
        run = account_codec.encode_run(after)
        assert run is not None, "a run has billed it"
        values: Json = {
            ":s": {"S": account_codec.encode_subscriptions(after.subscriptions)},
            ":b": {"N": str(after.balance)},
            ":w": {"N": str(after.version)},
            ":r": {"S": run},
            ":v": {"N": str(account.version)},
        }
        expression = _SETS
        if after.credit != account.credit:
            expression += ",cr=:c"
            values[":c"] = {"N": str(after.credit)}
        if after.deposits != account.deposits:
            expression += ",dp=:d"
            values[":d"] = {"N": str(after.deposits)}
        if after.charges is not account.charges:
            left = account_codec.encode_charges(after.charges)
            expression += " REMOVE ch" if left is None else ",ch=:x"
            values |= {} if left is None else {":x": {"S": left}}
        return {
            "Update": {
                "TableName": self._table,
                "Key": {
                    "pk": {"S": keys.account(self._tenant_id, account.account_id)},
                    "sk": {"S": keys.ACCOUNT},
                },
                "UpdateExpression": expression,
                "ConditionExpression": "v=:v",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": values,
            }
        }


def _number(item: Json, name: str) -> int:
    found = item.get(name)
    return int(found["N"]) if found else 0


def _pointer(bucket_index: int, sort: str) -> DuePointer:
    ulid, _, slot = sort[3:].rpartition("-")
    return DuePointer(position=f"{bucket_index:02d}#{sort}", account_id=f"sbr_{ulid}", slot=int(slot))


def _raise_moved(reasons: list[str | None], owners: list[str]) -> None:
    """Raise what the failed conditions stand for; progress first, for it decides whose work this is."""
    failed = [index for index, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
    if 0 in failed:
        raise ProgressMoved("the shard's progress moved")
    if any(index >= len(owners) for index in failed):
        raise NumbersMoved("the number series moved")
    if failed:
        raise AccountsMoved(frozenset(owners[index] for index in failed))
    if any(code in CONTENDED for code in reasons):
        raise Busy("another transaction touches the same items")
    raise StoreUnavailable(f"the database cancelled the batch: {sorted({code for code in reasons if code})}")
