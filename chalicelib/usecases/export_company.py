"""The rows of an export's tables about the company itself, each kind from the repository that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from chalicelib.domain import export_company as tables
from chalicelib.domain.accounts import subscription_id
from chalicelib.domain.activity import ACTIVITY_DAYS
from chalicelib.domain.export_records import record_row
from chalicelib.domain.export_tables import Row
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.audit import AuditEntry
from chalicelib.usecases.export_source import Reader, Source
from chalicelib.usecases.paging import each
from chalicelib.usecases.retention import rules_in_force

# Beyond what anybody chose: each choice is shown, however often a mind was changed.
CHOICES_MAX: Final = 10_000

# -- settings and catalogue ------------------------------------------------------------------


def _company(source: Source) -> Iterator[Row]:
    yield record_row(records=tables.COMPANY, one=source.tenant)


def _tax_rows(source: Source) -> Iterator[Row]:
    for group in source.tenant.tax_groups:
        for row in group.rows:
            more = {"tax_group": group.code, "name": group.name, "inclusive": group.inclusive}
            yield record_row(records=tables.TAX_ROWS, one=row, more=more)


def _packages(source: Source) -> Iterator[Row]:
    for one in (*source.store.packages.editions(), *source.store.packages.all()):
        more = {"currency": one.price.currency, "price": one.price.amount}
        yield record_row(records=tables.PACKAGES, one=one, more=more)


def _coupons(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.coupons.list):
        yield record_row(records=tables.COUPONS, one=one, more={"currency": source.currency})


def _coupon_redemptions(source: Source) -> Iterator[Row]:
    for code, subscriber_id, redeemed in source.store.coupons.redemptions():
        yield {"subscriber_id": subscriber_id, "code": code, "redeemed": redeemed}


def _usage_periods(source: Source) -> Iterator[Row]:
    for account_id in source.store.usage.accounts():
        for slot, use in source.store.usage.of_account(account_id=account_id):
            more = {"subscription_id": subscription_id(account_id=account_id, slot=slot)}
            yield record_row(records=tables.USAGE_PERIODS, one=use, more=more)


def _late_fee_rules(source: Source) -> Iterator[Row]:
    for one in source.store.late_fees.rules():
        yield record_row(records=tables.LATE_FEE_RULES, one=one, more={"currency": source.currency})


def _reconnect_fees(source: Source) -> Iterator[Row]:
    fee, more = source.store.late_fees.reconnect(), {"currency": source.currency}
    yield record_row(records=tables.RECONNECT_FEES, one=fee, more=more)


def _consumer_numbers(source: Source) -> Iterator[Row]:
    for number, account_id in source.store.consumer_numbers.each():
        yield {"number": number, "subscriber_id": account_id}


def _plans(source: Source) -> Iterator[Row]:
    enrolment = source.store.plans.standing().enrolment
    if enrolment is not None:
        yield record_row(records=tables.PLANS, one=enrolment)


def _plans_sold(source: Source) -> Iterator[Row]:
    for one in source.store.plans.terms():
        yield record_row(records=tables.PLANS_SOLD, one=one)


def _retention_rules(source: Source) -> Iterator[Row]:
    for one in rules_in_force(retention=source.retention, tenant=source.tenant).periods:
        yield {
            "rule": one.rule.code,
            "kept": one.words,
            "days": one.days,
            "fiscal_years": one.rule.fiscal_years or None,
            "longest_days": one.longest,
        }


def _retention_reports(source: Source) -> Iterator[Row]:
    for one in each(read=source.retention.reports):
        yield record_row(records=tables.RETENTION_REPORTS, one=one)


# -- people ----------------------------------------------------------------------------------


def _every_member(source: Source) -> Iterator[StaffMember]:
    yield from each(read=source.store.staff.list)


def _staff(source: Source) -> Iterator[Row]:
    for one in _every_member(source):
        yield record_row(records=tables.STAFF, one=one)


def _roles(source: Source) -> Iterator[Row]:
    for one in source.store.roles.all():
        yield record_row(records=tables.ROLES, one=one)


def _invitations(source: Source) -> Iterator[Row]:
    for one in source.store.invitations.all():
        yield record_row(records=tables.INVITATIONS, one=one)


def _api_keys(source: Source) -> Iterator[Row]:
    for one in source.store.api_keys.all().keys:
        yield record_row(records=tables.API_KEYS, one=one)


def _support_accesses(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.support.list):
        yield record_row(records=tables.SUPPORT_ACCESSES, one=one)


def _support_entries(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.support.list_entered):
        yield record_row(records=tables.SUPPORT_ENTRIES, one=one)


# -- records of what was done ----------------------------------------------------------------


def _audit_entries(source: Source) -> Iterator[Row]:
    since = source.tenant.created_at - timedelta(days=1)
    for one in source.store.audit.each(since=since):
        yield _entry_row(one)


def _entry_row(one: AuditEntry) -> Row:
    # An entry's parts are what was read of its JSON: nothing in them is to be looked at again.
    return {
        "entry_id": one.entry_id,
        "written_at": one.written_at.isoformat().replace("+00:00", "Z"),
        "at": one.at,
        "actor_id": one.actor_id,
        "action": one.action,
        "object_id": one.object_id,
        "request_id": one.request_id,
        "address": one.address,
        "details": one.details,
        "personal": one.personal,
        "erased": one.erased,
        "readable": one.readable,
    }


def _consents(source: Source) -> Iterator[Row]:
    consents = source.store.consents
    for subject_id in consents.choosers():
        for one in consents.history(subject_id=subject_id, limit=CHOICES_MAX):
            yield record_row(records=tables.CONSENTS, one=one, more={"subject_id": subject_id})


def _policy_states(source: Source) -> Iterator[Row]:
    for member in _every_member(source):
        states = source.store.policy_states.of_person(staff_id=member.staff_id)
        for _, one in sorted(states.items()):
            yield record_row(records=tables.POLICY_STATES, one=one, more={"staff_id": member.staff_id})


def _privacy_requests(source: Source) -> Iterator[Row]:
    for one in each(read=partial(source.store.privacy.list, state=None)):
        yield record_row(records=tables.PRIVACY_REQUESTS, one=one)


def _erasures(source: Source) -> Iterator[Row]:
    for one in source.store.privacy.erasures():
        yield record_row(records=tables.ERASURES, one=one)


def _breaches(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.breaches.list):
        yield record_row(records=tables.BREACHES, one=one)


def _activity(source: Source) -> Iterator[Row]:
    today = source.at.date()
    for one in source.store.activity.totals(since=today - timedelta(days=ACTIVITY_DAYS), until=today):
        yield record_row(records=tables.ACTIVITY, one=one)


def _imports(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.imports.list):
        yield record_row(records=tables.IMPORTS, one=one)


def _exports(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.exports.list):
        yield record_row(records=tables.EXPORTS, one=one)


def _rehearsals(source: Source) -> Iterator[Row]:
    for one in each(read=source.store.rehearsals.list):
        yield record_row(records=tables.REHEARSALS, one=one)


COMPANY_READERS: Final[tuple[Reader, ...]] = (
    (tables.COMPANY, _company),
    (tables.TAX_ROWS, _tax_rows),
    (tables.PACKAGES, _packages),
    (tables.COUPONS, _coupons),
    (tables.COUPON_REDEMPTIONS, _coupon_redemptions),
    (tables.USAGE_PERIODS, _usage_periods),
    (tables.LATE_FEE_RULES, _late_fee_rules),
    (tables.RECONNECT_FEES, _reconnect_fees),
    (tables.CONSUMER_NUMBERS, _consumer_numbers),
    (tables.PLANS, _plans),
    (tables.PLANS_SOLD, _plans_sold),
    (tables.RETENTION_RULES, _retention_rules),
    (tables.RETENTION_REPORTS, _retention_reports),
    (tables.STAFF, _staff),
    (tables.ROLES, _roles),
    (tables.INVITATIONS, _invitations),
    (tables.API_KEYS, _api_keys),
    (tables.SUPPORT_ACCESSES, _support_accesses),
    (tables.SUPPORT_ENTRIES, _support_entries),
    (tables.AUDIT_ENTRIES, _audit_entries),
    (tables.CONSENTS, _consents),
    (tables.POLICY_STATES, _policy_states),
    (tables.PRIVACY_REQUESTS, _privacy_requests),
    (tables.ERASURES, _erasures),
    (tables.BREACHES, _breaches),
    (tables.ACTIVITY, _activity),
    (tables.IMPORTS, _imports),
    (tables.EXPORTS, _exports),
    (tables.REHEARSALS, _rehearsals),
)
