"""Tenants: each is one ISP on its own subdomain."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.domain.emails import check_no_link
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import currency_digits
from chalicelib.domain.numbering import DocumentKind, NumberFormat, check_distinct, with_format
from chalicelib.domain.taxes import InvalidTaxGroup, TaxGroup, check_tax_group

SUBDOMAIN_CHARS_MIN: Final = 3
SUBDOMAIN_CHARS_MAX: Final = 40
COMPANY_CHARS_MAX: Final = 120
PAYMENT_DAYS_DEFAULT: Final = 7
PAYMENT_DAYS_MAX: Final = 90
BILLING_HOUR_DEFAULT: Final = 2
# Minor units: whole hundreds of most currencies, ten dinars, a hundred thousand yen.
ROUND_TO_MAX: Final = 100_000
TAX_GROUPS_MAX: Final = 20
# The groups are part of the tenant's one record, which every request reads and whose size the
# database limits.
TAX_GROUPS_BYTES_MAX: Final = 64 * 1024

_SUBDOMAIN: Final = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*\Z", re.ASCII)

RESERVED_SUBDOMAINS: Final = frozenset(
    (
        "abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover "
        "backup billing blog cdn console dashboard demo dev developer dns docs download email ftp git "
        "help host hostmaster imap info internal isp ispbilling legal localhost login logs mail mailbox "
        "mta mx news noc ns ns1 ns2 official operator owner payment payments platform policy pop pop3 "
        "portal postmaster privacy root router security server shop signup smtp ssl staff staging static "
        "stats status store support sysadmin system team terms test testing tls tools user users vpn web "
        "webmail webmaster whois wiki www"
    ).split()
)


class InvalidSubdomain(InvalidValue):
    """The subdomain is malformed or reserved."""

    code = "invalid_subdomain"


class SubdomainTaken(Conflict):
    """Another tenant has the subdomain."""

    code = "subdomain_taken"


class UnknownTimeZone(InvalidValue):
    """The name is not an IANA time zone."""

    code = "unknown_time_zone"


class TenantState(StrEnum):
    """Where a tenant stands; ``domain.lifecycle`` says what each state allows."""

    UNVERIFIED = "unverified"
    ACTIVE = "active"
    RECOVERY = "recovery"
    PURGING = "purging"
    PURGED = "purged"
    SHREDDED = "shredded"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a tenant's account, once its owner asked for it; instants in UTC.

    Recovery begins at ``ends_at``, and lasts until ``purge_at``, which is fixed when it begins.
    ``stopped``: nobody is signed in any more who was, and no key opens anything. ``told`` is the last
    notice (days before the purge) that the owners were given, and ``telling_since`` stands while it is
    being sent. ``freed``: the subdomain is anybody's again. ``shredding``: what the law had kept is
    being deleted too.
    """

    asked_at: datetime
    ends_at: datetime
    purge_at: datetime | None = None
    stopped: bool = False
    told: int | None = None
    telling_since: datetime | None = None
    freed: bool = False
    shredding: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """One ISP. Dates of billing are in ``time_zone``; ``fiscal_year_start_month`` is 1 to 12.

    Invoices are rounded to a multiple of ``round_to`` minor units (100 for whole rupees; 0 not at
    all). ``consolidated`` puts what an account owes on one day on one invoice, unless the account has
    it otherwise. Runs set aside an
    account whose invoices of one run date would come to more than ``invoice_limit`` minor units (0: no
    limit; None: the one that follows from the packages, see ``default_invoice_limit``). What is sold
    by the month begins its periods on ``bill_day`` (1 to 31; 0: on the day of its start), after a first
    one that is charged by the day. Web pages of ``allowed_origins`` may call the API from a browser.
    Subscribers sign in to the portal where ``portal`` is on, and are sent codes by SMS where
    ``portal_sms`` is on besides.
    With ``receipt_mails``, each payment's receipt is mailed to its subscriber.
    With ``mfa_required``, people without a second factor may do nothing but put one on.
    ``ending`` is there once the owner cancelled the account.
    """

    tenant_id: str
    company: str
    subdomain: str
    country: str
    currency: str
    time_zone: str
    fiscal_year_start_month: int
    state: TenantState
    created_at: datetime
    version: int = 1
    billing_hour: int = BILLING_HOUR_DEFAULT
    payment_days: int = PAYMENT_DAYS_DEFAULT
    tax_groups: tuple[TaxGroup, ...] = ()
    round_to: int = 0
    consolidated: bool = True
    number_formats: tuple[NumberFormat, ...] = ()
    invoice_limit: int | None = None
    bill_day: int = 0
    allowed_origins: tuple[str, ...] = ()
    portal: bool = True
    portal_sms: bool = False
    mfa_required: bool = False
    receipt_mails: bool = False
    ending: Ending | None = None

    def local_date(self, *, at: datetime) -> date:
        """Return the calendar date in the tenant's zone."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def local_hour(self, *, at: datetime) -> int:
        """Return the hour of the day (0 to 23) in the tenant's zone."""
        return at.astimezone(ZoneInfo(self.time_zone)).hour

    def tax_group(self, *, code: str) -> TaxGroup | None:
        """Return the group of a code, or None."""
        return next((group for group in self.tax_groups if group.code == code), None)

    def with_number_format(self, *, kind: DocumentKind, pattern: str, from_year: int) -> Tenant:
        """Return the tenant whose documents of a kind are numbered so from a fiscal year on."""
        formats = with_format(formats=self.number_formats, kind=kind, pattern=pattern, from_year=from_year)
        check_distinct(formats=formats)
        return replace(self, number_formats=formats)

    def with_tax_group(self, *, group: TaxGroup) -> Tenant:
        """Return the tenant with the group added, or put in the place of the one with its code."""
        check_tax_group(group=group)
        groups = {one.code: one for one in self.tax_groups} | {group.code: group}
        if len(groups) > TAX_GROUPS_MAX:
            raise InvalidValue(f"a tenant has at most {TAX_GROUPS_MAX} tax groups", param="code")
        ordered = tuple(groups[code] for code in sorted(groups))
        encoded = json.dumps([asdict(one) for one in ordered], default=str, ensure_ascii=False)
        if len(encoded.encode()) > TAX_GROUPS_BYTES_MAX:
            message = f"a tenant's tax groups take at most {TAX_GROUPS_BYTES_MAX // 1024} KB together"
            raise InvalidTaxGroup(message, param="rows")
        return replace(self, tax_groups=ordered)


def check_subdomain(*, subdomain: str) -> None:
    """Raise InvalidSubdomain unless it is 3 to 40 of a-z, 0-9 and single inner hyphens, not reserved."""
    if not SUBDOMAIN_CHARS_MIN <= len(subdomain) <= SUBDOMAIN_CHARS_MAX:
        raise InvalidSubdomain(
            f"a subdomain has {SUBDOMAIN_CHARS_MIN} to {SUBDOMAIN_CHARS_MAX} characters", param="subdomain"
        )
    if not _SUBDOMAIN.match(subdomain):
        raise InvalidSubdomain(
            "a subdomain is lower-case letters, digits and single hyphens, and starts with a letter",
            param="subdomain",
        )
    if subdomain in RESERVED_SUBDOMAINS:
        raise InvalidSubdomain(f"{subdomain!r} is reserved", param="subdomain")


def check_time_zone(*, time_zone: str) -> None:
    """Raise UnknownTimeZone unless the name is in the IANA database."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownTimeZone(f"{time_zone!r} is not an IANA time zone", param="time_zone") from None


def check_settings(*, currency: str, time_zone: str, fiscal_year_start_month: int, country: str) -> None:
    """Raise the first InvalidValue among a tenant's settings."""
    currency_digits(currency=currency)
    check_time_zone(time_zone=time_zone)
    if not 1 <= fiscal_year_start_month <= 12:
        raise InvalidValue("the fiscal year starts in month 1 to 12", param="fiscal_year_start_month")
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        raise InvalidValue("the country is two capital letters (ISO 3166-1)", param="country")


def check_company(*, company: str) -> str:
    """Return the name without surrounding blanks, or raise InvalidValue."""
    cleaned = company.strip()
    if not cleaned or len(cleaned) > COMPANY_CHARS_MAX:
        raise InvalidValue(f"a company name has 1 to {COMPANY_CHARS_MAX} characters", param="company")
    check_no_link(text=cleaned, param="company")
    return cleaned


def check_bill_day(*, bill_day: int) -> None:
    """Raise InvalidValue unless it is a day of the month, or 0 for none."""
    if not 0 <= bill_day <= 31:
        raise InvalidValue("the bill day is 1 to 31, or 0 for the day of each start", param="bill_day")


def check_billing(*, billing_hour: int, payment_days: int, round_to: int = 0) -> None:
    """Raise InvalidValue unless the hour is 0 to 23, the days are possible, and the rounding is."""
    if not 0 <= billing_hour <= 23:
        raise InvalidValue("the billing hour is 0 to 23", param="billing_hour")
    if not 0 <= payment_days <= PAYMENT_DAYS_MAX:
        raise InvalidValue(f"payment is due within 0 to {PAYMENT_DAYS_MAX} days", param="payment_days")
    if round_to != 0 and not 2 <= round_to <= ROUND_TO_MAX:
        message = (
            f"invoices are rounded to a multiple of 2 to {ROUND_TO_MAX} minor units, or with 0 not at all"
        )
        raise InvalidValue(message, param="round_to")
