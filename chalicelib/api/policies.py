"""The platform's policies: their versions and what changed, and what staff have seen and accepted."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.errors import NotFound
from chalicelib.domain.policies import ChangeKind, Document, Library, Notice, PolicyVersion, changes
from chalicelib.domain.staff import Permission
from chalicelib.usecases import policies

VERSION_CHARS_MAX = 10


class PolicyVersionOut(Schema):
    """A version, by the day (UTC) from which it is in force."""

    document: Document
    version: str = Field(examples=["2026-11-26"])
    in_force_on: date
    title: str
    summary: str
    significant: bool
    accept: bool = Field(description="Whether staff are asked to accept it.")

    @classmethod
    def of(cls, version: PolicyVersion) -> PolicyVersionOut:
        """Render a version without its text."""
        return cls(
            document=version.document,
            version=version.version,
            in_force_on=version.on,
            title=version.title,
            summary=version.summary,
            significant=version.significant,
            accept=version.accept,
        )


class PolicyOut(Schema):
    """A document: the version in force, and all of them, newest first."""

    document: Document
    current: str
    versions: list[PolicyVersionOut]


class PolicyList(Schema):
    """Every policy."""

    items: list[PolicyOut]


class ChangeOut(Schema):
    """A stretch of words, and whether the version before had it."""

    kind: ChangeKind
    words: str


class PolicyTextOut(Schema):
    """A version with its text, and what changed since the one before; no changes for the first."""

    version: PolicyVersionOut
    text: str
    previous: str | None
    changes: list[ChangeOut]

    @classmethod
    def of(cls, library: Library, version: PolicyVersion) -> PolicyTextOut:
        """Render a version."""
        before = library.before(version=version)
        found = changes(before=before, after=version) if before else ()
        return cls(
            version=PolicyVersionOut.of(version),
            text=version.text,
            previous=before.version if before else None,
            changes=[ChangeOut(kind=one.kind, words=one.words) for one in found],
        )


class NoticeOut(Schema):
    """A version that one is to be told of; where `accept`, until it is accepted."""

    version: PolicyVersionOut
    accept: bool
    stops_at: datetime | None = Field(
        description="when an owner who has not accepted it can change nothing of the company any more"
    )

    @classmethod
    def of(cls, notice: Notice) -> NoticeOut:
        """Render a notice."""
        return cls(
            version=PolicyVersionOut.of(notice.version), accept=notice.accept, stops_at=notice.stops_at
        )


class NoticeList(Schema):
    """What one is to be told of."""

    items: list[NoticeOut]


class VersionIn(Schema):
    """Which version."""

    version: str = Field(max_length=VERSION_CHARS_MAX, examples=["2026-11-26"])


class AcceptanceOut(Schema):
    """That a version was accepted."""

    version: PolicyVersionOut
    accepted_at: datetime


@endpoint("GET", "/v1/policies", permission=Permission.PUBLIC, answer=PolicyList)
def list_policies(request: Request) -> PolicyList:
    """Return every policy with its versions."""
    library = request.services.site.policies
    return PolicyList(
        items=[
            PolicyOut(
                document=document,
                current=library.current(document=document, at=request.now).version,
                versions=[PolicyVersionOut.of(one) for one in reversed(known)],
            )
            for document, known in library.versions.items()
        ]
    )


@endpoint("GET", "/v1/policies/{kind}/versions/{date}", permission=Permission.PUBLIC, answer=PolicyTextOut)
def get_policy_version(request: Request) -> PolicyTextOut:
    """Return a version with its text and what changed."""
    library = request.services.site.policies
    document, version = request.path["kind"], request.path["date"]
    return PolicyTextOut.of(library, library.get(document=document, version=version))


@endpoint("GET", "/v1/me/policy-notices", permission=Permission.SELF, answer=NoticeList)
def list_policy_notices(request: Request) -> NoticeList:
    """Return which new versions one has not seen, or not accepted where that is asked for."""
    found = policies.own_notices(
        store=request.store, library=request.services.site.policies, staff_id=request.principal.actor_id
    )
    return NoticeList(items=[NoticeOut.of(one) for one in found])


@endpoint("POST", "/v1/policies/{kind}/dismissals", permission=Permission.SELF, body=VersionIn, status=204)
def dismiss_policy_notice(request: Request) -> Answer:
    """Say that one has seen a version: there is no notice of it any more."""
    policies.dismiss_notice(
        store=request.store,
        library=request.services.site.policies,
        staff_id=request.principal.actor_id,
        document=_document(request),
        version=request.body_as(VersionIn).version,
        note=request.note("policy.seen", request.principal.actor_id),
    )
    return Answer(None)


@endpoint(
    "POST",
    "/v1/policies/{kind}/acceptances",
    permission=Permission.SELF,
    body=VersionIn,
    answer=AcceptanceOut,
    status=201,
)
def accept_policy(request: Request) -> AcceptanceOut:
    """Accept the newest version of a document that asks for it."""
    accepted = policies.accept_policy(
        store=request.store,
        library=request.services.site.policies,
        staff_id=request.principal.actor_id,
        document=_document(request),
        version=request.body_as(VersionIn).version,
        note=request.note("policy.accepted", request.principal.actor_id),
    )
    return AcceptanceOut(version=PolicyVersionOut.of(accepted), accepted_at=request.now)


def _document(request: Request) -> Document:
    try:
        return Document(request.path["kind"])
    except ValueError:
        raise NotFound("there is no such policy", param="kind") from None
