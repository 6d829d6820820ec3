"""Privacy requests as staff take them in and answer them, and people whose data is in every place."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from dataclasses import dataclass, fields

from chalicelib.domain.contacts import Contact
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices
from tests.integration.counter import line, pkr
from tests.integration.importing import http_get
from tests.integration.portal_user import with_portal
from tests.integration.rights import plant_words
from tests.integration.shop import Item, Shop, created, if_match, ok

REQUESTS = "/v1/privacy-requests"


@dataclass
class Desk(Shop):
    """A tenant whose people answer privacy requests."""

    services: EngineServices


def planted(word: str) -> dict[str, str]:
    """A contact of which every field has the word, or nothing would look for what is in it."""
    contact = {
        "name": f"{word}name",
        "email": f"{word}mail@mail.example",
        "phone": f"0300-{secrets.randbelow(8_000_000) + 1_000_000}",
        "address": f"{word}street 7",
        "national_id": f"{word}nid",
        "tax_id": f"{word}tax",
        "note": f"{word}note",
    }
    assert set(contact) == {one.name for one in fields(Contact)}
    return contact


def life_of(desk: Desk, word: str) -> Item:
    """A subscriber with something in every place where something personal can be."""
    key = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"code": f"C-{secrets.token_hex(5)}", "area": "Gulberg", **planted(word)}
    person = created(desk.tenant.api.post("/v1/subscribers", json=body, headers=key))
    path = f"/v1/subscribers/{person['subscriber_id']}"
    moved = {"address": f"{word}other lane"}
    person = ok(desk.tenant.api.patch(path, json=moved, headers=if_match(person)))
    pay = {"amount": pkr(50_000), "channel": "cash"}
    bill = {"lines": [line(50_000)], "note": f"{word}invoice"}
    receipt = {**pay, "reference": f"{word}cheque", "note": f"{word}receipt"}
    for what, sent in (("invoices", bill), ("payments", receipt)):
        key = {"Idempotency-Key": secrets.token_hex(8)}
        created(desk.tenant.api.post(f"{path}/{what}", json=sent, headers=key))
    plant_words(desk, person["subscriber_id"], word)
    return person


def complete(desk: Desk, request: Item, **body: object) -> Reply:
    return desk.tenant.api.post(f"{REQUESTS}/{request['privacy_request_id']}/completion", json=body)


def taken_in(desk: Desk, person: Item, kind: str, **body: object) -> Item:
    """A request at the office, by whoever showed an identity card."""
    path = f"/v1/subscribers/{person['subscriber_id']}/privacy-requests"
    return created(desk.tenant.api.post(path, json={"kind": kind, "seen": "identity card", **body}))


def shown(desk: Desk, request: Item) -> Item:
    return ok(desk.tenant.api.get(f"{REQUESTS}/{request['privacy_request_id']}"))


def portal_of(desk: Desk, person: Item) -> ApiClient:
    return with_portal(desk.tenant, desk.services, person["subscriber_id"]).api


def unzipped(url: str) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(http_get(url))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def described(files: dict[str, str]) -> set[str]:
    """The files of a copy that its schema describes, each row of which has the columns that it names."""
    definitions = json.loads(files["schema.json"])["$defs"]
    for name, schema in definitions.items():
        assert all(one["description"] for one in schema["properties"].values()), name
        for row in map(json.loads, files[f"{name}.jsonl"].splitlines()):
            assert set(row) == set(schema["properties"]), name
    return set(definitions)


def entries_of(files: dict[str, str]) -> list[Item]:
    """The audit entries of a copy."""
    return [json.loads(line) for line in files["audit_entries.jsonl"].splitlines()]
