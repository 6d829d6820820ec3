"""The engine as a process: what survives a clean end and a hard kill, and that nothing is left."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.engine import Engine, EngineError, EngineMissingError, PortInUseError, answers
from chalicelib.local.mailbox import read_mailbox
from chalicelib.local.stack import (
    LOCAL_VARIABLES,
    RESOURCES_PATH,
    ensure_stack,
    load_resources,
    local_parameters,
)
from tests.fixtures_engine import ROOT, client_of

NEVER_S = 3600.0
TABLE = "contract"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def write(url: str, pk: str, body: str = "") -> None:
    item = {"pk": {"S": pk}, "body": {"S": body}}
    client_of(url, "dynamodb").put_item(TableName=TABLE, Item=item)


def holds(url: str, pk: str) -> bool:
    found = client_of(url, "dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": pk}})
    return "Item" in found


def fill(url: str) -> dict[str, Any]:
    """Something in every service that we use; returns how to recognise it."""
    client_of(url, "dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    write(url, "kept")
    sqs, kms, s3 = (client_of(url, name) for name in ("sqs", "kms", "s3"))
    queue = sqs.create_queue(QueueName="contract")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="waiting")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket="contract")
    s3.put_object(Bucket="contract", Key="exports/a b.zip", Body=b"zip")
    ses = client_of(url, "sesv2")
    ses.create_email_identity(EmailIdentity="contract.example")
    content = {"Simple": {"Subject": {"Data": "kept"}, "Body": {"Text": {"Data": "t"}}}}
    ses.send_email(
        FromEmailAddress="a@contract.example",
        Destination={"ToAddresses": ["b@isp.example"]},
        Content=content,
    )
    return {"blob": kms.encrypt(KeyId=key_id, Plaintext=b"secret")["CiphertextBlob"]}


def assert_filled(url: str, known: dict[str, Any]) -> None:
    assert holds(url, "kept")
    sqs = client_of(url, "sqs")
    queue = sqs.get_queue_url(QueueName="contract")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)["Messages"]
    assert [m["Body"] for m in messages] == ["waiting"]
    assert client_of(url, "kms").decrypt(CiphertextBlob=known["blob"])["Plaintext"] == b"secret"
    body = client_of(url, "s3").get_object(Bucket="contract", Key="exports/a b.zip")["Body"]
    assert body.read() == b"zip"
    assert [mail.subject for mail in read_mailbox(url)] == ["kept"]


def test_everything_survives_a_clean_end(engine_venv: Path, state: Path) -> None:
    with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
        known = fill(engine.url)
        assert engine.stop()

    with Engine(engine_venv, state) as engine:
        assert_filled(engine.url, known)


def test_a_hard_kill_loses_what_came_after_the_checkpoint_and_no_more(engine_venv: Path, state: Path) -> None:
    with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
        known = fill(engine.url)
        engine.checkpoint()
        write(engine.url, "after")
        engine.kill()

    with Engine(engine_venv, state) as engine:
        assert_filled(engine.url, known)
        assert not holds(engine.url, "after")


def test_a_write_is_checkpointed_by_itself_and_reads_are_not(engine_venv: Path, state: Path) -> None:
    current = state / "checkpoints" / "current"
    with Engine(engine_venv, state, checkpoint_interval_s=0.2) as engine:
        fill(engine.url)
        time.sleep(1.0)
        settled = current.read_text()
        assert holds(engine.url, "kept")
        time.sleep(0.8)
        assert current.read_text() == settled
        write(engine.url, "more")
        time.sleep(1.0)
        assert current.read_text() != settled
        engine.kill()

    with Engine(engine_venv, state) as engine:
        assert holds(engine.url, "more")


def test_a_kill_amid_a_checkpoint_leaves_the_last_one_whole(engine_venv: Path, state: Path) -> None:
    """Some ten kills at different moments of writing; each start finds a whole checkpoint."""
    with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
        known = fill(engine.url)
        for n in range(300):
            write(engine.url, f"bulk-{n}", "x" * 20_000)
        engine.checkpoint()
    for attempt in range(10):
        with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
            write(engine.url, f"attempt-{attempt}")
            os.kill(engine.pid, signal.SIGUSR1)
            time.sleep(0.012 * attempt)
            engine.kill()

    with Engine(engine_venv, state) as engine:
        assert_filled(engine.url, known)
        assert all(holds(engine.url, f"bulk-{n}") for n in range(0, 300, 50))
    assert len([p for p in (state / "checkpoints").iterdir() if p.is_dir()]) <= 12


needs_limits = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="no limits of other processes here"
)


def limit_files(pid: int, bytes_max: int | None) -> None:
    """Let a process write so many bytes into a file and no more, as on a full disk; None: as ever."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if bytes_max is None else bytes_max, hard))


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_limits
def test_a_checkpoint_that_cannot_be_written_leaves_nothing_and_is_tried_again(
    engine_venv: Path, state: Path
) -> None:
    with Engine(engine_venv, state, checkpoint_interval_s=0.2) as engine:
        fill(engine.url)
        engine.checkpoint()
        before = set((state / "checkpoints").iterdir())
        limit_files(engine.pid, 1)
        write(engine.url, "late")

        wait_until(lambda: engine.unsaved)

        assert engine.unsaved == "File too large"
        # An older checkpoint may have been removed since.
        wait_until(lambda: set((state / "checkpoints").iterdir()) <= before)
        with pytest.raises(EngineError, match="File too large"):
            engine.checkpoint()
        limit_files(engine.pid, None)
        wait_until(lambda: engine.unsaved is None)
        engine.kill()

    with Engine(engine_venv, state) as engine:
        assert holds(engine.url, "late")


@needs_limits
def test_an_end_that_could_not_save_is_no_clean_end(engine_venv: Path, state: Path) -> None:
    with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
        fill(engine.url)
        engine.checkpoint()
        before = set((state / "checkpoints").iterdir())
        write(engine.url, "late")
        limit_files(engine.pid, 1)

        assert not engine.stop()

        assert engine.unsaved == "File too large"
        assert set((state / "checkpoints").iterdir()) == before

    with Engine(engine_venv, state) as engine:
        assert holds(engine.url, "kept")
        assert not holds(engine.url, "late")
        assert engine.stop()
        assert engine.unsaved is None


def test_what_a_killed_checkpoint_left_is_gone_after_the_next_start(engine_venv: Path, state: Path) -> None:
    with Engine(engine_venv, state) as engine:
        fill(engine.url)
    torn = state / "checkpoints" / f"{time.time_ns():020d}-1"
    torn.mkdir()
    (torn / "dynamodb.json").write_text("{")

    with Engine(engine_venv, state, checkpoint_interval_s=NEVER_S) as engine:
        assert holds(engine.url, "kept")
        assert not torn.exists()


def test_a_checkpoint_is_one_moment_of_all_services(engine_venv: Path, state: Path) -> None:
    """All the while a row is written before the message that names it.

    After a kill no message may be there without its row.
    """
    stop = threading.Event()
    with Engine(engine_venv, state, checkpoint_interval_s=0.05) as engine:
        fill(engine.url)
        sqs, url = client_of(engine.url, "sqs"), engine.url
        queue = sqs.create_queue(QueueName="named")["QueueUrl"]

        def produce() -> None:
            number = 0
            while not stop.is_set():
                write(url, f"row-{number}")
                sqs.send_message(QueueUrl=queue, MessageBody=f"row-{number}")
                number += 1

        producer = threading.Thread(target=produce)
        producer.start()
        time.sleep(1.5)
        stop.set()
        producer.join()
        engine.kill()

    with Engine(engine_venv, state) as engine:
        sqs = client_of(engine.url, "sqs")
        queue = sqs.get_queue_url(QueueName="named")["QueueUrl"]
        named = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            named += [message["Body"] for message in messages]
        assert named
        assert all(holds(engine.url, row) for row in named)


def test_a_schedule_fires_into_a_queue(engine_venv: Path, state: Path) -> None:
    """A rate first fires one period after its rule was made, so its age is set back on disk."""
    with Engine(engine_venv, state) as engine:
        sqs, events = client_of(engine.url, "sqs"), client_of(engine.url, "events")
        sqs.create_queue(QueueName="fired")
        events.put_rule(Name="contract", ScheduleExpression="rate(1 minute)")
        arn = "arn:aws:sqs:us-east-1:000000000000:fired"
        events.put_targets(Rule="contract", Targets=[{"Id": "queue", "Arn": arn}])
    saved = state / "checkpoints" / (state / "checkpoints" / "current").read_text()
    rules = saved / "eventbridge.json"
    aged = json.loads(
        rules.read_text(), object_hook=lambda o: {**o, "CreationTime": 1} if "CreationTime" in o else o
    )
    rules.write_text(json.dumps(aged))

    with Engine(engine_venv, state) as engine:
        sqs = client_of(engine.url, "sqs")
        queue = sqs.get_queue_url(QueueName="fired")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", [])

    event = json.loads(messages[0]["Body"])
    assert event["source"] == "aws.events"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"][0].endswith("rule/contract")


def test_resources_are_created_once_and_found_again(engine_venv: Path, state: Path) -> None:
    template = load_resources(ROOT / RESOURCES_PATH)
    parameters = local_parameters(base_url="http://127.0.0.1:8000")

    def ensure(url: str) -> dict[str, str]:
        return ensure_stack(endpoint=url, template=template, parameters=parameters, given=LOCAL_VARIABLES)

    with Engine(engine_venv, state) as engine:
        first = ensure(engine.url)
        assert ensure(engine.url) == first
    with Engine(engine_venv, state) as engine:
        again = ensure(engine.url)
        queue = again["BILLING_QUEUE_URL"]
        client_of(engine.url, "sqs").send_message(QueueUrl=queue, MessageBody="x")

    moved = {name for name in first if first[name] != again[name]}
    assert all(name.endswith("_QUEUE_URL") for name in moved)  # they name the engine's port
    assert first["STAGE"] == "local"


# ---- the process -------------------------------------------------------------------------


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_one_clear_line(engine_venv: Path, busy_port: int) -> None:
    with pytest.raises(PortInUseError) as refusal:
        Engine(engine_venv, port=busy_port).start()

    assert str(busy_port) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_environment_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError, match="make setup"):
        Engine(tmp_path / "nothing").start()


def test_it_listens_on_the_loopback_interface_only(engine_venv: Path) -> None:
    with Engine(engine_venv) as engine:
        bound = subprocess.run(["ss", "-ltnH"], check=False, capture_output=True, text=True).stdout
        listening = [line.split()[3] for line in bound.splitlines() if f":{engine.port} " in line]
        assert listening in ([f"127.0.0.1:{engine.port}"], [])  # [] where there is no ss


def test_the_engine_ends_with_its_owner(engine_venv: Path) -> None:
    """The owner is killed hard; the engine notices, and ends by itself."""
    script = (
        "import sys, time; from pathlib import Path; from chalicelib.local.engine import Engine\n"
        f"engine = Engine(Path({str(engine_venv)!r})).start()\n"
        "print(engine.url, engine.scratch, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    url, scratch = owner.stdout.readline().split()
    assert answers(url)

    owner.kill()
    owner.wait()
    owner.stdout.close()

    deadline = time.monotonic() + 10
    while (answers(url) or Path(scratch).exists()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(url)
    assert not Path(scratch).exists()
