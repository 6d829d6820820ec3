"""The data map of an ISP's people, settings and books."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Controller, Stored, Subject
from chalicelib.domain.data_map_handlings import (
    BOOKKEEPING,
    COLLEAGUE,
    COMPANY,
    DOCUMENT,
    PASSWORD,
    SECRET,
    SETTING,
    STAFF_STATE,
)

TENANTS: Final[tuple[Stored, ...]] = (
    Stored(
        "staff.StaffItem",
        "a person who works for the ISP",
        Subject.STAFF,
        {
            COLLEAGUE: "person",
            PASSWORD: "password_hash",
            STAFF_STATE: "created_at disabled email_verified role scope second_factor staff_id version",
        },
        {"person": "name and email"},
    ),
    Stored(
        "second_factors.SecondFactorItem",
        "a person's second factors",
        Subject.STAFF,
        {SECRET: "secret passkeys", PASSWORD: "confirmed created_at last_step recovery version"},
        {"secret": "the seed of the authenticator", "passkeys": "public keys and their names"},
    ),
    Stored(
        "invitations.InvitationItem",
        "an invitation that nobody has taken up yet",
        Subject.STAFF,
        {COLLEAGUE: "email", STAFF_STATE: "created_at expires_at invited_by role scope token_hash version"},
        {"email": "the address"},
    ),
    Stored(
        "roles.RoleItem",
        "a role of the ISP's own",
        Subject.NOBODY,
        {SETTING: "created_at holders moves name permissions version"},
    ),
    Stored("roles.RoleNameItem", "a role's name", Subject.NOBODY, {SETTING: "role_id"}),
    Stored(
        "api_keys.ApiKeyItem",
        "a key of a program",
        Subject.STAFF,
        {STAFF_STATE: "created_at expires_at made made_by name permissions prefix token_hash used_at"},
    ),
    Stored(
        "tenants.TenantItem",
        "the ISP's own record",
        Subject.ISP,
        {COMPANY: "data version"},
        {"data": "company, subdomain, country, currency, time zone, billing and tax settings"},
        controller=Controller.PLATFORM,
    ),
    Stored(
        "packages.PackageItem",
        "a package of the catalogue",
        Subject.NOBODY,
        {
            SETTING: "created_at currency cycle_count cycle_unit download_kbps edition kind moves_on name "
            "price state tax_group terms timing upload_kbps version"
        },
    ),
    Stored("packages.PackageNameItem", "a package's name", Subject.NOBODY, {SETTING: "package_id"}),
    Stored("coupons.CouponItem", "a coupon", Subject.NOBODY, {SETTING: "at closed redeemed terms"}),
    Stored("late_fees.LateFeeSettingItem", "a rule of late fees", Subject.NOBODY, {SETTING: "data version"}),
    Stored("plans.PlanItem", "a plan of the platform", Subject.NOBODY, {SETTING: "counted data version"}),
    Stored("register.SeriesItem", "the next number of a series", Subject.NOBODY, {BOOKKEEPING: "following"}),
    Stored(
        "register.RegisterItem",
        "which document has which number",
        Subject.NOBODY,
        {BOOKKEEPING: "at due_on entries run_id"},
    ),
    Stored(
        "billing_state.BillingStateItem",
        "how far billing has come",
        Subject.NOBODY,
        {BOOKKEEPING: "closed_through completed_through looked_at started_through"},
    ),
    Stored(
        "ledger.ClosingItem",
        "a closed month",
        Subject.NOBODY,
        {BOOKKEEPING: "closed_at closed_by currency opened_at opened_by reason rows version"},
    ),
    Stored(
        "runs.RunItem",
        "a billing run",
        Subject.NOBODY,
        {BOOKKEEPING: "completed_at currency shards started_at state"},
    ),
    Stored(
        "runs.ShardItem",
        "a part of a billing run",
        Subject.NOBODY,
        {
            BOOKKEEPING: "billed cursor done goes_on invoices ledger looked_at net quarantined skipped tax "
            "updated_at version"
        },
    ),
    Stored(
        "quarantine.QuarantineItem",
        "what a run set aside",
        Subject.SUBSCRIBER,
        {DOCUMENT: "at code message"},
    ),
)
