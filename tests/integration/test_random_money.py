"""Random commands on money, told twice and dying midway: after each of them the books are right.

A clerk draws what to do with two subscribers. Every command has an idempotency key; now and then the
process dies just before or just after the database wrote, and the command is sent again, and now and
then it is sent again though it was answered. ``make simulate`` draws many more lives.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from chalicelib.domain.credit_notes import CreditReason
from chalicelib.domain.documents import Document, DocumentKind, Entry
from chalicelib.domain.errors import DomainError
from chalicelib.domain.gateways import Credentials, GatewayUnavailable, RefundAsked, RefundMade
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import Money
from chalicelib.domain.payments import Channel, WriteOffReason, receive
from chalicelib.domain.reversals import REASON_BOUNCED
from chalicelib.ports.store import AuditNote, Idempotency, Write
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.chargebacks import ChargebackAsked, charge_payment_back, win_chargeback
from chalicelib.usecases.credit_notes import CreditAsked, issue_credit_note
from chalicelib.usecases.payments import PaymentAsked, ReversalAsked, record_payment, reverse_payment
from chalicelib.usecases.posting import Books, post
from chalicelib.usecases.reallocations import ReallocationAsked, reallocate_receipt
from chalicelib.usecases.receipt_refunds import (
    GatewayAccess,
    RefundByHand,
    begin_gateway_refund,
    finish_gateway_refund,
    give_payment_back,
)
from chalicelib.usecases.settlements import (
    Allocation,
    AllocationAsked,
    WriteOffAsked,
    allocate_account,
    write_off_invoice,
)
from tests.examples import FACTOR
from tests.integration.books_check import check_books
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.shop import Shop
from tests.integration.test_posting import charge

# A step takes a tenth of a second, for all the books are read after it: `make test` takes few.
STEPS = 12 if FACTOR == 1 else 30
T = TypeVar("T")


class Died(Exception):
    """The process ended here."""


class MortalStore(DynamoTenantStore):
    """A store whose process dies at a commit: before the database wrote, or after it did."""

    dies: str = ""

    def commit(self, *writes: Write) -> None:
        """Commit, if it comes to that."""
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Died
        super().commit(*writes)
        if dies == "after":
            raise Died


class Gateway:
    """Gives back once for each key, and may die before its answer arrives, or before it did anything."""

    refunds = True
    refunds_by_key = True

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.given_back: dict[str, int] = {}

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        if self._chance.random() < 0.2:
            raise GatewayUnavailable("away")
        self.given_back[asked.key] = asked.amount.amount
        if self._chance.random() < 0.2:
            raise GatewayUnavailable("the answer was lost")
        return RefundMade(f"re_{len(self.given_back)}")


class Clerk:
    """Does things at random with subscribers' money."""

    def __init__(self, services: EngineServices, tenant_id: str, accounts: Sequence[str], seed: int) -> None:
        self.store = MortalStore(
            tenant_id=tenant_id,
            database=services.database,
            keyring=services.keyring,
            ids=services.ids,
            clock=services.clock,
        )
        self.chance = random.Random(seed)
        self.gateway = Gateway(self.chance)
        self.accounts = accounts
        self.at = NOW
        self.key = ""
        self.done: Counter[str] = Counter()

    # -- one command ---------------------------------------------------------------------------

    def step(self, number: int) -> None:
        """Do one thing, perhaps dying at it, and perhaps again."""
        self.at, self.key = NOW + timedelta(hours=number), f"key-{number}"
        doing = self.chance.choice(
            [
                *(self.invoice, self.pay, self.pay_by_gateway) * 3,
                self.credit_note,
                self.write_off,
                self.allocate,
                self.reallocate,
                self.reallocate,
                self.reverse,
                self.refund,
                self.charge_back,
                self.win,
            ]
        )
        command = doing(self.chance.choice(self.accounts))
        if command is None:
            return
        self.store.dies = self.chance.choice(["", "", "before", "after"])
        answers = [self.ask(command)]
        while answers[-1] == "died" or self.chance.random() < 0.25:
            answers.append(self.ask(command))
        kept = {one for one in answers if one != "died"}
        assert len(kept) == 1, answers  # told again, the answer is the same
        self.done[f"{doing.__name__} {'done' if kept == {'done'} else 'refused'}"] += 1

    def ask(self, command: Callable[[], object]) -> str:
        """Send a command, as the API does: a refusal of a key that was answered is its answer."""
        try:
            command()
        except Died:
            return "died"
        except DomainError as error:
            return self.store.answered(idempotency=self.idempotency) or error.code
        finally:
            self.store.dies = ""
        return "done"

    @property
    def idempotency(self) -> Idempotency:
        return Idempotency("test", self.key, "hash", lambda _: "done")

    @property
    def note(self) -> AuditNote:
        return AuditNote("stf_1", "test.done", "x", self.at)

    # -- what may be done --------------------------------------------------------------------------

    def money(self, most: int = 90_000) -> Money:
        return Money(self.chance.randint(1, most), "PKR")

    def chosen(self, found: Sequence[T]) -> T | None:
        return self.chance.choice(found) if found else None

    def documents(self, account_id: str) -> list[Document]:
        return list(self.store.documents.of_account(account_id=account_id, limit=200, after=None).items)

    def receipt(self, account_id: str) -> Document | None:
        receipts = [one for one in self.documents(account_id) if one.kind is DocumentKind.RECEIPT]
        return self.chosen(receipts)

    def some_invoice(self, account_id: str) -> Invoice | None:
        page = self.store.invoices.of_account(account_id=account_id, limit=200, after=None)
        return self.chosen(page.items)

    def invoice(self, account_id: str) -> Callable[[], object]:
        amount = self.money().amount
        return lambda: self.post(account_id, lambda books: charge(books, amount))

    def post(self, account_id: str, make: Callable[[Books], Entry]) -> object:
        return post(
            store=self.store,
            subscriber_id=account_id,
            make=make,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def pay(self, account_id: str) -> Callable[[], object]:
        asked = PaymentAsked(self.money(), self.chance.choice([Channel.CASH, Channel.CHEQUE]))
        return lambda: record_payment(
            store=self.store,
            subscriber_id=account_id,
            asked=asked,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def pay_by_gateway(self, account_id: str) -> Callable[[], object]:
        amount = self.money().amount
        return lambda: self.post(
            account_id,
            lambda books: receive(
                account=books.subscriber.account, amount=amount, channel="stripe", reference=self.key
            ),
        )

    def credit_note(self, account_id: str) -> Callable[[], object] | None:
        if (invoice := self.some_invoice(account_id)) is None:
            return None
        asked = CreditAsked(CreditReason.ERROR, share=self.chance.randint(1, 1_000_000))
        return lambda: issue_credit_note(
            store=self.store,
            invoice_id=invoice.invoice_id,
            asked=asked,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def write_off(self, account_id: str) -> Callable[[], object] | None:
        if (invoice := self.some_invoice(account_id)) is None:
            return None
        return lambda: write_off_invoice(
            store=self.store,
            invoice_id=invoice.invoice_id,
            asked=WriteOffAsked(WriteOffReason.UNCOLLECTIBLE),
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def allocate(self, account_id: str) -> Callable[[], object]:
        return lambda: allocate_account(
            store=self.store,
            subscriber_id=account_id,
            asked=AllocationAsked(),
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def reallocate(self, account_id: str) -> Callable[[], object] | None:
        receipt, invoice = self.receipt(account_id), self.some_invoice(account_id)
        if receipt is None or invoice is None:
            return None
        part = Money(self.chance.randint(1, invoice.total), "PKR")
        named = ReallocationAsked([Allocation(invoice.invoice_id, part)])
        asked = self.chance.choice([named, ReallocationAsked(oldest_due=True), ReallocationAsked()])
        return lambda: reallocate_receipt(
            store=self.store,
            document_id=receipt.document_id,
            asked=asked,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def reverse(self, account_id: str) -> Callable[[], object] | None:
        if (receipt := self.receipt(account_id)) is None:
            return None
        bounced = receipt.channel == Channel.CHEQUE
        asked = (
            ReversalAsked("no funds", REASON_BOUNCED, self.money(900)) if bounced else ReversalAsked("typo")
        )
        return lambda: reverse_payment(
            store=self.store,
            document_id=receipt.document_id,
            asked=asked,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def refund(self, account_id: str) -> Callable[[], object] | None:
        if (receipt := self.receipt(account_id)) is None:
            return None
        amount = self.money(receipt.amount)
        if receipt.channel == "stripe":
            return lambda: self.refund_by_gateway(receipt, amount)
        return lambda: give_payment_back(
            store=self.store,
            document_id=receipt.document_id,
            asked=RefundByHand(amount, Channel.CASH),
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def refund_by_gateway(self, receipt: Document, amount: Money) -> object:
        return begin_gateway_refund(
            store=self.store,
            document_id=receipt.document_id,
            amount=amount,
            gateway_of=self.access,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def access(self, _: Document) -> GatewayAccess:
        return GatewayAccess(self.gateway, Credentials({}), "R")  # type: ignore[arg-type]

    def charge_back(self, account_id: str) -> Callable[[], object] | None:
        if (receipt := self.receipt(account_id)) is None:
            return None
        amount = self.chance.choice([None, self.money(receipt.amount)])
        asked = ChargebackAsked(f"case-{self.chance.randint(1, 12)}", amount)
        return lambda: charge_payment_back(
            store=self.store,
            document_id=receipt.document_id,
            asked=asked,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    def win(self, _: str) -> Callable[[], object] | None:
        cases = self.store.money.chargebacks.list(limit=200, after=None).items
        if (case := self.chosen(cases)) is None:
            return None
        return lambda: win_chargeback(
            store=self.store,
            document_id=case.receipt_id,
            case_id=case.case_id,
            at=self.at,
            note=self.note,
            idempotency=self.idempotency,
        )

    # -- refunds that are under way -----------------------------------------------------------------

    def finish_refunds(self) -> None:
        """Try to finish what is under way, dying at it now and then, until nothing is."""
        while pending := self.store.money.gateway_refunds.pending(limit=50, after=None).items:
            self.store.dies = self.chance.choice(["", "before", "after"])
            try:
                finish_gateway_refund(
                    store=self.store,
                    refund_id=pending[0].refund_id,
                    gateway_of=self.access,
                    at=self.at,
                    note=self.note,
                )
            except (Died, GatewayUnavailable):
                continue
            finally:
                self.store.dies = ""

    def given_back(self) -> dict[str, int]:
        """What the books say gateways gave back, by refund."""
        refunds = [one for account in self.accounts for one in self.documents(account)]
        by_gateway = [one for one in refunds if one.kind is DocumentKind.REFUND and one.channel == "stripe"]
        return {one.document_id: one.amount for one in by_gateway}


@pytest.mark.parametrize("seed", range(1, FACTOR + 1))
def test_books_are_right_after_each_step_whatever_is_told_twice_or_dies(
    services: EngineServices, signed_in: SignedIn, seed: int
) -> None:
    shop = Shop(signed_in, services)
    accounts = [shop.subscriber()["subscriber_id"] for _ in range(2)]
    clerk = Clerk(services, signed_in.tenant_id, accounts, seed)

    for number in range(STEPS):
        clerk.step(number)
        check_books(services, signed_in.tenant_id)
        if number % 10 == 9:
            clerk.finish_refunds()

    clerk.finish_refunds()
    audit = check_books(services, signed_in.tenant_id)
    assert clerk.given_back() == clerk.gateway.given_back
    done = sum(count for name, count in clerk.done.items() if name.endswith("done"))
    assert audit.documents >= done > STEPS // 3
