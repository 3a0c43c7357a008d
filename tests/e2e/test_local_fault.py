"""Each kind of fault of the embedded cloud: what it does, to which share of calls, for how long, the same for a seed."""

import datetime
import itertools
import time

import pytest
from cloud import local
from fleet import Cloud, Group

DRAWS = 10
HANG_S, PATIENCE_S = 0.6, 1.5


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "1s")


class Struck:
    """One call each, and whether the fault struck it."""

    def __init__(self, cloud):
        from botocore.config import Config
        import boto3
        config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S)
        self.cloud = cloud
        self.sqs = boto3.client("sqs", endpoint_url=cloud.url, region_name="us-east-1", config=config, **cloud.keys)
        self.patient = cloud.client("sqs")
        self.url = self.patient.create_queue(QueueName="jobs")["QueueUrl"]
        self.groups = itertools.count()

    def refused(self, code):
        try:
            self.sqs.list_queues()
        except self.sqs.exceptions.ClientError as e:
            assert e.response["Error"]["Code"] == code
            return True
        return False

    def throttle(self):
        return self.refused("RequestThrottled")

    def fail(self):
        return self.refused("OverLimit")

    def hang(self):
        began = time.monotonic()
        assert self.patient.list_queues()["QueueUrls"] == [self.url]
        return time.monotonic() - began >= HANG_S

    def count(self, name="ApproximateNumberOfMessages"):
        return int(self.patient.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])["Attributes"][name])

    def lose(self):
        """The work is done; its answer is not seen."""
        from botocore.exceptions import ReadTimeoutError
        before = self.count()
        try:
            self.sqs.send_message(QueueUrl=self.url, MessageBody="x")
            answered = True
        except ReadTimeoutError:
            answered = False
        assert self.count() == before + 1
        return not answered

    def lie(self):
        return self.count() == 777

    def twice(self):
        sent = self.patient.send_message(QueueUrl=self.url, MessageBody="x")["MessageId"]
        got = self.patient.receive_message(QueueUrl=self.url)["Messages"]
        assert [m["MessageId"] for m in got] == [sent]
        held = self.count("ApproximateNumberOfMessagesNotVisible")
        self.patient.delete_message(QueueUrl=self.url, ReceiptHandle=got[0]["ReceiptHandle"])
        assert self.count() == 0
        return held == 0

    def capacity(self):
        group = Group(self.cloud, f"group-{next(self.groups)}").create(desired=1)
        while not (seen := [a["StatusCode"] for a in group.activities()]):
            time.sleep(0.01)
        group.api.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
        return "Failed" in seen

    def delay(self):
        """The last minute shown is older than the one that is shown by right."""
        now = datetime.datetime.fromisoformat(local(self.cloud, "clock").split()[0].replace("Z", "+00:00"))
        got = self.cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Statistics=["Average"], Period=60,
            Dimensions=[{"Name": "QueueName", "Value": "jobs"}], StartTime=now - datetime.timedelta(minutes=15),
            EndTime=now + datetime.timedelta(minutes=1))["Datapoints"]
        return (now - max(p["Timestamp"] for p in got)).total_seconds() > 240


KINDS = {"throttle": ("--action", "ListQueues"), "fail": ("--action", "ListQueues", "--code", "OverLimit"),
         "hang": ("--action", "ListQueues", "--value", str(int(HANG_S * 1000))), "lose": ("--action", "SendMessage"),
         "lie": ("--value", "777"), "twice": (), "capacity": (), "delay": ("--value", "300000")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_keeps_its_share_its_seed_and_its_time(cloud, kind):
    call = getattr(Struck(cloud), kind)
    draws = {"lose": 6, "hang": 8}.get(kind, DRAWS)  # each that is struck takes its time
    if kind == "delay":
        local(cloud, "advance", "10m")
    assert not call(), "without a fault nothing is struck"

    def struck(seed):
        fault = local(cloud, "fault", kind, *KINDS[kind], "--share", "0.5", "--seed", str(seed)).strip()
        got = [call() for _ in range(draws)]
        local(cloud, "heal", fault)
        return got
    first = struck(7)
    assert any(first) and not all(first)
    if kind != "capacity":  # whose groups try again meanwhile, and draw
        assert first == struck(7)
    if kind not in ("capacity", "lose", "hang"):
        assert first != struck(8)

    local(cloud, "fault", kind, *KINDS[kind], "--after", "1h", "--for", "10m")
    assert not call(), "it has not begun"
    local(cloud, "advance", "61m")
    assert call(), "all calls are struck where no share is given"
    local(cloud, "advance", "10m")
    assert not call(), "it is over"
