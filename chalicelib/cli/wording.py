"""What the platform's refusals are called here: options instead of the API's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.domain.import_mapping import ImportField

Names = Mapping[str, str]

IMPORT: Final[Names] = {
    "file_name": "FILE",
    "size_bytes": "FILE",
    "columns": "--map",
    **{f"columns.{field.value}": f"--map {field.value}=COLUMN" for field in ImportField},
    "missing_column columns.start_date": "--start DATE, or --map start_date=COLUMN",
    "missing_column columns.package": "--package NAME, or --map package=COLUMN",
    "defaults.package": "--package",
    "defaults.price": "--price",
    "defaults.start_date": "--start",
    "defaults.anchor_day": "--anchor-day",
    "defaults.area": "--area",
    "skip_when": "--skip",
    "date_format": "--date-format",
    "decimal_format": "--decimals",
}
IMPORTS: Final[Names] = {"import_id": "IMPORT"}
AUDIT: Final[Names] = {
    "object_id": "--object",
    "actor_id": "--actor",
    "action": "--action",
    "from": "--from",
    "to": "--to",
}
EXPORTS: Final[Names] = {"export_id": "EXPORT"}
PACKAGE: Final[Names] = {
    "name": "NAME",
    "price": "--price",
    "cycle": "--cycle",
    "timing": "--timing",
    "download_kbps": "--down",
    "upload_kbps": "--up",
    "tax_group": "--tax-group",
}
SUBSCRIBERS: Final[Names] = {
    **{name: f"--{name}" for name in ("text", "status", "area", "archived")},
    "package_id": "--package-id",
    "subscriber_id": "CODE",
}
RUN: Final[Names] = {"date": "DATE"}
LEDGER: Final[Names] = {"from": "--from", "to": "--to"}
STATEMENT: Final[Names] = {**LEDGER, "subscriber_id": "CODE"}
PAYMENT: Final[Names] = {
    "subscriber_id": "CODE",
    "document_id": "RECEIPT",
    "amount": "AMOUNT",
    "allocations.invoice_id": "--invoice",
    "allocations.amount": "AMOUNT",
    **{name: f"--{name}" for name in ("channel", "reference", "note", "reason")},
}
EXPENSE: Final[Names] = {
    "category": "CATEGORY",
    "amount": "AMOUNT",
    "paid_from": "--paid-from",
    **{name: f"--{name}" for name in ("on", "payee", "reference", "note")},
}
CLOSING: Final[Names] = {"month": "MONTH", "reason": "--reason"}
REHEARSAL: Final[Names] = {"through": "--through"}
SUPPORT: Final[Names] = {
    "subdomain": "SUBDOMAIN",
    "reason": "--reason",
    "minutes": "--minutes",
    "access_id": "ACCESS",
}
ACCOUNT: Final[Names] = {
    "confirm": "SUBDOMAIN",
    "reason": "--reason",
    "password": "the password",
    "code": "the code",
}
PRIVACY: Final[Names] = {
    "privacy_request_id": "REQUEST",
    "subscriber_id": "--for",
    "kind": "KIND",
    "changes": "--set",
    "purposes": "--purpose",
    **{name: f"--{name}" for name in ("seen", "text", "until", "reason", "words")},
}
LOG_IN: Final[Names] = {"subdomain": "--subdomain", "email": "--email", "password": "the password"}

# Refusals whose own words name requests that nobody makes by hand here.
_SAID: Final = {
    "not_mapped": "the import has no mapping: run `import` anew, with --map",
    "file_changed": "the file is not the one that was mapped, or has expired: run `import` anew",
    "file_not_uploaded": "the file has not arrived: run `import` anew",
    "tenant_in_recovery": "the account has ended: look at everything, take it with you (`export`), or bring "
    "it back (`account recover`)",
    "import_not_finished": "the import is not finished, so there is no report yet: `imports watch` looks on",
}


def said(*, code: str, message: str) -> str:
    """Return the words for a refusal."""
    return _SAID.get(code, message)


def option_of(*, code: str, param: str, names: Names) -> str:
    """Return what the command line calls a field of the API: its option, or that of what holds it."""
    if f"{code} {param}" in names:
        return names[f"{code} {param}"]
    parts = [part for part in param.split(".") if not part.isdigit()]
    for length in range(len(parts), 0, -1):
        if (known := ".".join(parts[:length])) in names:
            return names[known]
    return param
