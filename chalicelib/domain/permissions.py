"""What staff may do: the permissions, and the one matrix of which role has which.

``docs/permissions.md`` is made of it (``make permissions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a route may ask for; PUBLIC asks for nothing, SELF for anybody of the staff.

    PORTAL_SELF is a subscriber's own: what sessions of the portal have, and nobody else.
    """

    PUBLIC = "public"
    SELF = "self"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    STAFF_READ = "staff:read"
    STAFF_WRITE = "staff:write"
    OWNERSHIP_TRANSFER = "ownership:transfer"
    TENANT_END = "tenant:end"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    PACKAGES_READ = "packages:read"
    PACKAGES_WRITE = "packages:write"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_RECORD = "payments:record"
    PAYMENTS_WRITE = "payments:write"
    CASH_COLLECT = "cash:collect"
    FUNDS_READ = "funds:read"
    FUNDS_WRITE = "funds:write"
    EXPENSES_READ = "expenses:read"
    EXPENSES_WRITE = "expenses:write"
    FEES_WAIVE = "fees:waive"
    GATEWAYS_READ = "gateways:read"
    GATEWAYS_WRITE = "gateways:write"
    NOTICES_RESOLVE = "notices:resolve"
    DEALERS_READ = "dealers:read"
    DEALERS_WRITE = "dealers:write"
    WALLET_SPEND = "wallet:spend"
    VOUCHERS_READ = "vouchers:read"
    VOUCHERS_WRITE = "vouchers:write"
    BILLING_READ = "billing:read"
    BILLING_RUN = "billing:run"
    SETTLEMENTS_READ = "settlements:read"
    SETTLEMENTS_WRITE = "settlements:write"
    LEDGER_READ = "ledger:read"
    LEDGER_CLOSE = "ledger:close"
    LEDGER_OPEN = "ledger:open"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    AUDIT_READ = "audit:read"
    PRIVACY_READ = "privacy:read"
    PRIVACY_WRITE = "privacy:write"
    PORTAL_SELF = "portal:self"
    SUPPORT_ENTER = "support:enter"


class Role(StrEnum):
    """The roles that every tenant has; its own are ``domain.roles``."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    SUPPORT = "support"
    COLLECTOR = "collector"
    DEALER = "dealer"
    AUDITOR = "auditor"


P = Permission

# The letters are the roles, in their order: a letter has the permission, a dot has not.
#   O owner   A admin   B billing   S support   C collector   D dealer   R auditor (reads)
MATRIX: Final[tuple[tuple[Permission, str, str], ...]] = (
    (P.SELF, "O A B S C D R", "see who one is, sign out, change one's own password"),
    (P.TENANT_READ, "O A B S . . R", "see the company's settings, taxes, fee rules and plan"),
    (P.TENANT_WRITE, "O A . . . . .", "change them"),
    (P.STAFF_READ, "O A B . . . R", "see staff, invitations and roles"),
    (P.STAFF_WRITE, "O A . . . . .", "invite and disable staff, give roles, make roles"),
    (P.OWNERSHIP_TRANSFER, "O . . . . . .", "hand the company over to another person"),
    (P.TENANT_END, "O . . . . . .", "end the company's account, and bring it back"),
    (P.KEYS_READ, "O A . . . . R", "see the keys of programs"),
    (P.KEYS_WRITE, "O A . . . . .", "make and revoke them"),
    (P.SUBSCRIBERS_READ, "O A B S C D R", "see subscribers and their service"),
    (P.SUBSCRIBERS_WRITE, "O A B S . D .", "add and change subscribers, sell and end service"),
    (P.PACKAGES_READ, "O A B S C D R", "see the catalogue"),
    (P.PACKAGES_WRITE, "O A B . . . .", "change the catalogue and coupons"),
    (P.INVOICES_READ, "O A B S C D R", "see invoices, statements and what is owed"),
    (P.INVOICES_WRITE, "O A B . . . .", "issue and correct invoices, set own prices, write off"),
    (P.PAYMENTS_READ, "O A B S C D R", "see receipts, refunds and journals"),
    (
        P.PAYMENTS_RECORD,
        "O A B . C D .",
        "take payments, redeem vouchers, recharge prepaid lines from credit",
    ),
    (P.PAYMENTS_WRITE, "O A B . . . .", "reverse and refund payments, allocate credit"),
    (P.CASH_COLLECT, "O A B . C . .", "see the route sheet, take cash in the field, hand it over"),
    (P.FUNDS_READ, "O A B . C . R", "see funds and what moved them (a collector one's own)"),
    (P.FUNDS_WRITE, "O A B . . . .", "name the office's funds, count what is handed over, close the day"),
    (P.EXPENSES_READ, "O A B . . . R", "see expenses, and profit and loss"),
    (P.EXPENSES_WRITE, "O A B . . . .", "record, pay and reverse expenses"),
    (P.FEES_WAIVE, "O A B . . . .", "waive fees, restore service against the rule"),
    (P.GATEWAYS_READ, "O A B . . . R", "see payment gateways, and what they told of that waits for a person"),
    (P.GATEWAYS_WRITE, "O A . . . . .", "set payment gateways up, change and forget them"),
    (
        P.NOTICES_RESOLVE,
        "O A B . . . .",
        "decide on what payment gateways told of and nobody knows, confirm what reached the bank",
    ),
    (P.DEALERS_READ, "O A B . . . R", "see dealers, their wallets, prices and commissions"),
    (P.DEALERS_WRITE, "O A B . . . .", "add and change dealers, set their prices, move their money"),
    (P.WALLET_SPEND, "O A B . . D .", "sell out of a dealer's wallet, see one's own dealer's"),
    (P.VOUCHERS_READ, "O A B . . . R", "see batches of vouchers and what became of them"),
    (P.VOUCHERS_WRITE, "O A B . . . .", "make vouchers, print their codes, make them void"),
    (P.BILLING_READ, "O A B . . . R", "see billing runs and rehearsals"),
    (P.BILLING_RUN, "O A B . . . .", "start runs and rehearsals, retry what was set aside"),
    (P.SETTLEMENTS_READ, "O A B . . . R", "see how files of gateways and banks compare with payments"),
    (P.SETTLEMENTS_WRITE, "O A B . . . .", "compare such files, and resolve what differs"),
    (P.LEDGER_READ, "O A B . . . R", "see the ledger and audit the books"),
    (P.LEDGER_CLOSE, "O A B . . . .", "close months"),
    (P.LEDGER_OPEN, "O . . . . . .", "open closed months again"),
    (P.IMPORTS_READ, "O A B . . . R", "see imports and their reports"),
    (P.IMPORTS_WRITE, "O A B . . . .", "import subscribers"),
    (P.EXPORTS_READ, "O A B . . . R", "see and download exports"),
    (P.EXPORTS_WRITE, "O A B . . . .", "make exports of everything"),
    (P.AUDIT_READ, "O A . . . . R", "see, export and verify the audit log, see accesses of platform support"),
    (P.PRIVACY_READ, "O A . . . . R", "see privacy requests and breaches, with what is said in them"),
    (
        P.PRIVACY_WRITE,
        "O A . . . . .",
        "answer privacy requests, erase people, keep the register of breaches",
    ),
    (P.PORTAL_SELF, ". . . . . . .", "see one's own service and invoices in the portal: subscribers alone"),
    (
        P.SUPPORT_ENTER,
        "O A . . . . .",
        "enter another company as platform support (the platform's operator only)",
    ),
)

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    role: frozenset(permission for permission, row, _ in MATRIX if row.split()[place] != ".")
    for place, role in enumerate(Role)
}

# The role of a subscriber who is signed in to the portal, and all that it may.
SUBSCRIBER: Final = "subscriber"
PORTAL_PERMISSIONS: Final = frozenset({P.PORTAL_SELF})

# All that who is held to areas or to a dealer's customers may ever do: the rest shows or changes
# the whole tenant.
WITHIN_SCOPE: Final = frozenset(
    {
        P.SELF,
        P.PACKAGES_READ,
        P.SUBSCRIBERS_READ,
        P.SUBSCRIBERS_WRITE,
        P.INVOICES_READ,
        P.INVOICES_WRITE,
        P.PAYMENTS_READ,
        P.PAYMENTS_RECORD,
        P.PAYMENTS_WRITE,
        P.WALLET_SPEND,
        P.CASH_COLLECT,
        P.FUNDS_READ,
        P.FEES_WAIVE,
    }
)

# What a role that a tenant makes may hold: handing over and ending the company are the owner's alone, and
# entering others is for those whom everybody knows by their role.
GRANTABLE: Final = frozenset(Permission) - {
    P.PUBLIC,
    P.SELF,
    P.OWNERSHIP_TRANSFER,
    P.TENANT_END,
    P.PORTAL_SELF,
    P.SUPPORT_ENTER,
}

# What platform support may do in a company that it entered, and for how long is said at entering.
# Imports show whole rows of files, exports and keys take data away, and SELF is for people of the
# company: none of them is here.
SUPPORT_READS: Final = frozenset(
    {
        P.TENANT_READ,
        P.STAFF_READ,
        P.SUBSCRIBERS_READ,
        P.PACKAGES_READ,
        P.INVOICES_READ,
        P.PAYMENTS_READ,
        P.BILLING_READ,
        P.LEDGER_READ,
        P.AUDIT_READ,
    }
)
# Where it said that it would change something: what a company's own support may, and no more.
SUPPORT_WRITES: Final = ROLE_PERMISSIONS[Role.SUPPORT] - SUPPORT_READS - {P.SELF}

_HEAD: Final = """\
# Who may do what

Made by `make permissions` of `chalicelib/domain/permissions.py`: do not edit. The API refuses with 403
`permission_denied` what a role has not. Each operation's permission is in `openapi.json` (`x-permission`),
and those that fields of a body ask for besides (`x-field-permissions`).

"""
_FOOT: Final = """
Permissions marked * are never in force for who is held to areas or to a dealer's customers, whatever the
role: they show or change the whole company. A collector always has areas, and a dealer is always held to
its own customers. A subscriber of others answers like none, in lists, alone, and in whatever belongs to it.

A role of the company's own holds any of these permissions but `ownership:transfer`, `tenant:end` and
`support:enter`, and none that its maker lacks; everybody in it has `self`. A key of a program holds
any of them but `ownership:transfer`, `tenant:end`, `support:enter`, `staff:write`, `keys:write` and
`ledger:open`, and none that its maker lacks.

Platform support that entered the company (`POST /v1/support-entries`) has {support_reads};
where it said that it would change something, {support_writes} besides. National and tax
ids are masked for it, and nothing is given to it as a file. It changes no subscriber's email or phone and
sends no activation of the portal: codes go there, and let in past the end of an access.

`portal:self` is what subscribers have who are signed in to the portal: no role and no key has it, and a
subscriber has nothing else.
"""


def permissions_page() -> str:
    """Return ``docs/permissions.md``."""
    rows = [["permission", "allows to", *(role.value for role in Role)]]
    rows.append(["---", "---", *(":-:" for _ in Role)])
    for permission, row, words in MATRIX:
        mark = "" if permission in WITHIN_SCOPE else " *"
        cells = ["" if letter == "." else "yes" for letter in row.split()]
        rows.append([f"`{permission.value}`{mark}", words, *cells])
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    foot = _FOOT.format(support_reads=_listed(SUPPORT_READS), support_writes=_listed(SUPPORT_WRITES))
    return f"{_HEAD}{table}{foot}"


def _listed(permissions: frozenset[Permission]) -> str:
    return ", ".join(f"`{one.value}`" for one in Permission if one in permissions)
