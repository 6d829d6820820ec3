"""The end of what was kept of a purged tenant: its books and its audit log, when the law asks no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import Database, TenantsItem, delete
from chalicelib.store.deleting import delete_items, delete_partition
from chalicelib.store.erasure import months_of
from chalicelib.store.erasure_fates import STAYING, STAYING_IN_PART
from chalicelib.store.funds import FUND_PREFIX
from chalicelib.store.privacy import ErasedItem
from chalicelib.store.register import RegisterItem, SeriesItem, register_ids
from chalicelib.usecases.company_posting import BACK_MAX


class DynamoKeptErasure(OfTenant):
    """What is left of one tenant, to be deleted; whatever is repeated goes on where it stood."""

    def __init__(self, *, tenant_id: str, database: Database, clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._clock = clock

    def erase(self, *, tenant: Tenant, out_of_time: Callable[[], bool]) -> bool:
        """Delete what was kept, but for the tenant's own record; the lists that find others last.

        Returns whether there was time for all of it.
        """
        return self._accounts(out_of_time) and self._lists(tenant, out_of_time)

    def _accounts(self, out_of_time: Callable[[], bool]) -> bool:
        """Delete the accounts of subscribers and funds, with the registers of their documents."""
        mine = self._tenant_id
        for series in SeriesItem.query(keys.series(mine), consistent_read=True):
            register = keys.register(mine, str(series.sk))
            for page in RegisterItem.query(register, consistent_read=True):
                if out_of_time():
                    return False
                for account_id in {_account_of(one) for one in register_ids(page.entries)}:
                    self._delete_all(keys.account(mine, account_id))
                delete_items(database=self._database, items=[TenantsItem(register, str(page.sk))])
        for fund in TenantsItem.query(
            keys.funds(mine), TenantsItem.sk.startswith(FUND_PREFIX), consistent_read=True
        ):
            if out_of_time():
                return False
            self._delete_all(keys.account(mine, str(fund.sk)))
        return True

    def _lists(self, tenant: Tenant, out_of_time: Callable[[], bool]) -> bool:
        mine = self._tenant_id
        for settlement in TenantsItem.query(keys.settlements(mine), consistent_read=True):
            self._delete_all(keys.settlement_lines(mine, str(settlement.sk)))
        for run in TenantsItem.query(keys.runs(mine), consistent_read=True):
            self._delete_all(keys.run(mine, date.fromisoformat(str(run.sk))))
        purge_at = tenant.ending.purge_at if tenant.ending else None
        # Entries by hand may be dated before the company was there.
        for month in months_of(tenant=tenant, clock=self._clock, back=BACK_MAX):
            if out_of_time():
                return False
            self._delete_all(keys.audit(mine, month))
            # Nothing was billed after the end, whereas keys were seen to until now.
            if purge_at is None or month <= f"{purge_at:%Y-%m}":
                self._delete_all(keys.ledger(mine, date.fromisoformat(f"{month}-01")))
                self._delete_all(keys.dealer_sales(mine, month))
        for key in (*STAYING, *STAYING_IN_PART):
            self._delete_all(key(mine))
        for erased in ErasedItem.query(keys.erased(mine), consistent_read=True):
            self._database.commit([delete(ErasedItem(erased.pk, erased.sk))])
        return True

    def _delete_all(self, pk: str) -> None:
        delete_partition(database=self._database, pk=pk)


def _account_of(document_id: str) -> str:
    return f"sbr_{document_id.removeprefix('inv_').partition('-')[0]}"
