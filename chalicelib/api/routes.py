"""Every module of endpoints, imported when a request first needs it.

What a request does not need would be most of a cold start: the models of every body and
answer, and the use cases behind them. So the routes are a table (``route_table.py``), made of
the declared endpoints together with the OpenAPI document and compared with them by a test.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from chalice.app import Chalice

from chalicelib.api.mounting import mount
from chalicelib.api.route_table import ROUTES
from chalicelib.api.routing import ENDPOINTS, Endpoint, declared
from chalicelib.bootstrap import Services

# In the order of the OpenAPI document. A new module is named here; then `make openapi`.
MODULES: Final = (
    "activity",
    "api_keys",
    "audit",
    "billing",
    "books_audit",
    "breaches",
    "chargebacks",
    "consents",
    "cookie_page",
    "coupons",
    "credit_notes",
    "dealer_sales",
    "dealer_wallets",
    "dealers",
    "document",
    "documents",
    "expenses",
    "exports",
    "field_receipts",
    "funds",
    "gateway_callbacks",
    "gateway_collections",
    "gateways",
    "hand_overs",
    "health",
    "imports",
    "invitations",
    "invoices",
    "late_fees",
    "ledger",
    "manual_invoices",
    "me",
    "my_dealer",
    "package_changes",
    "packages",
    "parked_notices",
    "passkey_log_in",
    "passkeys",
    "pay_links",
    "pay_pages",
    "payments",
    "plans",
    "policies",
    "policy_pages",
    "portal",
    "portal_access",
    "portal_collections",
    "portal_staff",
    "portal_statements",
    "prepaid",
    "privacy_own",
    "privacy_page",
    "privacy_requests",
    "processors",
    "receipts",
    "rehearsals",
    "retention",
    "roles",
    "route_sheet",
    "sandbox_pages",
    "second_factor",
    "sessions",
    "settlements",
    "signup_page",
    "signups",
    "staff",
    "statements",
    "subscriber_tax",
    "subscribers",
    "subscriptions",
    "support",
    "tenant_life",
    "tenants",
    "usage",
    "voucher_redemptions",
    "voucher_sales",
    "vouchers",
)


def register(app: Chalice, services: Callable[[], Services]) -> None:
    """Give the app every route; ``services`` is called when a request comes."""
    mount(app, services, by_path(), find)


def by_path() -> dict[str, dict[str, str]]:
    """Return the operations of each path by their methods, as ``module.operation``."""
    routes: dict[str, dict[str, str]] = {}
    for route, operation in ROUTES.items():
        method, _, path = route.partition(" ")
        routes.setdefault(path, {})[method] = operation
    return routes


def find(method: str, path: str) -> Endpoint | None:
    """Return the operation of a route, importing its module."""
    module, _, _ = ROUTES[f"{method} {path}"].partition(".")
    import_module(f"chalicelib.api.{module}")
    return declared(method, path)


def every_endpoint() -> list[Endpoint]:
    """Import every module and return all operations, in the order of MODULES."""
    for name in MODULES:
        import_module(f"chalicelib.api.{name}")
    order = {f"chalicelib.api.{name}": index for index, name in enumerate(MODULES)}
    ours = [one for one in ENDPOINTS if one.function.__module__ in order]
    return sorted(ours, key=lambda one: order[one.function.__module__])


def table_text() -> str:
    """Return the source of ``route_table.py``: each route, and the ``module.operation`` behind it."""
    rows = [
        f'    "{one.method} {one.path}": "{one.function.__module__.rpartition(".")[2]}.{one.operation_id}",\n'
        for one in every_endpoint()
    ]
    head = '"""Made by `make openapi` of the declared endpoints: do not edit."""\n\n'
    return f"{head}from typing import Final\n\nROUTES: Final[dict[str, str]] = {{\n{''.join(rows)}}}\n"
