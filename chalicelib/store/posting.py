"""Writing an entry: its documents, their numbers, and the invoices it settles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import document_slot, invoice_id, parse_invoice_id
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.documents import (
    Document,
    Entry,
    IssuedInvoice,
    NewDocument,
    Settlement,
    document_id,
    document_key,
)
from chalicelib.domain.errors import Busy
from chalicelib.domain.invoices import Invoice, InvoiceState, Posting, format_number, settled_state
from chalicelib.domain.numbering import DocumentKind, NumberFormat
from chalicelib.domain.periods import Period
from chalicelib.ports.store import DocumentTaken
from chalicelib.store import invoices as codec
from chalicelib.store import keys
from chalicelib.store.accounts import recipient_of
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put_new, update
from chalicelib.store.numbering import Dated, Numbers, series_of

DOCUMENT_PREFIX: Final = "DOC#"


class DocumentItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``DOC#<yyyymmdd>-<slot>``."""

    kind = UnicodeAttribute(attr_name="k")
    code = UnicodeAttribute(attr_name="c")
    fiscal_year = NumberAttribute(attr_name="fy")
    sequence = NumberAttribute(attr_name="n")
    currency = UnicodeAttribute(attr_name="cur")
    amount = NumberAttribute(attr_name="t")
    issued_on = UnicodeAttribute(attr_name="i")
    lines = UnicodeAttribute(attr_name="l", null=True)
    postings = UnicodeAttribute(attr_name="j")
    settled = UnicodeAttribute(attr_name="s", null=True)
    channel = UnicodeAttribute(attr_name="ch", null=True)
    reason = UnicodeAttribute(attr_name="re", null=True)
    about = UnicodeAttribute(attr_name="ab", null=True)
    words = BinaryAttribute(attr_name="w", null=True, legacy_encoding=False)
    recipient = BinaryAttribute(attr_name="who", null=True, legacy_encoding=False)
    at = UnicodeAttribute()
    reversed_by = UnicodeAttribute(attr_name="rv", null=True)
    allocated = UnicodeAttribute(attr_name="al", null=True)
    refunded = NumberAttribute(attr_name="rf", null=True)
    charged_back = NumberAttribute(attr_name="cb", null=True)


class Poster(OfTenant):
    """Turns one entry into writes, giving numbers as it goes."""

    def __init__(
        self,
        *,
        tenant_id: str,
        tenant_keys: TenantKeys,
        entry: Entry,
        dated: Dated,
        recipient: Recipient | None,
        formats: Sequence[NumberFormat] = (),
    ) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._entry = entry
        self._dated = dated
        self._recipient = recipient
        self._numbers = Numbers(tenant_id=tenant_id, dated=dated, formats=formats)
        self._pk = keys.account(tenant_id, entry.before.account_id)
        self.invoices: list[Invoice] = []
        self.documents: list[Document] = []

    def writes(self) -> list[ModelWrite]:
        """Describe the documents, what they settle, their numbers and pages of the registers."""
        entry = self._entry
        found: list[ModelWrite] = []
        for offset, issued in enumerate(entry.invoices):
            found.append(self._put_invoice(issued, offset))
        for offset, document in enumerate(entry.documents, start=len(entry.invoices)):
            found.append(self._put_document(document, offset))
        found += [self._settle(one) for one in entry.settled]
        if entry.reverses is not None:
            found.append(self._reverse(entry.reverses))
        if entry.marked is not None:
            found.append(self._mark(entry.marked))
        return found + self._numbers.writes(due_on=self._due_on)

    @property
    def begins_series(self) -> bool:
        """Whether the entry has the first document of a kind in its fiscal year."""
        return self._numbers.begins_series()

    def _put_invoice(self, issued: IssuedInvoice, offset: int) -> ModelWrite:
        """Describe an invoice or debit note."""
        new, account = issued.invoice, self._entry.before
        day, slot = self._dated.on, document_slot(version=account.version + offset)
        number = self._number(issued.kind, day, slot)
        sk = keys.invoice(document_key(on=day, slot=slot))
        state = settled_state(total=new.total, paid=new.from_credit)
        words = self._sealed_words(sk, (issued.note, ""))
        item = codec.InvoiceItem(
            self._pk,
            sk,
            code=account.code,
            fiscal_year=self._dated.fiscal_year,
            sequence=number,
            state=state.value,
            currency=account.currency,
            total=new.total,
            issued_on=day.isoformat(),
            due_on=issued.due_on.isoformat(),
            lines=codec.encode_lines(new.lines),
            postings=codec.encode_postings(new.postings),
            run_id=self._dated.actor_id,
            recipient=self._sealed(sk, self._recipient),
            paid=new.from_credit or None,
            kind=None if issued.kind is DocumentKind.INVOICE else issued.kind.value,
            about=issued.about or None,
            words=words,
        )
        self.invoices.append(self._issued(issued, number, state, slot))
        return put_new(item, refused=document_taken())

    def _issued(self, issued: IssuedInvoice, number: int, state: InvoiceState, slot: int) -> Invoice:
        new, account = issued.invoice, self._entry.before
        return Invoice(
            invoice_id=invoice_id(account_id=account.account_id, period_start=self._dated.on, slot=slot),
            account_id=account.account_id,
            account_code=account.code,
            number=self._numbers.shown(kind=issued.kind, number=number),
            sequence=number,
            series=series_of(issued.kind, self._dated.fiscal_year),
            state=state,
            currency=account.currency,
            issued_on=self._dated.on,
            due_on=issued.due_on,
            period=Period(
                min(line.period.start for line in new.lines), max(line.period.end for line in new.lines)
            ),
            lines=new.lines,
            postings=new.postings,
            run_id=self._dated.actor_id,
            recipient=self._recipient,
            paid=new.from_credit,
            note=issued.note,
            kind=issued.kind.value,
            about=issued.about,
        )

    def _put_document(self, new: NewDocument, offset: int) -> ModelWrite:
        """Describe a credit note, receipt, refund or journal."""
        account = self._entry.before
        slot = document_slot(version=account.version + offset)
        number = self._number(new.kind, self._dated.on, slot)
        key = document_key(on=self._dated.on, slot=slot)
        sk = f"{DOCUMENT_PREFIX}{key}"
        first = not self.documents
        settled = tuple((one.invoice.invoice_id, one.amount) for one in self._entry.settled if first)
        recipient = self._recipient if new.kind is DocumentKind.CREDIT_NOTE else None
        made = Document(
            document_id=document_id(kind=new.kind, account_id=account.account_id, key=key),
            account_id=account.account_id,
            account_code=account.code,
            kind=new.kind,
            number=self._numbers.shown(kind=new.kind, number=number),
            sequence=number,
            series=series_of(new.kind, self._dated.fiscal_year),
            currency=account.currency,
            issued_on=self._dated.on,
            amount=new.amount,
            postings=new.postings,
            settled=settled,
            lines=new.lines,
            channel=new.channel,
            reason=new.reason,
            about=new.about,
            reference=new.reference,
            note=new.note,
            recipient=recipient,
        )
        self.documents.append(made)
        return put_new(self._item(made, sk), refused=document_taken())

    def _item(self, made: Document, sk: str) -> DocumentItem:
        year = self._dated.fiscal_year
        return DocumentItem(
            self._pk,
            sk,
            kind=made.kind.value,
            code=made.account_code,
            fiscal_year=year,
            sequence=made.sequence,
            currency=made.currency,
            amount=made.amount,
            issued_on=made.issued_on.isoformat(),
            lines=codec.encode_lines(made.lines) if made.lines else None,
            postings=codec.encode_postings(made.postings),
            settled=orjson.dumps(made.settled).decode() if made.settled else None,
            channel=made.channel or None,
            reason=made.reason or None,
            about=made.about or None,
            words=self._sealed_words(sk, (made.note, made.reference)),
            recipient=self._sealed(sk, made.recipient),
            at=self._dated.at,
        )

    def _due_on(self, kind: DocumentKind) -> str | None:
        """Return by when the entry's invoices of a kind are to be paid; None where they differ."""
        due = {one.due_on for one in self._entry.invoices if one.kind is kind}
        return due.pop().isoformat() if len(due) == 1 else None

    def _number(self, kind: DocumentKind, day: date, slot: int) -> int:
        holder_id = self._entry.before.account_id
        return self._numbers.give(kind=kind, holder_id=holder_id, day=day, slot=slot)

    def _reverse(self, document: Document) -> ModelWrite:
        """Describe marking a document as taken back by the entry's first; that happens once."""
        _, _, key = document.document_id.partition("-")
        item = DocumentItem(self._pk, f"{DOCUMENT_PREFIX}{key}")
        once = DocumentItem.reversed_by.does_not_exist() & DocumentItem.pk.exists()
        moved = Busy("the document changed meanwhile; nothing was written, so try again")
        actions = [DocumentItem.reversed_by.set(self.documents[0].document_id)]
        return update(item, actions=actions, condition=once, refused=moved)

    def _mark(self, receipt: Document) -> ModelWrite:
        """Describe keeping what became of a receipt; the account's version guards what it was before."""
        _, _, key = receipt.document_id.partition("-")
        item = DocumentItem(self._pk, f"{DOCUMENT_PREFIX}{key}")
        stands = DocumentItem.reversed_by.does_not_exist() & DocumentItem.pk.exists()
        moved = Busy("the document changed meanwhile; nothing was written, so try again")
        actions = [
            DocumentItem.refunded.set(receipt.refunded),
            DocumentItem.charged_back.set(receipt.charged_back),
        ]
        if receipt.allocated is not None:
            actions.append(DocumentItem.allocated.set(orjson.dumps(receipt.allocated).decode()))
        return update(item, actions=actions, condition=stands, refused=moved)

    def _settle(self, settlement: Settlement) -> ModelWrite:
        before, after = settlement.invoice, settlement.after
        _, key = parse_invoice_id(value=before.invoice_id)
        item = codec.InvoiceItem(self._pk, keys.invoice(key))
        actions = [
            codec.InvoiceItem.state.set(after.state.value),
            codec.InvoiceItem.paid.set(after.paid),
            codec.InvoiceItem.credited.set(after.credited),
            codec.InvoiceItem.written_off.set(after.written_off),
        ]
        if settlement.lines:
            actions.append(codec.InvoiceItem.credited_lines.set(codec.encode_credited(after.credited_lines)))
        moved = Busy("the invoice changed meanwhile; nothing was written, so try again")
        same = codec.InvoiceItem.state == before.state.value
        return update(item, actions=actions, condition=same, refused=moved)

    def _sealed(self, sk: str, recipient: Recipient | None) -> bytes | None:
        """Seal a recipient for its place, under its year's key."""
        if recipient is None:
            return None
        plain = orjson.dumps([recipient.name, recipient.address, recipient.tax_id])
        family = codec.year_family(self._dated.fiscal_year)
        return self._keys.seal(family=family, place=codec.recipient_place(self._pk, sk), plain=plain)

    def _sealed_words(self, sk: str, words: tuple[str, str]) -> bytes | None:
        """Seal what people wrote (a note and a reference); None where they wrote nothing."""
        if not any(words):
            return None
        family = codec.year_family(self._dated.fiscal_year)
        return self._keys.seal(family=family, place=words_place(self._pk, sk), plain=orjson.dumps(words))


def read_document(
    item: DocumentItem, *, holder: str, tenant_keys: TenantKeys, formats: Sequence[NumberFormat]
) -> Document:
    """Read a document's item; ``holder`` is the prefix of whose collection it is in (``sbr``, ``fnd``)."""
    fiscal_year, kind = int(item.fiscal_year), DocumentKind(item.kind)
    account_id = f"{holder}_{item.pk.rpartition('#')[2]}"
    family, place = codec.year_family(fiscal_year), words_place(item.pk, item.sk)
    words = tenant_keys.open_kept(family=family, place=place, sealed=nullable(item.words))
    note, reference = orjson.loads(words) if words else ("", "")
    place = codec.recipient_place(item.pk, item.sk)
    who = tenant_keys.open_kept(family=family, place=place, sealed=nullable(item.recipient))
    sequence = int(item.sequence)
    return Document(
        document_id=document_id(kind=kind, account_id=account_id, key=item.sk.removeprefix(DOCUMENT_PREFIX)),
        account_id=account_id,
        account_code=item.code,
        kind=kind,
        number=format_number(
            kind=kind.value, fiscal_year_end=fiscal_year, sequence=sequence, formats=formats
        ),
        sequence=sequence,
        series=series_of(kind, fiscal_year),
        currency=item.currency,
        issued_on=date.fromisoformat(item.issued_on),
        amount=int(item.amount),
        postings=tuple(Posting(*one) for one in orjson.loads(item.postings)),
        settled=_parts(nullable(item.settled) or "[]"),
        lines=codec.decode_lines(nullable(item.lines) or "[]"),
        channel=nullable(item.channel) or "",
        reason=nullable(item.reason) or "",
        about=nullable(item.about) or "",
        reference=reference,
        note=note,
        recipient=recipient_of(who) if who else None,
        reversed_by=nullable(item.reversed_by) or "",
        allocated=_parts(allocated) if (allocated := nullable(item.allocated)) else None,
        refunded=int(nullable(item.refunded) or 0),
        charged_back=int(nullable(item.charged_back) or 0),
    )


def _parts(text: str) -> tuple[tuple[str, int], ...]:
    """Read (invoice id, minor units) of what a document went to."""
    return tuple((one, amount) for one, amount in orjson.loads(text))


def words_place(pk: str, sk: str) -> str:
    """Where the sealed words of a document stand: what their ciphertext is bound to."""
    return f"tenants|{pk}|{sk}|words"


def document_taken() -> DocumentTaken:
    """Return what says that another document has the identifier."""
    return DocumentTaken("another document has this identifier; nothing was written, so try again")
