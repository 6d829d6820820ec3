"""The end of an account, shown: the demo ISP's owner cancels, comes back, and leaves; the days go by at once.

Runs in a process with the functions' environment, as ``chalicelib.local.drill`` starts it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.bootstrap import Services
from chalicelib.config import JOB_PATIENCE, RUN_PATIENCE, Settings
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.lifecycle import NOTICES
from chalicelib.jobs.endings import keep_tenants
from chalicelib.local import demo
from chalicelib.local.drill_steps import bill, say
from chalicelib.local.gateway import Gateway
from chalicelib.ports.services import Mail, Mailer

RECOVERY_DAYS: Final = 30
# A purge stops on the last day, deletes an hour after it, and seals in the next.
PASSES: Final = 2


@dataclass
class MovedClock:
    """The machine's clock, ``ahead`` by so much."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Telling:
    """A mailer that says which mails it sends."""

    inner: Mailer

    def send(self, *, mail: Mail) -> None:
        """Send a mail."""
        self.inner.send(mail=mail)
        say("Mail", f"to {mail.to}: {mail.subject}")


@dataclass
class Owner:
    """The demo ISP's owner, who uses the API as a program would."""

    gateway: Gateway
    token: str = ""
    refused: str = field(default="", init=False)

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Return the answer's JSON, None where there is none; ``refused`` has the code of a refusal."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        answer = self.gateway.handle(
            method=method,
            target=path,
            headers=headers if self.token else {"Content-Type": "application/json"},
            body=b"" if body is None else json.dumps(body).encode(),
            caller="127.0.0.1",
        )
        found: Any = json.loads(answer.body) if answer.body else None
        self.refused = str(found["code"]) if answer.status >= 400 else ""
        return found

    def sign_in(self) -> None:
        """Sign in, in place of whatever session there was."""
        self.token = ""
        isp = demo.ISP
        who = {"subdomain": isp.subdomain, "email": isp.owner_email, "password": demo.PASSWORD}
        self.token = self.ask("POST", "/v1/sessions", who)["token"]

    def cancel(self) -> Any:
        """End the account now."""
        body = {"when": "now", "confirm": demo.ISP.subdomain, "password": demo.PASSWORD}
        return self.ask("POST", "/v1/tenant/cancellation", body)


def main() -> int:
    """Show it, and return the exit status: 0 where the company is purged and its certificate is there."""
    clock = MovedClock()
    services = Services(Settings.from_env(), clock, patience=JOB_PATIENCE, wire_patience=RUN_PATIENCE)
    say("Company", "the demo ISP, with two months of invoices")
    demo.seed(report=lambda _: None)
    bill(services)
    vars(services)["mailer"] = Telling(services.mailer)
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: services)
    owner = Owner(Gateway(app))
    owner.sign_in()
    _come_back(owner)
    tenant_id = str(owner.ask("GET", "/v1/me")["tenant"]["tenant_id"])
    say("Cancelled", f"once more: deleted after {owner.cancel()['ending']['purge_at']}")
    _let_time_pass(services, clock, tenant_id)
    return _tell(services, tenant_id)


def _come_back(owner: Owner) -> None:
    """Cancel, look, and bring the account back."""
    say("Cancelled", f"state {owner.cancel()['state']}; the owner signs in again, and looks at everything")
    owner.sign_in()
    owner.ask("POST", "/v1/subscribers", {"code": "RB-1", "name": "Somebody New"})
    say("Recovery", f"a change is refused: {owner.refused}")
    owner.ask("POST", "/v1/tenant/recovery")
    owner.sign_in()
    say("Recovered", "everything is as it was")


def _let_time_pass(services: Services, clock: MovedClock, tenant_id: str) -> None:
    """Let the schedule look on the days of the notices and on the last, then each hour of the purge."""
    for left in (*NOTICES, 0):
        clock.ahead = timedelta(days=RECOVERY_DAYS - left, minutes=2)
        keep_tenants(services, {})
    for _ in range(PASSES):
        clock.ahead += timedelta(hours=1)
        keep_tenants(services, {})
        state = services.stores.of(tenant_id=tenant_id).profile().state
        say("State", f"{state.value}, {clock.now():%Y-%m-%d %H:%M} UTC")


def _tell(services: Services, tenant_id: str) -> int:
    found = keep_tenants(services, {"detail": {"certificates": {}}})["certificates"]
    mine = [one for one in found if one["tenant_id"] == tenant_id]
    if not mine:
        say("Result", "NO CERTIFICATE")
        return 1
    say("Certificate", json.dumps(json.loads(mine[0]["certificate"]), indent=1, ensure_ascii=False))
    month = services.stores.of(tenant_id=tenant_id).profile().fiscal_year_start_month
    year = fiscal_year(on=services.clock.now().date(), start_month=month)
    asked = {
        "tenant_id": tenant_id,
        "kind": "INV",
        "fiscal_year": year,
        "reason": "to show that they are kept",
    }
    books = keep_tenants(services, {"detail": {"books": asked}})
    say("Kept books", f"{len(books['documents'])} invoices of {year} read")
    say("Result", "purged, and certified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
