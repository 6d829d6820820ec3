"""What the columns of an export's tables hold, in words: ``schema.json`` of each archive has them.

A column is found by its table's name and its own, by its own, or by the end of it: many say what they
are. A test asks of every column whether something is found.
"""

from __future__ import annotations

from typing import Final

ENDS: Final = {
    "_at": "an instant in UTC; null where it has not happened",
    "_on": "a date in the company's time zone",
    "_by": "the identifier of who did it",
    "_id": "the identifier of what it names; empty or null where there is none",
}
_WORDS: Final = """\
about: the document or matter that it is about
account: the account of the ledger
action: what was done
activation_fee: what is charged once at the beginning, before tax
active: whether the rule is in use
active_from: the first due date that the rule holds for
actor_id: who did it: a member of staff, a program, a subscriber, or the platform
actor_ids: whose access was misused
address: the postal address
audit_entries.address: the network address that it came from; taken away after its time
agreed: categories that were agreed to
allowed_origins: web pages that may call the API for the company
amount: the amount of the document or thing
anchor_day: the day of the month that periods are counted by
archived: whether it is out of use
area: where the subscriber is
activity.area: public pages, console or portal
at: when it was, an instant in UTC
attempt: how often it was begun
auto_renew: whether credit renews it
balance: what is owed, below zero credit
fund_movements.balance: what the fund held after it
funds.balance: what company entries and movements leave in it
bill_day: the day of the month that consolidated bills come on
billed_days: days of the period that are billed
billed_to: the first day that is not billed yet
billing_hour: the hour of the day from which the company is billed
browser: the browser that the choice was made with
bundle: parts of the price that are taxed on their own
by_run: whether the day's billing run posted it
calculation: how the amounts came to be
cap: how much data is included, and what comes after
late_fee_rules.cap: the most that the fee comes to
captures: transactions of the vendor that came in for it, with their receipts
case_id: the case's number at the bank
categories: kinds of data that are affected
category: the category of the expense
channel: by which way money came or goes, or a request came
charged_back: how much of it banks took back
charges: what waits for the next invoice
children: dealers below it that are in use
closed: whether it is redeemed no more
closing: MiB carried in and out when the period was closed
code: the code that people know it by
quarantined.code: the code of why it was set aside
commission: what is earned of a sale: a share in millionths, or an amount
dealer_sales.commission: what the dealer earned
company: the company's name
components: the taxes in their order: code, name, rate in millionths, and base
consolidated: whether what is due on one day is one invoice; null is as the company does
count: how many were asked for
counted: what was counted
counted_to: the first day whose use of the platform is not charged yet
country: the country by ISO 3166
counts: how many, by kind
credit: paid or credited and not used yet
ledger_days.credit: credits of the day
credited: what credit notes took off
currency: the currency by ISO 4217
cycle: the unit and count of a period
cycle_count: how many units a period has
cycle_unit: the unit of a period
days: so many days; null where it is not counted in days
debit: debits of the day
deposit: what is held and given back at the end
deposits: what is held and to be given back
description: what the line says
despite_debt: whether an erasure was done although something was owed
details: what was changed, from and to
disabled: whether the person may sign in no more
discount: what was taken off the line
discounts: what is taken off the price, and for how many periods
document: the policy
down_mib: MiB received
download_kbps: the speed down in kbit/s
edition: counts the changes of a package's price and terms
email: the address of mail
email_verified: whether the address was shown to be theirs
enabled: whether it is used
ended: why service ended
ending: when the account was cancelled and what follows; null while it is not
ended_by: by whom or what it ended
entries: company journals that are in its books
erased: whether an erasure took the personal part away
expected: what the books said
extended: whether the deadline was moved
failure: the code and words of why it failed
fee: what the vendor kept
file: what was made: its size, hash and when
file_name: the name of the file
fiscal_year_start_month: the month that fiscal years begin with
fiscal_years: so many whole fiscal years
for_non_payment: whether it is suspended because something is overdue
full_days: days of the whole period
fund_kind: who holds the fund: collector, office, dealer, or what is payable
gateway: the kind of gateway
gpc: whether the browser asked for privacy by Global Privacy Control
grace_days: days after the due date before the fee
history: what happened, when and by whom
holders: how many hold it
how: by which means it was chosen
idle_since: since when it holds money of which none was handed on
inclusive: whether prices contain the taxes
invoice_limit: the most that one invoice comes to without being set aside
invoices: invoices that were issued
jurisdiction: where the taxes are in force
kept: for how long, in words
privacy_requests.kept: documents that stay after an erasure, the first 2,000
kept_count: how many documents stay after an erasure
kind: which kind of the table's things it is
ledger: what was posted, by account of the ledger
lessons: what was learnt
level: 1 without a parent
limits: limits of the plan
line: the line's number, from 1
lines: the lines of the document with their taxes
live: whether it is the vendor's live service
longest_days: the most that the company may set
made: how many are made
mapping: which column held what
message: why it was set aside, in words
mfa_required: whether everybody needs a second factor
minimum_open: what is less than that open is charged nothing
month: the calendar month
movements: how many movements it has
moves: how often what it may was changed
must_pay: whether service comes back only when it is paid
name: its name
national_id: the number of the identity card
net: before tax
note: what people wrote
number: its number
number_formats: formats of documents' numbers, by kind and fiscal year
object_id: what it was done to
of_usage: whether it is the use of data that could not be closed
offered: what the collector offered
plans_sold.offered: whether new companies get it
on: a date in the company's time zone
activity.on: a date in UTC
open: what is left to be paid
ours: the amount of our payment
overdue: whether it was overdue on the day of the export
override: what the parent earns of a sale: a share in millionths, or an amount
dealer_sales.override: what the parent earned
own_price: whether the price is the subscription's own and not the package's
package: the package's name
package_ids: packages that it is good for; none means any
packages: amounts of packages that have their own
paid: what payments and credit settled
parent_slot: the number in the account of what an add-on belongs to
pause_share: the part of the price that is billed while paused, in millionths
paused: subscriptions with the platform that rest while the account has ended
payee: who was paid
payment_days: days from an invoice to its due date
per_subscriber_max: how often one subscriber may redeem it
period: from its first day to the day after its last
period_end: the day after the period's last
period_start: the period's first day
periods: for how many periods it holds; null is for ever
permissions: what it allows
exports.permissions: which tables who asked might see
personal: what a person's data was, from and to
phases: prices of the first periods
phone: the number of the telephone
portal: whether subscribers have a portal
portal_sms: whether the portal's codes go by SMS
postings: the accounts of the ledger that it posts to; debit is positive
prefix: the beginning of the key, by which it is told apart
previous: the choice before it
price: the price of a cycle in minor units before tax
dealer_prices.price: what the dealer pays, taxes included
prices: how many prices of its own it has
problem: why a row cannot be read
profile: how the file's columns are read
progress: how many rows became what
proof: how the person's identity was shown
purposes: purposes of processing
quantity: how many
quarantined: how many were set aside
readable: whether what was sealed can be read
reason: why, a code or in words
receipt_mails: whether receipts are mailed
recipient: name, address and tax id of who is billed
recipient_address: the address of who is billed
recipient_name: the name of who is billed
recipient_tax_id: the tax id of who is billed
redeemed: how often it was redeemed
redeemed_amount: what was redeemed
redemptions_max: how often it may be redeemed in all
reference: the world's own number for it
collections.reference: the reference that the vendor has
refund: what is given back at the end
refunded: how much of it was given back
refunded_commission: the dealer's earnings that were taken back
refunded_override: the parent's earnings that were taken back
refunded_retail: the prices of sales that were taken back
refunds: sales that were taken back
reminded: reminders that were sent
replaces_slot: the number in the account of what it took the place of
resolution: how the difference was resolved
resolution_note: what people wrote when resolving it
result: how the line compares
retail: prices of the sales
reversed_by: the document that took it back
risk: the risk to people
role: the role, or the identifier of one of the company's own
round_to: the unit that invoices are rounded to
row: the row in the file, 0 where it has none
rows: accounts of the ledger with their opening balance, debits and credits
rule: the rule
sales: how many sales
scope: areas and dealer that the person is held to
second_factor: whether the person has a second factor
sequence: counts from 1 without gaps
serial: the serial number that is printed
settings: settings that are no secrets
settled: the invoices that it settles, with amounts
sha256: the SHA-256 of the file, in hex
share: a part in millionths
size_bytes: bytes
skipped: subscriptions that were not billed, by reason
sold_amount: the money that came in for the batch
source: the file as it was mapped
start: the first day of the period
state: where it stands
status: the one word that lists show
stays_until: the first day on which nothing names who was erased any more
parked_notices.status: what the vendor says of the payment
subdomain: the name in the addresses of the company's pages
subject_ids: people who are known to be affected besides
subscriber_code: the subscriber's code
tax: taxes
tax_group: the code of the group of taxes
tax_id: the number that the tax authority has
tax_profile: where the subscriber is taxed, and what it is exempt from; null for neither
taxes: each tax with its rate in millionths, base and amount
text: the text that was agreed to
through: the last day that is rehearsed
tiers: prices by the number of subscribers
time_zone: the time zone by IANA
times: how often
timing: whether a period is billed before or after it
to_tell: mails that wait to be sent
told: whether the gateway told of it, too
top_up_mib: MiB that it adds
topped_up_mib: MiB that were added
total: taxes included
totals: what the comparison came to
trace: the steps of the calculation
trial_days: days before the first bill
unit_price: the price of one
until: the limit of its time
up_mib: MiB sent
upload_kbps: the speed up in kbit/s
valid_from: the first day
valid_minutes: minutes that it is good for
valid_until: the last day
validity: months, days and minutes that were bought
version: counts the changes
policy_states.version: the version of the policy
voided: how many are void
what: what happened
why: why it was dismissed
words: what was asked, answered and mailed
write: whether it may change something
written_off: what is not collected any more
"""
WORDS: Final = dict(line.split(": ", 1) for line in _WORDS.splitlines())


def words_of(*, table: str, column: str) -> str:
    """Return what a column holds; raises KeyError for one without words."""
    found = WORDS.get(f"{table}.{column}") or WORDS.get(column) or ENDS.get(column[-3:])
    if found is None:
        raise KeyError(f"{table}.{column}")
    return found
