"""What dealers pay and earn, and where they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.dealer_sales import (
    RECHARGE,
    DealerPriceAboveRetail,
    InsufficientWallet,
    NoDealerPrice,
    SaleTerms,
    payment_terms,
    recharge_terms,
    sale_receipt,
    wallet_moves,
)
from chalicelib.domain.dealers import (
    WHOLE,
    Commission,
    CommissionTotals,
    Dealer,
    DealerArchived,
    DealerNotEmpty,
    DealerPrice,
    InvalidCommission,
    NotRelated,
    TooDeep,
    archive,
    check_dealer,
    check_related,
    total,
)
from chalicelib.domain.funds import FundMove
from chalicelib.domain.ledger import COMMISSION, DEALER_WALLETS, check_postings

TODAY = date(2041, 5, 15)
PACKAGE = "pkg_1"


def dealer(number: int = 1, **changes: object) -> Dealer:
    made = Dealer(f"dlr_{number:026d}", f"DLR-{number}", "Gulberg", "PKR", datetime(2041, 1, 1, tzinfo=UTC))
    return replace(made, **changes)  # type: ignore[arg-type]


TENTH = dealer(commission=Commission(share=100_000))
CHILD = dealer(2, parent_id=TENTH.dealer_id, commission=Commission(100_000), override=Commission(20_000))

commissions = st.one_of(
    st.builds(Commission, share=st.integers(0, WHOLE)),
    st.builds(Commission, amount=st.integers(0, 10**13)),
)


def test_at_a_price_of_its_own_a_dealer_keeps_the_rest() -> None:
    row = DealerPrice(PACKAGE, TODAY, 900)

    assert recharge_terms(dealer=CHILD, row=row, retail=1_000) == SaleTerms(1_000, 900, 20)
    assert recharge_terms(dealer=dealer(), row=row, retail=900).commission == 0


def test_without_a_price_it_is_retail_less_the_commission_and_without_either_nothing_is_sold() -> None:
    assert recharge_terms(dealer=TENTH, row=None, retail=1_005) == SaleTerms(1_005, 904, 0)  # half up
    fixed = dealer(commission=Commission(amount=50))
    assert recharge_terms(dealer=fixed, row=None, retail=1_000).price == 950
    assert recharge_terms(dealer=fixed, row=None, retail=30).price == 0
    with pytest.raises(NoDealerPrice):
        recharge_terms(dealer=dealer(), row=None, retail=1_000)
    with pytest.raises(NoDealerPrice):
        recharge_terms(dealer=TENTH, row=None, retail=0)
    with pytest.raises(DealerPriceAboveRetail):
        recharge_terms(dealer=TENTH, row=DealerPrice(PACKAGE, TODAY, 1_001), retail=1_000)


def test_of_a_payment_the_share_is_earned_and_no_amount() -> None:
    assert payment_terms(dealer=TENTH, amount=1_000) == SaleTerms(1_000, 900, 0)
    assert payment_terms(dealer=CHILD, amount=1_000) == SaleTerms(1_000, 900, 20)
    assert payment_terms(dealer=dealer(commission=Commission(amount=50)), amount=1_000).price == 1_000


@given(
    retail=st.integers(1, 10**13),
    commission=commissions,
    override=commissions,
    settled=st.integers(0, 10**13),
)
def test_every_sale_balances_and_moves_wallets_by_what_it_posts(
    retail: int, commission: Commission, override: Commission, settled: int
) -> None:
    seller = replace(CHILD, commission=replace(commission, share=commission.share or 1), override=override)
    seller = replace(seller, commission=commission if not commission.none else Commission(1))
    terms = recharge_terms(dealer=seller, row=None, retail=retail)
    wallet = replace(seller.wallet, balance=10**14)

    receipt = sale_receipt(terms=terms, dealer=seller, reason=RECHARGE, settled=min(settled, retail))
    moves = wallet_moves(terms=terms, wallet=wallet, parent=TENTH.wallet)

    check_postings(postings=receipt.postings)
    posted = {
        name: sum(one.amount for one in receipt.postings if one.account == name)
        for name in (DEALER_WALLETS, COMMISSION)
    }
    assert posted[DEALER_WALLETS] == -sum(move.amount for move in moves)
    assert posted[COMMISSION] == terms.commission + terms.override >= 0
    assert 0 <= terms.price <= retail


def test_a_wallet_pays_to_its_last_paisa_and_no_further() -> None:
    terms = SaleTerms(1_000, 900, 20)
    wallet = replace(CHILD.wallet, balance=900)

    assert wallet_moves(terms=terms, wallet=wallet, parent=TENTH.wallet) == (
        FundMove(wallet, -900),
        FundMove(TENTH.wallet, 20),
    )
    with pytest.raises(InsufficientWallet) as refused:
        wallet_moves(terms=terms, wallet=replace(wallet, balance=899), parent=TENTH.wallet)
    assert "899" in refused.value.message
    assert "900" in refused.value.message


def test_dealers_stand_three_levels_deep_below_who_is_in_business() -> None:
    second = check_dealer(dealer=CHILD, parent=TENTH)
    third = check_dealer(dealer=dealer(3, parent_id=second.dealer_id), parent=second)

    assert (second.level, third.level) == (2, 3)
    with pytest.raises(TooDeep):
        check_dealer(dealer=dealer(4, parent_id=third.dealer_id), parent=third)
    with pytest.raises(DealerArchived):
        check_dealer(dealer=CHILD, parent=replace(TENTH, archived=True))
    for wrong in (Commission(1, 1), Commission(WHOLE + 1), Commission(-1), Commission(amount=-1)):
        with pytest.raises(InvalidCommission):
            check_dealer(dealer=dealer(commission=wrong), parent=None)
    with pytest.raises(InvalidCommission):
        check_dealer(dealer=dealer(override=Commission(1)), parent=None)


def test_money_goes_one_level_down_or_up() -> None:
    sister, below = dealer(4, parent_id=TENTH.dealer_id), dealer(5, parent_id=CHILD.dealer_id)

    check_related(one=TENTH, other=CHILD)
    check_related(one=CHILD, other=TENTH)
    for one, other in ((CHILD, sister), (TENTH, below), (below, TENTH), (TENTH, TENTH)):
        with pytest.raises(NotRelated):
            check_related(one=one, other=other)


def test_a_dealer_is_archived_with_nothing_in_its_wallet_and_nobody_below() -> None:
    gone, wallet = archive(dealer=TENTH, wallet=TENTH.wallet)

    assert (gone.archived, wallet.archived) == (True, True)
    for one, held in (
        (TENTH, replace(TENTH.wallet, balance=1)),
        (TENTH, replace(TENTH.wallet, balance=-1)),
        (replace(TENTH, children=1), TENTH.wallet),
    ):
        with pytest.raises(DealerNotEmpty):
            archive(dealer=one, wallet=held)
    with pytest.raises(DealerArchived):
        archive(dealer=gone, wallet=wallet)


def test_totals_are_added_up_by_dealer() -> None:
    parts = [
        CommissionTotals("b", 1, 1_000, 100, 20),
        CommissionTotals("a", 2, 500, 50),
        CommissionTotals("b", refunds=1, refunded_retail=1_000, refunded_commission=100),
    ]

    assert total(parts=parts) == [
        CommissionTotals("a", 2, 500, 50),
        CommissionTotals("b", 1, 1_000, 100, 20, 1, 1_000, 100),
    ]
