"""The list of subscribers: the directory by code, filters, and search by blind index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import AccountStatus
from chalicelib.domain.contacts import (
    CODE_CHARS_MAX,
    PHONE_DIGITS_MIN,
    area_key,
    code_key,
    normal_digits,
    normal_email,
    normal_national_id,
)
from chalicelib.domain.subscribers import SubscriberSummary
from chalicelib.ports.store import Page, SubscriberQuery
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import TenantsItem, nullable
from chalicelib.store.paging import query_page

# Subscribers of one email, phone or national id that are looked at for one page.
BLIND_ITEMS_READ_MAX: Final = 300
# Rows read at a time: many where a filter leaves few, else a page and some archived ones.
FILTERED_ITEMS_READ: Final = 1_000
ARCHIVED_ALLOWANCE: Final = 10

Filter = Callable[["DirectoryItem"], bool]


class DirectoryItem(TenantsItem):
    """``<tenant>#DIR`` / folded code; ``name`` is sealed, ``package_ids`` stand between blanks."""

    code = UnicodeAttribute(attr_name="c")
    subscriber_id = UnicodeAttribute(attr_name="i")
    status = UnicodeAttribute(attr_name="st")
    area = UnicodeAttribute(attr_name="ar")
    package_ids = UnicodeAttribute(attr_name="p", null=True)
    archived = BooleanAttribute(attr_name="x")
    name = BinaryAttribute(attr_name="n", null=True, legacy_encoding=False)
    dealer_id = UnicodeAttribute(attr_name="dl", null=True)


class BlindItem(TenantsItem):
    """``<tenant>#BIX#<kind>#<digest>`` / folded code; its key says it all."""


class Directory(OfTenant):
    """A tenant's list of subscribers; positions in it are folded codes."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def page(self, *, query: SubscriberQuery, limit: int, after: str | None) -> Page[SubscriberSummary]:
        """Return a page ordered by code.

        A page may be short, or empty, and yet have a next one, where filters leave little of
        what was read.
        """
        found = self._by_code(query, limit, after)
        blind_keys = self._blind_keys(query.text)
        if blind_keys:
            found = _merge([found, *(self._by_blind(key, query, after) for key in blind_keys)], limit)
        return Page(tuple(map(self._summary, found.items)), found.after)

    def _by_code(self, query: SubscriberQuery, limit: int, after: str | None) -> Page[DirectoryItem]:
        prefix = code_key(code=query.code_prefix or query.text or "")
        if after is not None and not after.startswith(prefix):
            # A position that the blind indexes gave; the database refuses one out of the range.
            if after > prefix:
                return Page(())
            after = None
        scoped = query.scope is not None and not query.scope.everything
        narrow = query.status or query.area or query.package_id or query.dealer_id or scoped
        return query_page(
            DirectoryItem,
            keys.directory(self._tenant_id),
            limit=limit,
            after=after,
            sort=DirectoryItem.sk.startswith(prefix) if prefix else None,
            where=_filter(query),
            read_items=FILTERED_ITEMS_READ if narrow else limit + ARCHIVED_ALLOWANCE,
        )

    def existing_codes(self, *, codes: Sequence[str]) -> set[str]:
        """Return which of the codes are taken, case aside, as they were given."""
        folded = {code_key(code=code) for code in codes}
        rows = self._rows([sort for sort in folded if 0 < len(sort) <= CODE_CHARS_MAX])
        return {code for code in codes if code_key(code=code) in rows}

    def seal_name(self, *, sort: str, name: str) -> bytes | None:
        """Encrypt the name for its row; None where there is none."""
        if not name:
            return None
        return self._keys.seal(family=OPERATIONAL, place=self._name_place(sort), plain=name.encode())

    def blind_key(self, *, kind: str, value: str) -> str:
        """Return the partition of the subscribers with this email, phone or national id."""
        return keys.blind(self._tenant_id, kind, self._keys.blind(kind=kind, value=value))

    def _blind_keys(self, text: str | None) -> list[str]:
        """Return where what was searched for may be filed, as each thing that it may be."""
        if not text:
            return []
        if "@" in text:
            return [self.blind_key(kind="email", value=normal_email(email=text))]
        digits = normal_digits(text=text)
        if len(digits) < PHONE_DIGITS_MIN:
            return []
        number = normal_national_id(text=text)
        found = [self.blind_key(kind="nid", value=number)]
        return (
            found if any(map(str.isalpha, number)) else [*found, self.blind_key(kind="phone", value=digits)]
        )

    def _by_blind(self, pk: str, query: SubscriberQuery, after: str | None) -> Page[DirectoryItem]:
        fits = _filter(query)
        filed = query_page(BlindItem, pk, limit=BLIND_ITEMS_READ_MAX, after=after)
        rows = self._rows([str(item.sk) for item in filed.items])
        return Page(tuple(rows[sort] for sort in sorted(rows) if fits(rows[sort])), filed.after)

    def _rows(self, sorts: Sequence[str]) -> dict[str, DirectoryItem]:
        wanted = [(keys.directory(self._tenant_id), sort) for sort in sorts]
        return {str(row.sk): row for row in DirectoryItem.batch_get(wanted, consistent_read=True)}

    def _name_place(self, sort: str) -> str:
        return f"tenants|{keys.directory(self._tenant_id)}|{sort}|name"

    def _summary(self, row: DirectoryItem) -> SubscriberSummary:
        sealed, name = nullable(row.name), ""
        if sealed is not None:
            place = self._name_place(str(row.sk))
            name = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed).decode()
        return SubscriberSummary(
            subscriber_id=row.subscriber_id,
            code=row.code,
            name=name,
            area=row.area,
            status=AccountStatus(row.status),
            archived=row.archived,
            package_ids=tuple((nullable(row.package_ids) or "").split()),
            dealer_id=nullable(row.dealer_id) or "",
        )


def _filter(query: SubscriberQuery) -> Filter:
    area = None if query.area is None else area_key(area=query.area)

    def fits(row: DirectoryItem) -> bool:
        dealer_id = nullable(row.dealer_id) or ""
        return (
            (query.scope is None or query.scope.holds(area=row.area, dealer_id=dealer_id))
            and (query.dealer_id is None or query.dealer_id == dealer_id)
            and (query.archived or not row.archived)
            and (query.status is None or row.status == query.status)
            and (area is None or area_key(area=row.area) == area)
            and (query.package_id is None or query.package_id in (nullable(row.package_ids) or "").split())
        )

    return fits


def _merge(pages: Sequence[Page[DirectoryItem]], limit: int) -> Page[DirectoryItem]:
    """Return the first ``limit`` of several lists together, each row once.

    A list that goes on bounds what is known: rows beyond where it was read to come later.
    """
    bounds = [page.after for page in pages if page.after is not None]
    bound = min(bounds) if bounds else None
    rows = {str(row.sk): row for page in pages for row in page.items}
    known = [rows[sort] for sort in sorted(rows) if bound is None or sort <= bound]
    if len(known) > limit:
        return Page(tuple(known[:limit]), str(known[limit - 1].sk))
    return Page(tuple(known), bound)
