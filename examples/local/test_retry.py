"""A worker's retry, tested against windlass-local: a visibility timeout of an hour passes in milliseconds.

    pip install pytest boto3; pytest examples/local        (windlass-local and windlass are on the PATH)
"""

import subprocess

import boto3
import pytest


@pytest.fixture
def sqs(monkeypatch):
    with subprocess.Popen(["windlass-local", "--memory"], stdout=subprocess.PIPE, text=True) as local:
        for _ in range(4):  # "ready", then the lines that point a client at it
            for word in local.stdout.readline().split():
                name, _, value = word.partition("=")
                if value:
                    monkeypatch.setenv(name, value)
        yield boto3.Session().client("sqs")  # a session of its own: the default one keeps the keys of the first test
        local.terminate()


def test_a_message_that_was_not_deleted_comes_again(sqs):
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="transcode this")
    assert "Messages" in sqs.receive_message(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    subprocess.run(["windlass", "local", "advance", "1h"], check=True)
    assert "Messages" in sqs.receive_message(QueueUrl=url)


def test_a_producer_lives_with_throttling(sqs):
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    subprocess.run(["windlass", "local", "fault", "throttle", "--action", "SendMessage", "--count", "2"], check=True)
    sqs.send_message(QueueUrl=url, MessageBody="sent at the third attempt")
    assert "Messages" in sqs.receive_message(QueueUrl=url)
