"""What is deployed for backups: a bucket that nobody empties, and functions that reach no more."""

from __future__ import annotations

import json

from chalicelib.domain.backups import AGE_MAX, LOCKED_DAYS, Table
from chalicelib.jobs.restores import DRILL
from chalicelib.observability import BACKUP_AGE_METRIC, UNSOUND_METRIC
from chalicelib.store.restored_tables import EXPIRY, RECOVERY_DAYS, STREAM
from tests.architecture.test_resources import (
    EXCUSED,
    expiry_attribute,
    functions,
    private_bucket,
    read,
    recovery_days,
    resources,
    statements,
)


def test_backups_are_read_from_tables_in_use_and_restored_into_new_ones_alone() -> None:
    found = {one["Sid"]: one for name in EXCUSED for one, _ in statements(read(f"policy-{name}.json"))}
    assert found["ReadWholeTables"]["Action"] == ["dynamodb:DescribeTable", "dynamodb:Scan"]
    table = (
        "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}-restored-"
    )
    assert found["MakeAndFillNewTables"]["Resource"] == {"Fn::Sub": f"{table}*"}
    assert found["DeleteTablesOfDrills"]["Resource"] == {"Fn::Sub": f"{table}{DRILL}-*"}
    # A grant is made by the database for its own use of the key, and for nobody else's.
    assert found["EncryptNewTables"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    prefix = read("resources.json")["Globals"]["Function"]["Environment"]["Variables"]["RESTORED_PREFIX"]
    assert prefix == {"Fn::Sub": "${AWS::StackName}-restored"}


def test_nobody_deletes_backups_and_only_their_keeper_writes_them() -> None:
    writing = {
        (function, json.dumps(statement["Resource"]))
        for function in functions()
        for statement, actions in statements(read(f"policy-{function}.json"))
        if "BackupsBucket" in json.dumps(statement.get("Resource")) and "s3:PutObject" in actions
    }
    assert {function for function, _ in writing} == {"backup_keeper", "restore_driller"}
    [drills] = [resource for function, resource in writing if function == "restore_driller"]
    assert drills == json.dumps({"Fn::Sub": "${BackupsBucket.Arn}/drills/*"})
    for function in functions():
        for statement, actions in statements(read(f"policy-{function}.json")):
            if "BackupsBucket" in json.dumps(statement.get("Resource")):
                assert set(actions) <= {"s3:PutObject", "s3:GetObjectVersion", "s3:ListBucketVersions"}


def test_backups_are_private_encrypted_locked_and_end() -> None:
    bucket = private_bucket("BackupsBucket")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    lock = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert lock == {"Mode": "COMPLIANCE", "Days": LOCKED_DAYS}
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    # Nothing of a person who was erased, or of a company, is anywhere for longer than thirty days.
    ends = rule["ExpirationInDays"] + rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert LOCKED_DAYS < rule["ExpirationInDays"] < ends <= 30
    assert bucket["_"]["DeletionPolicy"] == "Retain"


def test_alarms_look_at_the_age_of_backups_and_at_restores_on_trial() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    age, unsound = alarms["BackupAgeAlarm"], alarms["RestoreUnsoundAlarm"]
    assert (age["MetricName"], age["Threshold"] * 3600) == (BACKUP_AGE_METRIC, AGE_MAX.total_seconds())
    assert age["TreatMissingData"] == "breaching"
    assert (unsound["MetricName"], unsound["Threshold"]) == (UNSOUND_METRIC, 0)


def test_restored_tables_are_furnished_as_those_in_use_are() -> None:
    tables = resources("AWS::DynamoDB::Table")
    for table, logical in ((Table.TENANTS, "TenantsTable"), (Table.PLATFORM, "PlatformTable")):
        assert expiry_attribute(tables[logical]) == EXPIRY.get(table)
        assert recovery_days(tables[logical]) == RECOVERY_DAYS
        assert tables[logical]["StreamSpecification"] == {"StreamViewType": STREAM}
        assert f"{logical}ThrottledAlarm" in resources("AWS::CloudWatch::Alarm")
