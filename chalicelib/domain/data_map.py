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


@dataclass(frozen=True, slots=True)
class Rule:
    """For how long: ``days``, or whole ``fiscal_years`` of the tenant, after ``since``.

    Where both are 0 it goes with what ``since`` names. A tenant may shorten what is ``shortened`` only.
    """

    code: str
    since: str
    days: int = 0
    fiscal_years: int = 0
    shortened: bool = False

    @property
    def words(self) -> str:
        """Return the period as people read it."""
        if self.fiscal_years:
            return f"{self.fiscal_years} fiscal years after {self.since}"
        return f"{self.days} days after {self.since}" if self.days else self.since


# Section 5 of the policy: 30 days after the end, billing records up to 7 years.
RECOVERY_DAYS: Final = 30
BILLING_YEARS: Final = 7

IN_USE: Final = Rule("in_use", "the end of the account", days=RECOVERY_DAYS)
BOOKS: Final = Rule("books", "the fiscal year of the document", fiscal_years=BILLING_YEARS)
AUDIT_LOG: Final = Rule("audit", "the fiscal year of the entry", fiscal_years=BILLING_YEARS)
ACCESS_LOG: Final = Rule("access_log", "the access", days=365, shortened=True)
TRAFFIC: Final = Rule("traffic", "the period of use", days=365)
SESSION: Final = Rule("session", "until the session, code or link expires")
WINDOW: Final = Rule("window", "until the window of the count ends")
FILES: Final = Rule("files", "the file was made", days=7)
PAPERS: Final = Rule("papers", "the file was made", days=1)
BACKUPS: Final = Rule("backups", "the backup was taken", days=30)
REPORTS: Final = Rule("reports", "the import", days=30)
JOBS: Final = Rule("jobs", "the job ended", days=365, shortened=True)
ANSWERS: Final = Rule("answers", "the request", days=90)
KEYS: Final = Rule("keys", "until the key is destroyed; that it was is kept")
# As long as a choice is good, and a year in which somebody may ask for the proof of it.
VISITOR_CHOICE: Final = Rule("visitor_choice", "the choice", days=545)
ACTIVITY: Final = Rule("activity", "the day", days=90)
PURGE: Final = Rule("purge", "until the purge is certified")
PROOF: Final = Rule("proof", "for good: it proves that the rest is deleted, and names nobody")
NETWORKS: Final = Rule("networks", "the network was last seen", days=90)
# There are no tickets yet: the rule that they will be under.
TICKETS: Final = Rule("tickets", "the ticket was closed", days=3 * 365, shortened=True)
# Seven days within which a sign-up can be confirmed, and one.
SIGN_UPS: Final = Rule("sign_ups", "the sign-up, where nobody confirms it", days=8)

RULES: Final = (
    IN_USE, BOOKS, AUDIT_LOG, ACCESS_LOG, TRAFFIC, SESSION, WINDOW, FILES, PAPERS, BACKUPS, REPORTS, JOBS,
    ANSWERS, KEYS, NETWORKS, VISITOR_CHOICE, ACTIVITY, PURGE, PROOF, SIGN_UPS, TICKETS,
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

    ``handled`` names attributes between blanks. ``inside`` says what a sealed or packed attribute
    holds, for the record of processing.
    """

    model: str
    words: str
    subject: Subject
    handled: Mapping[Handling, str]
    inside: Mapping[str, str] = field(default_factory=dict)
    controller: Controller = Controller.ISP

    @cached_property
    def attributes(self) -> Mapping[str, Handling]:
        """The handling of each attribute."""
        found = {name: handling for handling, names in self.handled.items() for name in names.split()}
        named = sum(len(names.split()) for names in self.handled.values())
        assert named == len(found), f"{self.model} has an attribute under two handlings"
        return found
