"""Who is held to areas or to a dealer's customers: another's subscriber answers like none.

Whatever a path names that belongs to a subscriber (an invoice, a subscription, a document) has
the account's ULID in its identifier. Where that account is not within the scope, the identifier
is replaced by one that nobody has before anything looks at it, so that every operation answers
as it does for what is absent, those that are added later too. The same holds for subscribers, who
are each held to their own account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from chalicelib.bootstrap import Services
from chalicelib.domain.staff import Principal

# Path parameters that name what belongs to one subscriber; a test knows of all the others.
OF_ACCOUNT: Final = ("subscriber_id", "subscription_id", "invoice_id", "document_id", "collection_id")
_NOBODY: Final = "0" * 26
_ACCOUNT: Final = re.compile(r"(?<=\A[a-z]{3}_)[0-9A-Z]{26}", re.ASCII)


def within_scope(*, services: Services, principal: Principal, path: Mapping[str, str]) -> dict[str, str]:
    """Return the path's parameters, those of accounts outside the scope naming nobody's.

    One round trip where there are such parameters; there is none for who sees everybody.
    """
    named = {name: _ACCOUNT.search(path[name]) for name in OF_ACCOUNT if name in path}
    asked = {f"sbr_{found[0]}" for found in named.values() if found}
    if not asked:
        return dict(path)
    store = services.stores.of(tenant_id=principal.tenant_id)
    mine = store.subscribers.within(scope=principal.scope, account_ids=asked)
    foreign = {
        name: _ACCOUNT.sub(_NOBODY, path[name])
        for name, found in named.items()
        if found and f"sbr_{found[0]}" not in mine
    }
    return {**path, **foreign}


def within_account(*, account_id: str, path: Mapping[str, str]) -> dict[str, str]:
    """Return the path's parameters, those of other accounts than this one naming nobody's."""
    mine = account_id.removeprefix("sbr_")
    found = {name: _ACCOUNT.search(path[name]) for name in OF_ACCOUNT if name in path}
    foreign = {
        name: _ACCOUNT.sub(_NOBODY, path[name])
        for name, account in found.items()
        if account and account[0] != mine
    }
    return {**path, **foreign}
