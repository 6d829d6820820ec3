"""The deployed stack is what the template says, and refuses what it does not allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.local.engine import Engine
from tests.e2e.client import Api
from tests.e2e.deployment import ROOT, Deployment

FUNCTIONS = {
    "APIHandler",
    "BillingPlanner",
    "BillingWorker",
    "ImportWorker",
    "ExportWorker",
    "MailWorker",
    "PrepaidExpirer",
    "CollectionKeeper",
    "PlanKeeper",
    "PolicyTeller",
    "PrivacyKeeper",
    "TenantKeeper",
    "KeyKeeper",
    "RetentionKeeper",
    "BackupKeeper",
    "RestoreDriller",
    "AuditSealer",
    "AuditAnchorer",
    "AuditVerifier",
}


@pytest.fixture(scope="module")
def stack(deployment: Deployment) -> dict[str, str]:
    """Logical to physical names of what was deployed."""
    assert deployment.outputs
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    listed = pages.paginate(StackName="isp-billing-e2e").search("StackResourceSummaries[]")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed}


def as_function(stack: dict[str, str], function: str, service: str) -> Any:
    """A client with the credentials of a function's role."""
    role = boto3.client("lambda").get_function_configuration(FunctionName=stack[function])["Role"]
    assumed = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    client: Any = boto3.client  # its types want a literal name
    return client(
        service,
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )


def test_the_api_answers_over_tls(anonymous: Api) -> None:
    health = anonymous.get("/v1/health")
    assert health.status == 200, health.text
    assert health.headers["content-type"] == "application/json"


def test_what_the_api_needs_is_within_its_rights(anonymous: Api) -> None:
    ready = anonymous.get("/v1/health?ready=true")
    assert ready.status == 200, ready.text
    assert set(ready.json["checks"].values()) == {"ok"}


def test_a_wrong_method_is_a_405_in_the_shape_of_the_api(anonymous: Api) -> None:
    refused = anonymous.call("DELETE", "/v1/health")
    assert refused.status == 405
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json["code"] == "method_not_allowed"
    assert refused.headers["allow"] == "GET"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1", "/v1/nothing/here", "/v1/health/x"])
def test_an_unknown_path_is_a_404_in_the_shape_of_the_api(anonymous: Api, method: str, path: str) -> None:
    unknown = anonymous.call(method, path)
    assert unknown.status == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    assert unknown.json["code"] == "not_found"
    assert unknown.json["message"] == "There is nothing at this address."


def test_head_and_preflights_reach_the_function(anonymous: Api) -> None:
    head = anonymous.call("HEAD", "/v1/health")
    assert (head.status, head.content) == (200, b"")
    preflight = anonymous.call("OPTIONS", "/v1/me", Origin="https://console.isp.example")
    assert (preflight.status, preflight.headers["allow"]) == (204, "GET")


def test_the_gateway_has_two_resources_whatever_the_number_of_routes(stack: dict[str, str]) -> None:
    found = boto3.client("apigateway").get_resources(restApiId=stack["RestAPI"])["items"]
    assert {one["path"] for one in found} == {"/", "/{proxy+}"}


def test_every_function_has_a_role_of_its_own(stack: dict[str, str]) -> None:
    client = boto3.client("lambda")
    roles = {client.get_function_configuration(FunctionName=stack[name])["Role"] for name in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)


def test_queues_start_their_workers_and_take_partial_answers(stack: dict[str, str]) -> None:
    mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 4
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert {stack[f"{kind}Worker"] for kind in ("Billing", "Import", "Export", "Mail")} == {
        mapping["FunctionArn"].rpartition(":")[2] for mapping in mappings
    }


@pytest.mark.parametrize(
    ("function", "service", "operation", "arguments"),
    [
        ("APIHandler", "dynamodb", "scan", {"TableName": "TenantsTable"}),
        ("APIHandler", "dynamodb", "delete_table", {"TableName": "EphemeralTable"}),
        ("APIHandler", "s3", "put_object", {"Bucket": "FilesBucket", "Key": "exports/t/forged.zip"}),
        ("APIHandler", "sqs", "receive_message", {"QueueUrl": "BillingQueue"}),
        ("BillingPlanner", "dynamodb", "query", {"TableName": "KeysTable"}),
        ("BillingPlanner", "kms", "generate_data_key", {"KeyId": "FieldKey", "KeySpec": "AES_256"}),
        ("BillingWorker", "s3", "get_object", {"Bucket": "FilesBucket", "Key": "imports/t/x"}),
        ("BillingWorker", "dynamodb", "put_item", {"TableName": "EphemeralTable", "Item": {}}),
        ("BillingWorker", "dynamodb", "delete_item", {"TableName": "KeysTable", "Key": {}}),
        ("ImportWorker", "sqs", "send_message", {"QueueUrl": "BillingQueue", "MessageBody": "{}"}),
        ("ExportWorker", "dynamodb", "delete_item", {"TableName": "TenantsTable", "Key": {}}),
        ("ExportWorker", "kms", "generate_data_key", {"KeyId": "FieldKey", "KeySpec": "AES_256"}),
        ("APIHandler", "s3", "put_object", {"Bucket": "AnchorsBucket", "Key": "anchors/t/forged.json"}),
        ("AuditSealer", "dynamodb", "delete_item", {"TableName": "TenantsTable", "Key": {}}),
        ("AuditSealer", "kms", "generate_data_key", {"KeyId": "FieldKey", "KeySpec": "AES_256"}),
        ("AuditAnchorer", "s3", "delete_object", {"Bucket": "AnchorsBucket", "Key": "anchors/t/1.json"}),
        ("AuditAnchorer", "dynamodb", "put_item", {"TableName": "TenantsTable", "Item": {}}),
        ("AuditVerifier", "dynamodb", "delete_item", {"TableName": "TenantsTable", "Key": {}}),
        ("AuditVerifier", "s3", "put_object", {"Bucket": "AnchorsBucket", "Key": "anchors/t/forged.json"}),
        ("AuditVerifier", "kms", "decrypt", {"KeyId": "FieldKey", "CiphertextBlob": b"x"}),
        ("BackupKeeper", "s3", "delete_object", {"Bucket": "BackupsBucket", "Key": "parts/2041-W20-1/1"}),
        ("BackupKeeper", "s3", "put_object", {"Bucket": "BackupsBucket", "Key": "drills/forged"}),
        ("BackupKeeper", "dynamodb", "put_item", {"TableName": "TenantsTable", "Item": {}}),
        ("BackupKeeper", "dynamodb", "scan", {"TableName": "KeysTable"}),
        ("RestoreDriller", "s3", "put_object", {"Bucket": "BackupsBucket", "Key": "parts/2041-W20-1/1"}),
        ("RestoreDriller", "dynamodb", "put_item", {"TableName": "TenantsTable", "Item": {}}),
        ("RestoreDriller", "dynamodb", "delete_table", {"TableName": "TenantsTable"}),
        ("PrepaidExpirer", "sqs", "send_message", {"QueueUrl": "BillingQueue", "MessageBody": "{}"}),
        ("CollectionKeeper", "dynamodb", "put_item", {"TableName": "PlatformTable", "Item": {}}),
        ("PrepaidExpirer", "dynamodb", "put_item", {"TableName": "PlatformTable", "Item": {}}),
    ],
)  # fmt: skip
def test_a_function_is_refused_what_its_policy_does_not_name(
    stack: dict[str, str], function: str, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    if service == "dynamodb" and "Key" in arguments:
        arguments |= {"Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
    if service == "dynamodb" and "Item" in arguments:
        arguments |= {"Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
    if operation == "query":
        arguments |= {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    named = {
        key: stack.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()
    }
    with pytest.raises(ClientError) as refused:
        getattr(as_function(stack, function, service), operation)(**named)
    assert "is not authorized to perform" in str(refused.value)


def test_a_function_reaches_tables_of_tenants_for_one_of_them_alone(stack: dict[str, str]) -> None:
    # Which keys the session then reaches, the engine does not look at: tests/security does.
    role = f"arn:aws:iam::000000000000:role/{stack['TenantRole']}"
    wanted: dict[str, Any] = {
        "TableName": stack["TenantsTable"],
        "Key": {"pk": {"S": "ten_1#T"}, "sk": {"S": "none"}},
    }
    tag = [{"Key": "tenant", "Value": "ten_1"}]

    with pytest.raises(ClientError, match="is not authorized to perform"):
        as_function(stack, "BillingWorker", "dynamodb").get_item(**wanted)
    sts = as_function(stack, "BillingWorker", "sts")
    with pytest.raises(ClientError, match="is not authorized to perform"):
        sts.assume_role(RoleArn=role, RoleSessionName="nobody")
    with pytest.raises(ClientError, match="is not authorized to perform"):
        as_function(stack, "BillingPlanner", "sts").assume_role(
            RoleArn=role, RoleSessionName="ten_1", Tags=tag
        )
    given = sts.assume_role(RoleArn=role, RoleSessionName="ten_1", Tags=tag)["Credentials"]
    session = boto3.client(
        "dynamodb",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert "Item" not in session.get_item(**wanted)
    with pytest.raises(ClientError, match="not authorized"):
        session.scan(TableName=stack["TenantsTable"])


def test_anchors_are_written_by_one_function_and_seen_by_another(stack: dict[str, str]) -> None:
    kept = {"Bucket": stack["AnchorsBucket"], "Key": "anchors/t/1.json", "Body": b"{}", "IfNoneMatch": "*"}
    as_function(stack, "AuditAnchorer", "s3").put_object(**kept)
    listed = as_function(stack, "APIHandler", "s3").list_object_versions(
        Bucket=stack["AnchorsBucket"], Prefix="anchors/t/"
    )
    assert [version["Key"] for version in listed["Versions"]] == ["anchors/t/1.json"]


def test_plain_http_is_refused_by_bucket_and_queue(stack: dict[str, str]) -> None:
    # The engine takes a proxy's word for the transport, as behind a load balancer.
    for service, operation, arguments in [
        ("s3", "get_object", {"Bucket": stack["FilesBucket"], "Key": "imports/t/x"}),
        ("sqs", "send_message", {"QueueUrl": stack["ImportQueue"], "MessageBody": "{}"}),
    ]:
        client = as_function(stack, "ImportWorker", service)
        client.meta.events.register("before-send", _say_plain_http)
        with pytest.raises(ClientError, match="explicit deny"):
            getattr(client, operation)(**arguments)


def _say_plain_http(request: Any, **_: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "http"


def test_the_schedules_start_their_functions(
    engine: Engine, stack: dict[str, str], eventually: Callable[[Callable[[], object]], object]
) -> None:
    rules = boto3.client("events").list_rules()["Rules"]
    shipped = json.loads((ROOT / "build" / "e2e" / "template.json").read_text())
    schedules = {
        "BillingPlanner": "rate(15 minutes)",
        "PrepaidExpirer": "rate(5 minutes)",
        "CollectionKeeper": "rate(10 minutes)",
        "PlanKeeper": "rate(1 hour)",
        "PolicyTeller": "rate(1 hour)",
        "PrivacyKeeper": "rate(1 hour)",
        "TenantKeeper": "rate(1 hour)",
        "KeyKeeper": "rate(1 day)",
        "RetentionKeeper": "rate(1 day)",
        "AuditSealer": "rate(1 minute)",
        "AuditAnchorer": "cron(10 0 * * ? *)",
        "AuditVerifier": "cron(40 0 * * ? *)",
        "BackupKeeper": "cron(25 * * * ? *)",
        "RestoreDriller": "cron(50 * * * ? *)",
    }
    for function, schedule in schedules.items():
        (event,) = shipped["Resources"][function]["Properties"]["Events"].values()
        assert event["Properties"]["Schedule"] == schedule
    assert len(rules) == len(schedules)
    assert {rule["State"] for rule in rules} == {"ENABLED"}

    told = {
        "billing-planner": "billing planned",
        "prepaid-expirer": "prepaid lines looked at",
        "audit-sealer": "audit logs sealed",
        "audit-anchorer": "audit chains anchored",
        "audit-verifier": "audit chains verified",
    }

    def worked(name: str, line: str) -> object:
        group = f"/aws/lambda/isp-billing-e2e/{name}"
        events = boto3.client("logs").filter_log_events(logGroupName=group)["events"]
        return [event for event in events if line in event["message"]]

    assert eventually(lambda: all(worked(name, line) for name, line in told.items()))
