"""What we rely on of the engine's DynamoDB; an upgrade of the engine shows here what changed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fixtures_engine import EngineHandle

THREADS = 8
INCREMENTS = 25
ABSENT = "attribute_not_exists(pk)"


@pytest.fixture
def db(engine: EngineHandle) -> Any:
    return engine.client("dynamodb")


@pytest.fixture
def table(db: Any) -> Iterator[str]:
    name = f"contract-{uuid.uuid4().hex}"
    db.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    yield name
    db.delete_table(TableName=name)


def key(pk: str, sk: str = "0") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(table: str, pk: str, sk: str = "0", **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": key(pk, sk), **more}}


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["sk"]["S"] for item in items]


def read(db: Any, table: str, pk: str, sk: str = "0") -> dict[str, Any] | None:
    found: dict[str, Any] = db.get_item(TableName=table, Key=key(pk, sk), ConsistentRead=True)
    return found.get("Item")


def refused(act: Callable[[], object]) -> ClientError:
    with pytest.raises(ClientError) as refusal:
        act()
    return refusal.value


# ---- transactions ------------------------------------------------------------------------


def test_a_transaction_writes_all_or_nothing(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item=key("taken"))
    actions = [put(table, f"new-{n}") for n in range(99)]
    actions.append(put(table, "taken", ConditionExpression=ABSENT))

    refused(lambda: db.transact_write_items(TransactItems=actions))

    assert read(db, table, "new-0") is None
    assert read(db, table, "new-98") is None

    db.transact_write_items(TransactItems=actions[:99])

    assert all(read(db, table, f"new-{n}") for n in (0, 50, 98))


def test_a_cancelled_transaction_names_the_reason_of_each_item(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item={**key("taken"), "who": {"S": "first"}})
    guarded = put(
        table,
        "taken",
        ConditionExpression=ABSENT,
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )

    error = refused(
        lambda: db.transact_write_items(TransactItems=[put(table, "a"), guarded, put(table, "b")])
    )

    assert error.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: list[dict[str, Any]] = error.response["CancellationReasons"]  # type: ignore[assignment]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"]["who"] == {"S": "first"}


def test_every_failed_condition_of_a_transaction_is_named(db: Any, table: str) -> None:
    for pk in ("x", "y"):
        db.put_item(TableName=table, Item=key(pk))
    actions = [put(table, pk, ConditionExpression=ABSENT) for pk in ("x", "free", "y")]

    error = refused(lambda: db.transact_write_items(TransactItems=actions))

    reasons: list[dict[str, Any]] = error.response["CancellationReasons"]  # type: ignore[assignment]
    assert [r["Code"] for r in reasons] == [
        "ConditionalCheckFailed",
        "None",
        "ConditionalCheckFailed",
    ]


def test_a_condition_check_takes_part_in_a_transaction(db: Any, table: str) -> None:
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": key("guard"),
            "ConditionExpression": "attribute_exists(pk)",
        }
    }

    refused(lambda: db.transact_write_items(TransactItems=[check, put(table, "a")]))
    db.put_item(TableName=table, Item=key("guard"))
    db.transact_write_items(TransactItems=[check, put(table, "a")])

    assert read(db, table, "a")


def test_a_transaction_takes_100_actions_and_each_item_once(db: Any, table: str) -> None:
    db.transact_write_items(TransactItems=[put(table, str(n)) for n in range(100)])

    too_many = refused(
        lambda: db.transact_write_items(TransactItems=[put(table, str(n)) for n in range(101)])
    )
    twice = refused(lambda: db.transact_write_items(TransactItems=[put(table, "a"), put(table, "a")]))

    assert too_many.response["Error"]["Code"] == "ValidationException"
    assert twice.response["Error"]["Code"] == "ValidationException"


def test_a_client_token_makes_a_repeat_a_no_op_and_a_changed_repeat_an_error(db: Any, table: str) -> None:
    token = uuid.uuid4().hex
    add = {
        "Update": {
            "TableName": table,
            "Key": key("counter"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }

    for _ in range(3):
        db.transact_write_items(TransactItems=[add], ClientRequestToken=token)
    changed = refused(
        lambda: db.transact_write_items(TransactItems=[put(table, "else")], ClientRequestToken=token)
    )

    item = read(db, table, "counter")
    assert item is not None
    assert item["n"] == {"N": "1"}
    assert changed.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_a_transaction_costs_two_write_units_a_kilobyte(db: Any, table: str) -> None:
    small = put(table, "small")
    large = put(table, "large")
    large["Put"]["Item"]["body"] = {"S": "x" * 2500}

    answer = db.transact_write_items(TransactItems=[small, large], ReturnConsumedCapacity="TOTAL")

    units = sum(each["CapacityUnits"] for each in answer["ConsumedCapacity"])
    assert units == 2 * (1 + 3)


# ---- conditional updates -----------------------------------------------------------------


def in_threads(work: Callable[[int], object]) -> list[object]:
    barrier = threading.Barrier(THREADS)

    def at_once(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(at_once, range(THREADS)))


def test_no_conditional_update_is_lost_under_threads(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item={**key("counter"), "n": {"N": "0"}})

    def add(_: int) -> None:
        done = 0
        while done < INCREMENTS:
            item = read(db, table, "counter")
            assert item is not None
            seen = int(item["n"]["N"])
            try:
                db.update_item(
                    TableName=table,
                    Key=key("counter"),
                    UpdateExpression="SET n = :next",
                    ConditionExpression="n = :seen",
                    ExpressionAttributeValues={":next": {"N": str(seen + 1)}, ":seen": {"N": str(seen)}},
                )
                done += 1
            except db.exceptions.ConditionalCheckFailedException:
                continue

    in_threads(add)

    item = read(db, table, "counter")
    assert item is not None
    assert item["n"] == {"N": str(THREADS * INCREMENTS)}


def test_exactly_one_of_many_wins_a_put_if_absent(db: Any, table: str) -> None:
    def claim(number: int) -> bool:
        item = {**key("subdomain"), "who": {"N": str(number)}}
        try:
            db.put_item(TableName=table, Item=item, ConditionExpression=ABSENT)
        except db.exceptions.ConditionalCheckFailedException:
            return False
        return True

    won = in_threads(claim)

    assert won.count(True) == 1
    item = read(db, table, "subdomain")
    assert item is not None
    assert item["who"] == {"N": str(won.index(True))}


def test_transactions_in_threads_take_a_number_series_without_gap_or_repeat(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item={**key("series"), "next": {"N": "1"}})

    def issue(worker: int) -> None:
        done = 0
        while done < 10:
            item = read(db, table, "series")
            assert item is not None
            number = int(item["next"]["N"])
            advance = {
                "Update": {
                    "TableName": table,
                    "Key": key("series"),
                    "UpdateExpression": "SET #next = :after",
                    "ConditionExpression": "#next = :seen",
                    "ExpressionAttributeNames": {"#next": "next"},
                    "ExpressionAttributeValues": {
                        ":seen": {"N": str(number)},
                        ":after": {"N": str(number + 1)},
                    },
                }
            }
            invoice = put(table, "invoice", f"{number:06}", ConditionExpression=ABSENT)
            try:
                db.transact_write_items(TransactItems=[advance, invoice])
                done += 1
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise

    in_threads(issue)

    issued = db.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "invoice"}},
    )["Items"]
    assert names(issued) == [f"{n:06}" for n in range(1, THREADS * 10 + 1)]


# ---- reading -----------------------------------------------------------------------------


@pytest.fixture
def listed(db: Any, table: str) -> str:
    """One partition with the sort keys a#000 to a#149 and b#000 to b#049, and a neighbour."""
    sort_keys = [f"a#{n:03}" for n in range(150)] + [f"b#{n:03}" for n in range(50)]
    for sk in reversed(sort_keys):
        db.put_item(TableName=table, Item=key("list", sk))
    db.put_item(TableName=table, Item=key("list2", "a#000"))
    return table


def query(db: Any, table: str, condition: str, values: dict[str, str], **more: Any) -> Any:
    return db.query(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        **more,
    )


def test_a_query_is_ordered_by_sort_key_both_ways(db: Any, listed: str) -> None:
    forward = names(query(db, listed, "pk = :p", {":p": "list"})["Items"])
    backward = names(query(db, listed, "pk = :p", {":p": "list"}, ScanIndexForward=False)["Items"])

    assert forward == sorted(forward)
    assert len(forward) == 200
    assert backward == forward[::-1]


def test_begins_with_and_between_select_by_sort_key(db: Any, listed: str) -> None:
    prefixed = query(db, listed, "pk = :p AND begins_with(sk, :s)", {":p": "list", ":s": "b#"})
    between = query(
        db,
        listed,
        "pk = :p AND sk BETWEEN :low AND :high",
        {":p": "list", ":low": "a#148", ":high": "b#001"},
    )

    assert names(prefixed["Items"]) == [f"b#{n:03}" for n in range(50)]
    assert names(between["Items"]) == ["a#148", "a#149", "b#000", "b#001"]


def test_pages_follow_one_another_without_gap_or_repeat(db: Any, listed: str) -> None:
    seen: list[str] = []
    more: dict[str, Any] = {}
    pages = 0
    while True:
        page = query(db, listed, "pk = :p", {":p": "list"}, Limit=30, **more)
        seen += names(page["Items"])
        pages += 1
        if "LastEvaluatedKey" not in page:
            break
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    assert pages == 7
    assert seen == sorted(set(seen))
    assert len(seen) == 200


def test_a_page_may_start_after_an_item_that_is_gone(db: Any, listed: str) -> None:
    db.delete_item(TableName=listed, Key=key("list", "a#009"))

    page = query(db, listed, "pk = :p", {":p": "list"}, Limit=2, ExclusiveStartKey=key("list", "a#009"))

    assert names(page["Items"]) == ["a#010", "a#011"]


def test_a_filter_counts_towards_the_limit_before_it_drops(db: Any, listed: str) -> None:
    values = {":p": "list", ":x": "1"}

    page = query(db, listed, "pk = :p", values, Limit=10, FilterExpression="absent_one = :x")

    assert page["Items"] == []
    assert page["ScannedCount"] == 10
    assert page["LastEvaluatedKey"] == key("list", "a#009")


def test_a_query_page_ends_at_one_megabyte(db: Any, table: str) -> None:
    for n in range(12):
        db.put_item(TableName=table, Item={**key("big", f"{n:02}"), "body": {"S": "x" * 100_000}})

    page = query(db, table, "pk = :p", {":p": "big"})

    assert len(page["Items"]) < 12
    assert "LastEvaluatedKey" in page


def test_a_batch_get_reads_100_items_consistently(db: Any, listed: str) -> None:
    keys = [key("list", f"a#{n:03}") for n in range(99)] + [key("list", "missing")]

    answer = db.batch_get_item(RequestItems={listed: {"Keys": keys, "ConsistentRead": True}})

    assert sorted(names(answer["Responses"][listed])) == [f"a#{n:03}" for n in range(99)]
    assert not answer["UnprocessedKeys"]


def test_an_expired_item_stays_readable_until_it_is_swept(db: Any, table: str) -> None:
    """Deletion by TTL lags on AWS too: readers and writers must filter by time themselves."""
    db.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    db.put_item(TableName=table, Item={**key("old"), "ttl": {"N": str(int(time.time()) - 3600)}})

    assert read(db, table, "old") is not None


def test_an_item_of_more_than_400_kb_is_refused(db: Any, table: str) -> None:
    item = {**key("huge"), "body": {"S": "x" * (400 * 1024 + 1)}}

    error = refused(lambda: db.put_item(TableName=table, Item=item))

    assert error.response["Error"]["Code"] == "ValidationException"
