"""FIFO queues, move tasks and permissions of the embedded cloud, over JSON and over Query."""

import json
import sqlite3
import time

import pytest
from cloud import cloud, code_of, sqs
from conftest import wait_for


def make(sqs, name="jobs.fifo", **attributes):
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    return sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in attributes.items()})["QueueUrl"]


def arn(url):
    return "arn:aws:sqs:us-east-1:123456789012:" + url.rsplit("/", 1)[1]


def send(sqs, url, body, group="g", **more):
    more.setdefault("MessageDeduplicationId", "of-" + body)
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)


def receive(sqs, url, most=10, **options):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **options).get("Messages", [])


def bodies(messages):
    return [m["Body"] for m in messages]


def delete(sqs, url, m):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])


def test_a_group_keeps_its_order_and_blocks_until_its_first_is_gone(sqs):
    url = make(sqs)
    sent = [send(sqs, url, b, b[0]) for b in ("a1", "a2", "a3", "b1")]
    numbers = [s["SequenceNumber"] for s in sent]
    assert numbers == sorted(numbers) and all(len(n) == 20 for n in numbers)

    first = receive(sqs, url, 2, AttributeNames=["All"])
    assert bodies(first) == ["a1", "a2"]
    assert first[0]["Attributes"]["SequenceNumber"] == numbers[0]
    assert first[0]["Attributes"]["MessageGroupId"] == "a"
    assert first[0]["Attributes"]["MessageDeduplicationId"] == "of-a1"
    other = receive(sqs, url)
    assert bodies(other) == ["b1"] and receive(sqs, url) == []

    delete(sqs, url, first[0])
    assert receive(sqs, url) == [], "the second of the group is still in flight"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(sqs, url)
    assert bodies(again) == ["a2", "a3"]
    for m in again + other:
        delete(sqs, url, m)
    assert receive(sqs, url) == []


def test_a_delete_wakes_who_waits_for_the_group(cloud):
    import concurrent.futures
    sqs = cloud.client("sqs")
    url = make(sqs)
    send(sqs, url, "one")
    held = receive(sqs, url, 1)[0]
    send(sqs, url, "two")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(receive, cloud.client("sqs"), url, WaitTimeSeconds=10)
        time.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        delete(sqs, url, held)
        assert bodies(waiting.result()) == ["two"] and time.monotonic() - began < 2


def test_a_repetition_is_sent_once(sqs):
    url = make(sqs)
    first, second = (send(sqs, url, b, MessageDeduplicationId="same") for b in ("one", "two"))
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    got = receive(sqs, url)
    assert bodies(got) == ["one"]
    delete(sqs, url, got[0])
    send(sqs, url, "three", MessageDeduplicationId="same")
    assert receive(sqs, url) == [], "also after it was deleted"

    content = make(sqs, "content.fifo", ContentBasedDeduplication="true")
    for _ in range(2):
        sqs.send_message(QueueUrl=content, MessageBody="x", MessageGroupId="g")
    entries = [{"Id": str(i), "MessageBody": b, "MessageGroupId": "g"} for i, b in enumerate("xyy")]
    got = sqs.send_message_batch(QueueUrl=content, Entries=entries)["Successful"]
    assert len({m["MessageId"] for m in got}) == 2 and got[1]["SequenceNumber"] == got[2]["SequenceNumber"]
    assert bodies(receive(sqs, content)) == ["x", "y"]

    scoped = make(sqs, "scoped.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("a", "b", "a"):
        send(sqs, scoped, group, group, MessageDeduplicationId="same")
    assert len(receive(sqs, scoped, 10) + receive(sqs, scoped, 10)) == 2


def test_what_a_fifo_queue_refuses(sqs):
    url, plain = make(sqs), make(sqs, "plain")
    refused = lambda **o: code_of(sqs.send_message, **{"QueueUrl": url, "MessageBody": "x", **o})  # noqa: E731
    assert refused() == "MissingParameter"
    assert refused(MessageGroupId="g") == "InvalidParameterValue"
    assert refused(MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=5) == "InvalidParameterValue"
    assert refused(MessageGroupId="g h", MessageDeduplicationId="d") == "InvalidParameterValue"
    assert refused(MessageGroupId="g", MessageDeduplicationId="d" * 129) == "InvalidParameterValue"
    assert refused(QueueUrl=plain, MessageDeduplicationId="d") == "InvalidParameterValue"
    assert code_of(sqs.receive_message, QueueUrl=plain, ReceiveRequestAttemptId="a") == "InvalidParameterValue"
    assert code_of(sqs.create_queue, QueueName="x.fifo", Attributes={"FifoQueue": "false"}) == "InvalidAttributeName"
    assert code_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"DeduplicationScope": "all"}) == "InvalidAttributeValue"
    policy = json.dumps({"deadLetterTargetArn": arn(plain), "maxReceiveCount": 1})
    assert code_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy}) == "InvalidParameterValue"
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (got["FifoQueue"], got["ContentBasedDeduplication"], got["DeduplicationScope"], got["FifoThroughputLimit"]) == \
        ("true", "false", "queue", "perQueue")
    assert "FifoQueue" not in sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["All"])["Attributes"]
    assert make(sqs) == url

    sqs.send_message(QueueUrl=plain, MessageBody="fair", MessageGroupId="tenant")
    assert receive(sqs, plain, AttributeNames=["MessageGroupId"])[0]["Attributes"] == {"MessageGroupId": "tenant"}


def test_an_expired_handle_deletes_nothing(sqs):
    url = make(sqs)
    send(sqs, url, "one")
    m = receive(sqs, url, VisibilityTimeout=0)[0]
    assert code_of(sqs.delete_message, QueueUrl=url, ReceiptHandle=m["ReceiptHandle"]) == "InvalidParameterValue"
    m = receive(sqs, url)[0]
    delete(sqs, url, m)
    delete(sqs, url, m)


def test_an_attempt_is_repeated(sqs):
    url = make(sqs)
    for b in ("one", "two", "three"):
        send(sqs, url, b)
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="try", AttributeNames=["ApproximateReceiveCount"])
    again = receive(sqs, url, 2, ReceiveRequestAttemptId="try", AttributeNames=["ApproximateReceiveCount"])
    assert first == again and bodies(first) == ["one", "two"]
    delete(sqs, url, first[0])
    assert receive(sqs, url, 2, ReceiveRequestAttemptId="try") == [], "something was changed: a new attempt"


def test_groups_survive_dead_letters_purge_and_restart(cloud):
    sqs = cloud.client("sqs")
    dead = make(sqs, "dead.fifo")
    url = make(sqs, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1}))
    for b in ("one", "two"):
        send(sqs, url, b)
    assert bodies(receive(sqs, url, 1, VisibilityTimeout=0)) == ["one"]
    assert bodies(receive(sqs, url)) == ["two"], "the first went to the dead letters"
    cloud.program.kill()
    cloud.start()
    got = receive(sqs, dead, AttributeNames=["All"])
    assert bodies(got) == ["one"] and got[0]["Attributes"]["DeadLetterQueueSourceArn"] == arn(url)
    assert receive(sqs, url) == []
    sqs.purge_queue(QueueUrl=url)
    send(sqs, url, "two")
    assert bodies(receive(sqs, url)) == ["two"], "what was purged is forgotten"


def tasks(sqs, url, most=10):
    return sqs.list_message_move_tasks(SourceArn=arn(url), MaxResults=most).get("Results", [])


@pytest.mark.parametrize("kind", ["", ".fifo"])
def test_dead_letters_are_moved_back(cloud, kind):
    sqs = cloud.client("sqs")
    dead = make(sqs, "dead" + kind)
    url = make(sqs, "jobs" + kind, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1}))
    order = {"MessageGroupId": "g"} if kind else {}
    for i in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"{i:02}", **order, **({"MessageDeduplicationId": str(i)} if kind else {}))
    while receive(sqs, url, VisibilityTimeout=0):
        pass
    before = receive(sqs, dead, 1, VisibilityTimeout=0)[0]

    assert code_of(sqs.start_message_move_task, SourceArn=arn(url)) == "InvalidParameterValue"
    assert code_of(sqs.start_message_move_task, SourceArn=arn(dead) + "x") == "ResourceNotFoundException"
    assert code_of(sqs.start_message_move_task, SourceArn=arn(dead), MaxNumberOfMessagesPerSecond=501) == "InvalidParameterValue"
    handle = sqs.start_message_move_task(SourceArn=arn(dead))["TaskHandle"]
    done = wait_for(lambda: [t for t in tasks(sqs, dead) if t["Status"] == "COMPLETED"], "end of the task", 10)[0]
    assert done["ApproximateNumberOfMessagesMoved"] == done["ApproximateNumberOfMessagesToMove"] == 12
    assert "TaskHandle" not in done and abs(done["StartedTimestamp"] / 1000 - time.time()) < 60
    assert code_of(sqs.cancel_message_move_task, TaskHandle=handle) == "InvalidParameterValue"
    got = receive(sqs, url, AttributeNames=["All"])
    assert len(got) == 10 and (not kind or bodies(got) == [f"{i:02}" for i in range(10)])
    assert got[0]["Attributes"]["ApproximateReceiveCount"] == "1" and got[0]["MessageId"] != before["MessageId"]


def test_a_slow_move_is_cancelled_and_one_without_an_origin_fails(cloud):
    sqs = cloud.client("sqs")
    dead, other = make(sqs, "dead"), make(sqs, "other")
    make(sqs, "jobs", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1}))
    for i in range(5):
        sqs.send_message(QueueUrl=dead, MessageBody=str(i))
    sqs.start_message_move_task(SourceArn=arn(dead))
    failed = wait_for(lambda: [t for t in tasks(sqs, dead) if t["Status"] == "FAILED"], "failure of the task", 10)[0]
    assert failed["FailureReason"] == "CouldNotDetermineMessageSource"
    handle = sqs.start_message_move_task(SourceArn=arn(dead), DestinationArn=arn(other), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    assert code_of(sqs.start_message_move_task, SourceArn=arn(dead)) == "InvalidParameterValue"
    running = wait_for(lambda: [t for t in tasks(sqs, dead, 1) if t["ApproximateNumberOfMessagesMoved"]], "first move", 10)[0]
    assert running["TaskHandle"] == handle and running["DestinationArn"] == arn(other)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] >= 1
    assert [t["Status"] for t in tasks(sqs, dead)] == ["CANCELLED", "FAILED"]
    assert code_of(sqs.cancel_message_move_task, TaskHandle="garbage") == "InvalidParameterValue"


def test_permissions_are_statements_of_the_policy(sqs):
    url = make(sqs, "plain")
    add = lambda **o: sqs.add_permission(**{"QueueUrl": url, "Label": "l", "AWSAccountIds": ["111122223333"],  # noqa: E731
                                            "Actions": ["SendMessage"], **o})
    add()
    add(Label="m", AWSAccountIds=["111122223333", "444455556666"], Actions=["SendMessage", "*"])
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert policy["Statement"] == [
        {"Sid": "l", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
         "Action": "SQS:SendMessage", "Resource": arn(url)},
        {"Sid": "m", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"]},
         "Action": ["SQS:SendMessage", "SQS:*"], "Resource": arn(url)}]
    assert code_of(add) == "InvalidParameterValue"
    assert code_of(add, Label="n", Actions=["Fly"]) == "InvalidParameterValue"
    assert code_of(add, Label="n", AWSAccountIds=["1"]) == "InvalidParameterValue"
    assert code_of(add, Label="n", Actions=["*"] * 8) == "OverLimit"
    for label in ("l", "m"):
        sqs.remove_permission(QueueUrl=url, Label=label)
    assert not sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes")
    assert code_of(sqs.remove_permission, QueueUrl=url, Label="l") == "InvalidParameterValue"


def test_no_more_than_120000_are_in_flight(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs, "plain")
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    cloud.program.stop()
    with sqlite3.connect(cloud.state / "local.db") as db:
        store = db.execute("SELECT store FROM sqs_queues").fetchone()[0]
        later = int(time.time() * 1000) + 600000
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<120000) "
                   "INSERT INTO sqs_messages(store, visible, delayed, sent, received, receipt) "
                   "SELECT ?, ?, 0, ?, 1, i FROM n", (store, later, later - 600000))
    db.close()
    cloud.start()
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert code_of(sqs.receive_message, QueueUrl=url) == "OverLimit"
    assert receive(sqs, url, WaitTimeSeconds=1) == []
