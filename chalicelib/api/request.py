"""One HTTP request as endpoints see it: validated, with the principal's own store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from chalicelib.api.schemas import ListAnswer, ListQuery
from chalicelib.bootstrap import Services
from chalicelib.domain.devices import Device, device_of
from chalicelib.domain.staff import Principal
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, Idempotency, Page
from chalicelib.store.cursor import open_cursor, seal_cursor
from chalicelib.store.tenant import DynamoTenantStore

if TYPE_CHECKING:
    from chalicelib.domain.gateways import Received

M = TypeVar("M", bound=BaseModel)
D = TypeVar("D")
L = TypeVar("L", bound=ListAnswer)


@dataclass(frozen=True)
class Request:
    """What an endpoint is given. ``body`` and ``query`` are instances of the declared models."""

    services: Services
    request_id: str
    now: datetime
    operation_id: str
    path: Mapping[str, str]
    body: Any = None
    query: Any = None
    session: Session | None = None
    idempotency: Idempotency | None = None
    if_match: int | None = None
    address: str = ""
    key: Principal | None = None
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    received: Received | None = None

    @property
    def principal(self) -> Principal:
        """Who is asking, a person or a program; on a PUBLIC route there is nobody."""
        who = self.session.principal if self.session else self.key
        assert who is not None, "a public route has no principal"
        return who

    @property
    def supports(self) -> bool:
        """Whether it is platform support that asks, in a tenant that it entered."""
        return self.session is None and self.key is not None and bool(self.key.access_id)

    @property
    def own_session(self) -> Session:
        """The session of who is signed in; programs are not let into what people do for themselves."""
        assert self.session is not None, "who is signed in has a session"
        return self.session

    @property
    def device(self) -> Device:
        """What the request comes from, as far as it tells."""
        return device_of(user_agent=self.user_agent, address=self.address)

    @cached_property
    def store(self) -> DynamoTenantStore:
        """The store of the principal's tenant: the only one an endpoint can reach."""
        return self.services.stores.of(tenant_id=self.principal.tenant_id)

    @property
    def raw(self) -> Received:
        """The request as it came: of operations that are declared so."""
        assert self.received is not None, "the endpoint is not declared raw"
        return self.received

    def body_as(self, model: type[M]) -> M:
        """Return the body, typed."""
        assert isinstance(self.body, model), "the endpoint declares another body"
        return self.body

    def query_as(self, model: type[M]) -> M:
        """Return the query, typed."""
        assert isinstance(self.query, model), "the endpoint declares another query"
        return self.query

    def note(self, action: str, object_id: str, *, why: str = "", **details: object) -> AuditNote:
        """Return the audit note of what this request does; ``why`` is said in words, so it is personal."""
        return AuditNote(
            actor_id=self.principal.actor_id,
            action=action,
            object_id=object_id,
            at=self.now,
            request_id=self.request_id,
            details=details,
            address=self.address,
            personal={"reason": why} if why else {},
        )

    @property
    def after(self) -> str | None:
        """The position that the cursor of the query or search holds; refused with InvalidCursor."""
        cursor = self._listed.cursor
        if cursor is None:
            return None
        return open_cursor(keys=self.store.keys, query=self._fingerprint, cursor=cursor)

    def listing(self, model: type[L], page: Page[D], render: Callable[[D], Any]) -> L:
        """Return the answer of a list, its position sealed for this tenant and query."""
        following = None
        if page.after is not None:
            following = seal_cursor(keys=self.store.keys, query=self._fingerprint, position=page.after)
        return model(items=[render(item) for item in page.items], next_cursor=following)

    @property
    def _listed(self) -> ListQuery:
        return self.body_as(ListQuery) if self.query is None else self.query_as(ListQuery)

    @cached_property
    def _fingerprint(self) -> str:
        filters = self._listed.model_dump(mode="json", exclude={"cursor", "limit"})
        return json.dumps([self.operation_id, dict(self.path), filters], sort_keys=True)


@dataclass(frozen=True)
class Answer:
    """An answer with headers or a status of its own; ``text`` is JSON that is made already."""

    model: BaseModel | None
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    status: int | None = None
    text: str | None = None
