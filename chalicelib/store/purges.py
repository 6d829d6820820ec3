"""Purges and certificates of deletion, in the platform's table: they outlive the tenants that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy, Conflict
from chalicelib.domain.purging import Certificate, Deletion, DestroyedKey, Purge, PurgeStep
from chalicelib.ports.store import Page
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database, PlatformItem, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.paging import query_page

PURGE: Final = "PURGE"
CERTIFICATES: Final = "CERTIFICATES"


class CertificateThere(Conflict):
    """There is a certificate of this deletion already: that one counts."""

    code = "certificate_there"


class PurgeItem(PlatformItem):
    """``PURGE#<tenant id>`` / ``PURGE``; ``owners`` are sealed, and gone once they were told."""

    step = UnicodeAttribute()
    started_at = UnicodeAttribute()
    not_before = UnicodeAttribute(null=True)
    counts = UnicodeAttribute()
    owners = BinaryAttribute(null=True, legacy_encoding=False)
    destroyed = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    version = NumberAttribute()


class CertificateItem(PlatformItem):
    """``CERTIFICATES`` / ``<tenant id>#<of what>``; ``text`` is JSON about nobody."""

    issued_at = UnicodeAttribute()
    text = UnicodeAttribute()
    mac = UnicodeAttribute()


class DynamoPurges(OfPlatform):
    """The purges of all tenants."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def get(self, *, tenant_id: str) -> Purge | None:
        """Return a tenant's purge, or None where none was begun."""
        try:
            item = PurgeItem.get(_purge_key(tenant_id), PURGE, consistent_read=True)
        except DoesNotExist:
            return None
        return _purge(item, tenant_id)

    def save(self, *, purge: Purge) -> Purge:
        """Store how far a purge is, and return it as stored; raise Busy where another pass was first."""
        item = PurgeItem(
            _purge_key(purge.tenant_id),
            PURGE,
            step=purge.step.value,
            started_at=to_iso(purge.started_at),
            not_before=None if purge.not_before is None else to_iso(purge.not_before),
            counts=orjson.dumps(dict(purge.counts)).decode(),
            owners=purge.owners or None,
            destroyed=orjson.dumps([(one.name, one.digest, to_iso(one.at)) for one in purge.keys]).decode(),
            finished_at=None if purge.finished_at is None else to_iso(purge.finished_at),
            version=purge.version + 1,
        )
        unmoved = PurgeItem.version == purge.version if purge.version else PurgeItem.pk.does_not_exist()
        refused = Busy("another pass works on this purge")
        self._database.commit([put(item, condition=unmoved, refused=refused)])
        return _purge(item, purge.tenant_id)

    def certify(self, *, certificate: Certificate) -> Certificate:
        """Store a certificate unless there is one of the deletion; return the stored one."""
        item = CertificateItem(
            CERTIFICATES,
            f"{certificate.tenant_id}#{certificate.deletion.value}",
            issued_at=to_iso(certificate.issued_at),
            text=certificate.text,
            mac=certificate.mac,
        )
        try:
            self._database.commit([put_new(item, refused=CertificateThere("it is there already"))])
        except CertificateThere:
            return _certificate(CertificateItem.get(CERTIFICATES, item.sk, consistent_read=True))
        return certificate

    def certificates(self, *, limit: int, after: str | None) -> Page[Certificate]:
        """Return a page of certificates, by tenant."""
        page = query_page(CertificateItem, CERTIFICATES, limit=limit, after=after)
        return Page(tuple(map(_certificate, page.items)), page.after)

    def certificates_of(self, *, tenant_id: str) -> Sequence[Certificate]:
        """Return the certificates of one tenant."""
        mine = CertificateItem.sk.startswith(f"{tenant_id}#")
        return tuple(map(_certificate, CertificateItem.query(CERTIFICATES, mine, consistent_read=True)))


def _purge_key(tenant_id: str) -> str:
    return f"PURGE#{tenant_id}"


def _purge(item: PurgeItem, tenant_id: str) -> Purge:
    not_before, finished_at = nullable(item.not_before), nullable(item.finished_at)
    return Purge(
        tenant_id=tenant_id,
        started_at=from_iso(item.started_at),
        step=PurgeStep(item.step),
        not_before=None if not_before is None else from_iso(not_before),
        counts=orjson.loads(item.counts),
        owners=nullable(item.owners) or b"",
        keys=tuple(
            DestroyedKey(name, digest, from_iso(at))
            for name, digest, at in orjson.loads(nullable(item.destroyed) or "[]")
        ),
        finished_at=None if finished_at is None else from_iso(finished_at),
        version=int(item.version),
    )


def _certificate(item: CertificateItem) -> Certificate:
    tenant_id, _, deletion = str(item.sk).partition("#")
    return Certificate(tenant_id, Deletion(deletion), from_iso(item.issued_at), item.text, item.mac)
