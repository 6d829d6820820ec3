"""Leaks that are planted, so that a search which misses them fails."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.simulation.tenant_company import Company
from tests.simulation.tenant_world import World


class Planter:
    """What it plants is of a company whose keys it remembers from before."""

    def __init__(self, world: World, company: Company) -> None:
        self._world = world
        self._company = company
        settings = world.services.settings
        self._db, self._s3 = world.engine.client("dynamodb"), world.engine.client("s3")
        self._tables = {
            kind: getattr(settings, f"{kind}_table") for kind in ("tenants", "platform", "ephemeral")
        }
        self._keys_table, self._bucket = settings.keys_table, settings.files_bucket
        self._keys = self._wrapped_keys()

    def places(self) -> Iterator[AbstractContextManager[None]]:
        """Yield each leak, to be entered; left, it is gone."""
        name, mine = self._company.people[1]["name"].encode(), self._company.tenant_id
        for kind, table in self._tables.items():
            yield self._item(table, f"{mine}#X" if kind == "tenants" else "X", {"data": {"S": name.decode()}})
        sealed = self._world.services.keyring.of(tenant_id=mine).seal(
            family="audit", place=f"tenants|{mine}#X|X|details", plain=name
        )
        yield self._item(self._tables["tenants"], f"{mine}#X", {"details": {"B": sealed}})
        yield self._file(f"exports/{mine}/exp_1.zip", _zipped(name))
        yield self._file(f"certificates/{mine}/x", self._company.people[2]["phone"].encode())
        yield self._said()
        yield self._queued()
        yield self._key_again()

    @contextmanager
    def _item(self, table: str, pk: str, attributes: dict[str, Any]) -> Iterator[None]:
        key = {"pk": {"S": pk}, "sk": {"S": "X"}}
        self._db.put_item(TableName=table, Item={**key, **attributes})
        yield
        self._db.delete_item(TableName=table, Key=key)

    @contextmanager
    def _file(self, key: str, body: bytes) -> Iterator[None]:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        yield
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    @contextmanager
    def _said(self) -> Iterator[None]:
        print(self._company.people[0]["email"])
        yield

    @contextmanager
    def _queued(self) -> Iterator[None]:
        self._world.services.told.append(self._company.people[0]["national_id"])
        yield

    @contextmanager
    def _key_again(self) -> Iterator[None]:
        """The key of operational data comes back: copies of before are readable again."""
        [before] = [one for one in self._keys if one["sk"]["S"] == "op#0001"]
        [now] = [one for one in self._wrapped_keys() if one["sk"]["S"] == "op#0001"]
        self._db.put_item(TableName=self._keys_table, Item=before)
        yield
        self._db.put_item(TableName=self._keys_table, Item=now)

    def _wrapped_keys(self) -> list[dict[str, Any]]:
        items = self._db.query(
            TableName=self._keys_table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"{self._company.tenant_id}#KEYS"}},
        )
        found: list[dict[str, Any]] = items["Items"]
        return found


def _zipped(text: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", text)
    return body.getvalue()
