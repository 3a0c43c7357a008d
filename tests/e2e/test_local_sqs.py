"""SQS of the embedded cloud: the newest boto3 over JSON and Debian's over Query see the same queue."""

import concurrent.futures
import contextlib
import hashlib
import json
import socket
import sqlite3
import sys
import threading
import time

import pytest
from cloud import Cloud, cloud, code_of, sqs
from conftest import wait_for

MISSING = "AWS.SimpleQueueService.NonExistentQueue"


def make(sqs, name="jobs", **attributes):
    return sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in attributes.items()})["QueueUrl"]


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def counts(sqs, url):
    """(visible, in flight, delayed)"""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(got[n]) for n in names)


def arn(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_message_lives(sqs):
    url = make(sqs)
    body = "héllo <&> \U0001F3A5\n\t\"'"
    sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes={
        "a": {"DataType": "String", "StringValue": "v"}, "b": {"DataType": "Binary", "BinaryValue": b"\x01\x02"},
        "n": {"DataType": "Number", "StringValue": "1"}})
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert sent["MD5OfMessageAttributes"] == "2fab530e0b8d92097e1afa9a9025ad7d"
    assert counts(sqs, url) == (1, 0, 0)

    got = receive(sqs, url, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert len(got) == 1
    m = got[0]
    assert m["Body"] == body and m["MessageId"] == sent["MessageId"]
    assert m["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert m["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert m["MessageAttributes"]["b"] == {"DataType": "Binary", "BinaryValue": b"\x01\x02"}
    assert m["MessageAttributes"]["n"] == {"DataType": "Number", "StringValue": "1"}
    assert m["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(m["Attributes"]["SentTimestamp"]) - time.time() * 1000) < 60000
    assert m["Attributes"]["SenderId"] == "123456789012"
    assert counts(sqs, url) == (0, 1, 0)

    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)
    assert receive(sqs, url) == []


def test_nothing_asked_is_nothing_told(sqs):
    url = make(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={
        "one.a": {"DataType": "String", "StringValue": "1"}, "one.b": {"DataType": "String", "StringValue": "2"},
        "two": {"DataType": "String", "StringValue": "3"}})
    first = receive(sqs, url, VisibilityTimeout=0)[0]
    assert "Attributes" not in first and "MessageAttributes" not in first
    second = receive(sqs, url, VisibilityTimeout=0, MessageAttributeNames=["on.*"])[0]
    assert set(second["MessageAttributes"]) == {"one.a", "one.b"}
    third = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])[0]
    assert third["Attributes"] == {"ApproximateReceiveCount": "3"}


def test_queues_are_made_found_and_listed(sqs, cloud):
    url = make(sqs, VisibilityTimeout=40)
    assert url == f"{cloud.url}/123456789012/jobs"
    assert make(sqs, VisibilityTimeout=40) == url and make(sqs) == url
    assert code_of(sqs.create_queue, QueueName="jobs", Attributes={"VisibilityTimeout": "41"}) == "QueueAlreadyExists"
    assert sqs.get_queue_url(QueueName="jobs")["QueueUrl"] == url
    for i in range(5):
        make(sqs, f"list-{i}")
    assert len(sqs.list_queues(QueueNamePrefix="list-")["QueueUrls"]) == 5
    page = sqs.list_queues(QueueNamePrefix="list-", MaxResults=3)
    rest = sqs.list_queues(QueueNamePrefix="list-", MaxResults=3, NextToken=page["NextToken"])
    assert [u[-1] for u in page["QueueUrls"] + rest["QueueUrls"]] == list("01234") and "NextToken" not in rest
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="none")

    sqs.tag_queue(QueueUrl=url, Tags={"team": "video", "cost": "7"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["cost"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "video"}
    assert sqs.list_queue_tags(QueueUrl=sqs.create_queue(QueueName="tagged", tags={"a": "b"})["QueueUrl"])["Tags"] == {"a": "b"}


def test_attributes_are_set_and_told(sqs):
    url = make(sqs)
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert got["VisibilityTimeout"] == "30" and got["MessageRetentionPeriod"] == "345600"
    assert got["MaximumMessageSize"] == "1048576" and got["DelaySeconds"] == "0"
    assert got["CreatedTimestamp"].isdigit() and "RedrivePolicy" not in got
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7", "DelaySeconds": "2",
                                                       "Policy": '{"Version":"2012-10-17"}'})
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "DelaySeconds", "Policy"])["Attributes"]
    assert got == {"VisibilityTimeout": "7", "DelaySeconds": "2", "Policy": '{"Version":"2012-10-17"}'}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)


def test_what_aws_refuses_is_refused_with_its_code(sqs):
    url = make(sqs)
    nowhere = url.replace("jobs", "nowhere")
    send = lambda **o: code_of(sqs.send_message, **{"QueueUrl": url, "MessageBody": "x", **o})  # noqa: E731
    attribute = lambda value: send(MessageAttributes={"a": value})  # noqa: E731

    assert code_of(sqs.get_queue_url, QueueName="nowhere") == MISSING
    assert send(QueueUrl=nowhere) == MISSING
    assert code_of(sqs.receive_message, QueueUrl=nowhere) == MISSING
    assert code_of(sqs.create_queue, QueueName="bad name") == "InvalidParameterValue"
    assert code_of(sqs.create_queue, QueueName="x" * 81) == "InvalidParameterValue"
    assert code_of(sqs.create_queue, QueueName="a", Attributes={"FifoQueue": "true"}) == "InvalidParameterValue"
    assert code_of(sqs.create_queue, QueueName="a.fifo") == "InvalidParameterValue"
    assert code_of(sqs.create_queue, QueueName="a", Attributes={"ContentBasedDeduplication": "true"}) == "InvalidAttributeName"
    assert code_of(sqs.create_queue, QueueName="b", Attributes={"VisibilityTimeout": "43201"}) == "InvalidAttributeValue"
    assert code_of(sqs.create_queue, QueueName="b", Attributes={"Nonsense": "1"}) == "InvalidAttributeName"
    assert code_of(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nonsense"]) == "InvalidAttributeName"
    assert code_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": "{"}) == "InvalidParameterValue"
    assert send(MessageBody="\x01") == "InvalidMessageContents"
    assert send(MessageBody="x" * (1 << 20) + "y") == "InvalidParameterValue"
    assert send(DelaySeconds=901) == "InvalidParameterValue"
    assert attribute({"DataType": "Weird", "StringValue": "x"}) == "InvalidParameterValue"
    assert attribute({"DataType": "Number", "StringValue": "one"}) == "InvalidParameterValue"
    assert attribute({"DataType": "String", "StringValue": ""}) == "InvalidParameterValue"
    assert send(MessageAttributes={f"a{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)}) == "InvalidParameterValue"
    assert code_of(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11) == "InvalidParameterValue"
    assert code_of(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21) == "InvalidParameterValue"
    assert code_of(sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage") == "ReceiptHandleIsInvalid"
    assert code_of(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle="garbage", VisibilityTimeout=1) == "ReceiptHandleIsInvalid"


def test_batches_fail_in_part(sqs):
    url = make(sqs)
    batch = "AWS.SimpleQueueService."
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=[]) in (batch + "EmptyBatchRequest", "MissingParameter")
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=[
        {"Id": str(i), "MessageBody": "x"} for i in range(11)]) == batch + "TooManyEntriesInBatchRequest"
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=[
        {"Id": "same", "MessageBody": "x"}, {"Id": "same", "MessageBody": "y"}]) == batch + "BatchEntryIdsNotDistinct"
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "a b", "MessageBody": "x"}]) == batch + "InvalidBatchEntryId"
    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=[
        {"Id": str(i), "MessageBody": "x" * 600000} for i in range(2)]) == batch + "BatchRequestTooLong"

    got = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": "good", "MessageBody": "a"}, {"Id": "late", "MessageBody": "b", "DelaySeconds": 901},
        {"Id": "fine", "MessageBody": "c"}])
    assert [e["Id"] for e in got["Successful"]] == ["good", "fine"]
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in got["Failed"]] == [("late", "InvalidParameterValue", True)]

    taken = receive(sqs, url, MaxNumberOfMessages=10)
    assert sorted(m["Body"] for m in taken) == ["a", "c"]
    handles = {m["Body"]: m["ReceiptHandle"] for m in taken}
    got = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": "1", "ReceiptHandle": handles["a"], "VisibilityTimeout": 0},
        {"Id": "2", "ReceiptHandle": "garbage", "VisibilityTimeout": 0}])
    assert [e["Id"] for e in got["Successful"]] == ["1"]
    assert [(e["Id"], e["Code"]) for e in got["Failed"]] == [("2", "ReceiptHandleIsInvalid")]
    got = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": "1", "ReceiptHandle": handles["c"]}, {"Id": "2", "ReceiptHandle": "garbage"}])
    assert [e["Id"] for e in got["Successful"]] == ["1"] and got["Failed"][0]["Id"] == "2"
    assert counts(sqs, url) == (1, 0, 0)


def test_visibility_is_exact_to_the_second(sqs):
    url = make(sqs, VisibilityTimeout=2)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    taken = time.monotonic()
    old = receive(sqs, url)[0]["ReceiptHandle"]
    assert receive(sqs, url) == []
    new = receive(sqs, url, WaitTimeSeconds=5)
    assert 1.9 < time.monotonic() - taken < 2.3 and len(new) == 1

    # Who received it later owns it: the old handle deletes nothing and cannot hold it.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old)
    assert counts(sqs, url) == (0, 1, 0)
    assert code_of(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=9) == "InvalidParameterValue"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=new[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])[0]["Attributes"]["ApproximateReceiveCount"] == "3"


def test_a_claim_lasts_at_most_twelve_hours_from_its_receive(sqs):
    url = make(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    time.sleep(0.01)
    assert code_of(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43200) == "InvalidParameterValue"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43195)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert code_of(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=9) == "InvalidParameterValue"


def test_an_expired_claim_can_still_be_renewed(sqs):
    url = make(sqs, VisibilityTimeout=1)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    time.sleep(1.1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    assert receive(sqs, url) == [] and counts(sqs, url) == (0, 1, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert counts(sqs, url) == (0, 0, 0)


def poll(cloud, url, wait=20):
    """A long poll in a thread; its result is (messages, seconds it took)."""
    client = cloud.client("sqs")

    def go():
        start = time.monotonic()
        got = receive(client, url, WaitTimeSeconds=wait, AttributeNames=["All"])
        return got, time.monotonic() - start, time.monotonic()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(go)
    time.sleep(0.4)
    assert not future.done()
    return future


class Pulse:
    """Asks the cloud something easy all the while: longest is what the machine's other work costs a call."""

    def __init__(self, cloud):
        self.client, self.longest, self.over = cloud.client("sqs"), 0, threading.Event()

    def beat(self):
        while not self.over.wait(0.01):
            began = time.monotonic()
            self.client.list_queues()
            self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.thread = threading.Thread(target=self.beat)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize("wakes", ["send", "delay", "return", "expiry"])
def test_a_long_poll_wakes_at_once(cloud, wakes):
    sqs = cloud.client("sqs")
    url = make(sqs)
    if wakes in ("return", "expiry"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
        handle = receive(sqs, url, VisibilityTimeout=30 if wakes == "return" else 1)[0]["ReceiptHandle"]
        due = time.monotonic() + 1
    future = poll(cloud, url)
    with Pulse(cloud) as pulse:
        if wakes == "send":
            due = time.monotonic()
            sqs.send_message(QueueUrl=url, MessageBody="x")
        elif wakes == "delay":
            due = time.monotonic() + 1
            sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
            assert counts(sqs, url) == (0, 0, 1)
        elif wakes == "return":
            due = time.monotonic()
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        got, _, at = future.result(timeout=25)
    assert len(got) == 1
    assert -0.05 < at - due < 0.25 + 3 * pulse.longest, "when it was there: two calls later at most"


def test_a_long_poll_ends_empty_and_on_time(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs, ReceiveMessageWaitTimeSeconds=1)
    with Pulse(cloud) as pulse:
        start = time.monotonic()
        assert receive(sqs, url) == []
        long = time.monotonic() - start
        assert receive(sqs, url, WaitTimeSeconds=0) == []
        short = time.monotonic() - start - long
    assert 0.95 < long < 1.4 + 2 * pulse.longest and short < 0.3 + 2 * pulse.longest


def test_each_of_many_pollers_gets_one(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs)
    futures = [poll(cloud, url) for _ in range(4)]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": str(i)} for i in range(4)])
    got = [f.result(timeout=25)[0] for f in futures]
    assert sorted(m[0]["Body"] for m in got) == list("0123")


def test_a_poller_that_went_away_takes_nothing_with_it(cloud, programs):
    sqs = cloud.client("sqs")
    url = make(sqs, VisibilityTimeout=600)
    script = ("import boto3, sys; boto3.client('sqs', endpoint_url=sys.argv[1], region_name='us-east-1')"
              ".receive_message(QueueUrl=sys.argv[2], WaitTimeSeconds=20)")
    pollers = [programs.start(sys.executable, "-c", script, cloud.url, url, env=cloud.environment) for _ in range(3)]
    connected = f"{socket.inet_aton('127.0.0.1')[::-1].hex().upper()}:{cloud.port:04X}"
    wait_for(lambda: open("/proc/net/tcp").read().count(f"{connected} 01 ") >= 3, "three connections")
    time.sleep(0.5)
    for poller in pollers:
        poller.kill()
    time.sleep(0.2)
    sqs.send_message(QueueUrl=url, MessageBody="for the living")
    assert [m["Body"] for m in receive(sqs, url)] == ["for the living"]


def test_a_deleted_queue_ends_its_polls_and_rests(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs)
    future = poll(cloud, url)
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        future.result(timeout=5)
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        make(sqs)


def test_what_is_received_too_often_goes_to_the_dead_letters(sqs):
    dead = make(sqs, "dead")
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 2})
    url = make(sqs, RedrivePolicy=policy, VisibilityTimeout=0)
    spaced = json.dumps({"maxReceiveCount": "2", "deadLetterTargetArn": arn(sqs, dead)}, indent=1)
    assert make(sqs, RedrivePolicy=spaced) == url
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")["MessageId"]
    for n in "12":
        got = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
        assert got[0]["Attributes"]["ApproximateReceiveCount"] == n
    assert counts(sqs, url) == (1, 0, 0)
    assert receive(sqs, url) == [] and counts(sqs, url) == (0, 0, 0) and counts(sqs, dead) == (1, 0, 0)
    got = receive(sqs, dead, AttributeNames=["All"])[0]
    assert got["MessageId"] == sent and got["Body"] == "poison"
    assert got["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, url)
    assert got["Attributes"]["ApproximateReceiveCount"] == "3"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    assert code_of(sqs.create_queue, QueueName="other", Attributes={"RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": arn(sqs, dead).replace("dead", "none"), "maxReceiveCount": 2})}) == "InvalidParameterValue"


def test_purge_empties_and_rests_a_minute(sqs):
    url = make(sqs)
    for i in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(i))
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0) and receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert code_of(sqs.purge_queue, QueueUrl=url) == "AWS.SimpleQueueService.PurgeQueueInProgress"
    sqs.send_message(QueueUrl=url, MessageBody="after")
    assert receive(sqs, url)[0]["Body"] == "after"


def test_a_mebibyte_comes_back_whole(sqs):
    url = make(sqs)
    body = ("<&>é" * 300000)[:1 << 20]
    while len(body.encode()) > 1 << 20:
        body = body[:-1000]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert receive(sqs, url)[0]["Body"] == body


def test_debians_aws_drives_it(cloud):
    url = json.loads(cloud.aws("sqs", "create-queue", "--queue-name", "cli"))["QueueUrl"]
    cloud.aws("sqs", "send-message", "--queue-url", url, "--message-body", "from the shell")
    got = json.loads(cloud.aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "1"))
    assert got["Messages"][0]["Body"] == "from the shell"
    assert json.loads(cloud.aws("sts", "get-caller-identity"))["Account"] == "123456789012"


def test_only_those_with_a_key_come_in(cloud):
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    keys = {**cloud.keys, "aws_secret_access_key": "x" * 40}
    other = {"aws_access_key_id": "AKIAOTHER", "aws_secret_access_key": "x" * 40}

    def client(**options):
        return boto3.client("sqs", endpoint_url=cloud.url, region_name="us-east-1", **options)
    assert code_of(client(**keys).list_queues) == "SignatureDoesNotMatch"
    assert code_of(client(**other).list_queues) in ("InvalidClientTokenId", "UnrecognizedClientException")
    assert code_of(client(config=Config(signature_version=UNSIGNED)).list_queues).startswith("MissingAuthenticationToken")


def test_a_restart_forgets_nothing(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs, VisibilityTimeout=4)
    sqs.send_message(QueueUrl=url, MessageBody="held")
    held = time.monotonic()
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    sqs.send_message(QueueUrl=url, MessageBody="free")
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    cloud.program.stop()
    cloud.start()
    assert counts(sqs, url) == (1, 1, 1)
    assert receive(sqs, url)[0]["Body"] == "free"
    got = receive(sqs, url, WaitTimeSeconds=10)
    assert got[0]["Body"] == "held" and 3.9 < time.monotonic() - held < 5
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)


def rows(cloud, sql):
    with contextlib.closing(sqlite3.connect(cloud.state / "local.db")) as db, db:
        return db.execute(sql).fetchall()


def test_what_is_past_its_retention_is_gone(cloud):
    sqs = cloud.client("sqs")
    url = make(sqs, MessageRetentionPeriod=60)
    for body in ("old", "young"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    cloud.program.stop()
    rows(cloud, "UPDATE sqs_messages SET sent = sent - 61000 WHERE id = 1")
    cloud.start()
    assert counts(sqs, url) == (1, 0, 0)
    assert [m["Body"] for m in receive(sqs, url, MaxNumberOfMessages=10)] == ["young"]


def test_what_was_purged_leaves_the_disk(cloud):
    sqs = cloud.client("sqs")
    url, other = make(sqs), make(sqs, "other")
    for _ in range(70):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": "x"} for i in range(10)])
    sqs.send_message(QueueUrl=other, MessageBody="stays")
    sqs.purge_queue(QueueUrl=url)
    wait_for(lambda: rows(cloud, "SELECT count(*) FROM sqs_bodies") == [(1,)], "one message left on disk")
    sqs.delete_queue(QueueUrl=other)
    wait_for(lambda: rows(cloud, "SELECT count(*) FROM sqs_messages") == [(0,)], "no message left on disk")
    assert rows(cloud, "SELECT count(*) FROM sqs_stores") == [(1,)]


def test_acknowledged_messages_survive_kill_9(cloud):
    """Senders, receivers and deleters run while the cloud is killed again and again."""
    url = make(cloud.client("sqs"), VisibilityTimeout=0)
    acknowledged, stop = set(), threading.Event()
    lock = threading.Lock()

    def send(number):
        client, i = cloud.client("sqs"), 0
        while not stop.is_set():
            body = f"{number}-{i}"
            i += 1
            try:
                sent = client.send_message(QueueUrl=url, MessageBody=body)["MessageId"]
            except Exception:
                time.sleep(0.01)
                continue
            with lock:
                acknowledged.add(sent)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for _ in range(5):
        before = len(acknowledged)
        end = time.monotonic() + 20
        while len(acknowledged) < before + 40 and time.monotonic() < end:
            time.sleep(0.01)
        cloud.program.kill()
        cloud.start()
    stop.set()
    for t in threads:
        t.join()
    sqs, found = cloud.client("sqs"), []
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})
    while True:
        got = receive(sqs, url, MaxNumberOfMessages=10)
        if not got:
            break
        found += [m["MessageId"] for m in got]
    assert len(acknowledged) >= 200
    assert not acknowledged - set(found)
    assert len(found) == len(set(found))


def test_a_second_one_on_the_same_folder_is_refused(cloud, programs):
    done = programs.call("windlass-local", "--state", cloud.state, "--port", 0)
    assert done.returncode == 1 and "another windlass-local" in done.stderr


def test_other_machines_are_let_in_only_on_purpose(programs, tmp_path):
    done = programs.call("windlass-local", "--state", tmp_path / "open", "--listen", "0.0.0.0", "--port", 0)
    assert done.returncode == 2 and "--open" in done.stderr


def test_memory_keeps_nothing(programs, tmp_path):
    cloud = Cloud(programs, tmp_path)
    cloud.start("--memory")
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=make(sqs), MessageBody="x")
    assert (cloud.state / "credentials").stat().st_mode & 0o777 == 0o600
    cloud.program.stop()
    assert sorted(p.name for p in cloud.state.iterdir()) == ["credentials"]
