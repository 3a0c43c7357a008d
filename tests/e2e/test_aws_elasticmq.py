"""Our client against ElasticMQ: what moto and the embedded cloud are asked, a third server is asked too."""

import os
import pathlib
import shutil
import sys

import pytest
from conftest import free_port
from test_aws_moto import drive, test_messages  # noqa: F401  (collected here with this module's aws)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from elasticmq import elasticmq_argv, elasticmq_jars  # noqa: E402

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "windlass-tests"


@pytest.fixture
def aws(drive, programs, client_of, tmp_path):  # noqa: F811
    jars, lacks = elasticmq_jars(CACHE)
    if lacks:
        pytest.skip(f"ElasticMQ cannot be installed: {lacks}")
    port = free_port()
    argv = elasticmq_argv(jars, tmp_path, port)
    server = programs.start(shutil.which(argv[0]), *argv[1:])
    drive.env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    server.wait_http(drive.env["AWS_ENDPOINT_URL"], seconds=120)
    drive.client = lambda service: client_of(drive.env["AWS_ENDPOINT_URL"], service)
    return drive


def test_queues_of_elasticmq(aws):
    dead = aws("sqs-create", "jobs-dlq")["url"]
    url = aws("sqs-create", "jobs", 300, "arn:aws:sqs:elasticmq:000000000000:jobs-dlq", 3)["url"]
    assert aws("sqs-url", "jobs")["url"] == url
    assert sorted(aws("sqs-list", "jobs", 10)["urls"]) == sorted([url, dead])
    aws("sqs-set", url, 60)
    seen = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert seen["VisibilityTimeout"] == "60" and '"maxReceiveCount":3' in seen["RedrivePolicy"].replace(" ", "").replace('"3"', "3")
    # It has no retention, which AWS always tells: what is missing is said, and not taken for zero.
    assert "MessageRetentionPeriod" not in seen
    assert "lacks VisibilityTimeout, MessageRetentionPeriod or QueueArn" in aws("sqs-attributes", url, fails="protocol")["error"]
    aws("sqs-delete-queue", dead)
    assert aws("sqs-url", "jobs-dlq", fails="not_found")["code"].endswith(("NonExistentQueue", "QueueDoesNotExist"))
