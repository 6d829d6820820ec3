"""What a request to the database uses, as policies see it: actions, tables and partition keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_WRITES: Final = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}

Json = dict[str, Any]


class Use(NamedTuple):
    """One action on one table, and the partition key that it names."""

    action: str
    table: str
    pk: str | None


def uses(operation: str, body: Json) -> Iterator[Use]:
    """Yield what a request does, as policies see it."""
    if operation in {"BatchGetItem", "BatchWriteItem"}:
        yield from _batched(body["RequestItems"])
    elif operation in {"TransactGetItems", "TransactWriteItems"}:
        for one in body["TransactItems"]:
            [(kind, inner)] = one.items()
            action = {"Get": "GetItem", "ConditionCheck": "ConditionCheckItem", **_WRITES}[kind]
            yield Use(action, inner["TableName"], _key(inner))
    elif operation == "Query":
        assert "IndexName" not in body, "say here what the leading key of an index is"
        yield Use(operation, body["TableName"], _queried(body))
    else:
        yield Use(operation, body["TableName"], _key(body))


def _batched(items: Mapping[str, Any]) -> Iterator[Use]:
    for table, asked in items.items():
        if isinstance(asked, dict):
            yield from (Use("GetItem", table, one["pk"]["S"]) for one in asked["Keys"])
            yield Use("BatchGetItem", table, asked["Keys"][0]["pk"]["S"])
        else:
            for one in asked:
                [(kind, inner)] = one.items()
                yield Use(_WRITES[kind.removesuffix("Request")], table, _key(inner))


def _key(body: Json) -> str | None:
    key = body.get("Key") or body.get("Item")
    return None if key is None else str(key["pk"]["S"])


def _queried(body: Json) -> str:
    names = {**body.get("ExpressionAttributeNames", {}), "pk": "pk"}
    found = re.findall(r"([#\w]+)\s*=\s*(:\w+)", body["KeyConditionExpression"])
    [value] = [value for name, value in found if names.get(name) == "pk"]
    return str(body["ExpressionAttributeValues"][value]["S"])
