"""What is deployed: every resource protected, every function with only the rights it needs."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from chalicelib.api.answering import SECURITY_HEADERS
from chalicelib.domain.audit_chain import UNSEALED_SECONDS_MAX
from chalicelib.domain.portal import CODE_LIFE
from chalicelib.observability import ANOMALIES_METRIC, METRICS_NAMESPACE, NOT_SENT_METRIC, UNSEALED_METRIC
from tests.architecture.code import ROOT, event_names, sources

PROBLEM_KEYS = {"type", "title", "status", "code", "message", "param", "request_id"}
# Lambda's own tracing has no resource to name.
ANY_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
# An SMS is published to a number, which is no resource: what can be said is to which it is not.
TO_NUMBERS = {"sns:Publish"}
TOPICS = {"Fn::Sub": "arn:${AWS::Partition}:sns:*:*:*"}
DATA_KEY = {"Fn::GetAtt": ["DataKey", "Arn"]}
FORBIDDEN_ACTIONS = {"dynamodb:Scan", "dynamodb:DeleteTable", "kms:CreateGrant", "kms:ScheduleKeyDeletion"}
# Statements that have one nevertheless: backups read whole tables, restores make, fill and delete new ones.
EXCUSED = {
    "backup_keeper": {"ReadWholeTables"},
    "restore_driller": {"EncryptNewTables", "MakeAndFillNewTables", "DeleteTablesOfDrills"},
}


@cache
def read(name: str) -> Any:
    return json.loads((ROOT / ".chalice" / name).read_text())


def resources(kind: str) -> dict[str, Any]:
    return {
        name: resource.get("Properties", {}) | {"_": resource}
        for name, resource in read("resources.json")["Resources"].items()
        if resource["Type"] == kind
    }


def functions() -> dict[str, Any]:
    found: dict[str, Any] = read("config.json")["stages"]["prod"]["lambda_functions"]
    return found


def statements(policy: Any) -> Iterator[Any]:
    for statement in policy["Statement"]:
        actions = statement["Action"]
        yield statement, [actions] if isinstance(actions, str) else actions


def too_wide(policy: Any) -> list[str]:
    """What a policy allows beyond named actions on named resources."""
    found = []
    for statement, actions in statements(policy):
        if set(actions) <= TO_NUMBERS and statement.get("NotResource") == TOPICS:
            continue
        named_any = statement["Resource"] == "*" and not set(actions) <= ANY_RESOURCE
        wild = [a for a in actions if "*" in a and a not in ("kms:GenerateDataKey*", "kms:ReEncrypt*")]
        if named_any or wild or set(actions) & FORBIDDEN_ACTIONS or statement["Effect"] != "Allow":
            found.append(statement["Sid"])
    return found


def test_every_handler_has_its_own_policy_and_resource() -> None:
    names = {"api_handler", *event_names(sources("app.py")[0])}
    assert names == set(functions())
    for name, settings in functions().items():
        assert settings["iam_policy_file"] == f"policy-{name}.json"
        logical = "APIHandler" if name == "api_handler" else name.title().replace("_", "")
        assert logical in resources("AWS::Serverless::Function")


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_may_do_no_more_than_it_needs(function: str) -> None:
    assert set(too_wide(read(f"policy-{function}.json"))) == EXCUSED.get(function, set())


def test_a_wide_policy_is_found() -> None:
    policy = copy.deepcopy(read("policy-billing_worker.json"))
    for action, resource in [("dynamodb:*", "x"), ("dynamodb:Scan", "x"), ("sqs:SendMessage", "*")]:
        policy["Statement"][3] |= {"Action": action, "Resource": resource}
        assert too_wide(policy), (action, resource)


def recovery_days(table: Any) -> int:
    """For how many days a table can be brought back; 0 where recovery is not on, whatever its period."""
    recovery = table.get("PointInTimeRecoverySpecification", {})
    return recovery["RecoveryPeriodInDays"] if recovery.get("PointInTimeRecoveryEnabled") is True else 0


def expiry_attribute(table: Any) -> str | None:
    """The attribute by which a table's items expire; None where nothing does."""
    expiry = table.get("TimeToLiveSpecification", {})
    return expiry["AttributeName"] if expiry.get("Enabled") is True else None


def test_tables_are_encrypted_protected_and_kept() -> None:
    tables = resources("AWS::DynamoDB::Table")
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["SSESpecification"] == {
            "SSEEnabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": DATA_KEY,
        }
        assert table["DeletionProtectionEnabled"] is True
        assert table["_"]["DeletionPolicy"] == table["_"]["UpdateReplacePolicy"] == "Retain"
    # Longer would keep what was erased; a destroyed key must not come back at all.
    recovery = {name: recovery_days(table) for name, table in tables.items()}
    assert recovery == {"TenantsTable": 7, "PlatformTable": 7, "KeysTable": 1, "EphemeralTable": 0}


def test_rows_of_imports_sessions_and_tokens_expire() -> None:
    expiry = {name: expiry_attribute(table) for name, table in resources("AWS::DynamoDB::Table").items()}
    # The attribute is the one that the items of store/imports.py, sessions.py and tokens.py have.
    assert expiry == {
        "TenantsTable": "ttl",
        "PlatformTable": None,
        "KeysTable": None,
        "EphemeralTable": "ttl",
    }


def private_bucket(name: str) -> Any:
    """A bucket that nobody outside reads, encrypted with our key."""
    bucket = resources("AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": DATA_KEY}
    return bucket


def test_anchors_are_private_encrypted_and_locked() -> None:
    bucket = private_bucket("AnchorsBucket")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    # In compliance mode nobody shortens or lifts the lock, not even the account's root.
    assert bucket["ObjectLockConfiguration"]["Rule"] == {
        "DefaultRetention": {"Mode": "COMPLIANCE", "Years": 7}
    }
    assert "LifecycleConfiguration" not in bucket
    assert bucket["_"]["DeletionPolicy"] == "Retain"


def test_only_the_anchorer_writes_anchors_and_nobody_deletes_them() -> None:
    allowed = {
        (function, action)
        for function in functions()
        for statement, actions in statements(read(f"policy-{function}.json"))
        for action in actions
        if "AnchorsBucket" in json.dumps(statement.get("Resource"))
    }
    assert allowed == {
        ("audit_anchorer", "s3:PutObject"),
        ("api_handler", "s3:ListBucketVersions"),
        ("audit_verifier", "s3:ListBucketVersions"),
        ("tenant_keeper", "s3:PutObject"),
    }
    [keeping] = [
        statement["Resource"]
        for statement, _ in statements(read("policy-tenant_keeper.json"))
        if "AnchorsBucket" in json.dumps(statement["Resource"])
    ]
    assert keeping == {"Fn::Sub": "${AnchorsBucket.Arn}/certificates/*"}  # and no anchor


def test_copies_of_what_is_held_are_the_keepers_alone_who_writes_no_other_file() -> None:
    allowed = {
        (function, action)
        for function in functions()
        for statement, actions in statements(read(f"policy-{function}.json"))
        for action in actions
        if any(
            f"FilesBucket.Arn}}/{held}*" in json.dumps(statement.get("Resource")) for held in ("held/", "")
        )
    }
    assert allowed == {
        ("tenant_keeper", action)
        for action in (
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:GetObject",
            "s3:PutObject",
        )
    }
    [writing] = [
        statement["Resource"]
        for statement, actions in statements(read("policy-tenant_keeper.json"))
        if "s3:PutObject" in actions and "FilesBucket" in json.dumps(statement["Resource"])
    ]
    assert writing == {"Fn::Sub": "${FilesBucket.Arn}/held/*"}


def test_every_bucket_is_known() -> None:
    assert set(resources("AWS::S3::Bucket")) == {"FilesBucket", "AnchorsBucket", "BackupsBucket"}


def test_the_alarm_for_unsealed_entries_is_at_their_bound() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["AuditUnsealedAlarm"]
    assert (alarm["MetricName"], alarm["Threshold"]) == (UNSEALED_METRIC, UNSEALED_SECONDS_MAX)
    assert alarm["TreatMissingData"] == "breaching"  # a sealer that is silent seals nothing


def test_an_alarm_looks_at_anomalies() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["AnomaliesAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (METRICS_NAMESPACE, ANOMALIES_METRIC)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_an_alarm_looks_at_messages_that_were_not_sent() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["MessagesNotSentAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (METRICS_NAMESPACE, NOT_SENT_METRIC)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_the_alarm_for_waiting_mails_rings_while_their_codes_live() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["MailWaitsAlarm"]
    assert alarm["Threshold"] <= CODE_LIFE.total_seconds()


def test_every_schedule_has_an_alarm_for_its_silence() -> None:
    alarms = resources("AWS::CloudWatch::Alarm").values()
    silent = [alarm["Dimensions"] for alarm in alarms if alarm["TreatMissingData"] == "breaching"]
    watched = {dimension["Value"]["Ref"] for dimensions in silent for dimension in dimensions}
    schedules = {name for name in functions() if not name.endswith(("_handler", "_worker"))}
    # AuditUnsealedAlarm tells of a sealer that makes no pass.
    names = {"".join(map(str.capitalize, name.split("_"))) for name in schedules - {"audit_sealer"}}
    assert len(names) == 13
    assert names <= watched


def test_files_are_private_encrypted_and_expire() -> None:
    bucket = private_bucket("FilesBucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert days == {"documents/": 1, "exports/": 7, "held/": 30, "imports/": 7, "vouchers/": 1}
    (abandoned,) = [rule for rule in rules if "Prefix" not in rule]
    assert abandoned["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "VersioningConfiguration" not in bucket  # a deleted file is to be gone


def test_buckets_and_queues_refuse_plain_http() -> None:
    policies = [*resources("AWS::S3::BucketPolicy").values(), *resources("AWS::SQS::QueuePolicy").values()]
    guarded = {json.dumps(p.get("Bucket") or p["Queues"][0]) for p in policies}
    for name in [*resources("AWS::S3::Bucket"), *resources("AWS::SQS::Queue")]:
        assert json.dumps({"Ref": name}) in guarded
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_queues_have_dead_letters_and_outlast_their_function() -> None:
    queues = resources("AWS::SQS::Queue")
    for name in [name for name in queues if name.endswith("Queue")]:
        kind = name.removesuffix("Queue")
        assert queues[name]["RedrivePolicy"]["deadLetterTargetArn"] == {
            "Fn::GetAtt": [f"{kind}DeadLetters", "Arn"]
        }
        timeout = functions()[f"{kind.lower()}_worker"]["lambda_timeout"]
        assert queues[name]["VisibilityTimeout"] > timeout
        assert f"{kind}DeadLettersAlarm" in resources("AWS::CloudWatch::Alarm")
        assert queues[name]["KmsMasterKeyId"] == DATA_KEY
        assert queues[f"{kind}DeadLetters"]["KmsMasterKeyId"] == DATA_KEY


def test_keys_rotate_and_are_kept() -> None:
    for key in resources("AWS::KMS::Key").values():
        assert key["EnableKeyRotation"] is True
        assert key["_"]["DeletionPolicy"] == "Retain"


def test_log_groups_expire_and_are_encrypted() -> None:
    groups = resources("AWS::Logs::LogGroup")
    used = {f["LoggingConfig"]["LogGroup"]["Ref"] for f in resources("AWS::Serverless::Function").values()}
    assert used == set(groups)
    for group in groups.values():
        assert "RetentionInDays" in group
        assert group["KmsKeyId"] == DATA_KEY


def test_a_function_adds_to_its_own_log_and_no_more() -> None:
    for name, function in functions().items():
        allowed = [
            (statement["Resource"], action)
            for statement, actions in statements(read(function["iam_policy_file"]))
            for action in actions
            if action.startswith("logs:")
        ]
        assert {action for _, action in allowed} == {"logs:CreateLogStream", "logs:PutLogEvents"}, name
        logs = "Api" if name == "api_handler" else name.title().replace("_", "")
        assert all(resource == {"Fn::Sub": f"${{{logs}Logs.Arn}}"} for resource, _ in allowed), name


def test_the_gateway_keeps_neither_answers_nor_addresses() -> None:
    api = resources("AWS::Serverless::Api")["RestAPI"]

    assert not api.keys() & {"AccessLogSetting", "CacheClusterEnabled", "CacheClusterSize"}
    for setting in api["MethodSettings"]:
        assert not setting.keys() & {"CachingEnabled", "DataTraceEnabled", "LoggingLevel"}


def test_the_gateway_answers_in_the_shape_of_the_api() -> None:
    responses = resources("AWS::Serverless::Api")["RestAPI"]["GatewayResponses"]
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"] == 404
    for response in responses.values():
        problem = json.loads(response["ResponseTemplates"]["application/json"])
        assert set(problem) == PROBLEM_KEYS
        assert problem["status"] == response["StatusCode"]
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'"
        for name in SECURITY_HEADERS.keys() - {"Vary"}:  # which is of what depends on the origin
            assert headers[name].strip("'"), name
            # An empty list of sources is none, and needs no quotes within the gateway's.
            expected = SECURITY_HEADERS[name].replace(" 'none'", "")
            assert headers[name] == f"'{expected}'"


def test_settings_read_no_variable_that_is_not_deployed() -> None:
    given = set(read("resources.json")["Globals"]["Function"]["Environment"]["Variables"])
    required = {
        node.args[0].value
        for node in ast.walk(sources("chalicelib/config.py")[0].tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "required"
        and isinstance(node.args[0], ast.Constant)
    }
    assert required
    assert required <= given


def test_the_tenant_role_is_held_to_its_tag_and_never_scans() -> None:
    [role] = resources("AWS::IAM::Role").values()
    [policy] = role["Policies"]
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/tenant}#*"]}}
    present = {"Null": {"aws:PrincipalTag/tenant": "false", "dynamodb:LeadingKeys": "false"}}
    found = {one["Sid"]: one for one, _ in statements(policy["PolicyDocument"])}
    for sid in ("UseOwnItems", "UseOwnKeys"):
        assert found[sid]["Condition"] == own | present
    for statement, actions in statements(policy["PolicyDocument"]):
        if statement["Effect"] == "Allow" and actions[0].startswith("dynamodb:"):
            assert statement["Condition"]["Null"] == present["Null"]
            assert not any("*" in action or "Scan" in action for action in actions)
    assert found["NeverScan"]["Effect"] == "Deny"
    assert found["NeverScan"]["Action"] == ["dynamodb:Scan", "dynamodb:PartiQL*"]


def test_the_tenant_role_is_taken_on_with_one_tag_by_functions_alone() -> None:
    [role] = resources("AWS::IAM::Role").values()
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringLike"] == {"aws:RequestTag/tenant": "ten_?*"}
    assert trust["Condition"]["ForAllValues:StringEquals"] == {"aws:TagKeys": ["tenant"]}
    assert "role/${AWS::StackName}-*" in trust["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"]


def test_only_what_visits_every_tenant_works_for_them_by_its_own_role() -> None:
    off = {
        name for name, one in functions().items() if "TENANT_ROLE_ARN" in one.get("environment_variables", {})
    }
    stewards = {"billing_planner", "audit_sealer", "audit_anchorer", "audit_verifier"}
    assert off == stewards | {"backup_keeper", "restore_driller"}
    for name in functions():
        acts = any("sts:AssumeRole" in actions for _, actions in statements(read(f"policy-{name}.json")))
        assert acts is (name not in off), name


def test_no_role_of_a_function_reaches_tables_of_tenants_without_leading_keys() -> None:
    for name in functions():
        for statement, actions in statements(read(f"policy-{name}.json")):
            tables = [one for one in statement.get("Resource", []) if isinstance(one, dict)]
            named = {one["Fn::GetAtt"][0] for one in tables if "Fn::GetAtt" in one}
            if statement["Sid"] in {"ReadWholeTables", "ReadWhatIsChanged"}:
                assert (name, named) == ("backup_keeper", {"TenantsTable", "PlatformTable"})
                continue
            if actions[0].startswith("dynamodb:") and named & {"TenantsTable", "KeysTable"}:
                assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}, (name, statement)
