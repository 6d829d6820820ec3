"""Restores: a drill of each backup in tables that are deleted afterwards, or what an operator orders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.crypto.backups import StoredKeyStates
from chalicelib.domain.backups import BEGUN, DRILLS, BackupDamaged, Table, checked_name
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.jobs.backups import backup_files, backup_sealing, tables_in_use
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject
from chalicelib.observability import logger, tell_drill
from chalicelib.store.restored_tables import DynamoRestoredTables, Furnishing
from chalicelib.store.wrapped_keys import DynamoWrappedKeys
from chalicelib.usecases.backup_restore import Restored, RestoreWork, TablesThere, restore_backup
from chalicelib.usecases.backups import newest_backup
from chalicelib.usecases.restore_checks import Checks, check_restored

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780
# What the names of a drill's tables go on with; only such tables may be deleted.
DRILL: Final = "drill"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")


class InvalidRestoreOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read."""

    code = "invalid_restore_order"


class TablesAbsent(NotFound):
    """The tables that are to be checked are not there, or the database is not done with restoring them."""

    code = "tables_absent"


class RestoreUnsound(RuntimeError):
    """What was restored is not what was backed up, or its books are not right; ``report`` says what."""

    def __init__(self, report: JsonObject) -> None:
        super().__init__(f"the backup {report['backup']} was not restored as it was")
        self.report = report


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: how the names of the new tables go on, and what is in them.

    ``backup`` is None for the newest one. With ``restored`` the tables are there already.
    """

    name: str = DRILL
    backup: str | None = None
    restored: bool = False

    @property
    def drill(self) -> bool:
        """Whether the tables are deleted at the end."""
        return self.name == DRILL


def drill_restores(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Drill the newest backup where it was not yet, or restore as an operator's event asks; tell what came.

    ``detail`` has ``restore``, how the names of the new tables go on, and where wanted ``backup``;
    ``drill``, the name of a backup; or ``check``, how the names of tables go on that were restored by
    other means. The same event again goes on. Raises InvalidRestoreOrder, BackupDamaged, NotFound,
    TablesThere, TablesAbsent, or RestoreUnsound once all is told.
    """
    order, files = _order(event.get("detail") or {}), backup_files(services)
    backup = None if order.restored else order.backup or newest_backup(files=files)
    if not order.restored and backup is None:
        return {"drilled": None}
    if order == Order() and any(files.names(prefix=f"{DRILLS}{backup}/")):
        return {"drilled": backup}
    if order.drill:
        _leave_no_other(services, str(backup))
    report = restore_and_check(services, backup=backup, name=order.name)
    logger().info("restore worked on", extra={"report": report})
    if not report["done"]:
        return report
    tell_drill(stage=services.settings.stage, at=services.clock.now(), sound=report["sound"])
    if order.drill:
        at = services.clock.now().strftime("%Y%m%dT%H%M%S%f")
        files.add(key=f"{DRILLS}{backup}/{at}", body=json.dumps(report).encode())
    if not report["sound"]:
        raise RestoreUnsound(report)
    return report


def _order(detail: Mapping[str, Any]) -> Order:
    match dict(detail):
        case {"restore": str(name), **rest} if set(rest) <= {"backup"}:
            return Order(_named(name), _backup(rest.get("backup")))
        case {"check": str(name), **rest} if not rest:
            return Order(_named(name), restored=True)
        case {"drill": str(backup), **rest} if not rest:
            return Order(backup=_backup(backup))
        case {**rest} if not rest:
            return Order()
    raise InvalidRestoreOrder("detail has restore, with backup where wanted, or check, or drill, or nothing")


def _named(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith(DRILL):
        raise InvalidRestoreOrder("tables are named by small letters and digits")
    return name


def _backup(name: object) -> str | None:
    return None if name is None else checked_name(name=str(name))


def restore_and_check(services: Services, *, backup: str | None, name: str) -> JsonObject:
    """Restore a backup into new tables and check them; return the report of it, as JSON.

    Without a backup the tables are there. Those of a drill are deleted at its end, others are protected.
    """
    at, out_of_time = services.clock.now(), deadline(seconds=PASS_SECONDS_MAX)
    names = restored_names(services, backup=backup or "", name=name)
    tables = _tables(services, names, kept=name != DRILL)
    told = {"backup": backup, "tables": list(names.values())}
    restored: Restored | None = None
    if backup is not None:
        work = RestoreWork(at, backup_files(services), backup_sealing(services), tables, out_of_time)
        restored = _restored(work, backup, drill=name == DRILL)
        if restored is None:
            return {**told, "done": False}
    elif absent := tables.absent():
        raise TablesAbsent(f"not there, or not ready yet: {', '.join(absent)}", param="check")
    with _served_from(services, names) as others:
        checks = check_restored(
            tables=tables,
            stores=others.stores,
            registry=others.tenants,
            keys=StoredKeyStates(store=DynamoWrappedKeys(clock=services.clock)),
            at=at,
            out_of_time=out_of_time,
        )
    if checks is None:
        return {**told, "done": False}
    missing = tables.furnish()
    tables.forget()
    if name == DRILL:
        tables.remove()
    sound = checks.sound and (restored is None or restored.sound)
    report = {"done": True, "sound": sound, "not_made": list(missing), **_checked(checks)}
    return {**told, **report, **(_compared(restored, services.clock.now()) if restored else {})}


def _restored(work: RestoreWork, backup: str, *, drill: bool) -> Restored | None:
    """Restore; what a damaged backup, or a pass that was ended, left of a drill does not stay."""
    try:
        return restore_backup(work=work, backup=backup)
    except (BackupDamaged, TablesThere):
        if drill:
            work.tables.remove()
        raise


def _leave_no_other(services: Services, backup: str) -> None:
    """Delete the tables of drills of other backups, which nobody goes on with."""
    for key in backup_files(services).names(prefix=BEGUN):
        other = key.removeprefix(BEGUN)
        if other != backup:
            _tables(services, restored_names(services, backup=other, name=DRILL), kept=False).remove()


def restored_names(services: Services, *, backup: str, name: str) -> dict[Table, str]:
    """Return what the new tables are called."""
    prefix = f"{services.settings.restored_prefix}-{name}"
    if name == DRILL:
        prefix = f"{prefix}-{backup.lower()}"
    return {table: f"{prefix}-{table.value}" for table in Table}


def _tables(services: Services, names: Mapping[Table, str], *, kept: bool) -> DynamoRestoredTables:
    settings = services.settings
    return DynamoRestoredTables(
        client=services.client("dynamodb"),
        alarms=services.client("cloudwatch"),
        tables=names,
        furnishing=Furnishing(tables_in_use(settings), data_key=settings.data_key_id, kept=kept),
    )


@contextmanager
def _served_from(services: Services, names: Mapping[Table, str]) -> Iterator[Services]:
    """Work on restored tables in this process, by the function's own role; afterwards on the others again."""
    settings = replace(
        services.settings,
        tenants_table=names[Table.TENANTS],
        platform_table=names[Table.PLATFORM],
        tenant_role_arn="",
    )
    try:
        yield Services(settings=settings, clock=services.clock, patience=services.patience)
    finally:
        services.database.bind()


def _checked(checks: Checks) -> JsonObject:
    return {
        "tenants": checks.tenants,
        "erasures": checks.erasures,
        "erasures_left": checks.left,
        "listed_again": checks.listed,
        "documents": checks.documents,
        "books_differing": checks.differing,
        "without_record": checks.missing,
        "without_keys": checks.unreadable,
        "shredded": checks.shredded,
    }


def _compared(restored: Restored, at: datetime) -> JsonObject:
    point = restored.recovery_point
    return {
        "recovery_point": point.isoformat(),
        "recovery_point_age_seconds": int((restored.begun_at - point).total_seconds()),
        "recovery_seconds": int((at - restored.begun_at).total_seconds()),
        "parts": restored.manifest.parts,
        "items": restored.items,
        "restless": [owner for owner, held in restored.manifest.owners.items() if held.restless],
        "keys_destroyed": list(restored.destroyed),
        "unreadable": list(restored.unreadable),
        "differing": [asdict(one) for one in restored.differing],
    }
