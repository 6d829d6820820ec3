"""One tenant's store in memory: what is described happens on commit, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from chalicelib.domain.accounts import Account
from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.contacts import code_key
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.late_fees import LateFeeRule, ReconnectFee
from chalicelib.domain.packages import Package, PackageNameTaken
from chalicelib.domain.subscribers import CodeTaken, Subscriber, changed
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.plans import Standing
from chalicelib.ports.store import AuditNote, Idempotency, Page, Subscribing
from chalicelib.store.idempotency import AlreadyAnswered


@dataclass(frozen=True)
class MemoryWrite:
    """A change, and whether it is possible."""

    holds: Callable[[], bool]
    apply: Callable[[], None]
    refused: Exception
    once: str = ""


class _Named(Protocol):
    @property
    def version(self) -> int: ...


def _same(stored: _Named | None, before: _Named) -> bool:
    return stored is not None and stored.version == before.version


@dataclass
class InMemoryPackages:
    """A catalogue in a dictionary."""

    kept: dict[str, Package] = field(default_factory=dict)
    old: dict[tuple[str, int], Package] = field(default_factory=dict)

    def get(self, *, package_id: str) -> Package:
        """Return the package, or raise NotFound."""
        if package_id not in self.kept:
            raise NotFound("no such package", param="package_id")
        return self.kept[package_id]

    def list(self, *, limit: int, after: str | None) -> Page[Package]:
        """Return a page, oldest first."""
        ids = [one for one in sorted(self.kept) if after is None or one > after]
        more = ids[limit - 1] if len(ids) > limit else None
        return Page(tuple(self.kept[one] for one in ids[:limit]), more)

    def all(self) -> tuple[Package, ...]:
        """Return the whole catalogue."""
        return tuple(self.kept.values())

    def editions(self, *, package_id: str | None = None) -> tuple[Package, ...]:
        """Return the editions that later ones took the place of."""
        return tuple(one for key, one in sorted(self.old.items()) if package_id in {None, key[0]})

    def add(self, *, package: Package) -> Sequence[MemoryWrite]:
        """Describe adding a package."""
        return [self._put(package, lambda: package.package_id not in self.kept, self._taken(package))]

    def change(
        self, *, before: Package, after: Package, unless_run_starts: BillingState | None = None
    ) -> Sequence[MemoryWrite]:
        """Describe a change; no run ever starts here."""
        stored = replace(after, version=before.version + 1)
        holds = lambda: _same(self.kept.get(before.package_id), before)  # noqa: E731
        keep = lambda: self.old.update({(before.package_id, before.edition): before})  # noqa: E731
        kept = [MemoryWrite(holds, keep, StaleVersion("changed"))] if after.edition != before.edition else []
        return [
            *kept,
            self._put(stored, holds, StaleVersion("changed")),
            self._put(stored, lambda: True, self._taken(after)),
        ]

    def _taken(self, package: Package) -> Exception:
        return PackageNameTaken(package.name, param="name")

    def _put(self, package: Package, holds: Callable[[], bool], refused: Exception) -> MemoryWrite:
        def free() -> bool:
            if not isinstance(refused, PackageNameTaken):
                return True
            name = package.name.casefold()
            others = (one for one in self.kept.values() if one.package_id != package.package_id)
            return all(one.name.casefold() != name for one in others)

        return MemoryWrite(
            lambda: holds() and free(), lambda: self.kept.update({package.package_id: package}), refused
        )


@dataclass
class InMemorySubscribers:
    """Subscribers in a dictionary."""

    kept: dict[str, Subscriber] = field(default_factory=dict)

    def get(self, *, subscriber_id: str) -> Subscriber:
        """Return the subscriber, or raise NotFound."""
        if subscriber_id not in self.kept:
            raise NotFound("no such subscriber", param="subscriber_id")
        return self.kept[subscriber_id]

    def add(self, *, subscriber: Subscriber) -> Sequence[MemoryWrite]:
        """Describe adding a subscriber."""
        return [self._put(subscriber, lambda: self._free(subscriber), CodeTaken("taken", param="code"))]

    def change_profile(self, *, before: Subscriber, after: Subscriber) -> Sequence[MemoryWrite]:
        """Describe a change of the person's data."""
        stored = changed(before=before, after=after)
        guarded = stored.account.version != before.account.version

        def unmoved() -> bool:
            now = self.kept.get(before.subscriber_id)
            return _same(now, before) and not (
                guarded and now is not None and now.account.version != before.account.version
            )

        return [
            self._put(stored, unmoved, StaleVersion("changed")),
            self._put(stored, lambda: self._free(after), CodeTaken("taken", param="code")),
        ]

    def change_account(self, *, before: Account, after: Account) -> Sequence[MemoryWrite]:
        """Describe a change of subscriptions."""

        def apply() -> None:
            account = replace(after, version=before.version + 1)
            self.kept[before.account_id] = replace(self.kept[before.account_id], account=account)

        def unmoved() -> bool:
            now = self.kept.get(before.account_id)
            return _same(now.account if now else None, before)

        return [MemoryWrite(unmoved, apply, StaleVersion("changed"))]

    def past_subscriptions(self, *, account_id: str, slot: int | None = None) -> tuple[()]:
        """Nothing leaves the accounts of a dictionary."""
        return ()

    def _free(self, subscriber: Subscriber) -> bool:
        others = (one for one in self.kept.values() if one.subscriber_id != subscriber.subscriber_id)
        return all(code_key(code=one.code) != code_key(code=subscriber.code) for one in others)

    def _put(self, subscriber: Subscriber, holds: Callable[[], bool], refused: Exception) -> MemoryWrite:
        return MemoryWrite(holds, lambda: self.kept.update({subscriber.subscriber_id: subscriber}), refused)


@dataclass
class InMemoryLateFees:
    """A tenant without rules of late fees; restoring service costs what is set."""

    fee: ReconnectFee = field(default_factory=ReconnectFee)

    def rules(self) -> tuple[LateFeeRule, ...]:
        """Return no rules."""
        return ()

    def reconnect(self) -> ReconnectFee:
        """Return what restoring service costs."""
        return self.fee


class NoInvoices:
    """An account of which nothing is billed."""

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[Invoice]:
        """Return nothing."""
        return Page(())


class NoPlans:
    """A tenant on no plan, whose subscribers nobody counts."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def standing(self) -> Standing:
        """Return no plan."""
        return Standing(self._tenant, None, 0)

    def counted(self, *, more: int, of: str) -> MemoryWrite:
        """Describe counting nothing."""
        return MemoryWrite(lambda: True, lambda: None, StaleVersion("never"))


class NobodyErased:
    """An erasure ledger without entries."""

    def is_erased(self, *, subject_id: str) -> bool:
        """Return that nobody is."""
        return False


@dataclass
class InMemoryTenantStore:
    """The parts of a tenant's store that selling uses."""

    tenant: Tenant
    packages: InMemoryPackages = field(default_factory=InMemoryPackages)
    subscribers: InMemorySubscribers = field(default_factory=InMemorySubscribers)
    late_fees: InMemoryLateFees = field(default_factory=InMemoryLateFees)
    invoices: NoInvoices = field(default_factory=NoInvoices)
    privacy: NobodyErased = field(default_factory=NobodyErased)
    notes: list[AuditNote] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def tenant_id(self) -> str:
        """The tenant's id."""
        return self.tenant.tenant_id

    def profile(self) -> Tenant:
        """Return the tenant."""
        return self.tenant

    @property
    def plans(self) -> NoPlans:
        """No plan."""
        return NoPlans(self.tenant)

    def subscribing(self, *, subscriber_id: str, package_id: str | None = None) -> Subscribing:
        """Return a subscriber, the tenant and a package."""
        subscriber = self.subscribers.get(subscriber_id=subscriber_id)
        package = None if package_id is None else self.packages.get(package_id=package_id)
        return Subscribing(self.tenant, subscriber, package)

    def note(self, *, note: AuditNote) -> MemoryWrite:
        """Describe keeping the note."""
        return MemoryWrite(lambda: True, lambda: self.notes.append(note), StaleVersion("never"))

    def remember(self, *, idempotency: Idempotency | None, answer: object) -> Sequence[MemoryWrite]:
        """Describe keeping the answer."""
        if idempotency is None:
            return []
        key, text = idempotency.key, idempotency.render(answer)
        refused = AlreadyAnswered("answered already")
        return [
            MemoryWrite(lambda: key not in self.answers, lambda: self.answers.update({key: text}), refused)
        ]

    def commit(self, *writes: MemoryWrite) -> None:
        """Make all writes, or raise the first refusal."""
        for write in writes:
            if not write.holds():
                raise write.refused
        for write in writes:
            write.apply()
