"""Funds in DynamoDB, their movements, and the company entries that are written with them.

- ``<tenant>#FUNDS`` / ``fnd_<ulid>``: the fund; ``CH#<channel>``: which fund of the office has a channel.
- ``<tenant>#A#<fund ulid>`` / ``MOV#<sequence>``: what moved it, from 1 without gaps.
- ``<tenant>#A#<fund ulid>`` / ``DOC#<yyyymmdd>-<slot>``: the company journals written in it, as the
  documents of accounts are: so registers and audits read both alike.

A fund is written whole under the condition that its version has not moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

import orjson
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.documents import Document, document_id, document_key
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.funds import (
    ENTRIES_PER_DAY_MAX,
    ChannelTaken,
    CompanyEntry,
    Fund,
    FundKind,
    FundMove,
    Movement,
    moved,
)
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.ledger import PeriodClosed
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.funds import FundQuery
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Page
from chalicelib.store import invoices as codec
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, check, delete, nullable, put, put_new, to_iso
from chalicelib.store.billing_state import BillingStateItem
from chalicelib.store.ledger import day_totals
from chalicelib.store.numbering import Dated, Numbers, series_of
from chalicelib.store.paging import query_page
from chalicelib.store.posting import (
    DOCUMENT_PREFIX,
    DocumentItem,
    document_taken,
    read_document,
    words_place,
)
from chalicelib.store.tenants import unchanged

MOVEMENT_PREFIX: Final = "MOV#"
CHANNEL_PREFIX: Final = "CH#"
FUND_PREFIX: Final = "fnd_"
_ENTRY: Final = re.compile(r"cjn_([0-9A-Z]{26})-([0-9]{8}-[0-9]{1,3})\Z", re.ASCII)


class FundItem(TenantsItem):
    """``<tenant>#FUNDS`` / ``fnd_<ulid>``."""

    kind = UnicodeAttribute(attr_name="k")
    currency = UnicodeAttribute(attr_name="cur")
    name = UnicodeAttribute(attr_name="n", null=True)
    owner_id = UnicodeAttribute(attr_name="o", null=True)
    channel = UnicodeAttribute(attr_name="ch", null=True)
    balance = NumberAttribute(attr_name="b")
    entries = NumberAttribute(attr_name="e")
    movements = NumberAttribute(attr_name="m")
    idle_since = UnicodeAttribute(attr_name="i", null=True)
    archived = BooleanAttribute(attr_name="x", null=True)
    version = NumberAttribute(attr_name="v")


class ChannelItem(TenantsItem):
    """``<tenant>#FUNDS`` / ``CH#<channel>``."""

    fund_id = UnicodeAttribute(attr_name="f")


class MovementItem(TenantsItem):
    """``<tenant>#A#<fund ulid>`` / ``MOV#<sequence, 10 digits>``."""

    amount = NumberAttribute(attr_name="a")
    balance = NumberAttribute(attr_name="b")
    on = UnicodeAttribute(attr_name="d")
    reason = UnicodeAttribute(attr_name="r")
    about = UnicodeAttribute(attr_name="ab")
    actor_id = UnicodeAttribute(attr_name="by")
    at = UnicodeAttribute()


class DynamoFunds(OfTenant):
    """A tenant's funds, and the writes of a company entry."""

    def __init__(
        self, *, tenant_id: str, tenant_keys: TenantKeys, clock: Clock, tenant: Callable[[], Tenant]
    ) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._clock = clock
        self._tenant = tenant

    # -- reading ---------------------------------------------------------------------------

    def get(self, *, fund_id: str) -> Fund:
        """Return the fund, or raise NotFound."""
        try:
            return fund_of(FundItem.get(keys.funds(self._tenant_id), _named(fund_id), consistent_read=True))
        except DoesNotExist:
            raise _absent() from None

    def read(self, *, fund_id: str) -> tuple[type[FundItem], str, str]:
        """Where a fund stands, to be read together with other items."""
        return FundItem, keys.funds(self._tenant_id), fund_id

    def list(self, *, query: FundQuery, limit: int, after: str | None) -> Page[Fund]:
        """Return a page of funds, those made last at the end; it may be short and yet go on."""
        page = query_page(
            FundItem,
            keys.funds(self._tenant_id),
            limit=limit,
            after=after,
            sort=FundItem.sk.startswith(FUND_PREFIX),
            where=lambda item: query.fits(fund=fund_of(item)),
        )
        return Page(tuple(map(fund_of, page.items)), page.after)

    def channels(self) -> Mapping[str, str]:
        """Return the fund of each channel that the office's have taken."""
        found = ChannelItem.query(
            keys.funds(self._tenant_id), ChannelItem.sk.startswith(CHANNEL_PREFIX), consistent_read=True
        )
        return {item.sk.removeprefix(CHANNEL_PREFIX): item.fund_id for item in found}

    def movements(
        self, *, fund_id: str, limit: int, after: str | None, newest_first: bool = True
    ) -> Page[Movement]:
        """Return what moved a fund."""
        page = query_page(
            MovementItem,
            keys.account(self._tenant_id, fund_id),
            limit=limit,
            after=after,
            sort=MovementItem.sk.startswith(MOVEMENT_PREFIX),
            newest_first=newest_first,
        )
        return Page(tuple(_movement(item, fund_id) for item in page.items), page.after)

    # -- writing ---------------------------------------------------------------------------

    def add(self, *, fund: Fund) -> Sequence[ModelWrite]:
        """Describe adding a fund; refused with ChannelTaken, or StaleVersion where it is there."""
        taken = ChannelTaken("another fund of the office has this channel", param="channel")
        sk = f"{CHANNEL_PREFIX}{fund.channel}"
        channel = ChannelItem(keys.funds(self._tenant_id), sk, fund_id=fund.fund_id)
        return [
            *([put_new(channel, refused=taken)] if fund.channel else []),
            self._put(before=None, after=fund),
        ]

    def change(self, *, before: Fund, after: Fund) -> Sequence[ModelWrite]:
        """Describe a change of name, or archiving, which frees the channel; refused with StaleVersion."""
        writes = [self._put(before=before, after=after)]
        if after.archived and before.channel:
            writes.append(
                delete(ChannelItem(keys.funds(self._tenant_id), f"{CHANNEL_PREFIX}{before.channel}"))
            )
        return writes

    def move(
        self,
        *,
        move: FundMove,
        on: date,
        reason: str,
        about: str,
        actor_id: str,
        handed_on: bool = False,
        entries: int = 0,
    ) -> tuple[Sequence[ModelWrite], Fund]:
        """Describe moving a fund, and return it as it then is; refused with StaleVersion."""
        before = move.before
        after = moved(fund=before, amount=move.amount, on=on, handed_on=handed_on, entries=entries)
        item = MovementItem(
            keys.account(self._tenant_id, after.fund_id),
            f"{MOVEMENT_PREFIX}{after.movements:010d}",
            amount=move.amount,
            balance=after.balance,
            on=on.isoformat(),
            reason=reason,
            about=about,
            actor_id=actor_id,
            at=to_iso(self._clock.now()),
        )
        return [self._put(before=before, after=after), put_new(item, refused=_moved())], after

    def post(
        self, *, entry: CompanyEntry, on: date, fiscal_year: int, actor_id: str
    ) -> tuple[Sequence[ModelWrite], Document, tuple[Fund, ...]]:
        """Describe writing a company entry dated ``on``; return its document, and the funds it moves.

        Refused with NumbersTaken, DocumentTaken or StaleVersion: read and try again; with PeriodClosed
        where the books are closed through that day, and with Busy where the settings changed.
        """
        tenant = self._tenant()
        dated = Dated(on, fiscal_year, actor_id, to_iso(self._clock.now()))
        numbers = Numbers(tenant_id=self._tenant_id, dated=dated, formats=tenant.number_formats)
        made = self._document(entry, dated, numbers)
        writes = [
            put_new(self._item(made, dated, entry), refused=document_taken()),
            *numbers.writes(),
            *([unchanged(tenant=tenant)] if numbers.begins_series() else []),
            *day_totals(
                tenant_id=self._tenant_id, account_id=entry.home.fund_id, on=on, postings=entry.postings
            ),
            self._open_on(on),
        ]
        funds = []
        for number, one in enumerate(entry.moves):
            moving, after = self.move(
                move=one,
                on=on,
                reason=entry.reason,
                about=made.document_id,
                actor_id=actor_id,
                handed_on=one.amount < 0,
                entries=0 if number else 1,
            )
            writes += moving
            funds.append(after)
        return writes, made, tuple(funds)

    def entry(self, *, document_id: str) -> Document:
        """Return a company journal, or raise NotFound."""
        named = _ENTRY.match(document_id)
        try:
            if named is None:
                raise _no_entry()
            pk = keys.account(self._tenant_id, named[1])
            item = DocumentItem.get(pk, f"{DOCUMENT_PREFIX}{named[2]}", consistent_read=True)
        except DoesNotExist:
            raise _no_entry() from None
        formats = self._tenant().number_formats
        return read_document(item, holder="fnd", tenant_keys=self._keys, formats=formats)

    # -- parts -----------------------------------------------------------------------------

    def _document(self, entry: CompanyEntry, dated: Dated, numbers: Numbers) -> Document:
        home, kind = entry.home, DocumentKind.COMPANY_JOURNAL
        slot = home.entries % ENTRIES_PER_DAY_MAX
        number = numbers.give(kind=kind, holder_id=home.fund_id, day=dated.on, slot=slot)
        key = document_key(on=dated.on, slot=slot)
        return Document(
            document_id=document_id(kind=kind, account_id=home.fund_id, key=key),
            account_id=home.fund_id,
            account_code=home.kind.value,
            kind=kind,
            number=numbers.shown(kind=kind, number=number),
            sequence=number,
            series=series_of(kind, dated.fiscal_year),
            currency=home.currency,
            issued_on=dated.on,
            amount=entry.amount,
            postings=entry.postings,
            settled=(),
            reason=entry.reason,
            about=entry.about,
            reference=entry.reference,
            note=entry.note,
        )

    def _item(self, made: Document, dated: Dated, entry: CompanyEntry) -> DocumentItem:
        pk = keys.account(self._tenant_id, made.account_id)
        sk = f"{DOCUMENT_PREFIX}{made.document_id.partition('-')[2]}"
        words = None
        if entry.note or entry.reference:
            words = self._keys.seal(
                family=codec.year_family(dated.fiscal_year),
                place=words_place(pk, sk),
                plain=orjson.dumps((entry.note, entry.reference)),
            )
        return DocumentItem(
            pk,
            sk,
            kind=made.kind.value,
            code=made.account_code,
            fiscal_year=dated.fiscal_year,
            sequence=made.sequence,
            currency=made.currency,
            amount=made.amount,
            issued_on=made.issued_on.isoformat(),
            postings=codec.encode_postings(made.postings),
            reason=made.reason or None,
            about=made.about or None,
            words=words,
            at=dated.at,
        )

    def _put(self, *, before: Fund | None, after: Fund) -> ModelWrite:
        item = FundItem(
            keys.funds(self._tenant_id),
            after.fund_id,
            kind=after.kind.value,
            currency=after.currency,
            name=after.name or None,
            owner_id=after.owner_id or None,
            channel=after.channel or None,
            balance=after.balance,
            entries=after.entries,
            movements=after.movements,
            idle_since=after.idle_since.isoformat() if after.idle_since else None,
            archived=after.archived or None,
            version=after.version,
        )
        if before is None or not before.version:
            return put_new(item, refused=_moved())
        return put(item, condition=FundItem.version == before.version, refused=_moved())

    def _open_on(self, on: date) -> ModelWrite:
        """Describe the condition that the books are not closed through a day: an entry may be dated back."""
        closed = BillingStateItem.closed_through
        return check(
            BillingStateItem,
            keys.billing(self._tenant_id),
            keys.STATE,
            condition=closed.does_not_exist() | (closed < on.isoformat()),
            refused=PeriodClosed(f"the books are closed through {on}, or later", param="on"),
        )


def fund_of(item: FundItem) -> Fund:
    """Read a fund's item."""
    idle_since = nullable(item.idle_since)
    return Fund(
        fund_id=item.sk,
        kind=FundKind(item.kind),
        currency=item.currency,
        name=nullable(item.name) or "",
        owner_id=nullable(item.owner_id) or "",
        channel=nullable(item.channel) or "",
        balance=int(item.balance),
        entries=int(item.entries),
        movements=int(item.movements),
        idle_since=date.fromisoformat(idle_since) if idle_since else None,
        archived=bool(nullable(item.archived)),
        version=int(item.version),
    )


def _movement(item: MovementItem, fund_id: str) -> Movement:
    return Movement(
        fund_id=fund_id,
        sequence=int(item.sk.removeprefix(MOVEMENT_PREFIX)),
        amount=int(item.amount),
        balance=int(item.balance),
        on=date.fromisoformat(item.on),
        reason=item.reason,
        about=item.about,
        actor_id=item.actor_id,
        at=item.at,
    )


def _named(fund_id: str) -> str:
    if not is_id(value=fund_id, prefix="fnd"):
        raise _absent()
    return fund_id


def _absent() -> NotFound:
    return NotFound("no such fund", param="fund_id")


def _no_entry() -> NotFound:
    return NotFound("no such company journal", param="journal_id")


def _moved() -> StaleVersion:
    return StaleVersion("the fund changed meanwhile; nothing was written, so try again")
