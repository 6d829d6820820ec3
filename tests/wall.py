"""What AWS enforces and the embedded engine does not: policies on the partition keys of requests.

The engine evaluates policies, but knows no ``dynamodb:LeadingKeys`` (tests/contract). So a guard
stands where requests leave the process: it looks up whose credentials signed the request, reads
the very policies that are deployed (``.chalice``), and refuses what they do not allow, with the
answer that DynamoDB gives. A condition that it does not know fails the test.

What is not signed for a tenant is asked by a function's own role. All functions run in the one
process of the tests, so whose role it is the stack tells: the job that is at work, or the API.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple, TypeVar

import orjson
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from chalicelib.bootstrap import Services
from chalicelib.config import Settings
from chalicelib.local.stack import STACK_NAME
from chalicelib.store.base import Database
from chalicelib.store.vending import StsTenantRole
from chalicelib.store.wire import DynamoWire, HttpWire
from tests.uses import Use, uses

ROOT: Final = Path(__file__).resolve().parent.parent
# Functions that visit every tenant in each pass, by their own roles (ADR 18).
_STEWARDS = "billing_planner audit_sealer audit_anchorer audit_verifier backup_keeper restore_driller"
STEWARDS: Final = {f"policy-{name}.json" for name in _STEWARDS.split()}
# Code that sends whatever it is told to; who told it is what counts.
_CARRIERS: Final = tuple(str(ROOT / "chalicelib" / "store" / name) for name in ("wire.py", "base.py"))
_API: Final = str(ROOT / "chalicelib" / "api")
API_POLICY: Final = "policy-api_handler.json"
# A function of app.py: its name, and the job that it runs.
_FUNCTION: Final = re.compile(r'name="(\w+)"[^@]*?from chalicelib\.jobs\.(\w+) import (\w+)')
_OURS: Final = (str(ROOT / "chalicelib"), str(ROOT / "tests"))

Json = dict[str, Any]
V = TypeVar("V")


class Signer(NamedTuple):
    """Whose credentials a request bears."""

    tenant: str | None
    policies: tuple[str, ...]


# -- the deployed policies -------------------------------------------------------------------


@cache
def statements_of(name: str) -> tuple[Json, ...]:
    """The statements of a policy file about DynamoDB, or of the tenant role."""
    if name == "TenantRole":
        template = json.loads((ROOT / ".chalice" / "resources.json").read_text())
        [policy] = template["Resources"]["TenantRole"]["Properties"]["Policies"]
        found = policy["PolicyDocument"]["Statement"]
    else:
        found = json.loads((ROOT / ".chalice" / name).read_text())["Statement"]
    return tuple(one for one in found if any(a.startswith("dynamodb:") for a in _listed(one["Action"])))


@cache
def acting_for_tenants() -> tuple[str, ...]:
    """The policies of functions that act for tenants."""
    names = {path.name for path in (ROOT / ".chalice").glob("policy-*.json")} - STEWARDS
    return tuple(sorted(names))


def allowed(use: Use, *, signer: Signer, tables: Mapping[str, str]) -> bool:
    """Whether the policies allow a use: none denies it, and one allows it."""
    logical = next((name for name, table in tables.items() if table == use.table), use.table)
    return _allowed(use, signer, logical)


@lru_cache(maxsize=50_000)
def _allowed(use: Use, signer: Signer, table: str) -> bool:
    effects = {
        one["Effect"]
        for one in _speaking_of(signer.policies, use.action, table)
        if _holds(one.get("Condition", {}), use, signer)
    }
    return effects == {"Allow"}


@cache
def _speaking_of(policies: tuple[str, ...], action: str, table: str | None) -> tuple[Json, ...]:
    """The statements about an action on a table, which has the template's name."""
    return tuple(
        one
        for name in policies
        for one in statements_of(name)
        if any(fnmatchcase(f"dynamodb:{action}", pattern) for pattern in _listed(one["Action"]))
        and any(_names(named, table) for named in _listed(one["Resource"]))
    )


def _names(resource: Any, table: str | None) -> bool:
    """Whether a policy's resource is a table: one of the template's, or what is called as it says."""
    if resource == "*" or "Fn::GetAtt" in resource:
        return resource == "*" or bool(resource["Fn::GetAtt"][0] == table)
    pattern = resource["Fn::Sub"].rpartition("table/")[2].replace("${AWS::StackName}", STACK_NAME)
    return fnmatchcase(str(table), pattern)


def _holds(conditions: Json, use: Use, signer: Signer) -> bool:
    values = {
        "dynamodb:LeadingKeys": None if use.pk is None else [use.pk],
        "aws:PrincipalTag/tenant": None if signer.tenant is None else [signer.tenant],
    }
    return all(
        _compare(operator, values[key], _listed(expected), signer)
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _compare(operator: str, actual: list[str] | None, expected: list[str], signer: Signer) -> bool:
    match operator:
        case "Null":
            return (actual is None) == (expected == ["true"])
        case "ForAllValues:StringLike" | "ForAllValues:StringEquals":
            # As in IAM: no value at all is no value that differs. Hence the guards on Null.
            patterns = [one.replace("${aws:PrincipalTag/tenant}", signer.tenant or "") for one in expected]
            return all(any(_like(one, pattern) for pattern in patterns) for one in actual or [])
    raise AssertionError(f"the wall of the tests does not know the condition {operator}")


def _like(value: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value) is not None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# -- whose role it is -------------------------------------------------------------------------


@cache
def policies_of_jobs() -> Mapping[tuple[str, str], str]:
    """The policy file of each job's function, by the job's file and name, as app.py has them."""
    jobs = ROOT / "chalicelib" / "jobs"
    return {
        (str(jobs / f"{module}.py"), job): f"policy-{name}.json"
        for name, module, job in _FUNCTION.findall((ROOT / "app.py").read_text())
    }


def _innermost(say: Callable[[str, str], V | None]) -> V | None:
    """Return what is said of the innermost function at work, by its file and name, of which anything is."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if (said := say(frame.f_code.co_filename, frame.f_code.co_name)) is not None:
            return said
        frame = frame.f_back
    return None


def policy_at_work() -> str | None:
    """The policy file of the function that sends a request; None where a test calls what is below one."""
    return _innermost(_policy_of)


@cache
def _policy_of(path: str, function: str) -> str | None:
    return policies_of_jobs().get((path, function)) or (API_POLICY if path.startswith(_API) else None)


# -- the guard -------------------------------------------------------------------------------


@dataclass
class Wall:
    """The guard of one process's connections."""

    settings: Settings
    own: tuple[str, ...] = ()
    standing: bool = True
    sessions: dict[str, str] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)
    refused: list[tuple[str | None, Use]] = field(default_factory=list)
    checked: int = 0

    def signer(self, tenant: str | None) -> Signer:
        """Whose rights a request has: the tenant role's, or the own ones of what is at work.

        A function's own are those of ``own`` where some are said, else those of its policy file.
        Where a test calls what is below one, they are those of all functions that act for tenants.
        """
        at_work = policy_at_work()
        if at_work is not None:
            self.jobs.add(at_work)
        if tenant is not None:
            return Signer(tenant, ("TenantRole",))
        return Signer(None, self.own or ((at_work,) if at_work else acting_for_tenants()))

    @cached_property
    def tables(self) -> dict[str, str]:
        """Table names by what the template calls them."""
        at = self.settings
        return {
            "TenantsTable": at.tenants_table,
            "PlatformTable": at.platform_table,
            "KeysTable": at.keys_table,
            "EphemeralTable": at.ephemeral_table,
        }

    def refusal(self, headers: Mapping[str, Any], body: bytes) -> bytes | None:
        """Return what DynamoDB answers where no policy allows the request."""
        if not self.standing:
            return None
        texts = {name.lower(): value for name, value in headers.items()}
        credential = re.search(r"Credential=([^/]+)/", _text(texts["authorization"]))
        assert credential is not None, "the request is signed"
        tenant = self.sessions.get(credential[1])
        if tenant is None and _asked_by_a_test():
            return None
        signer = self.signer(tenant)
        for use in uses(_text(texts["x-amz-target"]).partition(".")[2], orjson.loads(body)):
            self.checked += 1
            if not allowed(use, signer=signer, tables=self.tables):
                self.refused.append((tenant, use))
                return orjson.dumps(
                    {
                        "__type": "com.amazon.coral.service#AccessDeniedException",
                        "message": f"{tenant or 'a function'} is not authorized to perform: {use}",
                    }
                )
        return None

    def before_send(self, request: Any, **_: object) -> AWSResponse | None:
        """Answer in the database's place where it would refuse."""
        refusal = self.refusal(request.headers, request.body)
        return None if refusal is None else AWSResponse(request.url, 400, HTTPHeaders(), _Raw(refusal))

    def guard(self, database: Database) -> Database:
        """Stand before a connection."""
        events: Any = database._connection.client.meta.events
        events.register("before-send.dynamodb", self.before_send)
        return database

    def watch(self, sts: Any) -> Any:
        """Learn which tenant each given key is for."""
        sts.meta.events.register("before-parameter-build.sts.AssumeRole", _remember_tag)
        sts.meta.events.register("after-call.sts.AssumeRole", self._learn)
        return sts

    def _learn(self, *, parsed: Json, context: Json, **_: object) -> None:
        self.sessions[parsed["Credentials"]["AccessKeyId"]] = context["tenant"]


def _remember_tag(*, params: Json, context: Json, **_: object) -> None:
    [tag] = params["Tags"]
    context["tenant"] = tag["Value"]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _asked_by_a_test() -> bool:
    """Whether a test itself sends the request, to look or to tamper: the wall is not for its hands."""
    return bool(_innermost(_is_a_test))


@cache
def _is_a_test(path: str, _function: str) -> bool | None:
    if not path.startswith(_OURS) or path in (*_CARRIERS, __file__):
        return None
    return path.startswith(_OURS[1])


class _Raw:
    """A refusal as botocore reads an answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """The body in one part."""
        yield self._body


@dataclass(frozen=True)
class _Refused:
    data: bytes
    status: int = 400


@dataclass(frozen=True)
class _GuardedPool:
    """The billing run's connections, guarded."""

    wall: Wall
    pool: urllib3.PoolManager

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> Any:
        """Send what is allowed."""
        refusal = self.wall.refusal(headers, body)
        if refusal is not None:
            return _Refused(refusal)
        return self.pool.request(method, url, body=body, headers=headers, timeout=timeout)


@dataclass(frozen=True)
class WalledServices(Services):
    """The real services behind the guard."""

    @cached_property
    def wall(self) -> Wall:
        """The guard."""
        return Wall(self.settings)

    @cached_property
    def database(self) -> Database:
        """The process's database connection, guarded."""
        return self.wall.guard(super().database)

    def client(self, name: Any, config: Config | None = None) -> Any:
        """A client, guarded where it is one of the database."""
        made = super().client(name, config)
        if name == "dynamodb":
            made.meta.events.register("before-send.dynamodb", self.wall.before_send)
        return made

    @cached_property
    def tenant_role(self) -> StsTenantRole | None:
        """The tenant role, of which the guard learns who is given what."""
        if not self.settings.tenant_role_arn:
            return None
        sts = self.wall.watch(self.client("sts"))
        return StsTenantRole(client=lambda: sts, role_arn=self.settings.tenant_role_arn)

    @cached_property
    def wire(self) -> DynamoWire:
        """The billing run's client, guarded."""
        return HttpWire(
            region=self.settings.region,
            endpoint_url=self.settings.endpoint_url,
            patience=self.wire_patience,
            pool=_GuardedPool(self.wall, urllib3.PoolManager(maxsize=4, retries=False)),
            credentials=self.acting_credentials,
        )
