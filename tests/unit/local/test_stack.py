from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.stack import (
    StackError,
    load_resources,
    local_template,
    resolve_variables,
)

ENDPOINT = "http://127.0.0.1:9999"


def template(**variables: Any) -> dict[str, Any]:
    return {
        "Parameters": {"Stage": {"Type": "String"}},
        "Globals": {"Function": {"Environment": {"Variables": variables}}},
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table", "DependsOn": ["Logs", "Queue"]},
            "Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "Function"},
            "Logs": {"Type": "AWS::Logs::LogGroup"},
            "Function": {"Type": "AWS::Serverless::Function"},
            "Api": {"Type": "AWS::Serverless::Api"},
            "Role": {"Type": "AWS::IAM::Role"},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm"},
        },
        "Outputs": {"Url": {"Value": {"Ref": "Api"}}},
    }


def test_what_runs_code_is_left_out_and_data_and_its_roles_stay() -> None:
    local = local_template(template(), given={})

    assert set(local["Resources"]) == {"Table", "Queue", "Role"}
    assert "Globals" not in local
    assert local["Parameters"] == {"Stage": {"Type": "String"}}


def test_dependencies_on_what_is_left_out_go_too() -> None:
    resources = local_template(template(), given={})["Resources"]

    assert resources["Table"]["DependsOn"] == ["Queue"]
    assert "DependsOn" not in resources["Queue"]


def test_the_merge_template_itself_stays_as_it_was() -> None:
    source = template(A={"Ref": "Table"})
    before = json.dumps(source)

    local_template(source, given={})

    assert json.dumps(source) == before


def test_each_expression_becomes_an_output_and_comes_back_as_its_variable() -> None:
    source = template(
        TENANTS_TABLE={"Ref": "Table"},
        BASE_URL={"Fn::Sub": "https://${Api}"},
        LEVEL="INFO",
        RETRIES=3,
        SECURE=True,
    )
    given = {"BASE_URL": "http://127.0.0.1:8000", "EXTRA": "1"}

    outputs = local_template(source, given=given)["Outputs"]
    resolved = resolve_variables(source, outputs={"EnvTenantsTable": "t-1"}, given=given, endpoint=ENDPOINT)

    assert outputs == {"EnvTenantsTable": {"Value": {"Ref": "Table"}}}
    assert resolved == {
        "TENANTS_TABLE": "t-1",
        "BASE_URL": "http://127.0.0.1:8000",
        "LEVEL": "INFO",
        "RETRIES": "3",
        "SECURE": "true",
        "EXTRA": "1",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://localhost:4566/000000000000/billing", f"{ENDPOINT}/000000000000/billing"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("arn:aws:kms:us-east-1:000000000000:key/1", "arn:aws:kms:us-east-1:000000000000:key/1"),
    ],
)
def test_queue_addresses_follow_the_engine_to_its_port(value: str, expected: str) -> None:
    resolved = resolve_variables(
        template(X={"Ref": "Queue"}), outputs={"EnvX": value}, given={}, endpoint=ENDPOINT
    )

    assert resolved == {"X": expected}


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_unreadable_definitions_are_one_clear_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "resources.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(StackError, match=r"resources\.json") as refusal:
        load_resources(path)

    assert "\n" not in str(refusal.value)
