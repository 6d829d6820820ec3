"""Staff of a tenant, their roles, and what each role may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.emails import check_no_link
from chalicelib.domain.errors import Conflict, InvalidValue

STAFF_NAME_CHARS_MAX: Final = 120


class EmailTaken(Conflict):
    """Another person of this tenant has the address."""

    code = "email_taken"


class Permission(StrEnum):
    """What a route may ask for; PUBLIC asks for nothing, SELF for any signed-in person."""

    PUBLIC = "public"
    SELF = "self"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    PACKAGES_READ = "packages:read"
    PACKAGES_WRITE = "packages:write"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    FEES_WAIVE = "fees:waive"
    BILLING_READ = "billing:read"
    BILLING_RUN = "billing:run"
    LEDGER_READ = "ledger:read"
    LEDGER_CLOSE = "ledger:close"
    LEDGER_OPEN = "ledger:open"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    """A tenant's own roles."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    SUPPORT = "support"
    AUDITOR = "auditor"


_EVERYTHING: Final = frozenset(Permission) - {Permission.PUBLIC}
_READ_ALL: Final = frozenset(item for item in _EVERYTHING if item.value.endswith(":read")) | {Permission.SELF}

ROLE_PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING - {Permission.LEDGER_OPEN},
    Role.BILLING: (_READ_ALL - {Permission.AUDIT_READ})
    | {
        Permission.SUBSCRIBERS_WRITE,
        Permission.PACKAGES_WRITE,
        Permission.INVOICES_WRITE,
        Permission.PAYMENTS_WRITE,
        Permission.FEES_WAIVE,
        Permission.BILLING_RUN,
        Permission.LEDGER_CLOSE,
        Permission.IMPORTS_WRITE,
        Permission.EXPORTS_WRITE,
    },
    Role.SUPPORT: frozenset(
        {
            Permission.SELF,
            Permission.TENANT_READ,
            Permission.SUBSCRIBERS_READ,
            Permission.SUBSCRIBERS_WRITE,
            Permission.PACKAGES_READ,
            Permission.INVOICES_READ,
            Permission.PAYMENTS_READ,
        }
    ),
    Role.AUDITOR: _READ_ALL,
}


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person who works for the tenant; ``password_hash`` is Argon2id in PHC form."""

    staff_id: str
    name: str
    email: str
    role: Role
    email_verified: bool
    password_hash: str
    created_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: the only source of the tenant in a request."""

    tenant_id: str
    actor_id: str
    role: Role

    def may(self, *, permission: Permission) -> bool:
        """Whether the role grants the permission."""
        return permission in ROLE_PERMISSIONS[self.role]


def check_staff_name(*, name: str, param: str = "name") -> str:
    """Return the name without surrounding blanks, or raise InvalidValue."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > STAFF_NAME_CHARS_MAX:
        raise InvalidValue(f"a name has 1 to {STAFF_NAME_CHARS_MAX} characters", param=param)
    check_no_link(text=cleaned, param=param)
    return cleaned
