"""Partition and sort keys: every one that exists is built here.

Every partition key of tenant data begins with ``<tenant_id>#``, delimiter included, so that
a policy on leading keys can hold a process to one tenant.
"""

from __future__ import annotations

from datetime import date
from typing import Final

ACCOUNT: Final = "ACCOUNT"
PROFILE: Final = "PROFILE"
# Begins with ACCOUNT, so that one query reads a subscriber without its invoices.
PERSON: Final = "ACCOUNT#PERSON"
STATE: Final = "STATE"
PAST_SUBSCRIPTIONS: Final = "PAST#"
# How a subscriber signs in to the portal, in the account's collection.
PORTAL_ACCESS: Final = "PORTAL"


def tenant(tenant_id: str) -> str:
    """The tenant's own records."""
    return f"{tenant_id}#T"


def account(tenant_id: str, account_id: str) -> str:
    """A subscriber's collection: account, profile, invoices; or a fund's: movements and company entries."""
    return f"{tenant_id}#A#{account_id.removeprefix('sbr_').removeprefix('fnd_')}"


def expenses(tenant_id: str) -> str:
    """What the company spends, by day."""
    return f"{tenant_id}#XPS"


def hand_overs(tenant_id: str) -> str:
    """Cash on its way from collectors to the office."""
    return f"{tenant_id}#HOV"


def funds(tenant_id: str) -> str:
    """Funds, and the channels that the office's have taken."""
    return f"{tenant_id}#FUNDS"


def invoice(key: str) -> str:
    """An invoice in its account's collection, by ``<yyyymmdd>-<slot>``."""
    return f"INV#{key}"


def coupons(tenant_id: str) -> str:
    """Coupons, by code."""
    return f"{tenant_id}#CPN"


def redeemed_coupon(code: str) -> str:
    """How often a subscriber redeemed a coupon, in the account's collection."""
    return f"CPN#{code}"


def past_subscription(slot: int) -> str:
    """A subscription that left its account, in the account's collection."""
    return f"{PAST_SUBSCRIPTIONS}{slot:03d}"


def directory(tenant_id: str) -> str:
    """The list of subscribers, by code."""
    return f"{tenant_id}#DIR"


def blind(tenant_id: str, kind: str, digest: str) -> str:
    """Subscribers or staff with this email, phone or national id."""
    return f"{tenant_id}#BIX#{kind}#{digest}"


def packages(tenant_id: str) -> str:
    """The catalogue."""
    return f"{tenant_id}#PKG"


def package_names(tenant_id: str) -> str:
    """Names taken in the catalogue."""
    return f"{tenant_id}#PKGNAME"


def package_editions(tenant_id: str) -> str:
    """Editions of packages that later ones took the place of, by ``<package id>#<edition>``."""
    return f"{tenant_id}#PKGED"


def staff(tenant_id: str) -> str:
    """People who work for the tenant."""
    return f"{tenant_id}#STAFF"


def roles(tenant_id: str) -> str:
    """Roles of the tenant's own, and the names taken by them."""
    return f"{tenant_id}#ROLES"


def api_keys(tenant_id: str) -> str:
    """Keys of programs."""
    return f"{tenant_id}#KEYS"


def support_accesses(tenant_id: str) -> str:
    """Accesses of platform support to the tenant."""
    return f"{tenant_id}#SUPPORT"


def support_entries(tenant_id: str) -> str:
    """Accesses that the tenant's own people, being the platform's operator, have to others."""
    return f"{tenant_id}#ENTERED"


def audit_verified(tenant_id: str) -> str:
    """How far the schedule verified the tenant's audit chain."""
    return f"{tenant_id}#VERIFIED"


def second_factors(tenant_id: str) -> str:
    """Second factors of staff."""
    return f"{tenant_id}#MFA"


def retention(tenant_id: str) -> str:
    """For how long the tenant keeps what, how far passes are, and what they took away."""
    return f"{tenant_id}#RETENTION"


def invitations(tenant_id: str) -> str:
    """Invitations to work for the tenant."""
    return f"{tenant_id}#INVITED"


def consents(tenant_id: str, subject_id: str) -> str:
    """What a person agreed to: each choice, and the newest one."""
    return f"{tenant_id}#CONSENT#{subject_id}"


def noted(tenant_id: str, what: str) -> str:
    """Who ever used data, redeemed a coupon or chose about consent: what of it is, lies under each alone."""
    return f"{tenant_id}#NOTED#{what}"


def policy_states(tenant_id: str, staff_id: str) -> str:
    """Of which versions of policies a person was told, and which they accepted."""
    return f"{tenant_id}#POLICY#{staff_id}"


def policies_told(tenant_id: str) -> str:
    """Versions of policies of which everybody was mailed who is to be."""
    return f"{tenant_id}#POLICIES"


def activity(tenant_id: str) -> str:
    """How often pages and features were used, by day."""
    return f"{tenant_id}#ACTIVITY"


def due(tenant_id: str, bucket: str) -> str:
    """Subscriptions filed under a due bucket."""
    return f"{tenant_id}#DUE#{bucket}"


def plans(tenant_id: str) -> str:
    """Terms of the plans that the operator of the platform sells."""
    return f"{tenant_id}#PLANS"


def endings(tenant_id: str) -> str:
    """Prepaid lines that will run out, in the order of time."""
    return f"{tenant_id}#EXP"


def register(tenant_id: str, series: str) -> str:
    """The register of a number series: which document has which number."""
    return f"{tenant_id}#REG#{series}"


def series(tenant_id: str) -> str:
    """The next number of each series."""
    return f"{tenant_id}#SER"


def ledger(tenant_id: str, on: date) -> str:
    """The day totals of the ledger in a month."""
    return f"{tenant_id}#GL#{on:%Y-%m}"


def closings(tenant_id: str) -> str:
    """Months that were closed."""
    return f"{tenant_id}#CLOSED"


def billing(tenant_id: str) -> str:
    """The tenant's billing state."""
    return f"{tenant_id}#BILLING"


def runs(tenant_id: str) -> str:
    """The list of runs, by date."""
    return f"{tenant_id}#RUNS"


def run(tenant_id: str, on: date) -> str:
    """One run's shards and what it set aside."""
    return f"{tenant_id}#RUN#{on.isoformat()}"


def jobs(tenant_id: str, kind: str) -> str:
    """Imports or exports."""
    return f"{tenant_id}#JOB#{kind}"


def chargebacks(tenant_id: str) -> str:
    """Chargebacks, by channel and case."""
    return f"{tenant_id}#CBK"


def gateway_refunds(tenant_id: str) -> str:
    """Refunds that gateways were asked for."""
    return f"{tenant_id}#GRF"


def pending_refunds(tenant_id: str) -> str:
    """Those of them whose end is not known."""
    return f"{tenant_id}#GRF#PENDING"


def outbox(tenant_id: str) -> str:
    """Events for others, in the order of time."""
    return f"{tenant_id}#OUT"


def receipt_mails(tenant_id: str) -> str:
    """Receipts that are to be mailed."""
    return f"{tenant_id}#RCPMAIL"


def settlements(tenant_id: str) -> str:
    """Files of gateways and banks that were compared with the payments."""
    return f"{tenant_id}#STL"


def settlement_lines(tenant_id: str, settlement_id: str) -> str:
    """What a settlement found, line by line, and how it was resolved."""
    return f"{tenant_id}#STL#{settlement_id}"


def settled_files(tenant_id: str) -> str:
    """Files that were compared, by channel and hash, and the days that they were of."""
    return f"{tenant_id}#STLF"


def settled_days(tenant_id: str) -> str:
    """Days of channels that were compared."""
    return f"{tenant_id}#STLD"


def settled_elsewhere(tenant_id: str) -> str:
    """Payments that the file of another day than their own has, by their day and channel."""
    return f"{tenant_id}#STLE"


def late_fees(tenant_id: str) -> str:
    """Rules of late fees, and the reconnect fee."""
    return f"{tenant_id}#LATE"


def gateways(tenant_id: str) -> str:
    """Payment gateways that the tenant set up, by kind."""
    return f"{tenant_id}#GATEWAYS"


def collection(reference: str) -> str:
    """A collection through a gateway, in its account's collection."""
    return f"COL#{reference}"


def collecting(invoice_id: str) -> str:
    """Which collection is at an invoice, in the account's collection."""
    return f"COLLECTING#{invoice_id.partition('-')[2]}"


def collections(tenant_id: str, state: str = "all") -> str:
    """References of collections in a state, or of all, in the order of time."""
    return f"{tenant_id}#COLS#{state}"


def gateway_events(tenant_id: str, shard: int) -> str:
    """Events that gateways told of, by ``<kind>#<digest of the identifier>`` in shards."""
    return f"{tenant_id}#EVT#{shard:x}"


def consumer_numbers(tenant_id: str) -> str:
    """Consumer numbers by which banks pay subscribers' bills, and the next serial."""
    return f"{tenant_id}#CNUM"


def parked_notices(tenant_id: str) -> str:
    """Notices of gateways that wait for a person."""
    return f"{tenant_id}#PARKED"


def usage_closings(tenant_id: str) -> str:
    """Subscriptions of which periods of use are to be closed, by date."""
    return f"{tenant_id}#USE"


def idempotency(tenant_id: str, shard: int) -> str:
    """Answers kept for clients' keys, by ``<operation>#<key>`` in shards that can be walked."""
    return f"{tenant_id}#IDEM#{shard:x}"


def holds(tenant_id: str) -> str:
    """Legal holds on the tenant's data."""
    return f"{tenant_id}#HOLD"


def audit(tenant_id: str, month: str) -> str:
    """Audit entries written in a calendar month (UTC)."""
    return f"{tenant_id}#AUD#{month}"


def wrapped_keys(tenant_id: str) -> str:
    """The tenant's wrapped keys, in the keys table."""
    return f"{tenant_id}#KEYS"


def audit_chain(tenant_id: str) -> str:
    """The chain over the audit entries: its records by sequence, its head, and its late entries."""
    return f"{tenant_id}#CHAIN"


def voucher_batches(tenant_id: str) -> str:
    """Batches of vouchers, and the number of the next one."""
    return f"{tenant_id}#VCB"


def vouchers(tenant_id: str, batch_id: str) -> str:
    """The vouchers of a batch, by number."""
    return f"{tenant_id}#VCH#{batch_id.removeprefix('vcb_')}"


def voucher_codes(tenant_id: str, shard: int) -> str:
    """Which voucher has a code, by the code's digest in shards."""
    return f"{tenant_id}#VCC#{shard:x}"


def dealers(tenant_id: str) -> str:
    """Dealers, and the codes that they have."""
    return f"{tenant_id}#DLR"


def dealer_prices(tenant_id: str, dealer_id: str) -> str:
    """What a dealer pays for packages, by package and date."""
    return f"{tenant_id}#DLP#{dealer_id.removeprefix('dlr_')}"


def dealer_sales(tenant_id: str, month: str) -> str:
    """What dealers sold in a month, by dealer."""
    return f"{tenant_id}#DLS#{month}"


def privacy_requests(tenant_id: str) -> str:
    """Requests about people's data."""
    return f"{tenant_id}#PRV"


def privacy_due(tenant_id: str) -> str:
    """Those of them that wait, by deadline."""
    return f"{tenant_id}#PRVDUE"


def privacy_owners(tenant_id: str) -> str:
    """Whose each of them is, by person."""
    return f"{tenant_id}#PRVOF"


def privacy_open(tenant_id: str) -> str:
    """Those of them that are open, by person and kind."""
    return f"{tenant_id}#PRVOPEN"


def erased(tenant_id: str) -> str:
    """The erasure ledger, in the keys table."""
    return f"{tenant_id}#ERASED"


def breaches(tenant_id: str) -> str:
    """The register of breaches."""
    return f"{tenant_id}#BREACH"
