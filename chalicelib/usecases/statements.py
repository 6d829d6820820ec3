"""Statements of account, made of the account's documents and its balance."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from chalicelib.domain.errors import Busy, InvalidValue
from chalicelib.domain.ledger import month_of
from chalicelib.domain.statements import (
    STATEMENT_ENTRIES_MAX,
    Statement,
    StatementTooLarge,
    statement_lines,
)
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.backoff import backoff_seconds

# Documents read at most: those of the period, and later ones, which lead back from the balance.
DOCUMENTS_READ_MAX: Final = 5_000
_ATTEMPTS_MAX: Final = 6


def statement_of(
    *,
    store: TenantStore,
    subscriber_id: str,
    first: date | None,
    last: date | None,
    at: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> Statement:
    """Return a subscriber's statement of a period, both days inclusive.

    Without ``last`` it ends with the tenant's today, without ``first`` it begins with that month. The
    opening balance is the present one less what was posted since, so that it closes with the present
    one today. Raises NotFound, InvalidValue, StatementTooLarge, or Busy where the account does not rest.
    """
    today = store.profile().local_date(at=at)
    last = last or max(today, first or today)
    first = first or month_of(on=last)
    if last < first:
        raise InvalidValue("a period ends with the day it begins, or later", param="to")
    for attempt in range(_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        account = store.subscribers.get(subscriber_id=subscriber_id).account
        entries = store.book_reader.statement_entries(
            account_id=subscriber_id, since=first, most=DOCUMENTS_READ_MAX + 1
        )
        within = [one for one in entries if one[0].on <= last]
        if len(entries) > DOCUMENTS_READ_MAX or len(within) > STATEMENT_ENTRIES_MAX:
            message = f"a statement shows at most {STATEMENT_ENTRIES_MAX} documents: ask for a shorter period"
            raise StatementTooLarge(message, param="from")
        if store.book_reader.money(account_id=subscriber_id).version != account.version:
            continue
        opening = account.balance - sum(entry.amount for entry, _ in entries)
        lines = statement_lines(opening=opening, entries=within)
        return Statement(subscriber_id, account.code, account.currency, first, last, opening, tuple(lines))
    raise Busy("the account keeps changing; try again")
