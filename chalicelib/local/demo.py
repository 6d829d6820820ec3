"""The demo ISP: Ravi Broadband of Lahore, about 300 subscribers, two months in business.

Everything is generated and the same every time, but for the dates, which end today. The ISP
signs up two months ago by a clock of that day; the scheduler then finds sixty days of billing
not done, and does them, oldest first, while the visitor looks on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from faker import Faker

from chalicelib.adapters.clock import SystemClock
from chalicelib.bootstrap import Services
from chalicelib.config import Settings
from chalicelib.domain.accounts import Account, SubscriptionState
from chalicelib.domain.contacts import Contact
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming
from chalicelib.domain.plans import PlanLimits, PlanTerms, Tier
from chalicelib.domain.policies import Document, shipped_policies
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.subscriptions import move, subscribe
from chalicelib.domain.taxes import TaxBase, TaxComponent, TaxGroup, TaxRow
from chalicelib.local.demo_payments import open_till
from chalicelib.local.stack import OPERATOR_SUBDOMAIN
from chalicelib.ports.services import Mail, Mailer
from chalicelib.ports.store import AuditNote
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.plans import enrol, put_plan
from chalicelib.usecases.signup import SignUp, sign_up, verify_owner
from chalicelib.usecases.tenants import put_tax_group

SUBDOMAIN: Final = "ravi"
EMAIL: Final = "owner@ravi-broadband.example"
PASSWORD: Final = "chai and fibre every day"  # noqa: S105 - shown to every visitor
DAYS_IN_BUSINESS: Final = 62
SUBSCRIBERS: Final = 300
SUBSCRIBERS_PER_COMMIT: Final = 10
SEED: Final = 20_261_101

OPERATOR_EMAIL: Final = "owner@headquarters.example"
_PLACE: Final[dict[str, Any]] = {
    "password": PASSWORD,
    "country": "PK",
    "currency": "PKR",
    "time_zone": "Asia/Karachi",
    "fiscal_year_start_month": 7,
}
ISP: Final = SignUp("Ravi Broadband", SUBDOMAIN, "Ayesha Siddiqui", EMAIL, **_PLACE)
OPERATOR: Final = SignUp("ISP Billing", OPERATOR_SUBDOMAIN, "Bilal Ahmed", OPERATOR_EMAIL, **_PLACE)
# The first 500 active subscribers at 10.00 a month each, the next at 7.00.
PLAN: Final = PlanTerms(
    package_id="",
    tiers=(Tier(500, 1_000), Tier(None, 700)),
    limits=PlanLimits(subscribers=20_000, exports_a_day=50),
    offered=True,
)

AREAS: Final = ("Gulberg", "Model Town", "Johar Town", "DHA Phase 5", "Samanabad", "Wapda Town")
# Name, price in paisa a cycle, cycle, timing, download and upload in kbit/s.
OFFERS: Final = (
    ("Home 10", 129_900, "month", BillingTiming.ADVANCE, 10_000, 5_000),
    ("Home 20", 164_900, "month", BillingTiming.ADVANCE, 20_000, 10_000),
    ("Home 50", 249_900, "month", BillingTiming.ADVANCE, 50_000, 25_000),
    ("Business 100", 899_900, "month", BillingTiming.ARREARS, 100_000, 100_000),
    ("Home 20, by the quarter", 469_900, "quarter", BillingTiming.ADVANCE, 20_000, 10_000),
    ("Home 50, by the year", 2_599_900, "year", BillingTiming.ADVANCE, 50_000, 25_000),
)
POPULARITY: Final = (28, 36, 18, 6, 9, 3)
TAXES: Final = TaxGroup(
    code="internet",
    name="Internet in Punjab",
    rows=(
        TaxRow(
            date(2024, 7, 1),
            (
                TaxComponent("pst", "Punjab sales tax", 195_000),
                TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """A clock that stands at one instant: the demo's sign-up lies in the past."""

    at: datetime

    def now(self) -> datetime:
        """Return the instant."""
        return self.at


class _KeepingMailer:
    """Sends mail and keeps the last, from which the demo's owner reads the code."""

    def __init__(self, inner: Mailer) -> None:
        self._inner = inner
        self.text = ""

    def send(self, *, mail: Mail) -> None:
        """Send and keep."""
        self.text = mail.text
        self._inner.send(mail=mail)


def seed(*, report: Callable[[str], None]) -> dict[str, str]:
    """Create the demo ISP and return what its visitor wants to know."""
    signed_up_at = SystemClock().now() - timedelta(days=DAYS_IN_BUSINESS)
    services = Services(settings=Settings.from_env(), clock=StoppedClock(signed_up_at))
    report("signing up the platform's operator, and Ravi Broadband on its plan, two months ago")
    operator = signed_up(services, OPERATOR, signed_up_at)
    _sell_a_plan(services, operator, signed_up_at)
    store = signed_up(services, ISP, signed_up_at)
    put_tax_group(
        store=store,
        group=TAXES,
        if_match=None,
        note=AuditNote("system", "tenant.tax_group_put", store.tenant_id, signed_up_at),
    )
    enrol(operator=operator, store=store, tenant=store.profile(), at=signed_up_at)
    packages = _packages(services, store, signed_up_at)
    report(f"adding {SUBSCRIBERS} subscribers")
    people = _subscribers(services, store, packages)
    while batch := list(islice(people, SUBSCRIBERS_PER_COMMIT)):
        note = AuditNote("system", "demo.subscribers_added", store.tenant_id, signed_up_at)
        writes = [write for person in batch for write in store.subscribers.add(subscriber=person)]
        counted = store.plans.counted(more=len(batch), of=batch[0].subscriber_id)
        store.commit(*writes, counted, store.note(note=note))
    pay_link = open_till(services, store, sold_at=signed_up_at, now=SystemClock().now())
    report("the scheduler now bills two months, day by day")
    return {
        "Demo ISP (subdomain)": SUBDOMAIN,
        "E-mail": EMAIL,
        "Password": PASSWORD,
        "The platform's operator (subdomain)": OPERATOR_SUBDOMAIN,
        "Its e-mail (the password is the same)": OPERATOR_EMAIL,
        "An invoice to pay": pay_link,
    }


def signed_up(services: Services, command: SignUp, at: datetime) -> DynamoTenantStore:
    """Sign an ISP up, and verify its owner by the code in the mail; return its store."""
    mailer = _KeepingMailer(services.mailer)
    identity = replace(services.identity, mailer=mailer)
    terms = shipped_policies().current(document=Document.TERMS, at=at)
    accepting = replace(command, terms_version=terms.version)
    signed_up = sign_up(identity=identity, command=accepting, address="127.0.0.1", at=at, terms=terms)
    tenant = signed_up.tenant
    token = re.search(r"svt_\S+", mailer.text)
    assert token is not None, "the mail holds the code"
    verify_owner(identity=identity, token=token[0], password=PASSWORD, at=at)
    return services.stores.of(tenant_id=tenant.tenant_id)


def _sell_a_plan(services: Services, operator: DynamoTenantStore, at: datetime) -> None:
    """Give the operator one package, and make it the plan of who signs up."""
    package = Package(
        package_id=services.ids.new(prefix="pkg"),
        name="Growing ISP",
        price=Money(500_000, "PKR"),
        cycle=NAMED_CYCLES["month"],
        timing=BillingTiming.ADVANCE,
        download_kbps=1,  # nothing is carried
        upload_kbps=1,
        tax_group=None,
        state=PackageState.ACTIVE,
        version=1,
        created_at=at,
    )
    note = AuditNote("system", "package.created", package.package_id, at)
    operator.commit(*operator.packages.add(package=package), operator.note(note=note))
    put_plan(operator=operator, store=operator, terms=replace(PLAN, package_id=package.package_id), note=note)


def _packages(services: Services, store: DynamoTenantStore, at: datetime) -> Sequence[Package]:
    packages = [
        Package(
            package_id=services.ids.new(prefix="pkg"),
            name=name,
            price=Money(price, "PKR"),
            cycle=NAMED_CYCLES[cycle],
            timing=timing,
            download_kbps=down,
            upload_kbps=up,
            tax_group=TAXES.code,
            state=PackageState.ACTIVE,
            version=1,
            created_at=at,
        )
        for name, price, cycle, timing, down, up in OFFERS
    ]
    for package in packages:
        note = AuditNote("system", "package.created", package.package_id, at)
        store.commit(*store.packages.add(package=package), store.note(note=note))
    return packages


def _subscribers(
    services: Services, store: DynamoTenantStore, packages: Sequence[Package]
) -> Iterator[Subscriber]:
    """Yield people who joined over two months; most pay on the 1st, the 5th or the day they came."""
    chance = random.Random(SEED)  # noqa: S311 - the same demo every time
    fake = Faker("en_PK")
    fake.seed_instance(SEED)
    now = services.clock.now()
    first = store.profile().local_date(at=now)
    for index in range(SUBSCRIBERS):
        account = Account(
            account_id=services.ids.new(prefix="sbr"),
            code=f"RB-{1001 + index}",
            currency="PKR",
            balance=0,
            version=1,
        )
        joined = first + timedelta(days=chance.choice((0, 0, 0, chance.randrange(DAYS_IN_BUSINESS))))
        package = chance.choices(packages, POPULARITY)[0]
        discount = chance.random() < 0.08
        subscription = subscribe(
            account=account,
            package=package,
            starts_on=joined,
            anchor_day=chance.choice((1, 1, 5, joined.day)),
            price_override=Money(package.price.amount * 9 // 10, "PKR") if discount else None,
        )
        if chance.random() < 0.05:
            subscription = move(subscription=subscription, to=SubscriptionState.PAUSED, today=first)
        name = fake.name()
        yield Subscriber(
            subscriber_id=account.account_id,
            code=account.code,
            area=chance.choice(AREAS),
            contact=_contact(chance, name),
            account=account.with_subscription(subscription=subscription),
            archived=False,
            created_at=now,
        )


def _contact(chance: random.Random, name: str) -> Contact:
    """Return a person's data; ``.example`` addresses and 0300-000 numbers reach nobody."""
    mailbox = re.sub(r"[^a-z]+", ".", name.casefold()).strip(".")
    digits = f"{chance.randrange(10**12):012d}"
    return Contact(
        name=name,
        email=f"{mailbox}@mail.example",
        phone=f"0300-000{chance.randrange(10_000):04d}",
        address=f"House {chance.randrange(1, 400)}, Street {chance.randrange(1, 40)}, Lahore",
        national_id=f"3{digits[:4]}-{digits[4:11]}-{digits[11]}",
    )
