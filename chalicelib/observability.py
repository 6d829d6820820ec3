"""Logs: one JSON line an event, for machines; never personal data, never tokens."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.cards import masked_card_numbers

if TYPE_CHECKING:
    from chalicelib.domain.runs import BillingRun

SERVICE = "isp-billing"
METRICS_NAMESPACE: Final = "IspBilling"
QUARANTINED_METRIC: Final = "QuarantinedSubscriptions"
UNREADABLE_METRIC: Final = "UnreadableRecords"
UNREADABLE_CODE: Final = "data_unreadable"
ANOMALIES_METRIC: Final = "Anomalies"
UNSEALED_METRIC: Final = "AuditUnsealedSeconds"
NOT_SENT_METRIC: Final = "MessagesNotSent"
BACKUP_AGE_METRIC: Final = "BackupAgeHours"
UNSOUND_METRIC: Final = "RestoresUnsound"
CAUSES_MAX: Final = 6
# Partitions named by an identifier of ours; other keys may hold a subscriber's code or a client's text.
_OUR_PARTITION: Final = re.compile(r"ten_[0-9A-Z]{1,26}#(?:A#[0-9A-Z]{1,26}|T|STAFF|AUD#[0-9-]{7})")
# What AWS calls an error; anything else that stands in its place may be somebody's data.
_OWN: Final = re.compile(r"timestamp|[a-z_]+_id")
_AWS_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,64}")


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to what standard output is at the time, which a test may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


class _Formatter(LambdaPowertoolsFormatter):
    """One JSON line an event, in which neither a card number nor the text of an exception stands."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Return where an exception was raised and what it came from, with AWS's codes, without messages."""
        lines: list[str] = []
        error: BaseException | None = ei[1]
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            frames = traceback.extract_tb(error.__traceback__)
            lines += [f"{one.filename}:{one.lineno} in {one.name}" for one in frames]
            lines.append(_name_of(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)

    def serialize(self, log: Any) -> str:
        """Return the line; numbers that are ours, such as identifiers, are left as they are."""
        told = {name: _masked(name, value) for name, value in log.items() if name != "exception_notes"}
        return str(super().serialize(log=cast(Any, told)))


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if _OWN.fullmatch(name) else masked_card_numbers(text=value)
    if isinstance(value, dict):
        return {key: _masked(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, one) for one in value]
    return value


@lru_cache(maxsize=1)
def logger() -> Logger:
    """Return the process's logger; Powertools itself reads its level from LOG_LEVEL."""
    logging.getLogger(SERVICE).propagate = False  # nobody else writes our lines, unmasked
    return Logger(
        service=SERVICE,
        logger_formatter=_Formatter(use_rfc3339=True, utc=True, serialize_stacktrace=False),
        logger_handler=_StandardOutput(sys.stdout),
    )


def tell_completed(*, stage: str, tenant_id: str, run: BillingRun) -> None:
    """Log a completed run with its totals, amounts in minor units; the line is a metric too.

    CloudWatch reads ``_aws`` as "embedded metric format": an alarm looks at what was set aside.
    """
    assert run.completed_at is not None, "a completed run has an end"
    facts: dict[str, Any] = {
        "tenant_id": tenant_id,
        "on": run.on.isoformat(),
        "state": run.state.value,
        "looked_at": sum(shard.looked_at for shard in run.shards),
        "billed": sum(shard.billed for shard in run.shards),
        "skipped": run.skipped,
        "quarantined": run.quarantined,
        "invoices": run.invoices,
        "total": run.total,
        "currency": run.currency,
        **_metric(stage=stage, name=QUARANTINED_METRIC, value=run.quarantined, at=run.completed_at),
    }
    (logger().warning if run.quarantined else logger().info)("billing run completed", extra=facts)


def tell_unreadable(*, stage: str, tenant_id: str, family: str, place: str, at: datetime) -> None:
    """Log that a sealed record, or the key to it, cannot be read; the line is a metric too.

    ``place`` is what it was sealed for: table, keys and attribute. Of the keys only those are
    told that are ours; the attribute says what the record is.
    """
    table, _, rest = place.partition("|")
    partition, attribute = rest.partition("|")[0], rest.rpartition("|")[2]
    facts: dict[str, Any] = {
        "code": UNREADABLE_CODE,
        "tenant_id": tenant_id,
        "family": family,
        "table": table,
        "partition": partition if _OUR_PARTITION.fullmatch(partition) else None,
        "attribute": attribute,
    }
    facts |= _metric(stage=stage, name=UNREADABLE_METRIC, value=1, at=at)
    logger().error("record unreadable", extra=facts)


def tell_not_sent(*, stage: str, channel: str, error: Exception, at: datetime) -> None:
    """Log that a mail or an SMS (``channel``) was not taken; the line is a metric too.

    Whoever waits for it is told nothing, so that answers do not tell who is known: the operator has
    to see it.
    """
    facts: dict[str, Any] = {"channel": channel, "cause": causes_of(error)}
    facts |= _metric(stage=stage, name=NOT_SENT_METRIC, value=1, at=at)
    logger().error("message not sent", extra=facts)


def _metric(*, stage: str, name: str, value: int, at: datetime, unit: str = "Count") -> dict[str, Any]:
    """Return what makes a log line a metric too ("embedded metric format")."""
    metric = {
        "Namespace": METRICS_NAMESPACE,
        "Dimensions": [["Stage"]],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
    about = {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [metric]}
    return {"Stage": stage, name: value, "_aws": about}


def tell_sealed(
    *, stage: str, at: datetime, tenants: int, sealed: int, late: int, waited_seconds: int, left: int
) -> None:
    """Log a pass over the audit logs; ``waited_seconds`` is how long the oldest entry was unsealed.

    The line is a metric too: an alarm looks at how long entries wait.
    """
    facts: dict[str, Any] = {
        "tenants": tenants,
        "sealed": sealed,
        "late": late,
        "tenants_left": left,
        **_metric(stage=stage, name=UNSEALED_METRIC, value=waited_seconds, at=at, unit="Seconds"),
    }
    (logger().warning if left or late else logger().info)("audit logs sealed", extra=facts)


def tell_backup(*, stage: str, at: datetime, age_hours: int) -> None:
    """Log how old the newest whole backup is; the line is a metric too, at which an alarm looks."""
    logger().info(
        "backups looked at", extra=_metric(stage=stage, name=BACKUP_AGE_METRIC, value=age_hours, at=at)
    )


def tell_drill(*, stage: str, at: datetime, sound: bool) -> None:
    """Log whether what was restored is what was backed up; the line is a metric too."""
    told = _metric(stage=stage, name=UNSOUND_METRIC, value=int(not sound), at=at)
    (logger().info if sound else logger().error)("restore checked", extra={"sound": sound, **told})


class MetricAlarms:
    """Tells the operator of anomalies by a line that is a metric too, at which an alarm looks."""

    def __init__(self, *, stage: str) -> None:
        self._stage = stage

    def tell(self, *, kind: Anomaly, tenant_id: str | None, at: datetime) -> None:
        """Log an anomaly; ``tenant_id`` is None where there is no such tenant."""
        facts: dict[str, Any] = {
            "kind": kind.value,
            "tenant_id": tenant_id,
            **_metric(stage=self._stage, name=ANOMALIES_METRIC, value=1, at=at),
        }
        logger().warning("anomaly", extra=facts)


def causes_of(error: BaseException) -> list[str]:
    """Return what an error came from, outermost first: class names with AWS's own codes.

    Messages are left out, for they may quote personal data; codes tell a refused key from a
    throttled table.
    """
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < CAUSES_MAX:
        found.append(_name_of(cause))
        inner = cause.__cause__ or getattr(cause, "cause", None)
        cause = inner if isinstance(inner, BaseException) else None
    return found


def _name_of(error: BaseException) -> str:
    return ":".join([type(error).__name__, *_aws_codes(error)])


def _aws_codes(error: BaseException) -> list[str]:
    """Return the error's code, and those of the reasons for which a transaction was cancelled."""
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, dict) else None
    if not isinstance(told, dict):
        return []
    codes = [told.get("Code")]
    reasons = getattr(error, "cancellation_reasons", None) or ()
    codes += sorted({str(reason.code) for reason in reasons if reason is not None})
    return [code for code in codes if isinstance(code, str) and _AWS_CODE.fullmatch(code)]
