"""windlass queue peek, redrive and purge."""

import json
import os
import pty
import subprocess

import pytest
from cloud import Cloud
from conftest import program_path, wait_for


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


@pytest.fixture
def queues(cloud):
    """A queue, and its dead-letter queue with ten jobs: a worker's parked copies, which SQS knows no source of."""
    sqs = cloud.client("sqs")
    dead = sqs.create_queue(QueueName="jobs-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    main = sqs.create_queue(QueueName="jobs-queue", Attributes={
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})})["QueueUrl"]
    for i in range(10):
        sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"n": i}),
                         MessageAttributes={"windlass-parked": {"DataType": "String", "StringValue": "{}"}})
    return sqs, main, dead


def visible(sqs, url):
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"])


def test_dead_letters_go_back_to_their_queue(cloud, queues, windlass):
    sqs, main, dead = queues
    done = windlass("queue", "redrive", "jobs-dlq", "--output", "json", env=cloud.environment, seconds=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["moved"], told["status"], told["to"]) == (10, "COMPLETED", main)
    assert (visible(sqs, main), visible(sqs, dead)) == (10, 0)
    bodies = set()
    while len(bodies) < 10:
        bodies |= {m["Body"] for m in sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10)["Messages"]}
    assert bodies == {json.dumps({"n": i}) for i in range(10)}


def test_they_go_where_they_are_told_and_no_faster(cloud, queues, windlass):
    sqs, main, dead = queues
    other = sqs.create_queue(QueueName="other")["QueueUrl"]
    done = windlass("queue", "redrive", dead, "--to", "other", "--rate", "5", env=cloud.environment, seconds=60)
    assert done.returncode == 0 and "10 messages of jobs-dlq are in other again" in done.stdout, done.stdout + done.stderr
    assert "of about 10 moved" in done.stderr
    assert (visible(sqs, other), visible(sqs, main), visible(sqs, dead)) == (10, 0, 0)


@pytest.mark.parametrize("where", ["embedded", "moto"])
def test_our_own_mover_leaves_the_reason_behind(request, cloud, queues, windlass, keys, client_of, where):
    sqs, main, dead = queues
    env = cloud.environment
    if where == "moto":  # which has no move tasks
        moto = request.getfixturevalue("moto")
        env, sqs = {**keys, "AWS_ENDPOINT_URL": moto}, client_of(moto, "sqs")
        main, dead = (sqs.create_queue(QueueName=n)["QueueUrl"] for n in ("jobs-queue", "jobs-dlq"))
        for i in range(10):
            sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"n": i}), MessageAttributes={
                "windlass-parked": {"DataType": "String", "StringValue": "{}"},
                "trace": {"DataType": "String", "StringValue": "ü"}})
    done = windlass("queue", "redrive", "jobs-dlq", "--own", "--to", "jobs-queue", "--rate", "8", env=env, seconds=60)
    assert done.returncode == 0 and "10 messages of jobs-dlq are in jobs-queue again" in done.stdout, done.stdout + done.stderr
    assert (visible(sqs, main), visible(sqs, dead)) == (10, 0)
    got = sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert all("windlass-parked" not in m.get("MessageAttributes", {}) for m in got)
    assert where != "moto" or all(m["MessageAttributes"]["trace"]["StringValue"] == "ü" for m in got)


def test_peek_shows_and_puts_back(cloud, queues, windlass):
    sqs, main, dead = queues
    done = windlass("queue", "peek", "jobs-dlq", "--count", "10", "--output", "json", env=cloud.environment)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and sorted(m["body"] for m in told["messages"]) == sorted(json.dumps({"n": i}) for i in range(10))
    assert told["spent_a_receive"] is False and told["messages"][0]["attributes"] == {"windlass-parked": "{}"}
    assert visible(sqs, dead) == 10


def test_peek_spends_a_receive_only_when_told_and_never_the_last(cloud, queues, windlass):
    sqs, main, dead = queues
    sqs.purge_queue(QueueUrl=dead)
    sqs.send_message(QueueUrl=main, MessageBody="{}", MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": b"\0x"}})
    refused = windlass("queue", "peek", "jobs-queue", env=cloud.environment)
    assert refused.returncode == 2 and "one of the 3 receives" in refused.stderr and "--spend-a-receive" in refused.stderr
    for looks in range(1, 8):  # more than there are receives
        done = windlass("queue", "peek", "jobs-queue", "--spend-a-receive", env=cloud.environment)
        assert done.returncode == 0 and "1 received and put back at once: each has spent a receive" in done.stdout, done.stderr
        assert ("sent anew" in done.stdout) == (looks % 3 == 0), done.stdout
    assert (visible(sqs, main), visible(sqs, dead)) == (1, 0)
    got = sqs.receive_message(QueueUrl=main, MessageAttributeNames=["All"])["Messages"][0]
    assert got["MessageAttributes"]["a"]["BinaryValue"] == b"\0x"
    sqs.set_queue_attributes(QueueUrl=main, Attributes={"RedrivePolicy": json.dumps({
        "deadLetterTargetArn": sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"],
        "maxReceiveCount": 1})})
    refused = windlass("queue", "peek", "jobs-queue", "--spend-a-receive", env=cloud.environment)
    assert refused.returncode == 2 and "the one receive" in refused.stderr


@pytest.mark.parametrize("arguments,status,said", [
    (["redrive", "jobs-queue"], 2, "no queue sends its dead letters here (0) -> say --to QUEUE"),
    (["redrive", "nowhere"], 1, "queue 'nowhere'"),
    (["redrive", "jobs-dlq", "--to", "jobs-dlq"], 2, "--to is the queue itself"),
    (["redrive", "jobs-dlq", "--rate", "501"], 2, "rate"),
    (["redrive"], 2, "NAME|URL is missing"),
    (["purge", "jobs-dlq"], 2, "about 10 messages would be lost -> say --yes"),
    (["prge"], 2, "unexpected 'prge'"),
])
def test_a_mistake_moves_nothing(cloud, queues, windlass, arguments, status, said):
    sqs, main, dead = queues
    done = windlass("queue", *arguments, env=cloud.environment)
    assert done.returncode == status and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert (visible(sqs, main), visible(sqs, dead)) == (0, 10)


def test_purge_goes_on_with_yes(cloud, queues, windlass):
    sqs, _, dead = queues
    assert windlass("queue", "purge", "jobs-dlq", "--yes", env=cloud.environment).returncode == 0
    wait_for(lambda: visible(sqs, dead) == 0, "the queue is empty")


@pytest.mark.parametrize("typed,left", [("jobs-dlq", 0), ("yes", 10)])
def test_purge_asks_for_the_name_on_a_terminal(cloud, queues, programs, typed, left):
    sqs, _, dead = queues
    ours, theirs = pty.openpty()
    asked = subprocess.Popen([program_path("windlass"), "queue", "purge", "jobs-dlq"], env=programs.environment(cloud.environment),
                             stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    try:
        os.write(ours, (typed + "\n").encode())  # a terminal keeps it until it is read
        said = asked.communicate(timeout=60)[1]
    finally:
        asked.kill()
        os.close(ours)
    assert "about 10 messages of jobs-dlq will be lost; type its name to go on" in said
    assert asked.returncode == (0 if left == 0 else 2), said
    wait_for(lambda: visible(sqs, dead) == left, "the messages that should be there")
