"""Subscribers in DynamoDB: the account, the person, the row of the list, and blind indexes.

- ``<tenant>#A#<ulid>`` / ``ACCOUNT``: what billing reads and rewrites (``store.accounts``).
- the same / ``ACCOUNT#PERSON``: contact, area, archived. One query reads both, no invoices.
- the same / ``PAST#<slot>``: a finished subscription that left the account.
- ``<tenant>#DIR`` / folded code: makes the code unique, and is the row of the list.
- ``<tenant>#BIX#<kind>#<digest>`` / folded code: finds by email, phone or national id. The
  code is the sort key, so that whatever was searched for, a page is in the order of codes.

The contact is sealed as one JSON text: it is read and written whole, and one nonce and tag
in the place of seven keep the item within a write unit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import Account, Subscription, SubscriptionState, summary_status
from chalicelib.domain.contacts import (
    Contact,
    code_key,
    normal_digits,
    normal_email,
    normal_national_id,
)
from chalicelib.domain.errors import Conflict, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_subscriber_id
from chalicelib.domain.staff import Scope
from chalicelib.domain.subscribers import (
    CodeTaken,
    Subscriber,
    SubscriberSummary,
    changed,
)
from chalicelib.ports.store import Page, SubscriberQuery
from chalicelib.store import keys
from chalicelib.store.accounts import (
    OPERATIONAL,
    AccountItem,
    account_of,
    account_values,
    decode_subscriptions,
    encode_subscriptions,
    seal_recipient,
)
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
    update,
)
from chalicelib.store.due import DueFiling
from chalicelib.store.subscriber_search import BlindItem, Directory, DirectoryItem
from chalicelib.store.usage import DynamoUsage

# Named here, for in the class below ``list`` is a method.
Actions: TypeAlias = list[Any]


class PersonItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``ACCOUNT#PERSON``."""

    contact = BinaryAttribute(attr_name="d", legacy_encoding=False)
    area = UnicodeAttribute(attr_name="ar")
    archived = BooleanAttribute(attr_name="x")
    dealer_id = UnicodeAttribute(attr_name="dl", null=True)
    revision = NumberAttribute(attr_name="pv")
    created_at = UnicodeAttribute(attr_name="at")


class PastItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``PAST#<slot>``: a finished subscription that left the account."""

    subscription = UnicodeAttribute(attr_name="s")


class SubscriberItem(AccountItem, PersonItem):
    """Either half of a subscriber, as one query reads them; never written."""


Read: TypeAlias = tuple[type[SubscriberItem], str, str]


class DynamoSubscribers(OfTenant):
    """A tenant's subscribers."""

    def __init__(
        self, *, tenant_id: str, tenant_keys: TenantKeys, due: DueFiling, usage: DynamoUsage
    ) -> None:
        self._usage = usage
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._due = due
        self._directory = Directory(tenant_id=tenant_id, tenant_keys=tenant_keys)

    # -- reading ---------------------------------------------------------------------------

    def get(self, *, subscriber_id: str) -> Subscriber:
        """Return the subscriber with its account, or raise NotFound: one round trip."""
        (_, pk, _), _ = self.reads(subscriber_id=subscriber_id)
        both = SubscriberItem.sk.startswith(keys.ACCOUNT)
        halves = {one.sk: one for one in SubscriberItem.query(pk, both, consistent_read=True)}
        return self.subscriber_of(halves.get(keys.ACCOUNT), halves.get(keys.PERSON))

    def reads(self, *, subscriber_id: str) -> tuple[Read, Read]:
        """Return where both halves stand, to be read together with other items; or raise NotFound."""
        if not is_subscriber_id(value=subscriber_id):
            raise _absent()
        pk = keys.account(self._tenant_id, subscriber_id)
        return (SubscriberItem, pk, keys.ACCOUNT), (SubscriberItem, pk, keys.PERSON)

    def subscriber_of(self, account: SubscriberItem | None, person: SubscriberItem | None) -> Subscriber:
        """Return a subscriber whose halves were read, or raise NotFound."""
        if account is None or person is None:
            raise _absent()
        return self._subscriber(account, person)

    def many(self, *, subscriber_ids: Sequence[str]) -> tuple[Subscriber, ...]:
        """Return those that exist, in the order asked for: one round trip for every 50."""
        wanted = [keys.account(self._tenant_id, one) for one in subscriber_ids if is_subscriber_id(value=one)]
        pairs = [(pk, sk) for pk in wanted for sk in (keys.ACCOUNT, keys.PERSON)]
        halves = {(one.pk, one.sk): one for one in SubscriberItem.batch_get(pairs, consistent_read=True)}
        return tuple(
            self._subscriber(halves[pk, keys.ACCOUNT], halves[pk, keys.PERSON])
            for pk in wanted
            if (pk, keys.ACCOUNT) in halves and (pk, keys.PERSON) in halves
        )

    def list(self, *, query: SubscriberQuery, limit: int, after: str | None) -> Page[SubscriberSummary]:
        """Return a page ordered by code, case aside."""
        return self._directory.page(query=query, limit=limit, after=after)

    def within(self, *, scope: Scope, account_ids: Collection[str]) -> set[str]:
        """Return which of the accounts are of subscribers that the scope holds: one round trip for 100."""
        asked = {keys.account(self._tenant_id, one): one for one in account_ids}
        wanted = [(pk, keys.PERSON) for pk in asked]
        people = PersonItem.batch_get(wanted, consistent_read=True)
        return {
            asked[str(one.pk)]
            for one in people
            if scope.holds(area=one.area, dealer_id=nullable(one.dealer_id) or "")
        }

    def existing_codes(self, *, codes: Sequence[str]) -> set[str]:
        """Return which of the codes are taken, case aside, as they were given."""
        return self._directory.existing_codes(codes=codes)

    # -- changes ---------------------------------------------------------------------------

    def add(self, *, subscriber: Subscriber) -> Sequence[ModelWrite]:
        """Describe adding a subscriber; refused with CodeTaken.

        These are 3 writes, one for each of email, phone and national id, and those that file
        its subscriptions: many subscribers fit one transaction.
        """
        taken = Conflict("another subscriber has this identifier")
        return [
            put_new(self._row(subscriber), refused=_code_taken(subscriber.code)),
            put_new(self._account(subscriber), refused=taken),
            put_new(self._person(subscriber), refused=taken),
            *(put(item, condition=None, refused=_stale()) for item in self.blind_items(subscriber)),
            *self._due.file(before=None, after=subscriber.account),
        ]

    def change_profile(self, *, before: Subscriber, after: Subscriber) -> Sequence[ModelWrite]:
        """Describe a change of the person's data; refused with StaleVersion or CodeTaken."""
        stored = changed(before=before, after=after)
        person = put(self._person(stored), condition=PersonItem.revision == before.version, refused=_stale())
        return [
            person,
            *self._change_row(before, stored),
            *self._change_account(before, stored),
            *self._change_blind(before, stored),
        ]

    def change_account(self, *, before: Account, after: Account) -> Sequence[ModelWrite]:
        """Describe a change of money or subscriptions, re-filing what is due; refused with StaleVersion."""
        assert before.code == after.code, "a code changes with the profile"
        item = AccountItem(keys.account(self._tenant_id, before.account_id), keys.ACCOUNT)
        was, now = (
            account_values(before),
            account_values(replace(after, version=max(after.version, before.version + 1))),
        )
        actions: Actions = [
            getattr(AccountItem, name).remove() if value is None else getattr(AccountItem, name).set(value)
            for name, value in now.items()
            if value != was[name]
        ]
        unmoved = AccountItem.version == before.version
        writes = [update(item, actions=actions, condition=unmoved, refused=_stale())]
        if _status(before) != _status(after):
            writes.append(self._update_row(before.account_id, before.code, _status_actions(after)))
        return [
            *writes,
            *self._past(before, after),
            *self._ended(before, after),
            *self._due.file(before=before, after=after),
        ]

    def past_subscriptions(self, *, account_id: str, slot: int | None = None) -> tuple[Subscription, ...]:
        """Return the subscriptions that are over and left an account, by slot: all, or that of one."""
        if not is_subscriber_id(value=account_id):
            return ()
        sort = keys.PAST_SUBSCRIPTIONS if slot is None else keys.past_subscription(slot)
        pk, those = keys.account(self._tenant_id, account_id), PastItem.sk.startswith(sort)
        items = PastItem.query(pk, those, consistent_read=True)
        return tuple(decode_subscriptions(item.subscription)[0] for item in items)

    def _past(self, before: Account, after: Account) -> Iterable[ModelWrite]:
        """Describe keeping by themselves the finished subscriptions that leave the account."""
        kept = {sub.slot for sub in after.subscriptions}
        for sub in before.subscriptions:
            if sub.slot not in kept and sub.finished:
                pk, text = keys.account(self._tenant_id, before.account_id), encode_subscriptions((sub,))
                item = PastItem(pk, keys.past_subscription(sub.slot), subscription=text)
                yield put(item, condition=None, refused=_stale())

    def _ended(self, before: Account, after: Account) -> Iterable[ModelWrite]:
        """Describe that the use of data is settled with each end of service that is new."""
        for was in before.subscriptions:
            sub = after.subscription(slot=was.slot)
            if sub is not None and sub.ends_on is not None and sub.ends_on != was.ends_on:
                yield from self._usage.ended(account_id=before.account_id, slot=sub.slot, ends_on=sub.ends_on)

    def _change_row(self, before: Subscriber, after: Subscriber) -> Sequence[ModelWrite]:
        if code_key(code=before.code) != code_key(code=after.code):
            old = DirectoryItem(keys.directory(self._tenant_id), code_key(code=before.code))
            mine = DirectoryItem.subscriber_id == before.subscriber_id
            return [
                delete(old, condition=mine, refused=_stale()),
                put_new(self._row(after), refused=_code_taken(after.code)),
            ]
        row = self._row(after)
        name, dealer = nullable(row.name), nullable(row.dealer_id)
        actions: Actions = [
            DirectoryItem.code.set(row.code),
            DirectoryItem.area.set(row.area),
            DirectoryItem.archived.set(row.archived),
            DirectoryItem.name.remove() if name is None else DirectoryItem.name.set(name),
            DirectoryItem.dealer_id.remove() if dealer is None else DirectoryItem.dealer_id.set(dealer),
        ]
        return [self._update_row(before.subscriber_id, before.code, actions)]

    def _update_row(self, subscriber_id: str, code: str, actions: Actions) -> ModelWrite:
        row = DirectoryItem(keys.directory(self._tenant_id), code_key(code=code))
        mine = DirectoryItem.subscriber_id == subscriber_id
        return update(row, actions=actions, condition=mine, refused=_stale())

    def _change_account(self, before: Subscriber, after: Subscriber) -> Sequence[ModelWrite]:
        """Keep the account's copies; its version moves only where billing must take notice."""
        actions: Actions = []
        condition: Condition = AccountItem.pk.exists()
        if before.contact.recipient != after.contact.recipient:
            sealed = self._sealed_recipient(after)
            who = AccountItem.recipient
            actions.append(who.remove() if sealed is None else who.set(sealed))
        if after.account.version != before.account.version:
            condition = AccountItem.version == before.account.version
            actions += [AccountItem.code.set(after.code), AccountItem.version.set(after.account.version)]
            own, consolidated = after.account.consolidated, AccountItem.consolidated
            actions.append(consolidated.remove() if own is None else consolidated.set(own))
        if not actions:
            return []
        item = AccountItem(keys.account(self._tenant_id, before.subscriber_id), keys.ACCOUNT)
        return [update(item, actions=actions, condition=condition, refused=_stale())]

    def _change_blind(self, before: Subscriber, after: Subscriber) -> Sequence[ModelWrite]:
        old = {(item.pk, item.sk): item for item in self.blind_items(before)}
        new = {(item.pk, item.sk): item for item in self.blind_items(after)}
        gone = [delete(item) for key, item in old.items() if key not in new]
        come = [put(item, condition=None, refused=_stale()) for key, item in new.items() if key not in old]
        return [*gone, *come]

    # -- items -----------------------------------------------------------------------------

    def _account(self, subscriber: Subscriber) -> AccountItem:
        account = subscriber.account
        assert account.account_id == subscriber.subscriber_id
        assert account.code == subscriber.code
        return AccountItem(
            keys.account(self._tenant_id, account.account_id),
            keys.ACCOUNT,
            code=account.code,
            recipient=self._sealed_recipient(subscriber),
            **account_values(account),
        )

    def _sealed_recipient(self, subscriber: Subscriber) -> bytes | None:
        recipient = subscriber.contact.recipient
        if recipient is None:
            return None
        pk = keys.account(self._tenant_id, subscriber.subscriber_id)
        return seal_recipient(keys=self._keys, pk=pk, recipient=recipient)

    def _person(self, subscriber: Subscriber) -> PersonItem:
        pk = keys.account(self._tenant_id, subscriber.subscriber_id)
        plain = orjson.dumps({name: text for name, text in asdict(subscriber.contact).items() if text})
        return PersonItem(
            pk,
            keys.PERSON,
            contact=self._keys.seal(family=OPERATIONAL, place=_contact_place(pk), plain=plain),
            area=subscriber.area,
            archived=subscriber.archived,
            dealer_id=subscriber.dealer_id or None,
            revision=subscriber.version,
            created_at=to_iso(subscriber.created_at),
        )

    def _row(self, subscriber: Subscriber) -> DirectoryItem:
        status, package_ids = _status(subscriber.account)
        sort = code_key(code=subscriber.code)
        return DirectoryItem(
            keys.directory(self._tenant_id),
            sort,
            code=subscriber.code,
            subscriber_id=subscriber.subscriber_id,
            status=status,
            area=subscriber.area,
            package_ids=package_ids,
            archived=subscriber.archived,
            dealer_id=subscriber.dealer_id or None,
            name=self._directory.seal_name(sort=sort, name=subscriber.contact.name),
        )

    def blind_items(self, subscriber: Subscriber) -> Iterable[BlindItem]:
        """Yield what finds a subscriber by email, phone or national id."""
        contact, sort = subscriber.contact, code_key(code=subscriber.code)
        for kind, value in (
            ("email", normal_email(email=contact.email)),
            ("phone", normal_digits(text=contact.phone)),
            ("nid", normal_national_id(text=contact.national_id)),
        ):
            if value:
                yield BlindItem(self._directory.blind_key(kind=kind, value=value), sort)

    def _subscriber(self, account: SubscriberItem, person: SubscriberItem) -> Subscriber:
        subscriber_id = f"sbr_{account.pk.rpartition('#')[2]}"
        place = _contact_place(account.pk)
        plain = self._keys.open(family=OPERATIONAL, place=place, sealed=person.contact)
        return Subscriber(
            subscriber_id=subscriber_id,
            code=account.code,
            area=person.area,
            contact=Contact(**orjson.loads(plain)),
            account=account_of(account, account_id=subscriber_id),
            archived=person.archived,
            created_at=from_iso(person.created_at),
            version=int(person.revision),
            dealer_id=nullable(person.dealer_id) or "",
        )


def _contact_place(pk: str) -> str:
    return f"tenants|{pk}|{keys.PERSON}|contact"


def _status(account: Account) -> tuple[str, str | None]:
    """Return what the row shows of an account: its status, and the packages not terminated."""
    live = {sub.package_id for sub in account.subscriptions if sub.state is not SubscriptionState.TERMINATED}
    return summary_status(account=account), " ".join(sorted(live)) or None


def _status_actions(account: Account) -> Actions:
    status, package_ids = _status(account)
    packages = DirectoryItem.package_ids
    return [
        DirectoryItem.status.set(status),
        packages.remove() if package_ids is None else packages.set(package_ids),
    ]


def _absent() -> NotFound:
    return NotFound("no such subscriber", param="subscriber_id")


def _stale() -> StaleVersion:
    return StaleVersion("the subscriber changed since it was read")


def _code_taken(code: str) -> CodeTaken:
    return CodeTaken(f"another subscriber has the code {code!r}", param="code")
