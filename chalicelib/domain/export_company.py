"""The tables of an export about the company itself: settings, catalogue, people, records of what was done."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import Table, columns
from chalicelib.domain.permissions import Permission

P = Permission

# -- settings and catalogue ------------------------------------------------------------------

COMPANY: Final = Records(
    Table(
        "company",
        columns(
            text="tenant_id company:text subdomain country currency time_zone fiscal_year_start_month state "
            "created_at version billing_hour payment_days round_to consolidated number_formats:json "
            "invoice_limit:amount bill_day allowed_origins:json portal portal_sms mfa_required "
            "receipt_mails ending:json"
        ),
    ),
    P.TENANT_READ,
    ("tenants.TenantItem",),
    "the company's own record and settings",
)
TAX_ROWS: Final = Records(
    Table(
        "tax_rows",
        columns(text="tax_group:text name:text inclusive starts_on jurisdiction:text components:json"),
    ),
    P.TENANT_READ,
    ("tenants.TenantItem",),
    "the taxes of each group, from the day on that they are in force",
)
PACKAGES: Final = Records(
    Table(
        "packages",
        columns(
            text="package_id edition name:text kind currency price:amount cycle:json timing download_kbps "
            "upload_kbps tax_group:text state version created_at moves_existing_on phases:json "
            "bundle:json activation_fee:amount deposit:amount pause_share refund cap:json "
            "valid_minutes top_up_mib"
        ),
    ),
    P.PACKAGES_READ,
    ("packages.PackageItem",),
    "packages, those of before a change of price or terms too: the highest edition is the one that is sold",
)
COUPONS: Final = Records(
    Table(
        "coupons",
        columns(
            text="code:text created_at share currency amount:amount periods valid_from valid_until "
            "redemptions_max per_subscriber_max package_ids:json closed redeemed"
        ),
    ),
    P.PACKAGES_READ,
    ("coupons.CouponItem",),
    "coupons",
)
COUPON_REDEMPTIONS: Final = Records(
    Table("coupon_redemptions", columns(text="subscriber_id code:text redeemed")),
    P.PACKAGES_READ,
    ("coupons.RedeemedItem",),
    "how often a subscriber redeemed a coupon",
)
LATE_FEE_RULES: Final = Records(
    Table(
        "late_fee_rules",
        columns(
            text="rule_id name:text grace_days active_from share currency amount:amount cap:amount "
            "minimum_open:amount tax_group:text must_pay active version"
        ),
    ),
    P.TENANT_READ,
    ("late_fees.LateFeeSettingItem",),
    "rules of late fees",
)
RECONNECT_FEES: Final = Records(
    Table(
        "reconnect_fees",
        columns(text="currency amount:amount packages:json tax_group:text must_pay version"),
    ),
    P.TENANT_READ,
    ("late_fees.LateFeeSettingItem",),
    "what restoring service costs",
)
PREPAID_LINES: Final = Records(
    Table(
        "prepaid_lines",
        columns(
            text="subscriber_id subscription_id package_id edition began_at validity:json expires_at "
            "auto_renew ended:text version"
        ),
    ),
    P.SUBSCRIBERS_READ,
    ("prepaid.PrepaidItem",),
    "prepaid lines and when they run out",
)
USAGE_PERIODS: Final = Records(
    Table(
        "usage_periods",
        columns(text="subscription_id start up_mib down_mib topped_up_mib closing:json filed_on"),
    ),
    P.SUBSCRIBERS_READ,
    ("usage.UsageItem",),
    "the volume of data that subscriptions used in a period",
)
CONSUMER_NUMBERS: Final = Records(
    Table("consumer_numbers", columns(text="number:text subscriber_id")),
    P.SUBSCRIBERS_READ,
    ("consumer_numbers.ConsumerNumberItem", "consumer_numbers.ConsumerItem"),
    "numbers by which banks pay subscribers' bills; former ones stay theirs",
)
PLANS: Final = Records(
    Table(
        "plans",
        columns(
            text="package_id name:text account_id currency price:amount tiers:json limits:json starts_on "
            "counted_to paused:json version"
        ),
    ),
    P.TENANT_READ,
    ("plans.PlanItem",),
    "the platform's plan that the company is on",
)
PLANS_SOLD: Final = Records(
    Table("plans_sold", columns(text="package_id tiers:json limits:json trial_days offered")),
    P.PACKAGES_READ,
    ("plans.PlanItem",),
    "plans that the company sells to others: the platform's operator alone has any",
)
RETENTION_RULES: Final = Records(
    Table("retention_rules", columns(text="rule kept:text days fiscal_years longest_days")),
    P.TENANT_READ,
    ("retention.RulesItem",),
    "for how long what is kept",
)
RETENTION_REPORTS: Final = Records(
    Table("retention_reports", columns(text="on counts:json")),
    P.TENANT_READ,
    ("retention.ReportItem",),
    "how much was taken away on a day because its time was over",
)

# -- people ----------------------------------------------------------------------------------

STAFF: Final = Records(
    Table(
        "staff",
        columns(
            text="staff_id name:text email:text role:text email_verified created_at version scope:json "
            "disabled second_factor"
        ),
    ),
    P.STAFF_READ,
    ("staff.StaffItem",),
    "people who work for the company, without their credentials",
)
ROLES: Final = Records(
    Table("roles", columns(text="role_id name:text permissions:json created_at holders moves version")),
    P.STAFF_READ,
    ("roles.RoleItem",),
    "roles of the company's own",
)
INVITATIONS: Final = Records(
    Table(
        "invitations",
        columns(
            text="invitation_id email:text role:text scope:json invited_by created_at expires_at version"
        ),
    ),
    P.STAFF_READ,
    ("invitations.InvitationItem",),
    "invitations that nobody has taken up yet",
)
API_KEYS: Final = Records(
    Table(
        "api_keys",
        columns(text="key_id name:text prefix permissions:json made_by created_at expires_at used_at"),
    ),
    P.KEYS_READ,
    ("api_keys.ApiKeyItem",),
    "keys of programs, by the beginnings by which they are told apart",
)
SUPPORT_ACCESSES: Final = Records(
    Table(
        "support_accesses",
        columns(
            text="access_id staff_id name:text reason:text write opened_at until ended_at "
            "ended_by ended_by_id"
        ),
    ),
    P.AUDIT_READ,
    ("support.AccessItem",),
    "accesses of platform support to the company",
)
SUPPORT_ENTRIES: Final = Records(
    Table(
        "support_entries",
        columns(
            text="access_id tenant_id subdomain staff_id name:text reason:text write opened_at until "
            "ended_at ended_by ended_by_id"
        ),
    ),
    P.AUDIT_READ,
    ("support.AccessItem",),
    "accesses of the company's own people to others: the platform's operator alone has any",
)

# -- records of what was done ----------------------------------------------------------------

AUDIT_ENTRIES: Final = Records(
    Table(
        "audit_entries",
        columns(
            text="entry_id written_at at actor_id action:text object_id:text request_id:text address:text "
            "details:json personal:json erased readable"
        ),
    ),
    P.AUDIT_READ,
    ("audit.AuditItem",),
    "who did what to what, and when",
)
CONSENTS: Final = Records(
    Table(
        "consents",
        columns(text="subject_id consent_id kind agreed:json text:text at how gpc browser:text previous"),
    ),
    P.PRIVACY_READ,
    ("consents.ConsentItem",),
    "what staff and subscribers agreed to, with its proof",
)
POLICY_STATES: Final = Records(
    Table(
        "policy_states",
        columns(text="staff_id document version mailed_at dismissed_at accepted_at"),
    ),
    P.PRIVACY_READ,
    ("policy_states.PolicyStateItem",),
    "when staff were told of a version of a policy, saw and accepted it",
)
PRIVACY_REQUESTS: Final = Records(
    Table(
        "privacy_requests",
        columns(
            text="request_id kind subject_id channel state received_at received_on due_on stays_until proof "
            "extended version attempt closed_at purposes:json to_tell:json reminded:json file:json "
            "failure:json despite_debt words:json history:json kept:json kept_count"
        ),
    ),
    P.PRIVACY_READ,
    ("privacy.PrivacyRequestItem",),
    "requests about people's data, and how they were answered",
)
ERASURES: Final = Records(
    Table("erasures", columns(text="subject_id request_id begun_at done_at")),
    P.PRIVACY_READ,
    ("privacy.ErasedItem",),
    "who was erased by which request, by identifiers alone",
)
BREACHES: Final = Records(
    Table(
        "breaches",
        columns(
            text="breach_id noticed_at began_at ended_at what:text categories:json risk actor_ids:json "
            "subject_ids:json version authority_told_at persons_told_at closed_at lessons:text "
            "reminded:json history:json"
        ),
    ),
    P.PRIVACY_READ,
    ("breaches.BreachItem",),
    "the register of breaches",
)
ACTIVITY: Final = Records(
    Table("activity", columns(text="on area kind name times")),
    P.TENANT_READ,
    ("activity.ActivityItem",),
    "how often pages were used on a day (UTC), by nobody's name",
)
IMPORTS: Final = Records(
    Table(
        "imports",
        columns(
            text="import_id file_name:text size_bytes state created_by created_at version source:json "
            "mapping:json progress:json started_at updated_at finished_at failure:json"
        ),
    ),
    P.IMPORTS_READ,
    ("imports.ImportItem",),
    "imports and what they came to",
)
EXPORTS: Final = Records(
    Table(
        "exports",
        columns(
            text="export_id state created_by created_at version attempt started_at updated_at finished_at "
            "size_bytes sha256 counts:json failure:json permissions:json"
        ),
    ),
    P.EXPORTS_READ,
    ("exports.ExportItem",),
    "exports that were asked for, this one too",
)
REHEARSALS: Final = Records(
    Table(
        "rehearsals",
        columns(
            text="rehearsal_id through state created_by created_at version started_at finished_at "
            "failure:json"
        ),
    ),
    P.BILLING_READ,
    ("rehearsals.RehearsalItem",),
    "rehearsals of billing that were asked for",
)

COMPANY_RECORDS: Final = (
    COMPANY, TAX_ROWS, PACKAGES, COUPONS, COUPON_REDEMPTIONS, LATE_FEE_RULES, RECONNECT_FEES, PREPAID_LINES,
    USAGE_PERIODS, CONSUMER_NUMBERS, PLANS, PLANS_SOLD, RETENTION_RULES, RETENTION_REPORTS, STAFF, ROLES,
    INVITATIONS, API_KEYS, SUPPORT_ACCESSES, SUPPORT_ENTRIES, AUDIT_ENTRIES, CONSENTS, POLICY_STATES,
    PRIVACY_REQUESTS, ERASURES, BREACHES, ACTIVITY, IMPORTS, EXPORTS, REHEARSALS,
)  # fmt: skip
