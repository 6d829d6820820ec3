"""Backups: one a week, begun and gone on with by an hourly pass."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.adapters.blobs.backups import S3BackupFiles
from chalicelib.bootstrap import Services
from chalicelib.config import Settings
from chalicelib.crypto.backups import KmsBackupSealing
from chalicelib.domain.backups import AGE_MAX, Manifest, Table, following
from chalicelib.jobs.deadline import deadline
from chalicelib.observability import logger, tell_backup
from chalicelib.ports.backups import ChangesLost, FileThere
from chalicelib.store.backup_source import DynamoBackupSource
from chalicelib.store.wrapped_keys import DynamoWrappedKeys
from chalicelib.usecases.backup_parts import BackupPartFiles
from chalicelib.usecases.backups import BackupWork, Pauses, newest_backup, take_backup, week_backup

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780
# How the instant is found that each company's data is of.
PAUSES: Final = Pauses()


def keep_backups(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Take the week's backup, or go on with it, and tell how old the newest whole one is."""
    at, work = services.clock.now(), backup_work(services)
    backup = week_backup(work=work, at=at)
    if backup is not None:
        try:
            manifest = _taken(work, backup)
        except FileThere:
            logger().info("another pass takes this backup", extra={"backup": backup})
        else:
            told = {"backup": backup, "whole": manifest is not None}
            told |= {"parts": manifest.parts, "owners": len(manifest.owners)} if manifest else {}
            logger().info("backup worked on", extra=told)
    tell_backup(stage=services.settings.stage, at=at, age_hours=_age_hours(work))


def _taken(work: BackupWork, backup: str) -> Manifest | None:
    """Take a backup; where what was changed meanwhile is not to be had any more, begin it anew."""
    try:
        return take_backup(work=work, backup=backup)
    except ChangesLost:
        logger().warning("backup begun anew", extra={"backup": backup})
        return take_backup(work=work, backup=following(name=backup))


def backup_work(services: Services) -> BackupWork:
    """Wire what taking a backup works with."""
    return BackupWork(
        source=DynamoBackupSource(
            client=services.client("dynamodb"),
            streams=services.client("dynamodbstreams"),
            tables=tables_in_use(services.settings),
        ),
        files=backup_files(services),
        sealing=backup_sealing(services),
        out_of_time=deadline(seconds=PASS_SECONDS_MAX),
        wait=time.sleep,
        pauses=PAUSES,
    )


def tables_in_use(settings: Settings) -> dict[Table, str]:
    """Return what the tables that are backed up are called in the database."""
    return {Table.TENANTS: settings.tenants_table, Table.PLATFORM: settings.platform_table}


def backup_files(services: Services) -> S3BackupFiles:
    """Return where backups are kept."""
    return S3BackupFiles(client=services.s3, bucket=services.settings.backups_bucket)


def backup_sealing(services: Services) -> KmsBackupSealing:
    """Return what opens the keys of backups."""
    return KmsBackupSealing(
        wrapper=services.key_wrapper,
        keyring=services.keyring,
        store=DynamoWrappedKeys(clock=services.clock),
    )


def _age_hours(work: BackupWork) -> int:
    """Return how old the newest whole backup is; where there is none, older than one may be."""
    newest = newest_backup(files=work.files)
    if newest is None:
        return int(AGE_MAX.total_seconds() // 3600) + 1
    parts = BackupPartFiles.opened(files=work.files, sealing=work.sealing, backup=newest)
    age: datetime = parts.manifest().copied_at
    return int((work.source.now() - age).total_seconds() // 3600)
