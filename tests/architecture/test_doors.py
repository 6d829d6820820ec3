"""Whatever does something for a tenant asks first what its state allows: every door is named here.

The table is that of ``domain/lifecycle.py``; what it allows is tried in tests/unit/domain/test_lifecycle.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chalicelib.api.routes import every_endpoint
from chalicelib.domain.lifecycle import Capability
from tests.architecture.code import ROOT, Source, sources

C = Capability
Door = tuple[str, Capability]
NOBODYS: tuple[Door, ...] = ()
BY_SIGN_IN: Door = ("usecases/sessions.py", C.SIGN_IN)
BY_PORTAL: Door = ("usecases/portal.py", C.PORTAL)
BY_GATEWAY: Door = ("usecases/gateway_events.py", C.CALLBACKS)
BY_LINK: Door = ("usecases/pay_links.py", C.CALLBACKS)
BY_RIGHT: Door = ("usecases/privacy_outside.py", C.RIGHTS)

# Where each handler of app.py asks, and for what.
HANDLERS: Mapping[str, tuple[Door, ...]] = {
    "billing_planner": (("usecases/billing.py", C.BILL),),
    "billing_worker": (("jobs/billing.py", C.BILL),),
    "import_worker": (("usecases/import_work.py", C.IMPORT), ("usecases/reconciliations.py", C.WORK)),
    "export_worker": (
        ("usecases/export_work.py", C.EXPORT),
        ("usecases/voucher_work.py", C.WORK),
        ("usecases/privacy_work.py", C.RIGHTS),
    ),
    "mail_worker": (
        ("usecases/receipt_mails.py", C.WORK),
        ("usecases/passwords.py", C.SIGN_IN),
        ("usecases/portal_sending.py", C.PORTAL),
        ("usecases/privacy_work.py", C.RIGHTS),
        BY_LINK,
        BY_RIGHT,
    ),
    "prepaid_expirer": (("jobs/prepaid.py", C.BILL),),
    "collection_keeper": (("jobs/gateway_collections.py", C.BILL),),
    "audit_sealer": (("jobs/audit.py", C.SEAL),),
    "audit_anchorer": (("jobs/audit.py", C.SEAL),),
    "audit_verifier": (("jobs/audit.py", C.SEAL),),
    "plan_keeper": (("jobs/plans.py", C.BILL),),
    "policy_teller": (("jobs/policies.py", C.WORK),),
    "privacy_keeper": (("jobs/privacy.py", C.RIGHTS),),
    "tenant_keeper": (
        ("jobs/endings.py", C.END),
        ("jobs/holds.py", C.RETAIN),
        ("usecases/kept_books.py", C.BOOKS),
    ),
    "key_keeper": (("jobs/keys.py", C.KEYS),),
    "retention_keeper": (("jobs/retention.py", C.RETAIN),),
    # A copy of what is stored, whatever the state of whose it is.
    "backup_keeper": NOBODYS,
    "restore_driller": (("usecases/restore_checks.py", C.EXPORT),),
}
# The same of what anybody may call; whoever is signed in came in by one of these, and who was before the
# account ended is shut out when it does (usecases/stopping.py).
PUBLIC: Mapping[str, tuple[Door, ...]] = {
    "log_in": (BY_SIGN_IN,),
    "complete_log_in": (("usecases/second_step.py", C.SIGN_IN), BY_SIGN_IN),
    "ask_second_step_passkey": (("usecases/second_step.py", C.SIGN_IN),),
    "ask_passkey_log_in": (BY_SIGN_IN,),
    "log_in_with_passkey": (BY_SIGN_IN,),
    "ask_password_reset": (("usecases/passwords.py", C.SIGN_IN),),
    "complete_password_reset": (("usecases/passwords.py", C.SIGN_IN),),
    "accept_invitation": (("usecases/invitations.py", C.WORK),),
    "resend_sign_up_mail": (("usecases/signup.py", C.VERIFY),),
    "sign_up": NOBODYS,
    "sign_up_by_page": NOBODYS,
    # A code that only a sign-up makes, and that is good for 48 hours.
    "verify_sign_up": NOBODYS,
    "verify_by_page": NOBODYS,
    "portal_log_in": (("usecases/portal_sessions.py", C.PORTAL), BY_PORTAL),
    "ask_portal_code": (("usecases/portal_sessions.py", C.PORTAL),),
    "complete_portal_code": (BY_PORTAL,),
    "choose_portal_account": (BY_PORTAL,),
    "activate_portal_access": (BY_PORTAL,),
    "ask_privacy_by_page": (BY_RIGHT,),
    "ask_privacy_from_outside": (BY_RIGHT,),
    "confirm_privacy_by_page": (BY_RIGHT,),
    "confirm_privacy_request": (BY_RIGHT,),
    "hear_gateway": (BY_GATEWAY,),
    "hear_gateway_by_query": (BY_GATEWAY,),
    "hear_biller": (("usecases/billers.py", C.CALLBACKS),),
    "show_sandbox_page": (BY_GATEWAY,),
    "press_sandbox_button": (BY_GATEWAY,),
    "show_pay_page": (BY_LINK,),
    "pay_by_page": (BY_LINK,),
    # The platform's own: no tenant but its operator has a part in them.
    "check_health": NOBODYS,
    "choose_cookies": NOBODYS,
    "count_visitor_activity": NOBODYS,
    "get_openapi": NOBODYS,
    "get_policy_version": NOBODYS,
    "get_visitor_consent": NOBODYS,
    "list_consent_texts": NOBODYS,
    "list_policies": NOBODYS,
    "put_visitor_consent": NOBODYS,
    "show_cookie_page": NOBODYS,
    "show_policy_version": NOBODYS,
    "show_privacy": NOBODYS,
    "show_privacy_confirmation_page": NOBODYS,
    "show_privacy_request_page": NOBODYS,
    "show_sign_up_page": NOBODYS,
    "show_terms": NOBODYS,
    "show_verify_page": NOBODYS,
}
DOORS = sorted({door for doors in (*HANDLERS.values(), *PUBLIC.values()) for door in doors})


def test_every_handler_says_what_it_asks() -> None:
    app = Source("app.py", (ROOT / "app.py").read_text())

    assert {one.name for one in app.functions()} == set(HANDLERS)
    assert [name for name, doors in HANDLERS.items() if not doors] == ["backup_keeper"]


def test_every_public_operation_says_what_it_asks() -> None:
    assert {one.operation_id for one in every_endpoint() if one.public} == set(PUBLIC)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0]} {door[1].name}")
def test_every_door_asks(door: Door) -> None:
    path, capability = door
    (source,) = [one for one in sources("chalicelib") if one.path == f"chalicelib/{path}"]

    assert f"Capability.{capability.name}" in source.text


def test_nobody_else_compares_states() -> None:
    """Whether a tenant may do something is asked of the table, and not of its state."""
    moves = {
        "domain/lifecycle.py", "store/tenants.py", "usecases/signup.py", "usecases/cancellation.py",
        "usecases/endings.py", "usecases/purging.py", "usecases/year_keys.py", "usecases/holding.py",
        "store/sign_ups.py",  # takes away what is unverified, and nothing else
    }  # fmt: skip
    found = {
        one.path.removeprefix("chalicelib/") for one in sources("chalicelib") if "TenantState." in one.text
    }

    assert found == moves
