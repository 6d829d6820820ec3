"""Deploy ``build/package`` as a CloudFormation stack: create it, or bring it up to date.

Credentials, region and (for the embedded engine) the endpoint come from the environment as for
any AWS tool. Prints the stack's outputs as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

ROOT = Path(__file__).resolve().parent.parent
POLL_S = 2
WAIT_S_MAX = 3600
CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
NO_CHANGES = ("The submitted information didn't contain changes", "No updates are to be performed")


class DeployError(Exception):
    """The stack was not deployed; the message is for people."""


def main() -> int:
    """Deploy and print the outputs; 1 with the first reason when it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, help="name of the deployment, for example prod")
    parser.add_argument("--bucket", required=True, help="existing bucket for the zip and the template")
    parser.add_argument("--package", type=Path, default=ROOT / "build" / "package")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="parameters of the template")
    options = parser.parse_args()
    parameters = dict(pair.split("=", 1) for pair in options.parameters)
    try:
        outputs = deploy(
            stack=f"isp-billing-{options.stage}",
            bucket=options.bucket,
            package=options.package,
            parameters={"Stage": options.stage, **parameters},
        )
    except (DeployError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    print(json.dumps(outputs, indent=1, sort_keys=True))
    return 0


def deploy(*, stack: str, bucket: str, package: Path, parameters: dict[str, str]) -> dict[str, str]:
    """Bring the stack to the package and the parameters given; others keep their value."""
    client = boto3.client("cloudformation")
    existing = describe(client, stack)
    if existing is not None and existing["StackStatus"] == "REVIEW_IN_PROGRESS":
        existing = None
    template_url = upload(stack=stack, bucket=bucket, package=package)
    kept = {p["ParameterKey"] for p in existing.get("Parameters", [])} if existing else set()
    declared = json.loads((package / "template.json").read_text())["Parameters"]
    given: Any = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
    given += [
        {"ParameterKey": k, "UsePreviousValue": True} for k in sorted(kept & set(declared) - set(parameters))
    ]
    change_set = f"deploy-{int(time.time())}"
    client.create_change_set(
        StackName=stack,
        ChangeSetName=change_set,
        ChangeSetType="UPDATE" if existing else "CREATE",
        TemplateURL=template_url,
        Parameters=given,
        Capabilities=CAPABILITIES,
    )
    if await_change_set(client, stack, change_set):
        client.execute_change_set(StackName=stack, ChangeSetName=change_set)
        await_stack(client, stack, "stack_update_complete" if existing else "stack_create_complete")
    described = describe(client, stack)
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def upload(*, stack: str, bucket: str, package: Path) -> str:
    """Put the zip and the template that names it into the bucket; the template's URL."""
    s3 = boto3.client("s3")
    code = (package / "deployment.zip").read_bytes()
    code_key = f"{stack}/{hashlib.sha256(code).hexdigest()}.zip"
    s3.put_object(Bucket=bucket, Key=code_key, Body=code)
    template = json.loads((package / "template.json").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    text = json.dumps(template).encode()
    template_key = f"{stack}/{hashlib.sha256(text).hexdigest()}.json"
    s3.put_object(Bucket=bucket, Key=template_key, Body=text)
    return f"{s3.meta.endpoint_url}/{bucket}/{template_key}"


def describe(client: Any, stack: str) -> Any:
    """The stack as CloudFormation describes it, or None where there is none."""
    try:
        return client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def await_change_set(client: Any, stack: str, change_set: str) -> bool:
    """Wait for the change set; whether there is anything to change."""
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        state = client.describe_change_set(StackName=stack, ChangeSetName=change_set)
        if state["Status"] == "CREATE_COMPLETE":
            return True
        if state["Status"] == "FAILED":
            reason = state.get("StatusReason", "no reason given")
            if any(text in reason for text in NO_CHANGES):
                client.delete_change_set(StackName=stack, ChangeSetName=change_set)
                return False
            raise DeployError(f"the change set failed: {reason}")
        time.sleep(POLL_S)
    raise DeployError("the change set was not ready in time")


def await_stack(client: Any, stack: str, waiter: str) -> None:
    """Wait until the stack stands. Raises DeployError with the first resource that failed."""
    try:
        client.get_waiter(waiter).wait(
            StackName=stack, WaiterConfig={"Delay": POLL_S, "MaxAttempts": WAIT_S_MAX // POLL_S}
        )
    except WaiterError as error:
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in failed]
        raise DeployError(reasons[-1] if reasons else str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
