"""The files of a person's copy of their data: what each is, what its columns hold, and their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.export_tables import (
    DOCUMENTS,
    INVOICE_LINES,
    INVOICES,
    SUBSCRIBERS,
    SUBSCRIPTIONS,
    Kind,
    Table,
)
from chalicelib.domain.export_words import words_of

FILES: Final[Mapping[str, str]] = {
    "person": "who you are, as it is stored",
    "subscriptions": "your packages",
    "invoices": "your invoices and debit notes",
    "invoice_lines": "what they charge",
    "documents": "your receipts, credit notes, refunds and journals",
    "stored_items": "every item that is filed under you, as it is stored; amounts in minor units",
    "sessions": "your sessions: since when, until when, from what kind of device and network",
    "audit_entries": "what was done with your data, and by you",
    "privacy_requests": "your requests about your data",
    "consents": "what you agreed to and took back: when, to which text, how",
    "policies": "which versions of our policies you were told of, saw and accepted",
    "processing": "why each kind of data is processed, on which legal basis, and for how long",
    "recipients": "third parties, and what they may be sent",
}


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, in words, and whether it is an amount in minor units of the row's ``currency``."""

    words: str
    kind: Kind = Kind.PLAIN


_OWN: Final = """\
person.staff_id: your identifier
person.name: your name
person.email: the address that you sign in with
person.email_verified: whether it was shown to be yours
person.role: your role, or the identifier of one of the company's own
person.areas: areas that your role is bounded to; empty where it is not
person.dealer_id: the dealer that you work for; empty where there is none
person.disabled: whether you may sign in no more
person.second_factor: whether you have a second factor
person.password: that there is one
person.created_at: when you joined, an instant in UTC
stored_items.kind: what it is
stored_items.key: under which key it is filed
stored_items.values: what it holds, by attribute
sessions.session_id: the identifier of the session
sessions.began_at: when you signed in, an instant in UTC
sessions.expires_at: until when it is good, an instant in UTC
sessions.device: the kind of device and browser
sessions.network: the network that you signed in from, not the single address
audit_entries.at: when it was, an instant in UTC
audit_entries.action: what was done
audit_entries.by: you, or what it was that did it
audit_entries.about: what of yours it was done with, or what kind of thing
audit_entries.address: the network address that you did it from
audit_entries.details: what was changed, from and to
audit_entries.personal: what of your data was changed, from and to
audit_entries.erased: whether an erasure took that away
privacy_requests.request_id: the identifier of the request
privacy_requests.kind: what you asked for
privacy_requests.state: where it stands
privacy_requests.channel: by which way it came
privacy_requests.received_at: when it came, an instant in UTC
privacy_requests.due_on: the last day to answer it, where the company is
privacy_requests.proof: how it was known that you asked
privacy_requests.text: what you wrote
privacy_requests.changes: what you asked to have corrected
privacy_requests.address: where you are written to about it, where you asked from outside
privacy_requests.seen: what you showed
privacy_requests.reason: why it was put off or refused
privacy_requests.purposes: which purposes it is about
privacy_requests.history: its steps: when, what, and words
privacy_requests.told: mails to you about it: when, where to, and the text
consents.consent_id: the identifier of the choice
consents.at: when you chose, an instant in UTC
consents.agreed: what you agreed to; all else is refused
consents.text: the version of the text that you were shown
consents.how: by the banner, the page, or a program
consents.global_privacy_control: whether your browser sent that signal
consents.browser: the family of your browser
policies.policy: which policy
policies.version: the day from which the version is in force
policies.mailed_at: when you had a mail about it, an instant in UTC
policies.seen_at: when you saw it, an instant in UTC
policies.accepted_at: when you accepted it, an instant in UTC
processing.category: which kind of data
processing.purpose: what for
processing.legal_basis: by which of the legal bases of article 6 (1) GDPR
processing.kept: for how long
processing.then: what becomes of it then
processing.controller: who decides about it
recipients.name: who
recipients.purpose: what for
recipients.where: where it is
recipients.categories: which kinds of data
recipients.what: what it does, and gets
"""
_WORDS: Final = dict(line.split(": ", 1) for line in _OWN.splitlines())
_EXPORTED: Final[Mapping[str, Table]] = {
    "subscriptions": SUBSCRIPTIONS,
    "invoices": INVOICES,
    "invoice_lines": INVOICE_LINES,
    "documents": DOCUMENTS,
}
_ANY: Final = ["string", "number", "boolean", "null", "array", "object"]
_TYPES: Final[Mapping[Kind, list[str]]] = {Kind.AMOUNT: ["integer", "null"], Kind.TEXT: ["string", "null"]}


def columns_of(*, file: str, of_subscriber: bool) -> Mapping[str, Column]:
    """Return the columns of a file of FILES, in order."""
    table = SUBSCRIBERS if file == "person" and of_subscriber else _EXPORTED.get(file)
    if table is not None:
        found = {name: words_of(table=table.name, column=name) for name in table.columns}
        return {name: Column(words, table.columns[name]) for name, words in found.items()}
    names = (name.partition(".") for name in _WORDS)
    return {column: Column(_WORDS[f"{file}.{column}"]) for name, _, column in names if name == file}


def schema_text(*, files: Iterable[str], of_subscriber: bool) -> str:
    """Return the JSON Schema (2020-12) of files: each line of a file is an object of its definition."""
    definitions = {
        name: {
            "description": FILES[name],
            "type": "object",
            "properties": {
                column: _property(one)
                for column, one in columns_of(file=name, of_subscriber=of_subscriber).items()
            },
            "additionalProperties": False,
        }
        for name in files
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Each line of <name>.jsonl is an object of the definition of that name.",
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2)


def _property(column: Column) -> dict[str, object]:
    unit = "; in minor units of the row's currency" if column.kind is Kind.AMOUNT else ""
    return {"description": f"{column.words}{unit}", "type": _TYPES.get(column.kind, _ANY)}
