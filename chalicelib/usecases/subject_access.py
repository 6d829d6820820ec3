"""A person's copy of their data: one ZIP of JSON Lines with their schema, and a page to read.

Of a subscriber it is everything that is filed under the account, what the audit log says about them,
their sessions and requests; of a member of staff their record, sessions, requests, and what they did.
Who else is in it is named by what they are, never by who.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain

from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.data_map import Subject
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import DomainError
from chalicelib.domain.export_tables import (
    document_row,
    invoice_line_rows,
    invoice_row,
    subscriber_row,
    subscription_rows,
)
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.privacy_requests import PrivacyRequest
from chalicelib.domain.retention import Period
from chalicelib.domain.subject_files import kind_of, processing_rows, recipient_rows, without_others
from chalicelib.domain.subject_page import PAGE_ROWS_MAX, Row, Section, page_text
from chalicelib.domain.subject_tables import schema_text
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.audit import AuditEntry
from chalicelib.ports.identity import Sessions
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.export_archive import Archive
from chalicelib.usecases.export_work import with_past
from chalicelib.usecases.paging import each

DOCUMENTS_PER_READ = 200
CHOICES_MAX = 10_000


class FileTooLarge(DomainError):
    """There is more about the person than one worker can write in its time."""

    code = "file_too_large"


@dataclass
class Copy:
    """A copy in the making, of one person of one tenant; ``periods`` are the tenant's, of retention."""

    store: TenantStore
    sessions: Sessions
    request: PrivacyRequest
    periods: Sequence[Period]
    at: datetime
    out_of_time: Callable[[], bool]
    sections: list[Section] = field(default_factory=list)

    @property
    def subject_id(self) -> str:
        """Whose copy it is."""
        return self.request.subject_id


def copy_chunks(*, copy: Copy, archive: Archive) -> Iterator[bytes]:
    """Yield the archive; raises FileTooLarge where time runs out, and NotFound for who is nobody."""
    tenant = copy.store.profile()
    today = tenant.local_date(at=copy.at)
    of_subscriber = copy.subject_id.startswith("sbr_")
    files = _of_subscriber(copy, today) if of_subscriber else _of_staff(copy)
    subject = Subject.SUBSCRIBER if of_subscriber else Subject.STAFF
    files |= {
        "sessions": _sessions(copy),
        "audit_entries": _entries(copy, tenant),
        "privacy_requests": map(_request_row, copy.store.privacy.each_of(subject_id=copy.subject_id)),
        "consents": _consents(copy),
        "policies": _policies(copy),
        "processing": processing_rows(items=(*ITEMS, *OBJECTS), subject=subject, periods=copy.periods),
        "recipients": recipient_rows(),
    }
    for name, rows in files.items():
        yield from archive.add(name=f"{name}.jsonl", rows=0, content=_lines(copy, name, rows))
    page = page_text(
        company=tenant.company,
        request_id=copy.request.request_id,
        on=today,
        of_subscriber=of_subscriber,
        sections=copy.sections,
    )
    yield from archive.add(name="your-data.html", rows=0, content=[page.encode()])
    schema = schema_text(files=files, of_subscriber=of_subscriber)
    yield from archive.add(name="schema.json", rows=0, content=[schema.encode()])
    listed = [{"name": one.name, "bytes": one.size_bytes, "sha256": one.sha256} for one in archive.files]
    manifest = {"request_id": copy.request.request_id, "made_at": copy.at.isoformat(), "files": listed}
    yield from archive.add(name="manifest.json", rows=0, content=[json.dumps(manifest, indent=2).encode()])
    yield archive.close()


def _lines(copy: Copy, name: str, rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the rows as lines, and keep those that the page shows."""
    shown: list[Row] = []
    count = 0
    for row in rows:
        if copy.out_of_time():
            raise FileTooLarge("there is more than can be written in one go")
        count += 1
        text = without_others(
            text=json.dumps(row, ensure_ascii=False, default=str), subject_id=copy.subject_id
        )
        if count <= PAGE_ROWS_MAX:
            shown.append(json.loads(text))
        yield f"{text}\n".encode()
    copy.sections.append(Section(name, shown, count))


# -- of a subscriber -------------------------------------------------------------------------


def _of_subscriber(copy: Copy, today: date) -> dict[str, Iterable[Row]]:
    store, account_id = copy.store, copy.subject_id
    subscriber = with_past(store=store, subscriber=store.subscribers.get(subscriber_id=account_id))
    invoices = tuple(_invoices(store, account_id))
    return {
        "person": [subscriber_row(subscriber=subscriber)],
        "subscriptions": _subscriptions(store, subscriber, today),
        "invoices": (invoice_row(invoice=one, today=today) for one in invoices),
        "invoice_lines": chain.from_iterable(invoice_line_rows(invoice=one) for one in invoices),
        "documents": (document_row(document=one) for one in _documents(store, account_id)),
        "stored_items": (
            {"kind": one.kind, "key": one.key, "values": one.values}
            for one in store.subject_data.items(account_id=account_id)
        ),
    }


def _subscriptions(store: TenantStore, subscriber: Subscriber, today: date) -> Iterator[Row]:
    catalogue = Catalogue(
        packages={package.package_id: package for package in store.packages.all()},
        tax_groups={},
        editions={(one.package_id, one.edition): one for one in store.packages.editions()},
    )
    yield from subscription_rows(subscriber=subscriber, catalogue=catalogue, today=today)


def _invoices(store: TenantStore, account_id: str) -> Iterator[Invoice]:
    return each(read=partial(store.invoices.of_account, account_id=account_id), limit=DOCUMENTS_PER_READ)


def _documents(store: TenantStore, account_id: str) -> Iterator[Document]:
    return each(read=partial(store.documents.of_account, account_id=account_id), limit=DOCUMENTS_PER_READ)


# -- of a member of staff --------------------------------------------------------------------


def _of_staff(copy: Copy) -> dict[str, Iterable[Row]]:
    member = copy.store.staff.get(staff_id=copy.subject_id)
    row = {
        "staff_id": member.staff_id,
        "name": member.name,
        "email": member.email,
        "email_verified": member.email_verified,
        "role": str(member.role),
        "areas": list(member.scope.areas),
        "dealer_id": member.scope.dealer_id,
        "disabled": member.disabled,
        "second_factor": member.second_factor,
        "password": "kept, and shown to nobody",
        "created_at": member.created_at.isoformat(),
    }
    return {"person": [row], "stored_items": _made_by(copy.store, member.staff_id)}


def _made_by(store: TenantStore, staff_id: str) -> Iterator[Row]:
    """Yield what somebody has beside their record: passkeys, and keys of programs that they made."""
    factor = store.second_factors.find(staff_id=staff_id)
    for passkey in factor.passkeys if factor else ():
        values = {"name": passkey.name, "created_at": passkey.created_at, "used_at": passkey.used_at}
        yield {"kind": "a passkey", "key": passkey.passkey_id, "values": values}
    for key in store.api_keys.all().keys:
        if key.made_by == staff_id:
            made = {"name": key.name, "created_at": key.created_at, "expires_at": key.expires_at}
            yield {"kind": "a key of a program", "key": key.prefix, "values": made}


# -- of both ---------------------------------------------------------------------------------


def _sessions(copy: Copy) -> Iterator[Row]:
    known = copy.sessions.of_person(tenant_id=copy.store.tenant_id, staff_id=copy.subject_id)
    for one in known.listed:
        if copy.at >= one.expires_at:
            continue  # the table takes it away within days
        yield {
            "session_id": one.session_id,
            "began_at": one.created_at.isoformat(),
            "expires_at": one.expires_at.isoformat(),
            "device": one.device.family,
            "network": one.device.network,
        }


def _entries(copy: Copy, tenant: Tenant) -> Iterator[Row]:
    since = tenant.created_at - timedelta(days=1)
    requests = {one.request_id for one in copy.store.privacy.each_of(subject_id=copy.subject_id)}
    for entry in copy.store.subject_data.entries_about(subject_id=copy.subject_id, since=since):
        yield _entry_row(entry, copy.subject_id, requests)


def _entry_row(entry: AuditEntry, subject_id: str, requests: Collection[str]) -> Row:
    """Return an entry as its person may see it: others, and what is about others, are left out."""
    by_them, ulid = entry.actor_id == subject_id, subject_id.rpartition("_")[2]
    about_them = ulid in entry.object_id or entry.object_id in requests
    return {
        "at": entry.at,
        "action": entry.action,
        "by": "you" if by_them else kind_of(identifier=entry.actor_id),
        "about": entry.object_id if about_them else kind_of(identifier=entry.object_id),
        "address": entry.address if by_them else "",
        "details": dict(entry.details) if about_them else {},
        "personal": dict(entry.personal) if about_them else {},
        "erased": entry.erased,
    }


def _request_row(request: PrivacyRequest) -> Row:
    words = request.words
    return {
        "request_id": request.request_id,
        "kind": request.kind.value,
        "state": request.state.value,
        "channel": request.channel.value,
        "received_at": request.received_at.isoformat(),
        "due_on": request.due_on.isoformat(),
        "proof": request.proof.value,
        "text": words.text,
        "changes": dict(words.changes),
        "address": words.address,
        "seen": words.seen,
        "reason": words.reason,
        "purposes": [one.value for one in request.purposes],
        "history": [{"at": one.at, "what": one.what, "words": one.words} for one in request.history],
        "told": [{"at": one.at, "to": one.to, "text": one.text} for one in words.told],
    }


def _consents(copy: Copy) -> Iterator[Row]:
    for one in copy.store.consents.history(subject_id=copy.subject_id, limit=CHOICES_MAX):
        yield {
            "consent_id": one.consent_id,
            "at": one.at,
            "agreed": sorted(one.agreed),
            "text": one.text,
            "how": one.how.value,
            "global_privacy_control": one.gpc,
            "browser": one.browser,
        }


def _policies(copy: Copy) -> Iterator[Row]:
    states = copy.store.policy_states.of_person(staff_id=copy.subject_id)
    for (document, version), state in sorted(states.items()):
        yield {
            "policy": document.value,
            "version": version,
            "mailed_at": state.mailed_at,
            "seen_at": state.dismissed_at,
            "accepted_at": state.accepted_at,
        }
