"""New tables that a backup is restored into, beside the ones that are in use.

Their names begin with what the stack allows for it, and items are written as they lie in the
backup: a restore knows no models either.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.backups import Item, Table
from chalicelib.store.backup_source import Client
from chalicelib.store.base import StoreUnavailable
from chalicelib.usecases.backoff import backoff_seconds

WRITES_PER_BATCH: Final = 25
ATTEMPTS_MAX: Final = 10
POLL_SECONDS: Final = 1
POLLS_MAX: Final = 300
# What the originals have beside their items (.chalice/resources.json, which a test compares).
EXPIRY: Final[Mapping[Table, str]] = {Table.TENANTS: "ttl"}
RECOVERY_DAYS: Final = 7
STREAM: Final = "NEW_AND_OLD_IMAGES"
# Where the note of how far restoring is lies, among the platform's rows: no row of ours is called so.
_NOTE: Final = {"pk": {"S": "RESTORING"}, "sk": {"S": "RESTORING"}}


@dataclass(frozen=True, slots=True)
class Furnishing:
    """What new tables are given: the key that encrypts them at rest (none: the database's own).

    ``originals`` are the names of the tables in use, whose alarms are copied. Tables that are ``kept``
    are protected, and their alarms ring.
    """

    originals: Mapping[Table, str]
    data_key: str = ""
    kept: bool = False


class DynamoRestoredTables:
    """Tables of tenants and of the platform under names of their own."""

    def __init__(
        self, *, client: Client, alarms: Client, tables: Mapping[Table, str], furnishing: Furnishing
    ) -> None:
        self._client = client
        self._alarms = alarms
        self._tables = tables
        self._furnishing = furnishing

    def make(self) -> None:
        """Make the tables where they are missing, and wait until they can be used."""
        key = self._furnishing.data_key
        sealed = (
            {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}} if key else {}
        )
        for name in self._tables.values():
            if self._status(name) is None:
                with _answering():
                    self._client.create_table(
                        TableName=name,
                        BillingMode="PAY_PER_REQUEST",
                        AttributeDefinitions=[
                            {"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")
                        ],
                        KeySchema=[
                            {"AttributeName": "pk", "KeyType": "HASH"},
                            {"AttributeName": "sk", "KeyType": "RANGE"},
                        ],
                        **sealed,
                    )
        for name in self._tables.values():
            self._await(name)

    def _status(self, name: str) -> str | None:
        try:
            return str(self._client.describe_table(TableName=name)["Table"]["TableStatus"])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return None
            raise _silent() from error
        except BotoCoreError as error:
            raise _silent() from error

    def _await(self, name: str) -> None:
        for _ in range(POLLS_MAX):
            if self._status(name) == "ACTIVE":
                return
            time.sleep(POLL_SECONDS)
        raise StoreUnavailable("a new table is not ready; the next pass goes on")

    def absent(self) -> Sequence[str]:
        """Return the names of those that are not there, or not ready."""
        return [name for name in self._tables.values() if self._status(name) != "ACTIVE"]

    def empty(self) -> bool:
        """Return whether there is no item in the tables."""
        with _answering():
            return not any(
                self._client.scan(TableName=name, Limit=1, ConsistentRead=True)["Items"]
                for name in self._tables.values()
            )

    # -- the note ----------------------------------------------------------------------------

    def note(self, *, text: str) -> None:
        """Remember how far restoring is, in the tables themselves."""
        with _answering():
            self._client.put_item(TableName=self._tables[Table.PLATFORM], Item={**_NOTE, "note": {"S": text}})

    def noted(self) -> str:
        """Return what was remembered; empty where nothing was, or the tables are not there."""
        name = self._tables[Table.PLATFORM]
        if self._status(name) != "ACTIVE":
            return ""
        with _answering():
            found = self._client.get_item(TableName=name, Key=_NOTE, ConsistentRead=True).get("Item", {})
        return str(found.get("note", {}).get("S", ""))

    def forget(self) -> None:
        """Take the note away: the tables hold the backup and nothing else."""
        with _answering():
            self._client.delete_item(TableName=self._tables[Table.PLATFORM], Key=_NOTE)

    # -- items -------------------------------------------------------------------------------

    def write(self, *, table: Table, puts: Iterable[Item], deletes: Iterable[tuple[str, str]]) -> None:
        """Put items and delete others; none is named twice."""
        asked: list[dict[str, Any]] = [{"PutRequest": {"Item": item}} for item in puts]
        asked += [{"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in deletes]
        left = iter(asked)
        while batch := list(islice(left, WRITES_PER_BATCH)):
            self._write(self._tables[table], batch)

    def _write(self, name: str, batch: list[dict[str, Any]]) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            with _answering():
                answer = self._client.batch_write_item(RequestItems={name: batch})
            batch = answer.get("UnprocessedItems", {}).get(name, [])
            if not batch:
                return
            time.sleep(backoff_seconds(attempt=attempt))
        raise StoreUnavailable("the database takes no more; the next pass goes on")

    def scan(self, *, table: Table) -> Iterator[Item]:
        """Yield every item of a table, but for the note."""
        pages = self._client.get_paginator("scan")
        with _answering():
            for page in pages.paginate(TableName=self._tables[table], ConsistentRead=True):
                yield from (item for item in page["Items"] if item["pk"] != _NOTE["pk"])

    # -- beside items ------------------------------------------------------------------------

    def furnish(self) -> Sequence[str]:
        """Give the tables expiry, recovery, streams, protection and alarms; return what could not be had."""
        missing: list[str] = []
        for table, name in self._tables.items():
            with _answering():
                self._expire(table, name)
                self._client.update_continuous_backups(
                    TableName=name,
                    PointInTimeRecoverySpecification={
                        "PointInTimeRecoveryEnabled": True,
                        "RecoveryPeriodInDays": RECOVERY_DAYS,
                    },
                )
                self._stream(name)
                if self._furnishing.kept:
                    self._client.update_table(TableName=name, DeletionProtectionEnabled=True)
                    self._await(name)
            if not self._copy_alarms(table, name):
                missing.append(f"alarms of {table.value}: none names the table")
        return missing

    def _expire(self, table: Table, name: str) -> None:
        attribute = EXPIRY.get(table)
        known = self._client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if attribute and known.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
            self._client.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
            )

    def _stream(self, name: str) -> None:
        described = self._client.describe_table(TableName=name)["Table"]
        if not described.get("StreamSpecification", {}).get("StreamEnabled"):
            self._client.update_table(
                TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": STREAM}
            )
            self._await(name)

    def _copy_alarms(self, table: Table, name: str) -> int:
        """Give the table the alarms that the original has; return how many those are."""
        original, copied = self._furnishing.originals[table], 0
        for alarm in list(self._alarms_of(original)):
            dimensions = [
                {**one, "Value": name} if one["Name"] == "TableName" else one for one in alarm["Dimensions"]
            ]
            kept = {field: alarm[field] for field in _ALARM_FIELDS if field in alarm}
            with _answering():
                self._alarms.put_metric_alarm(
                    AlarmName=f"{name}-{alarm['MetricName']}",
                    ActionsEnabled=self._furnishing.kept,
                    **{**kept, "Dimensions": dimensions},
                )
            copied += 1
        return copied

    def _alarms_of(self, name: str) -> Iterator[Mapping[str, Any]]:
        pages = self._alarms.get_paginator("describe_alarms")
        with _answering():
            for page in pages.paginate(AlarmTypes=["MetricAlarm"]):
                yield from (
                    one
                    for one in page["MetricAlarms"]
                    if {"Name": "TableName", "Value": name} in one.get("Dimensions", [])
                )

    def remove(self) -> None:
        """Delete the tables with their alarms; absent is fine. Tables that are kept are protected."""
        for name in self._tables.values():
            if self._status(name) is None:
                continue
            with _answering():
                named = [one["AlarmName"] for one in self._alarms_of(name)]
                if named:
                    self._alarms.delete_alarms(AlarmNames=named)
                # A table that is deleted while it can be recovered is kept by AWS for 35 days.
                self._client.update_continuous_backups(
                    TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
                )
                self._client.delete_table(TableName=name)


_ALARM_FIELDS: Final = (
    "AlarmDescription",
    "AlarmActions",
    "OKActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)


@contextmanager
def _answering() -> Iterator[None]:
    """Raise what a failure of the database means to whoever restores."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _silent() from error


def _silent() -> StoreUnavailable:
    return StoreUnavailable("the database did not answer; the next pass goes on")
