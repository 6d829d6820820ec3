"""The data map: what is stored, whose it is, why, for how long, and how it goes.

Every attribute of every stored item has a *handling*; a test compares the map with the models, so
that nothing can be stored without one. The record of processing and the tables of the privacy page
are made of it (``make data-map``), and the retention engine goes by it.

*Personal* is DIRECT where the value itself is about a person (a name, an address), LINKED where it is
filed under one (what an account owes), NONE otherwise. ISPs are the controllers of their
subscribers' and staff's data, and the platform their processor; for an ISP's own account the platform
is the controller (section 5 of the policy, article 4 GDPR for the terms).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final


class Personal(StrEnum):
    """Whether a value is about a person."""

    DIRECT = "direct"
    LINKED = "linked"
    NONE = "none"


class Subject(StrEnum):
    """Whose data it is."""

    SUBSCRIBER = "subscribers of an ISP"
    STAFF = "staff of an ISP"
    ISP = "the ISP itself"
    VISITOR = "visitors of the public pages"
    NOBODY = "nobody"


class Controller(StrEnum):
    """Who decides why and how, and so answers requests."""

    ISP = "the ISP (the platform is its processor)"
    PLATFORM = "the platform"


class Category(StrEnum):
    """What kind of data: the privacy page has a row for each."""

    IDENTITY = "names and contact details"
    CREDENTIALS = "credentials"
    COMPANY = "company and settings"
    SERVICE = "service and subscriptions"
    TRAFFIC = "volume of data used"
    BILLING = "invoices, payments and the books"
    AUDIT = "who did what"
    CONSENT = "what was agreed to, and of which policies one was told"
    ACTIVITY = "totals of pages used"
    ACCESS = "addresses, browsers and sessions"
    FILES = "imports and exports"
    TECHNICAL = "what keeps the platform working"


class Purpose(StrEnum):
    """Why it is processed, by section 3 of the policy."""

    ACCOUNT = "create, maintain and manage accounts"
    SERVICE = "provide and operate the service"
    BILLING = "process payments, make invoices, manage billing cycles"
    SECURITY = "detect, prevent and address fraud, abuse and security issues"
    LAW = "comply with legal obligations"
    ANALYSIS = "analyze usage patterns and optimize the platform"


class Basis(StrEnum):
    """The legal basis (article 6 (1) GDPR); NONE where the data is nobody's."""

    CONTRACT = "contract (b)"
    LAW = "legal obligation (c)"
    INTEREST = "legitimate interest (f)"
    CONSENT = "consent (a)"
    NONE = "none needed"


class Erasure(StrEnum):
    """What happens when its time is over, or its person is erased."""

    DELETE = "deleted"
    ANONYMISE = "anonymised"
    KEEP = "kept until the end of its period"
    KEY = "unreadable: its key is destroyed"


class Keeper(StrEnum):
    """What keeps to a rule, so that none is a promise alone."""

    EXPIRY = "expiry: what has expired is not seen any more, also while the table still has it"
    BUCKET = "the life cycle of the bucket"
    JOB = "`RetentionKeeper`, which counts what it takes away"
    ENDING = "the end of the account, and the destruction of keys whose years are over"
    NOBODY = "nothing yet: there is none of it"


@dataclass(frozen=True, slots=True)
class Law:
    """The days that the law of a country (``code``, by ISO 3166) asks for instead of a rule's own."""

    code: str
    country: str
    days: int


@dataclass(frozen=True, slots=True)
class Rule:
    """For how long: ``days``, or whole ``fiscal_years`` of the tenant, after ``since``.

    Where both are 0 it goes with what ``since`` names. A tenant may shorten what is ``shortened`` only.
    ``laws`` are of countries with other days.
    """

    code: str
    since: str
    keeper: Keeper
    days: int = 0
    fiscal_years: int = 0
    shortened: bool = False
    laws: tuple[Law, ...] = ()

    def days_in(self, *, country: str) -> int:
        """Return the days in a country; 0 where it is not counted in days."""
        return next((law.days for law in self.laws if law.code == country), self.days)

    def words_of(self, *, days: int) -> str:
        """Return the period as people read it where it is so many days."""
        return f"{days} day{'s' if days > 1 else ''} after {self.since}"

    @property
    def words(self) -> str:
        """Return the period as people read it, in every country."""
        if self.fiscal_years:
            return f"{self.fiscal_years} fiscal years after {self.since}"
        elsewhere = "".join(f", {law.days} in {law.country}" for law in self.laws)
        return self.words_of(days=self.days) + elsewhere if self.days else self.since


# Section 5 of the policy: 30 days after the end, billing records up to 7 years.
RECOVERY_DAYS: Final = 30
BILLING_YEARS: Final = 7

IN_USE: Final = Rule("in_use", "the end of the account", Keeper.ENDING, days=RECOVERY_DAYS)
BOOKS: Final = Rule("books", "the fiscal year of the document", Keeper.ENDING, fiscal_years=BILLING_YEARS)
AUDIT_LOG: Final = Rule("audit", "the fiscal year of the entry", Keeper.ENDING, fiscal_years=BILLING_YEARS)
ACCESS_LOG: Final = Rule("access_log", "the access", Keeper.JOB, days=365, shortened=True)
# The year is the law of Pakistan. India: the licence of ISPs as amended on 27 January 2022; Nigeria:
# Cybercrimes Act 2015, section 38.
TRAFFIC: Final = Rule(
    "traffic",
    "the period of use",
    Keeper.JOB,
    days=365,
    laws=(Law("IN", "India", 2 * 365), Law("NG", "Nigeria", 2 * 365)),
)
SESSION: Final = Rule("session", "until the session, code or link expires", Keeper.EXPIRY)
WINDOW: Final = Rule("window", "until the window of the count ends", Keeper.EXPIRY)
FILES: Final = Rule("files", "the file was made", Keeper.BUCKET, days=7)
PAPERS: Final = Rule("papers", "the file was made", Keeper.BUCKET, days=1)
BACKUPS: Final = Rule("backups", "the backup was taken", Keeper.BUCKET, days=30)
REPORTS: Final = Rule("reports", "the import", Keeper.EXPIRY, days=30)
JOBS: Final = Rule("jobs", "the job ended", Keeper.JOB, days=365, shortened=True)
ANSWERS: Final = Rule("answers", "the request", Keeper.EXPIRY, days=90)
# For as long as an answer may be disputed; who is erased before takes what they wrote with them.
REQUESTS: Final = Rule("requests", "the privacy request was closed", Keeper.JOB, days=3 * 365, shortened=True)
KEYS: Final = Rule("keys", "until the key is destroyed; that it was is kept", Keeper.ENDING)
# As long as a choice is good, and a year in which somebody may ask for the proof of it.
VISITOR_CHOICE: Final = Rule("visitor_choice", "the choice", Keeper.EXPIRY, days=545)
ACTIVITY: Final = Rule("activity", "the day", Keeper.EXPIRY, days=90)
PURGE: Final = Rule("purge", "until the purge is certified", Keeper.ENDING)
PROOF: Final = Rule("proof", "for good: it proves that the rest is deleted, and names nobody", Keeper.ENDING)
NETWORKS: Final = Rule("networks", "the network was last seen", Keeper.EXPIRY, days=90)
# Copies are made anew at half of that, for as long as the hold stands.
HELD: Final = Rule("held", "the legal hold on everything was lifted", Keeper.BUCKET, days=30)
# There are no tickets yet: the rule that they will be under.
TICKETS: Final = Rule("tickets", "the ticket was closed", Keeper.NOBODY, days=3 * 365, shortened=True)
# Seven days within which a sign-up can be confirmed, and one.
SIGN_UPS: Final = Rule("sign_ups", "the sign-up, where nobody confirms it", Keeper.JOB, days=8)

RULES: Final = (
    IN_USE, BOOKS, AUDIT_LOG, ACCESS_LOG, TRAFFIC, SESSION, WINDOW, FILES, PAPERS, BACKUPS, REPORTS, JOBS,
    ANSWERS, REQUESTS, KEYS, NETWORKS, VISITOR_CHOICE, ACTIVITY, PURGE, PROOF, SIGN_UPS, TICKETS,
    HELD,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Handling:
    """How a value is handled, and why."""

    category: Category
    purpose: Purpose
    basis: Basis
    rule: Rule
    erasure: Erasure
    personal: Personal = Personal.NONE
    sealed: bool = False


@dataclass(frozen=True)
class Stored:
    """One kind of item: the module and class of its model, and which attributes have which handling.

    ``also`` are others whose data may be in it. ``handled`` names attributes between blanks. ``inside`` says
    what a sealed or packed attribute holds, for the record of processing.
    """

    model: str
    words: str
    subject: Subject
    handled: Mapping[Handling, str]
    inside: Mapping[str, str] = field(default_factory=dict)
    controller: Controller = Controller.ISP
    also: tuple[Subject, ...] = ()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Everybody whose data may be in it."""
        return (self.subject, *self.also)

    @cached_property
    def attributes(self) -> Mapping[str, Handling]:
        """The handling of each attribute."""
        found = {name: handling for handling, names in self.handled.items() for name in names.split()}
        named = sum(len(names.split()) for names in self.handled.values())
        assert named == len(found), f"{self.model} has an attribute under two handlings"
        return found
