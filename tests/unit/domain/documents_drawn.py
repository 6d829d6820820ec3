"""Lines and invoices on which the properties of documents are tried."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.charges import rounding_line
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState, invoice_postings
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import TaxBase, TaxComponent, tax_line

START = date(2026, 11, 1)
COMPONENTS = (
    TaxComponent("sales_tax", "Sales tax", 195_000),
    TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
    TaxComponent("levy", "Levy", 3_333),
)


@st.composite
def lines(draw: st.DrawFn) -> InvoiceLine:
    """Return a line of a whole period with up to three taxes; it comes to something."""
    net, days = draw(st.integers(1, 500_000)), draw(st.integers(1, 31))
    taxes = tax_line(net=net, components=COMPONENTS[: draw(st.integers(0, 3))])
    kind = draw(st.sampled_from((ChargeKind.RECURRING, ChargeKind.ONE_TIME)))
    period = Period(START, START + timedelta(days=days))
    return InvoiceLine("Home 20", "", 0, period, net, days, days, net, taxes, kind)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Return an open invoice of up to four lines, perhaps rounded."""
    made = draw(st.lists(lines(), min_size=1, max_size=4))
    multiple = draw(st.sampled_from((0, 100, 1_000)))
    rounding = rounding_line(total=sum(one.total for one in made), multiple=multiple, on=START)
    made += [rounding] if rounding else []
    return invoice(made) if sum(one.total for one in made) else draw(invoices())


def invoice(made: list[InvoiceLine], *, number: int = 1, due: date = START) -> Invoice:
    """Return an open invoice of lines."""
    return Invoice(
        invoice_id=f"inv_01JD0000000000000000000000-20261101-{number}",
        account_id="sbr_01JD0000000000000000000000",
        account_code="C-1",
        number=f"INV-2027-{number:06}",
        sequence=number,
        series="INV#2027",
        state=InvoiceState.OPEN,
        currency="PKR",
        issued_on=START,
        due_on=due,
        period=Period.day(on=START),
        lines=tuple(made),
        postings=invoice_postings(lines=made),
        run_id="run_2026-11-01",
    )
