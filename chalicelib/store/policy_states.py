"""Of which versions of policies people were told, and which they accepted.

- ``<tenant>#POLICY#<staff id>`` / ``<document>#<version>``: what a person was mailed, has seen and accepted.
- ``<tenant>#POLICIES`` / ``<document>#<version>``: that everybody was mailed who is to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain.errors import Busy
from chalicelib.domain.policies import Document, PolicyState, PolicyVersion
from chalicelib.ports.consents import MailedAlready
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, to_iso, update


class PolicyStateItem(TenantsItem):
    """What a person was told of a version; each attribute is there from when it happened."""

    mailed_at = UnicodeAttribute(null=True)
    dismissed_at = UnicodeAttribute(null=True)
    accepted_at = UnicodeAttribute(null=True)


class PolicyToldItem(TenantsItem):
    """That everybody was mailed who is to be."""

    told_at = UnicodeAttribute()


class DynamoPolicyStates(OfTenant):
    """A tenant's staff and the platform's policies."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def of_person(self, *, staff_id: str) -> Mapping[tuple[Document, str], PolicyState]:
        """Return what is known of a person, by document and version: one round trip."""
        found = PolicyStateItem.query(keys.policy_states(self._tenant_id, staff_id), consistent_read=True)
        states = map(_state, found)
        return {(one.document, one.version): one for one in states}

    def claim_mail(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> ModelWrite:
        """Describe that a person is mailed now; refused with MailedAlready."""
        return update(
            self._item(staff_id, version),
            actions=[PolicyStateItem.mailed_at.set(to_iso(at))],
            condition=PolicyStateItem.mailed_at.does_not_exist(),
            refused=MailedAlready("the person was mailed about this version"),
            decides=True,
        )

    def give_up_mail(self, *, staff_id: str, version: PolicyVersion) -> ModelWrite:
        """Describe that the mail was not taken, so that it is to be sent again."""
        return self._change(staff_id, version, PolicyStateItem.mailed_at.remove())

    def dismiss(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> ModelWrite:
        """Describe that a person has seen a notice; the first time stays."""
        first = PolicyStateItem.dismissed_at | to_iso(at)
        return self._change(staff_id, version, PolicyStateItem.dismissed_at.set(first))

    def accept(self, *, staff_id: str, version: PolicyVersion, at: datetime) -> ModelWrite:
        """Describe that a person accepted a version; the first time stays."""
        first = PolicyStateItem.accepted_at | to_iso(at)
        return self._change(staff_id, version, PolicyStateItem.accepted_at.set(first))

    def told(self) -> frozenset[tuple[Document, str]]:
        """Return the versions of which everybody of the tenant was told who is to be: one round trip."""
        found = PolicyToldItem.query(keys.policies_told(self._tenant_id), consistent_read=True)
        return frozenset(_named(one.sk) for one in found)

    def all_told(self, *, version: PolicyVersion, at: datetime) -> ModelWrite:
        """Describe that this is so for a version."""
        item = PolicyToldItem(keys.policies_told(self._tenant_id), _sort(version), told_at=to_iso(at))
        return put(item, condition=None, refused=Busy("the note has no condition"))

    def _change(self, staff_id: str, version: PolicyVersion, action: Any) -> ModelWrite:
        never = Busy("the state has no condition")
        return update(self._item(staff_id, version), actions=[action], condition=None, refused=never)

    def _item(self, staff_id: str, version: PolicyVersion) -> PolicyStateItem:
        return PolicyStateItem(keys.policy_states(self._tenant_id, staff_id), _sort(version))


def _sort(version: PolicyVersion) -> str:
    return f"{version.document.value}#{version.version}"


def _named(sort: str) -> tuple[Document, str]:
    document, _, version = sort.partition("#")
    return Document(document), version


def _state(item: PolicyStateItem) -> PolicyState:
    document, version = _named(item.sk)
    return PolicyState(
        document=document,
        version=version,
        mailed_at=_time(nullable(item.mailed_at)),
        dismissed_at=_time(nullable(item.dismissed_at)),
        accepted_at=_time(nullable(item.accepted_at)),
    )


def _time(stored: str | None) -> datetime | None:
    return None if stored is None else from_iso(stored)
