"""Keys of programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.domain.api_keys import (
    API_KEY_DAYS,
    API_KEY_DAYS_MAX,
    API_KEY_NAME_CHARS_MAX,
    HELD_BY_KEYS,
    ApiKey,
)
from chalicelib.domain.permissions import Permission
from chalicelib.usecases import api_keys

KeyName = Annotated[
    Line, Field(min_length=1, max_length=API_KEY_NAME_CHARS_MAX, examples=["Accounting software"])
]
KeyPermissions = Annotated[
    list[Permission],
    Field(
        max_length=len(HELD_BY_KEYS),
        description="nothing that the maker lacks; none that manages staff or keys",
        examples=[["invoices:read", "payments:read"]],
    ),
]


class ApiKeyIn(Schema):
    """A key of a program."""

    name: KeyName
    permissions: KeyPermissions
    days: int = Field(
        default=API_KEY_DAYS, ge=1, le=API_KEY_DAYS_MAX, description="for how long it is good", examples=[365]
    )


class ApiKeyOut(Schema):
    """A key, told apart by how it begins; `last_used_at` is at most an hour behind."""

    key_id: str
    name: str
    prefix: str
    permissions: list[Permission]
    made_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyOut:
        """Render a key."""
        return cls(
            key_id=key.key_id,
            name=key.name,
            prefix=key.prefix,
            permissions=sorted(key.permissions),
            made_by=key.made_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.used_at,
        )


class ApiKeyMadeOut(Schema):
    """A new key."""

    token: str = Field(description="The key itself, shown this once: send as `Authorization: Bearer`.")
    api_key: ApiKeyOut


class ApiKeyList(Schema):
    """The company's keys that have not expired, oldest first."""

    items: list[ApiKeyOut]


@endpoint("GET", "/v1/api-keys", permission=Permission.KEYS_READ, answer=ApiKeyList)
def list_api_keys(request: Request) -> ApiKeyList:
    """List the keys of programs."""
    known = request.store.api_keys.all()
    return ApiKeyList(items=[ApiKeyOut.of(one) for one in known.keys if request.now < one.expires_at])


@endpoint(
    "POST",
    "/v1/api-keys",
    permission=Permission.KEYS_WRITE,
    body=ApiKeyIn,
    answer=ApiKeyMadeOut,
    status=201,
)
def make_api_key(request: Request) -> ApiKeyMadeOut:
    """Make a key for a program; it holds nothing that you lack, and ends when you lose that."""
    body, key_id = request.body_as(ApiKeyIn), request.services.ids.new(prefix="key")
    made = api_keys.make_key(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        key_id=key_id,
        command=api_keys.NewKey(body.name, body.permissions, body.days),
        at=request.now,
        note=request.note("api_key.made", key_id),
    )
    return ApiKeyMadeOut(token=made.token, api_key=ApiKeyOut.of(made.key))


@endpoint("DELETE", "/v1/api-keys/{key_id}", permission=Permission.KEYS_WRITE, status=204)
def revoke_api_key(request: Request) -> Answer:
    """Revoke a key at once."""
    key_id = request.path["key_id"]
    note = request.note("api_key.revoked", key_id)
    api_keys.revoke_key(store=request.store, key_id=key_id, note=note)
    return Answer(None)
