"""What a session may do that began while its company is in recovery: look, export, recover."""

from __future__ import annotations

from typing import Final

from chalicelib.api.authentication import SAFE_METHODS, Operation
from chalicelib.api.errors import NotSignedIn
from chalicelib.domain.lifecycle import Capability, TenantInRecovery, may
from chalicelib.domain.tenants import Tenant

# Besides looking: taking one's data along, coming back, and what is one's own to keep safe.
ALLOWED: Final = frozenset(
    {
        "recover_tenant",
        "create_export",
        "search_subscribers",
        "log_out",
        "end_other_sessions",
        "end_own_session",
        "change_password",
        "put_own_consent",
        "begin_second_factor",
        "confirm_second_factor",
        "renew_recovery_codes",
        "take_off_second_factor",
        "begin_passkey",
        "add_passkey",
        "ask_own_passkey",
        "rename_passkey",
        "remove_passkey",
    }
)


def check_read_only(*, tenant: Tenant, operation: Operation) -> None:
    """Raise TenantInRecovery for what is not possible in recovery, NotSignedIn where that is over."""
    if may(state=tenant.state, capability=Capability.WORK):
        return
    if not may(state=tenant.state, capability=Capability.SIGN_IN):
        raise NotSignedIn("this company's data is being deleted")
    if operation.method in SAFE_METHODS or operation.operation_id in ALLOWED:
        return
    raise TenantInRecovery(
        "the account has ended: look at everything, export it (POST /v1/exports), "
        "or bring it back (POST /v1/tenant/recovery)"
    )
