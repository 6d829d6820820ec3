"""What the engine makes of policies on leading keys: why the tests have a guard of their own (tests/wall.py).

With ``auth`` the engine evaluates the policies of a role, and knows the session's tags. It does
not hand ``dynamodb:LeadingKeys`` to the evaluation: a condition on it holds of every request, and
a guard that it be there refuses every request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.local.engine import REGION, Engine
from tests.fixtures_engine import client_of

TABLE = "items"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringLike": {"aws:RequestTag/tenant": "ten_?*"}},
        }
    ],
}

Refused = Callable[..., bool]


@pytest.fixture(scope="module")
def url(engine_venv: Path) -> Iterator[str]:
    """An engine that enforces policies, with a table."""
    with Engine(engine_venv, auth=True) as running:
        client_of(running.url, "dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        client_of(running.url, "iam").create_role(
            RoleName="tenant", AssumeRolePolicyDocument=json.dumps(TRUST)
        )
        yield running.url


@pytest.fixture
def refused(url: str) -> Refused:
    """Whether a session of a tenant is refused a write, under a policy with the conditions."""

    def ask(conditions: dict[str, Any], *, pk: str) -> bool:
        allow = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*", "Condition": conditions}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        client_of(url, "iam").put_role_policy(RoleName="tenant", PolicyName="own", PolicyDocument=document)
        try:
            session(url, "ten_1").put_item(TableName=TABLE, Item={"pk": {"S": pk}})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return True
        return False

    return ask


def session(url: str, tenant: str) -> Any:
    """A client with the role's credentials for a tenant."""
    given = client_of(url, "sts").assume_role(
        RoleArn="arn:aws:iam::000000000000:role/tenant",
        RoleSessionName=tenant,
        DurationSeconds=900,
        Tags=[{"Key": "tenant", "Value": tenant}],
    )["Credentials"]
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def test_the_tag_of_a_session_decides(refused: Refused) -> None:
    assert not refused({"StringEquals": {"aws:PrincipalTag/tenant": "ten_1"}}, pk="ten_1#T")
    assert refused({"StringEquals": {"aws:PrincipalTag/tenant": "ten_2"}}, pk="ten_1#T")
    assert not refused({"Null": {"aws:PrincipalTag/tenant": "false"}}, pk="ten_1#T")


def test_what_a_role_does_not_allow_is_refused(url: str, refused: Refused) -> None:
    assert not refused({}, pk="ten_1#T")

    with pytest.raises(ClientError, match="AccessDenied"):
        session(url, "ten_1").scan(TableName=TABLE)


def test_fault_leading_keys_are_not_looked_at(refused: Refused) -> None:
    """AWS refuses the second; the engine has no leading keys, so that none differs."""
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/tenant}#*"]}}

    assert not refused(own, pk="ten_1#T")
    assert not refused(own, pk="ten_2#T")


def test_fault_a_guard_that_leading_keys_be_there_refuses_everything(refused: Refused) -> None:
    """AWS allows it: every request for an item has leading keys."""
    assert refused({"Null": {"dynamodb:LeadingKeys": "false"}}, pk="ten_1#T")


def test_a_session_without_the_tag_that_trust_asks_for_is_not_given(url: str) -> None:
    sts = client_of(url, "sts")

    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/tenant", RoleSessionName="nobody")
