"""A tenant's raw items, as they lie in the table."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.bootstrap import Services
from chalicelib.store.wire import Json


def raw_items(services: Services, prefix: str) -> Iterator[Json]:
    """Yield the items whose partition key begins with ``prefix`` as DynamoDB JSON, in key order.

    The engine scans in the order of keys, so that they are found side by side: a filter would
    look at every item of every test.
    """
    start: Json | None = {"pk": {"S": prefix}, "sk": {"S": " "}}
    while start is not None:
        page = services.wire.call(
            "Scan",
            {
                "TableName": services.settings.tenants_table,
                "ConsistentRead": True,
                "ExclusiveStartKey": start,
                "Limit": 1_000,
            },
        )
        for item in page["Items"]:
            if not item["pk"]["S"].startswith(prefix):
                return
            yield item
        start = page.get("LastEvaluatedKey")
