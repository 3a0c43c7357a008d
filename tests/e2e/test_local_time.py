"""The embedded cloud's clock and its faults, moved and made by windlass local."""

import time
import urllib.error
import urllib.request

import pytest
from cloud import code_of, local
from conftest import wait_for
from fleet import Cloud, Group, processes_of


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "2s")


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs", read_timeout=2, connect_timeout=2)


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def test_hours_pass_in_milliseconds(cloud, sqs):
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    local(cloud, "advance", "11h")
    assert receive(sqs, url) == []
    assert code_of(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=7200) == "InvalidParameterValue"
    local(cloud, "advance", "1h")
    assert receive(sqs, url)[0]["Body"] == "one"
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    assert receive(sqs, url) == []
    local(cloud, "advance", "15m")
    assert receive(sqs, url)[0]["Body"] == "late"
    local(cloud, "advance", "5d")
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert count["ApproximateNumberOfMessages"] == "0", "past its retention"

    ahead = local(cloud, "clock")
    assert ahead.endswith("at rate 1\n")
    cloud.program.stop()
    cloud.start()
    assert local(cloud, "clock")[:13] >= ahead[:13], "it is kept"
    assert "number" in local(cloud, "rate", "0", status=2)


def test_a_long_poll_sees_the_clock_move(cloud, sqs):
    import concurrent.futures
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one", DelaySeconds=600)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(receive, cloud.client("sqs"), url, WaitTimeSeconds=20)
        time.sleep(0.3)
        began = time.monotonic()
        local(cloud, "advance", "10m")
        assert waiting.result()[0]["Body"] == "one" and time.monotonic() - began < 5


def test_a_fast_clock_ends_a_visibility_timeout_soon(programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start("--clock-rate", "100")
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    assert receive(sqs, url, VisibilityTimeout=100) and receive(sqs, url) == []
    began = time.monotonic()
    assert receive(sqs, url, WaitTimeSeconds=10) and time.monotonic() - began < 5
    assert local(cloud, "rate", "1").endswith("rate 1\n")


def test_hooks_run_out_when_the_clock_moves(cloud):
    group = Group(cloud).create(desired=1, LifecycleHookSpecificationList=[{
        "LifecycleHookName": "drain", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", "HeartbeatTimeout": 3600}])
    group.wait(1)
    group.desire(0)
    group.wait(1, "Terminating:Wait")
    local(cloud, "advance", "59m")
    time.sleep(0.3)
    assert group.ids("Terminating:Wait")
    local(cloud, "advance", "2m")
    group.wait_settled(0)


def test_calls_are_throttled_failed_and_lied_to(cloud, sqs):
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    send = lambda: code_of(sqs.send_message, QueueUrl=url, MessageBody="x")  # noqa: E731
    local(cloud, "fault", "throttle", "--service", "sqs", "--action", "SendMessage", "--count", "4")  # each is repeated once
    assert send() == send() == "RequestThrottled"
    sqs.send_message(QueueUrl=url, MessageBody="x")

    fault = local(cloud, "fault", "fail", "--code", "OverLimit", "--action", "SendMessage").strip()
    assert send() == "OverLimit"
    assert f"{fault}  fail  any SendMessage" in local(cloud, "faults")
    local(cloud, "fault", "lie", "--value", "7", "--for", "1m")
    counted = lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]  # noqa: E731
    assert counted() == "7"
    local(cloud, "advance", "2m")
    assert counted() == "1"
    assert local(cloud, "heal", fault) == "1 faults taken away\n"
    sqs.send_message(QueueUrl=url, MessageBody="x")
    local(cloud, "heal")
    assert local(cloud, "faults") == ""

    s3 = cloud.client("s3")
    local(cloud, "fault", "throttle", "--service", "s3", "--action", "PUT", "--count", "2")
    assert code_of(s3.create_bucket, Bucket="videos") == "SlowDown"
    s3.create_bucket(Bucket="videos")
    assert "Kind" in local(cloud, "fault", "nonsense", status=2)
    assert "endpoint" in cloud.programs.call("windlass", "local", "clock", env={"AWS_ENDPOINT_URL": ""}).stderr


def test_a_share_of_calls_is_the_same_for_a_seed(cloud, sqs):
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]

    def struck():
        local(cloud, "heal")
        local(cloud, "fault", "fail", "--share", "0.5", "--seed", "42", "--action", "SendMessage", "--code", "OverLimit")
        got = []
        for _ in range(20):
            try:
                sqs.send_message(QueueUrl=url, MessageBody="x")
                got.append(False)
            except sqs.exceptions.ClientError:
                got.append(True)
        return got
    first = struck()
    assert first == struck() and 2 < sum(first) < 18


def test_replies_are_lost_late_and_doubled(cloud, sqs):
    from botocore.exceptions import ReadTimeoutError
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    local(cloud, "fault", "lose", "--action", "SendMessage", "--count", "2")  # boto3 repeats it once
    with pytest.raises(ReadTimeoutError):
        sqs.send_message(QueueUrl=url, MessageBody="done")
    done = receive(sqs, url, MaxNumberOfMessages=10)
    assert [m["Body"] for m in done] == ["done", "done"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=done[0]["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=done[1]["ReceiptHandle"], VisibilityTimeout=0)

    local(cloud, "fault", "hang", "--value", "500", "--action", "ListQueues", "--count", "1")
    began = time.monotonic()
    assert sqs.list_queues()["QueueUrls"] == [url] and time.monotonic() - began >= 0.5
    local(cloud, "fault", "hang", "--action", "ListQueues", "--count", "2")
    with pytest.raises(ReadTimeoutError):
        sqs.list_queues()

    local(cloud, "fault", "twice", "--count", "1")
    one, two = receive(sqs, url, MaxNumberOfMessages=10), receive(sqs, url, MaxNumberOfMessages=10)
    assert [m["Body"] for m in one + two] == ["done", "done"] and receive(sqs, url) == []
    local(cloud, "fault", "hang")
    cloud.program.stop()


def notice_of(instance, path):
    environment = next(open(f"/proc/{pid}/environ").read() for pid in processes_of(instance))
    base = dict(v.split("=", 1) for v in environment.split("\0") if "=" in v)["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
    token = urllib.request.urlopen(urllib.request.Request(
        base + "/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})).read().decode()
    try:
        return urllib.request.urlopen(urllib.request.Request(
            base + "/latest/meta-data/" + path, headers={"X-aws-ec2-metadata-token": token})).read().decode()
    except urllib.error.HTTPError as e:
        return e.code


def test_spot_instances_are_warned_taken_and_replaced(cloud):
    group = Group(cloud).create(desired=1)
    instance = group.wait(1)[0]
    assert notice_of(instance, "spot/instance-action") == 404
    local(cloud, "rebalance", instance)
    assert "noticeTime" in notice_of(instance, "events/recommendations/rebalance")
    local(cloud, "interrupt", instance)
    assert '"action": "terminate"' in notice_of(instance, "spot/instance-action")
    assert notice_of(instance, "spot/termination-time").endswith("Z")
    local(cloud, "advance", "119s")
    assert group.ids("InService") == [instance]
    local(cloud, "advance", "2s")
    wait_for(lambda: group.ids("InService") not in ([], [instance]), "replacement")
    assert "spot interruption" in " ".join(a["Cause"] for a in group.activities())
    assert "no instance" in local(cloud, "interrupt", "i-0000", status=2)


def test_capacity_is_refused_for_a_while(cloud):
    local(cloud, "fault", "capacity", "--for", "1h")
    group = Group(cloud).create(desired=1)
    failed = wait_for(lambda: [a for a in group.activities() if a["StatusCode"] == "Failed"], "failed launch")[0]
    assert "sufficient capacity" in failed["StatusMessage"]
    local(cloud, "advance", "2h")
    group.wait(1)
