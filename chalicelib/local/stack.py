"""The deployed resources, created on the embedded engine from the same definitions.

``.chalice/resources.json`` is the one source of truth. What runs code or fronts it
(functions, API, log groups) is left out: one machine runs the handlers in process. The tenant
role is there, and work for a tenant is done with its credentials, as on AWS.
The environment of the functions stands in the template too (``Globals``); its expressions
become outputs of the local stack, so that CloudFormation resolves them and not we.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from chalicelib.local.engine import ACCESS_KEY, REGION

STACK_NAME = "isp-billing-local"
RESOURCES_PATH = Path(".chalice") / "resources.json"
DEADLINE_S = 120.0
POLL_S = 0.1
HASH_TAG = "template-sha256"
SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
LEFT_OUT = (
    "AWS::Serverless::",
    "AWS::Lambda::",
    "AWS::ApiGateway",
    "AWS::Logs::",
    "AWS::Events::",
    "AWS::CloudWatch::",
    "AWS::SES::",
)

MAIL_FROM = "billing@isp-billing.example"
SMS_SENDER = "ISPBilling"
# The platform's own tenant in the demo data, which sells plans to the others.
OPERATOR_SUBDOMAIN = "headquarters"
# On one machine everybody, tests and measurements too, comes from one address.
REQUESTS_PER_MINUTE = 60_000
# What the functions are told on one machine besides the template's own variables.
LOCAL_VARIABLES = {"COOKIE_SECURE": "false", "LOCAL_GATEWAYS": "on"}

JsonObject = dict[str, Any]


class StackError(Exception):
    """The resources could not be created; the message is one line for people."""

    code = "stack_failed"


def local_parameters(*, base_url: str, stage: str = "local") -> dict[str, str]:
    """The template's parameters for one machine; ``base_url`` without a slash at its end."""
    return {
        "Stage": stage,
        "MailFrom": MAIL_FROM,
        "PublicBaseUrl": base_url,
        "ConsoleOrigin": base_url,
        "PlatformSubdomain": OPERATOR_SUBDOMAIN,
        "SmsSender": SMS_SENDER,
        "RequestsPerMinute": str(REQUESTS_PER_MINUTE),
        "SandboxGateway": "on",
    }


def load_resources(path: Path) -> JsonObject:
    """The merge template as an object. Raises StackError where it is not readable."""
    try:
        template = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StackError(f"cannot read the resource definitions in {path}: {error}") from error
    if not isinstance(template, dict):
        raise StackError(f"{path} does not hold a template")
    return template


def function_variables(template: JsonObject) -> JsonObject:
    """Variable name to its expression, as the functions are given them."""
    function = template.get("Globals", {}).get("Function", {})
    variables: JsonObject = function.get("Environment", {}).get("Variables", {})
    return variables


def output_name(variable: str) -> str:
    """The output that carries a variable: CloudFormation allows letters and digits only."""
    return "Env" + "".join(part.capitalize() for part in variable.split("_"))


def local_template(template: JsonObject, *, given: Mapping[str, str]) -> JsonObject:
    """The part of the merge template that the engine creates, plain CloudFormation.

    Each function variable that is an expression becomes an output, except those ``given``:
    their values are known here and may refer to what is left out (the API's address).
    """
    kept = {
        name: dict(resource)
        for name, resource in template.get("Resources", {}).items()
        if not resource["Type"].startswith(LEFT_OUT)
    }
    for resource in kept.values():
        depends = resource.pop("DependsOn", [])
        depends = [depends] if isinstance(depends, str) else depends
        if depends := [name for name in depends if name in kept]:
            resource["DependsOn"] = depends
    outputs = {
        output_name(name): {"Value": expression}
        for name, expression in function_variables(template).items()
        if isinstance(expression, dict) and name not in given
    }
    sections = ("Parameters", "Mappings", "Conditions", "Rules", "Metadata")
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        **{name: template[name] for name in sections if name in template},
        "Resources": kept,
        "Outputs": outputs,
    }


def resolve_variables(
    template: JsonObject, *, outputs: Mapping[str, str], given: Mapping[str, str], endpoint: str
) -> dict[str, str]:
    """The functions' environment with every expression replaced by its value."""
    resolved: dict[str, str] = {}
    for name, value in function_variables(template).items():
        if name in given:
            continue
        if isinstance(value, dict):
            resolved[name] = _at_endpoint(outputs[output_name(name)], endpoint)
        elif isinstance(value, bool):
            resolved[name] = str(value).lower()
        else:
            resolved[name] = str(value)
    return {**resolved, **given}


def _at_endpoint(value: str, endpoint: str) -> str:
    """Queue URLs name the host and port of the engine that created them; it may have moved."""
    url = urlsplit(value)
    owner = url.path.strip("/").split("/")[0]
    if url.scheme == "http" and len(owner) == 12 and owner.isdigit():
        return url._replace(netloc=urlsplit(endpoint).netloc).geturl()
    return value


def ensure_stack(
    *,
    endpoint: str,
    template: JsonObject,
    parameters: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    stack_name: str = STACK_NAME,
) -> dict[str, str]:
    """Create the resources on the engine, or bring them up to date; change nothing otherwise.

    Returns the functions' environment. ``parameters`` that the template does not declare are
    passed over. Raises StackError.
    """
    given = given or {}
    declared = template.get("Parameters", {})
    chosen = {k: v for k, v in (parameters or {}).items() if k in declared}
    client = _client(endpoint)
    try:
        body = json.dumps(local_template(template, given=given), sort_keys=True)
        outputs = _apply(client, stack_name, body, chosen)
        _lock_buckets(client, _client(endpoint, "s3"), stack_name, template)
    except ClientError as error:
        raise StackError(f"resources were not created: {error}") from error
    return resolve_variables(template, outputs=outputs, given=given, endpoint=endpoint)


def _lock_buckets(client: Any, s3: Any, stack_name: str, template: JsonObject) -> None:
    """Give buckets their object lock: the engine's CloudFormation passes over it."""
    for name, resource in template.get("Resources", {}).items():
        lock = resource.get("Properties", {}).get("ObjectLockConfiguration")
        if resource["Type"] == "AWS::S3::Bucket" and lock:
            found = client.describe_stack_resource(StackName=stack_name, LogicalResourceId=name)
            bucket = found["StackResourceDetail"]["PhysicalResourceId"]
            s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)


def verify_sender(*, endpoint: str, address: str) -> None:
    """Let the engine send mail from ``address``: like SES, it takes verified senders only."""
    client = _client(endpoint, "sesv2")
    try:
        client.create_email_identity(EmailIdentity=address)
    except client.exceptions.AlreadyExistsException:
        return
    except ClientError as error:
        raise StackError(f"the sender of mail was not created: {error}") from error


def _client(endpoint: str, service: str = "cloudformation") -> Any:
    # The developer's own AWS profile (AWS_PROFILE, ~/.aws) has no say here.
    mute = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = boto3.session.Session(botocore_session=BotocoreSession(session_vars=mute))
    return session.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
        config=Config(retries={"max_attempts": 0}),
    )


def _apply(client: Any, name: str, body: str, parameters: Mapping[str, str]) -> dict[str, str]:
    digest = hashlib.sha256(json.dumps([body, dict(parameters)]).encode()).hexdigest()
    existing = _describe(client, name)
    if existing is None or _hash_of(existing) != digest:
        act = client.create_stack if existing is None else client.update_stack
        act(
            StackName=name,
            TemplateBody=body,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Tags=[{"Key": HASH_TAG, "Value": digest}],
        )
        existing = _await_settled(client, name, digest)
    return {o["OutputKey"]: o["OutputValue"] for o in existing.get("Outputs", [])}


def _hash_of(stack: Any) -> str | None:
    if stack["StackStatus"] not in SETTLED:
        return None
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    return tags.get(HASH_TAG)


def _describe(client: Any, name: str) -> Any:
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _await_settled(client: Any, name: str, digest: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        stack = _describe(client, name)
        if stack is not None and _hash_of(stack) == digest:
            return stack
        if stack is None or not stack["StackStatus"].endswith(("_IN_PROGRESS", *SETTLED)):
            raise StackError(f"resources were not created: {_first_failure(client, name)}")
        time.sleep(POLL_S)
    raise StackError(f"resources were not created within {DEADLINE_S:.0f} s")


def _first_failure(client: Any, name: str) -> str:
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return "the engine gave no reason"
    first = failed[-1]
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"
