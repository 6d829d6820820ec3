"""The platform's operator with a second factor, and the ISPs that its people enter."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalice.app import Chalice
from pyotp import TOTP

from chalicelib.api.routes import register
from chalicelib.domain.support import SupportAccess
from chalicelib.local.gateway import Gateway
from chalicelib.store.audit import AuditItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller, sign_up_and_in
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import CHOSEN, Company, Person

REASON = "Runs stand still, ticket 4711"


@dataclass
class Desk:
    """The operator's people, and a platform that knows whose operator they are."""

    company: Company
    services: EngineServices
    visitor: ApiClient

    @property
    def clock(self) -> FakeClock:
        """The clock of every request."""
        assert isinstance(self.services.clock, FakeClock)
        return self.services.clock

    def isp(self) -> SignedIn:
        """An ISP that has just signed up."""
        return sign_up_and_in(self.visitor, self.services)

    def person(self, role: str = "admin") -> Person:
        """Somebody of the operator's, signed in by password and code."""
        person = self.company.join(role)
        begun = created(person.api.post("/v1/me/second-factor", json={"password": CHOSEN}))
        code = TOTP(begun["secret"]).at(self.clock.now())
        [spare, *_] = ok(person.api.post("/v1/me/second-factor/confirmation", json={"code": code}))[
            "recovery_codes"
        ]
        asked = self.company.try_to_sign_in(person.email, CHOSEN).json["second_step_token"]
        step = {"token": asked, "code": spare}
        session = created(self.visitor.post("/v1/session-completions", json=step))
        return replace(person, api=self.visitor.bearer(session["token"]))

    def try_to_enter(self, isp: SignedIn, by: ApiClient, **changes: object) -> Reply:
        """Ask to enter an ISP."""
        body = {"subdomain": isp.subdomain, "reason": REASON, **changes}
        return by.post("/v1/support-entries", json=body)

    def enter(self, isp: SignedIn, by: ApiClient, **changes: object) -> Inside:
        """Enter an ISP."""
        answer = created(self.try_to_enter(isp, by, **changes))
        return Inside(answer["access"], answer["token"], self.visitor.bearer(answer["token"]))

    def audited(self, tenant: SignedIn) -> list[AuditItem]:
        """A tenant's audit entries of this month, oldest first."""
        return list(AuditItem.query(f"{tenant.tenant_id}#AUD#{self.clock.now():%Y-%m}"))

    def actions(self, tenant: SignedIn, *, of: str = "support.") -> list[tuple[str, str, str]]:
        """Who did what to what, by a tenant's audit log."""
        entries = self.audited(tenant)
        return [(one.actor_id, one.action, one.object_id) for one in entries if one.action.startswith(of)]

    def accesses(self, tenant: SignedIn) -> list[Item]:
        """What a tenant sees of accesses to it."""
        found: list[Item] = ok(tenant.api.get("/v1/support-accesses"))["items"]
        return found


@dataclass
class Inside:
    """Platform support within an ISP."""

    access: Item
    token: str
    api: ApiClient

    @property
    def access_id(self) -> str:
        """The access's identifier."""
        return str(self.access["access_id"])

    @property
    def actor(self) -> str:
        """Who the ISP's audit log names."""
        return f"platform_support/{self.access['staff_id']}/{self.access_id}"


def desk_of(services: EngineServices, operator: SignedIn) -> Desk:
    """Return a platform that a tenant is the operator of."""
    settings = replace(services.settings, platform_subdomain=operator.subdomain)
    ours = EngineServices(settings=settings, clock=services.clock, environment=services.environment)
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: ours)
    visitor = ApiClient(Gateway(app), caller=fresh_caller())
    return Desk(Company(replace(operator, api=visitor.bearer(operator.token)), ours, visitor), ours, visitor)


def entered(tenant: SignedIn, services: EngineServices) -> str:
    """Put an access into a tenant that is its own operator, and whose session is over; return its id."""
    access = an_access(tenant, at=services.clock.now(), access_id=services.ids.new(prefix="spa"))
    store = tenant.store
    store.commit(*store.support.add(access=access), *store.support.add_entered(access=access))
    return access.access_id


def an_access(tenant: SignedIn, *, at: datetime, **changes: Any) -> SupportAccess:
    """An access to a tenant."""
    made = SupportAccess(
        access_id="spa_00000000000000000000000000",
        tenant_id=tenant.tenant_id,
        subdomain=tenant.subdomain,
        operator_id=tenant.tenant_id,
        staff_id="stf_00000000000000000000000000",
        name="Nobody",
        reason=REASON,
        write=False,
        opened_at=at,
        until=at + timedelta(hours=1),
        token_hash=secrets.token_hex(16),
        session_hash=secrets.token_hex(16),
    )
    return replace(made, **changes)
