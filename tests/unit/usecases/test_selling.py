"""Packages and subscribers through their use cases, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from chalicelib.domain.contacts import Contact, InvalidContact
from chalicelib.domain.errors import InvalidValue, StaleVersion
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import (
    PACKAGES_MAX,
    InvalidPrice,
    Package,
    PackageNameTaken,
    PackageState,
    TooManyPackages,
)
from chalicelib.domain.subscribers import (
    CodeTaken,
    Subscriber,
    SubscriberArchived,
    SubscriberInService,
)
from chalicelib.domain.taxes import UnknownTaxGroup
from chalicelib.ports.store import Idempotency
from chalicelib.store.idempotency import AlreadyAnswered
from chalicelib.usecases.packages import (
    PackageChange,
    archive_package,
    change_package,
    unarchive_package,
)
from chalicelib.usecases.subscribers import (
    SubscriberChange,
    archive_subscriber,
    change_subscriber,
    unarchive_subscriber,
)
from tests.fakes.identity import InMemorySessions
from tests.unit.usecases.isp import AT, NOTE, Isp, State


@pytest.fixture
def isp() -> Isp:
    return Isp()


# -- packages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"price": Money(-1, "PKR")}, InvalidPrice),
        ({"price": Money(10**12, "PKR")}, InvalidPrice),
        ({"price": Money(1, "USD")}, CurrencyMismatch),
        ({"name": " "}, InvalidValue),
        ({"name": "a\u202eb"}, InvalidValue),
        ({"download_kbps": 0}, InvalidValue),
        ({"upload_kbps": 10**9}, InvalidValue),
        ({"tax_group": "luxury"}, UnknownTaxGroup),
    ],
)
def test_a_package_that_cannot_be_sold_leaves_nothing(
    isp: Isp, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    before = isp.stored()

    with pytest.raises(refusal):
        isp.package(**changes)

    assert isp.stored() == before


def test_the_catalogue_has_a_named_limit(isp: Isp) -> None:
    for _ in range(PACKAGES_MAX):
        isp.package()

    with pytest.raises(TooManyPackages):
        isp.package()


def test_a_change_tells_the_audit_what_was_and_what_is(isp: Isp) -> None:
    package = isp.package(name="Home 20", tax_group="internet")

    after = change_package(
        store=isp.store,
        package_id=package.package_id,
        change=PackageChange(price=Money(5, "PKR"), tax_group=None),
        if_match=1,
        note=NOTE,
    )

    assert after == isp.memory.packages.get(package_id=package.package_id)
    assert after.version == 2
    assert isp.memory.notes[-1].details == {
        "price": ["3100.00 PKR", "0.05 PKR"],
        "tax_group": ["internet", None],
        "edition": [1, 2],
    }


def test_a_stale_change_and_a_taken_name_leave_the_package(isp: Isp) -> None:
    package, other = isp.package(name="A"), isp.package(name="B")
    before = isp.stored()

    for change, if_match, refusal in (
        (PackageChange(name="C"), 2, StaleVersion),
        (PackageChange(name=other.name.lower()), 1, PackageNameTaken),
        (PackageChange(price=Money(5, "USD")), 1, CurrencyMismatch),
    ):
        with pytest.raises(refusal):
            change_package(
                store=isp.store, package_id=package.package_id, change=change, if_match=if_match, note=NOTE
            )

    assert isp.stored() == before


def test_archiving_twice_is_archiving_once(isp: Isp) -> None:
    package = isp.package()
    arguments: dict[str, Any] = {
        "store": isp.store,
        "package_id": package.package_id,
        "if_match": None,
        "note": NOTE,
    }

    once, twice = archive_package(**arguments), archive_package(**arguments)

    assert once == twice == replace(package, state=PackageState.ARCHIVED, version=2)
    assert unarchive_package(**arguments).state is PackageState.ACTIVE


def test_an_answer_is_kept_with_its_effect_or_not_at_all(isp: Isp) -> None:
    key = Idempotency("create", "k1", "hash", render=lambda package: cast(Package, package).package_id)

    package = isp.package(name="Home 20", idempotency=key)
    with pytest.raises(AlreadyAnswered):
        isp.package(name="Home 30", idempotency=key)
    with pytest.raises(PackageNameTaken):
        isp.package(name="Home 20", idempotency=replace(key, key="k2"))

    assert isp.memory.answers == {"k1": package.package_id}
    assert list(isp.memory.packages.kept) == [package.package_id]


# -- subscribers ----------------------------------------------------------------------------


def test_a_code_is_unique_whatever_its_case(isp: Isp) -> None:
    isp.subscriber(code="LHR-1")
    other = isp.subscriber(code="LHR-2")
    before = isp.stored()

    with pytest.raises(CodeTaken):
        isp.subscriber(code="lhr-1")
    with pytest.raises(CodeTaken):
        edit(isp, other, code="Lhr-1")

    assert isp.stored() == before


def edit(isp: Isp, subscriber: Subscriber, **changes: Any) -> Subscriber:
    return change_subscriber(
        store=isp.store,
        subscriber_id=subscriber.subscriber_id,
        change=SubscriberChange(**changes),
        if_match=subscriber.version,
        note=NOTE,
    )


def test_a_change_sets_what_is_given_and_empties_what_is_empty(isp: Isp) -> None:
    subscriber = isp.subscriber(area="Gulberg", name="Ayesha", phone="0300-1234567")

    after = edit(isp, subscriber, name=" Ayesha  Khan ", phone="")

    assert after.contact == Contact(name="Ayesha  Khan")
    assert (after.area, after.version) == ("Gulberg", 2)
    assert after == isp.memory.subscribers.get(subscriber_id=subscriber.subscriber_id)


def test_the_audit_learns_which_personal_fields_changed_and_never_what_they_held(isp: Isp) -> None:
    subscriber = isp.subscriber(code="A", name="Zubaida", phone="0300-1234567")

    edit(isp, subscriber, name="Qurat", phone="0300-7654321", area="Gulberg", code="B")

    assert isp.memory.notes[-1].details == {"changed": ["code", "area", "name", "phone"]}


def test_a_bad_contact_leaves_the_subscriber(isp: Isp) -> None:
    subscriber = isp.subscriber(name="Ayesha")
    before = isp.stored()

    with pytest.raises(InvalidContact):
        edit(isp, subscriber, phone="12")

    assert isp.stored() == before


def archive(isp: Isp, subscriber: Subscriber, at: datetime = AT) -> Subscriber:
    return archive_subscriber(
        store=isp.store,
        portal_sessions=InMemorySessions(),
        subscriber_id=subscriber.subscriber_id,
        if_match=None,
        at=at,
        note=NOTE,
    )


def test_a_subscriber_is_archived_when_service_has_ended_and_not_before(isp: Isp) -> None:
    subscriber = isp.subscriber()
    held = isp.subscribe(subscriber, isp.package())
    with pytest.raises(SubscriberInService):
        archive(isp, subscriber)

    isp.change(held, state=State.TERMINATED, ends_on=date(2026, 11, 20))
    with pytest.raises(SubscriberInService):
        archive(isp, subscriber, datetime(2026, 11, 19, 18, 59, tzinfo=UTC))  # the 19th in Karachi
    archived = archive(isp, subscriber, datetime(2026, 11, 19, 19, 0, tzinfo=UTC))  # the 20th

    assert archived.archived
    assert archive(isp, subscriber) == archived


def test_nothing_is_sold_to_the_archived_until_they_come_back(isp: Isp) -> None:
    subscriber, package = isp.subscriber(), isp.package()
    archive(isp, subscriber)
    with pytest.raises(SubscriberArchived):
        isp.subscribe(subscriber, package)

    unarchive_subscriber(store=isp.store, subscriber_id=subscriber.subscriber_id, if_match=None, note=NOTE)

    assert isp.subscribe(subscriber, package).subscription.state is State.ACTIVE
