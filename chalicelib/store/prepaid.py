"""Prepaid lines in the account's collection, and the list of what ends.

- ``<tenant>#A#<ulid>`` / ``PREPAID#<slot>``: a line. Runs, which read the account, never see it.
- ``<tenant>#EXP`` / ``<yyyymmddThhmmZ>#<ulid>-<slot>``: that it runs out then; gone when seen to.

The list is in the order of time and holds what is still to come, so that whoever looks finds
the oldest first, days without a look are caught up by the next one, and nothing needs to
remember how far it came. It takes a write for each recharge, each of which takes a number of
the tenant's one series too: it is never the hotter of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.prepaid import PrepaidLine, parse_validity
from chalicelib.ports.prepaid import Ending
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.paging import query_page

LINE_PREFIX: Final = "PREPAID#"
_STAMP: Final = "%Y%m%dT%H%MZ"


class PrepaidItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``PREPAID#<slot>``; instants in UTC."""

    package_id = UnicodeAttribute(attr_name="p")
    edition = NumberAttribute(attr_name="ed")
    began_at = UnicodeAttribute(attr_name="b")
    validity = UnicodeAttribute(attr_name="va")
    expires_at = UnicodeAttribute(attr_name="e")
    auto_renew = BooleanAttribute(attr_name="r")
    version = NumberAttribute(attr_name="v")
    ended = UnicodeAttribute(attr_name="x", null=True)


class EndingItem(TenantsItem):
    """``<tenant>#EXP`` / ``<yyyymmddThhmmZ>#<ulid>-<slot>``; its key says it all."""


class DynamoPrepaid(OfTenant):
    """A tenant's prepaid lines."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, account_id: str, slot: int) -> PrepaidLine | None:
        """Return a line, or None."""
        try:
            item = PrepaidItem.get(self._pk(account_id), _line_key(slot), consistent_read=True)
        except DoesNotExist:
            return None
        return _line(item)

    def of_account(self, *, account_id: str) -> tuple[PrepaidLine, ...]:
        """Return an account's lines in the order of their slots."""
        lines = PrepaidItem.sk.startswith(LINE_PREFIX)
        return tuple(map(_line, PrepaidItem.query(self._pk(account_id), lines, consistent_read=True)))

    def change(self, *, before: PrepaidLine | None, after: PrepaidLine) -> Sequence[ModelWrite]:
        """Describe a new line or a change of one, and where it stands in the list of what ends."""
        stale = StaleVersion("the prepaid line changed since it was read")
        item = PrepaidItem(
            self._pk(after.account_id),
            _line_key(after.slot),
            package_id=after.package_id,
            edition=after.edition,
            began_at=to_iso(after.began_at),
            validity=after.validity.text,
            expires_at=to_iso(after.expires_at),
            auto_renew=after.auto_renew,
            version=after.version,
            ended=after.ended or None,
        )
        was, now = self._listed(before), self._listed(after)
        listed: list[ModelWrite] = []
        if was is not None and was != now:
            listed.append(delete(EndingItem(keys.endings(self._tenant_id), was)))
        if now is not None and now != was:
            listed.append(put(EndingItem(keys.endings(self._tenant_id), now), condition=None, refused=stale))
        if before is None:
            return [put_new(item, refused=stale), *listed]
        return [put(item, condition=PrepaidItem.version == before.version, refused=stale), *listed]

    def ending(self, *, before: datetime, limit: int, after: str | None) -> Page[Ending]:
        """Return a page of what runs out before an instant and was not seen to, the oldest first."""
        page = query_page(
            EndingItem,
            keys.endings(self._tenant_id),
            limit=limit,
            after=after,
            sort=EndingItem.sk < before.strftime(_STAMP),
        )
        return Page(tuple(_ending(item.sk) for item in page.items), page.after)

    def forget(self, *, ending: Ending) -> Sequence[ModelWrite]:
        """Describe taking an entry from the list that no line stands behind."""
        key = _ending_key(ending.account_id, ending.slot, ending.expires_at)
        return [delete(EndingItem(keys.endings(self._tenant_id), key))]

    def _pk(self, account_id: str) -> str:
        return keys.account(self._tenant_id, account_id)

    @staticmethod
    def _listed(line: PrepaidLine | None) -> str | None:
        """Return where a line stands in the list; None where its end was seen to, or it is new."""
        if line is None or line.ended:
            return None
        return _ending_key(line.account_id, line.slot, line.expires_at)


def running_accounts(*, tenant_id: str, at: datetime) -> set[str]:
    """Return the accounts with a line that runs at an instant, by the list of what ends."""
    later = EndingItem.sk >= at.strftime(_STAMP)
    items = EndingItem.query(keys.endings(tenant_id), later)
    return {one.account_id for one in (_ending(item.sk) for item in items) if one.expires_at > at}


def _line_key(slot: int) -> str:
    return f"{LINE_PREFIX}{slot:03d}"


def _ending_key(account_id: str, slot: int, expires_at: datetime) -> str:
    return f"{expires_at.strftime(_STAMP)}#{account_id.removeprefix('sbr_')}-{slot}"


def _ending(key: str) -> Ending:
    stamp, _, place = key.partition("#")
    ulid, _, slot = place.partition("-")
    return Ending(f"sbr_{ulid}", int(slot), datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC))


def _line(item: PrepaidItem) -> PrepaidLine:
    return PrepaidLine(
        account_id=f"sbr_{item.pk.rpartition('#')[2]}",
        slot=int(item.sk.removeprefix(LINE_PREFIX)),
        package_id=item.package_id,
        edition=int(item.edition),
        began_at=from_iso(item.began_at),
        validity=parse_validity(text=item.validity),
        expires_at=from_iso(item.expires_at),
        auto_renew=bool(item.auto_renew),
        version=int(item.version),
        ended=nullable(item.ended) or "",
    )
