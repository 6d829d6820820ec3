"""Models' common ground, writes, and the one way to commit them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from botocore.credentials import Credentials
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError
from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import (
    DoesNotExist,
    PynamoDBConnectionError,
    TransactGetError,
    TransactWriteError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from chalicelib.config import REQUEST_PATIENCE, Patience, Settings
from chalicelib.domain.errors import Busy, DomainError, InvalidValue
from chalicelib.store.connection import SigningConnection
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.limits import TRANSACTION_ACTIONS_MAX

V = TypeVar("V")

COMMIT_ATTEMPTS_MAX: Final = 6
CONTENDED: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

# PynamoDB commits checks first, then deletes, puts and updates: cancellation reasons come in
# that order, so writes are sorted by it before they are matched with reasons.
WriteKind = Literal["check", "delete", "put", "update"]
_ORDER: Final[dict[str, int]] = {"check": 0, "delete": 1, "put": 2, "update": 3}


_SCHEMA: Final[dict[str, Any]] = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}


# A transaction may have been made though its answer was lost: nobody can say that nothing was
# written. What a client sent with a key is done once, however often it is sent.
REPEAT: Final = "it is safe to repeat the request with the same Idempotency-Key"


class ServiceUnavailable(DomainError):
    """A service behind ours did not answer; whether anything was written is not known."""

    code = "temporarily_unavailable"


class StoreUnavailable(ServiceUnavailable):
    """The database did not answer; whether anything was written is not known."""

    code = "store_unavailable"


class RecordTooLarge(InvalidValue):
    """The record is larger than the database keeps; trying again does not help."""

    code = "record_too_large"


# What the database says of a request that no policy allows: a fault of ours, to be seen as one.
DENIED: Final = "AccessDeniedException"
# What it says of a write whose condition does not hold.
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
# What the database says of a request that can never succeed, or that another writer decided.
_NO_OUTAGE: Final = frozenset({CONDITION_FAILED, "ValidationException", DENIED})


def outage_of(error: Exception) -> DomainError | None:
    """Return what a failed read or write means where the database, or another service, is away."""
    code = getattr(error, "cause_response_code", None)
    if _too_large(code, getattr(error, "cause_response_message", None)):
        return RecordTooLarge("the record is too large")
    if isinstance(error, PynamoDBConnectionError) and code not in _NO_OUTAGE:
        return StoreUnavailable(f"the database did not answer; {REPEAT}")
    if isinstance(error, HTTPClientError | BotoConnectionError):
        return ServiceUnavailable(f"a service did not answer; {REPEAT}")
    return None


def _too_large(code: str | None, message: str | None) -> bool:
    said = (message or "").casefold()
    return code in {"ValidationException", "ValidationError"} and "item size" in said


class Item(Model):
    """A table's item: ``pk`` and ``sk`` are its whole primary key."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class TenantsItem(Item):
    """Base of every item in the tenants table."""

    class Meta:
        """Bound to a table by ``bind_tables``."""

        table_name = "unbound"


class PlatformItem(Item):
    """Base of every item in the platform table."""

    class Meta:
        """Bound to a table by ``bind_tables``."""

        table_name = "unbound"


class KeysItem(Item):
    """Base of every item in the keys table."""

    class Meta:
        """Bound to a table by ``bind_tables``."""

        table_name = "unbound"


class EphemeralItem(Item):
    """Base of every item in the ephemeral table."""

    class Meta:
        """Bound to a table by ``bind_tables``."""

        table_name = "unbound"


@dataclass(frozen=True, slots=True)
class ModelWrite:
    """A write of one item; ``refused`` is raised where its condition does not hold.

    Writes that say the same ``once`` are checks of one item, of what is ``checked``, and made as one
    in a transaction. One that ``decides`` says whose work this is: where it is refused, what else is
    does not matter.
    """

    kind: WriteKind
    apply: Callable[[TransactWrite], None]
    refused: Exception
    once: str = ""
    decides: bool = False
    checked: tuple[type[Item], str, str, Condition] | None = None


class Database:
    """The process's connection, and commits over it.

    Requests are signed with ``credentials``, or with those of the environment.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        patience: Patience = REQUEST_PATIENCE,
        credentials: Credentials | None = None,
    ) -> None:
        self.settings = settings
        self._connection = SigningConnection(
            credentials=credentials,
            region=settings.region,
            host=settings.endpoint_url,
            connect_timeout_seconds=patience.connect_seconds,
            read_timeout_seconds=patience.read_seconds,
            max_retry_attempts=patience.attempts_max - 1,
        )
        for name in table_names(settings):
            self._connection.add_meta_table(MetaTable({"TableName": name, **_SCHEMA}))
        self.bind()

    def bind(self) -> None:
        """Give the models this connection's tables, also where another one took them meanwhile."""
        bind_tables(settings=self.settings, connection=self._connection)

    def commit(self, writes: Sequence[ModelWrite]) -> None:
        """Make all writes in one transaction.

        Raises the ``refused`` of the first write whose condition fails, Busy where other
        writers kept getting in the way, StoreUnavailable where there was no answer.
        """
        distinct = _distinct(writes)
        assert 0 < len(distinct) <= TRANSACTION_ACTIONS_MAX, "a transaction holds 1 to 100 actions"
        ordered = sorted(distinct, key=lambda write: _ORDER[write.kind])
        contended: TransactWriteError | None = None
        for attempt in range(1, COMMIT_ATTEMPTS_MAX + 1):
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    for write in ordered:
                        write.apply(transaction)
            except TransactWriteError as error:
                _raise_refusal(error, ordered)
                contended = error
            except PynamoDBConnectionError as error:
                raise StoreUnavailable(f"the database did not answer; {REPEAT}") from error
            else:
                return
            _rest_after(attempt)
        raise Busy(f"other changes kept getting in the way; {REPEAT}") from contended

    def ping(self) -> None:
        """Raise unless every table can be read."""
        self.read_together(*((base, "PING", "PING") for base in BASES))

    def read_together(self, *reads: tuple[type[Item], str, str]) -> list[Any]:
        """Return items named by model, ``pk`` and ``sk`` in one round trip; None for each absent one."""
        contended: TransactGetError | None = None
        for attempt in range(1, COMMIT_ATTEMPTS_MAX + 1):
            try:
                with TransactGet(connection=self._connection) as transaction:
                    futures = [transaction.get(model, pk, sk) for model, pk, sk in reads]
            except TransactGetError as error:
                if error.cause_response_code == DENIED:
                    raise
                if error.cause_response_code != "TransactionCanceledException":
                    raise StoreUnavailable("the database did not answer; try again") from error
                contended = error
            else:
                return [_found(future) for future in futures]
            _rest_after(attempt)
        raise Busy("other changes kept getting in the way; try again") from contended


def _distinct(writes: Sequence[ModelWrite]) -> list[ModelWrite]:
    """Return the writes with one check of each item, for a transaction takes no item twice."""
    found: dict[object, ModelWrite] = {}
    for index, write in enumerate(writes):
        key = write.once or index
        found[key] = _both(found[key], write) if key in found else write
    return list(found.values())


def _both(first: ModelWrite, second: ModelWrite) -> ModelWrite:
    """Return one check in the place of two of an item, which was read twice and may have changed between."""
    assert first.checked, "only checks say that they are of one item"
    assert second.checked, "only checks say that they are of one item"
    (model, pk, sk, one), (*_, other) = first.checked, second.checked
    if str(one) == str(other):
        return first
    moved = Busy("what was read changed meanwhile; nothing was written, so try again")
    refused = first.refused if type(first.refused) is type(second.refused) else moved
    return check(model, pk, sk, condition=one & other, refused=refused)


def _rest_after(attempt: int) -> None:
    """Wait before the next attempt, if there is one."""
    if attempt < COMMIT_ATTEMPTS_MAX:
        time.sleep(backoff_seconds(attempt=attempt))


def _found(future: Any) -> Any:
    try:
        return future.get()
    except DoesNotExist:
        return None


def _raise_refusal(error: TransactWriteError, ordered: Sequence[ModelWrite]) -> None:
    """Raise what the failed condition stands for; return where trying again may help."""
    if error.cause_response_code != "TransactionCanceledException":
        if _too_large(error.cause_response_code, error.cause_response_message):
            raise RecordTooLarge("the record is too large") from error
        if error.cause_response_code in {"TransactionInProgressException", "ThrottlingException"}:
            return
        if error.cause_response_code == DENIED:
            raise error
        raise StoreUnavailable(f"the database refused the transaction; {REPEAT}") from error
    reasons = error.cancellation_reasons
    failed = [
        write
        for write, reason in zip(ordered, reasons, strict=True)
        if reason is not None and reason.code == "ConditionalCheckFailed"
    ]
    if failed:
        raise next((write for write in failed if write.decides), failed[0]).refused from error
    if any(reason is not None and _too_large(reason.code, reason.message) for reason in reasons):
        raise RecordTooLarge("the record is too large") from error
    if not any(reason is not None and reason.code in CONTENDED for reason in reasons):
        raise StoreUnavailable(f"the database cancelled the transaction; {REPEAT}") from error


def put(model: Model, *, condition: Condition | None, refused: Exception) -> ModelWrite:
    """Describe writing a whole item."""
    return ModelWrite("put", lambda t: t.save(model, condition=condition), refused)


def put_new(model: Item, *, refused: Exception) -> ModelWrite:
    """Describe writing an item that must not exist."""
    return put(model, condition=type(model).pk.does_not_exist(), refused=refused)


def update(
    model: Model,
    *,
    actions: list[Any],
    condition: Condition | None,
    refused: Exception,
    decides: bool = False,
) -> ModelWrite:
    """Describe updating attributes of an item named by its keys."""
    return ModelWrite(
        "update",
        lambda t: t.update(model, actions=actions, condition=condition),
        refused,
        decides=decides,
    )


def delete(
    model: Model, *, condition: Condition | None = None, refused: Exception | None = None
) -> ModelWrite:
    """Describe removing an item; without a condition, absent is fine."""
    return ModelWrite(
        "delete",
        lambda t: t.delete(model, condition=condition),
        refused or Busy("the record changed meanwhile"),
    )


def check(model: type[Item], pk: str, sk: str, *, condition: Condition, refused: Exception) -> ModelWrite:
    """Describe a condition on an item that is not written."""

    def apply(transaction: TransactWrite) -> None:
        transaction.condition_check(model, pk, sk, condition=condition)

    once = f"{model.Meta.table_name}|{pk}|{sk}"
    return ModelWrite("check", apply, refused, once, checked=(model, pk, sk, condition))


BASES: Final[tuple[type[Item], ...]] = (TenantsItem, PlatformItem, KeysItem, EphemeralItem)


def table_names(settings: Settings) -> tuple[str, ...]:
    """Return what the tables of the bases are called, in their order."""
    return (
        settings.tenants_table,
        settings.platform_table,
        settings.keys_table,
        settings.ephemeral_table,
    )


def bind_tables(*, settings: Settings, connection: Connection) -> None:
    """Give each table's models its name and the process's one connection.

    PynamoDB would make a client for every model class; a client costs tens of milliseconds of
    a cold start. Models inherit both from their table's base, those declared later too.
    """
    for base, table_name in zip(BASES, table_names(settings), strict=True):
        base.Meta.table_name = table_name
        table = TableConnection(table_name)
        table.connection = connection
        base._connection = table  # noqa: SLF001 - PynamoDB has no public way to share one


def nullable(value: V) -> V | None:
    """Return an attribute declared ``null=True`` as what it is: PynamoDB types it as never None."""
    return value


def to_iso(at: datetime) -> str:
    """Return the stored form of an instant: RFC 3339 in UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Read what ``to_iso`` wrote."""
    return datetime.fromisoformat(text)
