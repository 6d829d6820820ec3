"""A valid request of every operation that writes: the documented example, or what is said here instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from chalicelib.api.routing import Endpoint
from tests.integration.conftest import PASSWORD
from tests.security.asking import Asked, Valid, of_owing
from tests.security.races import Company
from tests.security.test_mass_assignment import valid_body
from tests.security.valid_company import (
    breach,
    by_password,
    cancelled,
    cancelled_later,
    cancelling,
    code_for,
    correction,
    edition,
    factor_on,
    import_to_map,
    import_to_start,
    invited,
    log_in,
    mailed_receipt,
    own_owing,
    own_request,
    own_session,
    portal_activation,
    portal_code,
    portal_log_in,
    rehearsal,
    request_from_outside,
    reset,
    rule,
    second_step,
    sign_up_to_verify,
    tax_group,
    to_activate,
    told_breach,
)
from tests.security.valid_money import (
    begun_refund,
    between_funds,
    closed_month,
    counted,
    credited,
    dealers_customer,
    dealers_payment,
    dealers_sale,
    empty_fund,
    field_receipts,
    line_to_resolve,
    miscounted,
    offered,
    online_payment,
    own_fund,
    own_transfer,
    renamed_dealer,
    resolved_line,
    seen_at_the_bank,
    settlement_to_start,
    to_collect,
    told_paid,
    transferred,
    unused_gateway,
    void_batch,
    void_voucher,
    vouched,
    withdrawn,
    won_chargeback,
)
from tests.security.valid_service import (
    archived_subscriber,
    discount,
    ending_now,
    given_discount,
    lone_subscriber,
    other_package,
    period_over,
    starting_today,
    topped_up,
    used,
    waiting_change,
)

VALID: Final[dict[str, Callable[[Company], Valid]]] = {
    "accept_count": miscounted,
    "accept_invitation": invited,
    "accept_policy": lambda _: Valid(names={"kind": "terms"}),
    "activate_portal_access": portal_activation,
    "allocate_credit": credited,
    "archive_fund": empty_fund,
    "archive_subscriber": lone_subscriber,
    "begin_collection": to_collect,
    "begin_own_collection": own_owing,
    "begin_passkey": by_password,
    "begin_second_factor": by_password,
    "buy_top_up": topped_up,
    "cancel_tenant": cancelling,
    "change_dealer": renamed_dealer,
    "change_late_fee_rule": rule,
    "change_package": edition,
    "change_password": lambda _: Valid({"current": PASSWORD, "password": "four random words now"}),
    "change_subscription": ending_now,
    "change_subscription_package": other_package,
    "close_breach": told_breach,
    "close_usage_period": period_over,
    "complete_gateway_refund": begun_refund,
    "complete_log_in": second_step,
    "complete_password_reset": reset,
    "complete_portal_code": portal_code,
    "complete_privacy_request": correction,
    "confirm_collection": seen_at_the_bank,
    "confirm_privacy_request": request_from_outside,
    "confirm_second_factor": code_for,
    "count_hand_over": counted,
    "create_rehearsal": rehearsal,
    "create_subscription": starting_today,
    "dismiss_policy_notice": lambda _: Valid(names={"kind": "privacy"}),
    "end_own_portal_session": own_session,
    "forget_gateway": unused_gateway,
    "give_discount": discount,
    "hear_gateway": told_paid,
    "log_in": log_in,
    "mail_invoice": of_owing(None),
    "mail_receipt": mailed_receipt,
    "make_pay_link": of_owing(None),
    "map_import": import_to_map,
    "offer_hand_over": offered,
    "open_fund": own_fund,
    "open_ledger_month": closed_month,
    "portal_log_in": portal_log_in,
    "put_reconnect_fee": lambda _: Valid({"amount": 100}),
    "put_tax_group": tax_group,
    "quote_package_change": other_package,
    "record_field_receipts": field_receipts,
    "record_usage": used,
    "recover_tenant": cancelled,
    "redeem_own_voucher": vouched,
    "redeem_voucher_for": vouched,
    "refund_by_gateway": online_payment,
    "register_breach": breach,
    "reinstate_voucher": void_voucher,
    "reinstate_voucher_batch": void_batch,
    "renew_recovery_codes": factor_on,
    "reopen_settlement_line": resolved_line,
    "resolve_settlement_line": line_to_resolve,
    "sell_recharge": dealers_customer,
    "send_portal_activation": to_activate,
    "start_import": import_to_start,
    "start_settlement": settlement_to_start,
    "take_dealer_payment": dealers_payment,
    "take_dealer_sale_back": dealers_sale,
    "take_discount": given_discount,
    "take_off_second_factor": factor_on,
    "transfer_for_dealer": transferred,
    "transfer_funds": between_funds,
    "transfer_own_money": own_transfer,
    "transfer_ownership": by_password,
    "unarchive_subscriber": archived_subscriber,
    "verify_sign_up": sign_up_to_verify,
    "win_chargeback": won_chargeback,
    "withdraw_cancellation": cancelled_later,
    "withdraw_for_dealer": withdrawn,
    "withdraw_own_privacy": own_request,
    "withdraw_package_change": waiting_change,
    "write_off_invoice": of_owing(),
}


def asked_of(company: Company, one: Endpoint, described: dict[str, Any]) -> Asked:
    """Prepare what the request needs, and return it; the tables can be put back to here."""
    isp = company.isp
    valid = VALID[one.operation_id](company) if one.operation_id in VALID else Valid()
    body = valid_body(one, described, isp) if valid.body is ... and one.body is not None else valid.body
    body = None if body is ... else body
    names = {**isp.ids_for(one), **valid.names}
    asked = Asked(valid.api or isp.shop.tenant.api, one, names, body, headers=valid.headers)
    company.stand_here()
    if one.if_match and (reply := asked.send()).status == 412:
        version = re.search(r"version (\d+)", reply.json["message"])
        assert version is not None, reply.text
        asked = replace(asked, version=f'"{version[1]}"')
    company.put_back()
    return asked
