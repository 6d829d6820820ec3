"""Sheets of vouchers, read back from the PDF and looked at as pixels."""

from __future__ import annotations

import pypdfium2
import pytest

from chalicelib.adapters.pdf.vouchers import PER_PAGE, A4VoucherSheets
from chalicelib.domain.vouchers import code_of, shown_code
from chalicelib.ports.vouchers import VoucherPrint

PRINT = VoucherPrint(
    company="Lahore Net",
    worth="PKR 1,500",
    valid_through="Valid through 31 December 2041",
    instructions=("It can be used once: give it to our staff, or enter it at", "https://isp.example"),
    title="Vouchers 0007",
)
A4_POINTS = (595, 842)


def codes(count: int) -> list[tuple[str, str]]:
    return [
        (f"0007-{number:05d}", shown_code(code=code_of(seed="secret", number=number)))
        for number in range(1, count + 1)
    ]


def printed(count: int, print_: VoucherPrint = PRINT) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(b"".join(A4VoucherSheets().sheets(print_=print_, vouchers=codes(count))))


def text_of(page: pypdfium2.PdfPage) -> str:
    return str(page.get_textpage().get_text_bounded())


def test_every_voucher_is_printed_once_with_what_it_is_worth() -> None:
    sheets = printed(PER_PAGE + 1)

    first, second = (text_of(page) for page in sheets)
    assert len(sheets) == 2
    assert tuple(round(one) for one in sheets[0].get_size()) == A4_POINTS
    for serial, code in codes(PER_PAGE):
        assert first.count(serial) == first.count(code) == 1
    assert first.count("PKR 1,500") == first.count("Valid through 31 December 2041") == PER_PAGE
    (last,) = codes(PER_PAGE + 1)[PER_PAGE:]
    assert last[1] in second
    assert second.count("Lahore Net") == second.count("https://isp.example") == 1


@pytest.mark.parametrize(
    "company",
    ["W" * 200, "The Internet Company of " + "Faisalabad and " * 20, "لاہور نیٹ (پرائیویٹ) لمیٹڈ " * 8],
)
def test_nothing_that_is_long_runs_over_the_line_that_is_cut(company: str) -> None:
    long = VoucherPrint(
        company, "PKR 100,000,000,000.99 " * 5, *(PRINT.valid_through, PRINT.instructions, "V")
    )
    image = printed(PER_PAGE, long)[0].render(scale=1, grayscale=True).to_pil().convert("L")

    # The middle of the page is a cutting line: but for the marks on it, it is white.
    width, height = image.size
    dark = [y for y in range(height) if image.getpixel((width // 2 - 5, y)) < 128]
    assert dark == []
    marks = [y for y in range(height) if image.crop((30, y, 45, y + 1)).getextrema()[0] < 160]
    assert marks  # at the edge, where the rows are cut
