"""What a purge leaves is what the data map says that is kept, and no partition is forgotten."""

from __future__ import annotations

import inspect

from chalicelib.domain.data_map import AUDIT_LOG, BOOKS, Erasure
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_platform import PLATFORM
from chalicelib.store import keys
from chalicelib.store.erasure_fates import GONE, GONE_IN_PARTS, KEPT, OTHERS, STAYING, STAYING_IN_PART

OF_TENANTS = [one for one in ITEMS if one not in PLATFORM]
# These are other looks at items that have a model of their own.
VIEWS = {"subscribers.SubscriberItem"}
STAYS = {Erasure.KEEP, Erasure.KEY, Erasure.ANONYMISE}
# Names of sort keys within a partition, and not of partitions.
SORTS = {"invoice", "redeemed_coupon", "past_subscription", "collection", "collecting"}


def test_items_of_which_something_stays_are_those_of_the_data_map() -> None:
    mapped = {
        one.model
        for one in OF_TENANTS
        if any(handling.erasure in STAYS for handling in one.attributes.values())
    }

    assert mapped - VIEWS == set(KEPT)


def test_attributes_that_go_from_what_stays_are_those_of_the_data_map() -> None:
    for one in OF_TENANTS:
        if one.model in KEPT:
            goes = {
                name
                for name, handling in one.attributes.items()
                if handling.rule not in {BOOKS, AUDIT_LOG} and handling.erasure is Erasure.DELETE
            }
            assert goes == set(KEPT[one.model]), one.model


def test_every_partition_is_one_that_goes_or_stays_or_is_found_by_another() -> None:
    built = (name for name, one in vars(keys).items() if inspect.isfunction(one))

    fates = (*GONE.values(), *GONE_IN_PARTS, *STAYING, *STAYING_IN_PART, *OTHERS)
    known = [one.__name__ for one in fates]
    assert set(built) - SORTS == set(known)
    assert len(known) == len(set(known))
