"""Receipts and invoices on paper: what they say, and that any of them is drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pypdfium2
import pytest

from chalicelib.adapters.pdf.receipt import PdfPrinter
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState, Posting
from chalicelib.domain.periods import Period
from chalicelib.domain.printed import NotPrinted, Printed, amount_shown, printed_invoice, printed_receipt
from chalicelib.domain.taxes import TaxAmount

DAY = date(2026, 11, 20)
TAXES = (TaxAmount("sales_tax", 195_000, 32_156), TaxAmount("advance_income_tax", 150_000, 29_558))
LINE = InvoiceLine("Home 20", "p", 1, Period.day(on=DAY), 164_900, 1, 1, 164_900, TAXES)
INVOICE = Invoice(
    "inv_1",
    "sbr_1",
    "C-1",
    "INV/2027/000007",
    7,
    "INV#2027",
    InvoiceState.PARTLY_PAID,
    "PKR",
    DAY,
    date(2026, 11, 27),
    Period.day(on=DAY),
    (LINE,),
    (),
    "run",
    Recipient("محمد علی", "House 12, Lahore", "1234567-8"),
    paid=100_000,
)
RECEIPT = Document(
    "rcp_1",
    "sbr_1",
    "C-1",
    DocumentKind.RECEIPT,
    "RCP-2027-000001",
    1,
    "RCP#2027",
    "PKR",
    DAY,
    150_000,
    (Posting("credit", -50_000),),
    (("inv_1", 100_000),),
    channel="bank_transfer",
    reference="FT-77",
)


def text_of(printed: Printed) -> tuple[int, str]:
    """The pages of a document, and what can be read on them."""
    pdf = pypdfium2.PdfDocument(PdfPrinter().draw(document=printed))
    return len(pdf), "\n".join(page.get_textpage().get_text_bounded() for page in pdf)


def test_a_receipt_says_who_paid_how_for_what_and_what_is_left() -> None:
    printed = printed_receipt(
        receipt=replace(RECEIPT, refunded=500),
        company="Ravi Broadband",
        recipient=INVOICE.recipient,
        invoices=[INVOICE],
    )

    pages, text = text_of(printed)

    assert pages == 1
    for words in (
        "Ravi Broadband",
        "Receipt RCP-2027-000001",
        "20 Nov 2026",
        "bank transfer",
        "FT-77",
        "Invoice INV/2027/000007",
        "PKR 1,000.00",
        "PKR 500.00",
        "PKR 1,500.00",
        "Given back of it: PKR 5.00.",
    ):
        assert words in text, words
    assert printed.file_name == "RCP-2027-000001.pdf"
    assert PdfPrinter().draw(document=printed) == PdfPrinter().draw(document=printed)
    with pytest.raises(NotPrinted):
        printed_receipt(
            receipt=replace(RECEIPT, kind=DocumentKind.JOURNAL), company="x", recipient=None, invoices=[]
        )


def test_an_invoice_shows_its_taxes_and_what_is_to_be_paid() -> None:
    printed = printed_invoice(invoice=INVOICE, company="Ravi Broadband")
    assert printed.file_name == "INV-2027-000007.pdf"
    assert dict(printed.totals) == {
        "Before tax": "PKR 1,649.00",
        "sales tax 19.5 %": "PKR 321.56",
        "advance income tax 15 %": "PKR 295.58",
        "Total": "PKR 2,266.14",
        "Settled": "PKR 1,000.00",
        "To be paid": "PKR 1,266.14",
    }
    assert text_of(printed)[0] == 1


def test_many_lines_go_on_over_pages_and_long_names_are_fitted() -> None:
    crowd = Recipient("Chaudhry Abdul Rehman and Sons " * 6, "behind the old water tank " * 20, "")
    many = replace(INVOICE, lines=(LINE,) * 120, recipient=crowd)
    pages, text = text_of(printed_invoice(invoice=many, company="A company with a very long name " * 5))
    assert pages == 4
    assert "INV/2027/000007, page 4" in text


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (164_900, "PKR", "PKR 1,649.00"),
        (-5, "PKR", "PKR -0.05"),
        (1_234_567, "JPY", "JPY 1,234,567"),
        (1, "KWD", "KWD 0.001"),
    ],
)
def test_amounts_have_the_currencys_own_digits(amount: int, currency: str, shown: str) -> None:
    assert amount_shown(amount=amount, currency=currency) == shown
