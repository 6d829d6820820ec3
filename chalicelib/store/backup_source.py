"""The tables as a backup reads them: page by page, and the changes made meanwhile from their streams.

Items are read as they lie in the table, by a client of their own: a backup knows no models, and
so forgets none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.backups import Change, Table
from chalicelib.ports.backups import ChangesLost, Drained, Scanned
from chalicelib.store.base import StoreUnavailable

# A shard that was read to its end, after it was closed.
ENDED: Final = "ended"
# An open shard may answer nothing where there is more to come: it is asked so often in a row.
EMPTY_ANSWERS: Final = 5
_LOST: Final = frozenset({"TrimmedDataAccessException", "ExpiredIteratorException"})


class Client(Protocol):
    """A client of DynamoDB, or of its streams."""

    def __getattr__(self, name: str) -> Any:
        """Return an operation."""


class DynamoBackupSource:
    """The tables of tenants and of the platform, by what they are called in the database.

    A page has 1 MB, and ``items_per_page`` at most where that is said.
    """

    def __init__(
        self,
        *,
        client: Client,
        streams: Client,
        tables: Mapping[Table, str],
        items_per_page: int | None = None,
    ) -> None:
        self._client = client
        self._streams = streams
        self._tables = tables
        self._bounded = {"Limit": items_per_page} if items_per_page else {}

    def now(self) -> datetime:
        """Return the time by the database's own clock, in UTC."""
        with _answering():
            return _at(self._client.describe_table(TableName=self._tables[Table.TENANTS]))

    def scan(self, *, table: Table, after: Mapping[str, str] | None) -> Scanned:
        """Return a page of a table, at most 1 MB, every item as it was when it was read."""
        asked: dict[str, Any] = {"TableName": self._tables[table], "ConsistentRead": True, **self._bounded}
        if after is not None:
            asked["ExclusiveStartKey"] = {name: {"S": key} for name, key in after.items()}
        with _answering():
            answer = self._client.scan(**asked)
        last = answer.get("LastEvaluatedKey")
        ended = None if last is None else {name: str(key["S"]) for name, key in last.items()}
        return Scanned(answer["Items"], _at(answer), ended)

    def drain(self, *, table: Table, positions: Mapping[str, str]) -> Iterator[Drained]:
        """Yield what was changed since the positions, shard by shard, a shard behind the one it came of."""
        with _answering():
            described = self._client.describe_table(TableName=self._tables[table])["Table"]
        arn = described.get("LatestStreamArn")
        if arn is None:
            raise ChangesLost(f"the table {table.value} has no stream of changes")
        unended: set[str] = set()
        for shard, parent in self._shards(arn):
            position = positions.get(shard)
            if position == ENDED:
                continue
            if parent in unended:
                unended.add(shard)
                continue
            for drained in self._shard(arn, shard, position):
                position = drained.position
                yield drained
            if position != ENDED:
                unended.add(shard)

    def _shards(self, arn: str) -> Sequence[tuple[str, str | None]]:
        """Return the shards with what each came of, which stands before it."""
        parents: dict[str, str | None] = {}
        further: dict[str, str] = {}
        while True:
            with _answering():
                page = self._streams.describe_stream(StreamArn=arn, **further)["StreamDescription"]
            parents |= {one["ShardId"]: one.get("ParentShardId") for one in page["Shards"]}
            if "LastEvaluatedShardId" not in page:
                break
            further = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}
        ordered: list[str] = []
        for shard in parents:
            line: list[str] = []
            above: str | None = shard
            while above is not None and above in parents and above not in ordered:
                line.append(above)
                above = parents[above]
            ordered += reversed(line)
        return [(shard, parents[shard]) for shard in ordered]

    def _shard(self, arn: str, shard: str, position: str | None) -> Iterator[Drained]:
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if position is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": position}
        with _answering():
            iterator = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **start)[
                "ShardIterator"
            ]
        empty = 0
        while iterator is not None and empty < EMPTY_ANSWERS:
            with _answering():
                answer = self._streams.get_records(ShardIterator=iterator)
            records = answer["Records"]
            iterator = answer.get("NextShardIterator")
            empty = 0 if records else empty + 1
            if records:
                position = records[-1]["dynamodb"]["SequenceNumber"]
                yield Drained(shard, position, [_change(one["dynamodb"]) for one in records])
        if iterator is None:
            yield Drained(shard, ENDED, [])


def _change(record: Mapping[str, Any]) -> Change:
    key = record["Keys"]
    made_at = record["ApproximateCreationDateTime"].astimezone(UTC)
    return Change(key["pk"]["S"], key["sk"]["S"], made_at, record.get("NewImage"))


def _at(answer: Mapping[str, Any]) -> datetime:
    """Return when the database answered, by its own clock, to the second."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)


@contextmanager
def _answering() -> Iterator[None]:
    """Raise what a failure of the database means to whoever makes a backup."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _LOST:
            raise ChangesLost("the changes since then are not kept any more") from error
        raise StoreUnavailable("the database did not answer; the next pass goes on") from error
    except BotoCoreError as error:
        raise StoreUnavailable("the database did not answer; the next pass goes on") from error
