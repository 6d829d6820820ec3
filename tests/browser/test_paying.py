"""A subscriber pays an invoice in a browser, by mouse and by keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import shoot
from tests.integration.counter import line
from tests.integration.gatewaying import Till
from tests.integration.shop import Item, ok


def opened(page: Page, till: Till, amount: int = 164_900) -> Item:
    """Open the pay link of a new invoice."""
    invoice = till.counter.invoice(line(amount))
    page.goto(f"{till.callback.partition('/v1/')[0]}{till.link(invoice)}")
    return invoice


def test_an_invoice_is_paid_and_the_api_says_so(page: Page, till: Till) -> None:
    invoice = opened(page, till)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {invoice['number']}")
    expect(page.get_by_text("PKR 1,649.00", exact=True)).to_be_visible()
    shoot(page, "pay")

    page.get_by_role("button", name=re.compile("Pay PKR 1,649.00")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox")
    shoot(page, "sandbox")
    page.get_by_role("button", name="Pay", exact=True).click()

    expect(page.get_by_role("status")).to_have_text("Already paid. Thank you.")
    expect(page.get_by_role("button")).to_have_count(0)
    shoot(page, "paid")
    assert till.counter.now(invoice)["state"] == "paid"
    [collection] = [
        one
        for one in ok(till.staff.get("/v1/collections?state=paid"))["items"]
        if one["invoice_id"] == invoice["invoice_id"]
    ]
    assert len(collection["receipts"]) == 1


def test_a_payment_that_is_declined_can_be_tried_again(page: Page, till: Till) -> None:
    invoice = opened(page, till)
    page.get_by_role("button").click()
    page.get_by_role("button", name="Decline").click()

    expect(page.get_by_role("alert")).to_contain_text("did not go through")
    shoot(page, "declined")
    assert till.counter.now(invoice)["state"] == "open"
    page.get_by_role("button").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Already paid. Thank you.")


def test_all_of_it_works_by_keyboard(page: Page, till: Till) -> None:
    invoice = opened(page, till)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_visible()
    assert till.counter.now(invoice)["state"] == "paid"


def test_a_link_that_leads_nowhere_says_so(page: Page, till: Till) -> None:
    opened(page, till)
    reply = page.goto(f"{page.url}x")
    assert reply is not None
    assert reply.status == 404
    expect(page.get_by_role("alert")).to_contain_text("Ask your internet provider for a new one")
    shoot(page, "nowhere")
