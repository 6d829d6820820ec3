"""Vouchers over HTTP: made whole or not at all, redeemed once, and worth what the books say."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest

from chalicelib.domain.vouchers import VoucherState, code_of
from chalicelib.jobs import exports
from chalicelib.store.documents import DynamoDocuments
from chalicelib.store.tenant import DynamoStores, DynamoTenantStore
from chalicelib.usecases import voucher_work
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.portal_user import Front
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.staffing import Company
from tests.integration.voucher_desk import VoucherDesk, redeem

PRICE, TAXED = 164_900, 226_614  # with sales tax and advance income tax on the sum


@pytest.fixture
def counter(services: EngineServices, signed_in: SignedIn) -> Counter:
    return Counter(Shop(signed_in, services))


@pytest.fixture
def desk(counter: Counter) -> VoucherDesk:
    return VoucherDesk(counter.shop)


def standing(batch: Item) -> dict[str, int]:
    return {name: batch[name] for name in ("open", "redeemed", "void", "expired")}


def test_a_batch_is_printed_and_each_voucher_pays_once(desk: VoucherDesk, counter: Counter) -> None:
    owed = counter.invoice(line(30_000))
    batch = desk.batch(3, note="for the shop in Gulberg")
    first, second, third = desk.codes(batch)

    made = created(redeem(counter.shop.tenant.api, counter.path, first.lower().replace("-", " ")))
    again = redeem(counter.shop.tenant.api, counter.path, first)
    kept = created(redeem(counter.shop.tenant.api, counter.path, second, allocate="none"))

    assert batch["state"] == "ready"
    assert (batch["made"], batch["note"], standing(batch)["open"]) == (3, "for the shop in Gulberg", 3)
    printed = pypdfium2.PdfDocument(desk.file(batch, "pdf"))[0].get_textpage().get_text_bounded()
    assert all(text in printed for text in (first, second, third, "Lahore Net", "PKR 500", "0001-00003"))
    assert (made["serial"], made["amount"]) == ("0001-00001", pkr(50_000))
    assert again.problem == (409, "voucher_redeemed", "code")
    assert counter.now(owed)["state"] == "paid"
    receipt = counter.get(f"/v1/documents/{kept['document_id']}")
    assert (receipt["channel"], receipt["reference"]) == ("voucher", "0001-00002")
    assert {one["account"]: one["amount"] for one in receipt["postings"]} == {
        "vouchers": 50_000,
        "credit": -50_000,
    }
    assert counter.books()["credit"] == 70_000
    now = desk.show(batch["batch_id"])
    assert standing(now) == {"open": 1, "redeemed": 2, "void": 0, "expired": 0}
    assert (now["redeemed_value"], now["open_value"]) == (pkr(100_000), pkr(50_000))
    listed = ok(desk.shop.tenant.api.get(f"/v1/voucher-batches/{batch['batch_id']}/vouchers?state=redeemed"))
    assert [one["serial"] for one in listed["items"]] == ["0001-00001", "0001-00002"]
    assert {one["subscriber_id"] for one in listed["items"]} == {counter.subscriber["subscriber_id"]}
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_codes_are_nowhere_but_on_the_sheets_and_those_are_gone_after_a_day(
    desk: VoucherDesk, counter: Counter, clock: FakeClock
) -> None:
    batch = desk.batch(2)
    codes = [code.replace("-", "") for code in desk.codes(batch)]

    stored = str(desk.shop.items())
    assert not any(code in stored or code.lower() in stored for code in codes)
    assert all("s" not in item for item in desk.shop.items("VCB") if item["sk"]["S"] == batch["batch_id"])
    clock.advance(timedelta(days=1))
    desk.shop.sign_in_again()
    gone = desk.shop.tenant.api.get(f"/v1/voucher-batches/{batch['batch_id']}/codes")
    assert gone.problem == (410, "file_expired", None)


def test_a_package_is_recharged_with_the_price_and_taxes_of_the_day(
    desk: VoucherDesk, counter: Counter
) -> None:
    counter.tax()
    terms = {"kind": "prepaid", "price": pkr(PRICE), "tax_group": "internet"}
    package = counter.shop.package(**terms)
    batch = desk.batch(2, package_id=package["package_id"])
    code, other = desk.codes(batch)

    made = created(redeem(counter.shop.tenant.api, counter.path, code, key="once"))

    assert created(redeem(counter.shop.tenant.api, counter.path, code, key="once")) == made
    assert made["amount"] == pkr(TAXED)
    invoice = counter.get(f"/v1/invoices/{made['invoice_id']}")
    assert (invoice["state"], invoice["total"]) == ("paid", pkr(TAXED))
    (prepaid,) = counter.get("prepaid")["items"]
    assert prepaid["subscription_id"] == made["subscription_id"]
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}
    more = created(redeem(counter.shop.tenant.api, counter.path, other, new_line=True))
    assert more["subscription_id"] != made["subscription_id"]
    now = desk.show(batch["batch_id"])
    assert (now["redeemed_value"], now["value"], now["open_value"]) == (pkr(2 * TAXED), None, None)
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_of_many_who_bring_a_code_at_once_one_gets_it(desk: VoucherDesk, counter: Counter) -> None:
    (code,) = desk.codes(desk.batch(1))
    other = Counter(counter.shop)

    with ThreadPoolExecutor(4) as pool:
        paths = [counter.path, other.path] * 2
        replies = list(pool.map(lambda path: redeem(counter.shop.tenant.api, path, code), paths))

    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    assert {reply.problem[1] for reply in replies if reply.status == 409} == {"voucher_redeemed"}
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_what_happens_between_looking_and_writing_is_seen(
    desk: VoucherDesk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = desk.batch(3)
    api, other = counter.shop.tenant.api, Counter(counter.shop)
    first, second, third = desk.codes(batch)
    meanwhile: list[tuple[str, str, Callable[[], Reply]]] = [
        (first, "voucher_redeemed", lambda: redeem(api, other.path, first)),
        (second, "voucher_void", lambda: desk.change(batch, "void", "0001-00002")),
        (third, "voucher_void", lambda: desk.change(batch, "void")),
    ]
    post = DynamoDocuments.post

    for code, refusal, happens in meanwhile:
        left = [happens]

        def post_later(self: DynamoDocuments, left: list[Any] = left, **named: Any) -> Any:
            while left:  # the voucher was looked at, and is not written yet
                assert left.pop()().status < 300
            return post(self, **named)

        monkeypatch.setattr(DynamoDocuments, "post", post_later)
        assert redeem(api, counter.path, code).problem == (409, refusal, "code")
    assert counter.get("documents")["items"] == []
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


class Dying:
    """A store whose process ends at one of its commits, before it is made or after it was."""

    def __init__(self, store: DynamoTenantStore, *, at: int, made: bool) -> None:
        self._store, self._left, self._made = store, at, made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def opened(self, *, tenant_id: str) -> Dying:
        return self

    def commit(self, *writes: Any) -> None:
        self._left -= 1
        if self._left or self._made:
            self._store.commit(*writes)
        if not self._left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("made", [False, True])
def test_killed_at_any_commit_a_batch_is_gone_on_with_and_never_half_usable(
    desk: VoucherDesk, counter: Counter, monkeypatch: pytest.MonkeyPatch, *, made: bool
) -> None:
    monkeypatch.setattr(voucher_work, "VOUCHERS_PER_WRITE", 2)
    batch_id = desk.ask(5).json["batch_id"]
    secrets: set[str] = set()

    for at in (1, 2, 3, 2, 1):  # when the batch is taken, at a write of vouchers, when it is ready
        store = desk.shop.services.stores.of(tenant_id=desk.shop.tenant.tenant_id)
        batch = store.vouchers.batch(batch_id=batch_id)
        if batch.finished:
            break
        secrets.add(batch.seed)
        early = redeem(counter.shop.tenant.api, counter.path, code_of(seed=batch.seed, number=1))
        assert early.problem == (422, "voucher_unknown", "code")
        with monkeypatch.context() as patch:
            patch.setattr(DynamoStores, "of", Dying(store, at=at, made=made).opened)
            with pytest.raises(KeyboardInterrupt):
                desk.work(batch_id)

    assert len(secrets) == 1
    assert desk.work(batch_id) == []
    whole = desk.show(batch_id)
    codes = desk.codes(whole)
    assert (whole["state"], whole["open"], len(set(codes))) == ("ready", 5, 5)
    assert len(desk.shop.items("VCC")) == len(desk.shop.items("VCH")) == 5
    assert created(redeem(counter.shop.tenant.api, counter.path, codes[4]))["serial"] == "0001-00005"


def test_a_batch_that_cannot_be_made_is_shown_as_failed(
    desk: VoucherDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = desk.ask(1).json["batch_id"]
    with monkeypatch.context() as patch:
        patch.setattr(exports, "_sheets", lambda: 1 / 0)
        assert desk.work(batch_id, receives=5)

    failed = desk.show(batch_id)

    assert (failed["state"], failed["failure"]["code"], failed["open"]) == ("failed", "internal_error", 0)
    path = f"/v1/voucher-batches/{batch_id}"
    assert desk.shop.tenant.api.get(f"{path}/codes").problem == (409, "voucher_batch_not_ready", None)
    assert desk.change(failed, "void").problem == (409, "voucher_batch_not_ready", None)


def test_void_is_void_until_it_is_taken_back(desk: VoucherDesk, counter: Counter, clock: FakeClock) -> None:
    batch = desk.batch(3)
    one, other, last = desk.codes(batch)
    api = counter.shop.tenant.api

    assert ok(desk.change(batch, "void", "0001-00001"))["state"] == "void"
    assert redeem(api, counter.path, one).problem == (409, "voucher_void", "code")
    assert desk.change(batch, "void", "0001-00001").problem[:2] == (409, "voucher_void")
    assert desk.change(batch, "void", "0001-00009").problem == (404, "not_found", "serial")
    assert standing(ok(desk.change(batch, "void"))) == {"open": 0, "redeemed": 0, "void": 3, "expired": 0}
    assert redeem(api, counter.path, other).problem == (409, "voucher_void", "code")
    assert standing(ok(desk.change(batch, "reinstatement")))["open"] == 2
    assert desk.change(batch, "reinstatement").problem[:2] == (409, "voucher_not_void")
    created(redeem(api, counter.path, other))
    assert desk.change(batch, "void", "0001-00002").problem[:2] == (409, "voucher_redeemed")
    assert ok(desk.change(batch, "reinstatement", "0001-00001"))["state"] == "open"
    created(redeem(api, counter.path, one))
    clock.advance(timedelta(days=46))  # the last day is 30 June, by the company's calendar
    desk.shop.sign_in_again()
    late = redeem(counter.shop.tenant.api, counter.path, last)
    assert late.status == 201
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_after_the_last_day_nothing_is_redeemed_or_reinstated(
    desk: VoucherDesk, counter: Counter, clock: FakeClock
) -> None:
    batch = desk.batch(2, expires_on="2041-05-15")
    code, _ = desk.codes(batch)
    ok(desk.change(batch, "void", "0001-00002"))
    clock.advance(timedelta(hours=13))  # midnight in Karachi
    desk.shop.sign_in_again()

    assert redeem(counter.shop.tenant.api, counter.path, code).problem == (409, "voucher_expired", "code")
    assert desk.change(batch, "reinstatement", "0001-00002").problem[:2] == (409, "voucher_expired")
    assert standing(desk.show(batch["batch_id"])) == {"open": 0, "redeemed": 0, "void": 1, "expired": 1}


def test_a_redemption_that_was_a_mistake_is_reversed_and_the_voucher_open_again(
    desk: VoucherDesk, counter: Counter
) -> None:
    batch = desk.batch(1)
    (code,) = desk.codes(batch)
    made = created(redeem(counter.shop.tenant.api, counter.path, code))
    assert desk.change(batch, "reinstatement", made["serial"]).problem[:2] == (409, "voucher_not_void")

    created(counter.reverse({"document_id": made["document_id"]}))
    assert redeem(counter.shop.tenant.api, counter.path, code).problem[:2] == (409, "voucher_redeemed")
    assert ok(desk.change(batch, "reinstatement", made["serial"]))["state"] == "open"

    right = Counter(counter.shop)
    created(redeem(counter.shop.tenant.api, right.path, code))
    now = desk.show(batch["batch_id"])
    assert (standing(now)["redeemed"], now["redeemed_value"]) == (1, pkr(50_000))
    check_books(counter.shop.services, counter.shop.tenant.tenant_id)


def test_another_companys_code_is_as_unknown_as_one_that_nobody_made(
    desk: VoucherDesk, counter: Counter, other_tenant: SignedIn, services: EngineServices
) -> None:
    theirs = VoucherDesk(Shop(other_tenant, services))
    (foreign,) = theirs.codes(theirs.batch(1))
    api = counter.shop.tenant.api

    refused = [redeem(api, counter.path, code) for code in (foreign, "NEA-XY7-BBK-QNN-6FY-4RT")]

    assert {reply.problem for reply in refused} == {(422, "voucher_unknown", "code")}
    assert len({reply.json["message"] for reply in refused}) == 1
    assert redeem(api, counter.path, foreign[:-1] + "2").problem == (422, "voucher_code_mistyped", "code")
    assert theirs.shop.tenant.api.get(f"{counter.path}").status == 404


def test_who_tries_codes_is_stopped_and_who_has_one_is_not(
    desk: VoucherDesk, counter: Counter, company: Company
) -> None:
    mine, other = desk.codes(desk.batch(2))
    clerk = company.join("billing").api
    wrong, mistyped = "NEA-XY7-BBK-QNN-6FY-4RT", "NEA-XY7-BBK-QNN-6FY-4R3"

    # What is right, or mistyped, does not count: ten tries are left.
    created(redeem(clerk, counter.path, other))
    created(redeem(clerk, counter.path, mine, key="mine"))
    assert [redeem(clerk, counter.path, mistyped).status for _ in range(2)] == [422] * 2
    tries = [redeem(clerk, counter.path, wrong) for _ in range(11)]
    assert [reply.status for reply in tries] == [422] * 10 + [429]
    assert tries[-1].problem[1] == "too_many_attempts"
    assert int(tries[-1].headers["Retry-After"]) > 0
    replayed = redeem(clerk, counter.path, mine, key="mine")
    assert (replayed.status, replayed.json["serial"]) == (201, "0001-00001")
    # Somebody else goes on.
    assert redeem(company.owner, counter.path, wrong).status == 422


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def test_a_subscriber_redeems_in_the_portal_and_a_dealer_for_its_own(
    desk: VoucherDesk, counter: Counter, company: Company, services: EngineServices, api: ApiClient
) -> None:
    front = Front(counter.shop, services, api)
    person = front.activated(dealer_id="DLR-7")
    mine, other, third = desk.codes(desk.batch(3))

    own = created(redeem(front.signed_in(person), "/v1/portal", mine))
    dealer = company.join("dealer", dealer_id="DLR-7").api
    sold = redeem(dealer, f"/v1/subscribers/{person['subscriber_id']}", other)
    foreign = redeem(dealer, counter.path, third)

    assert (own["amount"], own["serial"]) == (pkr(50_000), "0001-00001")
    assert sold.status == 201
    assert foreign.problem == (404, "not_found", "subscriber_id")
    assert dealer.get("/v1/voucher-batches").status == 403
    store = services.stores.of(tenant_id=counter.shop.tenant.tenant_id)
    batch_id = store.vouchers.batches(limit=1, after=None).items[0].batch_id
    assert store.vouchers.voucher(batch_id=batch_id, number=3).state is VoucherState.OPEN  # type: ignore[union-attr]


def test_a_batch_that_makes_no_sense_is_refused(desk: VoucherDesk) -> None:
    refusals: list[tuple[Item, tuple[int, str, str]]] = [
        ({"count": 0}, (422, "invalid_value", "count")),
        ({"count": 5_001}, (422, "invalid_value", "count")),
        ({"count": 1.5}, (422, "invalid_type", "count")),
        ({"value": pkr(0)}, (422, "invalid_amount", "value.amount")),
        ({"value": pkr(10**13 + 1)}, (422, "invalid_value", "value.amount")),
        ({"value": {"amount": 1, "currency": "USD"}}, (422, "currency_mismatch", "value.currency")),
        ({"expires_on": "2041-05-14"}, (422, "invalid_voucher_batch", "expires_on")),
        ({"package_id": "pkg_none"}, (404, "not_found", "package_id")),
        ({"note": "4111 1111 1111 1111"}, (422, "card_number_refused", "note")),
    ]

    for changes, problem in refusals:
        assert desk.ask(**{"count": 1} | changes).problem == problem
    assert desk.shop.items("VC") == []


def test_packages_that_are_not_bought_for_a_time_are_no_vouchers(desk: VoucherDesk) -> None:
    service, prepaid = desk.shop.package(), desk.shop.package(kind="prepaid")
    both = desk.ask(1, value=pkr(100), package_id=prepaid["package_id"])
    assert both.problem == (422, "invalid_voucher_batch", "value")
    assert desk.ask(1, package_id=service["package_id"]).problem == (422, "not_prepaid", "package_id")
    for _ in range(3):
        assert desk.ask(1).status == 202
    assert desk.ask(1).problem == (409, "too_many_voucher_batches", None)
