"""Sessions in the ephemeral table, found by the hash of their token, and listed by person.

A session is looked up by one read and holds what its person may do. So whatever changes that
ends it, in the transaction of the change: the person's list names their sessions, and its
``BEGUN`` item counts those that began, so that none that begins meanwhile is missed.

The table's TTL removes items days late, so expiry is checked on read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition

from chalicelib.crypto.keyring import Keyring, TenantKeys
from chalicelib.domain.devices import DEVICE_LIFE, DEVICES_MAX, UNKNOWN_DEVICE, Device
from chalicelib.domain.errors import Busy
from chalicelib.domain.permissions import Permission
from chalicelib.domain.staff import Principal, Scope
from chalicelib.ports.identity import KnownDevice, ListedSession, PersonSessions, Session, SessionsMoved
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import (
    CONDITION_FAILED,
    Database,
    EphemeralItem,
    ModelWrite,
    StoreUnavailable,
    check,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
    update,
)

# Kinds of sessions: of the tenant's staff, and of its subscribers.
STAFF: Final = "SESSION"
PORTAL: Final = "PORTAL"
# Before the sessions in the order of keys.
BEGUN: Final = "BEGUN"
DEVICE: Final = "DEVICE#"
OPERATIONAL: Final = "op"
LISTED: Final = "SESSION#"


class SessionItem(EphemeralItem):
    """``SESSION#<token hash>`` / ``SESSION``, or ``PORTAL`` for a subscriber's.

    ``ttl`` is the absolute expiry in epoch seconds.

    ``granted`` is there for roles of the tenant's own, ``scope`` for who does not have all of it,
    ``held`` for who lacks the second factor that the tenant asks for, ``read_only`` for an owner whose
    tenant was in recovery when it began.
    """

    session_id = UnicodeAttribute()
    tenant_id = UnicodeAttribute()
    actor_id = UnicodeAttribute()
    role = UnicodeAttribute()
    granted = UnicodeAttribute(null=True)
    scope = UnicodeAttribute(null=True)
    csrf_hash = UnicodeAttribute()
    created_at = UnicodeAttribute()
    idle_expires_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    used_at = UnicodeAttribute(null=True)
    second_factor = BooleanAttribute(null=True)
    held = BooleanAttribute(null=True)
    read_only = BooleanAttribute(null=True)
    ttl = NumberAttribute()


class PersonItem(EphemeralItem):
    """``PERSON#<tenant id>#<staff or subscriber id>`` / ``BEGUN``, ``SESSION#<id>`` and ``DEVICE#<mark>``.

    ``device`` of a session is the sealed JSON of its family and network.
    """

    begun = NumberAttribute(null=True)
    token_hash = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    expires_at = UnicodeAttribute(null=True)
    device = BinaryAttribute(legacy_encoding=False, null=True)
    ttl = NumberAttribute()


def session_key(token_hash: str) -> str:
    """Where a session is."""
    return f"SESSION#{token_hash}"


def person_key(tenant_id: str, staff_id: str) -> str:
    """Where a person's sessions and devices are listed."""
    return f"PERSON#{tenant_id}#{staff_id}"


class DynamoSessions(OfPlatform):
    """The sessions of every tenant: a token is looked up before its tenant is known.

    Those of one ``kind``: another's are never found, whatever token is given.
    """

    def __init__(self, *, database: Database, keyring: Keyring, kind: str = STAFF) -> None:
        self._database = database  # binds the tables
        self._keyring = keyring
        self._kind = kind

    def get(self, *, token_hash: str, at: datetime) -> Session | None:
        """Return the live session, or None."""
        try:
            item = SessionItem.get(session_key(token_hash), self._kind, consistent_read=True)
        except DoesNotExist:
            return None
        if nullable(item.session_id) is None:  # of a version that did not list them: nobody could end it
            return None
        session = _session(item, token_hash)
        return session if at < min(session.idle_expires_at, session.expires_at) else None

    def extend(self, *, session: Session, idle_expires_at: datetime, at: datetime) -> None:
        """Move the idle expiry of a session that still exists; it was used at ``at``."""
        item = SessionItem(session_key(session.token_hash), self._kind)
        try:
            item.update(
                actions=[
                    SessionItem.idle_expires_at.set(to_iso(idle_expires_at)),
                    SessionItem.used_at.set(to_iso(at)),
                ],
                condition=SessionItem.pk.exists(),
            )
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise StoreUnavailable("the session table did not answer") from error

    def remove(self, *, session: Session) -> None:
        """End a session; absent is fine."""
        who = session.principal
        pk = person_key(who.tenant_id, who.actor_id)
        self._database.commit(_ending(pk, self._kind, session.session_id, session.token_hash))

    def of_person(self, *, tenant_id: str, staff_id: str) -> PersonSessions:
        """Return a person's sessions, expired ones too: one round trip."""
        keys = self._keyring.of(tenant_id=tenant_id)
        begun, listed, devices = 0, [], []
        for item in PersonItem.query(person_key(tenant_id, staff_id), consistent_read=True):
            if item.sk == BEGUN:
                begun = int(item.begun)
            elif item.sk.startswith(DEVICE):
                devices.append(KnownDevice(item.sk.removeprefix(DEVICE), from_iso(item.expires_at)))
            else:
                listed.append(_listed(item, keys))
        ordered = sorted(listed, key=lambda one: (one.created_at, one.session_id))
        return PersonSessions(tenant_id, staff_id, begun, tuple(ordered), tuple(devices))

    def last_used(self, *, known: PersonSessions, at: datetime) -> Mapping[str, datetime]:
        """Return when each live session was used last, by identifier: one round trip."""
        if not known.listed:
            return {}
        keys = [session_key(one.token_hash) for one in known.listed]
        found = self._database.read_together(*((SessionItem, key, self._kind) for key in keys))
        return {
            item.session_id: from_iso(nullable(item.used_at) or item.created_at)
            for item in found
            if item is not None and at < from_iso(item.idle_expires_at)
        }

    def mark(self, *, session: Session) -> str:
        """Return the blind mark of the device that a session is on."""
        who, device = session.principal, session.device
        value = f"{who.actor_id}\x00{device.family}\x00{device.network}"
        return self._keyring.of(tenant_id=who.tenant_id).blind(kind="device", value=value)

    def start(
        self, *, session: Session, known: PersonSessions, ended: Collection[str] = ()
    ) -> Sequence[ModelWrite]:
        """Describe beginning a session, and ending those named; refused with SessionsMoved."""
        item, ttl = _item(session, self._kind), int(session.expires_at.timestamp())
        pk = person_key(session.principal.tenant_id, session.principal.actor_id)
        listed = PersonItem(
            pk,
            f"{LISTED}{session.session_id}",
            token_hash=session.token_hash,
            created_at=to_iso(session.created_at),
            expires_at=to_iso(session.expires_at),
            device=self._sealed(pk, session),
            ttl=ttl,
        )
        counted = PersonItem(pk, BEGUN, begun=known.begun + 1, ttl=ttl)
        return [
            put(counted, condition=_unmoved(known), refused=_moved()),
            put_new(item, refused=_moved()),
            put_new(listed, refused=_moved()),
            *self._seen(pk, session, known),
            *_endings(known, self._kind, ended),
        ]

    def _sealed(self, pk: str, session: Session) -> bytes:
        plain = orjson.dumps([session.device.family, session.device.network])
        keys = self._keyring.of(tenant_id=session.principal.tenant_id)
        place = _device_place(pk, session.session_id)
        return keys.seal(family=OPERATIONAL, place=place, plain=plain)

    def _seen(self, pk: str, session: Session, known: PersonSessions) -> list[ModelWrite]:
        """Describe remembering the session's device, and forgetting what is too old or too much."""
        mark, until = self.mark(session=session), session.created_at + DEVICE_LIFE
        item = PersonItem(pk, f"{DEVICE}{mark}", expires_at=to_iso(until), ttl=int(until.timestamp()))
        others = sorted((one for one in known.devices if one.mark != mark), key=lambda one: one.until)
        gone = others[: max(0, len(others) - DEVICES_MAX + 1)]
        return [
            put(item, condition=None, refused=_moved()),
            *(delete(PersonItem(pk, f"{DEVICE}{one.mark}")) for one in gone),
        ]

    def end(
        self, *, known: PersonSessions, session_ids: Collection[str] | None = None
    ) -> Sequence[ModelWrite]:
        """Describe ending a person's sessions, all of them unless some are named."""
        return [self.none_begun(known=known), *_endings(known, self._kind, session_ids)]

    def hold(
        self, *, listed: Sequence[ListedSession], held: bool = True, read_only: bool = False
    ) -> Sequence[ModelWrite]:
        """Describe holding sessions until their person has a second factor, or that they only read.

        One that ended meanwhile comes to an item that is no session, and goes with its time.
        """
        return [
            update(
                SessionItem(session_key(one.token_hash), "SESSION"),
                actions=[
                    *([SessionItem.held.set(True)] if held else []),
                    *([SessionItem.read_only.set(True)] if read_only else []),
                    SessionItem.ttl.set(int(one.expires_at.timestamp())),
                ],
                condition=None,
                refused=_moved(),
            )
            for one in listed
        ]

    def release(self, *, session: Session) -> ModelWrite:
        """Describe that a session is held no more; refused with Busy where it ended."""
        return update(
            SessionItem(session_key(session.token_hash), "SESSION"),
            actions=[SessionItem.held.remove()],
            condition=SessionItem.session_id.exists(),
            refused=Busy("the session ended meanwhile"),
        )

    def forget(self, *, known: PersonSessions) -> Sequence[ModelWrite]:
        """Describe ending all sessions of a person, and forgetting their devices and that any began."""
        pk = person_key(known.tenant_id, known.staff_id)
        return [
            delete(PersonItem(pk, BEGUN), condition=_unmoved(known), refused=_moved()),
            *(delete(PersonItem(pk, f"{DEVICE}{one.mark}")) for one in known.devices),
            *_endings(known, self._kind, None),
        ]

    def none_begun(self, *, known: PersonSessions) -> ModelWrite:
        """Describe the condition that no session began since ``known``."""
        pk = person_key(known.tenant_id, known.staff_id)
        return check(PersonItem, pk, BEGUN, condition=_unmoved(known), refused=_moved())


def _endings(known: PersonSessions, kind: str, session_ids: Collection[str] | None) -> list[ModelWrite]:
    pk = person_key(known.tenant_id, known.staff_id)
    ended = [one for one in known.listed if session_ids is None or one.session_id in session_ids]
    return [write for one in ended for write in _ending(pk, kind, one.session_id, one.token_hash)]


def _ending(pk: str, kind: str, session_id: str, token_hash: str) -> list[ModelWrite]:
    return [
        delete(SessionItem(session_key(token_hash), kind)),
        delete(PersonItem(pk, f"{LISTED}{session_id}")),
    ]


def _unmoved(known: PersonSessions) -> Condition:
    return PersonItem.begun == known.begun if known.begun else PersonItem.pk.does_not_exist()


def _moved() -> SessionsMoved:
    return SessionsMoved("the person signed in meanwhile: try again")


def _item(session: Session, kind: str) -> SessionItem:
    who = session.principal
    return SessionItem(
        session_key(session.token_hash),
        kind,
        session_id=session.session_id,
        tenant_id=who.tenant_id,
        actor_id=who.actor_id,
        role=who.role,
        granted=None if who.granted is None else " ".join(sorted(who.granted)),
        scope=encode_scope(who.scope),
        csrf_hash=session.csrf_hash,
        created_at=to_iso(session.created_at),
        idle_expires_at=to_iso(session.idle_expires_at),
        expires_at=to_iso(session.expires_at),
        second_factor=session.second_factor or None,
        ttl=int(session.expires_at.timestamp()),
    )


def _session(item: SessionItem, token_hash: str) -> Session:
    granted = nullable(item.granted)
    return Session(
        session_id=item.session_id,
        token_hash=token_hash,
        principal=Principal(
            tenant_id=item.tenant_id,
            actor_id=item.actor_id,
            role=str(item.role),
            granted=None if granted is None else frozenset(map(Permission, granted.split())),
            scope=decode_scope(nullable(item.scope)),
        ),
        csrf_hash=item.csrf_hash,
        created_at=from_iso(item.created_at),
        idle_expires_at=from_iso(item.idle_expires_at),
        expires_at=from_iso(item.expires_at),
        second_factor=bool(item.second_factor),
        held=bool(nullable(item.held)),
        read_only=bool(nullable(item.read_only)),
    )


def _listed(item: PersonItem, keys: TenantKeys) -> ListedSession:
    session_id, sealed, device = str(item.sk).removeprefix(LISTED), nullable(item.device), UNKNOWN_DEVICE
    if sealed is not None:
        place = _device_place(item.pk, session_id)
        device = Device(*orjson.loads(keys.open(family=OPERATIONAL, place=place, sealed=sealed)))
    return ListedSession(
        session_id=session_id,
        token_hash=item.token_hash,
        created_at=from_iso(item.created_at),
        expires_at=from_iso(item.expires_at),
        device=device,
    )


def _device_place(pk: str, session_id: str) -> str:
    return f"ephemeral|{pk}|{session_id}|device"


def encode_scope(scope: Scope) -> str | None:
    """Return the stored JSON of a scope; None where nobody is left out."""
    return None if scope.everything else orjson.dumps([scope.areas, scope.dealer_id]).decode()


def decode_scope(text: str | None) -> Scope:
    """Read what ``encode_scope`` wrote."""
    if text is None:
        return Scope()
    areas, dealer_id = orjson.loads(text)
    return Scope(tuple(areas), dealer_id)
