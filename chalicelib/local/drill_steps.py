"""The drill itself: demo companies, a backup, what happens after it, and a restore that is reported.

Runs in a process with the functions' environment, as ``chalicelib.local.drill`` starts it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from chalicelib.adapters.clock import SystemClock
from chalicelib.bootstrap import Services
from chalicelib.config import JOB_PATIENCE, RUN_PATIENCE, Settings
from chalicelib.domain.errors import DomainError
from chalicelib.jobs.backups import backup_files, keep_backups
from chalicelib.jobs.billing import plan_billing, work_billing
from chalicelib.jobs.restores import RestoreUnsound, drill_restores
from chalicelib.local import demo
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import SubscriberQuery
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.backups import newest_backup
from chalicelib.usecases.erasure import erase
from chalicelib.usecases.signup import SignUp

SHREDDED: Final = SignUp(
    "Chenab Net",
    "chenab",
    "Sana Malik",
    "owner@chenab-net.example",
    password=demo.PASSWORD,
    country="PK",
    currency="PKR",
    time_zone="Asia/Karachi",
    fiscal_year_start_month=7,
)
# Two months of billing, a few days a pass: so many passes are more than enough.
PASSES_MAX: Final = 80


@dataclass(frozen=True)
class AtOnce:
    """A queue whose messages are worked on when they are sent."""

    services: Services

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:  # noqa: ARG002 - at once
        """Bill the shard that the message names."""
        work_billing(self.services, {"Records": [{"messageId": "drill", "body": json.dumps(message)}]})


def main() -> int:
    """Drill, print what came of it, and return the exit status."""
    clock = SystemClock()
    services = Services(Settings.from_env(), clock, patience=JOB_PATIENCE, wire_patience=RUN_PATIENCE)
    say("Companies", "the demo ISP, the platform's operator, and one more")
    shown = demo.seed(report=lambda _: None)
    leaving = demo.signed_up(services, SHREDDED, clock.now() - timedelta(days=3))
    bill(services)
    say("Backup", "taken while nobody writes; it waits until nothing was changed for some seconds")
    keep_backups(services, {})
    say("Backup", f"{newest_backup(files=backup_files(services))} is whole")
    ravi = services.tenants.find(subdomain=shown["Demo ISP (subdomain)"])
    assert ravi is not None, "the demo ISP is there"
    gone = _erase_somebody(services, services.stores.of(tenant_id=ravi.tenant_id))
    leaving.life.shredding.destroy(wanted=lambda _: True)
    say("Since then", f"{gone} was erased, and the keys of {leaving.tenant_id} were destroyed")
    try:
        report = drill_restores(services, {})
    except RestoreUnsound as unsound:
        report = unsound.report
    except DomainError as error:
        say("Result", f"NOT RESTORED: {error.code}: {error}")
        return 1
    _tell(report)
    return 0 if report["sound"] else 1


def bill(services: Services) -> None:
    """Bill the demo companies' two months."""
    vars(services)["billing_queue"] = AtOnce(services)
    for _ in range(PASSES_MAX):
        plan_billing(services, {})


def _erase_somebody(services: Services, store: DynamoTenantStore) -> str:
    """Erase a subscriber as a worker of privacy requests does, and return the identifier."""
    [someone] = store.subscribers.list(query=SubscriberQuery(), limit=1, after=None).items
    at = services.clock.now()
    erased = Erased(someone.subscriber_id, services.ids.new(prefix="prq"), at)
    store.commit(store.privacy.note_erasure(erased=erased))
    erase(store=store, erased=erased, at=at)
    return someone.subscriber_id


def _tell(report: Mapping[str, Any]) -> None:
    say(
        "Restored", f"{report['items']:,} items of {report['tenants']} companies from {report['parts']} parts"
    )
    say("Hashes", f"{len(report['differing'])} owners differ" if report["differing"] else "all as backed up")
    say("Restless", ", ".join(report["restless"]) or "nobody")
    say("Keys destroyed", ", ".join(report["keys_destroyed"]) or "nobody's")
    say("Unreadable", ", ".join(report["unreadable"]) or "nobody")
    say("Erasures", f"{report['erasures']} done again")
    books = f"{report['documents']:,} documents audited, {len(report['books_differing'])} companies differ"
    say("Books", books)
    say("Beside items", "expiry, recovery, streams made anew")
    for one in report["not_made"]:
        say("", f"not here: {one}")
    age = timedelta(seconds=report["recovery_point_age_seconds"])
    say("Recovery point", f"{report['recovery_point']}, {age} before the restore began")
    say("Recovery time", f"{timedelta(seconds=report['recovery_seconds'])}")
    say("Result", "sound" if report["sound"] else "NOT SOUND")


def say(what: str, how: str) -> None:
    """Print a line of what comes of it."""
    print(f"{what:<15} {how}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
