"""Consent: what is asked, and the choices of visitors, staff and subscribers.

A visitor is known by the cookie of their choice, staff and subscribers by their session.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.consent_parts import answered, choice_of, cookies_set, gpc_of, kept, taken_back
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.consent_cookies import VisitorChoice
from chalicelib.domain.consent_texts import TEXTS, Category, ConsentText, current_text
from chalicelib.domain.consents import OFFERED, Consent, Means, SubjectKind
from chalicelib.domain.staff import Permission
from chalicelib.usecases import consents
from chalicelib.usecases.portal import open_portal

VERSION_CHARS_MAX = 20


class CookieOut(Schema):
    """A cookie that goes with a category."""

    name: str
    holds: str
    life: str


class PurposeOut(Schema):
    """What a category is for, in the words that are asked; `asked_of` says whom."""

    category: Category
    title: str
    words: str
    cookies: list[CookieOut]
    asked_of: list[SubjectKind]


class ConsentTextOut(Schema):
    """One version of what is asked."""

    version: str = Field(examples=["20261126-1a2b3c4d"])
    current: bool
    purposes: list[PurposeOut]

    @classmethod
    def of(cls, text: ConsentText) -> ConsentTextOut:
        """Render a version."""
        return cls(
            version=text.version,
            current=text == current_text(),
            purposes=[
                PurposeOut(
                    category=one.category,
                    title=one.title,
                    words=one.words,
                    cookies=[CookieOut(name=it.name, holds=it.holds, life=it.life) for it in one.cookies],
                    asked_of=[kind for kind in SubjectKind if one.category in OFFERED[kind]],
                )
                for one in text.purposes
            ],
        )


class ConsentTextList(Schema):
    """Every version that anybody may have agreed to, newest first."""

    items: list[ConsentTextOut]


class ChoiceIn(Schema):
    """What is agreed to: everything that is not named is refused, or taken back."""

    agreed: list[Category] = Field(max_length=len(Category), examples=[["functional", "analytics"]])
    text: str = Field(
        max_length=VERSION_CHARS_MAX,
        description="The version of the words that were shown (`GET /v1/consents/texts`).",
        examples=[current_text().version],
    )
    how: Means = Means.API


class ChoiceOut(Schema):
    """A choice on record: when, to which text, how, and whether the browser sent the signal then."""

    consent_id: str = Field(examples=["cns_01JD0000000000000000000000"])
    agreed: list[Category]
    text: str
    at: datetime
    how: Means
    gpc: bool
    browser: str
    previous: str | None

    @classmethod
    def of(cls, consent: Consent) -> ChoiceOut:
        """Render a record."""
        return cls(
            consent_id=consent.consent_id,
            agreed=_sorted(consent.agreed),
            text=consent.text,
            at=consent.at,
            how=consent.how,
            gpc=consent.gpc,
            browser=consent.browser,
            previous=consent.previous,
        )


class ConsentOut(Schema):
    """What is allowed now, whether the question is to be asked, and the record of choices, newest first.

    `gpc` says whether this very request came with Global Privacy Control, which refuses analytics unless
    that was agreed to with the signal on.
    """

    allowed: list[Category]
    asked: bool
    gpc: bool
    text: str
    history: list[ChoiceOut]

    @classmethod
    def of(cls, shown: consents.Shown) -> ConsentOut:
        """Render a person's or visitor's standing."""
        return cls(
            allowed=_sorted(shown.standing.allowed),
            asked=shown.standing.asked,
            gpc=shown.standing.gpc,
            text=current_text().version,
            history=[ChoiceOut.of(one) for one in shown.history],
        )


def _sorted(categories: frozenset[Category]) -> list[Category]:
    return [one for one in Category if one in categories]


@endpoint("GET", "/v1/consents/texts", permission=Permission.PUBLIC, answer=ConsentTextList)
def list_consent_texts(request: Request) -> ConsentTextList:  # noqa: ARG001 - every endpoint takes a request
    """Return what is asked, and what was asked before."""
    return ConsentTextList(items=[ConsentTextOut.of(one) for one in reversed(TEXTS)])


@endpoint("GET", "/v1/consents/current", permission=Permission.PUBLIC, answer=ConsentOut)
def get_visitor_consent(request: Request) -> Answer:
    """Return the choice of the visitor whose cookie it is, and take back what it does not allow."""
    return _of_visitor(request, choice_of(request), [])


@endpoint(
    "PUT",
    "/v1/consents/current",
    permission=Permission.PUBLIC,
    body=ChoiceIn,
    answer=ConsentOut,
    counted="pages",
)
def put_visitor_consent(request: Request) -> Answer:
    """Make the choice of a visitor, and answer with the cookie that remembers it."""
    body = request.body_as(ChoiceIn)
    choice = consents.choose_as_visitor(
        site=request.services.site,
        known=choice_of(request),
        answered=answered(request, agreed=body.agreed, text=body.text, how=body.how),
    )
    return _of_visitor(request, choice, kept(request, choice))


def _of_visitor(request: Request, choice: VisitorChoice | None, cookies: list[str]) -> Answer:
    site, gpc = request.services.site, gpc_of(request)
    shown = consents.show_to_visitor(site=site, known=choice, at=request.now, gpc=gpc)
    return Answer(ConsentOut.of(shown), headers=cookies_set(cookies or taken_back(request, shown.standing)))


@endpoint("GET", "/v1/me/consent", permission=Permission.SELF, answer=ConsentOut)
def get_own_consent(request: Request) -> Answer:
    """Return one's own choice."""
    return _of_person(request)


@endpoint("PUT", "/v1/me/consent", permission=Permission.SELF, body=ChoiceIn, answer=ConsentOut)
def put_own_consent(request: Request) -> Answer:
    """Make one's own choice, in force at once: what was agreed to before and is not named is taken back."""
    return _choose(request, SubjectKind.STAFF)


@endpoint("GET", "/v1/portal/me/consent", permission=Permission.PORTAL_SELF, answer=ConsentOut)
def get_portal_consent(request: Request) -> Answer:
    """Return a subscriber's own choice."""
    open_portal(store=request.store)
    return _of_person(request)


@endpoint("PUT", "/v1/portal/me/consent", permission=Permission.PORTAL_SELF, body=ChoiceIn, answer=ConsentOut)
def put_portal_consent(request: Request) -> Answer:
    """Make a subscriber's own choice."""
    open_portal(store=request.store)
    return _choose(request, SubjectKind.SUBSCRIBER)


def _choose(request: Request, kind: SubjectKind) -> Answer:
    body, who = request.body_as(ChoiceIn), request.principal.actor_id
    consents.choose_as_person(
        store=request.store,
        ids=request.services.ids,
        kind=kind,
        subject_id=who,
        answered=answered(request, agreed=body.agreed, text=body.text, how=body.how),
        note=request.note("consent.chosen", who),
    )
    return _of_person(request)


def _of_person(request: Request) -> Answer:
    who, gpc = request.principal.actor_id, gpc_of(request)
    shown = consents.show_to_person(store=request.store, subject_id=who, at=request.now, gpc=gpc)
    return Answer(ConsentOut.of(shown), headers=cookies_set(taken_back(request, shown.standing)))
