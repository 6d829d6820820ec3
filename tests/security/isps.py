"""Two ISPs, one of which should see nothing of the other: what it must not see, and where it might."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chalicelib.api.routing import Endpoint
from chalicelib.local.gateway import Gateway
from chalicelib.observability import SERVICE
from tests.examples import FACTOR
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices
from tests.integration.counter import pkr
from tests.integration.furnishing import Isp, furnished
from tests.integration.shop import Item, created, if_match, ok
from tests.integration.test_foreign_ids_everywhere import ENDPOINTS, SHARED, required_query, send

T = TypeVar("T")


def named_in_path(one: Endpoint) -> list[str]:
    """What of the tenant's own an operation's path names."""
    return [name for name in re.findall(r"\{(\w+)\}", one.path) if name not in SHARED]


GUARDED = [one for one in ENDPOINTS if not one.public]
NAMING = [one for one in GUARDED if named_in_path(one)]
READS = [one for one in GUARDED if one.method == "GET"]
LISTS = [one for one in ENDPOINTS if one.query is not None and "cursor" in one.query.model_fields]
KEYED = [one for one in ENDPOINTS if one.idempotent]
# In `make test` each vector is tried on every so many operations, in `make security` on all.
SAMPLED_EVERY: Final = 1 if FACTOR > 1 else 8


def sampled(cases: Sequence[T], *, start: int = 0) -> list[T]:
    """Return the cases to try: all of them, or a sample that is the same each time."""
    return list(cases[start % SAMPLED_EVERY :: SAMPLED_EVERY])


@dataclass(frozen=True)
class Victim:
    """An ISP with everything, and the words that nobody else may ever be told."""

    isp: Isp
    words: dict[str, str]

    @property
    def canaries(self) -> set[str]:
        """What is the victim's alone: its words and the names of all that it has."""
        mine = self.isp.shop.tenant
        named = {value for kind, value in self.isp.ids.items() if kind not in SHARED}
        return {*self.words.values(), *named, *self.isp.prepaid.values(), mine.tenant_id, mine.subdomain}

    def seen_in(self, text: str, *, sent: Sequence[str] = ()) -> list[str]:
        """Return the canaries in a text, but for those that were sent."""
        return sorted(one for one in self.canaries if one in text and not any(one in given for given in sent))


def victim_of(gateway: Gateway, services: EngineServices) -> Victim:
    """Make an ISP of which every kind of thing holds a word of its own."""
    isp = furnished(gateway, services)
    tag, shop, api = secrets.token_hex(4), isp.shop, isp.shop.tenant.api
    words = {
        kind: f"canary{tag}{kind}"
        for kind in ("name", "address", "area", "company", "package", "line", "note")
    }
    person = shop.subscriber(name=words["name"], address=words["address"], area=words["area"])
    shop.subscribe(person, shop.package(name=words["package"]))
    lines = [{"description": words["line"], "unit_price": pkr(5_000)}]
    key = {"Idempotency-Key": secrets.token_hex(8)}
    path = f"/v1/subscribers/{person['subscriber_id']}"
    created(api.post(f"{path}/invoices", json={"lines": lines}, headers=key))
    payment = {"amount": pkr(1_000), "channel": "cash", "reference": words["note"]}
    created(api.post(f"{path}/payments", json=payment, headers={"Idempotency-Key": secrets.token_hex(8)}))
    settings = {"company": words["company"]}
    ok(api.patch("/v1/tenant", json=settings, headers=if_match(ok(api.get("/v1/tenant")))))
    words |= {"person": person["subscriber_id"].removeprefix("sbr_"), "code": person["code"]}
    return Victim(isp, words)


def signed_in_again(isp: Isp) -> None:
    """Begin a new session where a request ended the last one."""
    if isp.shop.tenant.api.get("/v1/me").status != 200:
        isp.shop.sign_in_again()


def everything(reply: Reply) -> str:
    """An answer as text, its headers included."""
    return f"{json.dumps(dict(reply.headers), default=str)}\n{reply.text}"


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.dumps(vars(record), default=str))


@dataclass
class Heard:
    """What was logged and mailed meanwhile."""

    logs: list[str]
    mails: list[Any]

    def text(self) -> str:
        """All of it."""
        return "\n".join([*self.logs, *map(repr, self.mails)])


@contextmanager
def listening(services: EngineServices) -> Iterator[Heard]:
    """Keep what is logged and mailed from here on."""
    kept, mailed = _Kept(), len(services.mailer.sent)
    heard = Heard(kept.lines, [])
    logger = logging.getLogger(SERVICE)
    logger.addHandler(kept)
    try:
        yield heard
    finally:
        logger.removeHandler(kept)
        heard.mails += services.mailer.sent[mailed:]


def said(reply: Reply) -> tuple[int, Item | str]:
    """An answer without the request's own id."""
    if reply.status >= 400 and reply.body and reply.is_problem:
        return reply.status, {**reply.json, "request_id": ""}
    return reply.status, reply.text


def own(isp: Isp, one: Endpoint, body: object) -> Reply:
    """Send an ISP's request about its own."""
    return send(isp, one, isp.ids_for(one), body)


@dataclass(frozen=True)
class Scene:
    """Who attacks whom, and where it would be heard."""

    attacker: Isp
    victim: Victim
    services: EngineServices
    described: dict[str, Any]


def spoofed(victim: Victim) -> dict[str, str]:
    """Headers by which a careless server would take a request for the victim's."""
    mine = victim.isp.shop.tenant
    host = f"{mine.subdomain}.isp.example"
    return {
        "Host": host,
        "Origin": f"https://{host}",
        "Referer": f"https://{host}/",
        "Forwarded": f"for=10.0.0.1;host={host}",
        "X-Forwarded-Host": host,
        "X-Original-Host": host,
        "X-Original-URL": "/v1/tenant",
        "X-Rewrite-URL": "/v1/tenant",
        "X-HTTP-Method-Override": "DELETE",
        "X-Tenant": mine.subdomain,
        "X-Tenant-Id": mine.tenant_id,
        "X-Tenant-Subdomain": mine.subdomain,
        "X-Account-Id": mine.tenant_id,
        "X-User-Id": victim.isp.ids["staff_id"],
        "X-Amz-Security-Token": mine.tenant_id,
    }


def as_client(isp: Isp, client: ApiClient, one: Endpoint, body: object) -> Reply:
    """Send a request about an ISP's own by another client."""
    target = one.path.format_map(isp.ids_for(one)) + required_query(one)
    key = {"Idempotency-Key": secrets.token_hex(8)} if one.idempotent else {}
    return client.request(one.method, target, json=body, headers={"If-Match": '"1"', **key})


def timeless(answer: tuple[int, Any]) -> tuple[int, str]:
    """An answer without signatures of links and sealed positions, which differ from one to the next."""
    text = json.dumps(answer[1])
    text = re.sub(r"X-Amz-[A-Za-z]+=[^&\"\\]+", "", text)
    return answer[0], re.sub(r"next_cursor\\*\": ?\\*\"[^\"\\]+", "", text)
