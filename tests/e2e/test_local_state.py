"""Snapshots of the embedded cloud, starts from one, and resets."""

import pytest
from cloud import Cloud as Plain
from cloud import code_of
from conftest import wait_for
from fleet import Cloud, Group, wait_gone


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


def local(cloud, *arguments, status=0):
    done = cloud.programs.call("windlass", "local", *arguments, env=cloud.environment)
    assert done.returncode == status, done.stderr
    return done.stderr


def fill(cloud):
    sqs, s3 = cloud.client("sqs"), cloud.client("s3")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    s3.create_bucket(Bucket="films")
    s3.put_object(Bucket="films", Key="a/b", Body=b"x" * 200000)
    cloud.client("cloudwatch").put_metric_alarm(AlarmName="late", Namespace="n", MetricName="m", Statistic="Sum",
                                                Period=60, EvaluationPeriods=1, Threshold=1,
                                                ComparisonOperator="GreaterThanThreshold")
    return Group(cloud).create(desired=1)


def track(group):
    group.api.put_scaling_policy(AutoScalingGroupName=group.name, PolicyName="track", PolicyType="TargetTrackingScaling",
                                 TargetTrackingConfiguration={"TargetValue": 5, "CustomizedMetricSpecification": {
                                     "Namespace": "n", "MetricName": "m", "Statistic": "Sum"}})


def held(cloud):
    sqs, s3 = cloud.client("sqs"), cloud.client("s3")
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    return (sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["Body"],
            len(s3.get_object(Bucket="films", Key="a/b")["Body"].read()),
            cloud.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmName"])


def test_a_snapshot_is_a_start(cloud, programs, tmp_path):
    (instance,) = fill(cloud).wait(1)
    snapshot = tmp_path / "snapshot"
    local(cloud, "snapshot", snapshot)
    assert "there already" in local(cloud, "snapshot", snapshot, status=2)
    cloud.client("s3").delete_object(Bucket="films", Key="a/b")  # the snapshot keeps its own
    for kind in ("folder", "memory"):
        other = Cloud(programs, tmp_path / kind)
        (tmp_path / kind).mkdir()
        other.start("--from", snapshot, "--stop-grace", "20s", *(["--memory"] if kind == "memory" else []))
        assert other.keys == cloud.keys, "clients keep their keys"
        assert held(other) == ("one", 200000, "late")
        group = Group(other)
        wait_for(lambda: group.ids("InService") not in ([], [instance]), "an instance of its own")
        assert Group(cloud).ids("InService") == [instance], "and the other's is left alone"
        other.program.stop()
    refused = programs.call("windlass-local", "--state", cloud.state, "--from", snapshot)
    assert refused.returncode != 0
    again = programs.call("windlass-local", "--state", tmp_path / "folder" / "state", "--from", snapshot)
    assert again.returncode == 2 and "--from is for a new one" in again.stderr


def test_a_reset_empties(cloud):
    group = fill(cloud)
    (instance,) = group.wait(1)
    local(cloud, "fault", "throttle", "--action", "SendMessage")
    local(cloud, "reset", "--service", "sqs")
    sqs, s3, cloudwatch = cloud.client("sqs"), cloud.client("s3"), cloud.client("cloudwatch")
    assert "QueueUrls" not in sqs.list_queues()
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]  # at once, without the minute of rest
    assert code_of(sqs.send_message, QueueUrl=url, MessageBody="x") == "RequestThrottled", "faults stay"
    assert s3.list_buckets()["Buckets"] and group.ids() == [instance]
    local(cloud, "reset")
    assert sqs.list_queues().get("QueueUrls") is None and s3.list_buckets()["Buckets"] == []
    assert not list((cloud.state / "s3").iterdir())
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    wait_gone(instance)
    group.create(desired=0)
    track(group)
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 2
    local(cloud, "reset", "--service", "autoscaling")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == [], "those of a policy go with it"
    group.create(desired=1)  # of the same names
    group.wait(1)
    sqs.create_queue(QueueName="jobs")
    sqs.send_message(QueueUrl=url, MessageBody="two")
    assert "OnService" in local(cloud, "reset", "--service", "ec2", status=2)
    cloud.program.kill()
    cloud.start("--stop-grace", "20s")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "two"


def test_a_reset_ends_long_polls(programs, tmp_path):
    import concurrent.futures
    cloud = Plain(programs, tmp_path).start("--memory")
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waits = pool.submit(code_of, cloud.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=20)

        def ended():
            local(cloud, "reset", "--service", "sqs")
            if not waits.done():
                sqs.create_queue(QueueName="jobs")
            return waits.done()
        wait_for(ended, "end of the poll")
        assert waits.result() == "AWS.SimpleQueueService.NonExistentQueue"
