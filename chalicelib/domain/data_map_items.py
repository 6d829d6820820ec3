"""The whole data map."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored
from chalicelib.domain.data_map_funds import FUNDS
from chalicelib.domain.data_map_money import MONEY_ITEMS
from chalicelib.domain.data_map_online import ONLINE
from chalicelib.domain.data_map_platform import PLATFORM
from chalicelib.domain.data_map_records import RECORDS
from chalicelib.domain.data_map_sales import SALES
from chalicelib.domain.data_map_subscribers import SUBSCRIBERS
from chalicelib.domain.data_map_tenants import TENANTS

ITEMS: Final[tuple[Stored, ...]] = (
    *SUBSCRIBERS,
    *MONEY_ITEMS,
    *TENANTS,
    *FUNDS,
    *SALES,
    *RECORDS,
    *ONLINE,
    *PLATFORM,
)
