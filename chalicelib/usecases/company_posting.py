"""Posting a company entry: read the funds afresh, compute what the command does, write it whole.

As ``usecases.posting`` does for a subscriber's account: whatever moves meanwhile (a fund, the
number series) refuses the write, and the command is computed anew from what stands then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Busy, InvalidValue, NotFound, StaleVersion
from chalicelib.domain.funds import CompanyEntry, Fund
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.ledger import PeriodClosed
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.funds import CompanyStanding
from chalicelib.ports.store import AuditNote, DocumentTaken, Idempotency, NumbersTaken, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.posting import POST_ATTEMPTS_MAX, TooManyDocuments

# An entry is dated back so far at most: the ledger reads every month since its oldest series.
BACK_MAX: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class CompanyBooks:
    """What a company entry is computed from: as it stands now, and the tenant's date today."""

    standing: CompanyStanding
    today: date
    store: TenantStore

    @property
    def tenant(self) -> Tenant:
        """The tenant, whose currency every fund is kept in."""
        return self.standing.tenant

    def fund(self, *, fund_id: str, param: str = "fund_id") -> Fund:
        """Return a fund that was asked for, or raise NotFound."""
        found = self.standing.funds.get(fund_id)
        if found is None:
            raise NotFound("no such fund", param=param)
        return found

    def natural(self, *, fund: Fund) -> Fund:
        """Return a fund that is there by nature, as it is kept, or as it is before its first move."""
        return self.standing.funds.get(fund.fund_id, fund)


@dataclass(frozen=True, slots=True)
class CompanyPosted:
    """What a company entry made, and the funds after it, in the order of its moves."""

    entry: CompanyEntry
    document: Document
    funds: tuple[Fund, ...]


def post_company(
    *,
    store: TenantStore,
    fund_ids: Sequence[str],
    make: Callable[[CompanyBooks], CompanyEntry],
    at: datetime,
    note: AuditNote,
    on: date | None = None,
    idempotency: Idempotency | None = None,
    answer: Callable[[CompanyPosted], object] | None = None,
    besides: Callable[[CompanyPosted], Sequence[Write]] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> CompanyPosted:
    """Make an entry of the company's own, dated ``on`` or the tenant's today, and write it whole.

    ``fund_ids`` are read together; of those that there are none, ``make`` is the judge. ``make`` may
    be called several times, each with the funds as they stand then. ``answer`` turns what was
    posted into what is kept for the idempotency key; ``besides`` describes what else is written
    with it. Raises NotFound, Busy, TooManyDocuments, PeriodClosed where the day is in a closed
    month, InvalidValue where it is to come or long ago, or what ``make`` raises.
    """
    taken_at = None
    for attempt in range(POST_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        books = company_books(store=store, fund_ids=fund_ids, at=at)
        dated = _dated(books, on)
        entry = make(books)
        if taken_at == (entry.home.fund_id, entry.home.version):
            raise TooManyDocuments("this fund has too many entries on that day: try another day")
        writes, document, funds = store.funds.post(
            entry=entry,
            on=dated,
            fiscal_year=fiscal_year(on=dated, start_month=books.tenant.fiscal_year_start_month),
            actor_id=note.actor_id,
        )
        posted = CompanyPosted(entry, document, funds)
        told = replace(note, details={**note.details, **_told(posted)})
        try:
            store.commit(
                *writes,
                store.note(note=told),
                *(besides(posted) if besides else ()),
                *store.remember(idempotency=idempotency, answer=answer(posted) if answer else posted),
            )
        except DocumentTaken:  # by another writer, or, where the fund did not move, long since
            taken_at = (entry.home.fund_id, entry.home.version)
        except (NumbersTaken, StaleVersion, Busy):
            continue
        else:
            return posted
    raise Busy("other changes kept getting in the way; nothing was written, so try again")


def company_books(*, store: TenantStore, fund_ids: Sequence[str], at: datetime) -> CompanyBooks:
    """Return funds as they stand now, with the tenant's date today."""
    standing = store.company_standing(fund_ids=fund_ids)
    return CompanyBooks(standing, standing.tenant.local_date(at=at), store)


def _dated(books: CompanyBooks, on: date | None) -> date:
    """Return the day of an entry, or raise InvalidValue or PeriodClosed."""
    dated = on or books.today
    if not books.today - BACK_MAX <= dated <= books.today:
        message = f"an entry is of the {BACK_MAX.days} days through the company's today, {books.today}"
        raise InvalidValue(message, param="on")
    closed = books.standing.closed_through
    if closed is not None and dated <= closed:
        raise PeriodClosed(f"the books are closed through {closed}", param="on")
    return dated


def _told(posted: CompanyPosted) -> dict[str, object]:
    """Return what the audit entry tells: the document, and each fund's balance before and after."""
    document = posted.document
    pairs = zip(posted.entry.moves, posted.funds, strict=True)
    return {
        "documents": [{"id": document.document_id, "number": document.number, "amount": document.amount}],
        "on": document.issued_on.isoformat(),
        "funds": {after.fund_id: [move.before.balance, after.balance] for move, after in pairs},
    }
