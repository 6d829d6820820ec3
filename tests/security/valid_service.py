"""Valid requests about subscribers and their service."""

from __future__ import annotations

from datetime import timedelta

from tests.integration.capped import CHARGED
from tests.integration.counter import pkr
from tests.security.asking import (
    Valid,
    shop_of,
    stepped,
)
from tests.security.races import Company


def today(company: Company) -> str:
    tenant = shop_of(company).tenant.store.profile()
    return tenant.local_date(at=company.services.clock.now()).isoformat()


def starting_today(company: Company) -> Valid:
    package = shop_of(company).package(activation_fee=pkr(100), deposit=pkr(200))
    return Valid({"package_id": package["package_id"], "starts_on": today(company)})


def lone_subscriber(company: Company) -> Valid:
    return Valid(names={"subscriber_id": shop_of(company).subscriber()["subscriber_id"]})


def archived_subscriber(company: Company) -> Valid:
    found = lone_subscriber(company)
    stepped(company, f"/v1/subscribers/{found.names['subscriber_id']}/archive", None, status=200)
    return found


def ending_now(company: Company) -> Valid:
    return Valid({"state": "terminated", "ends_on": today(company)})


def other_package(company: Company) -> Valid:
    package = shop_of(company).package(price=pkr(400_000))
    return Valid({"package_id": package["package_id"], "effective": "now", "proration": "by_day"})


def waiting_change(company: Company) -> Valid:
    body = {**other_package(company).body, "effective": "period_end"}
    stepped(company, f"/v1/subscriptions/{company.isp.ids['subscription_id']}/package-changes", body)
    return Valid()


def capped_line(company: Company) -> dict[str, str]:
    shop = shop_of(company)
    sold = shop.subscribe(shop.subscriber(), shop.package(cap=CHARGED), starts_on="2041-04-16")
    shop.bill(company.services.clock.now() - timedelta(minutes=20))
    return {"subscription_id": sold["subscription_id"]}


def used(company: Company) -> Valid:
    at = company.services.clock.now() - timedelta(hours=2)
    body = {"record_id": "r-1", "up_mib": 1, "down_mib": 2_000, "used_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    return Valid(body, capped_line(company))


def topped_up(company: Company) -> Valid:
    names = capped_line(company)
    package = shop_of(company).package(kind="top_up", top_up_mib=1_024)
    return Valid({"package_id": package["package_id"]}, names)


def period_over(company: Company) -> Valid:
    return Valid({"period_start": "2041-04-16"}, capped_line(company))


def discount(company: Company) -> Valid:
    return Valid({"code": "LOYAL", "share_millionths": 100_000, "periods": 3})


def given_discount(company: Company) -> Valid:
    stepped(
        company, f"/v1/subscriptions/{company.isp.ids['subscription_id']}/discounts", discount(company).body
    )
    return Valid(names={"code": "LOYAL"})
