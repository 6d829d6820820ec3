"""The ``endpoint()`` decorator: all that HTTP asks of a request, in one place.

In order: method, headers, limits, size, session, CSRF, permission, path, query, body, preconditions; then the
endpoint, which calls one use case; then the answer. Refusals become problem details here,
for an exception that leaves a Chalice view is a bare 500.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse
from pydantic import BaseModel

from chalicelib.api import answering, cors, reading
from chalicelib.api.authentication import SignedIn, authenticate, check_held
from chalicelib.api.errors import MethodNotAllowed, PermissionDenied
from chalicelib.api.metering import Meter, address_of
from chalicelib.api.raw import received_of
from chalicelib.api.request import Answer, Request
from chalicelib.api.scoping import within_account, within_scope
from chalicelib.api.watching import watch
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.staff import Permission, Principal, Role
from chalicelib.observability import causes_of, logger
from chalicelib.ports.store import Idempotency
from chalicelib.store.idempotency import KeyReused

__all__ = ["ENDPOINTS", "Answer", "Endpoint", "Request", "declared", "endpoint", "serve"]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
USER_AGENT_CHARS_MAX: Final = 500
NO_OPERATION: Final = "none"

Result = BaseModel | Answer | None
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Endpoint:
    """One operation of the API; the OpenAPI document is made of these."""

    method: str
    path: str
    permission: Permission
    function: Callable[[Request], Result]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    idempotent: bool
    idempotency_required: bool
    if_match: bool
    field_permissions: Mapping[str, Permission] = field(default_factory=dict)
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    while_held: bool = False
    without_terms: bool = False
    raw: Mapping[int, str] = field(default_factory=dict)
    counted: str = "address"

    @property
    def operation_id(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.function) or self.operation_id

    @property
    def public(self) -> bool:
        """Whether nobody needs to be signed in."""
        return self.permission is Permission.PUBLIC

    @property
    def of_portal(self) -> bool:
        """Whether it is a subscriber's own."""
        return self.permission is Permission.PORTAL_SELF


ENDPOINTS: Final[list[Endpoint]] = []


def endpoint(
    method: str,
    path: str,
    *,
    permission: Permission,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    idempotent: bool = False,
    idempotency_required: bool = False,
    if_match: bool = False,
    field_permissions: Mapping[str, Permission] | None = None,
    also: Mapping[int, type[BaseModel]] | None = None,
    while_held: bool = False,
    without_terms: bool = False,
    raw: Mapping[int, str] | None = None,
    counted: str = "address",
) -> Callable[[Callable[[Request], R]], Callable[[Request], R]]:
    """Declare an operation.

    ``idempotent`` honours an ``Idempotency-Key``, ``idempotency_required`` insists on one
    (whatever moves money); then ``answer.of`` renders the use case's result, and the use case
    keeps the answer with its effect. ``if_match`` insists on the version that was read.
    ``field_permissions`` are what fields of the body ask for besides, where they are given;
    ``also`` are answers of another status and shape. ``while_held`` is for what who still lacks the
    second factor that their company asks for needs to put one on; ``without_terms`` for
    what an owner may do who has not accepted them. A ``raw`` operation is given the
    request as it came (``request.received``) and answers by itself: pages for people, or what a vendor
    wants; ``raw`` says with which media type (or none) at each status. ``counted`` is the limit that an
    address is counted for.
    """
    assert method in METHODS, method
    assert not (idempotent or idempotency_required) or hasattr(answer, "of"), f"{path}: the answer needs of()"

    def declare(function: Callable[[Request], R]) -> Callable[[Request], R]:
        ENDPOINTS.append(
            Endpoint(
                method=method,
                path=path,
                permission=permission,
                function=function,
                body=body,
                query=query,
                answer=answer,
                status=status,
                idempotent=idempotent or idempotency_required,
                idempotency_required=idempotency_required,
                if_match=if_match,
                field_permissions=field_permissions or {},
                also=also or {},
                while_held=while_held,
                without_terms=without_terms,
                raw=raw or {},
                counted=counted,
            )
        )
        return function

    return declare


def declared(method: str, path: str) -> Endpoint | None:
    """Return the operation declared for a method and path by the modules imported so far, or None."""
    return next((one for one in ENDPOINTS if (one.method, one.path) == (method, path)), None)


def serve(
    raw: ChaliceRequest, services: Callable[[], Services], spec: Endpoint | None, *, allowed: Iterable[str]
) -> ChaliceResponse:
    """Answer a request to a path; ``spec`` is None where its method is not among the ``allowed`` ones."""
    started = time.perf_counter()
    request_id = answering.request_id_of(raw)
    principal: Principal | None = None
    failure: Exception | None = None
    meter = Meter()
    request: Request | None = None
    try:
        if spec is None:
            raise MethodNotAllowed(allowed=", ".join(sorted(allowed)))  # noqa: TRY301 - refused like the rest
        wired = services()
        reading.check_headers(raw.headers)
        meter.count_address(wired, raw, spec.counted)
        who = _authenticated(raw, spec, wired)
        principal = who.principal if who else None
        _admit(spec, wired, meter, who)
        request = _read(raw, spec, wired, request_id, who)
        response = _answer_support(spec, request) if request.supports else _answer(spec, request)
    except DomainError as error:
        failure, response = error, answering.refused(error, request_id=request_id)
    except Exception as error:  # noqa: BLE001 - the outer boundary
        failure, response = error, answering.failed(error, request_id=request_id)
    answering.log(
        request_id=request_id,
        operation=spec.operation_id if spec else NO_OPERATION,
        response=response,
        started=started,
        principal=principal,
        error=failure,
    )
    _tell_watch(request, response)
    response = answering.with_headers(response, {**meter.headers(), **_for_pages(raw, services, principal)})
    return answering.without_body(response) if raw.method == "HEAD" else response


def _tell_watch(request: Request | None, response: ChaliceResponse) -> None:
    """Let the watch see the answer, which stands whatever comes of that."""
    if request is None:
        return
    try:
        watch(request, response)
    except Exception as error:  # noqa: BLE001 - the outer boundary
        logger().error("not watched", extra={"request_id": request.request_id, "cause": causes_of(error)})


def _for_pages(
    raw: ChaliceRequest, services: Callable[[], Services], principal: Principal | None
) -> Mapping[str, str]:
    """Return what lets a page of another origin read the answer, which stands without it too."""
    if "origin" not in raw.headers:
        return {}
    try:
        return cors.allowance(raw, services(), tenant_id=principal.tenant_id if principal else None)
    except Exception as error:  # noqa: BLE001 - the outer boundary
        logger().error("origins not read", extra={"cause": causes_of(error)})
        return {}


def _authenticated(raw: ChaliceRequest, spec: Endpoint, services: Services) -> SignedIn | None:
    """Return who is asking; None on a public route."""
    reading.check_size(_bytes_of(raw))
    if spec.public:
        return None
    now = services.clock.now()
    return authenticate(
        services=services, headers=raw.headers, method=raw.method, now=now, portal=spec.of_portal
    )


def _admit(spec: Endpoint, services: Services, meter: Meter, who: SignedIn | None) -> None:
    """Raise RateLimited, SecondFactorRequired or PermissionDenied; the log names who is refused."""
    if who is None:
        return
    meter.count_principal(services, who.principal)
    if who.session is not None and (who.session.held or who.session.read_only):
        check_held(services=services, session=who.session, operation=spec)
    if not who.principal.may(permission=spec.permission):
        raise PermissionDenied(f"this needs the permission {spec.permission.value}")
    if who.session is not None and who.principal.role == Role.OWNER:
        from chalicelib.api.terms import check_terms

        check_terms(spec=spec, services=services, owner=who.principal)


def _read(
    raw: ChaliceRequest, spec: Endpoint, services: Services, request_id: str, who: SignedIn | None
) -> Request:
    """Return the request as the endpoint sees it."""
    headers = raw.headers
    path = reading.decode_path(raw.uri_params)
    if who is not None and not who.principal.scope.everything:
        path = within_scope(services=services, principal=who.principal, path=path)
    if who is not None and spec.of_portal:
        path = within_account(account_id=who.principal.actor_id, path=path)
    query, body, canonical = None, None, ""
    if not spec.raw:
        query = reading.read_query(_query_of(raw), model=spec.query)
        content_type = headers.get("content-type", "")
        body, canonical = reading.read_body(_bytes_of(raw), content_type=content_type, model=spec.body)
    if who is not None and body is not None:
        _check_fields(spec, body, who)
    return Request(
        services=services,
        request_id=request_id,
        now=services.clock.now(),
        operation_id=spec.operation_id,
        path=path,
        body=body,
        query=query,
        session=who.session if who else None,
        key=who.principal if who else None,
        user_agent=headers.get("user-agent", "")[:USER_AGENT_CHARS_MAX],
        idempotency=_idempotency(spec, headers, path, canonical, who),
        if_match=reading.read_if_match(headers.get("if-match"), required=spec.if_match),
        address=address_of(raw),
        headers=headers,
        received=received_of(raw, body=_bytes_of(raw), tail=path.get("tail", "")) if spec.raw else None,
    )


def _check_fields(spec: Endpoint, body: BaseModel, who: SignedIn) -> None:
    """Raise PermissionDenied where a field is given that needs more than the operation does."""
    for name, permission in spec.field_permissions.items():
        given = name in body.model_fields_set and getattr(body, name) not in (None, [])
        if given and not who.principal.may(permission=permission):
            raise PermissionDenied(f"{name} needs the permission {permission.value}", param=name)


def _bytes_of(raw: ChaliceRequest) -> bytes:
    sent = raw.raw_body
    return sent if isinstance(sent, bytes) else sent.encode()


def _query_of(raw: ChaliceRequest) -> Mapping[str, list[str]]:
    return {name: raw.query_params.getlist(name) for name in raw.query_params} if raw.query_params else {}


def _idempotency(
    spec: Endpoint, headers: Mapping[str, str], path: Mapping[str, str], canonical: str, who: SignedIn | None
) -> Idempotency | None:
    if not spec.idempotent:
        return None
    key = reading.read_idempotency_key(headers.get("idempotency-key"), required=spec.idempotency_required)
    if key is None:
        return None
    where = spec.path.format_map(path)
    actor_id = who.principal.actor_id if who else ""
    # Subscribers know nothing of each other: a key that one chose is not taken for the next.
    operation = f"{spec.operation_id}:{actor_id}" if spec.of_portal else spec.operation_id
    return Idempotency(
        operation=operation,
        key=key,
        request_hash=reading.request_hash(
            method=spec.method, path=where, canonical_body=canonical, actor_id=actor_id
        ),
        render=_Renderer(spec.answer),
    )


class _Renderer:
    """Renders the answer to keep, and knows whether the use case kept it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.used = False

    def __call__(self, result: object) -> str:
        self.used = True
        return str(self._model.of(result).model_dump_json())


def _answer_support(spec: Endpoint, request: Request) -> ChaliceResponse:
    """Answer platform support in a company that it entered."""
    from chalicelib.api import supporting

    supporting.note_asked(request, permission=spec.permission)
    supporting.check_asked(request, answer=spec.answer)
    return supporting.shown(_answer(spec, request))


def _answer(spec: Endpoint, request: Request) -> ChaliceResponse:
    """Call the endpoint; where a key was used before, its effect is refused and the answer replayed."""
    try:
        result = spec.function(request)
    except KeyReused:
        raise
    except DomainError:
        kept = request.idempotency and request.store.answered(idempotency=request.idempotency)
        if not kept:
            raise
        from chalicelib.api import replays

        replays.note_shown_again(request, kept)
        return answering.replayed(kept, status=spec.status, request_id=request.request_id)
    renderer = request.idempotency.render if request.idempotency else None
    assert not isinstance(renderer, _Renderer) or renderer.used, "the use case did not keep its answer"
    return answering.rendered(result, status=spec.status, request_id=request.request_id)
